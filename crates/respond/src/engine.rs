//! Carries a plan out, and can be killed at any point.
//!
//! Each step is looked at, done, and verified, and before and after each of these an entry is written. After a kill the journal
//! says how far a step was: it is looked at anew, goes on from the cursor, or is only verified. A step whose verification says
//! that it is wrong has failed, whatever the call answered. Steps that do not hang on one that failed go on.
//!
//! Nothing here waits or looks at a clock: whoever runs it says how ([`Options::pause`], [`Options::clock`]).

use crate::hands::{Cursor, Hands, Problem, Progress, Seen, Verified};
use crate::journal::{
    Acted, Began, Completeness, End, Ended, Event, Journal, JournalError, Looking, Outcome,
    Progressed, Stage, Standing, Waiting,
};
use crate::plan::{Phase, Plan, PlanError, Step, StepId};
use jiff::{SignedDuration, Timestamp};
use lockfast_operate::clock::Clock;
use lockfast_operate::ledger::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// How a plan is carried out.
pub struct Options<'o> {
    /// Who does: a person and their process. No other running process may have the name.
    pub holder: String,
    /// For how long nobody else does; it is prolonged in time. It has to be longer than the longest call.
    pub lease: SignedDuration,
    /// How often a call is tried that may go well another time; what gets further in between is tried further.
    pub attempts: u32,
    /// How often it is looked whether a step that takes its time is done; after that it is left to a later run.
    pub patience: u32,
    /// How often it is written, at most, how far a step is. Zero writes it whenever it is told.
    pub checkpoint: SignedDuration,
    /// What time it is, for rates and for what is written now and then. The journal's entries have its own.
    pub clock: &'o dyn Clock,
    /// Steps that were left and shall be taken up.
    pub again: BTreeSet<StepId>,
    /// Waits before an attempt: the first, the second, …
    pub pause: &'o mut dyn FnMut(u32),
    /// Is told what happens, and may stop it at any point.
    pub on: &'o mut dyn FnMut(&Told<'_>) -> Going,
}

/// What happens.
#[derive(Debug)]
#[non_exhaustive]
pub enum Told<'t> {
    /// An entry is about to be written.
    Writing(&'t Event),
    /// It was written.
    Wrote(&'t Entry),
    /// A step is so far.
    Progress(Pace<'t>),
    /// A call did not go well, and is tried again.
    Retrying {
        /// The step.
        step: &'t StepId,
        /// Which attempt is over.
        attempt: u32,
        /// What went wrong.
        problem: &'t Problem,
    },
}

/// How far a step is, and how fast it goes.
#[derive(Debug)]
pub struct Pace<'t> {
    /// The step.
    pub step: &'t StepId,
    /// How many things are done.
    pub done: u64,
    /// Of how many.
    pub total: Option<u64>,
    /// How many in a second, since this process began with it.
    pub per_second: Option<f64>,
    /// How long the rest takes at that rate.
    pub left: Option<SignedDuration>,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// Go on.
    On,
    /// Stop here, as a killed process does: nothing more is written. Running it again goes on.
    Stop,
}

/// Why a plan is not carried out further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It is not the plan of the journal.
    #[error("this is not the journal's last plan")]
    AnotherPlan,
    /// It is over.
    #[error("the incident is over")]
    Over,
    /// Nobody said that it shall be done.
    #[error(
        "nobody said that plan {0} shall be carried out: confirm it, bring the approvals, or break the glass"
    )]
    NotAuthorized(u32),
    /// It was stopped.
    #[error("stopped; run it again to go on")]
    Stopped,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Ran {
    /// Steps that this run brought to their end.
    pub done: Vec<StepId>,
    /// Steps that failed in this run, and why.
    pub failed: Vec<(StepId, String)>,
    /// Steps that take their time, and what for.
    pub under_way: Vec<(StepId, String)>,
    /// Steps for people that could be done now, and that nobody confirmed.
    pub for_people: Vec<StepId>,
    /// Steps that wait for others, with those.
    pub blocked: Vec<(StepId, Vec<StepId>)>,
    /// Whether the response is complete.
    pub completeness: Completeness,
}

/// How a step went.
enum Fate {
    Done,
    Failed(String),
    UnderWay(String),
}

