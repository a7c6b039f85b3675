//! Markdown, for a comment on a pull request.

use crate::clean::{clean, clean_lines};
use crate::model::{Report, headline, judged, place, plural, waived, with_clauses};
use lockfast_policy::Verdict;
use std::io::{Result, Write};

/// How many findings of a control are listed: GitHub cuts comments at 65,536 characters.
const FIRST: usize = 10;

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    let summary = report.summary();
    let total = summary.total;
    let (_, verdict) = report.outcome(&total);
    writeln!(out, "## Lockfast: {verdict}\n")?;
    writeln!(
        out,
        "**{} fail** · {} unknown · {} pass · {} waived{}, in {}{}\n",
        total.fail,
        total.unknown,
        total.pass,
        total.waived,
        match total.known {
            0 => String::new(),
            known => format!(" · {known} known before"),
        },
        report.input.judged(),
        match report.input.is_probe() {
            true => String::new(),
            false => format!(" with {}", plural(report.input.resources, "resource")),
        },
    )?;
    for (severity, control, indices) in report.failures() {
        writeln!(
            out,
            "<details{}><summary><b>{severity}</b> {}: {}</summary>\n",
            if severity >= lockfast_policy::Severity::High {
                " open"
            } else {
                ""
            },
            with_clauses(control.title, control.clauses),
            indices.len(),
        )?;
        for index in indices.iter().take(FIRST) {
            let finding = report.run.finding(*index);
            writeln!(
                out,
                "- `{}` {}{}",
                code(&judged(&finding)),
                text(&headline(&finding)),
                match place(&finding) {
                    place if place.is_empty() => place,
                    place => format!(" (`{}`)", code(&place)),
                }
            )?;
        }
        if indices.len() > FIRST {
            writeln!(out, "- … and {} more", indices.len() - FIRST)?;
        }
        let snippet = indices
            .first()
            .and_then(|index| report.run.finding(*index).fix)
            .map_or_else(String::new, |fix| {
                clean_lines(fix.cloudformation.trim_end())
            });
        writeln!(
            out,
            "\nFix: {}\n\n```yaml\n{snippet}\n```\n</details>\n",
            control.fix,
        )?;
    }
    let unknown = report.grouped(Verdict::Unknown);
    if !unknown.is_empty() {
        writeln!(
            out,
            "<details><summary>Cannot be decided ({})</summary>\n",
            total.unknown
        )?;
        for (_, control, indices) in unknown {
            writeln!(
                out,
                "- {} (`{}`): {}",
                control.title,
                control.id,
                indices.len()
            )?;
        }
        writeln!(out, "</details>\n")?;
    }
    let waivers = report.grouped(Verdict::Waived);
    if !waivers.is_empty() {
        writeln!(
            out,
            "<details><summary>Waived ({})</summary>\n",
            total.waived
        )?;
        for index in waivers.into_iter().flat_map(|(_, _, indices)| indices) {
            let finding = report.run.finding(index);
            writeln!(
                out,
                "- `{}` {}: {}",
                code(&judged(&finding)),
                text(&headline(&finding)),
                text(&finding.waiver.as_ref().map_or_else(String::new, waived))
            )?;
        }
        writeln!(out, "</details>\n")?;
    }
    if !report.input.problems.is_empty() {
        writeln!(out, "Not read, or only in part:\n")?;
        for problem in &report.input.problems {
            writeln!(
                out,
                "- `{}`: {}",
                code(&problem.place()),
                text(&problem.message)
            )?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "| clause | | fail | unknown | pass | waived |\n|---|---|--:|--:|--:|--:|"
    )?;
    for row in &summary.clauses {
        let c = row.counts;
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            row.clause, row.title, c.fail, c.unknown, c.pass, c.waived
        )?;
    }
    Ok(())
}

/// Inside backticks nothing is markup but the backtick itself.
fn code(text: &str) -> String {
    clean(text).replace('`', "'")
}

/// Names from templates must not become markup or mentions.
fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '@' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}
