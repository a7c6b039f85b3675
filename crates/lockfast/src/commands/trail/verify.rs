//! `lockfast trail verify`: log files, held against digests.

use crate::cli::{TableFormat, Verify};
use crate::commands::judging::spinner;
use crate::commands::{print, read_small};
use crate::exit;
use anyhow::{Context, Result, bail};
use lockfast_cloudtrail::files::find;
use lockfast_cloudtrail::verify::{PublicKeys, Wrong, verify};
use lockfast_report::clean;
use serde_json::json;
use std::fmt::Write;

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line or the public keys, or that no log is there.
pub(super) fn run(args: &Verify) -> Result<u8> {
    let mut keys = PublicKeys::default();
    for file in &args.public_keys {
        let text = read_small(file).with_context(|| format!("cannot read {}", file.display()))?;
        let more = PublicKeys::parse(&text).with_context(|| file.display().to_string())?;
        keys.extend(more);
    }
    let found = find(&args.paths)?;
    if found.files.is_empty() {
        let named: Vec<String> = args.paths.iter().map(|p| p.display().to_string()).collect();
        bail!(
            "{}: no log or digest of CloudTrail is there",
            named.join(", ")
        );
    }
    let progress = spinner();
    progress.set_message(format!("verifying {} files", found.files.len()));
    let verified = verify(&found.files, &keys);
    progress.finish_and_clear();
    let unreadable = verified
        .findings
        .iter()
        .filter(|finding| finding.wrong == Wrong::Unreadable)
        .count();
    let code = match verified.findings.len() - unreadable {
        0 if unreadable == 0 && verified.open.is_empty() => exit::KEPT,
        0 => exit::UNREADABLE,
        _ => exit::BROKEN,
    };
    if args.format == TableFormat::Json {
        let findings: Vec<_> = verified
            .findings
            .iter()
            .map(|finding| json!({"file": finding.path, "wrong": finding.wrong.name(), "why": finding.why}))
            .collect();
        let told = json!({
            "digests": verified.digests,
            "signed": verified.signed,
            "logs": verified.logs,
            "from": verified.from.map(|at| at.to_string()),
            "until": verified.until.map(|at| at.to_string()),
            "findings": findings,
            "not_verified": verified.open,
        });
        print(&format!("{}\n", serde_json::to_string_pretty(&told)?))?;
        return Ok(code);
    }
    let mut out = String::new();
    for finding in &verified.findings {
        let _ = writeln!(out, "{}", clean(&finding.to_string()));
    }
    for open in &verified.open {
        let _ = writeln!(out, "not verified: {}", clean(open));
    }
    let time = match (verified.from, verified.until) {
        (Some(from), Some(until)) => format!(", of {from} to {until}"),
        _ => String::new(),
    };
    let _ = writeln!(
        out,
        "{} log files are as they were delivered, {} files are not; {} digests{time}, {} with a verified signature.",
        verified.logs,
        verified.findings.len(),
        verified.digests,
        verified.signed,
    );
    print(&out)?;
    Ok(code)
}
