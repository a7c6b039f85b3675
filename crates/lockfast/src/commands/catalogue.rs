//! `lockfast controls` and `lockfast coverage`.

use super::{print, width};
use crate::cli;
use anyhow::{Result, bail};
use comfy_table::{ContentArrangement, Table, presets};
use lockfast_policy::{Control, controls as all_controls, coverage as all_rows};
use serde_json::json;

/// A borderless table as wide as the terminal.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width()).unwrap_or(u16::MAX))
        .set_header(header.iter().copied());
    table
}

pub(super) fn controls(args: &cli::Controls) -> Result<u8> {
    if let Some(clause) = &args.clause
        && lockfast_policy::clause(clause).is_none()
    {
        bail!("no clause `{clause}`; `lockfast coverage` lists them");
    }
    let wanted: Vec<&Control> = all_controls()
        .filter(|control| {
            let text_matches = args.filter.as_deref().is_none_or(|filter| {
                let filter = filter.to_lowercase();
                control.id.contains(&filter)
                    || control.title.to_lowercase().contains(&filter)
                    || control
                        .clauses
                        .iter()
                        .any(|c| c.to_lowercase().contains(&filter))
            });
            text_matches
                && args
                    .severity
                    .is_none_or(|severity| control.severity >= severity)
                && args.clause.as_deref().is_none_or(|clause| {
                    control
                        .clauses
                        .iter()
                        .any(|c| c.eq_ignore_ascii_case(clause))
                })
        })
        .collect();
    if args.format == cli::TableFormat::Json {
        let rows: Vec<_> = wanted
            .iter()
            .map(|control| {
                json!({
                    "id": control.id,
                    "title": control.title,
                    "clauses": control.clauses,
                    "severity": control.severity,
                    "sources": control.sources,
                    "chapter": control.chapter(),
                    "doc": control.doc.trim(),
                    "fix": { "text": control.fix, "cloudformation": control.cloudformation, "cdk": control.cdk },
                })
            })
            .collect();
        return print(&format!("{}\n", serde_json::to_string_pretty(&rows)?));
    }
    let mut table = table(&["CONTROL", "SEVERITY", "CLAUSES", "WHAT MUST BE TRUE"]);
    for control in &wanted {
        table.add_row([
            control.id.to_owned(),
            control.severity.to_string(),
            control.clauses.join(" "),
            control.title.to_owned(),
        ]);
    }
    print(&format!(
        "{table}\n\n{} controls; `lockfast explain CONTROL` says more of one.\n",
        wanted.len()
    ))
}

pub(super) fn coverage(args: &cli::Coverage) -> Result<u8> {
    let rows: Vec<_> = all_rows()
        .into_iter()
        .filter(|row| !args.open || !row.decided)
        .filter(|row| {
            args.source
                .as_deref()
                .is_none_or(|source| row.source.to_string() == source)
        })
        .collect();
    if args.format == cli::TableFormat::Json {
        return print(&format!("{}\n", serde_json::to_string_pretty(&rows)?));
    }
    let mut table = table(&["CLAUSE", "SOURCE", "DECIDED", "CONTROLS"]);
    for row in &rows {
        table.add_row([
            row.clause.clone(),
            row.source.to_string(),
            if row.decided { "yes" } else { "no" }.to_owned(),
            row.controls.join(" "),
        ]);
    }
    let decided = rows.iter().filter(|row| row.decided).count();
    print(&format!(
        "{table}\n\n{decided} of {} rows are decided by controls with passing, failing and unknown cases in the tests.\n",
        rows.len()
    ))
}
