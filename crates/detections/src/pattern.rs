//! Texts with wildcards, and how they are compared.

use std::borrow::Cow;

/// A piece of a value as a rule writes it: `*` is any text, `?` any character, and a backslash takes either of them, or
/// itself, for what it is. Before anything else it is itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Char(char),
    /// Any of the dashes and slashes that begin a command's option.
    Dash,
    One,
    Any,
}

/// What Sigma takes for the beginning of an option.
pub(crate) const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// Reads a value.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut found = Vec::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(next) = chars.next() {
        found.push(match next {
            '*' => Piece::Any,
            '?' => Piece::One,
            '\\' => Piece::Char(
                chars
                    .next_if(|c| matches!(c, '*' | '?' | '\\'))
                    .unwrap_or('\\'),
            ),
            other => Piece::Char(other),
        });
    }
    found
}

/// The text that the pieces stand for, when none of them is a wildcard.
pub(crate) fn plain(pieces: &[Piece]) -> Option<String> {
    let chars = pieces.iter().map(|piece| match piece {
        Piece::Char(c) => Some(*c),
        _ => None,
    });
    chars.collect()
}

/// A text in which differences of case are gone: each character's lower case, without regard to those around it, so that a
/// part of a text folds to a part of the folded text.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        }
    } else {
        Cow::Owned(text.chars().flat_map(char::to_lowercase).collect())
    }
}

/// How a text is compared.
#[derive(Clone, Debug)]
pub(crate) struct TextTest {
    /// Without regard to case: texts are folded on both sides.
    pub(crate) folds: bool,
    pub(crate) shape: Shape,
}

/// What it must be like. The frequent shapes are not globs, for these are slower.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Equals(String),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    Glob(Glob),
}

/// What stands between the `*` of a pattern. The first and the last are bound to the ends.
#[derive(Clone, Debug)]
pub(crate) struct Glob(Vec<Vec<Piece>>);

impl TextTest {
    pub(crate) fn new(pieces: &[Piece], cased: bool) -> Self {
        let folded = |piece: &Piece| match piece {
            Piece::Char(c) if !cased => c.to_lowercase().map(Piece::Char).collect(),
            other => vec![other.clone()],
        };
        let pieces: Vec<Piece> = pieces.iter().flat_map(folded).collect();
        let starts = pieces.first() == Some(&Piece::Any);
        let ends = pieces.last() == Some(&Piece::Any);
        let inner = {
            let from = pieces.iter().take_while(|p| **p == Piece::Any).count();
            let behind = pieces
                .iter()
                .rev()
                .take_while(|p| **p == Piece::Any)
                .count();
            plain(pieces.get(from..pieces.len() - behind).unwrap_or_default())
        };
        let shape = match (inner, starts, ends) {
            (Some(text), false, false) => Shape::Equals(text),
            (Some(text), true, false) => Shape::EndsWith(text),
            (Some(text), false, true) => Shape::StartsWith(text),
            (Some(text), true, true) => Shape::Contains(text),
            (None, ..) => {
                let parts = pieces.split(|piece| *piece == Piece::Any);
                Shape::Glob(Glob(parts.map(<[Piece]>::to_vec).collect()))
            }
        };
        let folds = !cased;
        TextTest { folds, shape }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        if let (true, Shape::Equals(wanted)) = (self.folds, &self.shape)
            && text.is_ascii()
        {
            return text.eq_ignore_ascii_case(wanted);
        }
        let text = if self.folds {
            fold(text)
        } else {
            Cow::Borrowed(text)
        };
        match &self.shape {
            Shape::Equals(wanted) => text == *wanted,
            Shape::StartsWith(wanted) => text.starts_with(wanted.as_str()),
            Shape::EndsWith(wanted) => text.ends_with(wanted.as_str()),
            Shape::Contains(wanted) => text.contains(wanted.as_str()),
            Shape::Glob(glob) => glob.matches(&text),
        }
    }
}

/// How many characters may stand between two `*`: a text is compared with them from each of its own.
pub(crate) const MOST_BETWEEN: usize = 500;

impl Glob {
    /// True when it is quick with any text.
    pub(crate) fn is_quick(&self) -> bool {
        self.0.iter().all(|part| part.len() <= MOST_BETWEEN)
    }

    /// Each part is looked for behind the one before it, so nothing is tried again.
    fn matches(&self, text: &str) -> bool {
        let [first, rest @ ..] = self.0.as_slice() else {
            return false;
        };
        let Some(mut text) = after(text, first) else {
            return false;
        };
        let [between @ .., last] = rest else {
            return text.is_empty();
        };
        for part in between {
            let Some(behind) = find(text, part) else {
                return false;
            };
            text = behind;
        }
        let (total, wanted) = (text.chars().count(), last.len());
        let skipped = total.checked_sub(wanted);
        let end = skipped.map(|skipped| {
            text.char_indices()
                .nth(skipped)
                .map_or("", |(at, _)| &text[at..])
        });
        end.is_some_and(|end| after(end, last) == Some(""))
    }
}

/// The text behind the pieces, when it begins with them.
fn after<'t>(text: &'t str, pieces: &[Piece]) -> Option<&'t str> {
    let mut chars = text.chars();
    for piece in pieces {
        let next = chars.next()?;
        let same = match piece {
            Piece::Char(c) => *c == next,
            Piece::Dash => DASHES.contains(&next),
            Piece::One | Piece::Any => true,
        };
        if !same {
            return None;
        }
    }
    Some(chars.as_str())
}

/// The text behind the first place where the pieces stand.
fn find<'t>(text: &'t str, pieces: &[Piece]) -> Option<&'t str> {
    let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let mut places = starts.filter_map(|at| after(&text[at..], pieces));
    places.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        TextTest::new(&pieces(pattern), false).matches(text)
    }

    #[test]
    fn wildcards_and_escapes() {
        for (pattern, yes, no) in [
            ("abc", "ABC", "abcd"),
            ("a*", "a", "ba"),
            ("*a", "cba", "ab"),
            ("*b*", "abc", "ac"),
            ("a*c", "aBc", "acd"),
            ("a?c", "abc", "ac"),
            ("*a?c*", "xxabcx", "xxacx"),
            ("a*b*c", "a1b2c", "a1c2b"),
            ("a*aa", "aaa", "aa"),
            (r"a\*b", "a*b", "axb"),
            (r"a\?b", "a?b", "axb"),
            (r"a\\*b", r"a\xxb", "axxb"),
            (r"a\\\*b", r"a\*b", r"a\xb"),
            (r"c:\windows", r"C:\Windows", "c:windows"),
            ("*", "", "\u{0}no"),
            ("É*", "école", "ecole"),
            ("?", "ß", "ss"),
        ] {
            assert!(matches(pattern, yes), "{pattern} {yes}");
            assert!(
                no.starts_with('\u{0}') || !matches(pattern, no),
                "{pattern} {no}"
            );
        }
    }
}
