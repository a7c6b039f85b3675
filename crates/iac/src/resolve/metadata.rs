//! What a resource's `Metadata` and the comments around it say.

use crate::{Node, NodeKind, Template};
use lockfast_facts::{Directive, Loc};
use std::fmt::Write;
use std::sync::Arc;

/// `aws:cdk:path`.
pub(super) fn construct_path(body: &Node) -> Option<Arc<str>> {
    body.get("Metadata")?
        .get("aws:cdk:path")?
        .scalar()
        .map(Arc::from)
}

/// Waivers beside a resource: comments in its body or right above it, and `Metadata`'s
/// `Lockfast: {ignore: [{control, reason, owner, expires}]}`.
pub(super) fn directives(template: &Template, name: Loc, body: &Node) -> Vec<Directive> {
    let mut found: Vec<Directive> = Vec::new();
    let mut above = name.start.line;
    // Comments stacked right above the logical id belong to it.
    for directive in template.directives.iter().rev() {
        if directive.loc.start.line + 1 == above {
            above -= 1;
            found.push(directive.clone());
        }
    }
    found.reverse();
    found.extend(
        template
            .directives
            .iter()
            .filter(|d| name.start <= d.loc.start && d.loc.start < body.loc.end)
            .cloned(),
    );
    let section = body
        .get("Metadata")
        .and_then(|m| m.get("Lockfast").or_else(|| m.get("lockfast")));
    if let Some(ignore) = section.and_then(|s| s.get("ignore")) {
        let items = match &ignore.kind {
            NodeKind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(ignore),
        };
        found.extend(items.iter().map(|item| Directive {
            text: textual(item),
            loc: item.loc,
        }));
    }
    // A misspelt instruction is said to be none, instead of waiving nothing in silence.
    let others = section.map(Node::entries).unwrap_or_default();
    found.extend(
        others
            .iter()
            .filter(|entry| &*entry.key != "ignore")
            .map(|entry| Directive {
                text: entry.key.to_string(),
                loc: entry.key_loc,
            }),
    );
    found
}

fn textual(item: &Node) -> String {
    let get = |name: &str| item.get(name).and_then(Node::scalar);
    let mut text = format!("ignore {}", get("control").or(item.scalar()).unwrap_or(""));
    for name in ["reason", "owner", "expires"] {
        if let Some(value) = get(name) {
            // Quotes end a value in the textual form.
            let _ = write!(text, " {name}=\"{}\"", value.replace('"', "'"));
        }
    }
    text
}
