//! How an incident stands: what its entries come to. There is no other state.

use super::event::{
    Aborted, Authority, Authorized, Closed, Confirmed, Ended, Event, Lease, NoEvent, Noted, Outcome,
};
use crate::hands::{Cursor, Seen};
use crate::incident::Incident;
use crate::plan::{Outputs, Plan, StepId};
use jiff::Timestamp;
use lockfast_operate::ledger::Entry;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How an incident stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct State {
    /// The incident.
    pub incident: Option<Incident>,
    /// The last plan.
    pub plan: Option<Plan>,
    /// Who said that it shall be carried out.
    pub authorized: Vec<Authorized>,
    /// How each step stands; those of earlier plans, too.
    pub steps: BTreeMap<StepId, StepState>,
    /// What steps gave.
    pub outputs: Outputs,
    /// What people said is done, or accounted for.
    pub confirmed: BTreeMap<StepId, Confirmed>,
    /// What people said.
    pub notes: Vec<Noted>,
    /// Who carries it out.
    pub lease: Option<Lease>,
    /// How it ended.
    pub end: Option<End>,
    /// What happened, in the order it did; without how far steps were in between.
    pub timeline: Vec<Moment>,
    /// The last entry's number.
    pub last_seq: u64,
}

/// How an incident ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Somebody stopped it.
    Aborted(Aborted),
    /// It is over.
    Closed(Closed),
}

/// How a step stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StepState {
    /// How.
    pub standing: Standing,
    /// From where it goes on.
    pub cursor: Option<Cursor>,
    /// How many things are done.
    pub done: u64,
    /// Of how many.
    pub total: Option<u64>,
    /// When it was first begun.
    pub began_at: Option<Timestamp>,
    /// When it last ended.
    pub ended_at: Option<Timestamp>,
    /// How often it was begun.
    pub begun: u32,
    /// How many calls had to be tried again.
    pub retries: u32,
    /// How things stood before.
    pub seen: Option<Seen>,
    /// What was changed.
    pub effects: Vec<String>,
    /// What was seen afterwards.
    pub verification: Vec<String>,
    /// What it waits for.
    pub waiting: Option<String>,
}

/// How a step stands, in a word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "kebab-case")]
pub enum Standing {
    /// Nothing was done.
    #[default]
    Pending,
    /// It was begun, and did not end: it is being carried out, or a process was killed.
    Running {
        /// How far it is.
        stage: Stage,
    },
    /// It is done, and was seen to be.
    Done,
    /// It is not done.
    Failed {
        /// Why.
        why: String,
    },
    /// Somebody decided to leave it.
    Left {
        /// Why.
        why: String,
        /// Who.
        by: String,
    },
}

/// How far a step is that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It is looked how things stand.
    Look,
    /// Calls are made.
    Act,
    /// It is looked whether it is done.
    Verify,
}

/// A line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// The entry's number.
    pub seq: u64,
    /// The step it is about.
    pub step: Option<StepId>,
    /// What happened.
    pub text: String,
}

/// Why entries come to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// An entry tells nothing.
    #[error(transparent)]
    NoEvent(#[from] NoEvent),
    /// An entry cannot be where it is.
    #[error("entry {seq} cannot be there: {why}")]
    Order {
        /// Its number.
        seq: u64,
        /// Why.
        why: String,
    },
}

/// How an incident stands by these entries, which are all about it.
///
/// # Errors
/// When an entry tells nothing, or cannot be where it is.
pub fn fold(entries: &[Entry]) -> Result<State, FoldError> {
    let mut state = State::default();
    for entry in entries {
        state.take(entry)?;
    }
    Ok(state)
}

/// What is said of a step that nothing was said of.
static PENDING: Standing = Standing::Pending;

impl State {
    /// How a step stands.
    pub fn standing(&self, step: &StepId) -> &Standing {
        let known = self.steps.get(step);
        known.map_or(&PENDING, |step| &step.standing)
    }

    /// Takes the next entry in.
    ///
    /// # Errors
    /// When it tells nothing, or cannot be there; then nothing was changed.
    pub fn take(&mut self, entry: &Entry) -> Result<(), FoldError> {
        let order = |why| FoldError::Order {
            seq: entry.seq,
            why,
        };
        let event = Event::of(entry)?;
        if entry.seq <= self.last_seq {
            let last = self.last_seq;
            return Err(order(format!("entry {last} was before it")));
        }
        self.admits(&event).map_err(order)?;
        self.apply(entry, event);
        self.last_seq = entry.seq;
        Ok(())
    }

