//! The steps that change something: set out, acted, looked at, written.

use super::{Broker, BrokerError, Look, Outcome, scheduled_elsewhere};
use crate::event::{Action, Cancelled, Ended, Ending, Event, Intended};
use crate::ledger::Entry;
use crate::service::{Canary, KeyDescription, KeyService, KeyState, ServiceError};
use crate::state::{OpenIntent, Phase, Status};
use jiff::Timestamp;

impl<S: KeyService> Broker<S> {
    /// Looks once more whether anything needs the key.
    pub(super) fn canary(&mut self, status: &Status) -> Result<Outcome, BrokerError> {
        let status = match self.guard(&status.id, Phase::Approved)? {
            Look::On(status) => status,
            Look::Out(out) => return Ok(out),
        };
        let Some(intent) = self.set_out(&status, Action::Canary, None)? else {
            return Ok(Outcome::Changed);
        };
        let looked = self.service.canary(&status.request.key_arn);
        let (ending, note) = match looked {
            Ok(canary) => {
                let needs = unexpected(&status, &canary);
                if !needs.is_empty() {
                    let mut status = status;
                    status.last_seq = intent;
                    return self.stop(&status, needs);
                }
                match canary.unknowns.is_empty() {
                    true => (Ending::Done, None),
                    false => (Ending::NotDone, Some(canary.unknowns.join("; "))),
                }
            }
            Err(error) => (Ending::NotDone, Some(error.to_string())),
        };
        let unknown = note.clone();
        let ended = Ended {
            action: Action::Canary,
            intent: Some(intent),
            ending,
            state: None,
            deletion_date: None,
            seen_at: None,
            note,
        };
        let outcome = self.end(&status, intent, ended)?;
        Ok(match unknown {
            Some(unknown) => Outcome::Unknown {
                what: format!("whether anything still needs the key ({unknown})"),
            },
            None => outcome,
        })
    }

    pub(super) fn disable(&mut self, status: &Status) -> Result<Outcome, BrokerError> {
        let status = match self.guard(&status.id, Phase::Approved)? {
            Look::On(status) => status,
            Look::Out(out) => return Ok(out),
        };
        let seen = self.describe(&status)?;
        match &seen.state {
            KeyState::Enabled => self.act(&status, Action::Disable, &seen),
            KeyState::Disabled => self.record(&status, &found(Action::Disable, None, &seen)),
            KeyState::Gone => self.stop(&status, vec!["the key is gone".into()]),
            state if state.is_pending() => self.stop(&status, vec![scheduled_elsewhere(&seen)]),
            state => Ok(Outcome::Unknown {
                what: format!("what comes of the key: it is {state}"),
            }),
        }
    }

    pub(super) fn schedule(&mut self, status: &Status) -> Result<Outcome, BrokerError> {
        let status = match self.guard(&status.id, Phase::Observed)? {
            Look::On(status) => status,
            Look::Out(out) => return Ok(out),
        };
        let Some(disabled) = status.disabled else {
            return Ok(Outcome::Changed);
        };
        let seen = self.describe(&status)?;
        if let Some(out) = self.not_disabled(&status, &seen)? {
            return Ok(out);
        }
        // Since it was observed somebody may have missed it, and this is the last time to ask.
        match self.missed(&status, disabled, disabled.until(&status.request))? {
            Look::On(_) => self.act(&status, Action::Schedule, &seen),
            Look::Out(out) => Ok(out),
        }
    }

