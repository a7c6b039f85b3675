//! The lines of a source that a finding is about.

use crate::clean::clean_lines;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use lockfast_facts::Inventory;
use lockfast_policy::Location;

/// How many lines are shown around the offending one.
const AROUND: usize = 2;
/// Longer lines (a policy in one line of JSON) are cut.
const WIDEST: usize = 160;

/// The lines around a place, with the place underlined and `label` beside it. Nothing for a source
/// without text.
pub(crate) fn excerpt(
    inventory: &Inventory,
    at: &Location,
    label: &str,
    color: bool,
) -> Option<String> {
    let source = inventory.sources().iter().find(|s| s.name() == at.file)?;
    let text = source.text()?;
    let line = usize::try_from(at.line).ok()?.checked_sub(1)?;
    let first = line.saturating_sub(AROUND);
    let lines: Vec<String> = text
        .lines()
        .skip(first)
        .take(line - first + 1 + AROUND)
        .map(|l| clean_lines(&l.chars().take(WIDEST).collect::<String>()))
        .collect();
    let own = lines.get(line - first)?;
    let column = usize::try_from(at.column).ok()?.saturating_sub(1);
    let end_column = if at.end_line == at.line {
        usize::try_from(at.end_column).ok()?.saturating_sub(1)
    } else {
        own.chars().count()
    };
    let start = offset(&lines, line - first, column);
    let end = offset(&lines, line - first, end_column)
        .max(start + usize::from(column < own.chars().count()));
    let joined = lines.join("\n");
    let snippet = Snippet::source(joined)
        .line_start(first + 1)
        .path(at.file.as_str())
        .fold(false)
        .annotation(AnnotationKind::Primary.span(start..end).label(label));
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    // Without a title, the place stands in the first line.
    Some(renderer.render(&[Group::with_level(Level::ERROR).element(snippet)]))
}

/// The byte offset of a column of a line in the joined lines.
fn offset(lines: &[String], index: usize, column: usize) -> usize {
    let before: usize = lines[..index].iter().map(|l| l.len() + 1).sum();
    let own = &lines[index];
    before
        + own
            .char_indices()
            .nth(column)
            .map_or(own.len(), |(at, _)| at)
}
