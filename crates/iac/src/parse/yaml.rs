//! YAML as CloudFormation reads it, from the events of `saphyr-parser`.

use super::json::Names;
use super::scan::{Cursor, Head};
use super::{MAX_DEPTH, ParseError, Parsed, dedent, loc};
use crate::comments;
use crate::{Entry, Node, NodeKind};
use lockfast_facts::{Loc, Pos, SourceId};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

/// How many nodes aliases may add, and how many anchors may name (a node inside two anchors counts
/// twice). CloudFormation templates are at most 1 MB.
const MAX_ALIASED_NODES: usize = 200_000;

pub(super) fn parse(text: &str, source: SourceId) -> Result<Parsed, ParseError> {
    match attempt(text, source) {
        Err(error) if dedent::is_cause(&error) => {
            dedent::parse(text, error, |text| attempt(text, source))
        }
        result => result,
    }
}

fn attempt(text: &str, source: SourceId) -> Result<Parsed, ParseError> {
    let mut builder = Builder {
        source,
        cursor: Cursor::new(text),
        stack: Vec::new(),
        anchors: HashMap::new(),
        aliased: 0,
        anchored: 0,
        root: None,
        scalars: comments::possible(text).then(Vec::new),
    };
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let (event, span) =
            next.map_err(|error| ParseError::new(pos(*error.marker()), error.info()))?;
        if matches!(event, Event::DocumentStart(_)) && builder.root.is_some() {
            // A template is one document; what follows another `---` is not CloudFormation's.
            return Err(ParseError::new(
                pos(span.start),
                "a second YAML document; a template is one",
            ));
        }
        builder.event(event, span)?;
    }
    let directives = builder
        .scalars
        .map(|scalars| comments::directives(text, source, &scalars))
        .unwrap_or_default();
    let root = builder.root.unwrap_or(Node {
        kind: NodeKind::Null,
        loc: loc(
            source,
            Pos { line: 1, column: 1 },
            Pos { line: 1, column: 1 },
        ),
    });
    Ok(Parsed { root, directives })
}

pub(super) fn pos(marker: Marker) -> Pos {
    Pos {
        line: u32::try_from(marker.line().max(1)).unwrap_or(u32::MAX),
        column: u32::try_from(marker.col() + 1).unwrap_or(u32::MAX),
    }
}

struct Builder<'t> {
    source: SourceId,
    cursor: Cursor<'t>,
    stack: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    aliased: usize,
    anchored: usize,
    root: Option<Node>,
    /// The bytes that quoted and block scalars cover, when the text may hold directives.
    scalars: Option<Vec<Range<usize>>>,
}

struct Anchored {
    node: Node,
    size: usize,
    depth: usize,
}

