//! `lockfast trail verify`: log files, held against digests.

use crate::cli::{Signed, TableFormat, Verify};
use crate::commands::judging::spinner;
use crate::commands::{print, read_small};
use crate::exit;
use anyhow::{Context, Result, bail};
#[cfg(feature = "aws")]
use lockfast_cloudtrail::files::Kind;
use lockfast_cloudtrail::files::{LogFile, find};
use lockfast_cloudtrail::verify::{PublicKeys, Wrong, verify};
use lockfast_report::clean;
use serde_json::json;
use std::fmt::Write;

/// CloudTrail's public keys: those of files, and those that CloudTrail lists for the digests among the logs.
///
/// # Errors
/// What is wrong with a file, what CloudTrail says instead, or that this binary cannot ask it.
pub(super) fn public_keys(args: &Signed, logs: &[LogFile]) -> Result<PublicKeys> {
    let mut keys = PublicKeys::default();
    for file in &args.public_keys {
        let text = read_small(file).with_context(|| format!("cannot read {}", file.display()))?;
        keys.extend(PublicKeys::parse(&text).with_context(|| file.display().to_string())?);
    }
    if args.list_public_keys {
        listed(logs, &mut keys)?;
    }
    Ok(keys)
}

#[cfg(not(feature = "aws"))]
fn listed(_: &[LogFile], _: &mut PublicKeys) -> Result<()> {
    bail!(
        "this lockfast was built without the AWS SDK: build it with `cargo build --release --features full`, or name a file with --public-keys"
    )
}

/// Of each region by its own key, which changes from time to time.
#[cfg(feature = "aws")]
fn listed(logs: &[LogFile], keys: &mut PublicKeys) -> Result<()> {
    use anyhow::anyhow;
    use jiff::{ToSpan, civil::Date};
    use std::collections::BTreeMap;
    let mut regions: BTreeMap<&str, (Date, Date)> = BTreeMap::new();
    for place in logs
        .iter()
        .filter(|file| file.kind == Kind::Digest)
        .filter_map(|file| file.place.as_ref())
    {
        let days = regions
            .entry(&place.region)
            .or_insert((place.date, place.date));
        *days = (days.0.min(place.date), days.1.max(place.date));
    }
    let runtime = crate::commands::runtime()?;
    let cloudtrail = runtime.block_on(lockfast_aws::Keys::connect(None, None));
    for (region, (first, last)) in regions {
        let midnight = |day: Date| jiff::tz::Offset::UTC.to_timestamp(day.at(0, 0, 0, 0));
        let between = (midnight(first)?, midnight(last.checked_add(1.day())?)?);
        let listed = runtime.block_on(cloudtrail.public_keys(region, between));
        for (fingerprint, key) in listed.map_err(|error| anyhow!("{region}: {error}"))? {
            keys.add(&fingerprint, key);
        }
    }
    Ok(())
}

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line or the public keys, or that no log is there.
pub(super) fn run(args: &Verify) -> Result<u8> {
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
    let keys = public_keys(&args.public_keys, &found.files)?;
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
