//! `lockfast keys escrow`: where the copy of imported key material is kept. The material itself is never seen.

use super::evidence::ESCROW;
use super::{ledger_file, open, settings};
use crate::cli::EscrowArgs;
use crate::commands::print;
use anyhow::{Result, bail};
use lockfast_report::clean;
use serde_json::json;

/// Writes it to the ledger.
///
/// # Errors
/// What is wrong with the command line, the policy file or the ledger.
pub fn run(args: &EscrowArgs) -> Result<u8> {
    if !args.key.starts_with("arn:") || !args.key.contains(":kms:") {
        bail!(
            "{}: name the key by its ARN; `lockfast keys recovery` lists those whose material is imported",
            args.key
        );
    }
    for (what, text) in [("--place", &args.place), ("--by", &args.by)] {
        if text.trim().is_empty() {
            bail!("{what} is empty");
        }
    }
    let (config, file) = settings(args.config.as_deref())?;
    let mut ledger = open(&ledger_file(
        args.ledger.as_deref(),
        &config.approvals,
        file.as_deref(),
    ))?;
    let entry = ledger.append(
        ESCROW,
        &args.key,
        &json!({"key": args.key, "place": args.place, "by": args.by}),
    )?;
    print(&format!(
        "entry {}: the copy of the material of {} is kept at {}, says {}\n",
        entry.seq,
        clean(&args.key),
        clean(&args.place),
        clean(&args.by)
    ))
}
