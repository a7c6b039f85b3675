//! `lockfast ledger`: what was asked, approved and done, and whether it is whole.

use super::{open_there, settings};
use crate::cli::{LedgerArgs, LedgerCommand, TableFormat};
use crate::commands::catalogue::table;
use crate::commands::print;
use crate::exit;
use anyhow::{Context, Result, bail};
use lockfast_operate::ledger::{Head, Verification, verify_export};
use lockfast_report::clean;
use serde_json::json;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

/// Where heads are kept in a bucket, by their entries' numbers.
pub(super) const ANCHORS: &str = "lockfast-ledger/";

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, or a ledger that cannot be read.
pub fn run(args: &LedgerArgs) -> Result<u8> {
    match &args.command {
        LedgerCommand::Verify { file, head } => verify(file, head.as_deref()),
        LedgerCommand::Head { file } => {
            let head = open_there(file)?.head()?;
            print(&format!("{}\n", serde_json::to_string(&head)?))
        }
        LedgerCommand::Export { file, output } => {
            let mut ledger = open_there(file)?;
            match output {
                Some(to) => {
                    let made = File::create(to)
                        .with_context(|| format!("cannot write {}", to.display()))?;
                    let mut out = BufWriter::new(made);
                    ledger.export(&mut out)?;
                    out.flush()?;
                }
                None => {
                    ledger.export(std::io::stdout().lock())?;
                }
            }
            Ok(exit::KEPT)
        }
        LedgerCommand::Show { file, format } => show(file, *format),
        LedgerCommand::Anchor {
            file,
            days,
            bucket,
            region,
            profile,
            endpoint_url,
            config,
        } => {
            let approvals = settings(config.as_deref())?.0.approvals;
            let Some(bucket) = bucket.clone().or(approvals.anchor_bucket) else {
                bail!(
                    "name the bucket with --bucket, or as anchor_bucket in [approvals] of lockfast.toml"
                );
            };
            let region = region.clone().or(approvals.anchor_region);
            let mut ledger = open_there(file)?;
            let Some(head) = ledger.head()? else {
                bail!("{}: there is nothing to anchor yet", file.display());
            };
            let at = super::live::Connection::new(profile.clone(), endpoint_url.clone())?;
            let name = format!("{ANCHORS}{:020}-{}.json", head.seq, head.hash);
            let body = serde_json::to_vec(&head)?;
            let until = jiff::Timestamp::now().as_second() + i64::from(*days) * 86_400;
            at.put_locked(
                region.as_deref().unwrap_or("us-east-1"),
                &bucket,
                &name,
                &body,
                until,
            )?;
            ledger.append(
                "anchored",
                "ledger",
                &json!({"head": head, "bucket": bucket, "object": name, "locked_days": days}),
            )?;
            print(&format!(
                "entry {} is anchored as s3://{bucket}/{name}, locked for {days} days\n",
                head.seq
            ))
        }
    }
}

pub(super) fn read_head(file: &Path) -> Result<Head> {
    let text = crate::commands::read_small(file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{}: that is no head of a ledger", file.display()))
}

fn verify(file: &Path, head: Option<&Path>) -> Result<u8> {
    let head = head.map(read_head).transpose()?;
    let mut start = [0; 15];
    let mut opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let read = opened.read(&mut start)?;
    // SQLite's files begin with this.
    let found = match start[..read].starts_with(b"SQLite format 3") {
        true => {
            let mut ledger = open_there(file)?;
            match &head {
                Some(head) => ledger.verify_against(head)?,
                None => ledger.verify()?,
            }
        }
        false => verify_export(BufReader::new(File::open(file)?), head.as_ref())?,
    };
    told(&found, head.is_some())
}

fn told(found: &Verification, against: bool) -> Result<u8> {
    for fault in &found.faults {
        anstream::println!("{fault}");
    }
    let head = match &found.head {
        Some(head) => format!(
            ", the last of {} ({})",
            head.at,
            &head.hash[..16.min(head.hash.len())]
        ),
        None => String::new(),
    };
    match found.is_whole() {
        true => {
            let end = match against {
                true => "",
                false => "; give --head to know that nothing was cut off its end",
            };
            print(&format!("whole: {} entries{head}{end}\n", found.entries))
        }
        false => {
            print(&format!(
                "NOT WHOLE: {} faults in {} entries\n",
                found.faults.len(),
                found.entries
            ))?;
            Ok(exit::BROKEN)
        }
    }
}

fn show(file: &Path, format: TableFormat) -> Result<u8> {
    let entries = open_there(file)?.entries()?;
    if format == TableFormat::Json {
        return print(&format!("{}\n", serde_json::to_string_pretty(&entries)?));
    }
    let mut table = table(&["ENTRY", "AT", "KIND", "SUBJECT"]);
    for entry in &entries {
        table.add_row([
            entry.seq.to_string(),
            entry.at.to_string(),
            clean(&entry.kind),
            clean(&entry.subject),
        ]);
    }
    print(&format!("{table}\n\n{} entries.\n", entries.len()))
}
