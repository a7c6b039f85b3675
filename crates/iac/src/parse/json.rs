//! JSON (RFC 8259) with the place of every name and value.
//!
//! Our own, because no maintained reader gives the places of names and values, which every
//! verdict needs; it makes one pass and counts lines as it goes.

use super::{MAX_DEPTH, ParseError, loc};
use crate::{Entry, Node, NodeKind};
use lockfast_facts::{Loc, Pos, SourceId};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) fn parse(text: &str, source: SourceId) -> Result<Node, ParseError> {
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        counted: 0,
        pos: Pos { line: 1, column: 1 },
        source,
        interned: HashMap::new(),
    };
    reader.skip_space();
    let root = reader.value(0)?;
    reader.skip_space();
    if reader.at < reader.bytes.len() {
        return Err(reader.error("expected the end of the file"));
    }
    Ok(root)
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    /// How far `pos` has counted; places are asked for in order, so each byte is counted once.
    counted: usize,
    pos: Pos,
    source: SourceId,
    interned: HashMap<&'t str, Arc<str>>,
}

impl<'t> Reader<'t> {
    fn pos(&mut self, at: usize) -> Pos {
        for &byte in &self.bytes[self.counted..at] {
            if byte == b'\n' {
                self.pos.line += 1;
                self.pos.column = 1;
            } else if byte & 0xc0 != 0x80 {
                self.pos.column += 1;
            }
        }
        self.counted = at;
        self.pos
    }

    fn error(&mut self, message: impl Into<String>) -> ParseError {
        let at = self.at.min(self.bytes.len()).max(self.counted);
        let message = message.into();
        let message = if self.at >= self.bytes.len() {
            format!("{message}, but the file ends here")
        } else {
            message
        };
        ParseError::new(self.pos(at), message)
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn intern(&mut self, text: &'t str) -> Arc<str> {
        // Long texts hardly repeat.
        if text.len() > 48 {
            return text.into();
        }
        self.interned
            .entry(text)
            .or_insert_with(|| text.into())
            .clone()
    }

    fn value(&mut self, depth: usize) -> Result<Node, ParseError> {
        if depth > MAX_DEPTH {
            return Err(self.error(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let start = self.pos(self.at);
        let kind = match self.bytes.get(self.at) {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => NodeKind::String(self.string()?),
            Some(b't') => self.word("true", NodeKind::Bool(true))?,
            Some(b'f') => self.word("false", NodeKind::Bool(false))?,
            Some(b'n') => self.word("null", NodeKind::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => return Err(self.error("expected a value")),
        };
        let end = self.pos(self.at);
        Ok(Node {
            kind,
            loc: loc(self.source, start, end),
        })
    }

    fn word(&mut self, word: &str, kind: NodeKind) -> Result<NodeKind, ParseError> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.error("expected a value"));
        }
        self.at += word.len();
        Ok(kind)
    }

    fn number(&mut self) -> NodeKind {
        let start = self.at;
        while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
        let written = &self.text[start..self.at];
        NodeKind::Number(self.intern(written))
    }

    fn object(&mut self, depth: usize) -> Result<NodeKind, ParseError> {
        self.at += 1;
        let mut entries: Vec<Entry> = Vec::new();
        let mut names = Names::default();
        loop {
            self.skip_space();
            match self.bytes.get(self.at) {
                Some(b'}') if entries.is_empty() => break,
                Some(b'"') => {}
                _ => return Err(self.error("expected a name in double quotes")),
            }
            let start = self.pos(self.at);
            let key = self.string()?;
            let end = self.pos(self.at);
            let key_loc = loc(self.source, start, end);
            if let Some(first) = names.add(&entries, &key, key_loc) {
                return Err(ParseError::new(
                    start,
                    format!("the name \"{key}\" stands twice; first on line {}", first.start.line),
                ));
            }
            self.skip_space();
            if self.bytes.get(self.at) != Some(&b':') {
                return Err(self.error("expected `:` after the name"));
            }
            self.at += 1;
            self.skip_space();
            let value = self.value(depth + 1)?;
            entries.push(Entry {
                key,
                key_loc,
                value,
            });
            self.skip_space();
            match self.bytes.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.error("expected `,` or `}`")),
            }
        }
        self.at += 1;
        entries.shrink_to_fit();
        Ok(NodeKind::Map(entries))
    }

