//! `lockfast keys map`: which data hangs on which key, and who may use it.

use super::super::facts::Read;
use super::super::print;
use super::sides::Sides;
use super::{key_json, reasons, short, whole_name};
use crate::cli::{Facts, MapFormat};
use anyhow::{Context, Result};
use lockfast_access::Three;
use lockfast_access::world::{Circumstances, On, World};
use lockfast_facts::Inventory;
use lockfast_keys::{Dependent, Key};
use lockfast_report::clean;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Who may use a key, by which policy.
struct User {
    label: String,
    may: Three,
    conditions: Vec<String>,
    by: Vec<String>,
}

/// One key as the map shows it.
struct Shown<'r, 'a> {
    key: &'r Key<'a>,
    users: Vec<User>,
    inventory: &'a Inventory,
    /// The same key in the templates that were given beside a snapshot.
    twin: Option<&'r Key<'a>>,
    /// What the templates hang on it that does not exist yet.
    planned: Vec<&'r Dependent<'a>>,
    templates: Option<&'a Inventory>,
    /// Whether the key itself stands in the templates only.
    is_planned: bool,
}

/// Runs the command and gives its exit code.
pub(super) fn run(
    name: Option<&str>,
    format: MapFormat,
    output: Option<&Path>,
    facts: &Facts,
) -> Result<u8> {
    let read = Read::of_both(facts)?;
    let sides = Sides::new(&read);
    let shown = shown(&sides, name)?;
    let text = match format {
        MapFormat::Tree => tree(&shown),
        MapFormat::Json => {
            let rows: Vec<Value> = shown.iter().map(json_of).collect();
            format!("{}\n", serde_json::to_string_pretty(&rows)?)
        }
        MapFormat::Dot => lockfast_report::graph::dot(&graph(&shown)),
        MapFormat::Svg => lockfast_report::graph::svg(&graph(&shown)),
        MapFormat::Html => lockfast_report::graph::html(&graph(&shown)),
    };
    match output {
        Some(file) => {
            std::fs::write(file, text)
                .with_context(|| format!("cannot write {}", file.display()))?;
            anstream::eprintln!("wrote {}", file.display());
        }
        None => {
            print(&text)?;
        }
    }
    Ok(read.code())
}

/// The keys that were asked for: those that exist first.
fn shown<'r, 'a>(sides: &'r Sides<'a>, name: Option<&str>) -> Result<Vec<Shown<'r, 'a>>> {
    let world = World::new(sides.ring.inventory);
    let existing = |key: &'r Key<'a>| Shown {
        key,
        users: users(&world, key),
        inventory: sides.ring.inventory,
        twin: sides.twin(key),
        planned: sides.planned(key),
        templates: sides.templates.as_ref().map(|other| other.ring.inventory),
        is_planned: false,
    };
    let planned_world = sides
        .templates
        .as_ref()
        .map(|other| World::new(other.ring.inventory));
    let planned = |key: &'r Key<'a>| {
        let world = planned_world.as_ref().unwrap_or(&world);
        Shown {
            key,
            users: users(world, key),
            inventory: world.inventory(),
            twin: None,
            planned: Vec::new(),
            templates: None,
            is_planned: true,
        }
    };
    Ok(match name {
        None => {
            let all = sides.ring.keys.iter().map(existing);
            all.chain(sides.not_made().map(planned)).collect()
        }
        Some(name) => match sides.one(name)? {
            (key, false) => vec![existing(key)],
            (key, true) => vec![planned(key)],
        },
    })
}

fn json_of(shown: &Shown<'_, '_>) -> Value {
    let mut row = key_json(shown.key);
    let dependents = shown.key.dependents.iter();
    row["data"] = json!(
        dependents
            .map(|on| on.view(shown.inventory))
            .collect::<Vec<_>>()
    );
    row["principals"] = shown
        .users
        .iter()
        .map(|user| {
            json!({
                "principal": user.label, "may": reasons::word(user.may),
                "if": user.conditions, "by": user.by,
            })
        })
        .collect();
    if let Some(templates) = shown.templates {
        row["declared"] = shown.declared().into();
        let planned = shown.planned.iter().map(|on| on.view(templates));
        row["planned"] = json!(planned.collect::<Vec<_>>());
    }
    if shown.is_planned {
        row["exists"] = false.into();
    }
    row
}

