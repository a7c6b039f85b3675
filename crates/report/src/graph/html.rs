//! The graph as a page to explore. What its script draws is data in it; the same stands in tables, for screen readers and paper.

use super::Tone;
use super::layout;
use super::plan::{LARGE, Plan};
use askama::Template;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Template)]
#[template(path = "graph.html")]
struct Page<'p> {
    plan: &'p Plan,
    counted: String,
    tones: Vec<(&'static str, &'static str, &'static str)>,
    possible: bool,
    json: String,
    place: &'static str,
    script: &'static str,
    style: &'static str,
}

/// What the script is given.
#[derive(Serialize)]
struct Data<'p> {
    counted: &'p str,
    hint: &'static str,
    /// Whether groups begin folded.
    fold: bool,
    size: [i64; 8],
    tones: &'p [(&'static str, &'static str, &'static str)],
    columns: Vec<&'p str>,
    groups: Vec<GroupData<'p>>,
    nodes: Vec<NodeData<'p>>,
    labels: Vec<&'p str>,
    edges: Vec<(usize, usize, usize, u8)>,
}

/// Names are short: they are there once for every group or node.
#[derive(Serialize)]
struct GroupData<'p> {
    #[serde(rename = "n")]
    name: &'p str,
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    short: Option<&'p str>,
    #[serde(rename = "c")]
    column: usize,
    #[serde(rename = "m")]
    members: &'p [usize],
}

#[derive(Serialize)]
struct NodeData<'p> {
    #[serde(rename = "l")]
    label: &'p str,
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    short: Option<&'p str>,
    #[serde(rename = "t")]
    tone: u8,
    #[serde(rename = "d")]
    details: &'p [(String, String)],
}

pub(super) fn draw(plan: &Plan) -> String {
    let counted = plan.counted();
    let tones: Vec<_> = Tone::ALL
        .into_iter()
        .map(|tone| (tone.class(), tone.name(), tone.sign()))
        .collect();
    let page = Page {
        json: json(plan, &counted, &tones),
        plan,
        counted,
        tones,
        possible: plan.edges.iter().any(|edge| !edge.certain),
        place: include_str!("../../templates/graph-place.js"),
        script: include_str!("../../templates/graph.js"),
        style: include_str!("../../templates/graph.css"),
    };
    page.render().expect("writing to memory does not fail")
}

fn json(
    plan: &Plan,
    counted: &str,
    tones: &[(&'static str, &'static str, &'static str)],
) -> String {
    let shortened = |short: &'_ String, whole: &String| short != whole;
    let mut labels = Vec::new();
    let mut known = BTreeMap::new();
    let edges = plan
        .edges
        .iter()
        .map(|edge| {
            let label = *known.entry(edge.label.as_str()).or_insert_with(|| {
                labels.push(edge.label.as_str());
                labels.len() - 1
            });
            (edge.from, edge.to, label, u8::from(edge.certain))
        })
        .collect();
    let data = Data {
        counted,
        hint: "Point at a box, or go to it with Tab, to see what it leads to and where it comes from. A click keeps it.",
        fold: plan.nodes.len() > LARGE,
        size: [
            layout::BOX_WIDTH,
            layout::BOX_HEIGHT,
            layout::ROW_GAP,
            layout::HEAD,
            layout::PAD,
            layout::GROUP_GAP,
            layout::COLUMN_GAP,
            layout::FOLDED,
        ],
        tones,
        columns: plan
            .columns
            .iter()
            .map(|column| column.heading.as_str())
            .collect(),
        groups: plan
            .groups
            .iter()
            .map(|group| GroupData {
                name: &group.name,
                short: shortened(&group.short, &group.name).then_some(group.short.as_str()),
                column: group.column,
                members: &group.members,
            })
            .collect(),
        nodes: plan
            .nodes
            .iter()
            .map(|node| NodeData {
                label: &node.label,
                short: shortened(&node.short, &node.label).then_some(node.short.as_str()),
                tone: node.tone as u8,
                details: &node.details,
            })
            .collect(),
        labels,
        edges,
    };
    let text = serde_json::to_string(&data).expect("strings and numbers are JSON");
    // Outside of strings JSON has none of these; within them, no text ends the script element or begins a comment.
    text.replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
}
