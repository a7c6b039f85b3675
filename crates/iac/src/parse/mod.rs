//! JSON and YAML as nodes with places.

mod dedent;
mod json;
mod scan;
mod yaml;

use crate::{Comment, Node};
use lockfast_facts::{Loc, Pos, SourceId};

/// How deep a template may nest. CloudFormation's own limits stay far below.
const MAX_DEPTH: usize = 200;

/// Why a text is no JSON or YAML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {message}", at.line, at.column)]
pub struct ParseError {
    /// Where the trouble is.
    pub at: Pos,
    /// What it is.
    pub message: String,
}

impl ParseError {
    fn new(at: Pos, message: impl Into<String>) -> Self {
        ParseError {
            at,
            message: message.into(),
        }
    }
}

/// A parsed text.
#[derive(Debug)]
pub struct Parsed {
    /// Its root.
    pub root: Node,
    /// `# lockfast: …` comments, in order.
    pub directives: Vec<Comment>,
}

/// Parses a text: JSON when it begins with `{` or `[`, and YAML otherwise or when it is YAML's
/// flow style rather than JSON.
///
/// # Errors
/// The first thing that is neither, with its place.
pub fn parse(text: &str, source: SourceId) -> Result<Parsed, ParseError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with(['{', '[']) {
        let error = match json::parse(text, source) {
            Ok(root) => {
                return Ok(Parsed {
                    root,
                    directives: Vec::new(),
                });
            }
            Err(error) => error,
        };
        // `{a: b}` is YAML, but a broken JSON file should be told what is wrong with its JSON.
        let yaml_style = text.trim_start()[1..]
            .trim_start()
            .starts_with(|c: char| c != '"' && c != '{' && c != '[' && c != '}');
        if !yaml_style {
            return Err(error);
        }
    }
    yaml::parse(text, source)
}

fn loc(source: SourceId, start: Pos, end: Pos) -> Loc {
    Loc { source, start, end }
}