    /// Whether something may be written now.
    pub(crate) fn admits(&self, event: &Event) -> Result<(), String> {
        let Some(incident) = &self.incident else {
            return match event {
                Event::Opened(_) => Ok(()),
                _ => Err("no incident was opened".into()),
            };
        };
        let goes_on = matches!(
            event,
            Event::Noted(_) | Event::Lease(_) | Event::Released(_)
        );
        if let (Some(end), false) = (&self.end, goes_on) {
            return Err(match end {
                End::Aborted(Aborted { by, why }) => format!("{by} aborted the response: {why}"),
                End::Closed(Closed { by }) => format!("{by} closed the incident"),
            });
        }
        match event {
            Event::Opened(_) => Err("the incident was opened already".into()),
            Event::Planned(planned) => {
                let plan = &planned.plan;
                if plan.incident != incident.id {
                    return Err(format!("the plan is about {}", plan.incident));
                }
                let last = self.plan.as_ref().map_or(0, |plan| plan.version);
                if plan.version != last.saturating_add(1) {
                    let version = plan.version;
                    return Err(format!("the plan has version {version} after {last}"));
                }
                plan.check().map_err(|error| error.to_string())
            }
            Event::Authorized(authorized) => {
                let version = self.plan.as_ref().map(|plan| plan.version);
                match version == Some(authorized.version) {
                    true => Ok(()),
                    false => Err(format!("version {} is not the plan", authorized.version)),
                }
            }
            Event::Looking(own) => self.knows(&own.step),
            Event::Began(own) => self.is_at(&own.step, &[Stage::Look]),
            Event::Progressed(own) => self.is_at(&own.step, &[Stage::Act]),
            Event::Acted(own) => self.is_at(&own.step, &[Stage::Act]),
            Event::Waiting(own) => self.is_at(&own.step, &[Stage::Verify]),
            Event::Ended(own) => match own.outcome {
                Outcome::Left { .. } => self.knows(&own.step),
                _ => self.is_at(&own.step, &[Stage::Look, Stage::Act, Stage::Verify]),
            },
            Event::Confirmed(own) => self.knows(&own.step),
            Event::Noted(_)
            | Event::Lease(_)
            | Event::Released(_)
            | Event::Aborted(_)
            | Event::Closed(_) => Ok(()),
        }
    }

    fn knows(&self, step: &StepId) -> Result<(), String> {
        match self.steps.contains_key(step) {
            true => Ok(()),
            false => Err(format!("{step} is no step of the plan")),
        }
    }

    fn is_at(&self, step: &StepId, stages: &[Stage]) -> Result<(), String> {
        self.knows(step)?;
        match self.standing(step) {
            Standing::Running { stage } if stages.contains(stage) => Ok(()),
            standing => Err(format!("{step} is not so far ({standing:?})")),
        }
    }

    fn apply(&mut self, entry: &Entry, event: Event) {
        let (step, text) = told(&event);
        match event {
            Event::Opened(own) => self.incident = Some(own.incident),
            Event::Planned(own) => self.replan(own.plan),
            Event::Authorized(own) => self.authorized.push(*own),
            Event::Looking(own) => {
                let step = self.steps.entry(own.step).or_default();
                step.standing = Standing::Running { stage: Stage::Look };
                step.began_at.get_or_insert(entry.at);
                step.begun = step.begun.saturating_add(1);
                step.waiting = None;
            }
            Event::Began(own) => {
                if let Seen::AlreadyDone { outputs, .. } = &own.seen {
                    self.outputs.take(&own.step, outputs);
                }
                let step = self.steps.entry(own.step).or_default();
                step.standing = Standing::Running { stage: Stage::Act };
                step.seen = Some(own.seen);
            }
            Event::Progressed(own) => {
                let step = self.steps.entry(own.step).or_default();
                (step.done, step.total) = (own.done, own.total);
                step.cursor = own.cursor;
            }
            Event::Acted(own) => {
                self.outputs.take(&own.step, &own.outputs);
                let step = self.steps.entry(own.step).or_default();
                step.standing = Standing::Running {
                    stage: Stage::Verify,
                };
                step.effects = own.effects;
            }
            Event::Waiting(own) => {
                let step = self.steps.entry(own.step).or_default();
                step.waiting = Some(own.why);
            }
            Event::Ended(own) => self.ended(entry.at, *own),
            Event::Confirmed(own) => {
                self.confirmed.insert(own.step.clone(), *own);
            }
            Event::Noted(own) => self.notes.push(*own),
            Event::Lease(own) => self.lease = Some(*own),
            Event::Released(own) => {
                // Somebody else may have taken over since.
                if self
                    .lease
                    .as_ref()
                    .is_some_and(|lease| lease.holder == own.holder)
                {
                    self.lease = None;
                }
            }
            Event::Aborted(own) => self.end = Some(End::Aborted(*own)),
            Event::Closed(own) => self.end = Some(End::Closed(*own)),
        }
        if let Some(text) = text {
            self.timeline.push(Moment {
                at: entry.at,
                seq: entry.seq,
                step,
                text,
            });
        }
    }

