//! A template as written: JSON or YAML, every node with its place.

use lockfast_facts::Loc;
use std::sync::Arc;

/// A node of a template, before anything is resolved.
#[derive(Clone, Debug)]
pub struct Node {
    /// What stands there.
    pub kind: NodeKind,
    /// Where.
    pub loc: Loc,
}

/// The kinds of node. YAML's short intrinsics (`!Ref x`) are already in their long form
/// (`{"Ref": "x"}`); an unknown tag `!X v` is an object with the one entry `"!X": v`.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// `null`, or nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, as written.
    Number(Arc<str>),
    /// A string.
    String(Arc<str>),
    /// A list.
    List(Vec<Node>),
    /// An object, in the order written; names are unique.
    Map(Vec<Entry>),
}

/// An entry of an object.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub key: Arc<str>,
    /// Where the name stands.
    pub key_loc: Loc,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The value of a name, when this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// The entry of a name, when this is an object that has it.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == name)
    }

    /// The entries of an object; empty for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            NodeKind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; empty for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            NodeKind::List(items) => items,
            _ => &[],
        }
    }

    /// The characters of a string, number or boolean, as written.
    pub fn scalar(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::String(s) | NodeKind::Number(s) => Some(s),
            NodeKind::Bool(true) => Some("true"),
            NodeKind::Bool(false) => Some("false"),
            _ => None,
        }
    }
}
