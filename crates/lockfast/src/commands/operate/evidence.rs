//! What the ledger beside the policy file tells of keys, for controls to judge by.

use super::ledger_file;
use lockfast_operate::ledger::Entry;
use lockfast_policy::{Config, Drill, Escrow, Evidence};
use std::path::Path;

/// How the ledger calls the record of a copy of imported material.
pub(super) const ESCROW: &str = "escrow";
/// How it calls a recovery drill.
pub(super) const DRILL: &str = "recovery-drill";

/// What the ledger tells that the policy file names.
pub(in crate::commands) fn beside(config: &Config, policy: Option<&Path>) -> Evidence {
    match policy {
        Some(_) => read(&ledger_file(None, &config.approvals, policy)),
        None => Evidence::default(),
    }
}

/// What a ledger tells, where there is one. What is not whole tells nothing.
pub(super) fn read(file: &Path) -> Evidence {
    let mut evidence = Evidence::default();
    if !file.is_file() {
        return evidence;
    }
    evidence.ledger = Some(file.display().to_string());
    match super::entries(file) {
        Ok(entries) => {
            for entry in entries {
                take(&mut evidence, &entry);
            }
        }
        Err(why) => evidence.unread = Some(format!("{}: {why}", file.display())),
    }
    evidence
}

fn take(evidence: &mut Evidence, entry: &Entry) {
    let text = |name: &str| entry.body[name].as_str().unwrap_or_default().to_owned();
    let day = jiff::tz::TimeZone::UTC.to_datetime(entry.at).date();
    let day = day.to_string();
    match entry.kind.as_str() {
        DRILL => {
            let drill = Drill {
                day,
                recovered: entry.body["recovered"].as_bool().unwrap_or_default(),
                said: text("said"),
                due: text("due_again"),
                entry: entry.seq,
            };
            evidence.drill.insert(text("key"), drill);
        }
        ESCROW => {
            let escrow = Escrow {
                day,
                place: text("place"),
                by: text("by"),
                entry: entry.seq,
            };
            evidence.escrow.insert(text("key"), escrow);
        }
        "rotation-done" if entry.body["how"] == "by hand" => {
            evidence.by_hand.insert(text("secret"), day);
        }
        _ => {}
    }
}
