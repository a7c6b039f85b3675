//! A proxy that stands between the scanner and the server, and does what networks and services do.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

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
    /// Hands it on and gives this status and body in place of the answer.
    Body(u16, &'static str),
    /// Hands it on and cuts the answer in the middle, and the connection.
    Cut,
    /// Closes the connection without an answer.
    Close,
}

/// A running proxy; it ends with the runtime that it is given.
pub struct Proxy {
    pub url: String,
    requests: Arc<AtomicUsize>,
}

impl Proxy {
    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

/// Starts a proxy before a server.
pub fn start(
    runtime: &tokio::runtime::Runtime,
    upstream: &str,
    fault: impl Fn(&Asked) -> Fault + Send + Sync + 'static,
) -> Proxy {
    let requests = Arc::new(AtomicUsize::new(0));
    let (fault, counter, upstream) = (Arc::new(fault), requests.clone(), upstream.to_owned());
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0)))
        .expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    runtime.spawn(async move {
        let client: Client<HttpConnector, Full<Bytes>> =
            Client::builder(TokioExecutor::new()).build_http();
        while let Ok((stream, _)) = listener.accept().await {
            let (fault, counter, upstream, client) = (
                fault.clone(),
                counter.clone(),
                upstream.clone(),
                client.clone(),
            );
            let service = service_fn(move |request| {
                let (fault, counter, upstream, client) = (
                    fault.clone(),
                    counter.clone(),
                    upstream.clone(),
                    client.clone(),
                );
                async move {
                    let number = counter.fetch_add(1, Ordering::Relaxed);
                    pass(request, number, &*fault, &upstream, &client).await
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    Proxy { url, requests }
}

/// The connection is closed when this is the answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed on purpose")
    }
}

impl std::error::Error for Closed {}

/// A body that is there, or breaks off.
type Body = http_body_util::combinators::BoxBody<Bytes, Closed>;

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

async fn pass(
    request: Request<Incoming>,
    number: usize,
    fault: &(dyn Fn(&Asked) -> Fault + Send + Sync),
    upstream: &str,
    client: &Client<HttpConnector, Full<Bytes>>,
) -> Result<Response<Body>, Closed> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
    let scope = header("authorization").unwrap_or_default();
    let service = scope
        .split("Credential=")
        .nth(1)
        .and_then(|scope| scope.split('/').nth(3))
        .unwrap_or_default()
        .to_owned();
    let text = String::from_utf8_lossy(&body);
    let named = text
        .split('&')
        .find_map(|pair| pair.strip_prefix("Action="))
        .map(str::to_owned);
    let operation = header("x-amz-target")
        .and_then(|target| target.rsplit('.').next())
        .map(str::to_owned)
        .or(named)
        .unwrap_or_else(|| format!("{} {}", parts.method, parts.uri));
    let asked = Asked {
        number,
        service,
        operation,
    };
    let fault = fault(&asked);
    match &fault {
        Fault::Close => return Err(Closed),
        Fault::Delay(time) => tokio::time::sleep(*time).await,
        Fault::Error(status, code) => return Ok(error(&asked.service, *status, code)),
        _ => {}
    }
    let target = format!("{upstream}{}", parts.uri);
    let mut onward = Request::builder().method(parts.method.clone()).uri(target);
    for (name, value) in &parts.headers {
        onward = onward.header(name, value);
    }
    let onward = onward.body(Full::new(body.clone())).map_err(|_| Closed)?;
    let answer = client.request(onward).await.map_err(|_| Closed)?;
    let (head, answered) = answer.into_parts();
    let answered = answered.collect().await.map_err(|_| Closed)?.to_bytes();
    let mut response = Response::builder().status(head.status);
    for (name, value) in &head.headers {
        if !matches!(
            name.as_str(),
            "connection" | "transfer-encoding" | "content-length"
        ) {
            response = response.header(name, value);
        }
    }
    match fault {
        Fault::Body(status, text) => Response::builder()
            .status(status)
            .header("content-type", "application/x-amz-json-1.1")
            .body(full(Bytes::from_static(text.as_bytes())))
            .map_err(|_| Closed),
        Fault::Cut => {
            let half = answered.slice(..answered.len() / 2);
            let length = answered.len().max(1);
            let broken = http_body_util::StreamBody::new(futures_of([
                Ok(hyper::body::Frame::data(half)),
                Err(Closed),
            ]));
            response
                .header("content-length", length)
                .body(BodyExt::boxed(broken))
                .map_err(|_| Closed)
        }
        _ => response.body(full(answered)).map_err(|_| Closed),
    }
}

fn futures_of<T, const N: usize>(items: [T; N]) -> impl futures::Stream<Item = T> {
    futures::stream::iter(items)
}

/// An error as the service's protocol writes it.
fn error(service: &str, status: u16, code: &str) -> Response<Body> {
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
    Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("x-amzn-errortype", code)
        .header("x-amzn-query-error", format!("{code};Sender"))
        .body(full(Bytes::from(body)))
        .expect("a response")
}
