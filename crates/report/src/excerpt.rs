//! The lines of a source that a finding is about.

use crate::clean::clean;
use crate::redact::Redactor;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use lockfast_policy::secrets::COVER;
use lockfast_policy::{Location, Run};
use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;

/// How many lines are shown around the offending one.
const AROUND: usize = 2;
/// Of a long line (a template in one line of JSON) this much is shown on either side of the place.
const NEAR: usize = 160;
/// And this much is searched for secrets, so that none is cut in two and no longer recognised.
const SEARCHED: usize = 4096;

/// Draws excerpts of a run's sources.
pub(crate) struct Excerpts<'r> {
    run: &'r Run<'r>,
    secrets: Redactor,
    renderer: Renderer,
    drawn: RefCell<HashSet<(String, u32)>>,
}

impl<'r> Excerpts<'r> {
    pub(crate) fn new(run: &'r Run<'r>, color: bool, width: usize) -> Self {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        Excerpts {
            run,
            secrets: Redactor::new(run),
            renderer: renderer.term_width(width),
            drawn: RefCell::default(),
        }
    }

    /// True the first time that a line is asked for.
    pub(crate) fn first_time(&self, at: &Location) -> bool {
        self.drawn.borrow_mut().insert((at.file.clone(), at.line))
    }

    /// The lines around a place, with the place underlined and secrets covered. Nothing for a
    /// source without text.
    pub(crate) fn draw(&self, at: &Location) -> Option<String> {
        let sources = self.run.inventory().sources();
        let text = sources.iter().find(|s| s.name() == at.file)?.text()?;
        let own = usize::try_from(at.line).ok()?.checked_sub(1)?;
        let first = own.saturating_sub(AROUND);
        let (from, to) = (index(at.column), index(at.end_column));
        let mut joined = String::new();
        let mut underlined = None;
        for (number, line) in text
            .lines()
            .enumerate()
            .skip(first)
            .take(own - first + 1 + AROUND)
        {
            let center = if number == own { from } else { 0 };
            let shown = self.line(&at.file, number, line, center);
            if number == own {
                let to = if at.end_line == at.line {
                    to
                } else {
                    usize::MAX
                };
                underlined = Some(shown.bytes(from, to, joined.len()));
            }
            joined.push_str(&shown.text());
            joined.push('\n');
        }
        let underlined = underlined?;
        joined.pop();
        let snippet = Snippet::source(joined)
            .line_start(first + 1)
            .path(format!("{}:{}:{}", clean(&at.file), at.line, at.column))
            .fold(false)
            .annotation(AnnotationKind::Primary.span(underlined));
        // Without a title, the place stands in the first line.
        let drawn = self
            .renderer
            .render(&[Group::with_level(Level::ERROR).element(snippet)]);
        Some(with_own_place(&drawn, at))
    }

    fn line(&self, file: &str, number: usize, line: &str, center: usize) -> Shown {
        let start = center.saturating_sub(SEARCHED);
        let part: String = line.chars().skip(start).take(2 * SEARCHED).collect();
        let line_number = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let mut covers = self
            .secrets
            .ranges(file, line_number, &part, start)
            .into_iter()
            .peekable();
        let near = center.saturating_sub(NEAR)..center.saturating_add(NEAR);
        let mut shown = Shown(Vec::new());
        for (i, c) in part.chars().enumerate() {
            while covers.next_if(|cover| cover.end <= i).is_some() {}
            let column = start + i;
            if let Some(cover) = covers.peek().filter(|cover| cover.contains(&i)) {
                let columns = start + cover.start..start + cover.end;
                let begins = i == cover.start || column == near.start;
                if begins && columns.start < near.end && columns.end > near.start {
                    shown.0.extend(COVER.chars().map(|c| (c, columns.clone())));
                }
            } else if near.contains(&column) {
                let c = clean(c.encode_utf8(&mut [0; 4]))
                    .chars()
                    .next()
                    .unwrap_or(' ');
                shown.0.push((c, column..column + 1));
            }
        }
        shown
    }
}

fn index(column: u32) -> usize {
    usize::try_from(column)
        .unwrap_or(usize::MAX)
        .saturating_sub(1)
}

/// Characters as shown, each with the columns of the source that it stands for.
struct Shown(Vec<(char, Range<usize>)>);

impl Shown {
    fn text(&self) -> String {
        self.0.iter().map(|(c, _)| c).collect()
    }

    /// The bytes that show the columns `from..to`, at least one character where there is any.
    fn bytes(&self, from: usize, to: usize, before: usize) -> Range<usize> {
        let start = self.0.iter().take_while(|(_, of)| of.end <= from).count();
        let end = self.0.iter().take_while(|(_, of)| of.start < to).count();
        let end = end.max((start + 1).min(self.0.len()));
        let bytes =
            |count: usize| -> usize { self.0.iter().take(count).map(|(c, _)| c.len_utf8()).sum() };
        before + bytes(start)..before + bytes(end)
    }
}

/// The renderer counts columns in what it was shown; the place in the file may be another.
fn with_own_place(drawn: &str, at: &Location) -> String {
    let place = format!("{}:{}:{}", clean(&at.file), at.line, at.column);
    let mut lines = drawn.splitn(2, '\n');
    let first = lines.next().unwrap_or_default();
    let rest = lines.next().unwrap_or_default();
    match first.find(&place) {
        Some(start) => {
            let tail = &first[start + place.len()..];
            // `:line:column` of the renderer, up to the colour that ends the place.
            let cut = tail
                .find(|c: char| c != ':' && !c.is_ascii_digit())
                .unwrap_or(tail.len());
            format!("{}{}\n{rest}", &first[..start + place.len()], &tail[cut..])
        }
        None => drawn.to_owned(),
    }
}
