//! Where requests and decisions are handed in. What counts is decided when they are [read](crate::state::fold); here, those
//! who hand in what would not count are told at once.

use crate::approval::{Decision, SignatureError, decision_bytes, signer};
use crate::event::{Decided, Event, Requested};
use crate::impact::Impact;
use crate::ledger::{Entry, Ledger, LedgerError};
use crate::request::{DeletionRequest, RequestError};
use crate::rules::CheckedRules;
use crate::state::{NoRequest, Phase, Status, fold, out_of_time};

/// Why something is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The request is none.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// There is no such request.
    #[error("request {id}: {error}")]
    NoRequest {
        /// Its id.
        id: String,
        /// Why.
        error: NoRequest,
    },
    /// It is there already.
    #[error("request {0} is in the ledger already; ask anew for another")]
    Twice(String),
    /// It was made under other rules.
    #[error("the request was made under another policy or other rules; make it anew")]
    OtherPolicy,
    /// Who asks is not known.
    #[error("`{0}` is nobody in the rules; list them there (without a key, they may ask only)")]
    Nobody(String),
    /// Nobody could approve it.
    #[error("what `{requester}` asks for can never be approved: {} would be missing", missing.join(", "))]
    NotReachable {
        /// Who asks.
        requester: String,
        /// Who would be missing.
        missing: Vec<String>,
    },
    /// It is too early, or too late, for it.
    #[error(
        "the request does not count: {0}; look at the clocks of both machines, and make it anew"
    )]
    OutOfTime(String),
    /// The signature is none.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It would not count.
    #[error("the decision would not count: {0}")]
    DoesNotCount(String),
}

/// Hands a request in.
///
/// Who asks is taken at their word: whoever calls this has to know who they are.
///
/// # Errors
/// When it could not be carried out.
pub fn submit(
    ledger: &mut Ledger,
    rules: &CheckedRules,
    policy: &str,
    request: &DeletionRequest,
    impact: &Impact,
) -> Result<Entry, DeskError> {
    request.check(impact)?;
    if request.policy_hash != rules.policy_hash(policy) {
        return Err(DeskError::OtherPolicy);
    }
    let requester = &request.requester;
    if rules.person(requester).is_none() {
        return Err(DeskError::Nobody(requester.clone()));
    }
    let missing = rules.missing(&rules.eligible(requester));
    if !missing.is_empty() {
        let requester = requester.clone();
        return Err(DeskError::NotReachable { requester, missing });
    }
    let now = ledger.now()?;
    if let Some(why) = out_of_time(request, now) {
        return Err(DeskError::OutOfTime(why));
    }
    let id = request.id();
    let draft = Event::Requested(Box::new(Requested {
        request: request.clone(),
        impact: impact.sorted(),
    }))
    .draft(&id)?;
    let written = ledger.append_if(&id, |entries, _| entries.is_empty().then_some(draft))?;
    written.ok_or(DeskError::Twice(id))
}

/// Hands a decision in: a signature over [`decision_bytes`].
///
/// # Errors
/// When it would not count, and why.
pub fn decide(
    ledger: &mut Ledger,
    rules: &CheckedRules,
    policy: &str,
    id: &str,
    decision: Decision,
    signature: &str,
) -> Result<Entry, DeskError> {
    let now = ledger.now()?;
    let entries = ledger.entries_of(id)?;
    let no_request = |error| DeskError::NoRequest {
        id: id.to_owned(),
        error,
    };
    let status = fold(&entries, rules, now, None, policy).map_err(no_request)?;
    let statement = decision_bytes(&status.request, decision);
    let signer = signer(rules, &statement, signature)?;
    if let Some(why) = would_not_count(rules, &status, decision, &signer.person) {
        return Err(DeskError::DoesNotCount(why));
    }
    let decided = Event::Decided(Decided {
        decision,
        signature: signature.to_owned(),
    });
    let draft = decided.draft(id)?;
    Ok(ledger.append(&draft.kind, id, &draft.body)?)
}

fn would_not_count(
    rules: &CheckedRules,
    status: &Status,
    decision: Decision,
    person: &str,
) -> Option<String> {
    match status.phase {
        Phase::Requested | Phase::Approved | Phase::Disabled | Phase::Observed => {}
        Phase::Scheduled | Phase::Done => {
            return Some(
                "the deletion is scheduled already; cancel the request to keep the key".into(),
            );
        }
        phase => {
            let why = status.why.join("; ");
            return Some(format!("the request is {phase} ({why})"));
        }
    }
    let person = rules.person(person)?;
    if let Some(why) = rules.bars(&status.request.requester, person) {
        return Some(why);
    }
    let mut approvals = status.approvals.iter();
    let before = approvals.find(|approval| approval.person == person.name);
    before
        .filter(|_| decision == Decision::Approve)
        .map(|before| {
            format!(
                "`{}` approved already, with entry {}",
                person.name, before.seq
            )
        })
}
