//! What a reader works with: one service in one account and region.

use crate::gate::{self, CALL, Call, Shared};
use crate::options::ScanOptions;
use crate::props::Props;
use crate::readers::{Reader, SAMPLING};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::future::pagination_stream::PaginationStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;
use aws_types::region::Region;
use futures::StreamExt;
use lockfast_snapshot::{CallCount, Failure, Found, GAP, Unit};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::error::Error as StdError;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Calls about single resources under way at once, in one unit.
const AT_ONCE: usize = 16;

/// An account as the scan reaches it.
pub(crate) struct AccountAccess {
    pub id: String,
    pub partition: String,
    pub credentials: SharedCredentialsProvider,
    /// Region by region: the tags of everything.
    pub tags: Mutex<HashMap<String, Arc<OnceCell<Tags>>>>,
}

/// Tags by ARN, or why they are not known.
pub(crate) type Tags = Result<HashMap<String, Vec<(String, String)>>, Failure>;

/// A unit's context: cheap to clone.
#[derive(Clone)]
pub(crate) struct Cx(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub reader: &'static Reader,
    pub account: Arc<AccountAccess>,
    /// The region, or `global`.
    pub region: String,
    /// The region whose endpoint a global service is asked at.
    pub home: String,
    /// The regions that the scan covers.
    pub regions: Vec<String>,
    pub base: SdkConfig,
    pub shared: Arc<Shared>,
    pub options: Arc<ScanOptions>,
    pub found: Mutex<Vec<Found>>,
    pub calls: Mutex<BTreeMap<String, CallCount>>,
}

/// All items of a list, page by page.
macro_rules! items {
    ($request:expr) => {{
        let request = $request;
        move || {
            request
                .clone()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .items()
                .send()
        }
    }};
}
pub(crate) use items;

/// All pages of a list.
macro_rules! pages {
    ($request:expr) => {{
        let request = $request;
        move || {
            request
                .clone()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        }
    }};
}
pub(crate) use pages;

impl Cx {
    /// The SDK's configuration for this unit.
    pub(crate) fn config(&self) -> SdkConfig {
        self.config_in(&self.0.home)
    }

    /// The SDK's configuration for this unit's service in another region.
    pub(crate) fn config_in(&self, region: &str) -> SdkConfig {
        let unit = &*self.0;
        let client = gate::client(
            unit.shared.clone(),
            &unit.account.id,
            region,
            unit.reader.service,
        );
        unit.base
            .to_builder()
            .region(Region::new(region.to_owned()))
            .credentials_provider(unit.account.credentials.clone())
            .http_client(client)
            .build()
    }

    /// Twelve digits.
    pub(crate) fn account(&self) -> &str {
        &self.0.account.id
    }

    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub(crate) fn partition(&self) -> &str {
        &self.0.account.partition
    }

    /// The region; for a global service the one whose endpoint it is asked at.
    pub(crate) fn endpoint_region(&self) -> &str {
        &self.0.home
    }

    /// Whether the scan covers a region.
    pub(crate) fn covers(&self, region: &str) -> bool {
        self.0.regions.iter().any(|covered| covered == region)
    }

    /// An ARN in this account and region: `arn:aws:{service}:{region}:{account}:{rest}`.
    pub(crate) fn arn(&self, service: &str, rest: &str) -> String {
        format!(
            "arn:{}:{service}:{}:{}:{rest}",
            self.partition(),
            self.endpoint_region(),
            self.account()
        )
    }

    /// Whether keys are asked when they were last used.
    pub(crate) fn asks_last_use(&self) -> bool {
        self.0.options.key_last_use
    }

    /// The endpoint is not AWS's: S3 buckets are in the path then, not in the host name.
    pub(crate) fn has_own_endpoint(&self) -> bool {
        self.0.options.endpoint_url.is_some()
    }

    /// Covers the secrets in the value of a name.
    pub(crate) fn cover(&self, name: &str, value: &str) -> String {
        (self.0.options.cover)(name, value)
    }

    fn call(&self, action: &'static str) -> Call {
        let reader = self.0.reader;
        let secret = reader.secret_calls.contains(&action) || SAMPLING.contains(&action);
        debug_assert!(
            secret || reader.calls.contains(&action),
            "reader {} does not declare {action}",
            reader.service
        );
        Call {
            action,
            secret,
            pages_left: Arc::new(AtomicU32::new(self.0.options.max_pages)),
            replayed: Arc::default(),
            afresh: false,
        }
    }

