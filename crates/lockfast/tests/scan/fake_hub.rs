//! A Security Hub as its documentation has it, where moto's takes everything and filters nothing: it knows who asks and in which
//! region, checks each finding against the schema, passes over updates that are not later, keeps what customers change, and shows
//! what it took only when it is asked a second time. Calls to other services go to moto.

use crate::moto::moto;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tiny_http::{Header, Request, Response, Server};

/// The account of the credentials that no role gave.
const OWN: &str = "111111111111";

/// What the fake holds, and how it fails.
#[derive(Default)]
pub struct State {
    /// By account, region and `Id`.
    pub findings: BTreeMap<(String, String, String), Value>,
    /// What was taken since it was asked last.
    pub hidden: Vec<((String, String, String), Value)>,
    /// Regions where Security Hub is not enabled.
    pub disabled: BTreeSet<String>,
    /// The end of an `Id` that is refused.
    pub refuses: Option<String>,
    /// Whether everything that comes with a finding whose `Id` ends so is refused as malformed.
    pub malformed: Option<String>,
    /// So many imports are taken; then the connection is cut.
    pub takes: Option<usize>,
    /// Every other import is throttled at first.
    pub throttles: bool,
    /// The sizes of the batches that came.
    pub batches: Vec<usize>,
    /// The requests that came.
    pub requests: usize,
    pub throttled: bool,
    pub accounts: HashMap<String, String>,
}

/// A running fake.
pub struct Hub {
    pub url: String,
    state: Arc<Mutex<State>>,
    server: Arc<Server>,
}

impl Drop for Hub {
    fn drop(&mut self) {
        for _ in 0..WORKERS {
            self.server.unblock();
        }
    }
}

const WORKERS: usize = 8;

impl Hub {
    /// Starts one.
    pub fn start(state: State) -> Hub {
        let server = Arc::new(Server::http("127.0.0.1:0").expect("a port"));
        let state = Arc::new(Mutex::new(state));
        for _ in 0..WORKERS {
            let (server, state) = (server.clone(), state.clone());
            std::thread::spawn(move || {
                while let Ok(request) = server.recv() {
                    answer(request, &state);
                }
            });
        }
        Hub {
            url: format!("http://{}", server.server_addr()),
            state,
            server,
        }
    }

    /// What it holds.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a finding there, as an earlier import did.
    pub fn put(&self, finding: Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let arn = text(&finding["ProductArn"]);
        let region = arn.split(':').nth(3).unwrap_or_default().to_owned();
        let key = (text(&finding["AwsAccountId"]), region, text(&finding["Id"]));
        self.state().findings.insert(key, finding);
    }

    /// All findings that are not archived, sorted.
    pub fn active(&self) -> Vec<Value> {
        self.state()
            .findings
            .values()
            .filter(|finding| finding["RecordState"] == "ACTIVE")
            .cloned()
            .collect()
    }
}

fn answer(mut request: Request, state: &Mutex<State>) {
    let mut body = Vec::new();
    if request.as_reader().read_to_end(&mut body).is_err() {
        return;
    }
    let scope: Vec<String> = request
        .headers()
        .iter()
        .find(|header| header.field.equiv("Authorization"))
        .and_then(|header| header.value.as_str().split("Credential=").nth(1))
        .map(|scope| scope.split('/').map(str::to_owned).collect())
        .unwrap_or_default();
    let part = |n: usize| scope.get(n).cloned().unwrap_or_default();
    let (key, region, service) = (part(0), part(2), part(3));
    if service != "securityhub" {
        return hand_on(request, &body, state);
    }
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    state.requests += 1;
    let account = state
        .accounts
        .get(&key)
        .cloned()
        .unwrap_or_else(|| OWN.into());
    let result = if state.disabled.contains(&region) {
        Err((401, "InvalidAccessException"))
    } else {
        match request.url() {
            "/findings/import" => match import(&mut state, &account, &region, &body) {
                None => return drop(request.into_writer()),
                Some(result) => result,
            },
            "/findings" => list(&mut state, &account, &region, &body),
            other => panic!("{other} was asked for"),
        }
    };
    let (status, text, code) = match result {
        Ok(answer) => (200, answer.to_string(), ""),
        Err((status, code)) => (
            status,
            json!({ "Message": "no", "Code": code }).to_string(),
            code,
        ),
    };
    let mut response = Response::from_string(text).with_status_code(status);
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-amzn-errortype", code),
    ] {
        response.add_header(Header::from_bytes(name, value).expect("a header"));
    }
    let _ = request.respond(response);
}

