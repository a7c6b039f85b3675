//! The way every call takes: journal, budget, network, and the numbers on the way.

use crate::budget::Budgets;
use crate::journal::{Answer, Journal, RequestKey, request_key};
use crate::progress::Progress;
use aws_smithy_runtime_api::client::http::HttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Requests under way at once, over everything.
const IN_FLIGHT: usize = 64;
/// No answer that a scan asks for is this large.
const LARGEST_ANSWER: usize = 64 << 20;
/// A service that is asked for one page again and again never ends its list.
const SAME_REQUEST: u32 = 30;

tokio::task_local! {
    /// The call that requests of this task belong to.
    pub(crate) static CALL: Call;
}

/// A call of a reader, which may take several requests.
#[derive(Clone)]
pub(crate) struct Call {
    /// The IAM action.
    pub action: &'static str,
    /// Whether its answers may hold secrets.
    pub secret: bool,
    /// The pages it may still take.
    pub pages_left: Arc<AtomicU32>,
    /// Whether an answer to it came out of the journal.
    pub replayed: Arc<AtomicBool>,
    /// Whether it asks again what the journal has.
    pub afresh: bool,
}

/// What all requests of a scan share.
pub(crate) struct Shared {
    pub http: SharedHttpClient,
    /// None where nothing is gone on with.
    pub journal: Option<Journal>,
    pub budgets: Budgets,
    pub progress: Progress,
    in_flight: Semaphore,
}

impl Shared {
    pub(crate) fn new(
        http: SharedHttpClient,
        journal: Option<Journal>,
        budgets: Budgets,
        progress: Progress,
    ) -> Self {
        Shared {
            http,
            journal,
            budgets,
            progress,
            in_flight: Semaphore::new(IN_FLIGHT),
        }
    }
}

/// The HTTP client of one account, region and service.
pub(crate) fn client(
    shared: Arc<Shared>,
    account: &str,
    region: &str,
    service: &'static str,
) -> SharedHttpClient {
    let place = Arc::new(Gate {
        shared: shared.clone(),
        account: account.to_owned(),
        region: region.to_owned(),
        service,
        asked: Mutex::default(),
    });
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(Connector {
            gate: place.clone(),
            inner: shared.http.http_connector(settings, components),
        })
    })
}

struct Gate {
    shared: Arc<Shared>,
    account: String,
    region: String,
    service: &'static str,
    /// How often each request was answered.
    asked: Mutex<HashMap<RequestKey, u32>>,
}

struct Connector {
    gate: Arc<Gate>,
    inner: SharedHttpConnector,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (gate, inner) = (self.gate.clone(), self.inner.clone());
        // Requests for credentials belong to no call, and their answers are nobody's business.
        let call = CALL.try_with(Clone::clone).ok();
        HttpConnectorFuture::new(async move {
            match call {
                Some(call) => gate.pass(call, request, &inner).await,
                None => inner.call(request).await,
            }
        })
    }
}

impl Gate {
    async fn pass(
        &self,
        call: Call,
        request: HttpRequest,
        inner: &SharedHttpConnector,
    ) -> Result<HttpResponse, ConnectorError> {
        let shared = &self.shared;
        let key = self.key(&request);
        self.not_endless(&call, &key)?;
        if !call.afresh
            && let Some(journal) = &shared.journal
            && let Some(answer) = journal.answer(&key)
        {
            shared.progress.replayed(1);
            call.replayed.store(true, Ordering::Relaxed);
            return response(answer);
        }
        shared
            .budgets
            .wait(&self.account, &self.region, call.action)
            .await;
        let permit = shared.in_flight.acquire().await;
        shared.progress.requests(1);
        let has_no_body = request.method() == "HEAD";
        let received = inner.call(request).await?;
        let answer = whole(received).await?;
        if answer.body.is_empty() && matches!(answer.status, 200..=299) && !has_no_body {
            // Every answer to a question has a body; the SDK would take none for "nothing there".
            return Err(ConnectorError::io("an empty answer".into()));
        }
        drop(permit);
        if is_throttled(&answer) {
            shared.progress.throttled(1);
        }
        if let Some(journal) = &shared.journal
            && !call.secret
            && is_final(&answer)
        {
            journal.keep(&key, &answer).map_err(|error| {
                ConnectorError::other(format!("cannot keep the answer: {error}").into(), None)
            })?;
        }
        response(answer)
    }

    /// What makes two requests the same: everything but who signed it and when.
    fn key(&self, request: &HttpRequest) -> RequestKey {
        let header = |name| request.headers().get(name).unwrap_or_default();
        request_key(&[
            self.account.as_bytes(),
            self.region.as_bytes(),
            self.service.as_bytes(),
            request.method().as_bytes(),
            request.uri().as_bytes(),
            header("x-amz-target").as_bytes(),
            request.body().bytes().unwrap_or_default(),
        ])
    }

    fn not_endless(&self, call: &Call, key: &RequestKey) -> Result<(), ConnectorError> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let times = asked.entry(*key).or_default();
        *times += 1;
        let over = *times > SAME_REQUEST;
        drop(asked);
        let take_one = |left: u32| left.checked_sub(1);
        let out_of_pages = call
            .pages_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one)
            .is_err();
        if over || out_of_pages {
            let message = "the list never ends";
            return Err(ConnectorError::user(Endless(message).into()));
        }
        Ok(())
    }
}

/// A list that never ends.
#[derive(Debug)]
pub(crate) struct Endless(&'static str);

impl std::fmt::Display for Endless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Endless {}

/// Reads the whole body, so that a connection that is cut fails here, where it can be tried again.
async fn whole(mut response: HttpResponse) -> Result<Answer, ConnectorError> {
    let headers = response
        .headers()
        .iter()
        .filter(|(name, _)| !matches!(*name, "set-cookie" | "transfer-encoding" | "connection"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let status = response.status().as_u16();
    let mut stream = ByteStream::new(response.take_body());
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| ConnectorError::io(error.into()))?;
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_ANSWER {
            return Err(ConnectorError::user("the answer is too large".into()));
        }
    }
    Ok(Answer {
        status,
        headers,
        body,
    })
}

fn response(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(answer.status)
        .map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    for (name, value) in answer.headers {
        // A header that is no valid header carries nothing the SDK reads.
        let _ = response.headers_mut().try_append(name, value);
    }
    Ok(response)
}

fn is_throttled(answer: &Answer) -> bool {
    matches!(answer.status, 429 | 503)
        || (answer.status == 400
            && [
                "Throttl",
                "TooManyRequests",
                "RequestLimitExceeded",
                "SlowDown",
            ]
            .iter()
            .any(|word| contains(&answer.body, word)))
}

/// Whether asking again would give the same: an answer, or an error that is one (no such policy). Denials are not:
/// whoever goes on with a scan may have mended them.
fn is_final(answer: &Answer) -> bool {
    let denied = [
        "AccessDenied",
        "Unauthorized",
        "Expired",
        "InvalidClientToken",
        "NotAuthorized",
        "UnrecognizedClient",
    ];
    match answer.status {
        200..=299 => true,
        404 => true,
        400 => !is_throttled(answer) && !denied.iter().any(|word| contains(&answer.body, word)),
        _ => false,
    }
}

fn contains(body: &[u8], word: &str) -> bool {
    let head = &body[..body.len().min(4096)];
    head.windows(word.len())
        .any(|window| window == word.as_bytes())
}