    /// What was done for another purpose under the same name is not done.
    fn replan(&mut self, plan: Plan) {
        for step in &plan.steps {
            let before = self.plan.as_ref().and_then(|plan| plan.step(&step.id));
            if before.is_some_and(|before| before.action != step.action) {
                self.steps.remove(&step.id);
                self.confirmed.remove(&step.id);
                self.outputs.0.remove(&step.id);
            }
            self.steps.entry(step.id.clone()).or_default();
        }
        // A step that a plan dropped and a later one has again was not watched meanwhile.
        let planned: BTreeSet<&StepId> = plan.steps.iter().map(|step| &step.id).collect();
        self.steps.retain(|id, _| planned.contains(id));
        self.confirmed.retain(|id, _| planned.contains(id));
        self.plan = Some(plan);
    }

    fn ended(&mut self, at: Timestamp, own: Ended) {
        let step = self.steps.entry(own.step).or_default();
        // A look that found it wrong means that what the cursor passed is not what it seemed: it is begun anew.
        if step.standing
            == (Standing::Running {
                stage: Stage::Verify,
            })
        {
            step.cursor = None;
        }
        step.ended_at = Some(at);
        step.waiting = None;
        step.retries = step.retries.saturating_add(own.retries);
        step.standing = match own.outcome {
            Outcome::Done {
                effects,
                verification,
            } => {
                step.cursor = None;
                (step.effects, step.verification) = (effects, verification);
                Standing::Done
            }
            Outcome::Failed { why } => Standing::Failed { why },
            Outcome::Left { why, by } => Standing::Left { why, by },
        };
    }
}

/// A line of the timeline about an entry.
fn told(event: &Event) -> (Option<StepId>, Option<String>) {
    let on = |step: &StepId, text: String| (Some(step.clone()), Some(text));
    let of = |text: String| (None, Some(text));
    match event {
        Event::Opened(own) => {
            let Incident {
                kind,
                subject,
                opened_by,
                reason,
                rehearsal,
                ..
            } = &own.incident;
            let exercise = if *rehearsal { ", as an exercise" } else { "" };
            of(format!(
                "{opened_by} opened the incident{exercise}: {kind}, {subject}; {reason}"
            ))
        }
        Event::Planned(own) => of(format!(
            "{} had plan {} made: {} steps",
            own.by,
            own.plan.version,
            own.plan.steps.len()
        )),
        Event::Authorized(own) => {
            let Authorized { by, version, .. } = &**own;
            of(match &own.authority {
                Authority::Confirmed => format!("{by} confirmed plan {version}"),
                Authority::Quorum { people, .. } => {
                    let people = people.join(", ");
                    format!("{by} brought the approvals of plan {version}: {people}")
                }
                Authority::BreakGlass { reason } => {
                    format!("{by} broke the glass for plan {version}: {reason}")
                }
            })
        }
        Event::Looking(_) | Event::Progressed(_) => (None, None),
        Event::Began(own) => on(
            &own.step,
            match &own.seen {
                Seen::Todo => "begun".into(),
                Seen::AlreadyDone { .. } => "found to be done already".into(),
                Seen::Blocked { why } => format!("cannot be done: {why}"),
            },
        ),
        Event::Acted(own) => {
            let effects = match own.effects.is_empty() {
                true => "nothing was changed".to_owned(),
                false => own.effects.join("; "),
            };
            on(&own.step, format!("carried out: {effects}"))
        }
        Event::Waiting(own) => on(&own.step, format!("still under way: {}", own.why)),
        Event::Ended(own) => on(
            &own.step,
            match &own.outcome {
                Outcome::Done { verification, .. } => {
                    format!("done and verified: {}", verification.join("; "))
                }
                Outcome::Failed { why } => format!("failed: {why}"),
                Outcome::Left { why, by } => format!("{by} left it: {why}"),
            },
        ),
        Event::Confirmed(own) => on(
            &own.step,
            format!("{} confirmed it: {}", own.by, own.evidence),
        ),
        Event::Noted(own) => of(format!("{} noted: {}", own.by, own.text)),
        // Prolonging is nothing to tell.
        Event::Lease(own) if own.renewed > 0 => (None, None),
        Event::Lease(own) => of(format!("{} took the response over", own.holder)),
        Event::Released(own) => of(format!("{} handed the response over", own.holder)),
        Event::Aborted(own) => of(format!("{} aborted the response: {}", own.by, own.why)),
        Event::Closed(own) => of(format!("{} closed the incident", own.by)),
    }
}
