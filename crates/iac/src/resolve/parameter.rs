//! Parameters: what each may be.

use crate::{Node, Template};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// The parameters of a template, by name.
pub(super) type Parameters<'t> = HashMap<&'t str, Parameter<'t>>;

/// A declared parameter.
pub(super) struct Parameter<'t> {
    /// The declaration.
    pub node: &'t Node,
    /// Its default.
    pub default: Option<&'t Node>,
    /// `AllowedValues`; empty when any value is allowed.
    pub allowed: Arc<[Arc<str>]>,
    /// The values that conditions tell apart; the default first, all others as one last value
    /// that begins with `≠`.
    pub candidates: Arc<[Arc<str>]>,
    /// True when its value is a list.
    pub is_list: bool,
    /// True when the value is read from Parameter Store at deployment.
    pub from_ssm: bool,
    /// The name for people: with the stack's, when several templates have one of that name.
    pub shown: Arc<str>,
}

/// The value that stands for every other.
pub(super) const OTHER: char = '≠';

/// Finds the parameters of every template.
pub(super) fn of_all(templates: &[Template]) -> Vec<Parameters<'_>> {
    let mut seen = HashSet::new();
    let mut several = HashSet::new();
    for template in templates {
        for entry in entries(template, "Parameters") {
            if !seen.insert(&*entry.key) {
                several.insert(&*entry.key);
            }
        }
    }
    templates
        .iter()
        .map(|template| {
            let compared = compared(template);
            entries(template, "Parameters")
                .iter()
                .map(|entry| {
                    let name = &*entry.key;
                    let shown = if several.contains(name) && templates.len() > 1 {
                        format!("{}.{name}", template.stack_path).into()
                    } else {
                        entry.key.clone()
                    };
                    (name, parameter(&entry.value, shown, compared.get(name)))
                })
                .collect()
        })
        .collect()
}

fn entries<'t>(template: &'t Template, section: &str) -> &'t [crate::Entry] {
    template.root.get(section).map(Node::entries).unwrap_or_default()
}

fn parameter<'t>(node: &'t Node, shown: Arc<str>, compared: Option<&BTreeSet<&'t str>>) -> Parameter<'t> {
    let kind = node.get("Type").and_then(Node::scalar).unwrap_or("String");
    let allowed: Arc<[Arc<str>]> = node
        .get("AllowedValues")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|item| item.scalar().map(Arc::from))
        .collect();
    let default = node.get("Default");
    let written = default.and_then(Node::scalar);
    let mut candidates: Vec<Arc<str>> = written.map(Arc::from).into_iter().collect();
    if allowed.is_empty() {
        for constant in compared.into_iter().flatten() {
            if !candidates.iter().any(|c| **c == **constant) {
                candidates.push((*constant).into());
            }
        }
        let shown: Vec<&str> = candidates.iter().map(|c| &**c).collect();
        candidates.push(format!("{OTHER}{}", shown.join(",")).into());
    } else {
        for value in allowed.iter() {
            if !candidates.contains(value) {
                candidates.push(value.clone());
            }
        }
    }
    Parameter {
        node,
        default,
        allowed,
        candidates: candidates.into(),
        is_list: kind == "CommaDelimitedList" || kind.contains("List<"),
        from_ssm: kind.starts_with("AWS::SSM::Parameter::Value"),
        shown,
    }
}

/// The constants that conditions compare each parameter with, and the map keys it picks.
fn compared(template: &Template) -> HashMap<&str, BTreeSet<&str>> {
    let mut found: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for section in ["Conditions", "Rules"] {
        if let Some(node) = template.root.get(section) {
            comparisons(node, template, &mut found);
        }
    }
    found
}

fn comparisons<'t>(node: &'t Node, template: &'t Template, found: &mut HashMap<&'t str, BTreeSet<&'t str>>) {
    for entry in node.entries() {
        let items = entry.value.items();
        let refs = |n: &'t Node| n.get("Ref").and_then(Node::scalar);
        match (&*entry.key, items) {
            ("Fn::Equals", [a, b]) => {
                for (one, other) in [(a, b), (b, a)] {
                    if let (Some(name), Some(constant)) = (refs(one), other.scalar()) {
                        found.entry(name).or_default().insert(constant);
                    }
                }
            }
            ("Fn::FindInMap", [map, key, ..]) => {
                if let (Some(map), Some(name)) = (map.scalar(), refs(key)) {
                    let keys = template.root.get("Mappings").and_then(|m| m.get(map));
                    for entry in keys.map(Node::entries).unwrap_or_default() {
                        found.entry(name).or_default().insert(&entry.key);
                    }
                }
            }
            _ => {}
        }
        comparisons(&entry.value, template, found);
    }
    for item in node.items() {
        comparisons(item, template, found);
    }
}
