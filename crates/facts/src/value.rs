//! The tree of values a resource's properties are made of.

use crate::{Loc, ResourceId, Why};
use std::sync::Arc;

mod via;

pub use via::Via;

/// A value, where it stands, and how it got there.
#[derive(Clone, Debug)]
pub struct Value {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub loc: Loc,
    /// The hops it came by (parameter default, mapping, import), nearest first. `None` when it
    /// was written right here.
    pub via: Option<Via>,
}

/// The kinds of value. Unknown is one of them, anywhere in the tree.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written.
    Number(Arc<str>),
    /// A string, perhaps partly unknown.
    Text(Text),
    /// A list.
    List(Arc<[Value]>),
    /// An object.
    Map(Map),
    /// Not knowable, because.
    Unknown(Arc<Why>),
}

/// An object's entries, in the order written. Names are unique. Like lists they are shared, not copied: the variants
/// of a resource have most of them in common, and so have the resources of an account.
#[derive(Clone, Debug, Default)]
pub struct Map(pub Arc<[(Arc<str>, Value)]>);

impl FromIterator<(Arc<str>, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(entries: I) -> Self {
        Map(entries.into_iter().collect())
    }
}

impl Map {
    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(n, _)| &**n == name).map(|(_, v)| v)
    }

    /// The entries, in the order written.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        self.0.iter().map(|(n, v)| (n, v))
    }
}

/// A string: fully known, or joined from parts of which some are references or unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Every character is known.
    Plain(Arc<str>),
    /// Joined from parts (`Fn::Sub`, `Fn::Join`, `Ref`, …).
    Parts(Arc<[Part]>),
}

/// A part of a joined string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Known characters.
    Literal(Arc<str>),
    /// An attribute of a resource in the inventory.
    Reference(Reference),
    /// A dynamic reference (`{{resolve:…}}`), which AWS resolves at deployment.
    Dynamic(Arc<Dynamic>),
    /// Not knowable, because.
    Unknown(Arc<Why>),
}

/// A dynamic reference to a secret or parameter (AWS CloudFormation User Guide, "Get values stored
/// in other services using dynamic references"). Its value is never read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dynamic {
    /// `secretsmanager`, `ssm` or `ssm-secure`.
    pub service: Arc<str>,
    /// What it names, with `*` for what is not known: a secret's id and JSON key, or a parameter's name.
    pub name: Arc<str>,
    /// The secret or parameter, when the inventory holds it.
    pub target: Option<Reference>,
    /// Why its value is not known.
    pub why: Arc<Why>,
}

/// An attribute of another resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The resource.
    pub target: ResourceId,
    /// The attribute (`Arn`, …); `None` for what `Ref` returns.
    pub attribute: Option<Arc<str>>,
}

impl Value {
    /// True when two values say the same, wherever they stand.
    pub fn same(&self, other: &Value) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Null, Kind::Null) => true,
            (Kind::Bool(a), Kind::Bool(b)) => a == b,
            (Kind::Number(a), Kind::Number(b)) => a == b,
            (Kind::Text(a), Kind::Text(b)) => a == b,
            (Kind::Unknown(a), Kind::Unknown(b)) => a == b,
            (Kind::List(a), Kind::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.same(b))
            }
            (Kind::Map(a), Kind::Map(b)) => {
                let pairs = || a.0.iter().zip(&*b.0);
                a.0.len() == b.0.len() && pairs().all(|((n, a), (m, b))| n == m && a.same(b))
            }
            _ => false,
        }
    }
}

impl Text {
    /// The characters, when all are known.
    pub fn plain(&self) -> Option<&str> {
        match self {
            Text::Plain(s) => Some(s),
            Text::Parts(_) => None,
        }
    }

    /// The reference, when the string is one reference and nothing else.
    pub fn reference(&self) -> Option<&Reference> {
        match self {
            Text::Parts(parts) => match &**parts {
                [Part::Reference(r)] => Some(r),
                _ => None,
            },
            Text::Plain(_) => None,
        }
    }

    /// The parts; a plain string is one literal.
    pub fn parts(&self) -> Vec<Part> {
        match self {
            Text::Plain(s) => vec![Part::Literal(s.clone())],
            Text::Parts(parts) => parts.to_vec(),
        }
    }

