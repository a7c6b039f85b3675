//! One self-contained, printable page.

use crate::clean;
use crate::excerpt::Excerpts;
use crate::keymap::{self, KeyMap};
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
    map: Option<KeyMap>,
    outcome: (&'static str, String),
    unjudged: Vec<String>,
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
                    search: searched(&finding).to_lowercase(),
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
        map: keymap::map(report.run),
        outcome: report.outcome(&summary.total),
        unjudged: summary.unjudged,
        script: include_str!("../templates/report.js"),
        style: include_str!("../templates/report.css"),
    };
    out.write_all(page.render().map_err(Error::other)?.as_bytes())
}

/// Everything about a finding that a person may type to find it.
fn searched(finding: &Finding) -> String {
    let resource = &finding.resource;
    let optional = [
        &resource.logical_id,
        &resource.environment,
        &resource.classification,
        &resource.creation_site,
        &resource.account,
        &resource.region,
    ];
    let mut words = vec![
        resource.id.as_str(),
        &resource.part,
        &resource.kind,
        &finding.control,
        &finding.title,
        &finding.message,
        &finding.fingerprint,
    ];
    words.extend(optional.into_iter().flatten().map(String::as_str));
    words.extend(finding.clauses.iter().map(String::as_str));
    words.extend(finding.origin.as_ref().map(|origin| origin.file.as_str()));
    words.join(" ")
}
