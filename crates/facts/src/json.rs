//! Documents written as JSON text in a string, of which parts may be unknown.

use crate::{Kind, Loc, Part, Text, Value, Why};
use std::sync::Arc;

/// First of the private-use characters that stand for unknown parts while the text is parsed.
const FIRST_MARK: u32 = 0xF_0000;
/// Plane 15 holds this many of them.
const MARKS: usize = 0xFFFD;

impl Text {
    /// Parses it as JSON; everything in the document is placed where the string stands. `expected`
    /// says in the reason for a failure what the string should be.
    pub fn json(&self, loc: Loc, expected: &'static str) -> Result<Value, Arc<Why>> {
        let mut open: Vec<Part> = Vec::new();
        let written = self.render(|part| {
            let mark = u32::try_from(open.len())
                .ok()
                .filter(|n| (*n as usize) < MARKS);
            open.push(part.clone());
            mark.and_then(|n| char::from_u32(FIRST_MARK + n))
                .map_or_else(String::new, String::from)
        });
        match serde_json::from_str::<serde_json::Value>(&written) {
            Ok(json) if open.len() <= MARKS => Ok(value(json, &open, loc)),
            _ => Err(match self.first_unknown() {
                Some(why) => why.clone(),
                None => Arc::new(Why::WrongType {
                    expected,
                    found: "a string that is not JSON",
                }),
            }),
        }
    }
}

fn value(json: serde_json::Value, open: &[Part], loc: Loc) -> Value {
    use serde_json::Value as Json;
    let kind = match json {
        Json::Null => Kind::Null,
        Json::Bool(b) => Kind::Bool(b),
        Json::Number(n) => Kind::Number(n.to_string().into()),
        Json::String(s) => Kind::Text(unmark(&s, open)),
        Json::Array(items) => Kind::List(items.into_iter().map(|i| value(i, open, loc)).collect()),
        Json::Object(map) => Kind::Map(
            map.into_iter()
                .map(|(name, item)| (name.into(), value(item, open, loc)))
                .collect(),
        ),
    };
    Value::new(kind, loc)
}

fn unmark(s: &str, open: &[Part]) -> Text {
    if open.is_empty() {
        return Text::Plain(s.into());
    }
    Text::from_parts(s.chars().map(|c| {
        let index = u32::from(c).checked_sub(FIRST_MARK).map(|n| n as usize);
        match index.and_then(|i| open.get(i)) {
            Some(part) => part.clone(),
            None => Part::Literal(c.to_string().into()),
        }
    }))
}
