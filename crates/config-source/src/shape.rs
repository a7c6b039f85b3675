//! What is done with a value on its way from an item to a property.

use crate::shapes;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// What becomes of a value: a value, none, or why that is not known.
pub(crate) type Shaped = Result<Option<Value>, String>;

/// What a step works with beside the value.
pub(crate) struct Setting<'a> {
    /// How CloudFormation writes names, by the name in lower case.
    pub names: &'a HashMap<String, String>,
    /// The account.
    pub account: &'a str,
}

/// A step.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// One that needs no argument.
    Plain(fn(Option<Value>, &Setting<'_>) -> Shaped),
    /// The part that follows a word in an ARN or another path.
    Part(String),
    /// All that follows it.
    Rest(String),
}

impl Step {
    /// The step of a name in the tables.
    pub(crate) fn new(name: &str) -> Option<Step> {
        if let Some(word) = name.strip_prefix("part:") {
            return Some(Step::Part(word.to_owned()));
        }
        if let Some(word) = name.strip_prefix("rest:") {
            return Some(Step::Rest(format!("{word}/")));
        }
        Some(Step::Plain(match name {
            "bool" => truth,
            "number" => number,
            "json" => document,
            "names" => names,
            "quantities" => quantities,
            "one" => one,
            "list" => list,
            "last" => last,
            "hyphens" => hyphens,
            "true-only" => true_only,
            "other-shape" => other_shape,
            "stage" => shapes::stage,
            "volumes" => shapes::volumes,
            "devices" => shapes::devices,
            "ingress" => shapes::ingress,
            "egress" => shapes::egress,
            "flow-log-of" => shapes::flow_log_of,
            "secret-of-master" => shapes::secret_of_master,
            "shared-with" => shapes::shared_with,
            "table-encryption" => shapes::table_encryption,
            "replicas" => shapes::replicas,
            "point-in-time" => shapes::point_in_time,
            "attributes" => shapes::attributes,
            "parameters" => shapes::parameters,
            "classic-listeners" => shapes::classic_listeners,
            "classic-policies" => shapes::classic_policies,
            "default-version" => shapes::default_version,
            "rotation-rules" => shapes::rotation_rules,
            "redshift-logging" => shapes::redshift_logging,
            "method-settings" => shapes::method_settings,
            "topic-policy" => shapes::topic_policy,
            _ => return None,
        }))
    }

    /// Takes the step.
    pub(crate) fn take(&self, value: Option<Value>, setting: &Setting<'_>) -> Shaped {
        match self {
            Step::Plain(step) => step(value, setting),
            Step::Part(word) => Ok(value.and_then(|value| {
                let mut parts = value.as_str()?.split([':', '/']);
                parts.by_ref().find(|part| part == word)?;
                parts.next().map(|part| Value::String(part.to_owned()))
            })),
            Step::Rest(word) => Ok(value.and_then(|value| {
                let (_, rest) = value.as_str()?.split_once(word.as_str())?;
                Some(Value::String(rest.to_owned()))
            })),
        }
    }
}

fn truth(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    match value {
        Some(Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Some(Value::Bool(true))),
            "false" => Ok(Some(Value::Bool(false))),
            _ => Err("it is neither true nor false".into()),
        },
        None | Some(Value::Bool(_)) => Ok(value),
        Some(_) => Err("it is neither true nor false".into()),
    }
}

fn number(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    Ok(match value {
        Some(Value::String(text)) => match text.parse::<i64>() {
            Ok(number) => Some(number.into()),
            Err(_) => return Err("it is no number".into()),
        },
        value => value,
    })
}

/// A policy or another document, in text or not. IAM writes text as URLs are written (IAM API Reference, PolicyDetail: RFC
/// 3986), API Gateway with its quotes escaped.
pub(crate) fn document(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let text = match value {
        Some(Value::String(text)) => text,
        None | Some(Value::Object(_) | Value::Array(_)) => return Ok(value),
        Some(_) => return Err("malformed document".into()),
    };
    let plain = serde_json::from_str(&text)
        .or_else(|_| serde_json::from_str(&percent_decoded(&text)))
        .or_else(
            |error| match serde_json::from_str::<String>(&format!("\"{text}\"")) {
                Ok(inner) => serde_json::from_str(&inner),
                Err(_) => Err(error),
            },
        );
    match plain {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(Some(value)),
        // A document that is text in text.
        Ok(Value::String(inner)) => match serde_json::from_str(&inner) {
            Ok(value @ Value::Object(_)) => Ok(Some(value)),
            _ => Err("malformed document".into()),
        },
        _ => Err("malformed document".into()),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hex
            .and_then(|two| u8::from_str_radix(two, 16).ok())
            .filter(|_| first == b'%')
        {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An object with names as CloudFormation writes them, at any depth. Null is left out; so is an object of nothing else.
fn names(value: Option<Value>, setting: &Setting<'_>) -> Shaped {
    Ok(value.and_then(|value| named(value, setting)))
}

fn named(value: Value, setting: &Setting<'_>) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) => Some(
            items
                .into_iter()
                .filter_map(|item| named(item, setting))
                .collect(),
        ),
        Value::Object(map) => {
            let mut shaped = Map::new();
            for (name, value) in map {
                let keeps_names = name.eq_ignore_ascii_case("variables");
                let is_document = name.to_ascii_lowercase().ends_with("policydocument");
                let value = match value {
                    Value::Null => None,
                    value if keeps_names => Some(value),
                    value if is_document => Some(
                        document(Some(value), setting)
                            .ok()
                            .flatten()
                            .unwrap_or_else(|| crate::convert::unknown("malformed document")),
                    ),
                    value => named(value, setting),
                };
                if let Some(value) = value {
                    shaped.insert(capital(&name, setting), value);
                }
            }
            (!shaped.is_empty()).then_some(Value::Object(shaped))
        }
        value => Some(value),
    }
}

/// A name as CloudFormation writes it.
pub(crate) fn capital(name: &str, setting: &Setting<'_>) -> String {
    if let Some(name) = setting.names.get(&name.to_ascii_lowercase()) {
        return name.clone();
    }
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + letters.as_str(),
        None => String::new(),
    }
}

