//! Secrets in values: AWS Config keeps environment variables, parameters of stacks and headers as they are, so every text
//! is shown to what covers them before it is kept.

use crate::lookup::text;
use serde_json::Value;

/// What names a value that stands beside it: `{"Name": "DB_PASSWORD", "Value": "…"}`.
const NAMED: [(&str, &str); 4] = [
    ("value", "name"),
    ("value", "key"),
    ("parametervalue", "parameterkey"),
    ("headervalue", "headername"),
];

/// Covers the secrets in a property.
pub(crate) fn cover(name: &str, value: &mut Value, cover_value: fn(&str, &str) -> String) {
    match value {
        Value::String(text) if !is_name(text) => {
            let covered = cover_value(name, text);
            if covered != *text {
                *text = covered;
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| cover(name, item, cover_value)),
        // What a policy's conditions name is compared, not kept secret.
        Value::Object(map) if is_policy(map) || lockfast_snapshot::unknown(map).is_some() => {}
        Value::Object(map) => {
            let whole = Value::Object(std::mem::take(map));
            let beside: Vec<(&str, String)> = NAMED
                .iter()
                .filter_map(|(value, name)| Some((*value, text(&whole, name)?.to_owned())))
                .collect();
            let Value::Object(taken) = whole else {
                return;
            };
            *map = taken;
            for (key, item) in map.iter_mut() {
                let named = beside
                    .iter()
                    .find(|(value, _)| key.eq_ignore_ascii_case(value));
                let name = named.map_or(key.as_str(), |(_, name)| name);
                cover(name, item, cover_value);
            }
        }
        _ => {}
    }
}

/// Environment variables have texts only, so none of them passes for the statements of a policy.
fn is_policy(map: &serde_json::Map<String, Value>) -> bool {
    map.get("Statement")
        .is_some_and(|statement| statement.is_array() || statement.is_object())
}

/// An ARN, or an id of AWS's or of a key: no secret, and what it names would be lost with it.
fn is_name(text: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    if text.starts_with("arn:") {
        return !text.contains(['@', ' ', '?']);
    }
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        [_, _, _, _, _] => {
            parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
                && parts.iter().all(|part| is_hex(part))
        }
        [prefix, id] => {
            prefix.len() <= 8
                && prefix.bytes().all(|b| b.is_ascii_lowercase())
                && (8..=17).contains(&id.len())
                && is_hex(id)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stars(name: &str, value: &str) -> String {
        match name.to_ascii_lowercase().contains("password") {
            true => "*".into(),
            false => value.to_owned(),
        }
    }

    #[test]
    fn values_are_known_by_the_names_beside_them() {
        let mut value = json!({
            "Variables": {"DB_PASSWORD": "x", "TABLE": "orders"},
            "Environment": [{"Name": "password", "Value": "x"}, {"Name": "table", "Value": "orders"}],
            "Parameters": [{"parameterKey": "Password", "parameterValue": "x"}],
            "PasswordArn": "arn:aws:secretsmanager:eu-west-1:111111111111:secret:a",
            "Policy": {"Statement": [{"Condition": {"StringEquals": {"x:password": "y"}}}]},
        });
        cover("", &mut value, stars);
        assert_eq!(
            value["Variables"],
            json!({"DB_PASSWORD": "*", "TABLE": "orders"})
        );
        assert_eq!(value["Environment"][0]["Value"], "*");
        assert_eq!(value["Environment"][1]["Value"], "orders");
        assert_eq!(value["Parameters"][0]["parameterValue"], "*");
        assert_eq!(
            value["PasswordArn"],
            "arn:aws:secretsmanager:eu-west-1:111111111111:secret:a"
        );
        assert_eq!(
            value["Policy"]["Statement"][0]["Condition"]["StringEquals"]["x:password"],
            "y"
        );
    }
}
