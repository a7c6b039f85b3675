//! Parameters: what each may be.

use super::world::Candidates;
use crate::{Entry, Node, Template};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The parameters of a template, by name; pseudo parameters that conditions compare and the input
/// does not tell are among them.
pub(super) type Parameters<'t> = HashMap<&'t str, Parameter<'t>>;

/// A parameter.
pub(super) struct Parameter<'t> {
    /// Its name.
    pub name: Arc<str>,
    /// The declaration.
    pub node: &'t Node,
    /// Its default.
    pub default: Option<&'t Node>,
    /// What the parent stack passes for it.
    pub passed: Option<&'t Node>,
    /// True when only some values are allowed, by the parameter or by the template's `Rules`.
    pub restricted: bool,
    /// The values to tell apart, the default first: those allowed or, when any is, those that
    /// conditions and mappings name and one last value, which begins with [`OTHER`], for all others.
    pub candidates: Candidates,
    /// True when its value is a list.
    pub is_list: bool,
    /// True when `NoEcho` hides its value.
    pub hidden: bool,
    /// True when the value is read from Parameter Store at deployment.
    pub from_ssm: bool,
    /// The name for people: with the stack's, when several templates have one of that name.
    pub shown: Arc<str>,
}

/// The value that stands for every other.
pub(super) const OTHER: char = '≠';

/// Pseudo parameters that conditions commonly compare.
const COMPARED_PSEUDO: [&str; 3] = ["AWS::Region", "AWS::AccountId", "AWS::Partition"];

/// The constants that each name is compared with.
type Compared<'t> = HashMap<&'t str, BTreeSet<&'t str>>;

/// Finds the parameters of every template.
pub(super) fn of_all(templates: &[Template]) -> Vec<Parameters<'_>> {
    let mut compared: Vec<Compared<'_>> = templates.iter().map(compared).collect();
    let passed: Vec<Option<&Node>> = templates.iter().map(|t| passed(templates, t)).collect();
    hand_up(templates, &passed, &mut compared);

    // Only parameters whose value is open are shown to people.
    let mut open: HashMap<&str, usize> = HashMap::new();
    for (template, passed) in templates.iter().zip(&passed) {
        for entry in entries(&template.root, "Parameters") {
            let is_passed = passed.is_some_and(|p| p.get(&entry.key).is_some());
            if !is_passed && !template.parameters.contains_key(&*entry.key) {
                *open.entry(&entry.key).or_default() += 1;
            }
        }
    }
    let roots = templates.iter().filter(|t| t.parent.is_none()).count();
    let labels = labels(templates);
    templates
        .iter()
        .enumerate()
        .map(|(t, template)| {
            let rules = rules(template);
            let shown = |name: &str, several: bool| -> Arc<str> {
                if several {
                    format!("{}.{name}", labels[t]).into()
                } else {
                    name.into()
                }
            };
            let mut found: Parameters<'_> = entries(&template.root, "Parameters")
                .iter()
                .map(|entry| {
                    let name = &*entry.key;
                    let parameter = Parameter {
                        passed: passed[t].and_then(|p| p.get(name)),
                        shown: shown(name, open.get(name).is_some_and(|n| *n > 1)),
                        ..declared(entry, compared[t].get(name), rules.get(name))
                    };
                    (name, parameter)
                })
                .collect();
            if template.parent.is_none() {
                for name in COMPARED_PSEUDO {
                    if let Some(constants) = compared[t].get(name) {
                        found.insert(
                            name,
                            pseudo(name, &template.root, constants, shown(name, roots > 1)),
                        );
                    }
                }
            }
            found
        })
        .collect()
}

fn entries<'t>(root: &'t Node, section: &str) -> &'t [Entry] {
    root.get(section).map(Node::entries).unwrap_or_default()
}

/// The `Parameters` of the resource that nests a template.
pub(super) fn passed<'t>(templates: &'t [Template], template: &Template) -> Option<&'t Node> {
    let (parent, resource) = template.parent.as_ref()?;
    let resource = templates
        .get(*parent)?
        .root
        .get("Resources")?
        .get(resource)?;
    resource.get("Properties")?.get("Parameters")
}

