//! One self-contained, printable page.

use crate::clean;
use crate::excerpt::Excerpts;
use crate::keymap;
use crate::model::{ClauseRow, Counts, InputSummary, Report, headline, place};
use askama::Template;
use lockfast_policy::{Finding, Verdict};
use std::io::{Error, Result, Write};

/// Passing findings are counted, not listed: a page of thousands of them helps nobody.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'r> {
    version: &'r str,
    total: Counts,
    clauses: Vec<ClauseRow>,
    input: &'r InputSummary,
    environments: Vec<String>,
    findings: Vec<Item>,
    map: String,
    script: &'static str,
    style: &'static str,
}

struct Item {
    finding: Finding,
    headline: String,
    place: String,
    excerpt: String,
    environment: String,
    clauses: String,
    search: String,
}

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    let summary = report.summary();
    let excerpts = Excerpts::new(report.run, false, 140);
    let mut findings: Vec<Item> = Vec::new();
    for verdict in [Verdict::Fail, Verdict::Unknown, Verdict::Waived] {
        for (_, _, indices) in report.grouped(verdict) {
            for index in indices {
                let finding = clean::finding(report.run.finding(index));
                findings.push(Item {
                    headline: headline(&finding),
                    place: place(&finding),
                    excerpt: finding
                        .origin
                        .as_ref()
                        .filter(|_| verdict == Verdict::Fail)
                        .and_then(|at| excerpts.draw(at))
                        .unwrap_or_default(),
                    environment: finding.resource.environment.clone().unwrap_or_default(),
                    clauses: finding.clauses.join(" "),
                    search: format!(
                        "{} {} {}",
                        finding.resource.id, finding.title, finding.message
                    )
                    .to_lowercase(),
                    finding,
                });
            }
        }
    }
    let mut environments: Vec<String> = findings
        .iter()
        .map(|f| f.environment.clone())
        .filter(|e| !e.is_empty())
        .collect();
    environments.sort();
    environments.dedup();
    let page = Page {
        version: &report.version,
        total: summary.total,
        clauses: summary.clauses,
        input: &report.input,
        environments,
        findings,
        map: keymap::svg(report.run).unwrap_or_default(),
        script: include_str!("../templates/report.js"),
        style: include_str!("../templates/report.css"),
    };
    out.write_all(page.render().map_err(Error::other)?.as_bytes())
}
