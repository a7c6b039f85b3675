//! Carries requests out, step by step.
//!
//! Before a broker acts it writes what it sets out to do, and it does so only if nothing was written since it looked. After
//! it acted it looks again, and writes what it saw. Whenever it is killed, the next one – the same or another – finds what
//! was set out, looks how the key stands, and goes on from there.
//!
//! What was set out and is not seen to be done is left alone until its lease has run out: a call may still be under way.

mod act;

use crate::event::{Action, CancelAsked, Cause, Event, Observed, Stopped, Verified, Voided};
use crate::ledger::{Entry, Fault, Head, Ledger, LedgerError};
use crate::rules::CheckedRules;
use crate::service::{KeyDescription, KeyService, KeyState, ServiceError, Use};
use crate::state::{DisabledSince, NoRequest, Phase, Status, fold};
use jiff::{SignedDuration, Timestamp};

/// A last look that is older than this is made again before the key is disabled.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// KMS gives the day of the deletion to the second, of its own clock.
const DATES_DIFFER: SignedDuration = SignedDuration::from_hours(24);
/// From anywhere to cancelled takes fewer steps.
const STEPS_OF_CANCELLING: usize = 8;

/// Carries requests out.
pub struct Broker<S> {
    ledger: Ledger,
    service: S,
    settings: Settings,
    head: Option<Head>,
}

/// What a broker goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who may approve.
    pub rules: CheckedRules,
    /// The hash of the policy that the rules stand in.
    pub policy: String,
    /// Its name: no other running process may have it (host, process id and a few random letters will do).
    pub holder: String,
    /// For how long nobody else acts when it set out to. It has to be longer than the longest call of the service.
    pub lease: SignedDuration,
}

/// How a step went.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
#[non_exhaustive]
pub enum Outcome {
    /// Something was done, and the request is here now: step again.
    Progress(Phase),
    /// People have to approve.
    NeedsApproval {
        /// Who is missing.
        missing: Vec<String>,
        /// Until when they may.
        until: Timestamp,
    },
    /// The key is disabled, and observed.
    Waiting {
        /// Until when.
        until: Timestamp,
    },
    /// A broker set out to do something, and may still be about it.
    Busy {
        /// Which one.
        holder: String,
        /// About what.
        action: Action,
        /// Until when.
        until: Timestamp,
    },
    /// Somebody wrote in between, so nothing was done: step again.
    Changed,
    /// Something is not known, so it does not go on. Nothing was written: step again later.
    Unknown {
        /// What.
        what: String,
    },
    /// It does not go on: cancel it, or ask anew.
    Stopped {
        /// Why.
        why: Vec<String>,
        /// How the key was left, as far as the ledger tells.
        left: Option<String>,
    },
    /// It is over: rejected, voided, expired or cancelled.
    Ended {
        /// How.
        phase: Phase,
        /// Why; for what was cancelled, what was not this request's to take back.
        why: Vec<String>,
        /// How the key was left, as far as the ledger tells: cancelling takes it back.
        left: Option<String>,
    },
    /// The deletion is scheduled, and was seen to be.
    Done {
        /// When it is to be.
        deletion_date: Option<Timestamp>,
    },
}

/// Why a step could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger is not whole: what it tells may be somebody's invention.
    #[error(
        "the ledger is not whole, and nothing is done by it: {}", faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ")
    )]
    NotWhole {
        /// What is wrong.
        faults: Vec<Fault>,
    },
    /// There is no such request.
    #[error("request {id}: {error}")]
    NoRequest {
        /// Its id.
        id: String,
        /// Why.
        error: NoRequest,
    },
    /// The service.
    #[error("{doing} did not go well ({error}); step again: what came of it is looked at first")]
    Service {
        /// What was done.
        doing: String,
        /// What it says.
        error: ServiceError,
    },
    /// Another broker took over: this one's lease had run out.
    #[error(
        "{action} took longer than the lease, and another broker took over; make the lease longer than the service's longest call"
    )]
    Fenced {
        /// What was done.
        action: Action,
    },
    /// Nobody, or nothing, was named.
    #[error("cancelling needs a name and a reason")]
    NoName,
}

/// What a look at the world comes to: goes on with something, or tells why not.
enum Look<T> {
    On(T),
    Out(Outcome),
}

impl<S: KeyService> Broker<S> {
    /// A broker that writes in a ledger.
    pub fn new(ledger: Ledger, service: S, settings: Settings) -> Self {
        Broker {
            ledger,
            service,
            settings,
            head: None,
        }
    }

