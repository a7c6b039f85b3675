//! YAML as CloudFormation reads it, from the events of `saphyr-parser`.

use super::json::Names;
use super::{MAX_DEPTH, ParseError, Parsed, loc};
use crate::{Entry, Node, NodeKind};
use lockfast_facts::{Directive, Loc, Pos, SourceId};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// How many nodes aliases may add. CloudFormation templates are at most 1 MB.
const MAX_ALIASED_NODES: usize = 200_000;

pub(super) fn parse(text: &str, source: SourceId) -> Result<Parsed, ParseError> {
    let mut builder = Builder {
        source,
        stack: Vec::new(),
        anchors: HashMap::new(),
        aliased: 0,
        root: None,
        scalars: Vec::new(),
        wants_scalars: text.contains("lockfast:"),
    };
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| {
            ParseError::new(pos(*error.marker()), error.info().to_owned())
        })?;
        if matches!(event, Event::DocumentStart(_)) && builder.root.is_some() {
            // A template is one document; what follows another `---` is not CloudFormation's.
            return Err(ParseError::new(pos(span.start), "a second YAML document; a template is one"));
        }
        builder.event(event, span)?;
    }
    let directives = directives(text, source, &builder.scalars);
    let root = builder.root.unwrap_or(Node {
        kind: NodeKind::Null,
        loc: loc(source, Pos { line: 1, column: 1 }, Pos { line: 1, column: 1 }),
    });
    Ok(Parsed { root, directives })
}

fn pos(marker: Marker) -> Pos {
    Pos {
        line: u32::try_from(marker.line().max(1)).unwrap_or(u32::MAX),
        column: u32::try_from(marker.col() + 1).unwrap_or(u32::MAX),
    }
}

struct Builder {
    source: SourceId,
    stack: Vec<Open>,
    anchors: HashMap<usize, Node>,
    aliased: usize,
    root: Option<Node>,
    /// Lines that a scalar covers beyond its first, where `#` starts no comment.
    scalars: Vec<Loc>,
    wants_scalars: bool,
}

/// A collection whose end has not come yet.
struct Open {
    start: Pos,
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

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), ParseError> {
        let start = pos(span.start);
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let at = loc(self.source, start, pos(span.end));
                if self.wants_scalars && style != ScalarStyle::Plain {
                    self.scalars.push(at);
                }
                let node = scalar(&value, style, tag_name(tag), at);
                self.finish(node, anchor)
            }
            Event::SequenceStart(anchor, tag) => self.open(start, anchor, tag, OpenKind::List(Vec::new())),
            Event::MappingStart(anchor, tag) => self.open(
                start,
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
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(ParseError::new(start, "an alias inside the very value it names"));
                };
                self.aliased += size(&node);
                if self.aliased > MAX_ALIASED_NODES {
                    return Err(ParseError::new(
                        start,
                        format!("aliases expand to more than {MAX_ALIASED_NODES} values"),
                    ));
                }
                self.finish(node, 0)
            }
            _ => Ok(()),
        }
    }

    fn open(
        &mut self,
        start: Pos,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
        kind: OpenKind,
    ) -> Result<(), ParseError> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(ParseError::new(
                start,
                format!("nested deeper than {MAX_DEPTH} levels"),
            ));
        }
        if let Some(Open { kind: OpenKind::Map { key: None, .. }, .. }) = self.stack.last() {
            return Err(ParseError::new(start, "a name must be a string"));
        }
        self.stack.push(Open {
            start,
            anchor,
            tag: tag_name(tag),
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
                mut entries, merges, ..
            } => {
                for merge in merges {
                    merge_into(&mut entries, &merge);
                }
                NodeKind::Map(entries)
            }
        };
        // A block collection ends where the next token begins; its last child says better.
        let end = last_end(&kind).filter(|_| span.start.index() == span.end.index()).unwrap_or(pos(span.end));
        let at = loc(self.source, open.start, end.max(open.start));
        let node = tagged(Node { kind, loc: at }, open.tag);
        self.finish(node, open.anchor)
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), ParseError> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
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
                    let Some(name) = node.scalar() else {
                        return Err(ParseError::new(node.loc.start, "a name must be a string"));
                    };
                    *key = Some((name.into(), node.loc));
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
                            format!("the name \"{name}\" stands twice; first on line {}", first.start.line),
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

/// YAML's merge key: entries of its own win.
fn merge_into(entries: &mut Vec<Entry>, merged: &Node) {
    for entry in merged.entries() {
        if !entries.iter().any(|e| e.key == entry.key) {
            entries.push(entry.clone());
        }
    }
}

