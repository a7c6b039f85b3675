//! Events of the Open Cybersecurity Schema Framework, as Amazon Security Lake makes them of CloudTrail's, made CloudTrail's again.
//!
//! Source: the mappings in github.com/ocsf/examples, `mappings/markdown/AWS/*/CloudTrail` (1.1.0 and 1.5.0) and, of 1.0.0-rc.2,
//! `Audit Activity/*/AWS/CloudTrail` in its history: classes API Activity, Authentication and Account Change. What a mapping has
//! no place for is in `unmapped`, by its path in the record. Where a mapping puts several fields into one and does not say which,
//! as `user.name` of an account's change, the field stays absent.

use super::Outcome;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What `metadata.product.feature.name` may be to be the event's category. Some mappings write all that a trail may have.
const CATEGORIES: [&str; 4] = ["Management", "Data", "Insight", "NetworkActivity"];
/// Fields that are true or false in a record, and text in `unmapped`.
const BOOLEANS: [&str; 2] = ["readOnly", "managementEvent"];
/// Fields that are objects or lists in a record, and JSON in `unmapped` when they are not taken apart there.
const NESTED: [&str; 11] = [
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "serviceEventDetails",
    "resources",
    "tlsDetails",
    "userIdentity",
    "addendum",
    "edgeDeviceDetails",
    "insightDetails",
    "eventContext",
];
/// The columns that are asked for; the others repeat these, or are constants.
#[cfg(feature = "parquet")]
pub(super) const COLUMNS: [&str; 20] = [
    "metadata",
    "time",
    "time_dt",
    "cloud",
    "api",
    "actor",
    "src_endpoint",
    "dst_endpoint",
    "http_request",
    "resources",
    "unmapped",
    "tls",
    "is_mfa",
    "mfa",
    "status",
    "session",
    "user",
    "class_uid",
    "class_name",
    "raw_data",
];

/// The record of an event.
pub(super) fn record<'a>(event: &Map<String, Value>, notes: &mut Vec<String>) -> Outcome<'a> {
    let event = Event(event);
    let product = event.text(&["metadata", "product", "name"]);
    if !product.is_some_and(|product| product.eq_ignore_ascii_case("CloudTrail")) {
        let class = event.get(&["class_name"]).or(event.get(&["class_uid"]));
        return Outcome::Foreign(format!(
            "an event of OCSF that is not CloudTrail's: of {}, class {}",
            product.unwrap_or("an unnamed product"),
            class.map_or("unknown".into(), |class| match class {
                Value::String(name) => name.clone(),
                other => other.to_string(),
            }),
        ));
    }
    // Who keeps the original has the whole record.
    if let Some(raw) = event.text(&["raw_data"])
        && let Ok(Value::Object(original)) = serde_json::from_str(raw)
        && original.contains_key("eventName")
    {
        return Outcome::Record(raw.to_owned().into());
    }
    let mut record = Map::new();
    put(
        &mut record,
        "eventVersion",
        event.text(&["metadata", "product", "version"]),
    );
    let identity = identity(event);
    if !identity.is_empty() {
        record.insert("userIdentity".into(), identity.into());
    }
    put(&mut record, "eventTime", event.time("time", "time_dt", &[]));
    put(
        &mut record,
        "eventSource",
        event.text(&["api", "service", "name"]),
    );
    put(&mut record, "eventName", event.text(&["api", "operation"]));
    put(&mut record, "awsRegion", event.text(&["cloud", "region"]));
    let from = event
        .text(&["src_endpoint", "ip"])
        .or(event.text(&["src_endpoint", "domain"]));
    put(&mut record, "sourceIPAddress", from);
    put(
        &mut record,
        "userAgent",
        event.text(&["http_request", "user_agent"]),
    );
    put(
        &mut record,
        "errorCode",
        event.text(&["api", "response", "error"]),
    );
    put(
        &mut record,
        "errorMessage",
        event.text(&["api", "response", "message"]),
    );
    for (name, side) in [
        ("requestParameters", "request"),
        ("responseElements", "response"),
    ] {
        let Some(data) = event.get(&["api", side, "data"]) else {
            continue;
        };
        if let Some(data) = nested(name, data, notes) {
            record.insert(name.into(), data);
        }
    }
    put(
        &mut record,
        "requestID",
        event.text(&["api", "request", "uid"]),
    );
    put(&mut record, "eventID", event.text(&["metadata", "uid"]));
    put(
        &mut record,
        "eventType",
        event.text(&["metadata", "event_code"]),
    );
    put(&mut record, "apiVersion", event.text(&["api", "version"]));
    let account = event
        .text(&["cloud", "account", "uid"])
        .or(event.text(&["cloud", "account_uid"]));
    put(&mut record, "recipientAccountId", account);
    let category = event.text(&["metadata", "product", "feature", "name"]);
    put(
        &mut record,
        "eventCategory",
        category.filter(|one| CATEGORIES.contains(one)),
    );
    put(
        &mut record,
        "vpcEndpointId",
        event.text(&["src_endpoint", "uid"]),
    );
    resources(event, &mut record);
    for (name, key) in [
        ("tlsVersion", "version"),
        ("cipherSuite", "cipher"),
        ("clientProvidedHostHeader", "sni"),
    ] {
        fill_text(
            &mut record,
            &["tlsDetails", name],
            event.text(&["tls", key]),
        );
    }
    unmapped(event, &mut record, notes);
    sign_in(event, &mut record);
    Outcome::Record(Value::Object(record).to_string().into())
}

