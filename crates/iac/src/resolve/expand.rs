//! What rewrites a template before it is resolved: `Fn::ForEach`, SAM, and macros, which are named.

use super::sam;
use crate::{Entry, Node, NodeKind, Problem, Template};
use lockfast_facts::{Loc, Source};
use std::collections::HashMap;
use std::sync::Arc;

/// Transforms whose effect is known, or touches no resource that is judged.
const KNOWN: [&str; 5] = [
    "AWS::LanguageExtensions",
    "AWS::Serverless-2016-10-31",
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
    "AWS::CodeDeployBlueGreen",
];

/// How many nodes all loops of a template may make. CloudFormation takes 500 resources; loops in
/// loops over large bodies would else fill the memory.
const MAX_NODES: usize = 500_000;

/// How much text they may make: CloudFormation takes templates of 1 MB, after expansion too.
const MAX_BYTES: usize = 16 << 20;

/// What loops may yet make.
struct Budget {
    nodes: usize,
    bytes: usize,
}

impl Budget {
    fn is_spent(&self) -> bool {
        self.nodes == 0 || self.bytes == 0
    }
}

/// What the parent stack passes to a template: the text of what is constant, `None` for others.
pub(super) type Passed = HashMap<Arc<str>, Option<Arc<str>>>;

/// Expands a template in place. What cannot be expanded is a problem; the rest goes on. True when
/// something may yet be added that is not seen here.
pub(super) fn expand(
    template: &mut Template,
    passed: &Passed,
    sources: &[Source],
    problems: &mut Vec<Problem>,
) -> bool {
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
    let serverless = transforms
        .iter()
        .any(|(name, _)| name == "AWS::Serverless-2016-10-31");
    let loops = has_loops(&template.root);
    let macros = transforms
        .iter()
        .any(|(name, _)| name != "AWS::LanguageExtensions");
    if !serverless && !loops {
        return macros || has_transform(&template.root);
    }
    let mut root = (*template.root).clone();
    if loops {
        let before = template.root.clone();
        let mut unroller = Unroller {
            root: &before,
            given: &template.parameters,
            passed,
            budget: Budget {
                nodes: MAX_NODES,
                bytes: MAX_BYTES,
            },
            found: Vec::new(),
        };
        unroller.unroll(&mut root);
        problems.extend(unroller.found.into_iter().map(|(loc, message)| Problem {
            path: path.to_owned(),
            at: Some(loc.start),
            message,
        }));
    }
    if serverless {
        sam::expand(&mut root);
    }
    template.root = Arc::new(root);
    macros || loops
}

fn transforms(root: &Node) -> Vec<(String, Loc)> {
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
            let name = item
                .scalar()
                .or_else(|| item.get("Name").and_then(Node::scalar))?;
            Some((name.to_owned(), item.loc))
        })
        .collect()
}

/// `Fn::Transform` beside the entries of a section adds to it.
fn has_transform(root: &Node) -> bool {
    root.entries()
        .iter()
        .any(|section| section.value.get("Fn::Transform").is_some())
}

fn has_loops(node: &Node) -> bool {
    node.entries()
        .iter()
        .any(|entry| entry.key.starts_with("Fn::ForEach") || has_loops(&entry.value))
        || node.items().iter().any(has_loops)
}

/// Replaces loops by their copies (AWS CloudFormation Template Reference Guide, "Fn::ForEach").
struct Unroller<'t> {
    /// The template as written, where collections are looked up.
    root: &'t Node,
    given: &'t HashMap<String, String>,
    passed: &'t Passed,
    budget: Budget,
    found: Vec<(Loc, String)>,
}

