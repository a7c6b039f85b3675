//! Values as a snapshot keeps them: without their secrets, and with a mark that says what stood there, so that a control finds
//! in the snapshot what it would have found in the account.

use super::{COVER, TABLES, entropy, found, in_line};
use lockfast_facts::Text;
use std::ops::Range;

/// What a mark begins and ends with: characters that no credential has.
const MARK: (&str, char) = ("‹secret: ", '›');

/// The value of a name without its secrets. Each is replaced by a mark that says its kind, so that [`found`] says the
/// same of the result as of the value; what only may be a secret is covered. A value without secrets is given as it is.
pub fn cover_value(name: &str, value: &str) -> String {
    if let Some(covered) = in_json(value) {
        return covered;
    }
    let mut ranges = shapes(name, value);
    if ranges.is_empty()
        && let Some(what) = found(name, &Text::Plain(value.into()))
    {
        return mark(&what);
    }
    ranges.extend(
        in_line(value)
            .into_iter()
            .map(|range| (range, COVER.into())),
    );
    ranges.sort_by_key(|(range, _)| (range.start, range.end));
    let mut covered = String::with_capacity(value.len());
    let mut end = 0;
    for (range, cover) in ranges {
        if range.start >= end {
            covered.push_str(&value[end..range.start]);
            covered.push_str(&cover);
        }
        end = end.max(range.end);
    }
    covered.push_str(&value[end..]);
    covered
}

/// What a mark in a text says stood there.
pub(super) fn marked(text: &str) -> Option<String> {
    let (_, after) = text.split_once(MARK.0)?;
    let (what, _) = after.split_once(MARK.1)?;
    Some(what.to_owned())
}

fn mark(what: &str) -> String {
    format!("{}{what}{}", MARK.0, MARK.1)
}

/// Where secrets of known shapes stand in the value, each with its mark.
fn shapes(name: &str, value: &str) -> Vec<(Range<usize>, String)> {
    let mut ranges = Vec::new();
    let context = format!("{name}={value}");
    let bytes = context.as_bytes();
    let before = name.len() + 1;
    for index in TABLES.shapes.matches(bytes) {
        let row = &TABLES.rows[index];
        let Some(regex) = row.alone() else {
            continue;
        };
        for captures in regex.captures_iter(bytes) {
            let Some(part) = captures.get(row.group).or(captures.get(0)) else {
                continue;
            };
            if row.min_entropy > 0.0 && entropy(part.as_bytes()) < row.min_entropy {
                continue;
            }
            let start = part.start().max(before) - before;
            let end = part.end().max(before) - before;
            let range = widened(value, start..end);
            if !range.is_empty() {
                ranges.push((range, mark(&format!("a value of the shape {}", row.name))));
            }
        }
    }
    ranges
}

/// Patterns work on bytes; a range that would cut a character is made wider.
fn widened(text: &str, range: Range<usize>) -> Range<usize> {
    let start = (0..=range.start).rev().find(|&i| text.is_char_boundary(i));
    let end = (range.end..=text.len()).find(|&i| text.is_char_boundary(i));
    start.unwrap_or(0)..end.unwrap_or(text.len())
}

/// A JSON object or list with its texts covered, each under its own name.
fn in_json(value: &str) -> Option<String> {
    use serde_json::Value;
    fn go(name: &str, value: &mut Value) {
        match value {
            Value::String(text) => *text = cover_value(name, text),
            Value::Object(map) => map.iter_mut().for_each(|(name, value)| go(name, value)),
            Value::Array(items) => items.iter_mut().for_each(|item| go(name, item)),
            _ => {}
        }
    }
    if !value.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let mut parsed: Value = serde_json::from_str(value).ok()?;
    let before = parsed.clone();
    go("", &mut parsed);
    match parsed == before {
        true => Some(value.to_owned()),
        false => Some(parsed.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_covered_is_still_found_and_no_longer_there() {
        for (name, value, secret) in [
            ("AWS_KEY", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
            (
                "DB_PASSWORD",
                "correct-horse-battery",
                "correct-horse-battery",
            ),
            (
                "DATABASE_URL",
                "postgres://orders:s3cr3t-Passw0rd@db.internal:5432/orders?sslmode=require",
                "s3cr3t-Passw0rd",
            ),
            (
                "SETTINGS",
                r#"{"region":"eu-central-1","db":{"password":"correct-horse-battery"}}"#,
                "correct-horse-battery",
            ),
        ] {
            let text = |value: &str| Text::Plain(value.into());
            let before = found(name, &text(value));
            assert!(before.is_some(), "{name}");
            let covered = cover_value(name, value);
            assert!(!covered.contains(secret), "{covered}");
            assert_eq!(found(name, &text(&covered)), before, "{covered}");
        }
        let url = cover_value(
            "DATABASE_URL",
            "postgres://orders:s3cr3t-Passw0rd@db.internal:5432/orders?sslmode=require",
        );
        assert!(
            url.ends_with("@db.internal:5432/orders?sslmode=require"),
            "{url}"
        );
    }

    #[test]
    fn what_is_no_secret_stays() {
        for (name, value) in [
            ("TABLE", "orders"),
            (
                "SECRET_ARN",
                "arn:aws:secretsmanager:eu-central-1:111111111111:secret:db-AbCdEf",
            ),
            (
                "DATABASE_URL",
                "postgres://db.internal:5432/orders?sslmode=verify-full",
            ),
            ("SETTINGS", r#"{ "a": [1, 2], "mode": "strict" }"#),
        ] {
            assert_eq!(cover_value(name, value), value);
        }
    }
}
