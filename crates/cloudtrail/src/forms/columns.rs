//! Rows of tables of CloudTrail's events, made records again: Athena's table as `UNLOAD` and `CREATE TABLE AS` write it, and
//! CloudTrail Lake's. Hive and Lake know no case, so that `useridentity` is what was `userIdentity`; both spellings are read.
//!
//! Source: Athena User Guide, "Create a table for CloudTrail logs"; CloudTrail User Guide, "Supported SQL schemas for event data
//! stores" and "CloudTrail record contents".

use super::{Outcome, ocsf};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// The names in a record that are not what they are in lower case.
const NAMES: [&str; 63] = [
    "accessKeyId",
    "accountId",
    "additionalEventData",
    "apiVersion",
    "ARN",
    "ARNPrefix",
    "assumedRoot",
    "awsRegion",
    "cipherSuite",
    "clientProvidedHostHeader",
    "creationDate",
    "credentialId",
    "credentialsIssuedTo",
    "ec2IssuedInVpc",
    "ec2RoleDelivery",
    "edgeDeviceDetails",
    "errorCode",
    "errorMessage",
    "eventCategory",
    "eventContext",
    "eventID",
    "eventName",
    "eventSource",
    "eventTime",
    "eventType",
    "eventVersion",
    "federatedProvider",
    "identityProvider",
    "identityStoreArn",
    "inScopeOf",
    "insightDetails",
    "invokedBy",
    "issuerType",
    "managementEvent",
    "mfaAuthenticated",
    "onBehalfOf",
    "originalEventID",
    "originalRequestID",
    "principalId",
    "readOnly",
    "recipientAccountId",
    "requestID",
    "requestParameters",
    "responseElements",
    "serviceEventDetails",
    "sessionContext",
    "sessionCredentialFromConsole",
    "sessionIssuer",
    "sharedEventID",
    "sourceAccount",
    "sourceArn",
    "sourceIPAddress",
    "sourceIdentity",
    "tlsDetails",
    "tlsVersion",
    "updatedFields",
    "userAgent",
    "userId",
    "userIdentity",
    "userName",
    "vpcEndpointAccountId",
    "vpcEndpointId",
    "webIdFederationData",
];
/// What services say in their own words: its names are data.
const FREE: [&str; 4] = [
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "serviceEventDetails",
];
/// Objects and lists that a table may have as their JSON.
const NESTED: [&str; 7] = [
    "userIdentity",
    "resources",
    "tlsDetails",
    "addendum",
    "edgeDeviceDetails",
    "insightDetails",
    "eventContext",
];

/// True for the columns of a table of CloudTrail's events.
pub(super) fn are<'a>(columns: impl Iterator<Item = &'a str> + Clone) -> bool {
    let has = |name: &str| {
        columns
            .clone()
            .any(|column| column.eq_ignore_ascii_case(name))
    };
    let whole = has("eventJson");
    let parts = has("eventName") && (has("eventTime") || has("eventID") || has("eventSource"));
    whole || parts
}

/// The record of a row, whose fields are called as [`name`] calls them.
pub(super) fn record<'a>(row: Map<String, Value>, notes: &mut Vec<String>) -> Outcome<'a> {
    let whole = row
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("eventJson"));
    if let Some((_, Value::String(text))) = whole {
        return Outcome::Record(text.clone().into());
    }
    let mut record = Map::new();
    for (name, value) in row {
        let value = match name.as_str() {
            free if is_free(free) => match value {
                // Lake has one text for each parameter, of which some are objects; Athena one for all.
                Value::Object(parameters) => Some(parsed(parameters)),
                value => ocsf::nested(free, &value, notes),
            },
            object if NESTED.contains(&object) => {
                let mut nested = match value {
                    Value::String(_) => ocsf::nested(object, &value, notes)
                        .map(|value| named(value, object == "resources")),
                    value => Some(value),
                };
                nested.iter_mut().for_each(session);
                nested
            }
            "readOnly" | "managementEvent" => Some(match value.as_str() {
                Some(text) if text.eq_ignore_ascii_case("true") => true.into(),
                Some(text) if text.eq_ignore_ascii_case("false") => false.into(),
                _ => value,
            }),
            "eventTime" => Some(time(value)),
            "sessionCredentialFromConsole" => Some(as_text(value)),
            // A record of a request that went well has none, and an empty one would make it a failure.
            "errorCode" | "errorMessage" => Some(value).filter(|value| value.as_str() != Some("")),
            _ => Some(value),
        };
        if let Some(value) = value {
            record.insert(name, value);
        }
    }
    Outcome::Record(Value::Object(record).to_string().into())
}

/// True for what has no names of CloudTrail's within.
pub(super) fn is_free(name: &str) -> bool {
    FREE.contains(&name)
}

/// A name as CloudTrail spells it.
pub(super) fn name(column: &str, of_resources: bool) -> &str {
    // Lake's own spelling.
    if column.eq_ignore_ascii_case("credentiaisissuedto") {
        return "credentialsIssuedTo";
    }
    // Identities have an `arn` and resources an `ARN`.
    if column.eq_ignore_ascii_case("arn") && !of_resources {
        return "arn";
    }
    let known = NAMES.iter().find(|name| name.eq_ignore_ascii_case(column));
    known.copied().unwrap_or(column)
}

/// The same of everything within what was written as its JSON, of which the parser has bounded the depth.
fn named(value: Value, of_resources: bool) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| {
                (
                    name(&key, of_resources).to_owned(),
                    named(value, of_resources),
                )
            });
            Value::Object(fields.collect())
        }
        Value::Array(elements) => elements
            .into_iter()
            .map(|element| named(element, of_resources))
            .collect(),
        value => value,
    }
}

/// What an identity says of its session, as a record has it: text, where a table may have a time or what is true or false.
fn session(identity: &mut Value) {
    let Some(context) = identity.get_mut("sessionContext") else {
        return;
    };
    if let Some(delivery) = context.get_mut("ec2RoleDelivery") {
        *delivery = as_text(delivery.take());
    }
    let Some(attributes) = context.get_mut("attributes") else {
        return;
    };
    if let Some(created) = attributes.get_mut("creationDate") {
        *created = time(created.take());
    }
    if let Some(mfa) = attributes.get_mut("mfaAuthenticated") {
        *mfa = as_text(mfa.take());
    }
}

/// Parameters that are objects or lists are written as their JSON. Policies are text in a record, too, and stay text.
fn parsed(parameters: Map<String, Value>) -> Value {
    let parsed = parameters.into_iter().map(|(key, value)| {
        let policy = key.eq_ignore_ascii_case("policy")
            || key.to_ascii_lowercase().ends_with("policydocument");
        let nested = match &value {
            Value::String(text) if !policy && text.starts_with(['{', '[']) => {
                serde_json::from_str(text).ok()
            }
            _ => None,
        };
        (key, nested.unwrap_or(value))
    });
    Value::Object(parsed.collect())
}

fn as_text(value: Value) -> Value {
    match value {
        Value::Bool(value) => value.to_string().into(),
        other => other,
    }
}

/// A time as CloudTrail writes it, also when a query has made it one of SQL's.
fn time(value: Value) -> Value {
    let text = value.as_str();
    let known = text.filter(|text| text.parse::<Timestamp>().is_err());
    match known.and_then(super::time) {
        Some(time) => time.to_string().into(),
        None => value,
    }
}