fn last_end(kind: &NodeKind) -> Option<Pos> {
    match kind {
        NodeKind::List(items) => items.last().map(|node| node.loc.end),
        NodeKind::Map(entries) => entries.last().map(|entry| entry.value.loc.end.max(entry.key_loc.end)),
        _ => None,
    }
}

fn size(node: &Node) -> usize {
    // Anchored nodes are at most MAX_DEPTH deep, so this cannot overflow the stack.
    1 + match &node.kind {
        NodeKind::List(items) => items.iter().map(size).sum(),
        NodeKind::Map(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
        _ => 0,
    }
}

/// `!Ref`, `!Rain::Module`; `None` for YAML's own tags, which plain values show too.
fn tag_name(tag: Option<Cow<'_, Tag>>) -> Option<String> {
    let tag = tag?;
    (tag.handle == "!").then(|| tag.suffix.clone())
}

/// A scalar as CloudFormation takes it: of the plain ones only `true`, `false`, `null` and
/// numbers are not strings. A date or version such as `2010-09-09` stays as written.
fn scalar(value: &str, style: ScalarStyle, tag: Option<String>, at: Loc) -> Node {
    let kind = if style != ScalarStyle::Plain || tag.is_some() {
        NodeKind::String(value.into())
    } else {
        match value {
            "" | "~" | "null" | "Null" | "NULL" => NodeKind::Null,
            "true" | "True" | "TRUE" => NodeKind::Bool(true),
            "false" | "False" | "FALSE" => NodeKind::Bool(false),
            _ if is_number(value) => NodeKind::Number(value.into()),
            _ => NodeKind::String(value.into()),
        }
    };
    tagged(Node { kind, loc: at }, tag)
}

fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().filter(|b| *b == b'.').count() <= 1
}

/// A short intrinsic in its long form; an unknown tag as an object with the tag for a name.
fn tagged(node: Node, tag: Option<String>) -> Node {
    let Some(tag) = tag else {
        return node;
    };
    let at = node.loc;
    let mut value = node;
    let name = match tag.as_str() {
        "Ref" | "Condition" => tag,
        "GetAtt" => {
            if let NodeKind::String(text) = &value.kind
                && let Some((resource, attribute)) = text.split_once('.')
            {
                let part = |text: &str| Node {
                    kind: NodeKind::String(text.into()),
                    loc: at,
                };
                value.kind = NodeKind::List(vec![part(resource), part(attribute)]);
            }
            "Fn::GetAtt".to_owned()
        }
        "Base64" | "Cidr" | "FindInMap" | "GetAZs" | "ImportValue" | "Join" | "Length" | "Select"
        | "Split" | "Sub" | "ToJsonString" | "Transform" | "And" | "Equals" | "If" | "Not" | "Or"
        | "ForEach" | "Contains" | "EachMemberEquals" | "EachMemberIn" | "RefAll" | "ValueOf"
        | "ValueOfAll" => format!("Fn::{tag}"),
        _ => format!("!{tag}"),
    };
    Node {
        kind: NodeKind::Map(vec![Entry {
            key: name.into(),
            key_loc: at,
            value,
        }]),
        loc: at,
    }
}

/// `# lockfast: …` comments. A `#` inside a quoted or block scalar is no comment.
fn directives(text: &str, source: SourceId, scalars: &[Loc]) -> Vec<Directive> {
    let mut found = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let Some(at) = line.find("# lockfast:").or_else(|| line.find("#lockfast:")) else {
            continue;
        };
        let line_number = u32::try_from(i + 1).unwrap_or(u32::MAX);
        let column = u32::try_from(line[..at].chars().count() + 1).unwrap_or(u32::MAX);
        let start = Pos { line: line_number, column };
        let inside = scalars.iter().any(|s| s.start <= start && start < s.end);
        // A comment begins a line or follows white space.
        let begins = line[..at].chars().next_back().is_none_or(char::is_whitespace);
        if inside || !begins {
            continue;
        }
        let written = line[at..].split_once("lockfast:").map_or("", |(_, rest)| rest.trim());
        found.push(Directive {
            text: written.to_owned(),
            loc: loc(
                source,
                start,
                Pos {
                    line: line_number,
                    column: u32::try_from(line.chars().count() + 1).unwrap_or(u32::MAX),
                },
            ),
        });
    }
    found
}