/// Short names of stacks for people: a file's stem when no other file has it.
pub(super) fn labels(templates: &[Template]) -> Vec<&str> {
    let stem = |name: &'_ str| -> usize { name.rfind('/').map_or(0, |i| i + 1) };
    let short: Vec<&str> = templates
        .iter()
        .map(|t| {
            let name = &t.stack_name[stem(&t.stack_name)..];
            name.split_once('.').map_or(name, |(before, _)| before)
        })
        .collect();
    let mut count: HashMap<&str, usize> = HashMap::new();
    for name in &short {
        *count.entry(name).or_default() += 1;
    }
    short
        .iter()
        .zip(templates)
        .map(|(short, template)| match count.get(short) {
            Some(1) if !short.is_empty() => *short,
            _ => template.stack_path.as_str(),
        })
        .collect()
}

/// What a nested stack compares is compared with what its parent passes.
fn hand_up<'t>(
    templates: &'t [Template],
    passed: &[Option<&'t Node>],
    compared: &mut [Compared<'t>],
) {
    let mut deepest_first: Vec<(usize, usize)> = (0..templates.len())
        .map(|t| (depth(templates, t), t))
        .filter(|(d, _)| *d > 0)
        .collect();
    deepest_first.sort_unstable_by(|a, b| b.cmp(a));
    for (_, child) in deepest_first {
        let Some((parent, _)) = &templates[child].parent else {
            continue;
        };
        let mut handed: Vec<(&str, BTreeSet<&str>)> = Vec::new();
        for (name, constants) in &compared[child] {
            let from = if name.starts_with("AWS::") {
                Some(*name)
            } else {
                passed[child].and_then(|p| p.get(name)).and_then(referred)
            };
            if let Some(from) = from {
                handed.push((from, constants.clone()));
            }
        }
        if let Some(above) = compared.get_mut(*parent) {
            for (name, constants) in handed {
                above.entry(name).or_default().extend(constants);
            }
        }
    }
}

/// How many stacks are around a template's.
pub(super) fn depth(templates: &[Template], mut t: usize) -> usize {
    let mut depth = 0;
    while let Some((parent, _)) = &templates[t].parent {
        depth += 1;
        t = *parent;
        if t >= templates.len() || depth > templates.len() {
            break;
        }
    }
    depth
}

/// The name in `{"Ref": name}` or `{"Fn::Sub": "${name}"}`.
pub(super) fn referred(node: &Node) -> Option<&str> {
    let [entry] = node.entries() else {
        return None;
    };
    match &*entry.key {
        "Ref" => entry.value.scalar(),
        "Fn::Sub" => {
            let name = entry
                .value
                .scalar()?
                .strip_prefix("${")?
                .strip_suffix('}')?;
            (!name.contains(['$', '{', '.', '!'])).then_some(name)
        }
        _ => None,
    }
}

fn declared<'t>(
    entry: &'t Entry,
    compared: Option<&BTreeSet<&str>>,
    rule: Option<&Vec<&str>>,
) -> Parameter<'t> {
    let node = &entry.value;
    let kind = node.get("Type").and_then(Node::scalar).unwrap_or("String");
    let written: Vec<&str> = node
        .get("AllowedValues")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(Node::scalar)
        .collect();
    let allowed: Vec<&str> = match rule {
        Some(rule) if written.is_empty() => rule.clone(),
        Some(rule) => written
            .iter()
            .filter(|v| rule.contains(v))
            .copied()
            .collect(),
        None => written,
    };
    let default = node.get("Default");
    let first = default
        .and_then(Node::scalar)
        .filter(|d| allowed.is_empty() || allowed.contains(d));
    // What `NoEcho` hides is not shown, not even as a choice.
    let hidden = node
        .get("NoEcho")
        .and_then(Node::scalar)
        .is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let mut values: Vec<&str> = first.into_iter().collect();
    let constants = compared.into_iter().flatten().copied();
    let more: Vec<&str> = if allowed.is_empty() {
        constants.collect()
    } else {
        allowed.clone()
    };
    for value in more {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    let mut values: Vec<(Arc<str>, Arc<str>)> = values
        .into_iter()
        .map(|value| {
            let shown = if hidden && Some(value) == first {
                "(its default)"
            } else {
                value
            };
            (value.into(), shown.into())
        })
        .collect();
    if allowed.is_empty() {
        values.push(other(&values));
    }
    Parameter {
        name: entry.key.clone(),
        node,
        default,
        passed: None,
        restricted: !allowed.is_empty(),
        candidates: Candidates {
            values: values.into(),
        },
        hidden,
        is_list: kind == "CommaDelimitedList" || kind.contains("List<"),
        from_ssm: kind.starts_with("AWS::SSM::Parameter::Value"),
        shown: entry.key.clone(),
    }
}