/// A collection whose end has not come yet.
struct Open {
    head: Head,
    anchor: usize,
    tag: Option<String>,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        names: Names,
        key: Option<(Arc<str>, Loc)>,
        merges: Vec<Node>,
    },
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), ParseError> {
        let start = pos(span.start);
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let head = self.cursor.head(span.start, tag.is_some() || anchor > 0);
                let (end, covered) = self.cursor.scalar_end(&head, style, span);
                // Behind the tag of an empty value (`a: !Ref`) comes the next one's text.
                let content = if value.is_empty() {
                    head.content.min(end)
                } else {
                    head.content
                };
                if let (Some(scalars), Some(covered)) = (&mut self.scalars, covered) {
                    scalars.push(covered);
                }
                let tag = tag.and_then(TagKind::of);
                let is_name = matches!(
                    self.stack.last(),
                    Some(Open {
                        kind: OpenKind::Map { key: None, .. },
                        ..
                    })
                );
                let kind = if is_name && tag.is_none() && !value.is_empty() {
                    // A name stays as written: `Mappings: {On: …}` is looked up by that text.
                    NodeKind::String(value.into())
                } else {
                    scalar(&value, style, tag.as_ref())
                };
                let node = Node {
                    kind,
                    loc: loc(self.source, content, end.max(content)),
                };
                let named = tag.and_then(TagKind::named);
                self.finish(tagged(node, named, &head, self.source), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(span, anchor, tag, OpenKind::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => self.open(
                span,
                anchor,
                tag,
                OpenKind::Map {
                    entries: Vec::new(),
                    names: Names::default(),
                    key: None,
                    merges: Vec::new(),
                },
            ),
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => {
                let Some(anchored) = self.anchors.get(&anchor) else {
                    return Err(ParseError::new(
                        start,
                        "an alias inside the very value it names",
                    ));
                };
                self.aliased += anchored.size;
                if self.aliased > MAX_ALIASED_NODES {
                    return Err(ParseError::new(
                        start,
                        format!("aliases expand to more than {MAX_ALIASED_NODES} values"),
                    ));
                }
                if self.stack.len() + anchored.depth > MAX_DEPTH {
                    return Err(too_deep(start));
                }
                let node = anchored.node.clone();
                self.finish(node, 0)
            }
            _ => Ok(()),
        }
    }

    fn open(
        &mut self,
        span: Span,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
        kind: OpenKind,
    ) -> Result<(), ParseError> {
        let start = pos(span.start);
        if self.stack.len() >= MAX_DEPTH {
            return Err(too_deep(start));
        }
        if let Some(Open {
            kind: OpenKind::Map { key: None, .. },
            ..
        }) = self.stack.last()
        {
            return Err(ParseError::new(start, "a name must be a string"));
        }
        let head = self.cursor.head(span.start, tag.is_some() || anchor > 0);
        self.stack.push(Open {
            head,
            anchor,
            tag: tag.and_then(TagKind::of).and_then(TagKind::named),
            kind,
        });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), ParseError> {
        let Some(open) = self.stack.pop() else {
            return Ok(());
        };
        let kind = match open.kind {
            OpenKind::List(items) => NodeKind::List(items),
            OpenKind::Map {
                mut entries,
                merges,
                ..
            } => {
                merge_into(&mut entries, merges)?;
                NodeKind::Map(entries)
            }
        };
        // A block collection ends where the next token begins; its last child says better.
        let flow = span.start.index() != span.end.index();
        let end = last_end(&kind).filter(|_| !flow).unwrap_or(pos(span.end));
        let node = Node {
            kind,
            loc: loc(self.source, open.head.content, end.max(open.head.content)),
        };
        self.finish(tagged(node, open.tag, &open.head, self.source), open.anchor)
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), ParseError> {
        if anchor > 0 {
            let (size, depth) = measure(&node);
            self.anchored += size;
            if self.anchored > MAX_ALIASED_NODES {
                return Err(ParseError::new(
                    node.loc.start,
                    format!("anchors name more than {MAX_ALIASED_NODES} values"),
                ));
            }
            let node = node.clone();
            self.anchors.insert(anchor, Anchored { node, size, depth });
        }
        match self.stack.last_mut().map(|open| &mut open.kind) {
            None => {
                self.root = Some(node);
                Ok(())
            }
            Some(OpenKind::List(items)) => {
                items.push(node);
                Ok(())
            }
            Some(OpenKind::Map {
                entries,
                names,
                key,
                merges,
            }) => match key.take() {
                None => {
                    let name = match &node.kind {
                        NodeKind::String(name) => name.clone(),
                        _ => match node.scalar() {
                            Some(name) => name.into(),
                            None => {
                                return Err(ParseError::new(
                                    node.loc.start,
                                    "a name must be a string",
                                ));
                            }
                        },
                    };
                    *key = Some((name, node.loc));
                    Ok(())
                }
                Some((name, _)) if &*name == "<<" => {
                    match node.kind {
                        NodeKind::List(items) => merges.extend(items),
                        _ => merges.push(node),
                    }
                    Ok(())
                }
                Some((name, key_loc)) => {
                    if let Some(first) = names.add(entries, &name, key_loc) {
                        return Err(ParseError::new(
                            key_loc.start,
                            format!(
                                "the name \"{name}\" stands twice; first on line {}, column {}",
                                first.start.line, first.start.column
                            ),
                        ));
                    }
                    entries.push(Entry {
                        key: name,
                        key_loc,
                        value: node,
                    });
                    Ok(())
                }
            },
        }
    }
}

fn too_deep(at: Pos) -> ParseError {
    ParseError::new(at, format!("nested deeper than {MAX_DEPTH} levels"))
}

/// YAML's merge key: entries of its own win, then those of the first merged object.
fn merge_into(entries: &mut Vec<Entry>, merges: Vec<Node>) -> Result<(), ParseError> {
    if merges.is_empty() {
        return Ok(());
    }
    let mut names: HashSet<Arc<str>> = entries.iter().map(|entry| entry.key.clone()).collect();
    for merged in merges {
        let NodeKind::Map(more) = merged.kind else {
            return Err(ParseError::new(
                merged.loc.start,
                "`<<` merges objects only",
            ));
        };
        entries.extend(
            more.into_iter()
                .filter(|entry| names.insert(entry.key.clone())),
        );
    }
    Ok(())
}

fn last_end(kind: &NodeKind) -> Option<Pos> {
    match kind {
        NodeKind::List(items) => items.last().map(|node| node.loc.end),
        NodeKind::Map(entries) => entries
            .last()
            .map(|entry| entry.value.loc.end.max(entry.key_loc.end)),
        _ => None,
    }
}

/// How many nodes there are and how deep they nest. What is measured is at most `MAX_DEPTH`
/// collections deep, so this cannot overflow the stack.
fn measure(node: &Node) -> (usize, usize) {
    let (mut size, mut depth) = (1, 0);
    let mut add = |child: &Node| {
        let (s, d) = measure(child);
        size += s;
        depth = depth.max(d + 1);
    };
    match &node.kind {
        NodeKind::List(items) => items.iter().for_each(&mut add),
        NodeKind::Map(entries) => entries.iter().for_each(|entry| add(&entry.value)),
        _ => {}
    }
    (size, depth)
}

