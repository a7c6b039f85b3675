//! Whether a response is complete, or what exactly it lacks.

use super::{Standing, State};
use crate::plan::{Action, OldData, Phase, Plan, Step, StepId};
use serde::Serialize;
use std::fmt;

/// Whether a response is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[must_use]
pub enum Completeness {
    /// Every copy is under the new key, or accounted for.
    Complete,
    /// It is not.
    Missing(Vec<Missing>),
}

impl Completeness {
    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        matches!(self, Completeness::Complete)
    }

    /// What is missing.
    pub fn missing(&self) -> &[Missing] {
        match self {
            Completeness::Complete => &[],
            Completeness::Missing(missing) => missing,
        }
    }
}

/// What a response lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The step.
    pub step: StepId,
    /// What is wrong with it.
    #[serde(flatten)]
    pub why: Lack,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.why)
    }
}

/// Why a step keeps a response open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "lack", content = "why", rename_all = "kebab-case")]
pub enum Lack {
    /// It was not begun, or is not at its end.
    NotDone,
    /// It failed.
    Failed(String),
    /// Somebody left it, and data may be under the old key because of that.
    Left(String),
    /// It is for people, and nobody said that it is done.
    Unconfirmed,
    /// It is not known whether it is under the key, and nobody said.
    Unknown(String),
    /// Something stays under the old key, and nobody said what became of it.
    Stays(String),
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lack::NotDone => f.write_str("not done"),
            Lack::Failed(why) => write!(f, "failed: {why}"),
            Lack::Left(why) => write!(f, "left: {why}"),
            Lack::Unconfirmed => f.write_str("nobody said that it is done"),
            Lack::Unknown(why) => write!(f, "not known: {why}"),
            Lack::Stays(what) => write!(f, "still under the old key: {what}"),
        }
    }
}

impl State {
    /// Whether a response is complete. One unknown keeps it open, and so does one copy under the old key of which nobody said
    /// what became of it.
    pub fn completeness(&self, plan: &Plan) -> Completeness {
        let missing: Vec<Missing> = plan
            .steps
            .iter()
            .filter_map(|step| {
                let why = self.lack(step)?;
                let step = step.id.clone();
                Some(Missing { step, why })
            })
            .collect();
        match missing.is_empty() {
            true => Completeness::Complete,
            false => Completeness::Missing(missing),
        }
    }

    fn lack(&self, step: &Step) -> Option<Lack> {
        // What to do with a key that nothing is under any more is another question.
        if step.phase == Phase::Close {
            return None;
        }
        let confirmed = self.confirmed.contains_key(&step.id);
        let left = |why: &String| step.concerns_data().then(|| Lack::Left(why.clone()));
        let standing = self.standing(&step.id);
        if step.is_for_people() {
            return match (standing, confirmed) {
                (Standing::Left { why, .. }, _) => left(why),
                (Standing::Failed { why }, _) => Some(Lack::Failed(why.clone())),
                (_, true) => None,
                (_, false) => Some(match &step.unsure {
                    Some(why) => Lack::Unknown(why.clone()),
                    None => Lack::Unconfirmed,
                }),
            };
        }
        match standing {
            Standing::Pending | Standing::Running { .. } => Some(Lack::NotDone),
            Standing::Failed { why } => Some(Lack::Failed(why.clone())),
            Standing::Left { why, .. } => left(why),
            Standing::Done if confirmed => None,
            Standing::Done => match (&step.stays, &step.unsure) {
                (Some(what), _) => Some(Lack::Stays(what.clone())),
                (None, Some(why)) => Some(Lack::Unknown(why.clone())),
                (None, None) => None,
            },
        }
    }

    /// Whether another step may rest on this one.
    pub(crate) fn is_settled(&self, step: &Step, for_looking: bool) -> bool {
        match self.standing(&step.id) {
            Standing::Done => true,
            // What was left is looked at, too: the look says what is under the old key because of that.
            Standing::Left { .. } => {
                for_looking && !matches!(step.action, Action::CreateReplacement { .. })
            }
            _ => step.is_for_people() && self.confirmed.contains_key(&step.id),
        }
    }

    /// What is under the old key after all that was done, with the step that says so; with what was confirmed of it.
    pub fn stays<'p>(&self, plan: &'p Plan) -> Vec<(&'p Step, String)> {
        let mut found = Vec::new();
        for step in &plan.steps {
            let settled = self.is_settled(step, false);
            match (&step.stays, settled) {
                (Some(what), true) => found.push((step, what.clone())),
                (_, false)
                    if step.phase == Phase::Reencrypt
                        || step.old_data != OldData::NotApplicable =>
                {
                    found.push((step, "all that was there: this step is not done".to_owned()));
                }
                _ => {}
            }
        }
        found
    }
}
