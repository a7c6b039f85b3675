//! The post-mortem: what happened and when, what was touched, the evidence, what stays under the old key, what is open, and
//! room for what was learnt. Written from the journal, and the same whenever it is written of the same entries.

mod html;
mod markdown;

use crate::incident::{Incident, IncidentKind};
use crate::journal::{
    Authorized, Completeness, Confirmed, End, FoldError, Moment, Noted, Standing, fold,
};
use crate::plan::{Action, Phase, Plan, StepId};
use jiff::Timestamp;
use lockfast_operate::canonical::{CanonicalError, canonical, sha256};
use lockfast_operate::ledger::{Entry, Head};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is to be filled in when it is over.
pub const LESSONS: [&str; 6] = [
    "How it was noticed, and how it could have been noticed earlier",
    "How it came about",
    "What went well",
    "What went badly, and what took longer than planned",
    "What would have made it smaller: grants, policies, keys shared by too much",
    "What is done about it, by whom, until when",
];

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The entries come to nothing.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// Something cannot be hashed.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// It cannot be written.
    #[error("the report cannot be written: {0}")]
    Write(String),
}

/// A post-mortem.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The incident.
    pub incident: Incident,
    /// How it stands: `open`, `complete`, `closed` or `aborted`.
    pub status: Status,
    /// Which plan it is by.
    pub plan_version: u32,
    /// What the plan says beside its steps.
    pub notes: Vec<String>,
    /// How many steps stand how.
    pub counts: BTreeMap<&'static str, usize>,
    /// What happened.
    pub timeline: Vec<Moment>,
    /// What was touched.
    pub touched: Vec<Touched>,
    /// What it rests on.
    pub evidence: Evidence,
    /// What is under the old key.
    pub stays: Vec<Stay>,
    /// What keeps it open.
    pub open: Vec<String>,
    /// What people noted.
    pub remarks: Vec<Noted>,
    /// What forensics found, and whatever else whoever writes the report knows.
    pub facts: Value,
    /// What is to be filled in.
    pub lessons: Vec<&'static str>,
}

/// How an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Something is missing.
    Open,
    /// Nothing is missing, and nobody closed it.
    Complete,
    /// It is over.
    Closed,
    /// It was stopped.
    Aborted,
}

impl Status {
    /// As a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::Complete => "complete",
            Status::Closed => "closed",
            Status::Aborted => "aborted",
        }
    }
}

/// A step, as it went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Touched {
    /// The step.
    pub step: StepId,
    /// What it does.
    pub title: String,
    /// Where it stands in the response.
    pub phase: Phase,
    /// How it stands: `done`, `confirmed`, `failed`, …
    pub standing: &'static str,
    /// Why, where it is not done; by whose word, where that is how it is known.
    pub why: Option<String>,
    /// When it was first begun.
    pub began_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What was changed.
    pub effects: Vec<String>,
    /// What was seen afterwards.
    pub verification: Vec<String>,
    /// How many calls had to be tried again.
    pub retries: u32,
    /// The policy's clause.
    pub clause: String,
}

/// What a report rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// The journal's last entry: whoever has the journal can check that it is the one.
    pub head: Option<Head>,
    /// Whether each entry says what was hashed, and follows the one before.
    pub whole: bool,
    /// How many entries there are.
    pub entries: usize,
    /// The hash of the plan.
    pub plan_sha256: String,
    /// What was kept before anything was changed.
    pub before: Vec<Kept>,
    /// Who said that it shall be done.
    pub authorized: Vec<Authorized>,
    /// What people said is done, or accounted for.
    pub confirmed: Vec<Confirmed>,
}

/// Something that was kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Kept {
    /// The step that kept it.
    pub step: StepId,
    /// What of it.
    pub name: String,
    /// Its hash.
    pub sha256: String,
    /// It.
    pub text: String,
}

/// Something under the old key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stay {
    /// The step that leaves it there.
    pub step: StepId,
    /// What.
    pub what: String,
    /// What somebody said became of it.
    pub accounted: Option<String>,
}