impl Shown<'_, '_> {
    /// Where the templates make it.
    fn declared(&self) -> Option<String> {
        let (twin, templates) = (self.twin?, self.templates?);
        Some(templates.place(twin.resource.loc))
    }

    /// Everything that hangs on it: what exists, then what is planned; with the inventory that tells of it.
    fn data(&self) -> impl Iterator<Item = (&Dependent<'_>, &Inventory, bool)> {
        let exists = !self.is_planned;
        let own = self
            .key
            .dependents
            .iter()
            .map(move |on| (on, self.inventory, exists));
        let planned = self.planned.iter();
        own.chain(planned.filter_map(|on| Some((*on, self.templates?, false))))
    }
}

fn users<'a>(world: &World<'a>, key: &Key<'a>) -> Vec<User> {
    let on = On::resource(world.inventory(), key.resource);
    let action = match key.text("KeyUsage").as_deref() {
        Some("SIGN_VERIFY") => "kms:Sign",
        Some("GENERATE_VERIFY_MAC") => "kms:GenerateMac",
        _ => "kms:Decrypt",
    };
    let all = world.who_can(action, &on, &Circumstances::default());
    all.iter()
        .map(|(who, answer)| User {
            label: who.label.clone(),
            may: answer.may,
            conditions: reasons::conditions(answer).to_vec(),
            by: reasons::said(world.inventory(), answer)
                .iter()
                .filter(|said| said.says.starts_with("allows"))
                .map(|said| said.who.clone())
                .collect(),
        })
        .collect()
}

fn tree(keys: &[Shown<'_, '_>]) -> String {
    let mut out = String::new();
    for shown in keys {
        let (key, users) = (shown.key, &shown.users);
        let class = key.classification.value().map_or("?", |c| c.name());
        let environment = key
            .environment
            .value()
            .map_or("?", |(name, _)| name.as_str());
        let _ = writeln!(
            out,
            "{} · {} · {class} · {}{}",
            clean(&key.label),
            clean(environment),
            super::place(key),
            if shown.is_planned {
                " · in the templates only"
            } else {
                ""
            },
        );
        if let Some(declared) = shown.declared() {
            let _ = writeln!(out, "├─ made by {}", clean(&declared));
        }
        let data: Vec<_> = shown.data().collect();
        let _ = writeln!(out, "├─ data ({})", data.len());
        for (index, (on, inventory, exists)) in data.iter().enumerate() {
            let branch = if index + 1 == data.len() {
                "└─"
            } else {
                "├─"
            };
            let _ = writeln!(
                out,
                "│  {branch} {} {}  {}{}",
                short(&on.resource.kind),
                clean(&on.label),
                clean(&inventory.place(on.resource.loc)),
                if *exists || shown.is_planned {
                    ""
                } else {
                    "  (in the templates only)"
                },
            );
        }
        let _ = writeln!(out, "└─ who may use it ({})", users.len());
        for (index, user) in users.iter().enumerate() {
            let branch = if index + 1 == users.len() {
                "└─"
            } else {
                "├─"
            };
            let sure = match user.may {
                Three::Yes => String::new(),
                _ => format!(" possible, {}", clean(&user.conditions.join("; "))),
            };
            let by = match user.by.is_empty() {
                true => String::new(),
                false => format!("  by {}", clean(&user.by.join(", "))),
            };
            let _ = writeln!(out, "   {branch} {}{by}{sure}", clean(&user.label));
        }
        out.push('\n');
    }
    out
}

