//! Comma-separated values, a row per verdict.

use crate::clean;
use crate::model::{Report, headline};
use std::io::{Result, Write};

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "verdict",
        "severity",
        "control",
        "clauses",
        "resource",
        "part",
        "type",
        "environment",
        "classification",
        "file",
        "line",
        "message",
        "fingerprint",
    ])?;
    for finding in report.listed().map(clean::finding) {
        let resource = &finding.resource;
        let (file, line) = finding
            .origin
            .as_ref()
            .map_or((String::new(), String::new()), |o| {
                (o.file.clone(), o.line.to_string())
            });
        let cells = [
            finding.verdict.to_string(),
            finding.severity.to_string(),
            finding.control.clone(),
            finding.clauses.join(" "),
            resource.id.clone(),
            resource.part.clone(),
            resource.kind.clone(),
            resource.environment.clone().unwrap_or_default(),
            resource.classification.clone().unwrap_or_default(),
            file,
            line,
            headline(&finding),
            finding.fingerprint.clone(),
        ];
        csv.write_record(cells.map(inert))?;
    }
    csv.flush()
}

/// A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` as a formula; names come from
/// anybody's templates.
fn inert(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell
    }
}