    /// The string with each part that is not known replaced by what `hole` gives for it.
    pub fn render(&self, mut hole: impl FnMut(&Part) -> String) -> String {
        match self {
            Text::Plain(s) => s.to_string(),
            Text::Parts(parts) => parts
                .iter()
                .map(|part| match part {
                    Part::Literal(s) => s.to_string(),
                    other => hole(other),
                })
                .collect(),
        }
    }

    /// The known characters before the first part that is not known.
    pub fn known_prefix(&self) -> &str {
        match self {
            Text::Plain(s) => s,
            Text::Parts(parts) => match parts.first() {
                Some(Part::Literal(s)) => s,
                _ => "",
            },
        }
    }

    /// The first reason why some of it is not known; `None` when all of it is, or when only
    /// references stand in it.
    pub fn first_unknown(&self) -> Option<&Arc<Why>> {
        match self {
            Text::Plain(_) => None,
            Text::Parts(parts) => parts.iter().find_map(|part| match part {
                Part::Unknown(why) => Some(why),
                Part::Dynamic(dynamic) => Some(&dynamic.why),
                _ => None,
            }),
        }
    }

    /// The dynamic references in it.
    pub fn dynamic_references(&self) -> impl Iterator<Item = &Dynamic> {
        let parts: &[Part] = match self {
            Text::Plain(_) => &[],
            Text::Parts(parts) => parts,
        };
        parts.iter().filter_map(|part| match part {
            Part::Dynamic(dynamic) => Some(&**dynamic),
            _ => None,
        })
    }

    /// The references in it, those of dynamic references included.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        let parts: &[Part] = match self {
            Text::Plain(_) => &[],
            Text::Parts(parts) => parts,
        };
        parts.iter().filter_map(|part| match part {
            Part::Reference(r) => Some(r),
            Part::Dynamic(dynamic) => dynamic.target.as_ref(),
            _ => None,
        })
    }

    /// Joins parts, merging neighbouring literals.
    pub fn from_parts(parts: impl IntoIterator<Item = Part>) -> Text {
        let mut merged: Vec<Part> = Vec::new();
        // Literals that follow one another, joined once: a part at a time would be quadratic.
        let mut open: Vec<Arc<str>> = Vec::new();
        let close = |open: &mut Vec<Arc<str>>, merged: &mut Vec<Part>| match open.len() {
            0 => {}
            1 => merged.extend(open.pop().map(Part::Literal)),
            _ => {
                merged.push(Part::Literal(open.concat().into()));
                open.clear();
            }
        };
        for part in parts {
            match part {
                Part::Literal(s) if s.is_empty() => {}
                Part::Literal(s) => open.push(s),
                other => {
                    close(&mut open, &mut merged);
                    merged.push(other);
                }
            }
        }
        close(&mut open, &mut merged);
        match merged.as_slice() {
            [] => Text::Plain("".into()),
            [Part::Literal(s)] => Text::Plain(s.clone()),
            _ => Text::Parts(merged.into()),
        }
    }
}

impl Value {
    /// A value written right here.
    pub fn new(kind: Kind, loc: Loc) -> Self {
        Value {
            kind,
            loc,
            via: None,
        }
    }

    /// A plain string.
    pub fn string(s: impl Into<Arc<str>>, loc: Loc) -> Self {
        Value::new(Kind::Text(Text::Plain(s.into())), loc)
    }

    /// Something not knowable.
    pub fn unknown(why: Why, loc: Loc) -> Self {
        Value::new(Kind::Unknown(Arc::new(why)), loc)
    }

    /// The name of its kind, for messages.
    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Map(_) => "an object",
            Kind::Unknown(_) => "unknown",
        }
    }

    /// Calls `visit` on this value and everything below it, with the dotted path from here.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&str, &'a Value)) {
        fn go<'a>(value: &'a Value, path: &mut String, visit: &mut impl FnMut(&str, &'a Value)) {
            visit(path, value);
            let length = path.len();
            let mut step = |name: &str, value: &'a Value, path: &mut String| {
                if length > 0 {
                    path.push('.');
                }
                path.push_str(name);
                go(value, path, visit);
                path.truncate(length);
            };
            match &value.kind {
                Kind::List(items) => {
                    for (i, item) in items.iter().enumerate() {
                        step(&i.to_string(), item, path);
                    }
                }
                Kind::Map(map) => {
                    for (name, item) in map.iter() {
                        step(name, item, path);
                    }
                }
                _ => {}
            }
        }
        go(self, &mut String::new(), visit);
    }
}
