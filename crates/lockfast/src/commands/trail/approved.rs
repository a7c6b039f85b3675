//! What the ledger says that was done to keys under approval.

use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};
use lockfast_operate::clock::SystemClock;
use lockfast_operate::event::{Action, Event};
use lockfast_operate::ledger::Ledger;
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
    match (named, policy) {
        (Some(ledger), _) => Some(ledger.to_owned()),
        (None, Some(file)) => {
            let folder = file.parent().unwrap_or(Path::new(""));
            Some(folder.join(&config.approvals.ledger)).filter(|ledger| ledger.is_file())
        }
        (None, None) => None,
    }
}

/// What the ledger says that was done to keys, with when.
pub(super) struct Approved(HashMap<(String, &'static str), Vec<(Timestamp, Timestamp)>>);

impl Approved {
    pub(super) fn read(file: &Path) -> Result<Approved> {
        let wrong = || format!("{}: it is no ledger that can be read", file.display());
        if !file.is_file() {
            bail!("{}: there is no such ledger", file.display());
        }
        let mut ledger = Ledger::open(file, SystemClock).with_context(wrong)?;
        let whole = ledger.verify().with_context(wrong)?;
        if let Some(fault) = whole.faults.first() {
            bail!(
                "{}: it is not whole, so it proves nothing: {fault}",
                file.display()
            );
        }
        let mut keys: HashMap<String, String> = HashMap::new();
        let mut times: HashMap<(String, &'static str), Vec<(Timestamp, Timestamp)>> =
            HashMap::new();
        for entry in ledger.entries().with_context(wrong)? {
            match Event::of(&entry) {
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
        Ok(Approved(times))
    }

    /// Whether the ledger has it; of what takes no approval nothing is said.
    pub(super) fn of(&self, found: &Detection) -> Option<bool> {
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
