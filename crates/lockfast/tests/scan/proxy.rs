//! A proxy that stands between the scanner and the server, and does what networks and services do.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tiny_http::{Header, Request, Response, Server};

/// A request, as far as a fault depends on it.
pub struct Asked {
    /// How many came before it.
    pub number: usize,
    /// The service of the credential scope, such as `kms`.
    pub service: String,
    /// The operation: `GetKeyPolicy`, or method and path (with query) where the protocol has no name for it.
    pub operation: String,
}

/// What the proxy does with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Hands it on.
    None,
    /// Hands it on, after a while.
    Delay(Duration),
    /// Answers with an error of the service's protocol.
    Error(u16, &'static str),
    /// Gives this status and body in place of the answer.
    Body(u16, &'static str),
    /// Hands it on and cuts the answer in the middle, and the connection.
    Cut,
    /// Closes the connection without an answer.
    Close,
}

/// A running proxy; it stops when it is dropped.
pub struct Proxy {
    pub url: String,
    requests: Arc<AtomicUsize>,
    server: Arc<Server>,
}

impl Proxy {
    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        for _ in 0..WORKERS {
            self.server.unblock();
        }
    }
}

/// As many requests as are handled at once.
const WORKERS: usize = 32;

/// Starts a proxy before a server.
pub fn start(upstream: &str, fault: impl Fn(&Asked) -> Fault + Send + Sync + 'static) -> Proxy {
    let server = Arc::new(Server::http("127.0.0.1:0").expect("a port"));
    let url = format!("http://{}", server.server_addr());
    let requests = Arc::new(AtomicUsize::new(0));
    let fault = Arc::new(fault);
    let client: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .build()
        .into();
    for _ in 0..WORKERS {
        let (server, requests, fault, upstream, client) = (
            server.clone(),
            requests.clone(),
            fault.clone(),
            upstream.to_owned(),
            client.clone(),
        );
        std::thread::spawn(move || {
            while let Ok(request) = server.recv() {
                let number = requests.fetch_add(1, Ordering::Relaxed);
                pass(request, number, &*fault, &upstream, &client);
            }
        });
    }
    Proxy {
        url,
        requests,
        server,
    }
}

fn header<'r>(request: &'r Request, name: &'static str) -> Option<&'r str> {
    let mut named = request.headers().iter().filter(|h| h.field.equiv(name));
    named.next().map(|header| header.value.as_str())
}

/// What a request asks.
fn asked(request: &Request, body: &[u8], number: usize) -> Asked {
    let service = header(request, "Authorization")
        .and_then(|scope| scope.split("Credential=").nth(1)?.split('/').nth(3))
        .unwrap_or_default()
        .to_owned();
    let text = String::from_utf8_lossy(body);
    let named = || {
        text.split('&')
            .find_map(|pair| pair.strip_prefix("Action="))
    };
    let operation = header(request, "X-Amz-Target")
        .and_then(|target| target.rsplit('.').next())
        .or_else(named)
        .map(str::to_owned)
        .unwrap_or_else(|| format!("{} {}", request.method(), request.url()));
    Asked {
        number,
        service,
        operation,
    }
}

fn pass(
    mut request: Request,
    number: usize,
    fault: &(dyn Fn(&Asked) -> Fault + Send + Sync),
    upstream: &str,
    client: &ureq::Agent,
) {
    let mut body = Vec::new();
    if request.as_reader().read_to_end(&mut body).is_err() {
        return;
    }
    let asked = asked(&request, &body, number);
    let fault = fault(&asked);
    match fault {
        Fault::Close => drop(request.into_writer()),
        Fault::Error(status, code) => {
            let _ = request.respond(error(&asked.service, status, code));
        }
        Fault::Body(status, text) => {
            let kind = Header::from_bytes("content-type", "application/x-amz-json-1.1");
            let response = Response::from_string(text)
                .with_status_code(status)
                .with_header(kind.expect("a header"));
            let _ = request.respond(response);
        }
        Fault::Delay(time) => {
            std::thread::sleep(time);
            hand_on(request, body, upstream, client, false);
        }
        Fault::None => hand_on(request, body, upstream, client, false),
        Fault::Cut => hand_on(request, body, upstream, client, true),
    }
}

/// Asks the server and gives its answer, whole or cut in the middle.
fn hand_on(request: Request, body: Vec<u8>, upstream: &str, client: &ureq::Agent, cut: bool) {
    let mut onward = ureq::http::Request::builder()
        .method(request.method().as_str())
        .uri(format!("{upstream}{}", request.url()));
    for header in request.headers() {
        let name = header.field.as_str().as_str();
        if !["content-length", "connection", "transfer-encoding"]
            .contains(&name.to_ascii_lowercase().as_str())
        {
            onward = onward.header(name, header.value.as_str());
        }
    }
    let Ok(onward) = onward.body(body) else {
        return;
    };
    let Ok(mut answer) = client.run(onward) else {
        return;
    };
    let mut bytes = Vec::new();
    if answer
        .body_mut()
        .as_reader()
        .read_to_end(&mut bytes)
        .is_err()
    {
        return;
    }
    let status = answer.status().as_u16();
    if cut {
        let mut writer = request.into_writer();
        let head = format!(
            "HTTP/1.1 {status} Fine\r\ncontent-length: {}\r\ncontent-type: text/plain\r\n\r\n",
            bytes.len().max(1)
        );
        let _ = writer.write_all(head.as_bytes());
        let _ = writer.write_all(&bytes[..bytes.len() / 2]);
        return;
    }
    let mut response = Response::from_data(bytes).with_status_code(status);
    for (name, value) in answer.headers() {
        let name = name.as_str();
        if ["connection", "transfer-encoding", "content-length"].contains(&name) {
            continue;
        }
        if let Ok(header) = Header::from_bytes(name, value.as_bytes()) {
            response.add_header(header);
        }
    }
    let _ = request.respond(response);
}

/// An error as the service's protocol writes it.
fn error(service: &str, status: u16, code: &str) -> Response<std::io::Cursor<Vec<u8>>> {
    let (kind, body) = match service {
        "s3" => (
            "application/xml",
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>no</Message></Error>"
            ),
        ),
        "ec2" => (
            "text/xml",
            format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors><RequestID>r</RequestID></Response>"
            ),
        ),
        "iam"
        | "sts"
        | "rds"
        | "sns"
        | "elasticloadbalancing"
        | "elasticache"
        | "redshift"
        | "cloudformation"
        | "cloudfront" => (
            "text/xml",
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>"
            ),
        ),
        _ => (
            "application/x-amz-json-1.1",
            format!("{{\"__type\":\"{code}\",\"message\":\"no\"}}"),
        ),
    };
    let mut response = Response::from_string(body).with_status_code(status);
    for (name, value) in [
        ("content-type", kind.to_owned()),
        ("x-amzn-errortype", code.to_owned()),
        ("x-amzn-query-error", format!("{code};Sender")),
    ] {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    response
}
