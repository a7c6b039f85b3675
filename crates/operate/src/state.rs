//! How a request stands: what its entries come to, and nothing else.

use crate::approval::{Decision, decision_bytes, signer};
use crate::event::{
    Action, CancelAsked, Cause, Decided, Ended, Ending, Event, Intended, Requested,
};
use crate::impact::Impact;
use crate::ledger::Entry;
use crate::request::DeletionRequest;
use crate::rules::{CheckedRules, Person};
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// A request is made on another machine than the ledger's, at times.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// People are to approve.
    Requested,
    /// Enough did.
    Approved,
    /// The key is disabled, and observed.
    Disabled,
    /// Nobody missed it.
    Observed,
    /// Its deletion is scheduled.
    Scheduled,
    /// And was seen to be.
    Done,
    /// It does not go on: somebody missed the key, or it is not as it should be.
    Stopped,
    /// Somebody rejected it.
    Rejected,
    /// What was approved is no longer so.
    Voided,
    /// It took too long.
    Expired,
    /// It is being taken back.
    Cancelling,
    /// It was taken back.
    Cancelled,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Requested => "requested",
            Phase::Approved => "approved",
            Phase::Disabled => "disabled",
            Phase::Observed => "observed",
            Phase::Scheduled => "scheduled",
            Phase::Done => "done",
            Phase::Stopped => "stopped",
            Phase::Rejected => "rejected",
            Phase::Voided => "voided",
            Phase::Expired => "expired",
            Phase::Cancelling => "being cancelled",
            Phase::Cancelled => "cancelled",
        })
    }
}

/// How a request stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Its id.
    pub id: String,
    /// The request.
    pub request: DeletionRequest,
    /// What people were shown.
    pub impact: Impact,
    /// How far it is.
    pub phase: Phase,
    /// Why it ended, if it did.
    pub why: Vec<String>,
    /// Whose approvals count.
    pub approvals: Vec<Approval>,
    /// Who is missing.
    pub missing: Vec<String>,
    /// Entries that do not count.
    pub refused: Vec<Refused>,
    /// What a broker set out to do, with no result yet.
    pub intent: Option<OpenIntent>,
    /// When the last look found nothing.
    pub canary_at: Option<Timestamp>,
    /// Since when the key is disabled.
    pub disabled: Option<DisabledSince>,
    /// When nobody was found to miss it.
    pub observed_at: Option<Timestamp>,
    /// When it is to be deleted.
    pub scheduled: Option<ScheduledFor>,
    /// Whether a broker set out to disable it, for this request.
    pub set_out_to_disable: bool,
    /// When a broker last set out to schedule its deletion for this request: by the service, or by its own clock.
    pub set_out_to_schedule: Option<Timestamp>,
    /// Whose wish it is to take it back.
    pub cancel: Option<CancelAsked>,
    /// Whether the end is written down.
    pub end_is_written: bool,
    /// The last entry about it.
    pub last_seq: u64,
}

/// An approval that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Whose.
    pub person: String,
    /// With which key.
    pub fingerprint: String,
    /// The entry.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
}

/// An entry that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The entry.
    pub seq: u64,
    /// Why not.
    pub why: String,
}

/// What a broker set out to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIntent {
    /// The entry.
    pub seq: u64,
    /// When by its own clock.
    pub own_time: Timestamp,
    /// What it says.
    pub intended: Intended,
}

/// A key that is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisabledSince {
    /// When it was disabled for sure: observation counts from here.
    pub at: Timestamp,
    /// When it may have been disabled already: uses are looked for from here.
    pub since: Timestamp,
}

impl DisabledSince {
    /// Until when it is observed.
    pub fn until(&self, request: &DeletionRequest) -> Timestamp {
        let hours = SignedDuration::from_hours(request.parameters.observation_hours.into());
        self.at.checked_add(hours).unwrap_or(Timestamp::MAX)
    }
}

/// A deletion that is scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledFor {
    /// When it is to be.
    pub deletion_date: Option<Timestamp>,
}

/// There is no request in these entries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such request{}", match refused.first() {
    Some(refused) => format!(" (entry {}: {})", refused.seq, refused.why),
    None => String::new(),
})]
pub struct NoRequest {
    /// Entries that do not count.
    pub refused: Vec<Refused>,
}

