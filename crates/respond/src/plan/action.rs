//! What a step does, with all that whoever does it needs to know.

use super::StepId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// What an earlier step gives: the ARN of a key that is made only then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ref {
    /// The step.
    pub step: StepId,
    /// What of it.
    pub output: String,
}

/// A parameter: known, or what an earlier step gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Param {
    /// What an earlier step gives.
    Ref(Ref),
    /// Known.
    Literal(String),
}

/// What an earlier step was to give, and did not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` of the step {} is not known yet", .0.output, .0.step)]
pub struct NotKnownYet(pub Ref);

impl Param {
    /// What it is, by what the steps gave so far.
    ///
    /// # Errors
    /// When the step did not give it yet.
    pub fn resolve<'o>(&'o self, outputs: &'o Outputs) -> Result<&'o str, NotKnownYet> {
        match self {
            Param::Literal(text) => Ok(text),
            Param::Ref(from) => outputs
                .get(&from.step, &from.output)
                .ok_or_else(|| NotKnownYet(from.clone())),
        }
    }

    /// The step it is from.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Param::Literal(_) => None,
            Param::Ref(from) => Some(&from.step),
        }
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Param::Literal(text) => f.write_str(text),
            Param::Ref(from) => write!(f, "{} of {}", from.output, from.step),
        }
    }
}

/// What steps gave. No secret is among it: it is written in the journal and in the report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outputs(pub BTreeMap<StepId, BTreeMap<String, String>>);

impl Outputs {
    /// What a step gave.
    pub fn get(&self, step: &StepId, output: &str) -> Option<&str> {
        self.0.get(step)?.get(output).map(String::as_str)
    }

    /// All that a step gave.
    pub fn of(&self, step: &StepId) -> impl Iterator<Item = (&str, &str)> {
        let given = self.0.get(step).into_iter().flatten();
        given.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Takes what a step gave, beside what it gave before.
    pub fn take(&mut self, step: &StepId, given: &BTreeMap<String, String>) {
        if !given.is_empty() {
            let own = self.0.entry(step.clone()).or_default();
            own.extend(given.iter().map(|(k, v)| (k.clone(), v.clone())));
        }
    }
}

/// How objects come under another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Their data keys are wrapped anew (`UpdateObjectEncryption`).
    Rewrap,
    /// They are copied, and get new data keys (`CopyObject`).
    Copy,
}

/// What a step does. `from` is the key that is left, `to` the one that takes over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "parameters are named as AWS names them, and the variant tells the others"
)]
pub enum Action {
    /// Keeps what the key's policy and grants are before anything is changed.
    /// Outputs: `policy` (JSON), `grants` (JSON), `sha256`.
    SnapshotPolicies { key: String },
    /// Switches on alarms and rules on every use of the key.
    Watch {
        key: String,
        principals: Vec<String>,
    },
    /// Revokes a grant.
    RevokeGrant { key: String, grant_id: String },
    /// Adds a denial of a principal to the key's policy, under this statement id.
    DenyPrincipal {
        key: String,
        principal: String,
        sid: String,
    },
    /// Denies a role's sessions that began before (`aws:TokenIssueTime`).
    RevokeSessions { role: String, before: String },
    /// Makes the key that takes over. Outputs: `key_arn`, and `key_arn:REGION` of each replica. `policy` is null where the old
    /// one was not read: then what `SnapshotPolicies` gave is
    /// [corrected](crate::key_policy::corrected_policy) by whoever makes the key.
    CreateReplacement {
        old_key: String,
        policy: Value,
        tags: BTreeMap<String, String>,
        description: String,
        multi_region: bool,
        spec: String,
        usage: String,
        replicas: Vec<String>,
    },
    /// Has an alias name the other key.
    MoveAlias {
        alias: String,
        from: String,
        to: Param,
    },
    /// Has a resource use the other key for what it stores from now on.
    RepointStore {
        kind: String,
        resource: String,
        part: String,
        from: String,
        to: Param,
    },
    /// Brings a bucket's objects under the other key.
    ReencryptBucket {
        bucket: String,
        versions: bool,
        how: How,
        from: String,
        to: Param,
    },
    /// Brings a DynamoDB table under the other key.
    ReencryptTable {
        table: String,
        replicas: Vec<String>,
        from: String,
        to: Param,
    },
    /// Brings a secret's versions under the other key; `new_version` puts the same value once more, so that it has a version
    /// that the old key never wrapped.
    ReencryptSecret {
        secret: String,
        new_version: bool,
        from: String,
        to: Param,
    },
    /// Puts a SecureString parameter's value once more, under the other key.
    ReencryptParameter {
        name: String,
        from: String,
        to: Param,
    },
    /// Has a queue use the other key.
    ReencryptQueue {
        queue: String,
        from: String,
        to: Param,
    },
    /// Has a topic use the other key.
    ReencryptTopic {
        topic: String,
        from: String,
        to: Param,
    },
    /// Has a log group use the other key.
    ReencryptLogGroup {
        group: String,
        from: String,
        to: Param,
    },
    /// Has a data stream use the other key.
    ReencryptStream {
        stream: String,
        from: String,
        to: Param,
    },
    /// Brings a function's environment and code under the other key.
    ReencryptFunction {
        function: String,
        from: String,
        to: Param,
    },
    /// Somebody does it by hand; the step has the commands, in which `$NEW_KEY` is `to`.
    Manual {
        kind: String,
        resource: String,
        why: String,
        to: Option<Param>,
    },
    /// Looks whether anything is still under the key.
    VerifyNothingLeft { old_key: String, new_key: Param },
    /// Reads the trail: who used the key for what, since when, from where.
    Forensics { key: String, since: Option<String> },
    /// Has the old key decrypt only, for these.
    RestrictToDecrypt {
        key: String,
        principals: Vec<String>,
    },
    /// Offers to disable the old key. Somebody decides that.
    OfferDisable { key: String },
}

impl Action {
    /// Whether somebody has to do it, or to decide it: no engine does.
    pub fn is_for_people(&self) -> bool {
        matches!(self, Action::Manual { .. } | Action::OfferDisable { .. })
    }

    /// Whether somebody may not be able to use the old key afterwards who needs it: only when nothing is left under it.
    pub fn may_disable(&self) -> bool {
        matches!(
            self,
            Action::OfferDisable { .. } | Action::RestrictToDecrypt { .. }
        )
    }

    /// The parameter that another step gives.
    pub fn target(&self) -> Option<&Param> {
        match self {
            Action::MoveAlias { to, .. }
            | Action::RepointStore { to, .. }
            | Action::ReencryptBucket { to, .. }
            | Action::ReencryptTable { to, .. }
            | Action::ReencryptSecret { to, .. }
            | Action::ReencryptParameter { to, .. }
            | Action::ReencryptQueue { to, .. }
            | Action::ReencryptTopic { to, .. }
            | Action::ReencryptLogGroup { to, .. }
            | Action::ReencryptStream { to, .. }
            | Action::ReencryptFunction { to, .. } => Some(to),
            Action::VerifyNothingLeft { new_key, .. } => Some(new_key),
            Action::Manual { to, .. } => to.as_ref(),
            Action::SnapshotPolicies { .. }
            | Action::Watch { .. }
            | Action::RevokeGrant { .. }
            | Action::DenyPrincipal { .. }
            | Action::RevokeSessions { .. }
            | Action::CreateReplacement { .. }
            | Action::Forensics { .. }
            | Action::RestrictToDecrypt { .. }
            | Action::OfferDisable { .. } => None,
        }
    }
}