/// Carries the plan out as far as it goes. Run again, it goes on; run on what is done, it changes nothing.
///
/// # Errors
/// When the journal cannot be written, somebody else carries it out, or it was stopped. A step that fails is no error.
pub fn run(
    journal: &mut Journal,
    plan: &Plan,
    hands: &dyn Hands,
    options: Options<'_>,
) -> Result<Ran, EngineError> {
    plan.check()?;
    let state = journal.refresh()?;
    if state.plan.as_ref() != Some(plan) {
        return Err(EngineError::AnotherPlan);
    }
    if matches!(state.end, Some(End::Aborted(_) | End::Closed(_))) {
        return Err(EngineError::Over);
    }
    if !state
        .authorized
        .iter()
        .any(|own| own.version == plan.version)
    {
        return Err(EngineError::NotAuthorized(plan.version));
    }
    let mut runner = Runner {
        journal,
        hands,
        options,
        leased: false,
    };
    let mut went: BTreeMap<StepId, Fate> = BTreeMap::new();
    let in_order = plan.in_order();
    while let Some(step) = in_order
        .iter()
        .find(|step| !went.contains_key(&step.id) && runner.is_due(plan, step))
    {
        if !runner.leased {
            let (holder, length) = (runner.options.holder.clone(), runner.options.lease);
            runner.journal.take(&holder, length)?;
            runner.leased = true;
            continue;
        }
        let fate = runner.carry_out(step)?;
        went.insert(step.id.clone(), fate);
    }
    // One that an earlier process of this name left behind, too.
    let holder = &runner.options.holder;
    let lease = runner.journal.state().lease.as_ref();
    if lease.is_some_and(|lease| lease.holder == *holder) {
        runner.journal.release(holder)?;
    }
    Ok(ran(runner.journal, plan, went))
}

struct Runner<'r, 'o> {
    journal: &'r mut Journal,
    hands: &'r dyn Hands,
    options: Options<'o>,
    leased: bool,
}

impl Runner<'_, '_> {
    /// Whether a step is to be carried out now.
    fn is_due(&self, plan: &Plan, step: &Step) -> bool {
        let state = self.journal.state();
        let open = match state.standing(&step.id) {
            Standing::Pending | Standing::Running { .. } | Standing::Failed { .. } => true,
            Standing::Left { .. } => self.options.again.contains(&step.id),
            Standing::Done => false,
        };
        open && !step.is_for_people() && waits_for(self.journal, plan, step).is_empty()
    }

    fn carry_out(&mut self, step: &Step) -> Result<Fate, EngineError> {
        let id = &step.id;
        let mut retries = 0;
        let at_the_end = Standing::Running {
            stage: Stage::Verify,
        };
        if *self.journal.state().standing(id) != at_the_end {
            self.write(Looking { step: id.clone() }.into())?;
            let seen = self.tried(step, &mut retries, |hands, step, outputs| {
                hands.look(step, outputs)
            })?;
            let seen = match seen {
                Ok(seen) => seen,
                Err(problem) => return self.failed(step, problem.to_string(), retries),
            };
            self.write(
                Began {
                    step: id.clone(),
                    seen: seen.clone(),
                }
                .into(),
            )?;
            match seen {
                Seen::Todo => {}
                Seen::Blocked { why } => return self.failed(step, why, retries),
                Seen::AlreadyDone { verification, .. } => {
                    return self.done(step, Vec::new(), verification, retries);
                }
            }
            match self.act(step, &mut retries)? {
                Ok(acted) => {
                    self.write(
                        Acted {
                            step: id.clone(),
                            outputs: acted.outputs,
                            effects: acted.effects,
                        }
                        .into(),
                    )?;
                }
                Err(problem) => return self.failed(step, problem.to_string(), retries),
            }
        }
        self.verify(step, retries)
    }

