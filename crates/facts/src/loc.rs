//! Where a fact was read.

use std::sync::Arc;

/// Index of a [`Source`] in its inventory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A place in a text: line and column, both from 1, the column in Unicode scalar values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pos {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// A stretch of a source. `end` is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Loc {
    /// Which source.
    pub source: SourceId,
    /// First place of the stretch.
    pub start: Pos,
    /// First place after it.
    pub end: Pos,
}

/// Something that facts are read from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source {
    /// A file, or standard input.
    File {
        /// Path as the user would type it, with forward slashes; `-` for standard input.
        path: String,
        /// The whole text, for excerpts.
        text: Arc<str>,
    },
    /// Calls of one action in one account and region.
    Call {
        /// `111111111111/eu-central-1/kms:GetKeyPolicy`.
        name: String,
    },
}

impl Source {
    /// The name a person knows the source by.
    pub fn name(&self) -> &str {
        match self {
            Source::File { path, .. } => path,
            Source::Call { name } => name,
        }
    }

    /// True for a text, of whose places lines and columns tell.
    pub fn has_lines(&self) -> bool {
        matches!(self, Source::File { .. })
    }

    /// The text of a source that has one.
    pub fn text(&self) -> Option<&Arc<str>> {
        match self {
            Source::File { text, .. } => Some(text),
            Source::Call { .. } => None,
        }
    }
}