    /// Takes back what this request did, an action at a time.
    pub(super) fn undo(&mut self, status: &Status) -> Result<Outcome, BrokerError> {
        let seen = self.describe(status)?;
        let mut left = Vec::new();
        match &seen.state {
            state if state.is_pending() => {
                if status.set_out_to_schedule.is_some() {
                    return self.act(status, Action::CancelDeletion, &seen);
                }
                left.push(scheduled_elsewhere(&seen));
            }
            KeyState::Disabled if status.set_out_to_disable => {
                return self.act(status, Action::Enable, &seen);
            }
            KeyState::Disabled => left.push("the key was disabled before this request".into()),
            KeyState::Gone => left.push("the key is gone: it is too late".into()),
            KeyState::Other(other) if status.set_out_to_disable => {
                return Ok(Outcome::Unknown {
                    what: format!("whether the key is to be enabled: it is {other}"),
                });
            }
            _ => {}
        }
        let state = seen.state;
        let cancelled = Event::Cancelled(Cancelled {
            state,
            left: left.clone(),
        });
        Ok(match self.write(status, &cancelled)? {
            Some(_) => Outcome::Ended {
                phase: Phase::Cancelled,
                why: left,
                left: None,
            },
            None => Outcome::Changed,
        })
    }

    /// Sets out, acts, looks, writes.
    fn act(
        &mut self,
        status: &Status,
        action: Action,
        before: &KeyDescription,
    ) -> Result<Outcome, BrokerError> {
        let Some(intent) = self.set_out(status, action, before.seen_at)? else {
            return Ok(Outcome::Changed);
        };
        if !self.still_ours(&status.id, intent)? {
            let note = "somebody wrote in between, or the lease had run out: nothing was called";
            let ended = Ended {
                action,
                intent: Some(intent),
                ending: Ending::NotDone,
                state: None,
                deletion_date: None,
                seen_at: None,
                note: Some(note.into()),
            };
            let _ = self.end(status, intent, ended)?;
            return Ok(Outcome::Changed);
        }
        let key_arn = &status.request.key_arn;
        let days = status.request.parameters.pending_window_days;
        let called: Result<Option<Timestamp>, ServiceError> = match action {
            Action::Canary => Ok(None),
            Action::Disable => self.service.disable(key_arn).map(|()| None),
            Action::Enable => self.service.enable(key_arn).map(|()| None),
            Action::Schedule => self.service.schedule_deletion(key_arn, days).map(Some),
            Action::CancelDeletion => self.service.cancel_deletion(key_arn).map(|()| None),
        };
        // What the service answered is written at once, before it is looked at: a second call must never be thought of.
        if let (Action::Schedule, Ok(deletion_date)) = (action, &called) {
            let ended = Ended {
                action,
                intent: Some(intent),
                ending: Ending::Done,
                state: None,
                deletion_date: *deletion_date,
                seen_at: None,
                note: None,
            };
            return self.end(status, intent, ended);
        }
        let after = self.describe(status)?;
        match called {
            Ok(_) if is_done(action, &after.state) => {
                let ended = ended(action, Some(intent), Ending::Done, &after);
                self.end(status, intent, ended)
            }
            Ok(_) => Ok(Outcome::Unknown {
                what: format!(
                    "whether {action} took effect: the key is still {}",
                    after.state
                ),
            }),
            Err(error) if is_done(action, &after.state) => {
                let mut ended = ended(action, Some(intent), Ending::Found, &after);
                ended.note = Some(error.to_string());
                self.end(status, intent, ended)
            }
            Err(error) => Err(BrokerError::Service {
                doing: action.to_string(),
                error,
            }),
        }
    }

    /// Looks what came of something that a broker set out to do.
    pub(super) fn settle(
        &mut self,
        status: &Status,
        now: Timestamp,
    ) -> Result<Outcome, BrokerError> {
        let Some(OpenIntent { seq, intended, .. }) = &status.intent else {
            return Ok(Outcome::Changed);
        };
        let (seq, action) = (*seq, intended.action);
        let ours = intended.holder == self.settings.holder;
        let leased = now < intended.lease_until;
        let busy = || Outcome::Busy {
            holder: intended.holder.clone(),
            action,
            until: intended.lease_until,
        };
        if leased && !ours {
            return Ok(busy());
        }
        let after = self.describe(status)?;
        let done = is_done(action, &after.state);
        // Nobody is hurt by another last look; a call that changes something may still be on its way.
        if leased && !done && action != Action::Canary {
            return Ok(busy());
        }
        let ending = match done {
            true => Ending::Found,
            false => Ending::NotDone,
        };
        self.end(status, seq, ended(action, Some(seq), ending, &after))
    }

