//! YAML documents with the line of every value, from the events of `saphyr-parser`. It is bounded in size, depth and what
//! aliases add, so that a hostile file costs no more than an error.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};
use std::collections::HashMap;

/// The largest file of rules.
pub(crate) const MOST_BYTES: u64 = 1 << 20;

/// How deep values may nest. Rules nest five levels; what reads a [`Node`] recurses.
const MOST_DEPTH: usize = 32;

/// How many values aliases may add, and how many anchors may name.
const MOST_ALIASED: usize = 50_000;

/// A value and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) line: u32,
}

/// What a value is. Rules are compared with records, so numbers stay as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, u32, Node)>),
}

/// What is wrong, and in which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) line: u32,
    pub(crate) what: String,
}

impl Wrong {
    pub(crate) fn new(line: u32, what: impl Into<String>) -> Self {
        let what = what.into();
        Wrong { line, what }
    }
}

impl Node {
    /// The text of a scalar, as it is written.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) | Kind::Number(text) => Some(text),
            Kind::Bool(true) => Some("true"),
            Kind::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// What stands under a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(entries) => {
                let mut entries = entries.iter();
                entries.find(|(key, ..)| key == name).map(|entry| &entry.2)
            }
            _ => None,
        }
    }

    /// What stands under a name, unless it is null.
    pub(crate) fn given(&self, name: &str) -> Option<&Node> {
        self.get(name).filter(|node| node.kind != Kind::Null)
    }

    /// The text under a name; absent when it is null.
    pub(crate) fn text_of(&self, name: &str) -> Result<Option<&str>, Wrong> {
        let Some(node) = self.given(name) else {
            return Ok(None);
        };
        let text = node.text();
        text.map(Some)
            .ok_or_else(|| Wrong::new(node.line, format!("`{name}` must be text")))
    }

    /// The texts of a list, or of one scalar, under a name.
    pub(crate) fn texts_of(&self, name: &str) -> Result<Vec<String>, Wrong> {
        let Some(node) = self.given(name) else {
            return Ok(Vec::new());
        };
        let wrong =
            |node: &Node| Wrong::new(node.line, format!("`{name}` must be a list of texts"));
        let items = match &node.kind {
            Kind::List(items) => items.as_slice(),
            Kind::Map(_) => return Err(wrong(node)),
            _ => std::slice::from_ref(node),
        };
        let texts = items.iter().map(|item| {
            let text = item.text().map(str::to_owned);
            text.ok_or_else(|| wrong(item))
        });
        texts.collect()
    }
}

/// The documents of a file; what follows an error cannot be read and is one, last.
pub(crate) fn documents(text: &str) -> Vec<Result<Node, Wrong>> {
    let mut found = Vec::new();
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let step = next
            .map_err(|error| Wrong::new(line(*error.marker()), error.info()))
            .and_then(|(event, span)| builder.event(event, line(span.start)));
        match step {
            Ok(None) => {}
            Ok(Some(node)) => found.push(Ok(node)),
            Err(wrong) => {
                found.push(Err(wrong));
                break;
            }
        }
    }
    found
}

fn line(marker: Marker) -> u32 {
    u32::try_from(marker.line().max(1)).unwrap_or(u32::MAX)
}

#[derive(Default)]
struct Builder {
    stack: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    aliased: usize,
    anchored: usize,
    root: Option<Node>,
}

struct Anchored {
    node: Node,
    size: usize,
    depth: usize,
}

/// A collection whose end has not come yet.
struct Open {
    line: u32,
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map(OpenMap),
}

#[derive(Default)]
struct OpenMap {
    entries: Vec<(String, u32, Node)>,
    /// The lines in which they stand.
    names: HashMap<String, u32>,
    /// A name whose value has not come yet.
    name: Option<(String, u32)>,
    /// What stands under `<<`.
    merges: Vec<Node>,
}