    fn act(
        &mut self,
        step: &Step,
        retries: &mut u32,
    ) -> Result<Result<crate::hands::Acted, Problem>, EngineError> {
        let outputs = self.journal.state().outputs.clone();
        let own = self.journal.state().steps.get(&step.id);
        let mut from: Option<Cursor> = own.and_then(|own| own.cursor.clone());
        let mut rate = Rate::new(self.options.clock.now());
        let mut attempt = 1;
        loop {
            let (mut latest, mut broken) = (None, None);
            let hands = self.hands;
            let result = hands.act(step, &outputs, from.clone(), &mut |progress| {
                latest = progress.cursor.clone().or_else(|| latest.take());
                match self.told(step, progress, &mut rate) {
                    Ok(()) => Ok(()),
                    Err(error) => {
                        let what = error.to_string();
                        broken = Some(error);
                        Err(Problem {
                            call: "journal".into(),
                            what,
                            retry: false,
                        })
                    }
                }
            });
            if let Some(error) = broken {
                return Err(error);
            }
            let problem = match result {
                Err(problem) if problem.retry => problem,
                result => return Ok(result),
            };
            let moved = latest.is_some() && latest != from;
            // What gets further each time is not without end.
            attempt = if moved { 1 } else { attempt };
            if attempt >= self.options.attempts {
                return Ok(Err(problem));
            }
            self.retrying(step, attempt, &problem)?;
            *retries = retries.saturating_add(1);
            attempt += 1;
            from = latest.or(from);
            if moved {
                continue;
            }
            // A call that gave no answer may have been carried out all the same.
            match self.tried(step, retries, |hands, step, outputs| {
                hands.look(step, outputs)
            })? {
                Ok(Seen::Todo) => {}
                Ok(Seen::AlreadyDone { outputs, .. }) => {
                    let effects = vec![format!(
                        "carried out by a call that gave no answer ({problem})"
                    )];
                    return Ok(Ok(crate::hands::Acted { outputs, effects }));
                }
                Ok(Seen::Blocked { why }) => {
                    let call = problem.call;
                    let problem = Problem {
                        call,
                        what: why,
                        retry: false,
                    };
                    return Ok(Err(problem));
                }
                Err(problem) => return Ok(Err(problem)),
            }
        }
    }

    /// Takes in how far a step is: says it, and writes it now and then.
    fn told(
        &mut self,
        step: &Step,
        progress: Progress,
        rate: &mut Rate,
    ) -> Result<(), EngineError> {
        let now = self.options.clock.now();
        let Progress {
            done,
            total,
            cursor,
        } = progress;
        self.say(&Told::Progress(rate.pace(&step.id, done, total, now)))?;
        let since = now.duration_since(rate.written);
        if cursor.is_some() && since >= self.options.checkpoint {
            rate.written = now;
            self.write(
                Progressed {
                    step: step.id.clone(),
                    done,
                    total,
                    cursor,
                }
                .into(),
            )?;
        } else {
            self.prolong()?;
        }
        Ok(())
    }

    fn verify(&mut self, step: &Step, mut retries: u32) -> Result<Fate, EngineError> {
        let mut look = 1;
        loop {
            let verified = self.tried(step, &mut retries, |hands, step, outputs| {
                hands.verify(step, outputs)
            })?;
            match verified {
                Err(problem) => return self.failed(step, problem.to_string(), retries),
                Ok(Verified::Wrong { why }) => return self.failed(step, why, retries),
                Ok(Verified::Verified { facts }) => {
                    let own = self.journal.state().steps.get(&step.id);
                    let effects = own.map(|own| own.effects.clone()).unwrap_or_default();
                    return self.done(step, effects, facts, retries);
                }
                Ok(Verified::NotYet { why }) => {
                    let own = self.journal.state().steps.get(&step.id);
                    // The same once more is nothing new: a run that finds it so changes nothing.
                    if own.and_then(|own| own.waiting.as_ref()) != Some(&why) {
                        let step = step.id.clone();
                        let why = why.clone();
                        self.write(Waiting { step, why }.into())?;
                    }
                    if look >= self.options.patience {
                        return Ok(Fate::UnderWay(why));
                    }
                    self.prolong()?;
                    (self.options.pause)(look);
                    look += 1;
                }
            }
        }
    }

    /// Calls, and calls again where that may help.
    fn tried<T>(
        &mut self,
        step: &Step,
        retries: &mut u32,
        call: impl Fn(&dyn Hands, &Step, &crate::plan::Outputs) -> Result<T, Problem>,
    ) -> Result<Result<T, Problem>, EngineError> {
        let mut attempt = 1;
        loop {
            match call(self.hands, step, &self.journal.state().outputs) {
                Err(problem) if problem.retry && attempt < self.options.attempts => {
                    self.retrying(step, attempt, &problem)?;
                    *retries = retries.saturating_add(1);
                    attempt += 1;
                }
                result => return Ok(result),
            }
        }
    }

    fn retrying(
        &mut self,
        step: &Step,
        attempt: u32,
        problem: &Problem,
    ) -> Result<(), EngineError> {
        self.say(&Told::Retrying {
            step: &step.id,
            attempt,
            problem,
        })?;
        self.prolong()?;
        (self.options.pause)(attempt);
        Ok(())
    }

