//! GitHub workflow commands (GitHub Docs, "Workflow commands for GitHub Actions").

use crate::clean;
use crate::model::{Report, headline, judged, with_clauses};
use lockfast_policy::{Severity, Verdict};
use std::io::{Result, Write};

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    for finding in report.listed().map(clean::finding) {
        let level = match (finding.verdict, finding.severity) {
            (Verdict::Fail, Severity::Critical | Severity::High) => "error",
            (Verdict::Fail, _) => "warning",
            (Verdict::Unknown, _) => "notice",
            _ => continue,
        };
        let mut properties = Vec::new();
        if let Some(origin) = finding.origin.as_ref().filter(|origin| origin.has_lines()) {
            properties.push(format!("file={}", property(&origin.file)));
            properties.push(format!("line={},endLine={}", origin.line, origin.end_line));
            if origin.line == origin.end_line {
                properties.push(format!(
                    "col={},endColumn={}",
                    origin.column, origin.end_column
                ));
            }
        }
        properties.push(format!(
            "title={}",
            property(&with_clauses(&finding.title, &finding.clauses))
        ));
        let mut message = format!("{}: {}", judged(&finding), headline(&finding));
        if let Some(fix) = &finding.fix {
            message.push_str(&format!("\n{}", fix.text));
        }
        writeln!(
            out,
            "::{level} {}::{}",
            properties.join(","),
            data(&message)
        )?;
    }
    for problem in &report.input.problems {
        let line = problem
            .line
            .map(|l| format!(",line={l}"))
            .unwrap_or_default();
        writeln!(
            out,
            "::warning file={}{line},title=Not read::{}",
            property(&clean::clean(&problem.path)),
            data(&clean::clean(&problem.message))
        )?;
    }
    let total = report.summary().total;
    writeln!(
        out,
        "lockfast: {} fail, {} unknown, {} pass, {} waived",
        total.fail, total.unknown, total.pass, total.waived
    )
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
