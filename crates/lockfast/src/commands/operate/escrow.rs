//! `lockfast keys escrow`: where the copy of imported key material is kept. The material itself is never seen.

use super::evidence::ESCROW;
use super::{ledger_file, open, settings};
use crate::cli::EscrowArgs;
use crate::commands::print;
use anyhow::{Result, bail};
use lockfast_report::clean;
use serde_json::json;

/// `arn:PARTITION:kms:REGION:ACCOUNT:key/ID`.
fn is_key(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    matches!(parts.as_slice(), ["arn", _, "kms", region, account, key]
        if !region.is_empty()
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && key.strip_prefix("key/").is_some_and(|id| !id.is_empty()))
}

/// Writes it to the ledger.
///
/// # Errors
/// What is wrong with the command line, the policy file or the ledger.
pub fn run(args: &EscrowArgs) -> Result<u8> {
    if !is_key(&args.key) {
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
    let people = &config.approvals.person;
    if !people.is_empty() && !people.iter().any(|person| person.name == args.by) {
        let known = people.iter().map(|person| person.name.as_str());
        bail!(
            "--by {}: [[approvals.person]] lists nobody of that name, but {}",
            args.by,
            known.collect::<Vec<_>>().join(", ")
        );
    }
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
