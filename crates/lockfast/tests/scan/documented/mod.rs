//! Answers as AWS documents them, where moto's are wrong or missing (`tests/moto/NOTES.md` says which and how).
//!
//! A server before the seeded moto. Most requests are handed on. A [`Row`] says of an operation what becomes of it: moto's
//! answer is mended, or an answer comes from a file in `recorded/`, which has the service's own wire format. It is strict:
//! parameters that an answer was not recorded for, and operations that neither moto nor a row knows, get HTTP 501 and make
//! [`Documented::assert_complete`] fail.

mod access;
mod cloudwatch;
mod compute;
mod databases;
mod keys;
mod network;
mod storage;
mod template;
mod watch;
mod xml;

use crate::proxy::{self, Answer, Asked, Proxy, Reply, Upstream};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// What becomes of an operation.
pub struct Row {
    /// The service of the credential scope, such as `monitoring`.
    pub service: &'static str,
    /// `GetKeyRotationStatus`; in REST protocols the method, the path with `*` for what varies, and after `?` the
    /// parameters that must be there: `GET /*?versioning`.
    pub operation: &'static str,
    /// The parameters that the answer holds for.
    pub takes: &'static [&'static str],
    pub how: How,
}

pub enum How {
    /// moto's answer, mended.
    Mend(fn(&Call<'_>, Answer) -> Answer),
    /// The members of moto's JSON answer, mended.
    Json(fn(&Call<'_>, &mut Value)),
    /// The text of moto's answer (XML), mended.
    Text(fn(&Call<'_>, String) -> String),
    /// `recorded/SERVICE/NAME.REGION.json` (or `.xml`), or else `recorded/SERVICE/NAME.json`.
    Recorded(&'static str),
    /// Another answer than moto's.
    Anew(fn(&Call<'_>) -> Answer),
}

const fn row(
    service: &'static str,
    operation: &'static str,
    takes: &'static [&'static str],
    how: How,
) -> Row {
    Row {
        service,
        operation,
        takes,
        how,
    }
}

/// Of these, moto answers nothing.
const OWNED: [&str; 1] = ["monitoring"];

fn rows() -> impl Iterator<Item = &'static Row> {
    [
        keys::ROWS,
        storage::ROWS,
        databases::ROWS,
        compute::ROWS,
        network::ROWS,
        watch::ROWS,
        access::ROWS,
        cloudwatch::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// A request that has a row.
pub struct Call<'a> {
    pub asked: &'a Asked,
    pub account: String,
    upstream: &'a Upstream,
    state: &'a State,
}

/// By the id of a key: its alias.
type Aliases = Arc<HashMap<String, String>>;

#[derive(Default)]
struct State {
    accounts: Mutex<HashMap<String, String>>,
    aliases: Mutex<HashMap<(String, String), Aliases>>,
    unexpected: Mutex<BTreeSet<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The running server.
pub struct Documented {
    proxy: Proxy,
    upstream: Upstream,
    state: Arc<State>,
}

/// Starts it before moto.
pub fn start(moto: &str) -> Documented {
    let state = Arc::<State>::default();
    let shared = state.clone();
    let proxy = proxy::serve(moto, move |asked, upstream| {
        // A panic would end the thread and leave the scanner waiting.
        let answered = catch_unwind(AssertUnwindSafe(|| answer(asked, upstream, &shared)));
        match answered {
            Ok(Some(answer)) => Reply::Answer(answer),
            Ok(None) => Reply::Close,
            Err(_) => {
                let what = format!(
                    "{} {}: the answer could not be made, see the panic above",
                    asked.service, asked.operation
                );
                lock(&shared.unexpected).insert(what);
                Reply::Answer(Answer::error(&asked.service, 501, "NotImplemented"))
            }
        }
    });
    Documented {
        proxy,
        upstream: Upstream::new(moto),
        state,
    }
}

impl Documented {
    pub fn url(&self) -> &str {
        &self.proxy.url
    }

    /// A text with the names in it that differ from run to run filled in; `access_key` is of the account.
    pub fn fill(&self, text: &str, access_key: &str) -> String {
        let asked = Asked::nothing(access_key);
        let call = Call {
            asked: &asked,
            account: account(&asked, &self.upstream, &self.state),
            upstream: &self.upstream,
            state: &self.state,
        };
        template::fill(&call, text, false)
    }

    /// Fails when something was asked that has no documented answer here.
    pub fn assert_complete(&self) {
        let unexpected = lock(&self.state.unexpected);
        assert!(
            unexpected.is_empty(),
            "neither moto nor tests/scan/documented answers:\n  {}",
            Vec::from_iter(unexpected.iter().cloned()).join("\n  ")
        );
    }
}

fn answer(asked: &Asked, upstream: &Upstream, state: &State) -> Option<Answer> {
    let refuse = |what: String| {
        lock(&state.unexpected).insert(format!("{} {}: {what}", asked.service, asked.operation));
        Some(Answer::error(&asked.service, 501, "NotImplemented"))
    };
    let Some(row) = rows().find(|row| row.is_of(asked)) else {
        if OWNED.contains(&&*asked.service) {
            return refuse("not recorded".to_owned());
        }
        let answer = upstream.pass(asked)?;
        return match is_page(&answer) {
            true => refuse("moto does not know it".to_owned()),
            false => Some(answer),
        };
    };
    let unknown: Vec<String> = asked.parameters();
    let mut unknown = unknown.into_iter().filter(|name| {
        !row.takes.contains(&name.as_str()) && !row.required().any(|own| own == name.as_str())
    });
    if let Some(name) = unknown.next() {
        return refuse(format!(
            "the answer does not hold for the parameter `{name}`"
        ));
    }
    let call = Call {
        asked,
        account: account(asked, upstream, state),
        upstream,
        state,
    };
    Some(match &row.how {
        How::Mend(mend) => mend(&call, upstream.pass(asked)?),
        How::Json(mend) => call.json(upstream.pass(asked)?, *mend),
        How::Text(mend) => {
            let mut answer = upstream.pass(asked)?;
            if answer.status == 200 {
                answer.body = mend(&call, answer.text()).into_bytes();
            }
            answer
        }
        How::Recorded(name) => call.recorded(name),
        How::Anew(make) => make(&call),
    })
}

/// moto's way of saying that it does not know an operation.
fn is_page(answer: &Answer) -> bool {
    let start = answer.text();
    start
        .trim_start()
        .to_ascii_lowercase()
        .starts_with("<!doctype html")
}

impl Row {
    fn required(&self) -> impl Iterator<Item = &str> {
        let query = self
            .operation
            .split_once('?')
            .map_or("", |(_, query)| query);
        query.split('&').filter(|name| !name.is_empty())
    }

    fn is_of(&self, asked: &Asked) -> bool {
        if self.service != asked.service {
            return false;
        }
        if !self.operation.contains('/') {
            return self.operation == asked.operation;
        }
        let (pattern, _) = self
            .operation
            .split_once('?')
            .unwrap_or((self.operation, ""));
        let Some((method, pattern)) = pattern.split_once(' ') else {
            return false;
        };
        let (path, _) = asked.url.split_once('?').unwrap_or((&asked.url, ""));
        let (wanted, parts) = (pattern.split('/'), path.trim_end_matches('/').split('/'));
        let given = asked.parameters();
        method == asked.method
            && wanted.clone().count() == parts.clone().count()
            && wanted
                .zip(parts)
                .all(|(wanted, part)| wanted == "*" || wanted == part)
            && self
                .required()
                .all(|name| given.iter().any(|own| own == name))
    }
}

impl Asked {
    /// A request for nothing, of an account in the main region.
    fn nothing(access_key: &str) -> Asked {
        Asked {
            number: 0,
            service: String::new(),
            region: "eu-central-1".to_owned(),
            access_key: access_key.to_owned(),
            operation: String::new(),
            method: String::new(),
            url: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// The names of its parameters, those of lists without their numbers.
    fn parameters(&self) -> Vec<String> {
        let mut names = Vec::new();
        let of_pairs = |pairs: &str, names: &mut Vec<String>| {
            let pairs = pairs.split('&').filter(|pair| !pair.is_empty());
            names.extend(pairs.map(|pair| {
                let name = pair.split('=').next().unwrap_or_default();
                name.split('.').next().unwrap_or_default().to_owned()
            }));
        };
        if let Some((_, query)) = self.url.split_once('?') {
            of_pairs(query, &mut names);
        }
        match self.input() {
            Some(Value::Object(map)) => names.extend(map.keys().cloned()),
            // XML.
            _ if self.body.starts_with(b"<") => {}
            _ => of_pairs(&String::from_utf8_lossy(&self.body), &mut names),
        }
        names.retain(|name| !["Action", "Version", "x-id"].contains(&name.as_str()));
        names
    }

    /// Its JSON or CBOR body.
    fn input(&self) -> Option<Value> {
        serde_json::from_slice(&self.body)
            .ok()
            .or_else(|| crate::cbor::decode(&self.body))
    }

    /// A parameter of it, as text.
    fn parameter(&self, name: &str) -> String {
        if let Some(value) = self.input().and_then(|input| input.get(name).cloned()) {
            return value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
        }
        let text = String::from_utf8_lossy(&self.body).into_owned();
        let query = self.url.split_once('?').map_or("", |(_, query)| query);
        text.split('&')
            .chain(query.split('&'))
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
            .replace("%3A", ":")
            .replace("%2F", "/")
    }
}

/// The account of a request.
fn account(asked: &Asked, upstream: &Upstream, state: &State) -> String {
    if let Some(known) = lock(&state.accounts).get(&asked.access_key) {
        return known.clone();
    }
    let body = b"Action=GetCallerIdentity&Version=2011-06-15";
    let answer = upstream.send(
        "POST",
        "/",
        headers(asked, "sts", "").iter().copied_pairs(),
        body,
    );
    let text = answer.map(|answer| answer.text()).unwrap_or_default();
    let account = xml::value(&text, "Account").unwrap_or_default().to_owned();
    lock(&state.accounts).insert(asked.access_key.clone(), account.clone());
    account
}

/// Headers of a request of the same caller to another service; moto looks at no signature.
fn headers(asked: &Asked, service: &str, target: &str) -> Vec<(&'static str, String)> {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={}/20260101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
        asked.access_key, asked.region
    );
    let mut headers = vec![("authorization", scope)];
    match target {
        "" => headers.push((
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        )),
        target => {
            headers.push(("content-type", "application/x-amz-json-1.1".to_owned()));
            headers.push(("x-amz-target", target.to_owned()));
        }
    }
    headers
}

trait Pairs<'a> {
    fn copied_pairs(self) -> impl Iterator<Item = (&'a str, &'a str)>;
}

impl<'a, I: Iterator<Item = &'a (&'static str, String)>> Pairs<'a> for I {
    fn copied_pairs(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.map(|(name, value)| (*name, value.as_str()))
    }
}

impl Call<'_> {
    /// Mends the members of a JSON answer.
    fn json(&self, mut answer: Answer, mend: fn(&Call<'_>, &mut Value)) -> Answer {
        if let (200, Ok(mut value)) = (answer.status, serde_json::from_slice(&answer.body)) {
            mend(self, &mut value);
            answer.body = value.to_string().into_bytes();
        }
        answer
    }

    /// What moto answers to another JSON request of the same caller.
    fn ask(&self, service: &str, target: &str, input: &Value) -> Value {
        let headers = headers(self.asked, service, target);
        let body = input.to_string();
        let pairs = headers.iter().copied_pairs();
        let answer = self.upstream.send("POST", "/", pairs, body.as_bytes());
        answer
            .and_then(|answer| serde_json::from_slice(&answer.body).ok())
            .unwrap_or_default()
    }

    /// The ids of the keys of the region by their aliases without `alias/`.
    fn aliases(&self) -> Arc<HashMap<String, String>> {
        self.aliases_in(&self.asked.region)
    }

    fn aliases_in(&self, region: &str) -> Arc<HashMap<String, String>> {
        let at = (self.account.clone(), region.to_owned());
        if let Some(known) = lock(&self.state.aliases).get(&at) {
            return known.clone();
        }
        let there = Asked {
            region: region.to_owned(),
            ..Asked::nothing(&self.asked.access_key)
        };
        let call = Call {
            asked: &there,
            account: self.account.clone(),
            ..*self
        };
        let answer = call.ask("kms", "TrentService.ListAliases", &json!({}));
        let list = answer["Aliases"].as_array().cloned().unwrap_or_default();
        let pairs = list.iter().filter_map(|alias| {
            let name = alias["AliasName"].as_str()?.strip_prefix("alias/")?;
            Some((name.to_owned(), alias["TargetKeyId"].as_str()?.to_owned()))
        });
        let mut found: HashMap<_, _> = pairs.collect();
        // moto has fourteen of AWS's own; these too are in use.
        for (number, service) in [
            "backup",
            "dms",
            "fsx",
            "kafka",
            "timestream",
            "sns",
            "kinesis",
        ]
        .iter()
        .enumerate()
        {
            let id = format!("{number}e0c3f1a-7b52-4d18-9c6e-2f8a4b7d1e90");
            found.insert(format!("aws/{service}"), id);
        }
        let found = Arc::new(found);
        lock(&self.state.aliases).insert(at, found.clone());
        found
    }

    /// The ARN of a key by its alias without `alias/`, such as `shop/prod/internal` or `aws/rds`.
    fn key(&self, alias: &str) -> String {
        self.key_in(&self.asked.region, alias)
    }

    fn key_in(&self, region: &str, alias: &str) -> String {
        let aliases = self.aliases_in(region);
        let id = aliases
            .get(alias)
            .unwrap_or_else(|| panic!("no key {alias}"));
        format!("arn:aws:kms:{region}:{}:key/{id}", self.account)
    }

    /// What moto answers to another request of the same caller in the query protocol.
    fn ask_query(&self, service: &str, body: &str) -> String {
        let headers = headers(self.asked, service, "");
        let pairs = headers.iter().copied_pairs();
        let answer = self.upstream.send("POST", "/", pairs, body.as_bytes());
        answer.map(|answer| answer.text()).unwrap_or_default()
    }

    fn recorded(&self, name: &str) -> Answer {
        let folder =
            std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scan/recorded"));
        let folder = folder.join(&self.asked.service);
        for (kind, content_type) in [("json", "application/x-amz-json-1.1"), ("xml", "text/xml")] {
            for file in [
                format!("{name}.{}.{kind}", self.asked.region),
                format!("{name}.{kind}"),
            ] {
                if let Ok(text) = std::fs::read_to_string(folder.join(file)) {
                    let text = template::fill(self, &text, kind == "json");
                    return Answer::of(200, content_type, text);
                }
            }
        }
        panic!("nothing is recorded as {name} in {}", folder.display())
    }
}