    /// Makes a call: its answer, or why there is none. A failure is counted; what the call would have told must be
    /// put as unknown, which a [`Failure`] is when it is put into [`Props`].
    pub(crate) async fn get<T, E>(
        &self,
        action: &'static str,
        future: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Failure>
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let result = CALL.scope(self.call(action), future).await;
        self.count(action, result.map_err(|error| failure(action, &error)), &[])
    }

    /// Makes a call for something that may not be there: `None` when the answer is one of these error codes, as the
    /// service's API reference names them.
    pub(crate) async fn get_unless<T, E>(
        &self,
        action: &'static str,
        absent: &[&str],
        future: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<Option<T>, Failure>
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let result = CALL.scope(self.call(action), future).await;
        match self.count(
            action,
            result.map_err(|error| failure(action, &error)),
            absent,
        ) {
            Ok(found) => Ok(Some(found)),
            Err(failure) if absent.contains(&&*failure.error) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Reads a list to its end. When it breaks off, what came before is given, and a resource of each of these types
    /// of which nothing is known takes the place of the rest.
    pub(crate) async fn list<T, E>(
        &self,
        action: &'static str,
        kinds: &[&str],
        list: impl Fn() -> PaginationStream<Result<T, SdkError<E, HttpResponse>>>,
    ) -> Vec<T>
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let (items, failure) = self.try_list(action, list).await;
        if let Some(failure) = failure {
            self.gap(kinds, &failure);
        }
        items
    }

    /// Reads a list to its end: its items, and why it breaks off if it does.
    pub(crate) async fn try_list<T, E>(
        &self,
        action: &'static str,
        list: impl Fn() -> PaginationStream<Result<T, SdkError<E, HttpResponse>>>,
    ) -> (Vec<T>, Option<Failure>)
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let mut call = self.call(action);
        let (mut items, mut failure) = CALL.scope(call.clone(), drain(action, list())).await;
        // What a region does not know it has none of (the common errors of the query and the JSON protocols).
        if failure.as_ref().is_some_and(|failure| {
            matches!(
                &*failure.error,
                "UnknownOperationException" | "InvalidAction"
            )
        }) {
            failure = None;
        }
        // A page out of the journal names the next one by a token that may have expired since.
        if failure.is_some() && call.replayed.load(Ordering::Relaxed) {
            call.afresh = true;
            (items, failure) = CALL.scope(call, drain(action, list())).await;
        }
        let result = match &failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        };
        // What came before the failure is given all the same.
        let _ = self.count(action, result, &[]);
        (items, failure)
    }

    fn count<T>(
        &self,
        action: &'static str,
        result: Result<T, Failure>,
        absent: &[&str],
    ) -> Result<T, Failure> {
        let mut calls = self.0.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let count = calls.entry(action.to_owned()).or_default();
        match &result {
            Err(failure) if !absent.contains(&&*failure.error) => {
                *count.failed.entry(failure.error.clone()).or_default() += 1;
                self.0.shared.progress.failed(1);
            }
            _ => count.answered += 1,
        }
        result
    }

    /// Counts a failure that no call of its own tells of.
    pub(crate) fn uncounted(&self, failure: &Failure) {
        let mut calls = self.0.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let count = calls.entry(failure.call.clone()).or_default();
        *count.failed.entry(failure.error.clone()).or_default() += 1;
        self.0.shared.progress.failed(1);
    }

    /// Does the same with each item, several at once.
    pub(crate) async fn each<T, F: Future<Output = ()>>(
        &self,
        items: impl IntoIterator<Item = T>,
        work: impl FnMut(T) -> F,
    ) {
        futures::stream::iter(items)
            .for_each_concurrent(AT_ONCE, work)
            .await;
    }

    /// Says that resources of these types could not be listed.
    pub(crate) fn gap(&self, kinds: &[&str], failure: &Failure) {
        for kind in kinds {
            self.push(Found {
                kind: (*kind).to_owned(),
                name: GAP.into(),
                from: BTreeMap::from([(String::new(), failure.call.clone())]),
                properties: failure.unknown(),
                ..Found::default()
            });
        }
    }

    /// A resource was found. `name` is what `Ref` gives for its type, or what people call it where that is an ARN.
    pub(crate) fn emit(&self, kind: &str, name: &str, arn: Option<&str>, props: Props) {
        self.emit_in(None, kind, name, arn, props);
    }

    /// A resource of another region than the unit's was found.
    pub(crate) fn emit_in(
        &self,
        region: Option<&str>,
        kind: &str,
        name: &str,
        arn: Option<&str>,
        props: Props,
    ) {
        self.push(Found {
            kind: kind.to_owned(),
            name: name.to_owned(),
            arn: arn.map(str::to_owned),
            region: region
                .filter(|region| *region != self.0.region)
                .map(str::to_owned),
            from: props.from,
            properties: Value::Object(props.map),
        });
    }

    fn push(&self, found: Found) {
        self.0.shared.progress.resources(1);
        self.0
            .found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(found);
    }

    /// The unit's record and its resources, sorted.
    pub(crate) fn finish(&self) -> (Unit, Vec<Found>) {
        let mut found =
            std::mem::take(&mut *self.0.found.lock().unwrap_or_else(PoisonError::into_inner));
        found.sort_by(|a, b| {
            (&a.kind, &a.region, &a.name, &a.arn).cmp(&(&b.kind, &b.region, &b.name, &b.arn))
        });
        let calls =
            std::mem::take(&mut *self.0.calls.lock().unwrap_or_else(PoisonError::into_inner));
        let unit = Unit {
            account: self.account().to_owned(),
            region: self.0.region.clone(),
            service: self.0.reader.service.to_owned(),
            calls,
        };
        (unit, found)
    }
}