impl Builder {
    /// Takes an event; a document when it ends one that holds something.
    fn event(&mut self, event: Event<'_>, line: u32) -> Result<Option<Node>, Wrong> {
        match event {
            Event::DocumentStart(_) => {
                self.root = None;
                self.anchors.clear();
            }
            Event::DocumentEnd => {
                // `---` at the end of a file begins a document without anything in it.
                return Ok(self.root.take().filter(|node| node.kind != Kind::Null));
            }
            Event::Scalar(value, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let kind = if plain {
                    scalar(&value)
                } else {
                    Kind::Text(value.into())
                };
                self.finish(Node { kind, line }, anchor)?;
            }
            Event::SequenceStart(anchor, _) => {
                self.open(line, anchor, OpenKind::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, _) => {
                self.open(line, anchor, OpenKind::Map(OpenMap::default()))?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.stack.pop() {
                    let kind = match open.kind {
                        OpenKind::List(items) => Kind::List(items),
                        OpenKind::Map(map) => Kind::Map(map.merged()?),
                    };
                    let line = open.line;
                    self.finish(Node { kind, line }, open.anchor)?;
                }
            }
            Event::Alias(anchor) => {
                let Some(anchored) = self.anchors.get(&anchor) else {
                    let what = "an alias inside the very value it names";
                    return Err(Wrong::new(line, what));
                };
                self.aliased += anchored.size;
                if self.aliased > MOST_ALIASED {
                    let what = format!("aliases expand to more than {MOST_ALIASED} values");
                    return Err(Wrong::new(line, what));
                }
                if self.stack.len() + anchored.depth > MOST_DEPTH {
                    return Err(too_deep(line));
                }
                let node = anchored.node.clone();
                self.finish(node, 0)?;
            }
            _ => {}
        }
        Ok(None)
    }

    fn open(&mut self, line: u32, anchor: usize, kind: OpenKind) -> Result<(), Wrong> {
        if self.stack.len() >= MOST_DEPTH {
            return Err(too_deep(line));
        }
        if let Some(Open {
            kind: OpenKind::Map(OpenMap { name: None, .. }),
            ..
        }) = self.stack.last()
        {
            return Err(Wrong::new(line, "a name must be text"));
        }
        self.stack.push(Open { line, anchor, kind });
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Wrong> {
        if anchor > 0 {
            let (size, depth) = measure(&node);
            self.anchored += size;
            if self.anchored > MOST_ALIASED {
                let what = format!("anchors name more than {MOST_ALIASED} values");
                return Err(Wrong::new(node.line, what));
            }
            let node = node.clone();
            self.anchors.insert(anchor, Anchored { node, size, depth });
        }
        match self.stack.last_mut().map(|open| &mut open.kind) {
            None => self.root = Some(node),
            Some(OpenKind::List(items)) => items.push(node),
            Some(OpenKind::Map(map)) => map.add(node)?,
        }
        Ok(())
    }
}

impl OpenMap {
    /// Takes a name, or the value of the one before.
    fn add(&mut self, node: Node) -> Result<(), Wrong> {
        match self.name.take() {
            None => {
                let text = node.text().map(str::to_owned);
                let text = text.ok_or_else(|| Wrong::new(node.line, "a name must be text"))?;
                self.name = Some((text, node.line));
            }
            Some((name, _)) if name == "<<" => match node.kind {
                Kind::List(items) => self.merges.extend(items),
                _ => self.merges.push(node),
            },
            Some((name, line)) => {
                if let Some(first) = self.names.insert(name.clone(), line) {
                    let what = format!("`{name}` stands twice; first in line {first}");
                    return Err(Wrong::new(line, what));
                }
                self.entries.push((name, line, node));
            }
        }
        Ok(())
    }

    /// The entries; those of its own win, then those of what is merged first.
    fn merged(mut self) -> Result<Vec<(String, u32, Node)>, Wrong> {
        for merged in self.merges {
            let Kind::Map(more) = merged.kind else {
                return Err(Wrong::new(merged.line, "`<<` merges maps only"));
            };
            for (name, line, node) in more {
                if self.names.insert(name.clone(), line).is_none() {
                    self.entries.push((name, line, node));
                }
            }
        }
        Ok(self.entries)
    }
}

fn too_deep(line: u32) -> Wrong {
    Wrong::new(line, format!("nested deeper than {MOST_DEPTH} levels"))
}

/// How many values there are and how deep they nest; at most [`MOST_DEPTH`].
fn measure(node: &Node) -> (usize, usize) {
    let children: Box<dyn Iterator<Item = &Node>> = match &node.kind {
        Kind::List(items) => Box::new(items.iter()),
        Kind::Map(entries) => Box::new(entries.iter().map(|entry| &entry.2)),
        _ => return (1, 0),
    };
    children.map(measure).fold((1, 1), |(size, depth), child| {
        (size + child.0, depth.max(child.1 + 1))
    })
}

/// A plain scalar in YAML 1.2's core schema: `No` and `on` are texts, as CloudTrail writes them.
fn scalar(value: &str) -> Kind {
    match value {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        _ if is_number(value) => Kind::Number(value.to_owned()),
        _ => Kind::Text(value.to_owned()),
    }
}

fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().filter(|byte| *byte == b'.').count() <= 1
}
