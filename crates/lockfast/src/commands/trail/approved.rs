//! What the ledger says that was done to keys under approval.

use crate::commands::operate::{entries, ledger_file};
use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use lockfast_operate::event::{Action, Event};
use lockfast_operate::ledger::Entry;
use lockfast_policy::Config;
use lockfast_trail::detect::Detection;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A ledger's clock and AWS's differ, and CloudTrail tells seconds: an event within so much of an intent is its.
const NEAR: SignedDuration = SignedDuration::from_mins(15);

/// The ledger that is named, or that of the policy file where it is there.
pub(super) fn ledger(
    named: Option<&Path>,
    config: &Config,
    policy: Option<&Path>,
) -> Option<PathBuf> {
    let file = ledger_file(named, &config.approvals, policy);
    (named.is_some() || policy.is_some() && file.is_file()).then_some(file)
}

/// What a ledger says.
///
/// # Errors
/// That there is none, or that it cannot be relied on.
pub(super) fn read(file: &Path) -> Result<Vec<Entry>> {
    if !file.is_file() {
        anyhow::bail!("{}: there is no such ledger", file.display());
    }
    entries(file).with_context(|| file.display().to_string())
}

/// What the ledger says that was done to keys, with when.
pub(super) struct Approved(HashMap<(String, &'static str), Vec<(Timestamp, Timestamp)>>);

impl Approved {
    pub(super) fn new(entries: &[Entry]) -> Approved {
        let mut keys: HashMap<String, String> = HashMap::new();
        let mut times: HashMap<(String, &'static str), Vec<(Timestamp, Timestamp)>> =
            HashMap::new();
        for entry in entries {
            match Event::of(entry) {
                Ok(Event::Requested(asked)) => {
                    keys.insert(entry.subject.clone(), asked.request.key_arn.clone());
                }
                Ok(Event::Intended(intent)) => {
                    let operation = match intent.action {
                        Action::Disable => "DisableKey",
                        Action::Schedule => "ScheduleKeyDeletion",
                        Action::CancelDeletion => "CancelKeyDeletion",
                        Action::Enable => "EnableKey",
                        Action::Canary => continue,
                    };
                    if let Some(key) = keys.get(&entry.subject) {
                        let about = times.entry((key.clone(), operation)).or_default();
                        about.push((entry.at, intent.lease_until));
                    }
                }
                // Rotations and drills are entries of other kinds.
                _ => {}
            }
        }
        Approved(times)
    }

    /// Says of each whether the ledger has it.
    pub(super) fn mark(&self, found: &mut [Detection]) {
        for detection in found {
            detection.approved = self.of(detection);
        }
    }

    /// Whether the ledger has it; of what takes no approval nothing is said.
    fn of(&self, found: &Detection) -> Option<bool> {
        let (service, operation) = found.event.split_once(':')?;
        let needs = [
            "DisableKey",
            "ScheduleKeyDeletion",
            "DeleteImportedKeyMaterial",
        ];
        if service != "kms" || !needs.contains(&operation) || found.error_code.is_some() {
            return None;
        }
        let at = found.time?;
        Some(found.keys.iter().any(|key| self.has(key, operation, at)))
    }

    /// Whether the ledger says that this was done to a key at this time.
    pub(super) fn has(&self, key: &str, operation: &str, at: Timestamp) -> bool {
        let about = self.0.iter();
        about
            .filter(|((own, what), _)| own == key && *what == operation)
            .flat_map(|(_, times)| times)
            .any(|(from, until)| at + NEAR >= *from && at <= *until + NEAR)
    }
}
