//! The graph for Graphviz.

use super::Tone;
use super::plan::Plan;
use std::fmt::Write;

pub(super) fn draw(plan: &Plan) -> String {
    let mut out = String::new();
    write(plan, &mut out).expect("writing to memory does not fail");
    out
}

fn write(plan: &Plan, out: &mut String) -> std::fmt::Result {
    writeln!(out, "digraph {} {{", quoted(&plan.title))?;
    let mut label = vec![plan.title.as_str()];
    label.extend(plan.notes.iter().map(String::as_str));
    out.push_str(
        "  rankdir=LR; newrank=true; nodesep=0.12; ranksep=1.6; fontname=\"Helvetica\"; labelloc=t;\n",
    );
    writeln!(out, "  label={};", lines(&label))?;
    out.push_str("  node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", color=\"#8c959f\", fontname=\"Helvetica\", fontsize=11];\n");
    out.push_str(
        "  edge [color=\"#6e7781\", fontname=\"Helvetica\", fontsize=9, arrowsize=0.6];\n",
    );
    for (at, column) in plan.columns.iter().enumerate() {
        writeln!(out, "  subgraph cluster_{at} {{")?;
        writeln!(
            out,
            "    label={}; style=solid; color=\"#d0d7de\";",
            quoted(&column.heading)
        )?;
        for (place, index) in column.groups.iter().enumerate() {
            let group = &plan.groups[*index];
            let indent = if group.name.is_empty() {
                "    "
            } else {
                writeln!(out, "    subgraph cluster_{at}_{place} {{")?;
                writeln!(
                    out,
                    "      label={}; style=filled; fillcolor=\"#f6f8fa\"; color=\"#d0d7de\";",
                    quoted(&group.name)
                )?;
                "      "
            };
            for member in &group.members {
                let node = &plan.nodes[*member];
                let sign = node.tone.sign();
                let label = if sign.is_empty() {
                    node.label.clone()
                } else {
                    format!("{sign} {}", node.label)
                };
                let tip: Vec<String> = std::iter::once(node.label.clone())
                    .chain(
                        node.details
                            .iter()
                            .map(|(name, value)| format!("{name}: {value}")),
                    )
                    .collect();
                let tip: Vec<&str> = tip.iter().map(String::as_str).collect();
                writeln!(
                    out,
                    "{indent}n{member} [label={}, tooltip={}{}];",
                    quoted(&label),
                    lines(&tip),
                    look(node.tone)
                )?;
            }
            if !group.name.is_empty() {
                out.push_str("    }\n");
            }
        }
        out.push_str("  }\n");
    }
    // A column is a rank, and the columns follow one another whatever lines there are.
    let mut before: Option<usize> = None;
    for column in &plan.columns {
        let members: Vec<usize> = column
            .groups
            .iter()
            .flat_map(|group| plan.groups[*group].members.iter().copied())
            .collect();
        let Some(first) = members.first().copied() else {
            continue;
        };
        out.push_str("  { rank=same;");
        for member in members {
            write!(out, " n{member};")?;
        }
        out.push_str(" }\n");
        if let Some(before) = before {
            writeln!(out, "  n{before} -> n{first} [style=invis];")?;
        }
        before = Some(first);
    }
    for edge in plan.merged() {
        let style = if edge.certain { "" } else { ", style=dashed" };
        // Not all lines go from left to right if a graph was made amiss; none of those may move a column.
        let along = plan.nodes[edge.from].column < plan.nodes[edge.to].column;
        let free = if along { "" } else { ", constraint=false" };
        writeln!(
            out,
            "  n{} -> n{} [label={}{style}{free}];",
            edge.from,
            edge.to,
            quoted(&edge.labels.join(", "))
        )?;
    }
    out.push_str("}\n");
    Ok(())
}

/// A box's colours.
const fn look(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Good => ", color=\"#1a6b34\"",
        Tone::Unknown => ", color=\"#57606a\", style=\"rounded,filled,dashed\"",
        Tone::Warn => ", color=\"#8a5a00\", fillcolor=\"#fff6e0\"",
        Tone::Bad => ", color=\"#b3261e\", fillcolor=\"#fdeceb\"",
    }
}

fn quoted(text: &str) -> String {
    lines(&[text])
}

/// A string of Graphviz. It knows escapes such as `\N`, the node's name, and entities of HTML: neither is meant here.
fn lines(texts: &[&str]) -> String {
    let safe: Vec<String> = texts
        .iter()
        .map(|text| {
            text.replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('&', "&amp;")
        })
        .collect();
    format!("\"{}\"", safe.join("\\n"))
}
