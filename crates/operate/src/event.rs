//! What the entries about a request tell.

use crate::approval::Decision;
use crate::impact::Impact;
use crate::ledger::{Draft, Entry, LedgerError};
use crate::request::DeletionRequest;
use crate::service::KeyState;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An entry about a request; the entry's subject is the request's id.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Somebody asks.
    Requested(Box<Requested>),
    /// Somebody decided.
    Decided(Decided),
    /// A broker is about to act.
    Intended(Intended),
    /// What came of it.
    Ended(Ended),
    /// Nobody missed the key.
    Observed(Observed),
    /// The key was seen to be waiting for its deletion.
    Verified(Verified),
    /// It does not go on.
    Stopped(Stopped),
    /// What was approved is no longer so.
    Voided(Voided),
    /// Somebody wants it taken back.
    CancelAsked(CancelAsked),
    /// It was.
    Cancelled(Cancelled),
}

/// Somebody asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requested {
    /// For what.
    pub request: DeletionRequest,
    /// What it would do: what people look at before they decide.
    pub impact: Impact,
}

/// Somebody decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// What.
    pub decision: Decision,
    /// Their signature over [`decision_bytes`](crate::approval::decision_bytes).
    pub signature: String,
}

/// What a broker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Looks once more whether anything needs the key.
    Canary,
    /// Disables it.
    Disable,
    /// Has it deleted.
    Schedule,
    /// Takes the deletion back.
    CancelDeletion,
    /// Enables it again.
    Enable,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Canary => "the last look",
            Action::Disable => "disabling the key",
            Action::Schedule => "scheduling its deletion",
            Action::CancelDeletion => "taking its deletion back",
            Action::Enable => "enabling the key",
        })
    }
}

/// A broker is about to act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intended {
    /// What it is about to do.
    pub action: Action,
    /// Which broker.
    pub holder: String,
    /// Until when nobody else does.
    pub lease_until: Timestamp,
    /// The service's time just before.
    pub seen_at: Option<Timestamp>,
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It was done.
    Done,
    /// It was found to be done already.
    Found,
    /// It was not done.
    NotDone,
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// The action.
    pub action: Action,
    /// The intent's number; none when there was nothing to be done.
    pub intent: Option<u64>,
    /// How it ended.
    pub ending: Ending,
    /// How the key stood then.
    pub state: Option<KeyState>,
    /// When it is to be deleted.
    pub deletion_date: Option<Timestamp>,
    /// The service's time then.
    pub seen_at: Option<Timestamp>,
    /// What else there is to say.
    pub note: Option<String>,
}

/// Nobody missed the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// Since when was looked.
    pub since: Timestamp,
    /// Until when.
    pub looked_until: Timestamp,
}

/// The key was seen to be waiting for its deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// How it stood.
    pub state: KeyState,
    /// When it is to be deleted.
    pub deletion_date: Option<Timestamp>,
}

/// It does not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stopped {
    /// Why.
    pub why: Vec<String>,
}

/// Why approvals no longer count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Something else hangs on the key than what people were shown.
    Impact,
    /// The policy, or the rules, are others.
    Policy,
    /// It took too long.
    Expired,
}

/// What was approved is no longer so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voided {
    /// The cause.
    pub cause: Cause,
    /// In words.
    pub why: String,
}

/// Somebody wants it taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelAsked {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// It was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancelled {
    /// How the key stands now.
    pub state: KeyState,
    /// What was not this request's to take back.
    pub left: Vec<String>,
}

impl Event {
    /// The kind of entry that tells it.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Requested(_) => "request",
            Event::Decided(_) => "decision",
            Event::Intended(_) => "intent",
            Event::Ended(_) => "result",
            Event::Observed(_) => "observed",
            Event::Verified(_) => "verified",
            Event::Stopped(_) => "stopped",
            Event::Voided(_) => "voided",
            Event::CancelAsked(_) => "cancel",
            Event::Cancelled(_) => "cancelled",
        }
    }

    /// What an entry tells.
    ///
    /// # Errors
    /// Why it tells nothing.
    pub fn of(entry: &Entry) -> Result<Self, String> {
        fn read<T: DeserializeOwned>(entry: &Entry) -> Result<T, String> {
            let kind = &entry.kind;
            T::deserialize(&entry.body).map_err(|error| format!("it is no `{kind}`: {error}"))
        }
        Ok(match &*entry.kind {
            "request" => Event::Requested(read(entry)?),
            "decision" => Event::Decided(read(entry)?),
            "intent" => Event::Intended(read(entry)?),
            "result" => Event::Ended(read(entry)?),
            "observed" => Event::Observed(read(entry)?),
            "verified" => Event::Verified(read(entry)?),
            "stopped" => Event::Stopped(read(entry)?),
            "voided" => Event::Voided(read(entry)?),
            "cancel" => Event::CancelAsked(read(entry)?),
            "cancelled" => Event::Cancelled(read(entry)?),
            kind => return Err(format!("`{kind}` is no kind of entry about a request")),
        })
    }

    /// The entry to write.
    pub(crate) fn draft(&self, subject: &str) -> Result<Draft, LedgerError> {
        let kind = self.kind();
        match self {
            Event::Requested(body) => Draft::new(kind, subject, body),
            Event::Decided(body) => Draft::new(kind, subject, body),
            Event::Intended(body) => Draft::new(kind, subject, body),
            Event::Ended(body) => Draft::new(kind, subject, body),
            Event::Observed(body) => Draft::new(kind, subject, body),
            Event::Verified(body) => Draft::new(kind, subject, body),
            Event::Stopped(body) => Draft::new(kind, subject, body),
            Event::Voided(body) => Draft::new(kind, subject, body),
            Event::CancelAsked(body) => Draft::new(kind, subject, body),
            Event::Cancelled(body) => Draft::new(kind, subject, body),
        }
    }
}
