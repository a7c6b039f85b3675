//! A server between the scanner and another one: it hands requests on, and does with them and their answers what a test wants.

use crate::cbor;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tiny_http::{Header, Request, Response, Server};

/// A request, as far as its answer depends on it.
pub struct Asked {
    /// How many came before it.
    pub number: usize,
    /// The service of the credential scope, such as `kms`.
    pub service: String,
    /// The region of the credential scope.
    pub region: String,
    /// The access key, by which moto tells accounts apart.
    pub access_key: String,
    /// The operation: `GetKeyPolicy`, or method and path (with query) where the protocol has no name for it.
    pub operation: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// An answer, whole.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer of a content type.
    pub fn of(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
        Answer {
            status,
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body: body.into(),
        }
    }

    /// An error as the service's protocol writes it.
    pub fn error(service: &str, status: u16, code: &str) -> Answer {
        let error =
            format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error>");
        let mut answer = match service {
            "s3" => Answer::of(
                status,
                "application/xml",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>no</Message></Error>"
                ),
            ),
            "ec2" => Answer::of(
                status,
                "text/xml",
                format!("<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>"),
            ),
            "iam"
            | "sts"
            | "rds"
            | "sns"
            | "elasticloadbalancing"
            | "elasticache"
            | "redshift"
            | "cloudformation"
            | "cloudfront" => Answer::of(
                status,
                "text/xml",
                format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"),
            ),
            "monitoring" => {
                let body = serde_json::json!({"__type": code, "message": "no"});
                let mut answer = Answer::of(status, "application/cbor", cbor::encode(&body));
                answer.set("smithy-protocol", "rpc-v2-cbor");
                return answer;
            }
            _ => Answer::of(
                status,
                "application/x-amz-json-1.1",
                format!("{{\"__type\":\"{code}\",\"message\":\"no\"}}"),
            ),
        };
        answer.set("x-amzn-errortype", code);
        answer.set("x-amzn-query-error", &format!("{code};Sender"));
        answer
    }

    /// Sets a header.
    pub fn set(&mut self, name: &str, value: &str) {
        self.headers
            .retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn respond(self, request: Request) {
        let mut response = Response::from_data(self.body).with_status_code(self.status);
        for (name, value) in self.headers {
            if let Ok(header) = Header::from_bytes(name, value) {
                response.add_header(header);
            }
        }
        let _ = request.respond(response);
    }
}

/// What becomes of a request.
pub enum Reply {
    Answer(Answer),
    /// The answer's first half, and then nothing: the connection ends.
    Half(Answer),
    /// Nothing.
    Close,
}

/// The server behind.
pub struct Upstream {
    url: String,
    client: ureq::Agent,
}

impl Upstream {
    pub fn new(url: &str) -> Upstream {
        let client = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .build()
            .into();
        Upstream {
            url: url.to_owned(),
            client,
        }
    }

    /// Hands a request on.
    pub fn pass(&self, asked: &Asked) -> Option<Answer> {
        let headers = asked
            .headers
            .iter()
            .map(|(name, value)| (&**name, &**value));
        self.send(&asked.method, &asked.url, headers, &asked.body)
    }

    /// Asks something of its own.
    pub fn send<'a>(
        &self,
        method: &str,
        url: &str,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
        body: &[u8],
    ) -> Option<Answer> {
        let mut onward = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{url}", self.url));
        for (name, value) in headers {
            if !is_of_the_connection(name) {
                onward = onward.header(name, value);
            }
        }
        let mut answer = self.client.run(onward.body(body.to_vec()).ok()?).ok()?;
        let mut bytes = Vec::new();
        answer.body_mut().as_reader().read_to_end(&mut bytes).ok()?;
        let headers = answer.headers().iter();
        let headers = headers.filter(|(name, _)| !is_of_the_connection(name.as_str()));
        let headers = headers
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
        Some(Answer {
            status: answer.status().as_u16(),
            headers: headers.collect(),
            body: bytes,
        })
    }
}