    fn done(
        &mut self,
        step: &Step,
        effects: Vec<String>,
        verification: Vec<String>,
        retries: u32,
    ) -> Result<Fate, EngineError> {
        let outcome = Outcome::Done {
            effects,
            verification,
        };
        self.end(step, outcome, retries)?;
        Ok(Fate::Done)
    }

    fn failed(&mut self, step: &Step, why: String, retries: u32) -> Result<Fate, EngineError> {
        self.end(step, Outcome::Failed { why: why.clone() }, retries)?;
        Ok(Fate::Failed(why))
    }

    fn end(&mut self, step: &Step, outcome: Outcome, retries: u32) -> Result<(), EngineError> {
        let step = step.id.clone();
        self.write(
            Ended {
                step,
                outcome,
                retries,
            }
            .into(),
        )
    }

    fn say(&mut self, told: &Told<'_>) -> Result<(), EngineError> {
        match (self.options.on)(told) {
            Going::On => Ok(()),
            Going::Stop => Err(EngineError::Stopped),
        }
    }

    fn write(&mut self, event: Event) -> Result<(), EngineError> {
        self.say(&Told::Writing(&event))?;
        self.prolong()?;
        let entry = self.journal.write_as(&self.options.holder, event)?;
        self.say(&Told::Wrote(&entry))
    }

    /// Prolongs the lease when half of it is over.
    fn prolong(&mut self) -> Result<(), EngineError> {
        let now = self.options.clock.now();
        let lease = self.journal.state().lease.as_ref();
        let left = lease.map_or(SignedDuration::ZERO, |lease| {
            lease.until.duration_since(now)
        });
        let half = self.options.lease / 2;
        let own = lease.is_some_and(|lease| lease.holder == self.options.holder);
        if own && left < half {
            let length = self.options.lease;
            self.journal.prolong(&self.options.holder, length)?;
        }
        Ok(())
    }
}

/// How fast a step goes in this process: what an earlier one did says nothing about it.
struct Rate {
    begun: Timestamp,
    first: Option<(u64, Timestamp)>,
    written: Timestamp,
}

impl Rate {
    fn new(now: Timestamp) -> Self {
        Rate {
            begun: now,
            first: None,
            written: now,
        }
    }

    fn pace<'t>(
        &mut self,
        step: &'t StepId,
        done: u64,
        total: Option<u64>,
        now: Timestamp,
    ) -> Pace<'t> {
        let (first, since) = *self.first.get_or_insert((done, self.begun));
        let seconds = now.duration_since(since).as_secs_f64();
        let own = done.saturating_sub(first);
        let per_second = (seconds > 0.0 && own > 0).then(|| own as f64 / seconds);
        let left = total.zip(per_second).and_then(|(total, rate)| {
            SignedDuration::try_from_secs_f64(total.saturating_sub(done) as f64 / rate).ok()
        });
        Pace {
            step,
            done,
            total,
            per_second,
            left,
        }
    }
}

/// What a step still waits for.
fn waits_for(journal: &Journal, plan: &Plan, step: &Step) -> Vec<StepId> {
    let looks = matches!(step.phase, Phase::Verify);
    let open = step.needs.iter().filter(|need| {
        let settled = |step| journal.state().is_settled(step, looks);
        !plan.step(need).is_some_and(settled)
    });
    open.cloned().collect()
}

fn ran(journal: &Journal, plan: &Plan, went: BTreeMap<StepId, Fate>) -> Ran {
    let state = journal.state();
    let mut ran = Ran {
        done: Vec::new(),
        failed: Vec::new(),
        under_way: Vec::new(),
        for_people: Vec::new(),
        blocked: Vec::new(),
        completeness: state.completeness(plan),
    };
    for step in plan.in_order() {
        let id = step.id.clone();
        match went.get(&step.id) {
            Some(Fate::Done) => ran.done.push(id),
            Some(Fate::Failed(why)) => ran.failed.push((id, why.clone())),
            Some(Fate::UnderWay(why)) => ran.under_way.push((id, why.clone())),
            None if matches!(
                state.standing(&step.id),
                Standing::Done | Standing::Left { .. }
            ) => {}
            None if step.is_for_people() && state.is_settled(step, false) => {}
            None => match waits_for(journal, plan, step) {
                open if !open.is_empty() => ran.blocked.push((id, open)),
                _ if step.is_for_people() => ran.for_people.push(id),
                _ => {}
            },
        }
    }
    ran
}