/// The items of a list up to its end, or to where it breaks off.
async fn drain<T, E>(
    action: &str,
    mut stream: PaginationStream<Result<T, SdkError<E, HttpResponse>>>,
) -> (Vec<T>, Option<Failure>)
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    let mut items = Vec::new();
    while let Some(item) = std::future::poll_fn(|cx| stream.poll_next(cx)).await {
        match item {
            Ok(item) => items.push(item),
            Err(error) => return (items, Some(failure(action, &error))),
        }
    }
    (items, None)
}

/// Why a call gave no answer: the error's code, or what happened on the way.
pub(crate) fn failure<E>(action: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    let error = match error {
        SdkError::ServiceError(service) => match service.err().code() {
            Some(code) => plain(code),
            // The SDK calls an answer that it cannot read an error of the service.
            None => match service.raw().status().as_u16() {
                200..=299 => "malformed answer".into(),
                status => format!("HTTP status {status}"),
            },
        },
        SdkError::TimeoutError(_) => "timed out".into(),
        SdkError::ResponseError(_) => "malformed answer".into(),
        SdkError::DispatchFailure(dispatch) if dispatch.is_user() => {
            dispatch.as_connector_error().map_or_else(
                || "connection failed".into(),
                |error| match StdError::source(error) {
                    Some(source) => source.to_string(),
                    None => "connection failed".into(),
                },
            )
        }
        SdkError::DispatchFailure(_) if has_no_endpoint(error) => NO_ENDPOINT.into(),
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => "timed out".into(),
        SdkError::DispatchFailure(dispatch)
            if dispatch.as_connector_error().is_some_and(|e| e.is_io()) =>
        {
            "connection failed".into()
        }
        SdkError::DispatchFailure(_) => "not sent: no valid credentials".into(),
        _ => "not sent".into(),
    };
    Failure {
        call: action.to_owned(),
        error,
    }
}

/// The failure of an answer that lacks what it always has.
pub(crate) fn malformed(action: &str) -> Failure {
    Failure {
        call: action.to_owned(),
        error: "malformed answer".into(),
    }
}

/// A service that has no endpoint in a region is not offered there.
pub(crate) const NO_ENDPOINT: &str = "no such endpoint";

/// Whether the endpoint's name does not exist.
fn has_no_endpoint(error: &dyn StdError) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        // What hyper calls it, and what the system's resolver says.
        let text = error.to_string();
        if text.contains("dns error") || text.contains("failed to lookup address") {
            return true;
        }
        next = error.source();
    }
    false
}

/// An error's code comes from outside: whatever is no part of a name is left out.
fn plain(code: &str) -> String {
    let plain: String = code
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':'))
        .take(100)
        .collect();
    // Some protocols put the namespace before the name.
    plain
        .rsplit(['#', ':'])
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or("an error without a code")
        .to_owned()
}
