//! What rewrites a template before it is resolved: `Fn::ForEach`, SAM, and macros, which are named.

use super::sam;
use crate::{Entry, Node, NodeKind, Problem, Template};
use lockfast_facts::Source;
use std::sync::Arc;

/// Transforms whose effect is known, or touches no resource that is judged.
const KNOWN: [&str; 5] = [
    "AWS::LanguageExtensions",
    "AWS::Serverless-2016-10-31",
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
    "AWS::CodeDeployBlueGreen",
];

/// How many copies all loops of a template may make. CloudFormation takes 500 resources.
const MAX_COPIES: usize = 5_000;

/// Expands a template in place. What cannot be expanded is a problem; the rest goes on.
pub(super) fn expand(template: &mut Template, sources: &[Source], problems: &mut Vec<Problem>) {
    let path = sources[template.source.0 as usize].name();
    let transforms = transforms(&template.root);
    for (name, loc) in &transforms {
        if !KNOWN.contains(&name.as_str()) {
            problems.push(Problem {
                path: path.to_owned(),
                at: Some(loc.start),
                message: format!("macro {name} rewrites this template at deployment; what it adds or changes is not judged"),
            });
        }
    }
    let serverless = transforms.iter().any(|(name, _)| name == "AWS::Serverless-2016-10-31");
    let loops = has_loops(&template.root);
    if !serverless && !loops {
        return;
    }
    let mut root = (*template.root).clone();
    if loops {
        let mut copies = 0;
        let scope = Scope { root: template.root.clone() };
        unroll(&mut root, &scope, &mut copies, &mut |at, message| {
            problems.push(Problem {
                path: path.to_owned(),
                at: Some(at.start),
                message,
            });
        });
    }
    if serverless {
        sam::expand(&mut root);
    }
    template.root = Arc::new(root);
}

fn transforms(root: &Node) -> Vec<(String, lockfast_facts::Loc)> {
    let Some(node) = root.get("Transform") else {
        return Vec::new();
    };
    let items = match &node.kind {
        NodeKind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    items
        .iter()
        .filter_map(|item| {
            let name = item.scalar().or_else(|| item.get("Name").and_then(Node::scalar))?;
            Some((name.to_owned(), item.loc))
        })
        .collect()
}

fn has_loops(node: &Node) -> bool {
    node.entries()
        .iter()
        .any(|entry| entry.key.starts_with("Fn::ForEach") || has_loops(&entry.value))
        || node.items().iter().any(has_loops)
}

/// Where the collection of a loop is looked up.
struct Scope {
    root: Arc<Node>,
}

impl Scope {
    /// The items of a loop's collection: a list, or a list parameter's default.
    fn items(&self, node: &Node) -> Option<Vec<Arc<str>>> {
        match &node.kind {
            NodeKind::List(items) => items.iter().map(|item| item.scalar().map(Arc::from)).collect(),
            NodeKind::Map(_) => {
                let name = node.get("Ref")?.scalar()?;
                let default = self.root.get("Parameters")?.get(name)?.get("Default")?.scalar()?;
                Some(default.split(',').map(|item| Arc::from(item.trim())).collect())
            }
            _ => None,
        }
    }
}

/// Replaces each `Fn::ForEach::Name: [Identifier, Collection, {…}]` by its copies.
fn unroll(node: &mut Node, scope: &Scope, copies: &mut usize, report: &mut impl FnMut(lockfast_facts::Loc, String)) {
    match &mut node.kind {
        NodeKind::List(items) => {
            for item in items {
                unroll(item, scope, copies, report);
            }
        }
        NodeKind::Map(entries) => {
            let mut made: Vec<Entry> = Vec::with_capacity(entries.len());
            for mut entry in std::mem::take(entries) {
                if !entry.key.starts_with("Fn::ForEach") {
                    unroll(&mut entry.value, scope, copies, report);
                    made.push(entry);
                    continue;
                }
                let [identifier, collection, body] = entry.value.items() else {
                    report(entry.key_loc, format!("{} takes an identifier, a collection and a fragment", entry.key));
                    continue;
                };
                let (Some(identifier), Some(items)) = (identifier.scalar(), scope.items(collection)) else {
                    report(entry.key_loc, format!("the collection of {} is not known before deployment; what it makes is not judged", entry.key));
                    continue;
                };
                for item in items {
                    *copies += 1;
                    if *copies > MAX_COPIES {
                        report(entry.key_loc, format!("{} makes more than {MAX_COPIES} copies", entry.key));
                        break;
                    }
                    let mut copy = substitute(body, identifier, &item);
                    unroll(&mut copy, scope, copies, report);
                    if let NodeKind::Map(copied) = copy.kind {
                        made.extend(copied);
                    }
                }
            }
            *entries = made;
        }
        _ => {}
    }
}

/// A copy in which `${Identifier}`, `&{Identifier}` and `Ref: Identifier` are the item.
fn substitute(node: &Node, identifier: &str, item: &str) -> Node {
    let replace = |text: &str| -> Arc<str> {
        if !text.contains("{") {
            return text.into();
        }
        let letters: String = item.chars().filter(char::is_ascii_alphanumeric).collect();
        text.replace(&format!("${{{identifier}}}"), item)
            .replace(&format!("&{{{identifier}}}"), &letters)
            .into()
    };
    let kind = match &node.kind {
        NodeKind::String(text) => NodeKind::String(replace(text)),
        NodeKind::List(items) => NodeKind::List(items.iter().map(|n| substitute(n, identifier, item)).collect()),
        NodeKind::Map(entries) => {
            if let [entry] = entries.as_slice()
                && &*entry.key == "Ref"
                && entry.value.scalar() == Some(identifier)
            {
                NodeKind::String(item.into())
            } else {
                NodeKind::Map(
                    entries
                        .iter()
                        .map(|entry| Entry {
                            key: replace(&entry.key),
                            key_loc: entry.key_loc,
                            value: substitute(&entry.value, identifier, item),
                        })
                        .collect(),
                )
            }
        }
        other => other.clone(),
    };
    Node { kind, loc: node.loc }
}