/// Data, keys, the policies that let in, and principals, from left to right.
fn graph(keys: &[Shown<'_, '_>]) -> lockfast_report::graph::Graph {
    use lockfast_report::graph::{Edge, Graph, Node, Tone};
    let mut graph = Graph {
        title: match keys {
            [shown] => format!("What hangs on {}", shown.key.label),
            _ => format!(
                "{} keys: what hangs on them, and who may use them",
                keys.len()
            ),
        },
        columns: ["Data", "Key", "Policy", "Principal"]
            .map(str::to_owned)
            .to_vec(),
        nodes: Vec::new(),
        edges: Vec::new(),
        notes: Vec::new(),
    };
    let mut nodes: BTreeMap<(usize, String), usize> = BTreeMap::new();
    for shown in keys {
        let (key, users) = (shown.key, &shown.users);
        let mut node = |graph: &mut Graph, column: usize, id: String, make: &dyn Fn() -> Node| {
            *nodes.entry((column, id)).or_insert_with(|| {
                graph.nodes.push(make());
                graph.nodes.len() - 1
            })
        };
        let environment = key
            .environment
            .value()
            .map_or("?", |(name, _)| name.as_str());
        let class = key
            .classification
            .value()
            .map_or("unclassified", |c| c.name());
        let own = node(&mut graph, 1, whole_name(key), &|| Node {
            column: 1,
            label: key.label.clone(),
            group: format!("{environment} · {class}"),
            tone: match key.state().as_deref() {
                _ if shown.is_planned => Tone::Plain,
                None | Some("Enabled") => Tone::Good,
                Some("PendingDeletion" | "PendingReplicaDeletion") => Tone::Bad,
                Some(_) => Tone::Warn,
            },
            details: vec![
                ("Key".to_owned(), whole_name(key)),
                ("Region".to_owned(), super::place(key)),
                (
                    "Owner".to_owned(),
                    key.owner.clone().unwrap_or_else(|| "-".to_owned()),
                ),
                (
                    "State".to_owned(),
                    key.state().unwrap_or_else(|| "-".to_owned()),
                ),
                (
                    "Read at".to_owned(),
                    shown.inventory.place(key.resource.loc),
                ),
                (
                    "Made by".to_owned(),
                    shown.declared().unwrap_or_else(|| "-".to_owned()),
                ),
            ],
        });
        for (on, inventory, exists) in shown.data() {
            // Of two inventories, the same number may mean two things.
            let id = format!("{exists} {}", on.resource.id.0);
            let data = node(&mut graph, 0, id, &|| Node {
                column: 0,
                label: on.label.clone(),
                group: short(&on.resource.kind).to_owned(),
                tone: Tone::Plain,
                details: vec![
                    ("Type".to_owned(), on.resource.kind.to_string()),
                    ("Read at".to_owned(), inventory.place(on.resource.loc)),
                    ("Without the key".to_owned(), on.effect.text.clone()),
                ],
            });
            graph.edges.push(Edge {
                from: data,
                to: own,
                label: match exists || shown.is_planned {
                    true => on.part.clone(),
                    false => format!("{}, in the templates only", on.part),
                },
                certain: exists || shown.is_planned,
            });
        }
        for user in users {
            let who = node(&mut graph, 3, user.label.clone(), &|| Node {
                column: 3,
                label: user.label.clone(),
                group: account_of(&user.label),
                tone: Tone::Plain,
                details: Vec::new(),
            });
            let said = user
                .by
                .first()
                .cloned()
                .unwrap_or_else(|| "key policy".to_owned());
            let policy = node(
                &mut graph,
                2,
                format!("{}\u{1f}{said}", whole_name(key)),
                &|| Node {
                    column: 2,
                    label: said.clone(),
                    group: key.label.clone(),
                    tone: Tone::Plain,
                    details: vec![("Of key".to_owned(), key.label.clone())],
                },
            );
            if !graph
                .edges
                .iter()
                .any(|edge| edge.from == own && edge.to == policy)
            {
                graph.edges.push(Edge {
                    from: own,
                    to: policy,
                    label: String::new(),
                    certain: true,
                });
            }
            graph.edges.push(Edge {
                from: policy,
                to: who,
                label: user.conditions.join("; "),
                certain: user.may.is_yes(),
            });
        }
        graph.notes.extend(
            key.unknowns
                .iter()
                .map(|why| format!("{}: {why}", key.label)),
        );
    }
    graph
}

/// What principals are grouped by.
fn account_of(label: &str) -> String {
    let parts: Vec<&str> = label.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, _, _, account, _] if !account.is_empty() => format!("account {account}"),
        _ if label.ends_with(".amazonaws.com") => "AWS services".to_owned(),
        _ => match label.split_once('/') {
            Some((head, _)) => head.to_owned(),
            None => "others".to_owned(),
        },
    }
}
