//! What is to be done about an incident: steps that hang on one another, shown before anything is done.
//!
//! Contain, replace, encrypt again, verify, close, in this order. Containing revokes and denies, and never disables: a database
//! that loses its key is lost, and whoever is in a hurry does not think of that. [`Plan::check`] refuses a plan that could.

mod action;
mod check;
mod shown;

pub use action::{Action, How, NotKnownYet, Outputs, Param, Ref};
pub use check::PlanError;

use crate::incident::IncidentId;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;

/// The name of a step: readable, and the same whenever the plan is made: `reencrypt/s3/invoices`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for StepId {
    fn from(text: &str) -> Self {
        StepId(text.to_owned())
    }
}

impl From<String> for StepId {
    fn from(text: String) -> Self {
        StepId(text)
    }
}

impl Borrow<str> for StepId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where in a response a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Whoever should not, cannot any more.
    Contain,
    /// Something else takes over.
    Replace,
    /// What was under the old key comes under the new one.
    Reencrypt,
    /// It is looked whether that is so.
    Verify,
    /// What is left to decide.
    Close,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Contain => "contain",
            Phase::Replace => "replace",
            Phase::Reencrypt => "re-encrypt",
            Phase::Verify => "verify",
            Phase::Close => "close",
        })
    }
}

/// What does not work meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Downtime {
    /// Nothing is noticed.
    #[default]
    None,
    /// Something for a moment.
    Brief(String),
    /// Something for long enough to be announced.
    Outage(String),
}

impl fmt::Display for Downtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Downtime::None => f.write_str("none"),
            Downtime::Brief(what) => write!(f, "brief: {what}"),
            Downtime::Outage(what) => write!(f, "outage: {what}"),
        }
    }
}

/// What becomes of the data that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OldData {
    /// Its data keys are wrapped anew; the data is as it was.
    Rewrapped,
    /// It is encrypted anew.
    Copied,
    /// It stays under the old key; only what comes is under the new one.
    NewOnly,
    /// The resource cannot change its key: another takes its place.
    Immutable,
    /// The step is about no data.
    NotApplicable,
}

impl fmt::Display for OldData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OldData::Rewrapped => "re-wrapped",
            OldData::Copied => "encrypted anew",
            OldData::NewOnly => "stays; new data only",
            OldData::Immutable => "immutable: made anew",
            OldData::NotApplicable => "not applicable",
        })
    }
}

/// What a step takes, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// How many API calls.
    pub calls: Option<u64>,
    /// How many bytes are moved.
    pub bytes: Option<u64>,
    /// How long.
    pub seconds: Option<u64>,
    /// What that rests on, or why it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// Where it stands.
    pub phase: Phase,
    /// What it does, in a line.
    pub title: String,
    /// What it does.
    pub action: Action,
    /// The steps that have to be done before.
    #[serde(default)]
    pub needs: Vec<StepId>,
    /// The API actions it takes (`kms:RevokeGrant`).
    #[serde(default)]
    pub calls: Vec<String>,
    /// What does not work meanwhile.
    #[serde(default)]
    pub downtime: Downtime,
    /// What becomes of the data that is there already.
    pub old_data: OldData,
    /// What it takes.
    #[serde(default)]
    pub estimate: Estimate,
    /// What is under the old key afterwards, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stays: Option<String>,
    /// How it is known to be done.
    pub verified_by: String,
    /// The exact commands, where somebody has to do it. `$NEW_KEY` is the key that takes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual: Option<Vec<String>>,
    /// Why it is not certain that this is under the key at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsure: Option<String>,
    /// The policy's clause that asks for it (`KCR-2`).
    pub clause: String,
}

impl Step {
    /// Whether somebody has to do it, or to decide it.
    pub fn is_for_people(&self) -> bool {
        self.action.is_for_people()
    }

    /// Whether data is or was under the old key that this step is about.
    pub fn concerns_data(&self) -> bool {
        self.old_data != OldData::NotApplicable
            || matches!(self.phase, Phase::Reencrypt)
            || self.stays.is_some()
            || self.unsure.is_some()
            || matches!(self.action, Action::VerifyNothingLeft { .. })
    }

    /// The commands for people, to be pasted: the first names the new key, as soon as it is there.
    pub fn commands(&self, outputs: &Outputs) -> Vec<String> {
        let Some(manual) = &self.manual else {
            return Vec::new();
        };
        let target = self.action.target();
        let new_key = target.and_then(|target| target.resolve(outputs).ok());
        let names_it = manual.iter().any(|line| line.contains("$NEW_KEY"));
        let first = new_key
            .filter(|_| names_it)
            .map(|arn| format!("NEW_KEY={}", crate::stores::quoted(arn)));
        first.into_iter().chain(manual.iter().cloned()).collect()
    }
}

/// What is to be done about an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// About which one.
    pub incident: IncidentId,
    /// Which of its plans this is: 1, 2, … when more is found.
    pub version: u32,
    /// What to know before it is carried out.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The steps, in the order in which they are shown.
    pub steps: Vec<Step>,
}

impl Plan {
    /// A step by its name.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// Looks whether it can be carried out: every name once, every need there and in no later phase, no circle, and nothing
    /// that takes the old key from whoever needs it before it was seen that nobody does.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), PlanError> {
        check::check(self)
    }

    /// What all steps take together, as far as that is known of each.
    pub fn total(&self) -> Estimate {
        let sum = |of: fn(&Estimate) -> Option<u64>| {
            let known = self.steps.iter().filter_map(|step| of(&step.estimate));
            known.reduce(u64::saturating_add)
        };
        let unknown = self
            .steps
            .iter()
            .filter(|step| step.concerns_data() && step.estimate.seconds.is_none())
            .count();
        Estimate {
            calls: sum(|own| own.calls),
            bytes: sum(|own| own.bytes),
            seconds: sum(|own| own.seconds),
            note: match unknown {
                0 => String::new(),
                unknown => {
                    format!("and {unknown} steps of which it is not known how long they take")
                }
            },
        }
    }

    /// The steps in the order in which they are gone through, whatever hangs on what: by phase, then as listed.
    pub fn in_order(&self) -> Vec<&Step> {
        let mut steps: Vec<&Step> = self.steps.iter().collect();
        // Stable: within a phase it stays as listed.
        steps.sort_by_key(|step| step.phase);
        steps
    }
}