/// CloudFront's lists, which its API gives with their number, as lists; then names. What stands beside the items
/// (the methods that are cached) is left out.
fn quantities(value: Option<Value>, setting: &Setting<'_>) -> Shaped {
    fn go(value: Value) -> Value {
        match value {
            Value::Object(mut map) if map.contains_key("quantity") => {
                // Signers and key groups say beside the list whether it counts, as the schema's list does by itself.
                match map.remove("items").unwrap_or(Value::Null) {
                    Value::Null => Value::Array(Vec::new()),
                    items => go(items),
                }
            }
            Value::Object(map) => Value::Object(
                map.into_iter()
                    .map(|(name, value)| (name, go(value)))
                    .collect(),
            ),
            Value::Array(items) => items.into_iter().map(go).collect(),
            value => value,
        }
    }
    names(value.map(go), setting)
}

fn one(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    Ok(value.map(|value| Value::Array(vec![value])))
}

/// No list is an empty one.
fn list(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    Ok(Some(value.unwrap_or_else(|| Value::Array(Vec::new()))))
}

/// The last part of an ARN or URL.
fn last(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    Ok(value.map(|value| match value.as_str() {
        Some(text) => Value::String(text.rsplit([':', '/']).next().unwrap_or(text).to_owned()),
        None => value,
    }))
}

/// ACM's answers and CloudFormation write `RSA_2048` for what others write as `RSA-2048`.
fn hyphens(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    Ok(value.map(|value| match value.as_str() {
        Some(text) => Value::String(text.replace('-', "_")),
        None => value,
    }))
}

fn true_only(value: Option<Value>, setting: &Setting<'_>) -> Shaped {
    Ok(truth(value, setting)?.filter(|value| *value == Value::Bool(true)))
}

/// Something is there, in a shape that nobody documented.
fn other_shape(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    match value {
        None => Ok(None),
        Some(_) => Err("AWS Config keeps it in another shape".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn setting(names: &HashMap<String, String>) -> Setting<'_> {
        Setting {
            names,
            account: "111111111111",
        }
    }

    #[test]
    fn documents_come_in_many_clothes() {
        let none = HashMap::new();
        let policy = json!({"Statement": [{"Resource": "a+b/*"}]});
        for text in [
            r#"{"Statement":[{"Resource":"a+b/*"}]}"#,
            "%7B%22Statement%22%3A%5B%7B%22Resource%22%3A%22a%2Bb%2F%2A%22%7D%5D%7D",
            r#"{\"Statement\":[{\"Resource\":\"a+b/*\"}]}"#,
            r#""{\"Statement\":[{\"Resource\":\"a+b/*\"}]}""#,
        ] {
            assert_eq!(
                document(Some(text.into()), &setting(&none)),
                Ok(Some(policy.clone())),
                "{text}"
            );
        }
        for text in ["", "%7B", "%", "{", "3", "\"x\""] {
            assert!(
                document(Some(text.into()), &setting(&none)).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn names_are_cloudformations() {
        let spelled = HashMap::from([("kmsmasterkeyid".to_owned(), "KMSMasterKeyID".to_owned())]);
        let shaped = names(
            Some(
                json!({"kmsMasterKeyID": "k", "status": null, "environment": {"variables": {"lower": "x"}}, "empty": {"a": null}}),
            ),
            &setting(&spelled),
        );
        let wanted = json!({"KMSMasterKeyID": "k", "Environment": {"Variables": {"lower": "x"}}});
        assert_eq!(shaped, Ok(Some(wanted)));
    }

    #[test]
    fn what_says_nothing_is_not_a_fact() {
        let none = HashMap::new();
        assert!(truth(Some(json!("maybe")), &setting(&none)).is_err());
        assert_eq!(
            truth(Some(json!("False")), &setting(&none)),
            Ok(Some(json!(false)))
        );
        assert!(number(Some(json!("many")), &setting(&none)).is_err());
        assert!(other_shape(Some(json!({})), &setting(&none)).is_err());
    }
}
