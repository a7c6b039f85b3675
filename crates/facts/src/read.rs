//! Reading a property: it may be absent, found, or unknown, and the three never mix.

use crate::{Kind, Known, Loc, ServiceDefault, Text, Value, Why};
use std::borrow::Cow;
use std::sync::Arc;

/// What stands at a property path.
#[derive(Clone, Debug)]
pub enum Read<T> {
    /// Nobody wrote it. The place is the nearest enclosing value.
    Absent(Loc),
    /// It stands here.
    Found(T, Loc),
    /// It, or something around it, is not knowable.
    Unknown(Arc<Why>, Loc),
}

impl Value {
    /// Reads a dotted path of object names and list indices, such as
    /// `BucketEncryption.ServerSideEncryptionConfiguration.0.BucketKeyEnabled`.
    pub fn at(&self, path: &str) -> Read<&Value> {
        let mut value = self;
        for step in path.split('.').filter(|s| !s.is_empty()) {
            let next = match &value.kind {
                Kind::Unknown(why) => return Read::Unknown(why.clone(), value.loc),
                // One in place of the other is a mistake, not an absence.
                Kind::Map(map) => match (map.get(step), step.parse::<usize>()) {
                    (None, Ok(_)) if value.at_macro().is_none() => {
                        return wrong_type("a list", value);
                    }
                    (found, _) => found,
                },
                Kind::List(items) => match step.parse::<usize>() {
                    Ok(index) => items.get(index),
                    Err(_) => return wrong_type("an object", value),
                },
                Kind::Null => None,
                Kind::Text(text) => match text.first_unknown() {
                    Some(why) => return Read::Unknown(why.clone(), value.loc),
                    None => return wrong_type("an object or list", value),
                },
                _ => return wrong_type("an object or list", value),
            };
            match next {
                Some(found) => value = found,
                // A macro beside the other entries may add the one that is missing.
                None => match value.at_macro() {
                    Some(why) => return Read::Unknown(why.clone(), value.loc),
                    None => return Read::Absent(value.loc),
                },
            }
        }
        match &value.kind {
            Kind::Unknown(why) => Read::Unknown(why.clone(), value.loc),
            Kind::Null => Read::Absent(value.loc),
            _ => Read::Found(value, value.loc),
        }
    }

    /// The macro that an object's `Fn::Transform` entry calls.
    fn at_macro(&self) -> Option<&Arc<Why>> {
        let Kind::Map(map) = &self.kind else {
            return None;
        };
        match &map.get("Fn::Transform")?.kind {
            Kind::Unknown(why) => Some(why),
            _ => None,
        }
    }

    /// Reads a path in which `*` stands for every item of a list (or entry of an object).
    /// An absent or unknown step gives one absent or unknown answer.
    pub fn each(&self, path: &str) -> Vec<Read<&Value>> {
        let Some((before, after)) = path.split_once('*') else {
            return vec![self.at(path)];
        };
        let after = after.trim_start_matches('.');
        match self.at(before.trim_end_matches('.')) {
            Read::Found(value, loc) => match &value.kind {
                Kind::List(items) => items.iter().flat_map(|item| item.each(after)).collect(),
                Kind::Map(map) => map.iter().flat_map(|(_, item)| item.each(after)).collect(),
                _ => vec![Read::Unknown(
                    Arc::new(Why::WrongType {
                        expected: "a list",
                        found: value.kind_name(),
                    }),
                    loc,
                )],
            },
            Read::Absent(loc) => vec![Read::Absent(loc)],
            Read::Unknown(why, loc) => vec![Read::Unknown(why, loc)],
        }
    }
}

fn wrong_type<T>(expected: &'static str, value: &Value) -> Read<T> {
    Read::Unknown(
        Arc::new(Why::WrongType {
            expected,
            found: value.kind_name(),
        }),
        value.loc,
    )
}

impl<'a> Read<&'a Value> {
    /// As a boolean. CloudFormation takes `true` and `"true"` alike.
    pub fn bool(self) -> Read<bool> {
        self.then(|value, loc| match &value.kind {
            Kind::Bool(b) => Read::Found(*b, loc),
            Kind::Text(text) => match text.plain() {
                Some(s) if s.eq_ignore_ascii_case("true") => Read::Found(true, loc),
                Some(s) if s.eq_ignore_ascii_case("false") => Read::Found(false, loc),
                Some(_) => wrong_type("a boolean", value),
                None => unknown_text(text, loc),
            },
            _ => wrong_type("a boolean", value),
        })
    }

