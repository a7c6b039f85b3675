//! Finding what an item tells at a path.

use crate::item::Item;
use serde_json::Value;
use std::borrow::Cow;

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    Configuration,
    Supplementary,
    Item,
}

/// A path in an item.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    root: Root,
    steps: Vec<String>,
}

/// What an item tells at a path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told<'a> {
    /// Nothing: the path leads nowhere.
    Missing,
    /// That there is none: null, or an empty text.
    Nothing,
    /// This.
    Value(Cow<'a, Value>),
}

impl Path {
    /// Parses a path as the tables write it.
    pub(crate) fn new(text: &str) -> Self {
        let (root, rest) = match text.as_bytes().first() {
            Some(b'+') => (Root::Supplementary, &text[1..]),
            Some(b'@') => (Root::Item, &text[1..]),
            _ => (Root::Configuration, text),
        };
        Path {
            root,
            steps: rest.split('.').map(str::to_owned).collect(),
        }
    }

    /// The last name, for people.
    pub(crate) fn last(&self) -> &str {
        let mut names = self.steps.iter().rev();
        names
            .find(|step| *step != "*" && *step != "0")
            .map_or("", String::as_str)
    }

    /// What the item tells there.
    pub(crate) fn of<'a>(&self, item: &'a Item) -> Told<'a> {
        match self.root {
            Root::Configuration => at(&item.configuration, &self.steps),
            Root::Supplementary => at(&item.supplementary, &self.steps),
            Root::Item => {
                let text = match self.steps.first().map(String::as_str) {
                    Some("resourceId") => Some(item.id.as_str()),
                    Some("resourceName") => item.name.as_deref(),
                    Some("arn") => item.arn.as_deref(),
                    _ => None,
                };
                match text.filter(|text| !text.is_empty()) {
                    Some(text) => Told::Value(Cow::Owned(Value::String(text.to_owned()))),
                    None => Told::Missing,
                }
            }
        }
    }
}

fn at<'a>(value: &'a Value, steps: &[String]) -> Told<'a> {
    let value = unwrapped(value);
    let Some((step, rest)) = steps.split_first() else {
        return match value {
            Value::Null => Told::Nothing,
            Value::String(text) if text.is_empty() => Told::Nothing,
            value => Told::Value(Cow::Borrowed(value)),
        };
    };
    match (value, step.as_str()) {
        (Value::Null, _) if steps.len() > 1 || step == "*" || step == "0" => Told::Nothing,
        (Value::Array(items), "*") => {
            let found = items.iter().filter_map(|item| match at(item, rest) {
                Told::Value(value) => Some(value.into_owned()),
                _ => None,
            });
            Told::Value(Cow::Owned(found.collect()))
        }
        (Value::Array(items), "0") => items.first().map_or(Told::Nothing, |item| at(item, rest)),
        (Value::Object(_), name) => match get(value, name) {
            Some(Value::Null) => Told::Nothing,
            Some(item) => at(item, rest),
            None => Told::Missing,
        },
        _ => Told::Missing,
    }
}

/// What an object has under a name, whatever its case: AWS Config writes `dBInstanceIdentifier` here and
/// `dbinstanceIdentifier` there.
pub(crate) fn get<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let map = value.as_object()?;
    map.get(name).or_else(|| {
        map.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

/// The text under a name.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    get(value, name)
        .map(unwrapped)?
        .as_str()
        .filter(|text| !text.is_empty())
}

/// What an object holds that is nothing but a wrapper: AWS Config writes some words as `{"value": "available"}`.
pub(crate) fn unwrapped(value: &Value) -> &Value {
    match value.as_object() {
        Some(map) if map.len() == 1 => match map.get("value") {
            Some(inner @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => inner,
            _ => value,
        },
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(path: &str, configuration: Value) -> String {
        let item = json!({"resourceType": "AWS::X::Y", "resourceId": "i", "accountId": "111111111111", "awsRegion": "eu-west-1",
            "configuration": configuration});
        let item = Item::new(item).expect("an item");
        match Path::new(path).of(&item) {
            Told::Missing => "missing".into(),
            Told::Nothing => "nothing".into(),
            Told::Value(value) => value.to_string(),
        }
    }

    #[test]
    fn what_is_null_is_told_and_what_is_not_there_is_not() {
        assert_eq!(told("kmsKeyId", json!({"kmsKeyId": null})), "nothing");
        assert_eq!(told("kmsKeyId", json!({"size": 8})), "missing");
        assert_eq!(told("a.b", json!({"a": null})), "nothing");
        assert_eq!(told("a.b", json!({"a": {}})), "missing");
        assert_eq!(told("a.b", json!({"a": "text"})), "missing");
    }

    #[test]
    fn names_count_whatever_their_case() {
        assert_eq!(told("dBName", json!({"dbname": "shop"})), "\"shop\"");
        assert_eq!(
            told("state", json!({"state": {"value": "in-use"}})),
            "\"in-use\""
        );
    }

    #[test]
    fn stars_take_each_and_zero_the_first() {
        let groups = json!({"groups": [{"groupId": "sg-1"}, {}, {"groupId": "sg-2"}]});
        assert_eq!(
            told("groups.*.groupId", groups.clone()),
            r#"["sg-1","sg-2"]"#
        );
        assert_eq!(told("groups.0.groupId", groups), "\"sg-1\"");
        assert_eq!(told("groups.0.groupId", json!({"groups": []})), "nothing");
    }
}