/// How a request stands.
///
/// - `entries`: those about it, in their order
/// - `now`: the ledger's time
/// - `impact`: the hash of what hangs on the key now, if that was looked at
/// - `policy`: the hash of the policy that the rules stand in
///
/// # Errors
/// When none of the entries is a request.
pub fn fold(
    entries: &[Entry],
    rules: &CheckedRules,
    now: Timestamp,
    impact: Option<&str>,
    policy: &str,
) -> Result<Status, NoRequest> {
    let mut refused = Vec::new();
    let mut fold: Option<Fold> = None;
    for entry in entries {
        let told = match (Event::of(entry), &mut fold) {
            (Err(why), _) => Err(why),
            (Ok(Event::Requested(_)), Some(_)) => Err("the request is there already".into()),
            (Ok(Event::Requested(requested)), none) => {
                Fold::begin(entry, *requested, rules).map(|begun| *none = Some(begun))
            }
            (Ok(_), None) => Err("the request is not there yet".into()),
            (Ok(event), Some(fold)) => fold.event(entry, event),
        };
        if let Err(why) = told {
            let seq = entry.seq;
            refused.push(Refused { seq, why });
        }
        if let Some(fold) = &mut fold {
            fold.status.last_seq = entry.seq;
        }
    }
    let Some(fold) = fold else {
        return Err(NoRequest { refused });
    };
    let mut status = fold.end(now, impact, policy);
    status.refused = refused;
    Ok(status)
}

/// Why a request cannot be handed in at a time of the ledger's. Its own times are the requester's word.
pub(crate) fn out_of_time(request: &DeletionRequest, at: Timestamp) -> Option<String> {
    let (created_at, expires_at) = (request.created_at, request.expires_at);
    if created_at.duration_since(at) > CLOCKS_DIFFER {
        return Some(format!("it was made at {created_at}, and it is {at}"));
    }
    (at > expires_at).then(|| format!("it expired at {expires_at}, and it is {at}"))
}

struct Fold<'a> {
    rules: &'a CheckedRules,
    status: Status,
    people: Vec<&'a Person>,
    ended: Option<(Phase, Vec<String>)>,
    verified: bool,
    cancelled: Option<Vec<String>>,
}

impl<'a> Fold<'a> {
    fn begin(entry: &Entry, requested: Requested, rules: &'a CheckedRules) -> Result<Self, String> {
        let Requested { request, impact } = requested;
        request.check(&impact).map_err(|error| error.to_string())?;
        let id = request.id();
        if id != entry.subject {
            return Err(format!("it is request {id}, not {}", entry.subject));
        }
        if let Some(why) = out_of_time(&request, entry.at) {
            return Err(why);
        }
        Ok(Fold {
            rules,
            status: Status {
                id,
                request,
                impact,
                phase: Phase::Requested,
                why: Vec::new(),
                approvals: Vec::new(),
                missing: Vec::new(),
                refused: Vec::new(),
                intent: None,
                canary_at: None,
                disabled: None,
                observed_at: None,
                scheduled: None,
                set_out_to_disable: false,
                set_out_to_schedule: None,
                cancel: None,
                end_is_written: false,
                last_seq: entry.seq,
            },
            people: Vec::new(),
            ended: None,
            verified: false,
            cancelled: None,
        })
    }

    fn event(&mut self, entry: &Entry, event: Event) -> Result<(), String> {
        let status = &mut self.status;
        match event {
            Event::Requested(_) => {}
            Event::Decided(decided) => return self.decided(entry, &decided),
            Event::Intended(intended) => {
                match intended.action {
                    Action::Disable => status.set_out_to_disable = true,
                    Action::Schedule => {
                        let time = intended.seen_at.unwrap_or(entry.own_time());
                        status.set_out_to_schedule = Some(time);
                    }
                    Action::Canary | Action::CancelDeletion | Action::Enable => {}
                }
                status.intent = Some(OpenIntent {
                    seq: entry.seq,
                    own_time: entry.own_time(),
                    intended,
                });
            }
            Event::Ended(ended) => return self.result(entry, &ended),
            Event::Observed(_) => status.observed_at = Some(entry.at),
            Event::Verified(verified) => {
                if status.scheduled.is_none() {
                    return Err("nothing was scheduled".into());
                }
                let deletion_date = verified.deletion_date;
                status.scheduled = Some(ScheduledFor { deletion_date });
                self.verified = true;
            }
            Event::Stopped(stopped) => {
                status.intent = None;
                self.end_with(Phase::Stopped, stopped.why);
            }
            Event::Voided(voided) => {
                let phase = match voided.cause {
                    Cause::Expired => Phase::Expired,
                    Cause::Impact | Cause::Policy => Phase::Voided,
                };
                self.end_with(phase, vec![voided.why]);
            }
            Event::CancelAsked(asked) => {
                status.cancel.get_or_insert(asked);
            }
            Event::Cancelled(cancelled) => {
                self.cancelled.get_or_insert(cancelled.left);
            }
        }
        Ok(())
    }

    /// The first end is the one that counts.
    fn end_with(&mut self, phase: Phase, why: Vec<String>) {
        self.ended.get_or_insert((phase, why));
    }

