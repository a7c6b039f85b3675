//! Waivers written as comments: `# lockfast: ignore CONTROL reason="…"`.

use lockfast_facts::{Loc, Pos, SourceId};
use std::ops::Range;

/// `lockfast:` without its first letter, which may be a capital.
const MARK: &str = "ockfast:";

/// A comment that begins with `lockfast:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The text after `lockfast:`, trimmed.
    pub text: String,
    /// Where it stands, from its `#`.
    pub loc: Loc,
    /// True when nothing stands before it on its line.
    pub alone: bool,
}

/// True when a text may hold directives; most hold none, and then nothing has to be remembered.
pub(crate) fn possible(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), MARK.as_bytes()).is_some()
}

/// The directives of a YAML text. `scalars` are the bytes that quoted and block scalars cover, in
/// order: a `#` in there is text. In a plain scalar a `#` after white space cannot stand.
pub(crate) fn directives(text: &str, source: SourceId, scalars: &[Range<usize>]) -> Vec<Comment> {
    let mut found = Vec::new();
    let mut pos = Pos { line: 1, column: 1 };
    let mut counted = 0;
    for rest in memchr::memmem::find_iter(text.as_bytes(), MARK.as_bytes()) {
        let Some(mark) = text[..rest].strip_suffix(['l', 'L']).map(str::len) else {
            continue;
        };
        if mark < counted {
            continue;
        }
        // `##  lockfast:` is a comment too.
        let before = text[..mark].trim_end_matches([' ', '\t', '#']).len();
        let Some(hash) = text[before..mark].find('#').map(|at| before + at) else {
            continue;
        };
        let begins = text[..hash]
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace);
        let next = scalars.partition_point(|range| range.end <= hash);
        let inside = scalars.get(next).is_some_and(|range| range.contains(&hash));
        // A directive is the whole comment; one that is only mentioned in another is none.
        if !begins || inside || hash < counted {
            continue;
        }
        let end = memchr::memchr2(b'\n', b'\r', &text.as_bytes()[mark..])
            .map_or(text.len(), |length| mark + length);
        let said = text[rest + MARK.len()..end].trim();
        // A sentence may begin with the product's name.
        if text[mark..].starts_with('L') && !said.starts_with("ignore") {
            continue;
        }
        pos = advance(pos, &text[counted..hash]);
        let stop = advance(pos, &text[hash..end]);
        let line = text[..hash].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        found.push(Comment {
            text: said.to_owned(),
            alone: text[line..hash].trim().is_empty(),
            loc: Loc {
                source,
                start: pos,
                end: stop,
            },
        });
        (pos, counted) = (stop, end);
    }
    found
}

/// The place after some text. A line ends with LF, CR LF, or a CR alone.
pub(crate) fn advance(from: Pos, text: &str) -> Pos {
    let mut pos = from;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' if bytes.peek() == Some(&b'\n') => {}
            b'\n' | b'\r' => {
                pos.line = pos.line.saturating_add(1);
                pos.column = 1;
            }
            _ if byte & 0xc0 != 0x80 => pos.column = pos.column.saturating_add(1),
            _ => {}
        }
    }
    pos
}
