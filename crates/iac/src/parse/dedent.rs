//! Brackets and quotes that close at the indentation of their name.
//!
//! YAML 1.2 wants every line inside `[…]`, `{…}` and quotes indented deeper than the block around
//! it, and `saphyr-parser` insists. YAML 1.1 readers, CloudFormation's among them, do not care,
//! and published AWS samples rely on it. White space there means nothing, so the lines that the
//! parser stumbles over are indented, and the places found are moved back.

use super::{ParseError, Parsed};
use crate::{Node, NodeKind};
use lockfast_facts::{Loc, Pos};

/// How many bytes all attempts together may read, so that no file costs more than a large one.
const MAX_READ: usize = 64 << 20;

/// True for the errors that indentation inside brackets or quotes causes.
pub(super) fn is_cause(error: &ParseError) -> bool {
    error.message.starts_with("invalid indentation") && !error.message.ends_with("for anchor")
}

/// Parses again with lines indented, as long as that is what is wrong.
pub(super) fn parse(
    text: &str,
    first: ParseError,
    attempt: impl Fn(&str) -> Result<Parsed, ParseError>,
) -> Result<Parsed, ParseError> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut pads: Vec<u32> = vec![0; lines.len()];
    let mut error = first;
    let mut budget = MAX_READ;
    loop {
        budget = match budget.checked_sub(text.len().max(4096)) {
            Some(rest) if pad(&error, &lines, &mut pads) => rest,
            _ => break,
        };
        let mut padded = String::with_capacity(text.len() + 64);
        for (line, pad) in lines.iter().zip(&pads) {
            padded.extend(std::iter::repeat_n(' ', *pad as usize));
            padded.push_str(line);
        }
        match attempt(&padded) {
            Ok(mut parsed) => {
                move_back(&mut parsed.root, &pads);
                for directive in &mut parsed.directives {
                    back(&mut directive.loc, &pads);
                }
                return Ok(parsed);
            }
            Err(next) if is_cause(&next) => error = next,
            Err(next) => {
                error = next;
                break;
            }
        }
    }
    error.at = back_pos(error.at, &pads);
    Err(error)
}

/// Indents what an error complains of; false when there is nothing to indent.
fn pad(error: &ParseError, lines: &[&str], pads: &mut [u32]) -> bool {
    let at = error.at.line.saturating_sub(1) as usize;
    let Some(line) = lines.get(at) else {
        return false;
    };
    if !error.message.ends_with("quoted scalar") {
        let indent = |line: &str| u32::try_from(line.len() - line.trim_start().len()).unwrap_or(0);
        let above = at
            .checked_sub(1)
            .map_or(0, |above| pads[above] + indent(lines[above]) + 1);
        let now = pads[at] + indent(line);
        // The line above may begin with `- `; then it takes a step or two more.
        pads[at] += above.saturating_sub(now).clamp(1, 256);
        return pads[at] <= 1024;
    }
    // The place is that of the opening quote; every line up to the closing one may be at fault.
    let column = error.at.column.saturating_sub(1).saturating_sub(pads[at]) as usize;
    let Some((start, quote)) = line
        .char_indices()
        .nth(column)
        .filter(|(_, c)| matches!(c, '"' | '\''))
    else {
        return false;
    };
    let depth = u32::try_from(column).unwrap_or(0) + 1;
    let mut inside = &line[start + 1..];
    let mut row = at;
    loop {
        let mut chars = inside.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' if quote == '"' => drop(chars.next()),
                '\'' if quote == '\'' && chars.peek() == Some(&'\'') => drop(chars.next()),
                c if c == quote => return row > at,
                _ => {}
            }
        }
        row += 1;
        match lines.get(row) {
            // Indented before, and still at fault: nothing more can be done.
            Some(_) if pads[row] > 0 => return false,
            Some(next) => inside = next,
            None => return false,
        }
        pads[row] = depth.min(1024);
    }
}

fn move_back(node: &mut Node, pads: &[u32]) {
    back(&mut node.loc, pads);
    match &mut node.kind {
        NodeKind::List(items) => items.iter_mut().for_each(|item| move_back(item, pads)),
        NodeKind::Map(entries) => {
            for entry in entries {
                back(&mut entry.key_loc, pads);
                move_back(&mut entry.value, pads);
            }
        }
        _ => {}
    }
}

fn back(loc: &mut Loc, pads: &[u32]) {
    loc.start = back_pos(loc.start, pads);
    loc.end = back_pos(loc.end, pads);
}

fn back_pos(pos: Pos, pads: &[u32]) -> Pos {
    let pad = pads
        .get(pos.line.saturating_sub(1) as usize)
        .copied()
        .unwrap_or(0);
    Pos {
        line: pos.line,
        column: pos.column.saturating_sub(pad).max(1),
    }
}
