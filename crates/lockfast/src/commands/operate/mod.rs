//! What is done to keys: deletion under approval, rotation, drills, and the ledger of all of it.

pub(super) mod deletion;
pub(super) mod drill;
pub(super) mod escrow;
pub(super) mod evidence;
pub(super) mod guard;
pub(super) mod ledger;
mod live;
pub(super) mod rotate;
pub(super) mod secrets;

#[cfg(feature = "aws")]
use super::facts::Read;
use super::policy;
#[cfg(feature = "aws")]
use crate::cli::Acting;
use anyhow::{Context, Result, bail};
use lockfast_operate::canonical::{canonical, sha256};
use lockfast_operate::clock::SystemClock;
use lockfast_operate::ledger::{Entry, Ledger};
use lockfast_operate::rules::{CheckedRules, Person, Rules};
use lockfast_policy::{Approvals, Config};
use std::path::{Path, PathBuf};

/// The rules of approval, and where they are kept by.
struct Desk {
    #[cfg_attr(not(feature = "aws"), allow(dead_code))]
    approvals: Approvals,
    rules: CheckedRules,
    /// The hash of the policy that the rules stand in.
    policy: String,
    ledger: PathBuf,
}

impl Desk {
    /// Reads the policy file.
    fn new(config: Option<&Path>, ledger: Option<&Path>) -> Result<Desk> {
        let (config, file) = policy::load(config, &[PathBuf::from(".")])?;
        let named = match &file {
            Some(file) => file.display().to_string(),
            None => "there is no lockfast.toml, so".to_owned(),
        };
        let approvals = config.approvals;
        if approvals.person.is_empty() {
            bail!(
                "{named}: nobody may approve a deletion; list people with their SSH public keys as [[approvals.person]]"
            );
        }
        let person = |own: &lockfast_policy::Approver| Person {
            name: own.name.clone(),
            email: own.email.clone(),
            roles: own.roles.clone(),
            keys: own.keys.clone(),
        };
        let rules = Rules {
            quorum: approvals.quorum,
            approvers: approvals.person.iter().map(person).collect(),
            required_roles: approvals.required_roles.clone(),
            may_not_approve: approvals.may_not_approve.clone(),
        };
        let rules = rules
            .check()
            .with_context(|| format!("{named}: [approvals]"))?;
        let ledger = ledger_file(ledger, &approvals, file.as_deref());
        Ok(Desk {
            policy: sha256(&canonical(&approvals)?),
            approvals,
            rules,
            ledger,
        })
    }

    fn open(&self) -> Result<Ledger> {
        open(&self.ledger)
    }
}

/// Opens a ledger, or begins one.
fn open(file: &Path) -> Result<Ledger> {
    Ledger::open(file, SystemClock).with_context(|| file.display().to_string())
}

/// Opens the ledger that a command names or, where it names none, the policy file.
#[cfg(feature = "aws")]
fn open_named(acting: &Acting, read: &Read) -> Result<Ledger> {
    let (named, policy) = (acting.ledger.as_deref(), read.config_file.as_deref());
    open(&ledger_file(named, &read.config.approvals, policy))
}

/// Opens a ledger that is there.
fn open_there(file: &Path) -> Result<Ledger> {
    if !file.is_file() {
        bail!("{}: there is no such ledger", file.display());
    }
    open(file)
}

/// What a ledger that is there says; one that is not whole says nothing.
pub(super) fn entries(file: &Path) -> Result<Vec<Entry>> {
    let mut ledger = Ledger::open(file, SystemClock)?;
    if let Some(fault) = ledger.verify()?.faults.first() {
        bail!("it is not whole: {fault}");
    }
    Ok(ledger.entries()?)
}

/// The ledger that is named, or the policy file's: beside that, so that everybody who uses it means the same ledger.
pub(super) fn ledger_file(
    named: Option<&Path>,
    approvals: &Approvals,
    policy: Option<&Path>,
) -> PathBuf {
    match named {
        Some(named) => named.to_owned(),
        None => {
            let folder = policy.and_then(Path::parent).unwrap_or(Path::new(""));
            folder.join(&approvals.ledger)
        }
    }
}

/// The policy file's settings, without people, and where it stands.
fn settings(config: Option<&Path>) -> Result<(Config, Option<PathBuf>)> {
    policy::load(config, &[PathBuf::from(".")])
}
