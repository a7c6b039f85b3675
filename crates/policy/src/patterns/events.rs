//! EventBridge event patterns (Amazon EventBridge User Guide, "Comparison operators for use in
//! event patterns").

use serde_json::Value as Json;

/// Whether an event matches a pattern: every field of the pattern must match, a list is an or.
pub(crate) fn matches(pattern: &Json, event: &Json) -> bool {
    let Json::Object(fields) = pattern else {
        return false;
    };
    fields.iter().all(|(name, wanted)| match name.as_str() {
        "$or" => wanted
            .as_array()
            .is_some_and(|any| any.iter().any(|p| matches(p, event))),
        _ => field(wanted, event.get(name)),
    })
}

fn field(wanted: &Json, actual: Option<&Json>) -> bool {
    match (wanted, actual) {
        // Fields inside a list match when any item does.
        (Json::Object(_), Some(Json::Array(items))) => {
            items.iter().any(|item| matches(wanted, item))
        }
        (Json::Object(_), Some(inner)) => matches(wanted, inner),
        (Json::Object(_), None) => matches(wanted, &Json::Null),
        (Json::Array(any), Some(Json::Array(items))) => any
            .iter()
            .any(|w| items.iter().any(|item| value(w, Some(item)))),
        (Json::Array(any), actual) => any.iter().any(|w| value(w, actual)),
        _ => false,
    }
}

fn value(wanted: &Json, actual: Option<&Json>) -> bool {
    let Json::Object(operator) = wanted else {
        return actual == Some(wanted);
    };
    let Some((name, operand)) = operator.iter().next() else {
        return false;
    };
    if name == "exists" {
        return operand.as_bool() == Some(actual.is_some_and(|a| !a.is_null()));
    }
    let Some(actual) = actual else {
        return false;
    };
    match name.as_str() {
        "anything-but" => match operand {
            Json::Array(list) => !list.contains(actual),
            Json::Object(_) => !value(operand, Some(actual)),
            other => other != actual,
        },
        "numeric" => actual.as_f64().is_some_and(|n| numeric(operand, n)),
        _ => {
            let (Some(text), Some(wanted)) = (actual.as_str(), operand_text(operand)) else {
                return false;
            };
            let ignore_case = operand.is_object();
            let (text, wanted) = if ignore_case || name == "equals-ignore-case" {
                (text.to_lowercase(), wanted.to_lowercase())
            } else {
                (text.to_owned(), wanted.to_owned())
            };
            match name.as_str() {
                "prefix" => text.starts_with(&wanted),
                "suffix" => text.ends_with(&wanted),
                "equals-ignore-case" => text == wanted,
                "wildcard" => wildcard(&wanted, &text),
                _ => false,
            }
        }
    }
}

/// A string, or `{"equals-ignore-case": string}`.
fn operand_text(operand: &Json) -> Option<&str> {
    operand
        .as_str()
        .or_else(|| operand.get("equals-ignore-case")?.as_str())
}

/// `[">=", 0, "<", 45]`: all must hold.
fn numeric(operand: &Json, actual: f64) -> bool {
    let Some(list) = operand.as_array() else {
        return false;
    };
    list.chunks(2).all(|pair| match pair {
        [op, number] => match (op.as_str(), number.as_f64()) {
            (Some("="), Some(n)) => (actual - n).abs() < f64::EPSILON,
            (Some(">"), Some(n)) => actual > n,
            (Some(">="), Some(n)) => actual >= n,
            (Some("<"), Some(n)) => actual < n,
            (Some("<="), Some(n)) => actual <= n,
            _ => false,
        },
        _ => false,
    })
}

/// `*` stands for any characters.
pub(super) fn wildcard(pattern: &str, text: &str) -> bool {
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
        ] {
            assert_eq!(matches(&pattern, &event), expected, "{pattern}");
        }
    }
}
