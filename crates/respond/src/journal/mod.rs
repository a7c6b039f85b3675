//! What was done about an incident, in the order it was done: a ledger of its own, `incident.db`.
//!
//! Each entry is chained to the one before by its hash, and only ever added. What an incident stands at is what its entries
//! [come to](fold). Nothing is written that could not be read again: an entry that cannot be where it would be is refused.
//!
//! No secret is ever in an entry: an incident's file is handed to auditors.

mod completeness;
mod event;
mod state;

pub use completeness::{Completeness, Lack, Missing};
pub use event::{
    Aborted, Acted, Authority, Authorized, Began, Closed, Confirmed, Ended, Event, Lease, Looking,
    NoEvent, Noted, Opened, Outcome, Planned, Progressed, Released, Waiting,
};
pub use state::{End, FoldError, Moment, Stage, Standing, State, StepState, fold};

use crate::incident::{Incident, IncidentError, IncidentId};
use crate::plan::{Plan, StepId};
use jiff::{SignedDuration, Timestamp};
use lockfast_operate::ledger::{Entry, Fault, Head, Ledger, LedgerError, Verification};

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What it says.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The incident cannot be opened.
    #[error(transparent)]
    Incident(#[from] IncidentError),
    /// The file is of no incident.
    #[error("{0} has no incident in it")]
    NoIncident(String),
    /// The file is of another incident.
    #[error("the file is of {found}, not of {wanted}: one file holds one incident")]
    Another {
        /// The incident that it is of.
        found: String,
        /// The one that was wanted.
        wanted: IncidentId,
    },
    /// Entries were altered, or are gone.
    #[error("the journal is not whole, and nothing is done by it: {}", .0.iter().map(Fault::to_string).collect::<Vec<_>>().join("; "))]
    NotWhole(Vec<Fault>),
    /// Somebody else carries it out.
    #[error("{holder} carries the response out, until {until} at least: ask them, or wait")]
    Held {
        /// Who.
        holder: String,
        /// Until when.
        until: Timestamp,
    },
    /// Somebody else took over meanwhile.
    #[error("{} took the response over; this process stops", .0.as_deref().unwrap_or("nobody has it any more: somebody"))]
    TakenOver(Option<String>),
    /// It cannot be written as things stand.
    #[error("this cannot be written now: {0}")]
    Refused(String),
    /// A name or a reason is missing.
    #[error("{0} is needed")]
    Unsaid(&'static str),
    /// The incident cannot be closed.
    #[error("the response is not complete: {}", .0.iter().map(Missing::to_string).collect::<Vec<_>>().join("; "))]
    Incomplete(Vec<Missing>),
}

/// The journal of an incident.
pub struct Journal {
    ledger: Ledger,
    id: IncidentId,
    state: State,
}

impl Journal {
    /// Opens an incident in a new file. An incident that is there already is gone on with.
    ///
    /// # Errors
    /// When the incident lacks something, the file cannot be written, or is of another.
    pub fn begin(mut ledger: Ledger, incident: &Incident) -> Result<Self, JournalError> {
        incident.check()?;
        if let Some(entry) = ledger.entries()?.first() {
            return match entry.subject == incident.id.as_str() {
                true => Journal::resume(ledger),
                false => Err(JournalError::Another {
                    found: entry.subject.clone(),
                    wanted: incident.id.clone(),
                }),
            };
        }
        let mut journal = Journal {
            ledger,
            id: incident.id.clone(),
            state: State::default(),
        };
        let opened = Opened {
            incident: incident.clone(),
        };
        match journal.write(opened.into(), |_, _| Ok(())) {
            // Somebody else opened it just now.
            Err(JournalError::Refused(_)) if journal.state.incident.is_some() => Ok(journal),
            result => result.map(|_| journal),
        }
    }

    /// Reads the journal of an incident; nothing is done by one that is not whole.
    ///
    /// # Errors
    /// When the file cannot be read, was altered, or is of no incident.
    pub fn resume(mut ledger: Ledger) -> Result<Self, JournalError> {
        let verification = ledger.verify()?;
        if !verification.is_whole() {
            return Err(JournalError::NotWhole(verification.faults));
        }
        let entries = ledger.entries()?;
        let no_incident = || JournalError::NoIncident(ledger.path().display().to_string());
        let first = entries.first().ok_or_else(no_incident)?;
        let id: IncidentId = first.subject.parse().map_err(|_| no_incident())?;
        let own: Vec<Entry> = entries
            .into_iter()
            .filter(|entry| entry.subject == id.as_str())
            .collect();
        let state = fold(&own)?;
        Ok(Journal { ledger, id, state })
    }

    /// The incident's name.
    pub fn id(&self) -> &IncidentId {
        &self.id
    }

    /// How it stood when this journal last read or wrote.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Reads what others wrote since.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn refresh(&mut self) -> Result<&State, JournalError> {
        let entries = self.entries()?;
        catch_up(&mut self.state, &entries)?;
        Ok(&self.state)
    }

    /// All entries.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn entries(&mut self) -> Result<Vec<Entry>, JournalError> {
        Ok(self.ledger.entries_of(self.id.as_str())?)
    }

    /// Where it ends, to be kept elsewhere.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn head(&mut self) -> Result<Option<Head>, JournalError> {
        Ok(self.ledger.head()?)
    }

    /// Looks whether it is whole, against a head that was kept elsewhere.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub fn verify(&mut self, head: Option<&Head>) -> Result<Verification, JournalError> {
        Ok(match head {
            Some(head) => self.ledger.verify_against(head)?,
            None => self.ledger.verify()?,
        })
    }

    /// The time that an entry written now would have.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn now(&mut self) -> Result<Timestamp, JournalError> {
        Ok(self.ledger.now()?)
    }

    /// Writes down what is to be done. A further plan has the next version; what is done stays done, unless the step does
    /// something else now.
    ///
    /// # Errors
    /// When the plan cannot be carried out, or somebody else carries one out.
    pub fn plan(&mut self, plan: Plan, by: &str) -> Result<Entry, JournalError> {
        let by = said(by, "the name of whoever plans")?;
        let holder = by.clone();
        self.write(Planned { plan, by }.into(), move |state, at| {
            is_free(state, &holder, at)
        })
    }

    /// Writes down that the plan shall be carried out, and how that was decided.
    ///
    /// # Errors
    /// When there is no plan, or it cannot be written.
    pub fn authorize(&mut self, by: &str, authority: Authority) -> Result<Entry, JournalError> {
        let by = said(by, "the name of whoever says so")?;
        if let Authority::BreakGlass { reason } = &authority {
            said(reason, "a reason to break the glass")?;
        }
        let version = self.refresh()?.plan.as_ref().map(|plan| plan.version);
        let version = version.ok_or_else(|| JournalError::Refused("there is no plan".into()))?;
        let authorized = Authorized {
            by,
            version,
            authority,
        };
        self.write(authorized.into(), |_, _| Ok(()))
    }

    /// Writes down that a step for people is done, or that what stays under the old key is accounted for.
    ///
    /// # Errors
    /// When there is no such step, or no name or evidence.
    pub fn confirm(
        &mut self,
        step: &StepId,
        by: &str,
        evidence: &str,
    ) -> Result<Entry, JournalError> {
        let confirmed = Confirmed {
            step: step.clone(),
            by: said(by, "the name of whoever confirms it")?,
            evidence: said(evidence, "the evidence: what was seen, and where")?,
        };
        self.write(confirmed.into(), |_, _| Ok(()))
    }

    /// Writes down that a step is left.
    ///
    /// # Errors
    /// When there is no such step, or it is done, or no name or reason is given.
    pub fn leave(&mut self, step: &StepId, by: &str, why: &str) -> Result<Entry, JournalError> {
        let left = Ended {
            step: step.clone(),
            outcome: Outcome::Left {
                why: said(why, "a reason")?,
                by: said(by, "the name of whoever leaves it")?,
            },
            retries: 0,
        };
        let (step, by) = (step.clone(), by.trim().to_owned());
        self.write(left.into(), move |state, at| {
            let standing = state.standing(&step);
            if *standing == Standing::Done {
                return Err(JournalError::Refused(format!("{step} is done")));
            }
            match standing {
                Standing::Running { .. } => is_free(state, &by, at),
                _ => Ok(()),
            }
        })
    }

    /// Writes down what somebody has to say.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, by: &str, text: &str) -> Result<Entry, JournalError> {
        let noted = Noted {
            by: said(by, "the name of whoever notes it")?,
            text: said(text, "a text")?,
        };
        self.write(noted.into(), |_, _| Ok(()))
    }

    /// Stops the response. Whoever carries it out stops at their next entry. Nothing is taken back.
    ///
    /// # Errors
    /// When it is over already, or no name or reason is given.
    pub fn abort(&mut self, by: &str, why: &str) -> Result<Entry, JournalError> {
        let aborted = Aborted {
            by: said(by, "the name of whoever aborts it")?,
            why: said(why, "a reason")?,
        };
        self.write(aborted.into(), |_, _| Ok(()))
    }

    /// Closes the incident.
    ///
    /// # Errors
    /// When the response is not complete: with all that is missing.
    pub fn close(&mut self, by: &str) -> Result<Entry, JournalError> {
        let by = said(by, "the name of whoever closes it")?;
        self.write(Closed { by }.into(), |state, _| {
            let Some(plan) = &state.plan else {
                return Err(JournalError::Refused("there is no plan".into()));
            };
            match state.completeness(plan) {
                Completeness::Complete => Ok(()),
                Completeness::Missing(missing) => Err(JournalError::Incomplete(missing)),
            }
        })
    }

    /// Takes the response over, or goes on with it, for so long. Of two who do at once, one does.
    ///
    /// # Errors
    /// [`JournalError::Held`] when somebody else has it.
    pub fn take(&mut self, holder: &str, length: SignedDuration) -> Result<Lease, JournalError> {
        let holder = said(holder, "the name of whoever carries it out")?;
        let entries = self.entries()?;
        catch_up(&mut self.state, &entries)?;
        let now = self.now()?;
        let renewed = match &self.state.lease {
            Some(lease) if lease.holder == holder => lease.renewed.saturating_add(1),
            _ => 0,
        };
        let until = now.checked_add(length).unwrap_or(Timestamp::MAX);
        let lease = Lease {
            holder: holder.clone(),
            until,
            renewed,
        };
        self.write(lease.clone().into(), move |state, at| {
            is_free(state, &holder, at)
        })?;
        Ok(lease)
    }

    /// Prolongs a lease, if it is still this one's: somebody else may have taken over, and even be through.
    pub(crate) fn prolong(
        &mut self,
        holder: &str,
        length: SignedDuration,
    ) -> Result<(), JournalError> {
        let renewed = match &self.state.lease {
            Some(lease) => lease.renewed.saturating_add(1),
            None => 0,
        };
        let until = self.now()?.checked_add(length).unwrap_or(Timestamp::MAX);
        let lease = Lease {
            holder: holder.to_owned(),
            until,
            renewed,
        };
        self.write_as(holder, lease.into())?;
        Ok(())
    }

    /// Hands the response over.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn release(&mut self, holder: &str) -> Result<(), JournalError> {
        let holder = holder.to_owned();
        self.write_as(&holder.clone(), Released { holder }.into())?;
        Ok(())
    }

    /// Writes something if it is still this one who carries the response out.
    pub(crate) fn write_as(&mut self, holder: &str, event: Event) -> Result<Entry, JournalError> {
        self.write(event, |state, _| match &state.lease {
            Some(lease) if lease.holder == holder => Ok(()),
            other => Err(JournalError::TakenOver(
                other.as_ref().map(|lease| lease.holder.clone()),
            )),
        })
    }

    /// Writes something if it may be written as things stand then: nobody else writes while that is decided.
    fn write(
        &mut self,
        event: Event,
        may: impl FnOnce(&State, Timestamp) -> Result<(), JournalError>,
    ) -> Result<Entry, JournalError> {
        let draft = event.draft(self.id.as_str())?;
        let state = &mut self.state;
        let mut refused = None;
        let written = self.ledger.append_if(self.id.as_str(), |entries, at| {
            let decided = catch_up(state, entries)
                .map_err(JournalError::from)
                .and_then(|()| may(state, at))
                .and_then(|()| state.admits(&event).map_err(JournalError::Refused));
            match decided {
                Ok(()) => Some(draft),
                Err(error) => {
                    refused = Some(error);
                    None
                }
            }
        })?;
        match (written, refused) {
            (Some(entry), _) => {
                self.state.take(&entry)?;
                Ok(entry)
            }
            (None, Some(error)) => Err(error),
            (None, None) => Err(JournalError::Refused("nothing was written".into())),
        }
    }
}

/// Takes the entries in that a state does not have yet.
fn catch_up(state: &mut State, entries: &[Entry]) -> Result<(), FoldError> {
    let new = entries.partition_point(|entry| entry.seq <= state.last_seq);
    let new = entries.get(new..).unwrap_or_default();
    new.iter().try_for_each(|entry| state.take(entry))
}

/// Whether nobody else carries the response out.
fn is_free(state: &State, holder: &str, at: Timestamp) -> Result<(), JournalError> {
    match &state.lease {
        Some(lease) if lease.holder != holder && lease.until > at => Err(JournalError::Held {
            holder: lease.holder.clone(),
            until: lease.until,
        }),
        _ => Ok(()),
    }
}

fn said(text: &str, what: &'static str) -> Result<String, JournalError> {
    match text.trim() {
        "" => Err(JournalError::Unsaid(what)),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests;
