//! What a resource's `Metadata` and the comments around it say.

use crate::{Node, NodeKind, Template};
use lockfast_facts::{Directive, Instruction, Loc, Pos};
use std::collections::HashMap;
use std::sync::Arc;

/// `aws:cdk:path`.
pub(super) fn construct_path(body: &Node) -> Option<Arc<str>> {
    body.get("Metadata")?
        .get("aws:cdk:path")?
        .scalar()
        .map(Arc::from)
}

/// The comments of a template that are for Lockfast, each with one resource, by the place of its name.
///
/// A comment belongs to the resource in whose lines it stands, up to the next resource's name; right
/// above a name, on a line of its own and indented no deeper, it belongs to the resource named.
pub(super) fn comments(template: &Template) -> HashMap<Pos, Vec<Directive>> {
    let mut owned: HashMap<Pos, Vec<Directive>> = HashMap::new();
    if template.directives.is_empty() {
        return owned;
    }
    let mut resources: Vec<(Pos, Pos)> = super::resources(template)
        .filter(|entry| entry.key_loc.source == template.source)
        .map(|entry| (entry.key_loc.start, entry.value.loc.end))
        .collect();
    resources.sort_unstable();
    resources.dedup_by_key(|(name, _)| *name);
    let sections = template.root.entries().iter();
    let next_section = sections
        .map(|section| section.key_loc.start)
        .filter(|start| resources.last().is_some_and(|(name, _)| start > name))
        .min();
    // Comments stacked right above a name belong to it, so the lowest is looked at first.
    let mut free_line = 0;
    for comment in template.directives.iter().rev() {
        let at = comment.loc.start;
        let place = resources.partition_point(|(name, _)| *name <= at);
        let before = place.checked_sub(1).map(|index| resources[index]);
        let deeper = |name: Pos| at.column > name.column;
        let above = resources.get(place).filter(|(name, _)| {
            let adjacent = at.line + 1 == name.line || at.line + 1 == free_line;
            comment.alone && adjacent && !(before.is_some() && deeper(*name))
        });
        let owner = match (above, before) {
            (Some((name, _)), _) => {
                free_line = at.line;
                Some(*name)
            }
            (None, Some((name, end))) => {
                let within = at < end || !comment.alone || deeper(name);
                (within && next_section.is_none_or(|next| at < next)).then_some(name)
            }
            (None, None) => None,
        };
        if let Some(name) = owner {
            owned.entry(name).or_default().insert(
                0,
                Directive {
                    said: Instruction::Comment(comment.text.clone()),
                    loc: comment.loc,
                },
            );
        }
    }
    owned
}

/// Instructions beside a resource: its comments, and `Metadata`'s
/// `Lockfast: {ignore: [{control, reason, owner, expires}]}`.
pub(super) fn directives(
    comments: &HashMap<Pos, Vec<Directive>>,
    name: Loc,
    body: &Node,
) -> Vec<Directive> {
    let mut found = comments.get(&name.start).cloned().unwrap_or_default();
    let metadata = body.get("Metadata").map(Node::entries).unwrap_or_default();
    for section in metadata
        .iter()
        .filter(|entry| entry.key.eq_ignore_ascii_case("lockfast"))
    {
        let entries = section.value.entries();
        // A misspelt instruction is said to be none, instead of waiving nothing in silence.
        if entries.is_empty() {
            found.push(Directive {
                said: Instruction::Other(section.key.to_string()),
                loc: section.value.loc,
            });
        }
        for entry in entries {
            if &*entry.key != "ignore" {
                found.push(Directive {
                    said: Instruction::Other(entry.key.to_string()),
                    loc: entry.key_loc,
                });
                continue;
            }
            let items = match &entry.value.kind {
                NodeKind::List(items) => items.as_slice(),
                _ => std::slice::from_ref(&entry.value),
            };
            found.extend(items.iter().map(|item| Directive {
                said: Instruction::Ignore(settings(item)),
                loc: item.loc,
            }));
        }
    }
    found
}

fn settings(item: &Node) -> Vec<(String, Option<String>)> {
    if let Some(control) = item.scalar() {
        return vec![("control".to_owned(), Some(control.to_owned()))];
    }
    item.entries()
        .iter()
        .map(|entry| {
            let value = entry.value.scalar().map(str::to_owned);
            (entry.key.to_string(), value)
        })
        .collect()
}
