//! `lockfast explain`.

use super::{check, print};
use crate::cli::{self, TableFormat};
use anyhow::{Result, bail};
use lockfast_policy::{Clause, Control, Finding, controls};
use serde_json::json;
use std::fmt::Write;

pub(super) fn run(args: &cli::Explain) -> Result<u8> {
    let json_wanted = args.format == TableFormat::Json;
    if let Some(control) = lockfast_policy::control(&args.what) {
        return if json_wanted {
            print(&format!(
                "{}\n",
                serde_json::to_string_pretty(&control_json(control))?
            ))
        } else {
            print(&control_text(control)?)
        };
    }
    if let Some(clause) = lockfast_policy::clause(&args.what) {
        return if json_wanted {
            let controls: Vec<_> = deciding(clause).map(|c| c.id).collect();
            print(&format!(
                "{}\n",
                serde_json::to_string_pretty(&json!({ "clause": clause, "controls": controls }))?
            ))
        } else {
            print(&clause_text(clause)?)
        };
    }
    let is_fingerprint = args.what.len() >= 6 && args.what.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_fingerprint {
        bail!(super::no_such(&args.what));
    }
    let paths = if args.paths.is_empty() {
        vec![".".to_owned()]
    } else {
        args.paths.clone()
    };
    let findings = check::findings_of(&paths, args.config.as_deref())?;
    let wanted: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.fingerprint.starts_with(&args.what))
        .collect();
    match wanted.as_slice() {
        [] => bail!(
            "no finding {} in {}; give the paths that check was given",
            args.what,
            paths.join(" ")
        ),
        [finding] if json_wanted => print(&format!("{}\n", serde_json::to_string_pretty(finding)?)),
        [finding] => print(&finding_text(finding)?),
        several => bail!(
            "{} findings begin with {}; give more characters",
            several.len(),
            args.what
        ),
    }
}

fn deciding(clause: &Clause) -> impl Iterator<Item = &'static Control> {
    controls().filter(move |control| control.clauses.contains(&clause.id.as_str()))
}

fn control_json(control: &Control) -> serde_json::Value {
    json!({
        "id": control.id, "title": control.title, "severity": control.severity,
        "clauses": control.clauses, "sources": control.sources, "doc": control.doc.trim(),
        "fix": { "text": control.fix, "cloudformation": control.cloudformation, "cdk": control.cdk },
    })
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// Doc comments begin each line with the space after `///`.
fn prose(doc: &str) -> String {
    doc.lines()
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect::<String>()
        .trim()
        .to_owned()
}

fn control_text(control: &Control) -> Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "{} ({})\n{}\n",
        control.id, control.severity, control.title
    )?;
    writeln!(text, "{}\n", prose(control.doc))?;
    for clause in control
        .clauses
        .iter()
        .filter_map(|id| lockfast_policy::clause(id))
    {
        writeln!(text, "Clause {}: {}", clause.id, clause.asks)?;
    }
    writeln!(text, "\nFix: {}\n", control.fix)?;
    writeln!(text, "CloudFormation:\n{}", indent(control.cloudformation))?;
    write!(text, "CDK:\n{}", indent(control.cdk))?;
    Ok(text)
}

fn clause_text(clause: &Clause) -> Result<String> {
    let mut text = format!("{}: {}\n\n{}\n\n", clause.id, clause.title, clause.asks);
    let sources: Vec<_> = clause.sources.iter().map(ToString::to_string).collect();
    writeln!(text, "Decided from: {}\n\nControls:", sources.join(", "))?;
    for control in deciding(clause) {
        writeln!(text, "  {}  {}", control.id, control.title)?;
    }
    if deciding(clause).next().is_none() {
        writeln!(text, "  none yet")?;
    }
    Ok(text)
}

fn finding_text(finding: &Finding) -> Result<String> {
    let mut text = format!(
        "{} {} ({})\n{}\n\n{}: {}\n",
        finding.fingerprint,
        finding.control,
        finding.severity,
        finding.title,
        finding.verdict,
        finding.message
    );
    if let Some(when) = &finding.when {
        writeln!(text, "When {when}.")?;
    }
    writeln!(
        text,
        "\nResource: {} ({})",
        finding.resource.id, finding.resource.kind
    )?;
    if !finding.resource.part.is_empty() {
        writeln!(text, "Part:     {}", finding.resource.part)?;
    }
    if let Some(origin) = &finding.origin {
        writeln!(
            text,
            "At:       {}:{}:{}",
            origin.file, origin.line, origin.column
        )?;
    }
    if let Some(site) = &finding.resource.creation_site {
        writeln!(text, "Made at:  {site}")?;
    }
    writeln!(text, "\nFacts:")?;
    for fact in &finding.facts {
        let because = fact
            .because
            .as_ref()
            .map(|b| format!(": {b}"))
            .unwrap_or_default();
        let origin = fact
            .origin
            .as_ref()
            .map(|o| format!(" at {}:{}:{}", o.file, o.line, o.column))
            .unwrap_or_default();
        writeln!(
            text,
            "  {} = {} ({}{because}){origin}",
            fact.name, fact.value, fact.certainty
        )?;
    }
    for step in &finding.steps {
        writeln!(
            text,
            "  via {} at {}:{}",
            step.what, step.origin.file, step.origin.line
        )?;
    }
    for note in &finding.notes {
        writeln!(text, "Note: {note}")?;
    }
    if let Some(waiver) = &finding.waiver {
        writeln!(text, "\nWaived: {} ({})", waiver.reason, waiver.origin)?;
    }
    if let Some(fix) = &finding.fix {
        writeln!(
            text,
            "\nFix: {}\n\nCloudFormation:\n{}\nCDK:\n{}",
            fix.text,
            indent(&fix.cloudformation),
            indent(&fix.cdk).trim_end()
        )?;
    }
    Ok(text)
}
