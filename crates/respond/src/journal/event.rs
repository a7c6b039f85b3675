//! What the entries about an incident tell.

use crate::hands::{Cursor, Seen};
use crate::incident::Incident;
use crate::plan::{Plan, StepId};
use jiff::Timestamp;
use lockfast_operate::ledger::{Draft, Entry, LedgerError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Writes the enum and what reads and writes it, so that a kind cannot be in one and not in the other.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident $kind:literal,)*) => {
        /// An entry about an incident; the entry's subject is the incident's name.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Event {
            $($(#[$doc])* $name(Box<$name>),)*
        }

        impl Event {
            /// The kinds of entry that there are.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// The kind of entry that tells it.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Event::$name(_) => $kind,)*
                }
            }

            /// What an entry tells.
            ///
            /// # Errors
            /// Why it tells nothing.
            pub fn of(entry: &Entry) -> Result<Self, NoEvent> {
                match entry.kind.as_str() {
                    $($kind => match $name::deserialize(&entry.body) {
                        Ok(body) => Ok(Event::$name(Box::new(body))),
                        Err(error) => Err(NoEvent::Body {
                            seq: entry.seq,
                            kind: $kind,
                            why: error.to_string(),
                        }),
                    },)*
                    kind => Err(NoEvent::Later {
                        seq: entry.seq,
                        kind: kind.to_owned(),
                    }),
                }
            }

            pub(crate) fn draft(&self, subject: &str) -> Result<Draft, LedgerError> {
                match self {
                    $(Event::$name(body) => Draft::new($kind, subject, body),)*
                }
            }
        }

        $(impl From<$name> for Event {
            fn from(body: $name) -> Event {
                Event::$name(Box::new(body))
            }
        })*
    };
}

events! {
    /// An incident was opened.
    Opened "opened",
    /// It was decided what to do.
    Planned "planned",
    /// Somebody said that it shall be done.
    Authorized "authorized",
    /// It is looked how things stand before a step.
    Looking "looking",
    /// That was seen, and the step is begun.
    Began "began",
    /// A step is so far.
    Progressed "progressed",
    /// The calls are made; whether it is done is looked at next.
    Acted "acted",
    /// It is not done yet.
    Waiting "waiting",
    /// A step ended.
    Ended "ended",
    /// Somebody says that something is done, or accounted for.
    Confirmed "confirmed",
    /// Somebody says something.
    Noted "note",
    /// Somebody carries it out, and nobody else for so long.
    Lease "lease",
    /// They do not any more.
    Released "released",
    /// It does not go on.
    Aborted "aborted",
    /// It is over.
    Closed "closed",
}

/// Why an entry tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEvent {
    /// Its kind is not known.
    #[error(
        "entry {seq} is of the kind `{kind}`, which this version does not know: a later one wrote it; use that one"
    )]
    Later {
        /// Its number.
        seq: u64,
        /// Its kind.
        kind: String,
    },
    /// It does not say what its kind says.
    #[error("entry {seq} is no `{kind}` as this version knows it: {why}")]
    Body {
        /// Its number.
        seq: u64,
        /// Its kind.
        kind: &'static str,
        /// Why.
        why: String,
    },
}

/// An incident was opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// Which one.
    pub incident: Incident,
}

/// It was decided what to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// What.
    pub plan: Plan,
    /// By whom.
    pub by: String,
}

/// How it was decided that a plan is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Authority {
    /// Whoever runs it looked at the plan and said yes.
    Confirmed,
    /// Enough people signed.
    Quorum {
        /// Who.
        people: Vec<String>,
        /// The hash of what they signed.
        signed: String,
    },
    /// Nobody was asked, because there was no time.
    BreakGlass {
        /// Why there was none.
        reason: String,
    },
}

/// Somebody said that it shall be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorized {
    /// Who.
    pub by: String,
    /// Of which version of the plan.
    pub version: u32,
    /// How.
    pub authority: Authority,
}

/// It is looked how things stand before a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Looking {
    /// The step.
    pub step: StepId,
}

/// A step is begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Began {
    /// The step.
    pub step: StepId,
    /// How things stood.
    pub seen: Seen,
}

/// A step is so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progressed {
    /// The step.
    pub step: StepId,
    /// How many things are done.
    pub done: u64,
    /// Of how many.
    pub total: Option<u64>,
    /// From where it would go on.
    pub cursor: Option<Cursor>,
}

/// The calls of a step are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acted {
    /// The step.
    pub step: StepId,
    /// What later steps use.
    pub outputs: BTreeMap<String, String>,
    /// What was changed.
    pub effects: Vec<String>,
}

/// A step is not done yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// The step.
    pub step: StepId,
    /// What is still under way.
    pub why: String,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outcome {
    /// It is done, and was seen to be.
    Done {
        /// What was changed.
        effects: Vec<String>,
        /// What was seen.
        verification: Vec<String>,
    },
    /// It is not.
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

/// A step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// The step.
    pub step: StepId,
    /// How.
    pub outcome: Outcome,
    /// How many calls had to be tried again.
    pub retries: u32,
}

/// Somebody says that something is done, or that what stays under the old key is accounted for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    /// The step.
    pub step: StepId,
    /// Who.
    pub by: String,
    /// By what it is known.
    pub evidence: String,
}

/// Somebody says something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noted {
    /// Who.
    pub by: String,
    /// What.
    pub text: String,
}

/// Somebody carries the response out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Who: a person and their process.
    pub holder: String,
    /// Until when nobody else does.
    pub until: Timestamp,
    /// How often it was prolonged.
    pub renewed: u32,
}

/// They do not any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Released {
    /// Who.
    pub holder: String,
}

/// It does not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aborted {
    /// Who says so.
    pub by: String,
    /// Why.
    pub why: String,
}

/// It is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// Who says so.
    pub by: String,
}