    /// Holds the ledger against a head that was kept elsewhere. From its first action on, a broker holds it against the
    /// last head that it saw itself: an end that was cut off – a rejection, say – is found by either.
    #[must_use]
    pub fn against(mut self, head: Head) -> Self {
        self.head = Some(head);
        self
    }

    /// The last head that it saw, to be kept elsewhere.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Its ledger.
    pub fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// How a request stands, without a look at the key.
    ///
    /// # Errors
    /// When the ledger cannot be read, or there is no such request.
    pub fn status(&mut self, id: &str) -> Result<Status, BrokerError> {
        Ok(self.look(id, None)?.0)
    }

    /// Goes a step on with a request, and never waits.
    ///
    /// # Errors
    /// When the ledger or the service cannot be reached. Step again: nothing is done twice.
    pub fn step(&mut self, id: &str) -> Result<Outcome, BrokerError> {
        let (status, now) = self.look(id, None)?;
        if status.intent.is_some() {
            return self.settle(&status, now);
        }
        match status.phase {
            Phase::Requested => Ok(Outcome::NeedsApproval {
                missing: status.missing,
                until: status.request.expires_at,
            }),
            Phase::Approved => match status.canary_at {
                Some(at) if now.duration_since(at) <= FRESH => self.disable(&status),
                _ => self.canary(&status),
            },
            Phase::Disabled => self.observe(&status, now),
            Phase::Observed => self.schedule(&status),
            Phase::Scheduled => self.verify(&status),
            Phase::Done => Ok(Outcome::Done {
                deletion_date: status
                    .scheduled
                    .and_then(|scheduled| scheduled.deletion_date),
            }),
            Phase::Cancelling => self.undo(&status),
            Phase::Stopped
            | Phase::Rejected
            | Phase::Voided
            | Phase::Expired
            | Phase::Cancelled => self.over(&status),
        }
    }

    /// Takes a request back, however far it is: the deletion, if this request scheduled it, and the disabling, if this
    /// request did that. When another broker may still be about something, [`Outcome::Busy`] says until when: the wish is
    /// written, nothing further is done for the request, and a later step takes it back.
    ///
    /// # Errors
    /// As [`Broker::step`]; and when nobody, or no reason, is named.
    pub fn cancel(&mut self, id: &str, by: &str, reason: &str) -> Result<Outcome, BrokerError> {
        if by.trim().is_empty() || reason.trim().is_empty() {
            return Err(BrokerError::NoName);
        }
        let (status, _) = self.look(id, None)?;
        if !matches!(status.phase, Phase::Cancelling | Phase::Cancelled) {
            let asked = Event::CancelAsked(CancelAsked {
                by: by.trim().into(),
                reason: reason.trim().into(),
            });
            let draft = asked.draft(id)?;
            // Of two who cancel at once, the first is the one who did.
            let unasked = |entries: &[Entry]| entries.iter().all(|entry| entry.kind != draft.kind);
            self.ledger
                .append_if(id, |entries, _| unasked(entries).then(|| draft.clone()))?;
        }
        let mut outcome = self.step(id)?;
        for _ in 0..STEPS_OF_CANCELLING {
            match outcome {
                Outcome::Progress(_) | Outcome::Changed => outcome = self.step(id)?,
                other => return Ok(other),
            }
        }
        Ok(outcome)
    }

    fn look(&mut self, id: &str, impact: Option<&str>) -> Result<(Status, Timestamp), BrokerError> {
        let entries = self.ledger.entries_of(id)?;
        let now = self.ledger.now()?;
        let Settings { rules, policy, .. } = &self.settings;
        let status = fold(&entries, rules, now, impact, policy);
        let status = status.map_err(|error| BrokerError::NoRequest {
            id: id.to_owned(),
            error,
        })?;
        Ok((status, now))
    }