impl Report {
    /// The report of an incident, with whatever else is known of it.
    ///
    /// # Errors
    /// When the entries come to nothing.
    pub fn of(
        incident: &Incident,
        plan: &Plan,
        entries: &[Entry],
        facts: Value,
    ) -> Result<Report, ReportError> {
        let state = fold(entries)?;
        let completeness = state.completeness(plan);
        let status = match (&state.end, &completeness) {
            (Some(End::Aborted(_)), _) => Status::Aborted,
            (Some(End::Closed(_)), _) => Status::Closed,
            (None, Completeness::Complete) => Status::Complete,
            (None, Completeness::Missing(_)) => Status::Open,
        };
        let mut touched = Vec::new();
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        for step in plan.in_order() {
            let own = state.steps.get(&step.id).cloned().unwrap_or_default();
            let confirmed = state.confirmed.get(&step.id);
            let said = confirmed.map(|own| format!("{}: {}", own.by, own.evidence));
            let (standing, why) = match (own.standing, said) {
                (Standing::Pending, Some(said)) if step.is_for_people() => {
                    ("confirmed", Some(said))
                }
                (Standing::Pending, _) if step.is_for_people() => ("for people", None),
                (Standing::Pending, _) => ("not begun", None),
                (Standing::Running { .. }, _) => ("under way", own.waiting),
                (Standing::Done, said) => ("done", said),
                (Standing::Failed { why }, _) => ("failed", Some(why)),
                (Standing::Left { why, by }, _) => ("left", Some(format!("{by}: {why}"))),
            };
            *counts.entry(standing).or_default() += 1;
            touched.push(Touched {
                step: step.id.clone(),
                title: step.title.clone(),
                phase: step.phase,
                standing,
                why,
                began_at: own.began_at,
                ended_at: own.ended_at,
                effects: own.effects,
                verification: own.verification,
                retries: own.retries,
                clause: step.clause.clone(),
            });
        }
        let kept = plan
            .steps
            .iter()
            .filter(|step| matches!(step.action, Action::SnapshotPolicies { .. }));
        let before = kept.flat_map(|step| {
            let given = state.outputs.of(&step.id);
            given.map(|(name, text)| Kept {
                step: step.id.clone(),
                name: name.to_owned(),
                sha256: sha256(text.as_bytes()),
                text: text.to_owned(),
            })
        });
        let stays = state.stays(plan).into_iter().map(|(step, what)| Stay {
            step: step.id.clone(),
            what,
            accounted: state
                .confirmed
                .get(&step.id)
                .map(|own| format!("{}: {}", own.by, own.evidence)),
        });
        let left = plan
            .steps
            .iter()
            .filter_map(|step| match state.standing(&step.id) {
                Standing::Left { why, .. } if !step.concerns_data() => {
                    Some(format!("{}: left: {why}", step.id))
                }
                _ => None,
            });
        let missing = completeness.missing().iter().map(ToString::to_string);
        Ok(Report {
            incident: incident.clone(),
            status,
            plan_version: plan.version,
            notes: plan.notes.clone(),
            counts,
            timeline: state.timeline.clone(),
            touched,
            evidence: Evidence {
                head: entries.last().map(Entry::as_head),
                whole: is_whole(entries),
                entries: entries.len(),
                plan_sha256: sha256(&canonical(plan)?),
                before: before.collect(),
                authorized: state.authorized.clone(),
                confirmed: state.confirmed.values().cloned().collect(),
            },
            stays: stays.collect(),
            open: missing.chain(left).collect(),
            remarks: state.notes.clone(),
            facts,
            lessons: LESSONS.into(),
        })
    }

    /// As JSON.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn to_json(&self) -> Result<String, ReportError> {
        serde_json::to_string_pretty(self).map_err(|error| ReportError::Write(error.to_string()))
    }

    /// The facts as text, as people read them.
    fn facts_text(&self) -> Option<String> {
        let empty = match &self.facts {
            Value::Null => true,
            Value::Object(map) => map.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        (!empty).then(|| serde_json::to_string_pretty(&self.facts).unwrap_or_default())
    }

    /// Whether there is an old key to tell of.
    fn has_old_key(&self) -> bool {
        self.incident.kind == IncidentKind::KeyCompromise || !self.stays.is_empty()
    }

    /// In a line: how many steps stand how.
    fn counted(&self) -> String {
        let counts = self
            .counts
            .iter()
            .map(|(standing, count)| format!("{count} {standing}"));
        counts.collect::<Vec<_>>().join(", ")
    }
}

/// Whether each entry says what was hashed, and follows the one before. Where other entries of the file are about something
/// else, theirs are not here to follow.
fn is_whole(entries: &[Entry]) -> bool {
    let sound = |entry: &Entry| entry.hash_of_content().is_ok_and(|hash| hash == entry.hash);
    let follows = |pair: &[Entry]| match pair {
        [before, after] => {
            after.seq != before.seq.saturating_add(1) || after.previous == before.hash
        }
        _ => true,
    };
    entries.iter().all(sound) && entries.windows(2).all(follows)
}

/// A time as people read it.
fn shown(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| {
        at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    })
}

#[cfg(test)]
mod tests;
