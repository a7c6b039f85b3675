//! Whether a monitor's pattern really matches the events it is meant for.

mod events;
mod metric;
mod samples;

pub(crate) use events::{any, matches as event_matches, wildcard};
pub(crate) use metric::matches as metric_matches;
pub(crate) use samples::{
    Event, decrypt_denied, expiry, key_deleted, key_events, key_use, of_key, rotation, secret_read,
    violation,
};

use lockfast_facts::{Kind, Part, Place, ResourceId, Value, Why};
use serde_json::{Value as Json, json};

/// Where the sample events happen: in an account and region that are not known, until [`placed`] says.
const ACCOUNT: &str = events::OWN_ACCOUNT;
const REGION: &str = events::OWN_REGION;

/// A value as JSON. What is not known is [`events::UNKNOWN`], an attribute of a resource is
/// [`reference`]; the account and region of the stack itself are those of the sample events.
pub(crate) fn json_of(value: &Value) -> Json {
    match &value.kind {
        Kind::Null => Json::Null,
        Kind::Bool(b) => json!(b),
        Kind::Number(n) => serde_json::from_str(n).unwrap_or_else(|_| json!(&**n)),
        Kind::Text(text) => json!(text.render(|part| match part {
            Part::Reference(to) => reference(to.target),
            Part::Unknown(why) => own(why),
            _ => events::UNKNOWN.to_owned(),
        })),
        Kind::List(items) => Json::Array(items.iter().map(json_of).collect()),
        Kind::Map(map) => Json::Object(
            map.iter()
                .map(|(n, v)| (n.to_string(), json_of(v)))
                .collect(),
        ),
        Kind::Unknown(why) => json!(own(why)),
    }
}

fn own(why: &Why) -> String {
    match why {
        Why::Runtime(name) if name == "AWS::AccountId" => ACCOUNT.to_owned(),
        Why::Runtime(name) if name == "AWS::Region" => REGION.to_owned(),
        _ => events::UNKNOWN.to_owned(),
    }
}

/// How [`json_of`] writes an attribute of a resource.
pub(crate) fn reference(id: ResourceId) -> String {
    format!("{}{}", events::REFERENCE, id.0)
}

/// A sample event as it looks in an account and region.
pub(crate) fn placed(event: &Json, place: &Place) -> Json {
    rewritten(event, &|text| {
        let text = match &place.account {
            Some(account) => text.replace(ACCOUNT, account),
            None => text.to_owned(),
        };
        match &place.region {
            Some(region) => text.replace(REGION, region),
            None => text,
        }
    })
}

/// JSON with every text rewritten.
fn rewritten(event: &Json, rewrite: &impl Fn(&str) -> String) -> Json {
    match event {
        Json::String(text) => json!(rewrite(text)),
        Json::Array(items) => Json::Array(items.iter().map(|e| rewritten(e, rewrite)).collect()),
        Json::Object(map) => Json::Object(
            map.iter()
                .map(|(n, e)| (n.clone(), rewritten(e, rewrite)))
                .collect(),
        ),
        other => other.clone(),
    }
}
