//! Comma-separated values, a row per verdict.

use crate::clean;
use crate::model::{Report, headline, waived};
use std::io::{Error, Result, Write};

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let mut row = |cells: &[String]| csv.write_record(cells).map_err(io_error);
    row(&[
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
        "waiver",
        "fingerprint",
    ]
    .map(String::from))?;
    for finding in report.listed().map(clean::finding) {
        let resource = &finding.resource;
        let (file, line) = finding
            .origin
            .as_ref()
            .map_or((String::new(), String::new()), |o| {
                let line = o.has_lines().then(|| o.line.to_string());
                (o.file.clone(), line.unwrap_or_default())
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
            finding.waiver.as_ref().map_or_else(String::new, waived),
            finding.fingerprint.clone(),
        ];
        row(&cells.map(inert))?;
    }
    // What could not be read has no verdict, and must not vanish either.
    for problem in &report.input.problems {
        let mut cells = vec![String::new(); 14];
        cells[0] = "not read".into();
        cells[9] = clean::clean(&problem.path);
        cells[10] = problem
            .line
            .map_or_else(String::new, |line| line.to_string());
        cells[11] = clean::clean(&problem.message);
        row(&cells.into_iter().map(inert).collect::<Vec<_>>())?;
    }
    csv.flush()
}

/// The error of the file or pipe itself, so that a closed pipe is known as one.
fn io_error(error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => Error::other(format!("{kind:?}")),
    }
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
