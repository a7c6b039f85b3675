//! Finding a field, named with dots, in nested JSON.

use crate::yaml::Wrong;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// More parts than any record nests.
const MOST_PARTS: usize = 24;

/// A field's name as rules write it: `userIdentity.sessionContext.sessionIssuer.arn`. Names within a record may have dots of
/// their own, as encryption contexts and tags do, so every way to divide the name is tried. A list is looked through: the
/// field is in each of its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    text: String,
    /// Where parts begin and end.
    parts: Vec<(usize, usize)>,
}

impl Path {
    pub(crate) fn new(name: &str, line: u32) -> Result<Self, Wrong> {
        let mut parts = Vec::new();
        let mut start = 0;
        for part in name.split('.') {
            parts.push((start, start + part.len()));
            start += part.len() + 1;
        }
        if parts.len() > MOST_PARTS {
            let what = format!("a field's name has at most {MOST_PARTS} parts");
            return Err(Wrong::new(line, what));
        }
        let text = name.to_owned();
        Ok(Path { text, parts })
    }

    /// The name, as the rule writes it.
    pub(crate) fn name(&self) -> &str {
        &self.text
    }

    /// True for exactly this name.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.text == name
    }

    /// True when `is` is true of any value of the field. Of a list, each item is a value; a list without any is one.
    pub(crate) fn any<'v>(&self, record: &'v Value, is: &mut dyn FnMut(&'v Value) -> bool) -> bool {
        self.from(0, record, is)
    }

    /// The first value as text.
    pub(crate) fn text<'v>(&self, record: &'v Value) -> Option<Cow<'v, str>> {
        let mut found = None;
        self.any(record, &mut |value| {
            found = text(value);
            found.is_some()
        });
        found
    }

    fn from<'v>(
        &self,
        part: usize,
        value: &'v Value,
        is: &mut dyn FnMut(&'v Value) -> bool,
    ) -> bool {
        match value {
            Value::Array(items) if !items.is_empty() => {
                items.iter().any(|item| self.from(part, item, is))
            }
            _ if part == self.parts.len() => is(value),
            Value::Object(object) => {
                // A name is looked for as it is written, and only where there is none without regard to case.
                let (mut seen, mut passed) = (false, false);
                for exact in [true, false] {
                    for end in part..self.parts.len() {
                        let name = &self.text[self.parts[part].0..self.parts[end].1];
                        if let Some(inner) = entry(object, name, exact) {
                            seen = true;
                            passed = passed || self.from(end + 1, inner, is);
                        }
                    }
                    if seen {
                        break;
                    }
                }
                passed
            }
            _ => false,
        }
    }
}

fn entry<'v>(object: &'v Map<String, Value>, name: &str, exact: bool) -> Option<&'v Value> {
    if exact {
        return object.get(name);
    }
    let mut entries = object.iter();
    let found = entries.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

/// The text of a scalar.
pub(crate) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// True when `is` is true of any scalar anywhere in a record.
pub(crate) fn any_scalar<'v>(value: &'v Value, is: &mut dyn FnMut(&'v Value) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| any_scalar(item, is)),
        Value::Object(object) => object.values().any(|item| any_scalar(item, is)),
        scalar => is(scalar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(path: &str, record: &Value) -> Vec<String> {
        let mut found = Vec::new();
        Path::new(path, 1).unwrap().any(record, &mut |value| {
            found.push(value.to_string());
            false
        });
        found
    }

    #[test]
    fn names_with_dots_lists_and_case() {
        let record = json!({
            "resources": [{"ARN": "a"}, {"ARN": ["b", ["c"]]}, {}],
            "a": {"b": {"c": 1}, "b.c": 2, "d": []}, "a.b": {"c": 3}, "x.y": null,
        });
        assert_eq!(
            found("resources.ARN", &record),
            [r#""a""#, r#""b""#, r#""c""#]
        );
        assert_eq!(
            found("Resources.arn", &record),
            [r#""a""#, r#""b""#, r#""c""#]
        );
        assert_eq!(found("a.b.c", &record), ["1", "2", "3"]);
        assert_eq!(found("a.d", &record), ["[]"]);
        assert_eq!(found("x.y", &record), ["null"]);
        assert!(found("a.b.c.d", &record).is_empty());
        assert!(found("nothing", &record).is_empty());
        assert!(Path::new(&"a.".repeat(30), 1).is_err());
    }
}
