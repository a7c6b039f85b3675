//! GitLab Code Quality (GitLab Docs, "Code Quality report format").

use crate::model::{Report, headline, judged, with_clauses};
use lockfast_policy::{Severity, Verdict};
use serde_json::json;
use std::io::{Result, Write};

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> Result<()> {
    out.write_all(b"[")?;
    let mut first = true;
    for finding in report.listed() {
        let severity = match (finding.verdict, finding.severity) {
            (Verdict::Fail, Severity::Critical) => "blocker",
            (Verdict::Fail, Severity::High) => "critical",
            (Verdict::Fail, Severity::Medium) => "major",
            (Verdict::Fail, _) => "minor",
            (Verdict::Unknown, _) => "info",
            _ => continue,
        };
        let (path, line) = finding
            .origin
            .as_ref()
            .map_or(("lockfast.toml", 1), |origin| {
                (origin.file.as_str(), origin.line.max(1))
            });
        let entry = json!({
            "description": with_clauses(&format!("{}: {}", judged(&finding), headline(&finding)), &finding.clauses),
            "check_name": finding.control,
            "fingerprint": finding.fingerprint,
            "severity": severity,
            "categories": ["Security"],
            "location": { "path": path, "lines": { "begin": line } },
        });
        out.write_all(if first { b"\n  " } else { b",\n  " })?;
        first = false;
        serde_json::to_writer(&mut *out, &entry)?;
    }
    // What could not be read was not judged, and must not vanish.
    for problem in &report.input.problems {
        let entry = json!({
            "description": format!("not read, or only in part: {}", problem.message),
            "check_name": "input",
            "fingerprint": lockfast_policy::hash(&[&problem.path, &problem.message]),
            "severity": "major",
            "categories": ["Bug Risk"],
            "location": { "path": problem.path, "lines": { "begin": problem.line.unwrap_or(1) } },
        });
        out.write_all(if first { b"\n  " } else { b",\n  " })?;
        first = false;
        serde_json::to_writer(&mut *out, &entry)?;
    }
    out.write_all(b"\n]\n")
}