    /// Looks whether all that an action stands on still holds: the ledger, what hangs on the key, the approvals.
    fn guard(&mut self, id: &str, phase: Phase) -> Result<Look<Status>, BrokerError> {
        let verification = match &self.head {
            Some(head) => self.ledger.verify_against(head)?,
            None => self.ledger.verify()?,
        };
        if !verification.is_whole() {
            return Err(BrokerError::NotWhole {
                faults: verification.faults,
            });
        }
        self.head = verification.head;
        let key_arn = self.look(id, None)?.0.request.key_arn;
        let impact = match self.service.impact(&key_arn) {
            Ok(impact) if impact.key_arn == key_arn => impact.hash(),
            Ok(impact) => {
                let what = format!("what hangs on {key_arn}: {} was told of", impact.key_arn);
                return Ok(Look::Out(Outcome::Unknown { what }));
            }
            Err(error) => {
                let what = format!("what hangs on the key now ({error})");
                return Ok(Look::Out(Outcome::Unknown { what }));
            }
        };
        let (status, _) = self.look(id, Some(&impact))?;
        if status.intent.is_some() {
            return Ok(Look::Out(Outcome::Changed));
        }
        if status.phase == phase {
            return Ok(Look::On(status));
        }
        match status.phase {
            Phase::Voided | Phase::Expired => self.over(&status).map(Look::Out),
            _ => Ok(Look::Out(Outcome::Changed)),
        }
    }

    fn describe(&self, status: &Status) -> Result<KeyDescription, BrokerError> {
        let described = self.service.describe(&status.request.key_arn);
        described.map_err(|error| BrokerError::Service {
            doing: "looking at the key".into(),
            error,
        })
    }

    /// Writes something, if nothing was written since.
    fn write(&mut self, status: &Status, event: &Event) -> Result<Option<Entry>, BrokerError> {
        let draft = event.draft(&status.id)?;
        let seen = status.last_seq;
        let written = self.ledger.append_if(&status.id, |entries, _| {
            let last = entries.last().map(|entry| entry.seq);
            (last == Some(seen)).then_some(draft)
        })?;
        Ok(written)
    }

    /// Writes something if nothing was written since, and tells where the request is then.
    fn record(&mut self, status: &Status, event: &Event) -> Result<Outcome, BrokerError> {
        match self.write(status, event)? {
            Some(_) => Ok(Outcome::Progress(self.look(&status.id, None)?.0.phase)),
            None => Ok(Outcome::Changed),
        }
    }

    fn stop(&mut self, status: &Status, why: Vec<String>) -> Result<Outcome, BrokerError> {
        let left = left(status);
        let event = Event::Stopped(Stopped { why: why.clone() });
        Ok(match self.write(status, &event)? {
            Some(_) => Outcome::Stopped { why, left },
            None => Outcome::Changed,
        })
    }

    /// What is over stays so: an impact that changes back makes no approvals count again.
    fn over(&mut self, status: &Status) -> Result<Outcome, BrokerError> {
        let (phase, why) = (status.phase, status.why.clone());
        if !status.end_is_written {
            let cause = match phase {
                Phase::Expired => Cause::Expired,
                _ if self.settings.rules.policy_hash(&self.settings.policy)
                    != status.request.policy_hash =>
                {
                    Cause::Policy
                }
                _ => Cause::Impact,
            };
            let why = why.join("; ");
            let voided = Event::Voided(Voided { cause, why });
            if self.write(status, &voided)?.is_none() {
                return Ok(Outcome::Changed);
            }
        }
        let left = left(status);
        Ok(match phase {
            Phase::Stopped => Outcome::Stopped { why, left },
            phase => Outcome::Ended { phase, why, left },
        })
    }

    /// Waits for the observation to be over, and looks whether anybody missed the key.
    fn observe(&mut self, status: &Status, now: Timestamp) -> Result<Outcome, BrokerError> {
        let Some(disabled) = status.disabled else {
            return Ok(Outcome::Changed);
        };
        let seen = self.describe(status)?;
        if let Some(out) = self.not_disabled(status, &seen)? {
            return Ok(out);
        }
        let until = disabled.until(&status.request);
        if now < until {
            // Whoever misses the key need not wait for the end.
            let early = self
                .service
                .failing_uses(&status.request.key_arn, disabled.since);
            let missed = early.map(|uses| uses.failures).unwrap_or_default();
            return match missed.is_empty() {
                true => Ok(Outcome::Waiting { until }),
                false => self.stop(status, said(&missed)),
            };
        }
        match self.missed(status, disabled, until)? {
            Look::On(observed) => self.record(status, &Event::Observed(observed)),
            Look::Out(out) => Ok(out),
        }
    }

