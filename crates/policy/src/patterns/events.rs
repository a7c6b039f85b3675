//! EventBridge event patterns (Amazon EventBridge User Guide, "Comparison operators for use in
//! event patterns").

use serde_json::Value as Json;

/// Marks a value that is not known before deployment.
pub(super) const UNKNOWN: &str = "\u{0}";
/// Begins a value that is an attribute of a resource: its id follows.
pub(super) const REFERENCE: &str = "\u{1}";

/// Stands for the account of a sample event, and for `AWS::AccountId` in a pattern, where the input does
/// not say which it is.
pub(super) const OWN_ACCOUNT: &str = "\u{2}";
/// The same of the region.
pub(super) const OWN_REGION: &str = "\u{3}";

/// Whether a value of an event may turn out to be like a text: its own account and region may be any.
pub(super) fn may_be(actual: &str, like: impl Fn(&str) -> bool) -> bool {
    let pattern = actual.replace(OWN_ACCOUNT, "*").replace(OWN_REGION, "*");
    pattern != actual && like(&pattern)
}

/// Whether an event matches a pattern: every field of the pattern must match, a list is an or.
/// `None` when a value that decides is not known, or an operator is not understood. Numbers match
/// as they are written: EventBridge takes 7 and 7.0 for different.
pub(crate) fn matches(pattern: &Json, event: &Json) -> Option<bool> {
    let Json::Object(fields) = pattern else {
        return Some(false);
    };
    all(fields.iter().map(|(name, wanted)| match name.as_str() {
        "$or" => match wanted.as_array() {
            Some(patterns) => any(patterns.iter().map(|p| matches(p, event))),
            None => Some(false),
        },
        _ => field(wanted, event.get(name)),
    }))
}

/// True when one is true, false when all are false.
pub(crate) fn any(mut each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut answer = Some(false);
    loop {
        match each.next() {
            Some(Some(true)) => return Some(true),
            Some(None) => answer = None,
            Some(Some(false)) => {}
            None => return answer,
        }
    }
}

/// False when one is false, true when all are true.
fn all(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    any(each.map(not)).map(|found| !found)
}

fn not(answer: Option<bool>) -> Option<bool> {
    answer.map(|a| !a)
}

fn field(wanted: &Json, actual: Option<&Json>) -> Option<bool> {
    match (wanted, actual) {
        // Fields inside a list match when any item does.
        (Json::Object(_), Some(Json::Array(items))) => {
            any(items.iter().map(|item| matches(wanted, item)))
        }
        (Json::Object(_), inner) => matches(wanted, inner.unwrap_or(&Json::Null)),
        (Json::Array(list), Some(Json::Array(items))) => any(list
            .iter()
            .flat_map(|w| items.iter().map(move |item| value(w, Some(item))))),
        (Json::Array(list), actual) => any(list.iter().map(|w| value(w, actual))),
        (Json::String(unknown), _) if unknown == UNKNOWN => None,
        _ => Some(false),
    }
}

fn value(wanted: &Json, actual: Option<&Json>) -> Option<bool> {
    let Json::Object(operator) = wanted else {
        return same(wanted, actual);
    };
    let Some((name, operand)) = operator.iter().next() else {
        return Some(false);
    };
    if name == "exists" {
        return operand
            .as_bool()
            .map(|wanted| wanted == actual.is_some_and(|a| !a.is_null()));
    }
    let Some(actual) = actual else {
        return Some(false);
    };
    match name.as_str() {
        "anything-but" => not(match operand {
            Json::Array(list) => any(list.iter().map(|w| same(w, Some(actual)))),
            Json::Object(inner) => match inner.iter().next() {
                Some((name, Json::Array(list))) => any(list.iter().map(|w| text(name, w, actual))),
                Some((name, operand)) => text(name, operand, actual),
                None => None,
            },
            other => same(other, Some(actual)),
        }),
        "numeric" => match actual.as_f64() {
            Some(number) => numeric(operand, number),
            None => Some(false),
        },
        name => text(name, operand, actual),
    }
}

/// Whether a value is the one wanted. A reference can only be told from other references.
fn same(wanted: &Json, actual: Option<&Json>) -> Option<bool> {
    let (Some(text), Some(Json::String(actual))) = (wanted.as_str(), actual) else {
        return (wanted.as_str() != Some(UNKNOWN)).then(|| actual == Some(wanted));
    };
    if text == actual {
        return Some(true);
    }
    // A key's ARN may be the one that a reference stands for; a service's name cannot.
    let reference = text.contains(REFERENCE) && actual.starts_with("arn:");
    let own = may_be(actual, |actual| wildcard(actual, text));
    (!reference && !own && !text.contains(UNKNOWN)).then_some(false)
}

