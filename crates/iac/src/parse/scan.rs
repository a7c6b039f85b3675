//! Where YAML's tokens really stand.
//!
//! `saphyr-parser` says where a token begins, but its span of a quoted scalar runs on over the
//! comment behind it, and that of a tagged value begins at the tag. A verdict underlines exactly
//! what is wrong, and a waiver in that comment must be seen; so this reads the text beside the
//! events, forwards only, each character once.

use super::yaml::pos;
use crate::comments::advance;
use lockfast_facts::Pos;
use saphyr_parser::{Marker, ScalarStyle, Span};
use std::ops::Range;

/// A place in the text that only moves forwards.
pub(super) struct Cursor<'t> {
    text: &'t str,
    byte: usize,
    /// `byte`, in characters.
    index: usize,
}

/// The beginning of a value: perhaps a tag and an anchor, then its content.
pub(super) struct Head {
    /// Where the first of them stands.
    pub start: Pos,
    /// Where the tag stands.
    pub tag: Option<(Pos, Pos)>,
    /// Where the content begins.
    pub content: Pos,
    /// The same, in bytes.
    byte: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Cursor {
            text,
            byte: 0,
            index: 0,
        }
    }

    /// Moves to a marker and gives its byte. An earlier one leaves the cursor where it is.
    fn seek(&mut self, index: usize) -> usize {
        let ahead = index.saturating_sub(self.index);
        let rest = &self.text.as_bytes()[self.byte..];
        let bytes = match rest.get(..ahead) {
            Some(same) if same.is_ascii() => ahead,
            _ => self.text[self.byte..]
                .char_indices()
                .nth(ahead)
                .map_or(rest.len(), |(at, _)| at),
        };
        self.byte += bytes;
        self.index += ahead;
        self.byte
    }

    /// The head of the value at a marker; `decorated` when it has a tag or an anchor.
    pub(super) fn head(&mut self, marker: Marker, decorated: bool) -> Head {
        let byte = self.seek(marker.index());
        let start = pos(marker);
        let mut head = Head {
            start,
            tag: None,
            content: start,
            byte,
        };
        if !decorated {
            return head;
        }
        loop {
            let rest = &self.text[head.byte..];
            let length = match rest.bytes().next() {
                // A tag may hold `,` and brackets only as an `!<uri>`; in flow style they end it.
                Some(b'!') if rest.starts_with("!<") => {
                    rest.find('>').map_or(rest.len(), |at| at + 1)
                }
                Some(b'!' | b'&') => rest
                    .find(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}'))
                    .unwrap_or(rest.len()),
                _ => return head,
            };
            let end = advance(head.content, &rest[..length]);
            if rest.starts_with('!') {
                head.tag = Some((head.content, end));
            }
            let space = length + blank(&rest[length..]);
            if space < rest.len() {
                head.content = advance(end, &rest[length..space]);
                head.byte += space;
            } else {
                (head.content, head.byte) = (end, head.byte + length);
                return head;
            }
        }
    }

    /// Where a scalar ends, and for quoted and block scalars the bytes it covers.
    pub(super) fn scalar_end(
        &self,
        head: &Head,
        style: ScalarStyle,
        span: Span,
    ) -> (Pos, Option<Range<usize>>) {
        let rest = &self.text[head.byte..];
        let length = match style {
            ScalarStyle::DoubleQuoted => double_quoted(rest),
            ScalarStyle::SingleQuoted => single_quoted(rest),
            ScalarStyle::Plain => return (pos(span.end), None),
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let characters = span.end.index().saturating_sub(span.start.index());
                let from = &self.text[self.byte..];
                let bytes = from
                    .char_indices()
                    .nth(characters)
                    .map_or(from.len(), |(at, _)| at);
                let end = self.byte + from[..bytes].trim_end().len();
                // Behind a tag stands the `|` and perhaps a comment; the text begins a line later.
                let header = if rest.starts_with(['|', '>']) {
                    rest.find('\n').unwrap_or(0)
                } else {
                    0
                };
                let covered = (head.byte + header).min(end)..end;
                let text = &self.text[head.byte.min(end)..end];
                return (advance(head.content, text), Some(covered));
            }
        };
        (
            advance(head.content, &rest[..length]),
            Some(head.byte..head.byte + length),
        )
    }
}

/// How many bytes of white space and comments come next.
fn blank(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let space = rest.len() - rest.trim_start().len();
        at += space;
        if space == 0 || !text[at..].starts_with('#') {
            return at;
        }
        at += text[at..].find('\n').unwrap_or(text.len() - at);
    }
}

fn double_quoted(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(found) = bytes
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
    {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

fn single_quoted(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\'', rest)) {
        at += found + 1;
        if bytes.get(at) != Some(&b'\'') {
            return at;
        }
        at += 1;
    }
    text.len()
}