/// An event, asked by paths.
#[derive(Clone, Copy)]
struct Event<'e>(&'e Map<String, Value>);

impl<'e> Event<'e> {
    fn get(self, path: &[&str]) -> Option<&'e Value> {
        let (first, rest) = path.split_first()?;
        let mut value = self.0.get(*first)?;
        for key in rest {
            value = value.as_object()?.get(*key)?;
        }
        Some(value).filter(|value| !value.is_null())
    }

    /// Text that says something: mappings write what a record does not have as empty text.
    fn text(self, path: &[&str]) -> Option<&'e str> {
        self.get(path)?.as_str().filter(|text| !text.is_empty())
    }

    /// A time, in milliseconds or else in words. The words are second: mappings have written local times there.
    fn time(self, milliseconds: &str, words: &str, within: &[&str]) -> Option<String> {
        let at = |key| [within, &[key]].concat();
        let value = self.get(&at(milliseconds));
        let told = value
            .and_then(Value::as_i64)
            .and_then(|time| Timestamp::from_millisecond(time).ok());
        // Parquet's own times have become words.
        let words = || {
            let words = value.and_then(Value::as_str).or(self.text(&at(words)))?;
            super::time(words)
        };
        told.or_else(words).map(|time| time.to_string())
    }
}

/// Who asked. An ARN is known as one wherever a version has it: 1.0.0-rc.2 has it in `uuid` and the principal in `uid`, those
/// since in `uid` and `uid_alt`.
fn identity(event: Event) -> Map<String, Value> {
    let user = |key| event.text(&["actor", "user", key]);
    let of_account = event
        .text(&["actor", "user", "account", "uid"])
        .or(user("account_uid"));
    let uid = user("uid");
    let (arn, principal) = match uid {
        Some(uid) if uid.starts_with("arn:") => (Some(uid), user("uid_alt")),
        _ => (user("uuid"), uid.or(user("uid_alt"))),
    };
    let kind = user("type");
    let center = kind == Some("IdentityCenterUser");
    let mut identity = Map::new();
    put(&mut identity, "type", kind);
    put(&mut identity, "principalId", principal.filter(|_| !center));
    put(&mut identity, "arn", arn);
    put(&mut identity, "accountId", of_account);
    let credential = match center {
        true => "credentialId",
        false => "accessKeyId",
    };
    put(&mut identity, credential, user("credential_uid"));
    put(&mut identity, "userName", user("name").filter(|_| !center));
    let session = ["actor", "session"];
    let created = event.time("created_time", "created_time_dt", &session);
    let mfa = event
        .get(&["actor", "session", "is_mfa"])
        .or(event.get(&["actor", "session", "mfa"]));
    let mfa = mfa.and_then(Value::as_bool).map(|mfa| mfa.to_string());
    fill_text(
        &mut identity,
        &["sessionContext", "attributes", "creationDate"],
        created.as_deref(),
    );
    fill_text(
        &mut identity,
        &["sessionContext", "attributes", "mfaAuthenticated"],
        mfa.as_deref(),
    );
    let issuer = event.text(&["actor", "session", "issuer"]);
    fill_text(
        &mut identity,
        &["sessionContext", "sessionIssuer", "arn"],
        issuer,
    );
    put(
        &mut identity,
        "invokedBy",
        event.text(&["actor", "invoked_by"]),
    );
    let provider = event.text(&["actor", "idp", "name"]);
    match kind {
        Some("AssumedRole") => {
            let path = ["sessionContext", "webIdFederationData", "federatedProvider"];
            fill_text(&mut identity, &path, provider);
        }
        _ => put(&mut identity, "identityProvider", provider),
    }
    if center {
        fill_text(&mut identity, &["onBehalfOf", "userId"], principal);
        let store = event.text(&["actor", "idp", "uid"]);
        fill_text(&mut identity, &["onBehalfOf", "identityStoreArn"], store);
    }
    identity
}

fn resources(event: Event, record: &mut Map<String, Value>) {
    let listed = event.get(&["resources"]).and_then(Value::as_array);
    let resources: Vec<Value> = listed
        .into_iter()
        .flatten()
        .filter_map(|resource| {
            let resource = Event(resource.as_object()?);
            let account = resource
                .text(&["owner", "account", "uid"])
                .or(resource.text(&["account", "uid"]))
                .or(resource.text(&["account_uid"]));
            let mut told = Map::new();
            put(&mut told, "accountId", account);
            put(&mut told, "type", resource.text(&["type"]));
            put(&mut told, "ARN", resource.text(&["uid"]));
            (!told.is_empty()).then_some(Value::Object(told))
        })
        .collect();
    if !resources.is_empty() {
        record.insert("resources".into(), resources.into());
    }
}

