//! A graph made ready to be drawn: text that is safe to show, groups in columns, everything in its order.

use super::{Graph, Tone, order};
use crate::clean::clean;
use crate::plural;
use std::collections::BTreeMap;
use textwrap::core::display_width;

/// Above this many nodes a page begins with its groups folded.
pub(super) const LARGE: usize = 80;
/// Characters of a label, of a detail's value or of a note that are shown at all. AWS allows 256 in a tag.
const MOST: usize = 600;
/// Columns of text that fit into a box, beside its sign; and into a group's heading.
const FITS: usize = 31;
/// The same for a line's label.
const FITS_LINE: usize = 22;
/// Characters without a width of their own, such as accents, that may follow one another.
const MARKS: usize = 4;
const TOO_MANY: usize = MARKS + 1;

/// The whole of it.
pub(super) struct Plan {
    pub title: String,
    pub columns: Vec<Column>,
    /// By column, and in each from top to bottom.
    pub groups: Vec<Group>,
    /// As in the graph: a node's id is its index.
    pub nodes: Vec<Spot>,
    /// Those of the graph whose nodes are there.
    pub edges: Vec<Line>,
    pub notes: Vec<String>,
}

pub(super) struct Column {
    pub heading: String,
    /// Indices of its groups, from top to bottom.
    pub groups: Vec<usize>,
}

#[derive(Clone)]
pub(super) struct Group {
    pub name: String,
    pub short: String,
    pub column: usize,
    /// Nodes, from top to bottom.
    pub members: Vec<usize>,
}

/// A node.
pub(super) struct Spot {
    pub group: usize,
    pub column: usize,
    pub label: String,
    pub short: String,
    pub tone: Tone,
    pub details: Vec<(String, String)>,
}

/// An edge.
pub(super) struct Line {
    pub from: usize,
    pub to: usize,
    pub label: String,
    pub certain: bool,
}

/// Edges between the same two boxes, which are one line.
pub(super) struct Merged {
    pub from: usize,
    pub to: usize,
    /// What they say, each once.
    pub labels: Vec<String>,
    /// How many they are.
    pub count: usize,
    /// Whether one of them is certain.
    pub certain: bool,
}

impl Plan {
    pub fn new(graph: &Graph) -> Self {
        // Columns that nobody named are one: an index may be anything.
        let named = graph.columns.len();
        let count = named + usize::from(graph.nodes.iter().any(|node| node.column >= named));
        let mut groups: BTreeMap<(usize, String), Vec<usize>> = BTreeMap::new();
        for (id, node) in graph.nodes.iter().enumerate() {
            let key = (node.column.min(named), shown(&node.group));
            groups.entry(key).or_default().push(id);
        }
        let mut nodes: Vec<Spot> = graph
            .nodes
            .iter()
            .map(|node| {
                let mut label = shown(&node.label);
                if label.trim().is_empty() {
                    label = "(no name)".into();
                }
                Spot {
                    group: 0,
                    column: node.column.min(named),
                    short: fit(&label, FITS),
                    label,
                    tone: node.tone,
                    details: node
                        .details
                        .iter()
                        .map(|(name, value)| (shown(name), shown(value)))
                        .collect(),
                }
            })
            .collect();
        let groups: Vec<Group> = groups
            .into_iter()
            .map(|((column, name), mut members)| {
                members.sort_by(|a, b| nodes[*a].label.cmp(&nodes[*b].label).then(a.cmp(b)));
                Group {
                    short: fit(&name, FITS),
                    name,
                    column,
                    members,
                }
            })
            .collect();
        let edges: Vec<Line> = graph
            .edges
            .iter()
            .filter(|edge| edge.from < nodes.len() && edge.to < nodes.len())
            .map(|edge| Line {
                from: edge.from,
                to: edge.to,
                label: shown(&edge.label),
                certain: edge.certain,
            })
            .collect();
        let groups = order::sort(groups, count, nodes.len(), &edges);
        let mut columns: Vec<Column> = (0..count)
            .map(|at| Column {
                heading: graph
                    .columns
                    .get(at)
                    .map(|text| shown(text))
                    .unwrap_or_default(),
                groups: Vec::new(),
            })
            .collect();
        for (index, group) in groups.iter().enumerate() {
            columns[group.column].groups.push(index);
            for member in &group.members {
                nodes[*member].group = index;
            }
        }
        let mut notes: Vec<String> = graph.notes.iter().map(|note| shown(note)).collect();
        let dangling = graph.edges.len() - edges.len();
        if dangling > 0 {
            notes.push(format!(
                "{} not drawn, for want of a node at one end.",
                plural(dangling, "line")
            ));
        }
        Self {
            title: shown(&graph.title),
            columns,
            groups,
            nodes,
            edges,
            notes,
        }
    }