fn pseudo<'t>(
    name: &str,
    node: &'t Node,
    constants: &BTreeSet<&str>,
    shown: Arc<str>,
) -> Parameter<'t> {
    let mut values: Vec<(Arc<str>, Arc<str>)> = constants
        .iter()
        .map(|c| (Arc::from(*c), Arc::from(*c)))
        .collect();
    values.push(other(&values));
    Parameter {
        name: name.into(),
        node,
        default: None,
        passed: None,
        restricted: false,
        candidates: Candidates {
            values: values.into(),
        },
        hidden: false,
        is_list: false,
        from_ssm: false,
        shown,
    }
}

fn other(values: &[(Arc<str>, Arc<str>)]) -> (Arc<str>, Arc<str>) {
    let shown: Vec<&str> = values
        .iter()
        .map(|(_, shown)| if shown.is_empty() { "\"\"" } else { &**shown })
        .collect();
    let text: Arc<str> = format!("{OTHER}{}", shown.join(",")).into();
    (text.clone(), text)
}

/// The constants that conditions compare each parameter with, and the mapping keys it picks.
fn compared(template: &Template) -> Compared<'_> {
    let mut found = Compared::new();
    let mappings = template.root.get("Mappings");
    if let Some(conditions) = template.root.get("Conditions") {
        comparisons(conditions, mappings, &mut found);
    }
    if mappings.is_some() && template.root.get("Parameters").is_some() {
        for section in ["Resources", "Outputs"] {
            if let Some(node) = template.root.get(section) {
                comparisons(node, mappings, &mut found);
            }
        }
    }
    found
}

fn comparisons<'t>(node: &'t Node, mappings: Option<&'t Node>, found: &mut Compared<'t>) {
    for entry in node.entries() {
        match (&*entry.key, entry.value.items()) {
            ("Fn::Equals", [a, b]) => {
                for (one, other) in [(a, b), (b, a)] {
                    if let (Some(name), Some(constant)) = (referred(one), other.scalar()) {
                        found.entry(name).or_default().insert(constant);
                    }
                }
            }
            ("Fn::FindInMap", [map, first, second, ..]) => {
                let map = map.scalar().and_then(|name| mappings?.get(name));
                let rows = map.map(Node::entries).unwrap_or_default();
                // Which region it is, is too much to try for a mapping alone.
                if let Some(name) = referred(first).filter(|name| !name.starts_with("AWS::")) {
                    found
                        .entry(name)
                        .or_default()
                        .extend(rows.iter().map(|row| &*row.key));
                }
                if let Some(name) = referred(second).filter(|name| !name.starts_with("AWS::")) {
                    let columns = rows.iter().flat_map(|row| row.value.entries());
                    found
                        .entry(name)
                        .or_default()
                        .extend(columns.map(|column| &*column.key));
                }
            }
            _ => {}
        }
        comparisons(&entry.value, mappings, found);
    }
    for item in node.items() {
        comparisons(item, mappings, found);
    }
}

/// What the template's `Rules` without a condition allow: `Fn::Contains` of a list and a
/// parameter, or `Fn::Equals`. Others are passed over, which only explores more than can be.
fn rules(template: &Template) -> HashMap<&str, Vec<&str>> {
    let mut found: HashMap<&str, Vec<&str>> = HashMap::new();
    for rule in entries(&template.root, "Rules") {
        if rule.value.get("RuleCondition").is_some() {
            continue;
        }
        for assertion in rule
            .value
            .get("Assertions")
            .map(Node::items)
            .unwrap_or_default()
        {
            let Some(assert) = assertion.get("Assert") else {
                continue;
            };
            let (list, parameter) = match (assert.get("Fn::Contains"), assert.get("Fn::Equals")) {
                (Some(contains), _) => match contains.items() {
                    [list, parameter] => (list.items(), referred(parameter)),
                    _ => continue,
                },
                (_, Some(equals)) => match equals.items() {
                    [a, b] if referred(a).is_some() => (std::slice::from_ref(b), referred(a)),
                    [a, b] => (std::slice::from_ref(a), referred(b)),
                    _ => continue,
                },
                _ => continue,
            };
            let values: Option<Vec<&str>> = list.iter().map(Node::scalar).collect();
            if let (Some(values), Some(parameter)) = (values.filter(|v| !v.is_empty()), parameter) {
                found.entry(parameter).or_insert(values);
            }
        }
    }
    found
}