    fn array(&mut self, depth: usize) -> Result<NodeKind, ParseError> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.bytes.get(self.at) != Some(&b']') {
            loop {
                self.skip_space();
                items.push(self.value(depth + 1)?);
                self.skip_space();
                match self.bytes.get(self.at) {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return Err(self.error("expected `,` or `]`")),
                }
            }
        }
        self.at += 1;
        items.shrink_to_fit();
        Ok(NodeKind::List(items))
    }

    /// Reads the string whose opening quote is next.
    fn string(&mut self) -> Result<Arc<str>, ParseError> {
        let start = self.at + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            match memchr::memchr3(b'"', b'\\', b'\n', &self.bytes[at..]) {
                None => {
                    self.at = self.bytes.len();
                    return Err(self.error("expected the string's closing quote"));
                }
                Some(found) => {
                    at += found;
                    match self.bytes[at] {
                        b'"' => break,
                        b'\\' => {
                            escaped = true;
                            at += 2;
                            if at > self.bytes.len() {
                                self.at = self.bytes.len();
                                return Err(self.error("expected the string's closing quote"));
                            }
                        }
                        _ => {
                            self.at = at;
                            return Err(self.error("a line break inside a string"));
                        }
                    }
                }
            }
        }
        let raw = &self.text[start..at];
        if !escaped {
            self.at = at + 1;
            return Ok(self.intern(raw));
        }
        match unescape(raw) {
            Ok(text) => {
                self.at = at + 1;
                Ok(text.as_ref().into())
            }
            Err(offset) => {
                self.at = start + offset;
                Err(self.error("an escape sequence that JSON does not know"))
            }
        }
    }
}

/// Finds names that stand twice without looking at every pair once objects are large.
#[derive(Default)]
pub(super) struct Names {
    seen: HashMap<Arc<str>, Loc>,
}

impl Names {
    /// Notes a name about to be added to `entries`; gives the place of an earlier one like it.
    pub(super) fn add(&mut self, entries: &[Entry], key: &Arc<str>, key_loc: Loc) -> Option<Loc> {
        const SMALL: usize = 16;
        if entries.len() < SMALL {
            return entries.iter().find(|e| e.key == *key).map(|e| e.key_loc);
        }
        if self.seen.is_empty() {
            self.seen.extend(entries.iter().map(|e| (e.key.clone(), e.key_loc)));
        }
        self.seen.insert(key.clone(), key_loc)
    }
}

/// Resolves escapes; the error is the offset of one that is wrong. A lone surrogate becomes U+FFFD.
fn unescape(raw: &str) -> Result<Cow<'_, str>, usize> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let offset = raw.len() - rest.len() + at;
        text.push_str(&rest[..at]);
        let mut chars = rest[at + 1..].chars();
        let escape = chars.next().ok_or(offset)?;
        rest = chars.as_str();
        match escape {
            '"' | '\\' | '/' => text.push(escape),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'u' => {
                let unit = hex4(rest).ok_or(offset)?;
                rest = &rest[4..];
                let low = rest
                    .strip_prefix("\\u")
                    .and_then(hex4)
                    .filter(|low| (0xd800..0xdc00).contains(&unit) && (0xdc00..0xe000).contains(low));
                match low {
                    Some(low) => {
                        let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                        text.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                        rest = &rest[6..];
                    }
                    None => text.push(char::from_u32(unit).unwrap_or('\u{fffd}')),
                }
            }
            _ => return Err(offset),
        }
    }
    text.push_str(rest);
    Ok(Cow::Owned(text))
}

fn hex4(text: &str) -> Option<u32> {
    let digits = text.get(..4)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}