impl Unroller<'_> {
    /// The items of a loop's collection: a list, a list parameter, or a mapping's list.
    fn items(&self, node: &Node) -> Option<Vec<Arc<str>>> {
        match &node.kind {
            NodeKind::List(items) => {
                let mut found = Vec::with_capacity(items.len());
                for item in items {
                    match item.scalar() {
                        Some(text) => found.push(text.into()),
                        None => found.extend(self.items(item)?),
                    }
                }
                Some(found)
            }
            NodeKind::Map(_) => {
                if let Some(keys) = node.get("Fn::FindInMap") {
                    let mappings = self.root.get("Mappings")?;
                    let list = keys.items().iter().try_fold(mappings, |node, key| {
                        let key = key.scalar().or_else(|| self.parameter(key));
                        node.get(key?)
                    })?;
                    return self.items(list);
                }
                let text = self.parameter(node)?;
                Some(text.split(',').map(|item| Arc::from(item.trim())).collect())
            }
            _ => None,
        }
    }

    /// What the parameter is that a node refers to: given, passed, or its default.
    fn parameter(&self, node: &Node) -> Option<&str> {
        let name = node.get("Ref")?.scalar()?;
        match (self.given.get(name), self.passed.get(name)) {
            (Some(given), _) => Some(given),
            (None, Some(passed)) => passed.as_deref(),
            (None, None) => {
                let declared = self.root.get("Parameters")?.get(name)?;
                declared.get("Default")?.scalar()
            }
        }
    }

    /// Replaces each `Fn::ForEach::Name: [Identifier, Collection, {…}]` by its copies. A loop that
    /// cannot be unrolled stays, so that what it might have made is known to be unknown.
    fn unroll(&mut self, node: &mut Node) {
        match &mut node.kind {
            NodeKind::List(items) => items.iter_mut().for_each(|item| self.unroll(item)),
            NodeKind::Map(entries) => {
                let mut made: Vec<Entry> = Vec::with_capacity(entries.len());
                for mut entry in std::mem::take(entries) {
                    if !entry.key.starts_with("Fn::ForEach") {
                        self.unroll(&mut entry.value);
                        made.push(entry);
                        continue;
                    }
                    match self.copies(&entry) {
                        Ok(copies) => made.extend(copies),
                        Err(message) => {
                            self.found.push((entry.key_loc, message));
                            made.push(entry);
                        }
                    }
                }
                *entries = made;
            }
            _ => {}
        }
    }

    fn copies(&mut self, entry: &Entry) -> Result<Vec<Entry>, String> {
        let [identifier, collection, body] = entry.value.items() else {
            return Err(format!(
                "{} takes an identifier, a collection and a fragment",
                entry.key
            ));
        };
        let (Some(identifier), Some(items)) = (identifier.scalar(), self.items(collection)) else {
            return Err(format!(
                "the collection of {} is not known before deployment; what it makes is not judged",
                entry.key
            ));
        };
        let mut made = Vec::new();
        for item in items {
            let mut copy = substitute(body, identifier, &item, &mut self.budget);
            if self.budget.is_spent() {
                return Err(format!("{} makes more than a template can hold", entry.key));
            }
            self.unroll(&mut copy);
            if let NodeKind::Map(copied) = copy.kind {
                made.extend(copied);
            }
        }
        Ok(made)
    }
}

/// A copy in which `${Identifier}`, `&{Identifier}` and `Ref: Identifier` are the item.
fn substitute(node: &Node, identifier: &str, item: &str, budget: &mut Budget) -> Node {
    budget.nodes = budget.nodes.saturating_sub(1);
    if budget.is_spent() {
        return Node {
            kind: NodeKind::Null,
            loc: node.loc,
        };
    }
    let replace = |text: &Arc<str>, budget: &mut Budget| -> Arc<str> {
        let (whole, letters) = (format!("${{{identifier}}}"), format!("&{{{identifier}}}"));
        let places = text.matches(&whole).count() + text.matches(&letters).count();
        if places == 0 {
            return text.clone();
        }
        let length = item.len().saturating_mul(places).saturating_add(text.len());
        budget.bytes = budget.bytes.saturating_sub(length);
        if budget.is_spent() {
            return "".into();
        }
        let plain: String = item.chars().filter(char::is_ascii_alphanumeric).collect();
        text.replace(&whole, item).replace(&letters, &plain).into()
    };
    let kind = match &node.kind {
        NodeKind::String(text) => NodeKind::String(replace(text, budget)),
        NodeKind::List(items) => NodeKind::List(
            items
                .iter()
                .map(|n| substitute(n, identifier, item, budget))
                .collect(),
        ),
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
                            key: replace(&entry.key, budget),
                            key_loc: entry.key_loc,
                            value: substitute(&entry.value, identifier, item, budget),
                        })
                        .collect(),
                )
            }
        }
        other => other.clone(),
    };
    Node {
        kind,
        loc: node.loc,
    }
}