type Outcome = Result<Value, (u16, &'static str)>;

/// `BatchImportFindings`; none when the connection breaks.
fn import(state: &mut State, account: &str, region: &str, body: &Value) -> Option<Outcome> {
    let findings = body["Findings"].as_array().cloned().unwrap_or_default();
    if state.throttles && !state.throttled {
        state.throttled = true;
        return Some(Err((429, "TooManyRequestsException")));
    }
    state.throttled = false;
    if state.takes == Some(0) {
        return None;
    }
    state.takes = state.takes.map(|left| left - 1);
    state.batches.push(findings.len());
    let ends = |finding: &Value, with: &Option<String>| {
        let id = finding["Id"].as_str().unwrap_or_default();
        with.as_ref()
            .is_some_and(|with| id.ends_with(with.as_str()))
    };
    let too_large = body.to_string().len() > 6_000_000 || !(1..=100).contains(&findings.len());
    if too_large || findings.iter().any(|f| ends(f, &state.malformed)) {
        return Some(Err((400, "InvalidInputException")));
    }
    let mut failed = Vec::new();
    let mut taken = 0;
    let product = format!("arn:aws:securityhub:{region}:{account}:product/{account}/default");
    for finding in findings {
        let refusal =
            if finding["AwsAccountId"] != account || finding["ProductArn"] != product.as_str() {
                Some("AccessDenied")
            } else if !is_valid(&finding) || ends(&finding, &state.refuses) {
                Some("InvalidInput")
            } else {
                None
            };
        if let Some(code) = refusal {
            failed.push(json!({ "Id": finding["Id"], "ErrorCode": code, "ErrorMessage": "not\u{1b}[31m so" }));
            continue;
        }
        taken += 1;
        let id = finding["Id"].as_str().expect("an id").to_owned();
        state
            .hidden
            .push(((account.to_owned(), region.to_owned(), id), finding));
    }
    Some(Ok(
        json!({ "FailedCount": failed.len(), "SuccessCount": taken, "FailedFindings": failed }),
    ))
}

fn is_valid(finding: &Value) -> bool {
    static SCHEMA: std::sync::LazyLock<jsonschema::Validator> = std::sync::LazyLock::new(|| {
        let schema = include_str!("../../../report/tests/schemas/asff.json");
        let schema: Value = serde_json::from_str(schema).expect("JSON");
        jsonschema::validator_for(&schema).expect("a schema")
    });
    let fields = finding["ProductFields"].as_object();
    let reserved = fields.is_some_and(|fields| fields.keys().any(|name| name.starts_with("aws/")));
    !reserved
        && finding.to_string().len() <= 240_000
        && SCHEMA.is_valid(&json!({ "Findings": [finding] }))
}

/// `GetFindings`, with the filters that are used.
fn list(state: &mut State, account: &str, region: &str, body: &Value) -> Outcome {
    let filters = body["Filters"].as_object().cloned().unwrap_or_default();
    let matches = |finding: &Value| {
        filters.iter().all(|(field, filters)| {
            let text = finding[field].as_str().unwrap_or_default();
            filters.as_array().into_iter().flatten().any(|filter| {
                let value = filter["Value"].as_str().unwrap_or_default();
                match filter["Comparison"].as_str() {
                    Some("EQUALS") => text == value,
                    Some("PREFIX") => text.starts_with(value),
                    other => panic!("comparison {other:?}"),
                }
            })
        })
    };
    let from: usize = match body["NextToken"].as_str() {
        Some(token) => token.parse().map_err(|_| (400, "InvalidInputException"))?,
        None => 0,
    };
    let most = body["MaxResults"].as_u64().unwrap_or(10);
    if most > 100 {
        return Err((400, "InvalidInputException"));
    }
    let most = usize::try_from(most).expect("a number");
    let all: Vec<Value> = state
        .findings
        .iter()
        .filter(|((a, r, _), finding)| a == account && r == region && matches(finding))
        .map(|(_, finding)| shown(finding))
        .collect();
    let page: Vec<Value> = all.iter().skip(from).take(most).cloned().collect();
    let mut answer = json!({ "Findings": page });
    if from + most < all.len() {
        answer["NextToken"] = json!((from + most).to_string());
    } else {
        show(state);
    }
    Ok(answer)
}

/// A finding with what AWS adds to it.
fn shown(finding: &Value) -> Value {
    let mut finding = finding.clone();
    finding["ProcessedAt"] = json!("2026-11-27T12:00:00.000Z");
    finding["Region"] = json!("somewhere");
    finding["WorkflowState"] = json!("NEW");
    finding["ProductFields"]["aws/securityhub/ProductName"] = json!("Lockfast");
    finding
}

/// Shows what was taken.
fn show(state: &mut State) {
    for (key, mut finding) in std::mem::take(&mut state.hidden) {
        if let Some(before) = state.findings.get(&key) {
            let moment = |finding: &Value| finding["UpdatedAt"].as_str().map(str::to_owned);
            if moment(&finding) <= moment(before) {
                continue;
            }
            for own in ["Note", "Workflow", "UserDefinedFields", "VerificationState"] {
                match before.get(own) {
                    Some(value) => finding[own] = value.clone(),
                    None => {
                        finding.as_object_mut().expect("an object").remove(own);
                    }
                }
            }
        }
        state.findings.insert(key, finding);
    }
}

/// Asks moto, and keeps in mind which account the credentials of a role are of.
fn hand_on(request: Request, body: &[u8], state: &Mutex<State>) {
    let mut onward = ureq::http::Request::builder()
        .method(request.method().as_str())
        .uri(format!("{}{}", moto().url, request.url()));
    for header in request.headers() {
        let name = header.field.as_str().as_str();
        if !["content-length", "connection", "transfer-encoding"]
            .contains(&name.to_ascii_lowercase().as_str())
        {
            onward = onward.header(name, header.value.as_str());
        }
    }
    let client: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .build()
        .into();
    let mut answer = client
        .run(onward.body(body.to_vec()).expect("a request"))
        .expect("moto answers");
    let status = answer.status().as_u16();
    let kind = answer
        .headers()
        .get("content-type")
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("text/xml")
        .to_owned();
    let bytes = answer.body_mut().read_to_vec().expect("a body");
    let asked = String::from_utf8_lossy(body);
    let said = String::from_utf8_lossy(&bytes);
    let between = |text: &str, before: &str, after: &str| {
        let (_, rest) = text.split_once(before)?;
        Some(rest.split_once(after)?.0.to_owned())
    };
    if let Some(account) = between(&asked, "arn%3Aaws%3Aiam%3A%3A", "%3Arole")
        && let Some(key) = between(&said, "<AccessKeyId>", "</AccessKeyId>")
    {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.accounts.insert(key, account);
    }
    let response = Response::from_data(bytes)
        .with_status_code(status)
        .with_header(Header::from_bytes("content-type", kind).expect("a header"));
    let _ = request.respond(response);
}