/// What the mapping has no place for, by its path in the record.
fn unmapped(event: Event, record: &mut Map<String, Value>, notes: &mut Vec<String>) {
    let parsed;
    let fields = match event.get(&["unmapped"]) {
        Some(Value::Object(fields)) => fields,
        Some(Value::String(text)) if !text.is_empty() => match serde_json::from_str(text) {
            Ok(fields) => {
                parsed = fields;
                &parsed
            }
            Err(error) => {
                notes.push(format!("its unmapped cannot be read: {error}"));
                return;
            }
        },
        _ => return,
    };
    for (path, value) in fields {
        if value.is_null() || value.as_str() == Some("") {
            continue;
        }
        let value = match value {
            Value::String(text) if BOOLEANS.contains(&path.as_str()) => match text.as_str() {
                "true" => true.into(),
                "false" => false.into(),
                _ => value.clone(),
            },
            value if NESTED.contains(&path.as_str()) => match nested(path, value, notes) {
                Some(value) => value,
                None => continue,
            },
            value => value.clone(),
        };
        let path: Vec<&str> = path.split('.').collect();
        fill(record, &path, value);
    }
}

/// What only some operations have, where it can be told what it was.
fn sign_in(event: Event, record: &mut Map<String, Value>) {
    let operation = event.text(&["api", "operation"]).unwrap_or_default();
    let login_to = event.text(&["dst_endpoint", "svc_name"]);
    fill_text(record, &["additionalEventData", "LoginTo"], login_to);
    if event.text(&["actor", "user", "type"]) == Some("IdentityCenterUser") {
        let name = event.text(&["actor", "user", "name"]);
        fill_text(record, &["additionalEventData", "UserName"], name);
    }
    if operation == "ConsoleLogin" {
        let mfa = event.get(&["is_mfa"]).or(event.get(&["mfa"]));
        let mfa = mfa.and_then(Value::as_bool).map(|mfa| match mfa {
            true => "Yes",
            false => "No",
        });
        fill_text(record, &["additionalEventData", "MFAUsed"], mfa);
        let status = event.text(&["status"]);
        let status = status.filter(|status| ["Success", "Failure"].contains(status));
        fill_text(record, &["responseElements", "ConsoleLogin"], status);
    }
    if operation.starts_with("AssumeRole") {
        let of_user = event
            .text(&["user", "uid"])
            .or(event.text(&["user", "uuid"]));
        let role = of_user
            .into_iter()
            .chain(event.text(&["user", "uuid"]))
            .find(|arn| arn.starts_with("arn:") && arn.contains(":role/"));
        fill_text(record, &["requestParameters", "roleArn"], role);
        let name = event.text(&["user", "name"]);
        fill_text(record, &["requestParameters", "roleSessionName"], name);
        for (path, key) in [
            (
                ["responseElements", "credentials", "accessKeyId"],
                "credential_uid",
            ),
            (["responseElements", "assumedRoleUser", "arn"], "uid"),
            (
                ["responseElements", "assumedRoleUser", "assumedRoleId"],
                "uid_alt",
            ),
        ] {
            fill_text(record, &path, event.text(&["session", key]));
        }
    }
}

fn put<'v>(
    map: &mut Map<String, Value>,
    key: &str,
    value: Option<impl Into<std::borrow::Cow<'v, str>>>,
) {
    if let Some(value) = value {
        map.insert(key.into(), Value::String(value.into().into_owned()));
    }
}

fn fill_text(map: &mut Map<String, Value>, path: &[&str], value: Option<&str>) {
    if let Some(value) = value {
        fill(map, path, json!(value));
    }
}

/// Puts a value where there is none. What is there is from a field of its own, and stays.
fn fill(map: &mut Map<String, Value>, path: &[&str], value: Value) {
    let Some((last, within)) = path.split_last() else {
        return;
    };
    let mut map = map;
    for key in within {
        let entry = map.entry(*key).or_insert_with(|| Map::new().into());
        if entry.is_null() {
            *entry = Map::new().into();
        }
        let Value::Object(inner) = entry else { return };
        map = inner;
    }
    match (map.get_mut(*last), value) {
        (None, value) => {
            map.insert((*last).into(), value);
        }
        (Some(Value::Object(there)), Value::Object(more)) => {
            for (key, value) in more {
                there.entry(key).or_insert(value);
            }
        }
        (Some(_), _) => {}
    }
}

/// An object or list, which may be written as its JSON. Absent when it is empty text, and when it cannot be read.
pub(super) fn nested(name: &str, value: &Value, notes: &mut Vec<String>) -> Option<Value> {
    let Value::String(text) = value else {
        return Some(value.clone());
    };
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return (!text.is_empty() && text != "null").then(|| value.clone());
    }
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(error) => {
            notes.push(format!("its {name} cannot be read: {error}"));
            None
        }
    }
}
