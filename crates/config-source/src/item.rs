//! A configuration item, whatever wrote it.

use crate::lookup::{get, text};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Text in text in text: AWS Config wraps JSON in JSON, and never more often than this.
const DEEPEST_TEXT: usize = 3;

/// What an item says of its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// How it is configured.
    There,
    /// That it is no more.
    Gone,
    /// That it is there, and nothing else.
    NotRecorded,
}

/// A configuration item.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The type in AWS Config.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its ARN.
    pub arn: Option<String>,
    /// Twelve digits.
    pub account: String,
    /// The region, or `global`.
    pub region: String,
    /// When AWS Config looked.
    pub captured: Option<Timestamp>,
    /// What it says.
    pub status: Status,
    /// The tags as CloudFormation writes them; none when it does not tell.
    pub tags: Option<Value>,
    /// The configuration.
    pub configuration: Value,
    /// What services tell beside it.
    pub supplementary: Value,
}

/// The members of an item that are read, in lower case.
pub(crate) const MEMBERS: [&str; 14] = [
    "resourcetype",
    "resourceid",
    "resourcename",
    "arn",
    "accountid",
    "awsaccountid",
    "sourceaccountid",
    "awsregion",
    "sourceregion",
    "configuration",
    "supplementaryconfiguration",
    "tags",
    "configurationitemcapturetime",
    "configurationitemstatus",
];

impl Item {
    /// Reads an item.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(value: Value) -> Result<Item, String> {
        let value = decoded(value, DEEPEST_TEXT);
        if !value.is_object() {
            return Err(format!(
                "a configuration item is an object, not {}",
                what(&value)
            ));
        }
        let of = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| text(&value, name))
                .map(str::to_owned)
        };
        let kind = of(&["resourceType"]).ok_or("it has no resourceType")?;
        let named = format!(
            "{kind} {}",
            of(&["resourceId"]).or(of(&["arn"])).unwrap_or_default()
        );
        if !is_type(&kind) {
            return Err("its resourceType is no name of a type".into());
        }
        let arn = of(&["arn"]).filter(|arn| arn.starts_with("arn:"));
        let of_arn = |nth| arn.as_deref().and_then(|arn: &str| arn.split(':').nth(nth));
        let account = of(&["accountId", "awsAccountId", "sourceAccountId"])
            .or_else(|| of_arn(4).map(str::to_owned))
            .filter(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()))
            .ok_or_else(|| format!("{named} has no accountId"))?;
        let region = of(&["awsRegion", "sourceRegion"])
            .or_else(|| of_arn(3).map(str::to_owned))
            .filter(|region| is_region(region))
            .ok_or_else(|| format!("{named} has no awsRegion"))?;
        let id = of(&["resourceId"])
            .or_else(|| of(&["resourceName"]))
            .or_else(|| arn.clone())
            .ok_or_else(|| format!("{kind} has no resourceId"))?;
        let status = match of(&["configurationItemStatus"]).as_deref() {
            Some("ResourceDeleted" | "ResourceDeletedNotRecorded") => Status::Gone,
            Some("ResourceNotRecorded") => Status::NotRecorded,
            _ => Status::There,
        };
        Ok(Item {
            kind,
            id,
            name: of(&["resourceName"]),
            arn,
            account,
            region,
            captured: get(&value, "configurationItemCaptureTime").and_then(time),
            status,
            tags: get(&value, "tags").and_then(tags),
            configuration: part(&value, "configuration")
                .map_err(|error| format!("the configuration of {named} {error}"))?,
            supplementary: part(&value, "supplementaryConfiguration")
                .map_err(|error| format!("the supplementaryConfiguration of {named} {error}"))?,
        })
    }
}

/// A part of an item that is an object, or one in text.
fn part(value: &Value, name: &str) -> Result<Value, String> {
    let part = match get(value, name) {
        None | Some(Value::Null) => return Ok(Value::Null),
        Some(part) => part.clone(),
    };
    let part = match part {
        Value::String(text) if text.trim().is_empty() => return Ok(Value::Null),
        part => decoded(part, DEEPEST_TEXT),
    };
    match part {
        Value::Object(map) if name == "supplementaryConfiguration" => Ok(Value::Object(
            map.into_iter()
                .map(|(name, value)| (name, decoded(value, DEEPEST_TEXT)))
                .collect::<Map<_, _>>(),
        )),
        Value::Object(map) => Ok(Value::Object(map)),
        // A deleted resource may have the text `null`.
        Value::Null => Ok(Value::Null),
        Value::String(_) => Err("is text that is not JSON".into()),
        other => Err(format!("is {}, not an object", what(&other))),
    }
}