/// The operators on strings; an operand may be `{"equals-ignore-case": string}`.
fn text(name: &str, operand: &Json, actual: &Json) -> Option<bool> {
    let folded = operand.get("equals-ignore-case").and_then(Json::as_str);
    let wanted = folded.or_else(|| operand.as_str())?;
    if wanted.contains(UNKNOWN) || wanted.contains(REFERENCE) {
        return None;
    }
    let Some(actual) = actual.as_str() else {
        return Some(false);
    };
    let (actual, wanted) = match folded.is_some() || name == "equals-ignore-case" {
        true => (actual.to_lowercase(), wanted.to_lowercase()),
        false => (actual.to_owned(), wanted.to_owned()),
    };
    let found = match name {
        "prefix" => actual.starts_with(&wanted),
        "suffix" => actual.ends_with(&wanted),
        "equals-ignore-case" => actual == wanted,
        "wildcard" => wildcard(&wanted, &actual),
        _ => return None,
    };
    (found || !may_be(&actual, |_| true)).then_some(found)
}

/// `[">=", 0, "<", 45]`: all must hold.
fn numeric(operand: &Json, actual: f64) -> Option<bool> {
    all(operand.as_array()?.chunks(2).map(|pair| match pair {
        [op, number] => {
            let n = number.as_f64()?;
            Some(match op.as_str()? {
                "=" => (actual - n).abs() < f64::EPSILON,
                ">" => actual > n,
                ">=" => actual >= n,
                "<" => actual < n,
                "<=" => actual <= n,
                _ => return None,
            })
        }
        _ => None,
    }))
}

/// `*` stands for any characters.
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operators_match_as_documented() {
        let event = json!({"source": "aws.kms", "detail": {"eventName": "DisableKey", "n": 7, "list": ["a", "b"]}});
        for (pattern, expected) in [
            (json!({"source": ["aws.kms"]}), true),
            (json!({"source": ["aws.s3", {"prefix": "aws.k"}]}), true),
            (json!({"source": ["aws.s3"]}), false),
            (json!({"detail": {"eventName": [{"suffix": "Key"}]}}), true),
            (
                json!({"detail": {"eventName": [{"anything-but": ["DisableKey"]}]}}),
                false,
            ),
            (
                json!({"detail": {"eventName": [{"anything-but": {"prefix": "Put"}}]}}),
                true,
            ),
            (
                json!({"detail": {"n": [{"numeric": [">", 5, "<=", 7]}]}}),
                true,
            ),
            (json!({"detail": {"missing": [{"exists": false}]}}), true),
            (json!({"detail": {"eventName": [{"exists": false}]}}), false),
            (json!({"detail": {"list": ["b"]}}), true),
            (
                json!({"detail": {"eventName": [{"wildcard": "D*Key"}]}}),
                true,
            ),
            (
                json!({"detail": {"eventName": [{"equals-ignore-case": "disablekey"}]}}),
                true,
            ),
            (
                json!({"$or": [{"source": ["x"]}, {"source": ["aws.kms"]}]}),
                true,
            ),
            (json!({"source": "aws.kms"}), false),
            (
                json!({"detail": {"eventName": [{"anything-but": {"prefix": ["Put", "Dis"]}}]}}),
                false,
            ),
            (
                json!({"detail": {"eventName": [{"prefix": {"equals-ignore-case": "disable"}}]}}),
                true,
            ),
            (json!({"detail": {"n": [7]}}), true),
            (json!({"detail": {"n": [7.0]}}), false),
        ] {
            assert_eq!(matches(&pattern, &event), Some(expected), "{pattern}");
        }
    }

    #[test]
    fn what_is_not_known_decides_only_where_it_must() {
        let event = json!({"source": "aws.kms", "resources": ["arn:aws:kms:eu-central-1:1:key/1"]});
        for (pattern, expected) in [
            (json!({"source": [UNKNOWN]}), None),
            (json!({"source": ["aws.kms", UNKNOWN]}), Some(true)),
            (
                json!({"source": ["aws.s3"], "detail-type": [UNKNOWN]}),
                Some(false),
            ),
            (json!({"source": [{"prefix": UNKNOWN}]}), None),
            (json!({"source": [{"cidr": "10.0.0.0/8"}]}), None),
            (json!({"source": ["\u{1}7"]}), Some(false)),
            (json!({"resources": ["\u{1}7"]}), None),
        ] {
            assert_eq!(matches(&pattern, &event), expected, "{pattern}");
        }
        let named = json!({"rule": ["encrypted-volumes", "\u{1}7"]});
        assert_eq!(matches(&json!({"rule": ["\u{1}7"]}), &named), Some(true));
        assert_eq!(matches(&json!({"rule": ["\u{1}8"]}), &named), Some(false));
    }
}