/// What a tag says of a value.
enum TagKind {
    /// `!!str`, and the lone `!`: a string whatever it looks like.
    Text,
    /// `!!int`, `!!bool`: what it looks like, even in quotes.
    Looks,
    /// `!Ref`, `!Rain::Module`.
    Named(String),
}

impl TagKind {
    fn of(tag: Cow<'_, Tag>) -> Option<TagKind> {
        const CORE: &str = "tag:yaml.org,2002:";
        let (handle, suffix) = (tag.handle.as_str(), tag.suffix.as_str());
        // A verbatim tag, `!<…>`, has no handle.
        let core = if handle == CORE {
            Some(suffix)
        } else {
            suffix.strip_prefix(CORE).filter(|_| handle.is_empty())
        };
        Some(match (core, handle, suffix) {
            (Some("int" | "float" | "bool" | "null"), ..) => TagKind::Looks,
            (Some("map" | "seq" | "omap" | "set" | "pairs"), ..) => return None,
            (Some(_), ..) | (None, "", "!") | (None, "!", "") => TagKind::Text,
            (None, "!", name) => TagKind::Named(name.to_owned()),
            (None, "", name) => TagKind::Named(name.strip_prefix('!').unwrap_or(name).to_owned()),
            (None, handle, name) => TagKind::Named(format!("{handle}{name}")),
        })
    }

    fn named(self) -> Option<String> {
        match self {
            TagKind::Named(name) => Some(name),
            _ => None,
        }
    }
}

/// A scalar as CloudFormation takes it. Numbers, dates and versions stay as written.
///
/// CloudFormation reads YAML 1.1, where a plain `yes`, `no`, `on` or `off` is a boolean too
/// (aws-cli pull request 5257; seen deployed in ASFHyP3/hyp3 pull request 2061), but `y` and `n`
/// stay strings.
fn scalar(value: &str, style: ScalarStyle, tag: Option<&TagKind>) -> NodeKind {
    let plain = match tag {
        None => style == ScalarStyle::Plain,
        Some(TagKind::Looks) => true,
        Some(_) => false,
    };
    if !plain {
        return NodeKind::String(value.into());
    }
    match value {
        "" | "~" | "null" | "Null" | "NULL" => NodeKind::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            NodeKind::Bool(true)
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            NodeKind::Bool(false)
        }
        _ if is_number(value) => NodeKind::Number(value.into()),
        _ => NodeKind::String(value.into()),
    }
}

fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().filter(|b| *b == b'.').count() <= 1
}

/// A short intrinsic in its long form; an unknown tag as an object with the tag for a name.
fn tagged(node: Node, tag: Option<String>, head: &Head, source: SourceId) -> Node {
    let Some(tag) = tag else {
        return node;
    };
    let whole = loc(source, head.start, node.loc.end);
    let key_loc = head
        .tag
        .map_or(whole, |(start, end)| loc(source, start, end));
    let mut value = node;
    let name = match tag.as_str() {
        "Ref" | "Condition" => tag,
        "GetAtt" => {
            if let NodeKind::String(text) = &value.kind
                && let Some((resource, attribute)) = text.split_once('.')
            {
                value.kind = NodeKind::List(halves(resource, attribute, value.loc));
            }
            "Fn::GetAtt".to_owned()
        }
        "Base64" | "Cidr" | "FindInMap" | "GetAZs" | "GetStackOutput" | "ImportValue" | "Join"
        | "Length" | "Select" | "Split" | "Sub" | "ToJsonString" | "Transform" | "And"
        | "Equals" | "If" | "Not" | "Or" | "ForEach" | "Contains" | "EachMemberEquals"
        | "EachMemberIn" | "RefAll" | "ValueOf" | "ValueOfAll" => format!("Fn::{tag}"),
        _ => format!("!{tag}"),
    };
    Node {
        kind: NodeKind::Map(vec![Entry {
            key: name.into(),
            key_loc,
            value,
        }]),
        loc: whole,
    }
}

/// The two halves of `!GetAtt Resource.Attribute`, each with its place when it stands on one
/// line as it is read, and with that of the whole otherwise.
fn halves(resource: &str, attribute: &str, at: Loc) -> Vec<Node> {
    let (mut first, mut second) = (at, at);
    let width = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let (left, right) = (width(resource), width(attribute));
    if at.start.line == at.end.line && at.end.column - at.start.column == left + 1 + right {
        first.end.column = at.start.column + left;
        second.start.column = first.end.column + 1;
    }
    let part = |text: &str, loc| Node {
        kind: NodeKind::String(text.into()),
        loc,
    };
    vec![part(resource, first), part(attribute, second)]
}
