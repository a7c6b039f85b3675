//! What carries steps out: AWS, or a world in a test.

use crate::plan::{Outputs, Step};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Carries steps out. Whatever it does may be asked for again: a process is killed after a call and before it is written that
/// there was one. So [`Hands::look`] finds what an earlier call did, and [`Hands::act`] does nothing twice that matters.
pub trait Hands {
    /// Looks how things stand before anything is done.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn look(&self, step: &Step, outputs: &Outputs) -> Result<Seen, Problem>;

    /// Does it; from where an earlier attempt got to, if it got somewhere. `told` is given how far it is; when it answers with a
    /// problem, nothing more is done, and that is what this returns.
    ///
    /// # Errors
    /// What the service says. Some of it may be done.
    fn act(
        &self,
        step: &Step,
        outputs: &Outputs,
        from: Option<Cursor>,
        told: &mut dyn FnMut(Progress) -> Result<(), Problem>,
    ) -> Result<Acted, Problem>;

    /// Looks whether it is done: at what is there, not at what a call answered.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn verify(&self, step: &Step, outputs: &Outputs) -> Result<Verified, Problem>;
}

/// How things stand before a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Seen {
    /// It is to be done, wholly or in part.
    Todo,
    /// It is done already.
    AlreadyDone {
        /// How that is known.
        verification: Vec<String>,
        /// What later steps use.
        #[serde(default)]
        outputs: BTreeMap<String, String>,
    },
    /// It cannot be done as things are.
    Blocked {
        /// Why.
        why: String,
    },
}

/// Where an action got to: all before it is done. Only whoever carries out the step reads it. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// How far an action is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many things are done.
    pub done: u64,
    /// Of how many, where that is known.
    pub total: Option<u64>,
    /// From where to go on after a kill; without it the action is begun anew.
    pub cursor: Option<Cursor>,
}

/// What an action did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acted {
    /// What later steps use. No secret is among it.
    pub outputs: BTreeMap<String, String>,
    /// What was changed, in words.
    pub effects: Vec<String>,
}

/// What a look at the end found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It is done.
    Verified {
        /// What was seen.
        facts: Vec<String>,
    },
    /// It is still under way.
    NotYet {
        /// What is.
        why: String,
    },
    /// It is not done, whatever the call answered.
    Wrong {
        /// What was seen instead.
        why: String,
    },
}

/// What went wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// The call (`s3:CopyObject`).
    pub call: String,
    /// What the service says.
    pub what: String,
    /// Whether it may go well another time: throttling, a timeout.
    pub retry: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.what)
    }
}