fn is_of_the_connection(header: &str) -> bool {
    ["content-length", "connection", "transfer-encoding"]
        .iter()
        .any(|own| header.eq_ignore_ascii_case(own))
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
pub fn serve(
    upstream: &str,
    handle: impl Fn(&Asked, &Upstream) -> Reply + Send + Sync + 'static,
) -> Proxy {
    let server = Arc::new(Server::http("127.0.0.1:0").expect("a port"));
    let inner = server.server_addr().to_ip().expect("an address of IP");
    let wires = Wires::default();
    let url = format!("http://{}", wires.listen(inner));
    let requests = Arc::new(AtomicUsize::new(0));
    let shared = Arc::new((handle, Upstream::new(upstream)));
    for _ in 0..WORKERS {
        let (server, requests, shared) = (server.clone(), requests.clone(), shared.clone());
        let wires = wires.clone();
        std::thread::spawn(move || {
            while let Ok(mut request) = server.recv() {
                let number = requests.fetch_add(1, Ordering::Relaxed);
                let mut body = Vec::new();
                if request.as_reader().read_to_end(&mut body).is_err() {
                    continue;
                }
                let asked = asked(&request, body, number);
                let (handle, upstream) = &*shared;
                match handle(&asked, upstream) {
                    Reply::Answer(answer) => answer.respond(request),
                    Reply::Half(answer) => {
                        let client = request.remote_addr().copied();
                        half(request, &answer);
                        wires.cut(client);
                    }
                    Reply::Close => wires.cut(request.remote_addr().copied()),
                }
            }
        });
    }
    Proxy {
        url,
        requests,
        server,
    }
}

/// The connections of clients, by the address under which the server knows them. The server itself has no way to end one
/// in the middle of an answer.
#[derive(Clone, Default)]
struct Wires(Arc<Mutex<HashMap<SocketAddr, TcpStream>>>);

impl Wires {
    /// Hands on what comes; the address to connect to.
    fn listen(&self, inner: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let wires = self.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let _ = wires.connect(client, inner);
            }
        });
        address
    }

    fn connect(&self, client: TcpStream, inner: SocketAddr) -> std::io::Result<()> {
        let server = TcpStream::connect(inner)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let known_as = server.local_addr()?;
        self.0
            .lock()
            .expect("no panic")
            .insert(known_as, client.try_clone()?);
        let (mut asks, mut asked) = (client.try_clone()?, server.try_clone()?);
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut asks, &mut asked);
            let _ = asked.shutdown(Shutdown::Write);
        });
        let (mut answers, mut answered) = (server, client);
        let wires = self.clone();
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut answers, &mut answered);
            wires.cut(Some(known_as));
        });
        Ok(())
    }

    fn cut(&self, known_as: Option<SocketAddr>) {
        let wire = known_as.and_then(|address| self.0.lock().expect("no panic").remove(&address));
        if let Some(wire) = wire {
            let _ = wire.shutdown(Shutdown::Both);
        }
    }
}

fn half(request: Request, answer: &Answer) {
    let mut writer = request.into_writer();
    let head = format!(
        "HTTP/1.1 {} Fine\r\ncontent-length: {}\r\ncontent-type: text/plain\r\n\r\n",
        answer.status,
        answer.body.len().max(1)
    );
    let _ = writer.write_all(head.as_bytes());
    let _ = writer.write_all(&answer.body[..answer.body.len() / 2]);
    let _ = writer.flush();
    // It goes through another socket before it reaches the client.
    std::thread::sleep(Duration::from_millis(5));
}

/// What a request asks.
fn asked(request: &Request, body: Vec<u8>, number: usize) -> Asked {
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|header| (header.field.to_string(), header.value.to_string()))
        .collect();
    let header = |name: &str| {
        let mut named = headers
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    };
    // KEY/DATE/REGION/SERVICE/aws4_request
    let scope: Vec<String> = header("Authorization")
        .and_then(|scope| scope.split("Credential=").nth(1))
        .map(|scope| scope.split('/').map(str::to_owned).collect())
        .unwrap_or_default();
    let of_scope = |part: usize| scope.get(part).cloned().unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let in_body = || {
        text.split('&')
            .find_map(|pair| pair.strip_prefix("Action="))
    };
    let in_path = || {
        let (_, operation) = request.url().rsplit_once("/operation/")?;
        request.url().starts_with("/service/").then_some(operation)
    };
    let operation = header("X-Amz-Target")
        .and_then(|target| target.rsplit('.').next())
        .or_else(in_body)
        .or_else(in_path)
        .map(str::to_owned)
        .unwrap_or_else(|| format!("{} {}", request.method(), request.url()));
    Asked {
        number,
        service: of_scope(3),
        region: of_scope(2),
        access_key: of_scope(0),
        operation,
        method: request.method().to_string(),
        url: request.url().to_owned(),
        headers,
        body,
    }
}

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing: it is handed on.
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

/// Starts a proxy that does wrong before a server.
pub fn start(upstream: &str, fault: impl Fn(&Asked) -> Fault + Send + Sync + 'static) -> Proxy {
    serve(upstream, move |asked, upstream| {
        let pass = || upstream.pass(asked);
        match fault(asked) {
            Fault::None => pass().map_or(Reply::Close, Reply::Answer),
            Fault::Delay(time) => {
                std::thread::sleep(time);
                pass().map_or(Reply::Close, Reply::Answer)
            }
            Fault::Error(status, code) => {
                Reply::Answer(Answer::error(&asked.service, status, code))
            }
            Fault::Body(status, text) => {
                Reply::Answer(Answer::of(status, "application/x-amz-json-1.1", text))
            }
            Fault::Cut => pass().map_or(Reply::Close, Reply::Half),
            Fault::Close => Reply::Close,
        }
    })
}
