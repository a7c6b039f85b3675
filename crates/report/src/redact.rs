//! What an excerpt covers: the secrets of a line, and the places that hold one by their name or by
//! what a control found there.

use lockfast_facts::{Loc, Pos, Read};
use lockfast_policy::secrets::{in_line, is_key, is_placeholder, is_secret_name, unquoted};
use lockfast_policy::{Run, Verdict};
use std::collections::HashMap;
use std::ops::Range;

/// Clauses whose failures point at a value that is a secret.
const OF_SECRETS: [&str; 3] = ["LAM-3", "SSM-2", "SEC-1"];

/// Where secrets stand in the sources of a run.
pub(crate) struct Redactor {
    /// By file: first place and the place after the last.
    spans: HashMap<String, Vec<(Pos, Pos)>>,
}

impl Redactor {
    pub(crate) fn new(run: &Run<'_>) -> Self {
        let inventory = run.inventory();
        let mut spans: HashMap<String, Vec<(Pos, Pos)>> = HashMap::new();
        let mut add = |loc: Loc| {
            let file = inventory.source(loc.source).name();
            spans
                .entry(file.to_owned())
                .or_default()
                .push((loc.start, loc.end));
        };
        for variable in run.cx().variables() {
            if let Read::Found(text, _) = &variable.value
                && let Some(plain) = text.plain()
                && is_secret_name(&variable.name)
                && !is_placeholder(plain)
            {
                add(variable.loc);
            }
        }
        for (index, (control, _, verdict)) in run.verdicts().enumerate() {
            if !matches!(verdict, Verdict::Fail | Verdict::Waived)
                || !control.clauses.iter().any(|c| OF_SECRETS.contains(c))
            {
                continue;
            }
            // A place of several lines is a resource or a block, not a value.
            if let Some(at) = run.finding(index).origin
                && at.line == at.end_line
            {
                let start = Pos {
                    line: at.line,
                    column: at.column,
                };
                let end = Pos {
                    line: at.end_line,
                    column: at.end_column,
                };
                spans.entry(at.file).or_default().push((start, end));
            }
        }
        Redactor { spans }
    }

    /// What to cover of a line: ranges of characters, in order, none touching another. `shift` is
    /// how many characters of the line stand before `text`.
    pub(crate) fn ranges(
        &self,
        file: &str,
        line: u32,
        text: &str,
        shift: usize,
    ) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = in_line(text)
            .into_iter()
            .map(|r| characters(text, r.start)..characters(text, r.end))
            .collect();
        let length = text.chars().count();
        for (start, end) in self.spans.get(file).into_iter().flatten() {
            if (start.line..=end.line).contains(&line) {
                let from = if start.line == line {
                    column(start.column)
                } else {
                    0
                };
                let to = if end.line == line {
                    column(end.column)
                } else {
                    usize::MAX
                };
                let range = from.saturating_sub(shift)..to.saturating_sub(shift).min(length);
                let inside: String = text.chars().skip(range.start).take(range.len()).collect();
                // A control that names a resource as a whole points at its name, which is none.
                let rest: String = text.chars().skip(range.end).collect();
                let secret = !is_placeholder(unquoted(&inside)) && !is_key(&rest);
                if !range.is_empty() && secret {
                    ranges.push(range);
                }
            }
        }
        ranges.sort_by_key(|r| (r.start, r.end));
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        merged
    }
}

fn column(from_one: u32) -> usize {
    usize::try_from(from_one)
        .unwrap_or(usize::MAX)
        .saturating_sub(1)
}

fn characters(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count()
}