    /// Looks whether anybody missed the key since it was disabled, and up to the end of its observation at least.
    fn missed(
        &mut self,
        status: &Status,
        disabled: DisabledSince,
        until: Timestamp,
    ) -> Result<Look<Observed>, BrokerError> {
        let unknown = |what: String| Ok(Look::Out(Outcome::Unknown { what }));
        let since = disabled.since;
        let uses = match self.service.failing_uses(&status.request.key_arn, since) {
            Ok(uses) => uses,
            Err(error) => return unknown(format!("who tried to use the key ({error})")),
        };
        if !uses.failures.is_empty() {
            return self.stop(status, said(&uses.failures)).map(Look::Out);
        }
        if !uses.complete {
            return unknown(format!(
                "who tried to use the key: not everything since {since} could be looked at"
            ));
        }
        let looked_until = uses.looked_until;
        if looked_until < until {
            return unknown(format!(
                "who tried to use the key after {looked_until}: the observation ends at {until}"
            ));
        }
        Ok(Look::On(Observed {
            since,
            looked_until,
        }))
    }

    /// What to do about a key that should be disabled and is not.
    fn not_disabled(
        &mut self,
        status: &Status,
        seen: &KeyDescription,
    ) -> Result<Option<Outcome>, BrokerError> {
        let why = match &seen.state {
            KeyState::Disabled => return Ok(None),
            KeyState::Other(state) => {
                let what = format!("what comes of the key: it is {state}");
                return Ok(Some(Outcome::Unknown { what }));
            }
            // A call that was given up may have been carried out after all.
            state if state.is_pending() && status.set_out_to_schedule.is_some() => {
                let found = act::found(Action::Schedule, None, seen);
                return self.record(status, &found).map(Some);
            }
            KeyState::Enabled => "somebody enabled the key while it was observed".to_owned(),
            KeyState::Gone => "the key is gone".to_owned(),
            _ => scheduled_elsewhere(seen),
        };
        self.stop(status, vec![why]).map(Some)
    }

    /// Looks at a key whose deletion was scheduled.
    fn verify(&mut self, status: &Status) -> Result<Outcome, BrokerError> {
        let seen = self.describe(status)?;
        match &seen.state {
            KeyState::PendingReplicaDeletion => {}
            KeyState::PendingDeletion => {
                if let Some(why) = other_date(status, &seen) {
                    return self.stop(status, vec![why]);
                }
            }
            KeyState::Gone => return self.stop(status, vec!["the key is gone already".into()]),
            // It was told to be scheduled, so it is not scheduled again: either this is not seen yet, or somebody took it back.
            state => {
                let what =
                    format!("whether the key is to be deleted: it was scheduled, and is {state}");
                return Ok(Outcome::Unknown { what });
            }
        }
        let scheduled = status
            .scheduled
            .and_then(|scheduled| scheduled.deletion_date);
        let verified = Event::Verified(Verified {
            state: seen.state,
            deletion_date: seen.deletion_date.or(scheduled),
        });
        self.record(status, &verified)
    }
}

/// Who missed the key, in words.
fn said(failures: &[Use]) -> Vec<String> {
    let missed = failures.iter().map(Use::to_string);
    missed
        .map(|failure| format!("the key was missed: {failure}"))
        .collect()
}

/// How a request left its key, when that is not how it found it.
fn left(status: &Status) -> Option<String> {
    if let Some(scheduled) = status.scheduled {
        let date = scheduled.deletion_date;
        let date = date.map_or_else(String::new, |date| format!(" on {date}"));
        return Some(format!(
            "the key is to be deleted{date}; cancel the request to keep it"
        ));
    }
    (status.disabled.is_some() && status.set_out_to_disable)
        .then(|| "the key is disabled; cancel the request to enable it".to_owned())
}

fn scheduled_elsewhere(seen: &KeyDescription) -> String {
    let date = seen.deletion_date;
    let date = date.map_or_else(String::new, |date| format!(" on {date}"));
    format!("the key is to be deleted{date}, and not by this request")
}

/// What is wrong with the day of a deletion.
fn other_date(status: &Status, seen: &KeyDescription) -> Option<String> {
    let differ = |one: Timestamp, other: Timestamp| one.duration_since(other).abs() > DATES_DIFFER;
    let date = seen.deletion_date?;
    let told = status
        .scheduled
        .and_then(|scheduled| scheduled.deletion_date);
    if let Some(told) = told.filter(|told| differ(*told, date)) {
        return Some(format!(
            "the key is to be deleted on {date}, and was to be on {told}"
        ));
    }
    let days = status.request.parameters.pending_window_days;
    let window = SignedDuration::from_hours(24 * i64::from(days));
    let expected = status.set_out_to_schedule?.checked_add(window).ok()?;
    differ(expected, date).then(|| {
        format!(
            "the key is to be deleted on {date}; {days} days from its scheduling are {expected}"
        )
    })
}