    /// Writes an intent; its number, if nothing was written since.
    fn set_out(
        &mut self,
        status: &Status,
        action: Action,
        seen_at: Option<Timestamp>,
    ) -> Result<Option<u64>, BrokerError> {
        let intended = |lease_until| {
            Event::Intended(Intended {
                action,
                holder: self.settings.holder.clone(),
                lease_until,
                seen_at,
            })
        };
        let forward = matches!(action, Action::Canary | Action::Disable | Action::Schedule);
        let (seen, expires_at) = (status.last_seq, status.request.expires_at);
        let lease = self.settings.lease;
        let written = self.ledger.append_if(&status.id, |entries, at| {
            let last = entries.last().map(|entry| entry.seq);
            // Time went on since the request was looked at.
            let expired = forward && at > expires_at;
            if last != Some(seen) || expired {
                return None;
            }
            let lease_until = at.checked_add(lease).unwrap_or(Timestamp::MAX);
            intended(lease_until).draft(&status.id).ok()
        })?;
        Ok(written.map(|entry| entry.seq))
    }

    /// Whether nobody wrote since an intent, and its lease still runs.
    fn still_ours(&mut self, id: &str, intent: u64) -> Result<bool, BrokerError> {
        let (status, now) = self.look(id, None)?;
        let leased = status
            .intent
            .as_ref()
            .is_some_and(|open| open.seq == intent && now < open.intended.lease_until);
        Ok(leased && status.last_seq == intent)
    }

    /// Writes how an intent ended, unless somebody else did.
    fn end(&mut self, status: &Status, intent: u64, ended: Ended) -> Result<Outcome, BrokerError> {
        let action = ended.action;
        let draft = Event::Ended(ended).draft(&status.id)?;
        let written = self.ledger.append_if(&status.id, |entries, _| {
            is_open(entries, intent).then_some(draft)
        })?;
        match written {
            Some(_) => Ok(Outcome::Progress(self.look(&status.id, None)?.0.phase)),
            None => Err(BrokerError::Fenced { action }),
        }
    }
}

/// Whether an intent is the last one, and nobody has written how it ended.
fn is_open(entries: &[Entry], intent: u64) -> bool {
    entries
        .iter()
        .filter(|entry| entry.seq > intent)
        .all(|entry| match Event::of(entry) {
            Ok(Event::Intended(_) | Event::Stopped(_) | Event::Cancelled(_)) => false,
            Ok(Event::Ended(ended)) => ended.intent != Some(intent),
            _ => true,
        })
}

/// Whether a key stands as an action leaves it.
fn is_done(action: Action, state: &KeyState) -> bool {
    match action {
        Action::Canary => false,
        // A key that is to be deleted cannot be used either, but that is not what was set out.
        Action::Disable => *state == KeyState::Disabled,
        Action::Enable => *state == KeyState::Enabled,
        Action::Schedule => state.is_pending(),
        Action::CancelDeletion => matches!(state, KeyState::Disabled | KeyState::Enabled),
    }
}

/// Something that was found to be done already.
pub(super) fn found(action: Action, intent: Option<u64>, seen: &KeyDescription) -> Event {
    Event::Ended(ended(action, intent, Ending::Found, seen))
}

fn ended(action: Action, intent: Option<u64>, ending: Ending, seen: &KeyDescription) -> Ended {
    Ended {
        action,
        intent,
        ending,
        state: Some(seen.state.clone()),
        deletion_date: seen.deletion_date,
        seen_at: seen.seen_at,
        note: None,
    }
}

/// What needs the key although people did not approve its loss.
fn unexpected(status: &Status, canary: &Canary) -> Vec<String> {
    let overridden = status.request.override_reason.is_some();
    let shown = |arn: &str| {
        let mut dependents = status.impact.dependents.iter();
        overridden && dependents.any(|dependent| dependent.arn == arn)
    };
    let needs = canary.needs.iter().filter(|need| !shown(&need.arn));
    needs
        .map(|need| format!("{} still needs the key: {}", need.arn, need.why))
        .collect()
}
