//! Nodes made from nothing, for what a transform adds. All stand where the resource stands that
//! they come from.

use crate::{Entry, Node, NodeKind};
use lockfast_facts::Loc;
use std::sync::Arc;

pub(super) fn string(text: &str, loc: Loc) -> Node {
    Node {
        kind: NodeKind::String(text.into()),
        loc,
    }
}

pub(super) fn list(items: Vec<Node>, loc: Loc) -> Node {
    Node {
        kind: NodeKind::List(items),
        loc,
    }
}

pub(super) fn map(entries: Vec<Entry>, loc: Loc) -> Node {
    Node {
        kind: NodeKind::Map(entries),
        loc,
    }
}

pub(super) fn named(key: &str, value: Node, key_loc: Loc) -> Entry {
    Entry {
        key: Arc::from(key),
        key_loc,
        value,
    }
}

/// `{key: value}`.
pub(super) fn single(key: &str, value: Node) -> Node {
    let loc = value.loc;
    map(vec![named(key, value, loc)], loc)
}

pub(super) fn reference(name: &str, loc: Loc) -> Node {
    single("Ref", string(name, loc))
}

pub(super) fn attribute(name: &str, attribute: &str, loc: Loc) -> Node {
    single(
        "Fn::GetAtt",
        list(vec![string(name, loc), string(attribute, loc)], loc),
    )
}

/// A resource under a logical id.
pub(super) fn resource(name: &str, kind: &str, properties: Vec<Entry>, loc: Loc) -> Entry {
    let body = vec![
        named("Type", string(kind, loc), loc),
        named("Properties", map(properties, loc), loc),
    ];
    named(name, map(body, loc), loc)
}