    /// As an integer. CloudFormation takes `7` and `"7"` alike.
    pub fn int(self) -> Read<i64> {
        self.then(|value, loc| {
            let written = match &value.kind {
                Kind::Number(n) => &**n,
                Kind::Text(text) => match text.plain() {
                    Some(s) => s,
                    None => return unknown_text(text, loc),
                },
                _ => return wrong_type("an integer", value),
            };
            match written.trim().parse() {
                Ok(n) => Read::Found(n, loc),
                Err(_) => wrong_type("an integer", value),
            }
        })
    }

    /// As a string, perhaps partly unknown. Numbers and booleans read as written.
    pub fn text(self) -> Read<Cow<'a, Text>> {
        self.then(|value, loc| match &value.kind {
            Kind::Text(text) => Read::Found(Cow::Borrowed(text), loc),
            Kind::Number(n) => Read::Found(Cow::Owned(Text::Plain(n.clone())), loc),
            Kind::Bool(b) => Read::Found(
                Cow::Owned(Text::Plain(if *b { "true" } else { "false" }.into())),
                loc,
            ),
            _ => wrong_type("a string", value),
        })
    }

    /// As a string of which every character is known.
    pub fn string(self) -> Read<String> {
        self.text().then(|text, loc| match text.plain() {
            Some(s) => Read::Found(s.to_owned(), loc),
            None => unknown_text(&text, loc),
        })
    }

    /// As a list.
    pub fn list(self) -> Read<&'a [Value]> {
        self.then(|value, loc| match &value.kind {
            Kind::List(items) => Read::Found(&**items, loc),
            _ => wrong_type("a list", value),
        })
    }

    /// As an object.
    pub fn map_value(self) -> Read<&'a crate::Map> {
        self.then(|value, loc| match &value.kind {
            Kind::Map(map) => Read::Found(map, loc),
            _ => wrong_type("an object", value),
        })
    }
}

fn unknown_text<T>(text: &Text, loc: Loc) -> Read<T> {
    let why = text
        .first_unknown()
        .cloned()
        .unwrap_or_else(|| Arc::new(Why::Runtime("the attribute of another resource".to_owned())));
    Read::Unknown(why, loc)
}

impl<T> Read<T> {
    /// Goes on with what was found.
    pub fn then<U>(self, f: impl FnOnce(T, Loc) -> Read<U>) -> Read<U> {
        match self {
            Read::Absent(loc) => Read::Absent(loc),
            Read::Found(value, loc) => f(value, loc),
            Read::Unknown(why, loc) => Read::Unknown(why, loc),
        }
    }

    /// Changes what was found.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Read<U> {
        self.then(|value, loc| Read::Found(f(value), loc))
    }

    /// What AWS does when it is absent.
    pub fn or_default(self, value: T, default: ServiceDefault) -> Known<T> {
        match self {
            Read::Absent(loc) => Known::Default(value, default, loc),
            Read::Found(value, loc) => Known::Stated(value, loc),
            Read::Unknown(why, loc) => Known::Unknown(why, loc),
        }
    }

    /// Absence itself as a fact.
    pub fn optional(self) -> Known<Option<T>> {
        match self {
            Read::Absent(loc) => Known::Stated(None, loc),
            Read::Found(value, loc) => Known::Stated(Some(value), loc),
            Read::Unknown(why, loc) => Known::Unknown(why, loc),
        }
    }

    /// What was found, if anything.
    pub fn found(self) -> Option<T> {
        match self {
            Read::Found(value, _) => Some(value),
            _ => None,
        }
    }

    /// True when nobody wrote it.
    pub fn is_absent(&self) -> bool {
        matches!(self, Read::Absent(_))
    }

    /// Where it stands, or where it would.
    pub fn loc(&self) -> Loc {
        match self {
            Read::Absent(loc) | Read::Found(_, loc) | Read::Unknown(_, loc) => *loc,
        }
    }
}