    fn decided(&mut self, entry: &Entry, decided: &Decided) -> Result<(), String> {
        let request = &self.status.request;
        if entry.at > request.expires_at {
            return Err(format!(
                "it came at {}, after the request had expired",
                entry.at
            ));
        }
        let statement = decision_bytes(request, decided.decision);
        let signer = signer(self.rules, &statement, &decided.signature);
        let signer = signer.map_err(|error| error.to_string())?;
        let person = self.rules.person(&signer.person);
        let person = person.ok_or_else(|| format!("`{}` is nobody", signer.person))?;
        if let Some(why) = self.rules.bars(&request.requester, person) {
            return Err(format!("`{}`: {why}", person.name));
        }
        match decided.decision {
            // What is scheduled is taken back by cancelling it: that works at any time, and by anybody.
            Decision::Reject if self.status.scheduled.is_some() => {
                return Err("the deletion is scheduled already; cancel it".into());
            }
            Decision::Reject => {
                self.end_with(
                    Phase::Rejected,
                    vec![format!("rejected by `{}`", person.name)],
                );
            }
            Decision::Approve => {
                let mut approvals = self.status.approvals.iter();
                if let Some(before) = approvals.find(|before| before.person == person.name) {
                    return Err(format!(
                        "`{}` is counted already, by entry {}",
                        person.name, before.seq
                    ));
                }
                self.people.push(person);
                self.status.approvals.push(Approval {
                    person: signer.person,
                    fingerprint: signer.fingerprint,
                    seq: entry.seq,
                    at: entry.at,
                });
            }
        }
        Ok(())
    }

    fn result(&mut self, entry: &Entry, ended: &Ended) -> Result<(), String> {
        let status = &mut self.status;
        let intent = status.intent.as_ref();
        let intent = match (intent, ended.intent) {
            (_, None) => None,
            (Some(open), Some(seq)) if open.seq == seq && open.intended.action == ended.action => {
                status.intent.take()
            }
            (_, Some(seq)) => return Err(format!("it ends entry {seq}, which is no open intent")),
        };
        if ended.ending == Ending::NotDone {
            return Ok(());
        }
        match ended.action {
            Action::Canary => status.canary_at = Some(entry.at),
            Action::Disable => {
                // By the ledger it may be earlier than it was, when clocks had gone back; by the service it is not.
                let at = ended.seen_at.map_or(entry.at, |seen| seen.max(entry.at));
                // And uses are looked for from when it may have been first, by whatever clock was the earliest.
                let before = match &intent {
                    Some(intent) => [Some(intent.own_time), intent.intended.seen_at],
                    None => [Some(entry.own_time()), ended.seen_at],
                };
                let since = before.into_iter().flatten().min().unwrap_or(at);
                status.disabled = Some(DisabledSince { at, since });
            }
            Action::Schedule => {
                let deletion_date = ended.deletion_date;
                status.scheduled = Some(ScheduledFor { deletion_date });
            }
            Action::CancelDeletion => {
                status.scheduled = None;
                self.verified = false;
            }
            Action::Enable => {
                status.disabled = None;
                status.observed_at = None;
            }
        }
        Ok(())
    }

    fn end(mut self, now: Timestamp, impact: Option<&str>, policy: &str) -> Status {
        self.status.missing = self.rules.missing(&self.people);
        let (phase, why, written) = self.phase(now, impact, policy);
        let mut status = self.status;
        status.phase = phase;
        status.why = why;
        status.end_is_written = written;
        status
    }

    fn phase(
        &self,
        now: Timestamp,
        impact: Option<&str>,
        policy: &str,
    ) -> (Phase, Vec<String>, bool) {
        let status = &self.status;
        let request = &status.request;
        if let Some(left) = &self.cancelled {
            return (Phase::Cancelled, left.clone(), true);
        }
        if let Some(cancel) = &status.cancel {
            let why = format!("`{}` cancels it: {}", cancel.by, cancel.reason);
            return (Phase::Cancelling, vec![why], true);
        }
        if let Some((phase, why)) = &self.ended {
            return (*phase, why.clone(), true);
        }
        // From here on, only cancelling changes anything.
        if status.scheduled.is_some() {
            let phase = if self.verified {
                Phase::Done
            } else {
                Phase::Scheduled
            };
            return (phase, Vec::new(), false);
        }
        if self.rules.policy_hash(policy) != request.policy_hash {
            let why = "the policy, or the rules for approvals, are not those of the request";
            return (Phase::Voided, vec![why.into()], false);
        }
        if self.rules.person(&request.requester).is_none() {
            let why = format!("`{}`, who asks, is nobody in the rules", request.requester);
            return (Phase::Voided, vec![why], false);
        }
        if impact.is_some_and(|impact| impact != request.impact_hash) {
            let why = "what hangs on the key is not what people were shown";
            return (Phase::Voided, vec![why.into()], false);
        }
        if now > request.expires_at {
            let why = format!("it expired at {}", request.expires_at);
            return (Phase::Expired, vec![why], false);
        }
        let phase = match (&status.disabled, status.observed_at) {
            _ if !status.missing.is_empty() => Phase::Requested,
            (None, _) => Phase::Approved,
            (Some(_), None) => Phase::Disabled,
            (Some(_), Some(_)) => Phase::Observed,
        };
        (phase, Vec::new(), false)
    }
}