/// JSON in text as what it is. A policy stays text, since only the tables know which text is one.
fn decoded(value: Value, depth: usize) -> Value {
    match value {
        Value::String(text) if depth > 0 => {
            let trimmed = text.trim_start();
            let is_json = trimmed.starts_with(['{', '[', '"'])
                || matches!(trimmed, "true" | "false" | "null");
            match serde_json::from_str(trimmed).ok().filter(|_| is_json) {
                Some(inner) => decoded(inner, depth - 1),
                None => Value::String(text),
            }
        }
        value => value,
    }
}

/// Tags in a map, or in a list as AWS Config or another service writes it.
fn tags(value: &Value) -> Option<Value> {
    let mut found: Vec<(String, String)> = match value {
        Value::Object(map) => map
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
        Value::Array(items) => items
            .iter()
            .filter_map(|item| {
                let value = get(item, "value")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                Some((text(item, "key")?.to_owned(), value.to_owned()))
            })
            .collect(),
        _ => return None,
    };
    found.sort();
    let tags = found
        .into_iter()
        .map(|(key, value)| serde_json::json!({"Key": key, "Value": value}));
    Some(tags.collect())
}

/// A moment: in text, or as the seconds since 1970 that the command line interface of version 1 prints.
fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        #[allow(clippy::cast_possible_truncation)]
        Value::Number(number) => {
            Timestamp::from_millisecond((number.as_f64()? * 1000.0) as i64).ok()
        }
        _ => None,
    }
}

fn is_type(kind: &str) -> bool {
    let parts: Vec<&str> = kind.split("::").collect();
    parts.len() >= 3
        && kind.len() < 200
        && parts
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn is_region(region: &str) -> bool {
    (1..=32).contains(&region.len())
        && region
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn what(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn deliveries_and_answers_name_things_differently() {
        let delivered = json!({"resourceType": "AWS::EC2::Volume", "resourceId": "vol-1", "awsAccountId": "111111111111", "ARN": "arn:aws:ec2:eu-west-1:111111111111:volume/vol-1",
            "awsRegion": "eu-west-1", "tags": {"b": "2", "a": "1"}, "configuration": {"size": 8}, "configurationItemCaptureTime": "2026-11-01T10:00:00.000Z"});
        let answered = json!({"resourceType": "AWS::EC2::Volume", "resourceId": "vol-1", "accountId": "111111111111", "arn": "arn:aws:ec2:eu-west-1:111111111111:volume/vol-1",
            "awsRegion": "eu-west-1", "tags": [{"key": "b", "value": "2", "tag": "b=2"}, {"key": "a", "value": "1"}], "configuration": "{\"size\": 8}", "configurationItemCaptureTime": 1793527200.0});
        let read = |value| Item::new(value).expect("an item");
        let (delivered, answered) = (read(delivered), read(answered));
        assert_eq!(delivered.configuration, answered.configuration);
        assert_eq!(delivered.tags, answered.tags);
        assert_eq!(delivered.captured, answered.captured);
        assert_eq!(delivered.arn, answered.arn);
        assert!(delivered.captured.is_some());
    }

    #[test]
    fn what_is_no_item_is_said() {
        for (value, error) in [
            (json!(3), "not a number"),
            (json!({}), "no resourceType"),
            (json!({"resourceType": "x"}), "no name of a type"),
            (
                json!({"resourceType": "AWS::S3::Bucket", "resourceId": "b"}),
                "AWS::S3::Bucket b has no accountId",
            ),
            (
                json!({"resourceType": "AWS::S3::Bucket", "resourceId": "b", "accountId": "111111111111", "awsRegion": "\u{1b}[2J"}),
                "no awsRegion",
            ),
            (
                json!({"resourceType": "AWS::S3::Bucket", "resourceId": "b", "accountId": "111111111111", "awsRegion": "eu-west-1", "configuration": "{"}),
                "is text that is not JSON",
            ),
            (
                json!({"resourceType": "AWS::S3::Bucket", "resourceId": "b", "accountId": "111111111111", "awsRegion": "eu-west-1", "configuration": []}),
                "a list, not an object",
            ),
        ] {
            let found = Item::new(value).expect_err(error);
            assert!(found.contains(error), "{found}");
        }
    }
}
