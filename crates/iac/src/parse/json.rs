//! JSON (RFC 8259) with the place of every name and value.
//!
//! Our own, because no maintained reader gives the places of names and values, which every
//! verdict needs; it makes one pass and counts lines as it goes.

use super::{MAX_DEPTH, ParseError, loc};
use crate::{Entry, Node, NodeKind};
use lockfast_facts::{Loc, Pos, SourceId};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) fn parse(text: &str, source: SourceId) -> Result<Node, ParseError> {
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
        line: 1,
        line_start: 0,
        continuations: 0,
        source,
        recent: vec![None; RECENT],
    };
    reader.skip_space();
    let root = reader.value(0)?;
    reader.skip_space();
    if reader.at < reader.bytes.len() {
        return Err(reader.error("expected the end of the file"));
    }
    Ok(root)
}

/// Slots of the table of recent texts: a template repeats a few hundred names and types.
const RECENT: usize = 1024;

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    // Between tokens only white space holds line breaks, and only strings hold characters of
    // several bytes; counting both there makes a place a subtraction (51 → 29 ms for 7.4 MB).
    line: u32,
    line_start: usize,
    /// UTF-8 continuation bytes between `line_start` and `at`.
    continuations: usize,
    source: SourceId,
    recent: Vec<Option<Arc<str>>>,
}

fn column(characters: usize) -> u32 {
    u32::try_from(characters + 1).unwrap_or(u32::MAX)
}

impl<'t> Reader<'t> {
    /// Where the reader stands.
    fn pos(&self) -> Pos {
        Pos {
            line: self.line,
            column: column(self.at - self.line_start - self.continuations),
        }
    }

    /// An error at `self.at`, which may lie inside a string that was not counted yet.
    fn error(&self, message: &str) -> ParseError {
        let at = self.at.min(self.bytes.len());
        let before = &self.bytes[self.line_start..at];
        let pos = Pos {
            line: self.line,
            column: column(before.iter().filter(|byte| **byte & 0xc0 != 0x80).count()),
        };
        if at == self.bytes.len() {
            ParseError::new(pos, format!("{message}, but the file ends here"))
        } else {
            ParseError::new(pos, message)
        }
    }

    fn skip_space(&mut self) {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\n') => {
                    self.at += 1;
                    self.line = self.line.saturating_add(1);
                    self.line_start = self.at;
                    self.continuations = 0;
                }
                _ => return,
            }
        }
    }

    /// Shares a text with an earlier equal one if that is still remembered. A table with one slot
    /// for each hash forgets, but costs neither growth nor, on hostile input, long chains.
    fn intern(&mut self, text: &str) -> Arc<str> {
        let bytes = text.as_bytes();
        let (Some(first), Some(last), 0..=48) = (bytes.first(), bytes.last(), bytes.len()) else {
            return text.into();
        };
        let middle = bytes[bytes.len() / 2];
        let third = bytes[bytes.len() / 3];
        let hash = [*first, *last, middle, third]
            .iter()
            .fold(bytes.len(), |hash, byte| {
                hash.wrapping_mul(31).wrapping_add(usize::from(*byte))
            });
        let slot = &mut self.recent[hash % RECENT];
        match slot {
            Some(known) if **known == *text => known.clone(),
            _ => slot.insert(text.into()).clone(),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, ParseError> {
        if depth > MAX_DEPTH {
            return Err(self.error(&format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let start = self.pos();
        let kind = match self.bytes.get(self.at) {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => NodeKind::String(self.string()?),
            Some(b't') => self.word("true", NodeKind::Bool(true))?,
            Some(b'f') => self.word("false", NodeKind::Bool(false))?,
            Some(b'n') => self.word("null", NodeKind::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.error("expected a value")),
        };
        let end = self.pos();
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

    /// A number, kept as written; RFC 8259 has neither `01`, `+1`, `.5` nor `5.`.
    fn number(&mut self) -> Result<NodeKind, ParseError> {
        let start = self.at;
        self.take(b"-");
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.take(b".") {
            self.digits()?;
        }
        if self.take(b"eE") {
            self.take(b"+-");
            self.digits()?;
        }
        if let Some(b'0'..=b'9' | b'.' | b'-' | b'+') = self.bytes.get(self.at) {
            return Err(self.error("not a number as JSON writes it"));
        }
        let text = self.text;
        Ok(NodeKind::Number(self.intern(&text[start..self.at])))
    }

    fn take(&mut self, any_of: &[u8]) -> bool {
        let found = self
            .bytes
            .get(self.at)
            .is_some_and(|byte| any_of.contains(byte));
        self.at += usize::from(found);
        found
    }

    fn digits(&mut self) -> Result<(), ParseError> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.error("expected a digit"));
        }
        Ok(())
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
            let start = self.pos();
            let key = self.string()?;
            let end = self.pos();
            let key_loc = loc(self.source, start, end);
            if let Some(first) = names.add(&entries, &key, key_loc) {
                return Err(ParseError::new(
                    start,
                    format!(
                        "the name \"{key}\" stands twice; first on line {}, column {}",
                        first.start.line, first.start.column
                    ),
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
        let text = self.text;
        let raw = &text[start..at];
        if !escaped {
            self.finish_string(raw, at);
            return Ok(self.intern(raw));
        }
        match unescape(raw) {
            Ok(text) => {
                self.finish_string(raw, at);
                Ok(text.into())
            }
            Err(offset) => {
                self.at = start + offset;
                Err(self.error("an escape sequence that JSON does not know"))
            }
        }
    }
}

impl Reader<'_> {
    /// Steps behind the closing quote at `quote`.
    fn finish_string(&mut self, raw: &str, quote: usize) {
        if !raw.is_ascii() {
            self.continuations += raw.bytes().filter(|byte| byte & 0xc0 == 0x80).count();
        }
        self.at = quote + 1;
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
            self.seen
                .extend(entries.iter().map(|e| (e.key.clone(), e.key_loc)));
        }
        self.seen.insert(key.clone(), key_loc)
    }
}

/// Resolves escapes; the error is the offset of one that is wrong. A lone surrogate becomes U+FFFD.
fn unescape(raw: &str) -> Result<String, usize> {
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
                let low = rest.strip_prefix("\\u").and_then(hex4).filter(|low| {
                    (0xd800..0xdc00).contains(&unit) && (0xdc00..0xe000).contains(low)
                });
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
    Ok(text)
}

fn hex4(text: &str) -> Option<u32> {
    let digits = text.get(..4)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}
