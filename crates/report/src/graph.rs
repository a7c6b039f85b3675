//! Pictures of a graph whose nodes stand in columns: data, the keys it hangs on, who may use them.
//!
//! All three outputs draw the same plan: columns from left to right, the nodes of a group together, in an order with few
//! crossings. The same graph gives the same bytes. Labels may hold anything: they come from tags that anybody may have written.

mod dot;
mod html;
mod layout;
mod order;
mod plan;
mod svg;

use plan::Plan;

/// What is to be drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// What the picture is of.
    pub title: String,
    /// The columns' headings, from left to right.
    pub columns: Vec<String>,
    /// The boxes; a node's id is its index.
    pub nodes: Vec<Node>,
    /// The lines between them.
    pub edges: Vec<Edge>,
    /// Sentences under the picture: what it does not show, or cannot know.
    pub notes: Vec<String>,
}

/// A box.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Which column it stands in. One that has no heading stands in a last column without one.
    pub column: usize,
    /// What is written in the box, shortened where it does not fit.
    pub label: String,
    /// What it stands together with: a service, an environment, an account. Empty for none.
    pub group: String,
    /// How it looks.
    pub tone: Tone,
    /// What else is to be known of it, as names and values, in this order.
    pub details: Vec<(String, String)>,
}

/// What a box says at a glance: by colour and by a sign, as not everybody sees colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Nothing is said of it.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Nobody could tell.
    Unknown,
    /// To be looked at.
    Warn,
    /// Not as it should be.
    Bad,
}

/// A line from a node to one in a column further right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    /// The index of the node where it begins.
    pub from: usize,
    /// The index of the node where it ends.
    pub to: usize,
    /// What it says: a permission, a condition. May be empty.
    pub label: String,
    /// Whether it is so. What is only possible is drawn dashed.
    pub certain: bool,
}

/// The graph for Graphviz: from left to right, with a cluster for every column and group.
pub fn dot(graph: &Graph) -> String {
    dot::draw(&Plan::new(graph))
}

/// The graph as a self-contained SVG file without script, for light and dark.
pub fn svg(graph: &Graph) -> String {
    svg::draw(&Plan::new(graph))
}

/// The graph as one page to explore: it searches, folds groups, follows paths, and needs no network.
///
/// The part of its address after `#` may say how it opens, parts joined by `&`: `expand` or `collapse` for all groups,
/// `search=words`, `pin=3` for the node with that id.
pub fn html(graph: &Graph) -> String {
    html::draw(&Plan::new(graph))
}

impl Tone {
    const ALL: [Tone; 5] = [
        Tone::Plain,
        Tone::Good,
        Tone::Unknown,
        Tone::Warn,
        Tone::Bad,
    ];

    /// Its name in styles.
    const fn class(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Good => "good",
            Tone::Unknown => "unknown",
            Tone::Warn => "warn",
            Tone::Bad => "bad",
        }
    }

    /// Its name for people.
    const fn name(self) -> &'static str {
        match self {
            Tone::Plain => "nothing said",
            Tone::Good => "good",
            Tone::Unknown => "unknown",
            Tone::Warn => "look at it",
            Tone::Bad => "bad",
        }
    }

    /// The sign before a label.
    const fn sign(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Good => "✓",
            Tone::Unknown => "?",
            Tone::Warn => "!",
            Tone::Bad => "✕",
        }
    }
}