    /// The edges as lines between nodes.
    pub fn merged(&self) -> Vec<Merged> {
        let mut all: Vec<Merged> = Vec::new();
        let mut known: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for edge in &self.edges {
            let at = *known.entry((edge.from, edge.to)).or_insert(all.len());
            if at == all.len() {
                all.push(Merged {
                    from: edge.from,
                    to: edge.to,
                    labels: Vec::new(),
                    count: 0,
                    certain: false,
                });
            }
            let merged = &mut all[at];
            merged.count += 1;
            merged.certain |= edge.certain;
            if !edge.label.is_empty() && !merged.labels.contains(&edge.label) {
                merged.labels.push(edge.label.clone());
            }
        }
        all
    }

    /// What is drawn and how much of it, in a sentence.
    pub fn counted(&self) -> String {
        let possible = self.edges.iter().filter(|edge| !edge.certain).count();
        let mut said = format!(
            "{} in {}, {}",
            plural(self.nodes.len(), "node"),
            plural(self.groups.len(), "group"),
            plural(self.edges.len(), "line")
        );
        if possible > 0 {
            said.push_str(&format!(", {possible} of them only possible"));
        }
        said
    }
}

impl Merged {
    /// What is written beside the line.
    pub fn label(&self) -> String {
        fit(&self.labels.join(", "), FITS_LINE)
    }
}

/// Text that may be shown: nothing steers a terminal or a reader's eye, and there is an end to it.
fn shown(text: &str) -> String {
    let count = text.chars().count();
    let mut safe = String::new();
    let mut marks = 0;
    for c in clean(text).chars().take(MOST) {
        marks = if display_width(c.encode_utf8(&mut [0; 4])) == 0 {
            marks + 1
        } else {
            0
        };
        // Many marks on one letter would cover the lines above.
        match marks {
            0..=MARKS => safe.push(c),
            TOO_MANY => safe.push('\u{fffd}'),
            _ => {}
        }
    }
    if count > MOST {
        safe.push_str(&format!("… ({count} characters)"));
    }
    safe
}

/// Text shortened to a width. What tells an ARN or a path from others is at both of its ends, so that the middle goes.
pub(super) fn fit(text: &str, width: usize) -> String {
    // Marks that take no room of their own may still pile up high.
    let few = |chars: usize| chars <= width * 2;
    if display_width(text) <= width && few(text.chars().count()) {
        return text.to_owned();
    }
    let part = |chars: &mut dyn Iterator<Item = char>, room: usize| {
        let mut kept = Vec::new();
        let mut used = 0;
        for c in chars {
            used += display_width(c.encode_utf8(&mut [0; 4]));
            if used > room || kept.len() >= room * 2 {
                break;
            }
            kept.push(c);
        }
        kept
    };
    let head = part(&mut text.chars(), (width - 1) / 2);
    let mut tail = part(&mut text.chars().rev(), width - 1 - (width - 1) / 2);
    tail.reverse();
    head.into_iter().chain(['…']).chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_labels_keep_both_ends() {
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/5b2f";
        assert_eq!(fit(arn, 21), "arn:aws:km…3:key/5b2f");
        assert_eq!(fit("orders", 21), "orders");
        assert_eq!(display_width(&fit(&"語".repeat(90), 21)), 21);
        let piled = format!("a{}", "\u{301}".repeat(5000));
        assert!(fit(&piled, 21).chars().count() <= 43);
        assert!(shown(&piled).starts_with("a\u{301}\u{301}\u{301}\u{301}\u{fffd}… (5001"));
        assert!(shown(&"x".repeat(10_000)).ends_with("x… (10000 characters)"));
    }
}
