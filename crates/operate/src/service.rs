//! What a broker needs of the service that has the keys.

use crate::impact::Impact;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The service that has the keys, with the rights of one request.
///
/// A call that ends in an error may have been carried out all the same; a broker looks before it goes on. A call has to end,
/// one way or the other, well within the broker's lease.
pub trait KeyService {
    /// How a key stands.
    ///
    /// # Errors
    /// When it cannot be found out. A key that is not there is [`KeyState::Gone`].
    fn describe(&self, key_arn: &str) -> Result<KeyDescription, ServiceError>;
    /// Disables a key.
    ///
    /// # Errors
    /// What the service says.
    fn disable(&self, key_arn: &str) -> Result<(), ServiceError>;
    /// Enables a key.
    ///
    /// # Errors
    /// What the service says.
    fn enable(&self, key_arn: &str) -> Result<(), ServiceError>;
    /// Has a key deleted after some days; tells when.
    ///
    /// # Errors
    /// What the service says.
    fn schedule_deletion(&self, key_arn: &str, days: u32) -> Result<Timestamp, ServiceError>;
    /// Takes a deletion back. The key is disabled then.
    ///
    /// # Errors
    /// What the service says.
    fn cancel_deletion(&self, key_arn: &str) -> Result<(), ServiceError>;
    /// Who tried to use a key since, and was refused.
    ///
    /// # Errors
    /// When it cannot be found out.
    fn failing_uses(&self, key_arn: &str, since: Timestamp) -> Result<Uses, ServiceError>;
    /// What hangs on a key.
    ///
    /// # Errors
    /// When it cannot be found out at all; what cannot in part is in [`Impact::unknowns`].
    fn impact(&self, key_arn: &str) -> Result<Impact, ServiceError>;
    /// Looks once more, just before a key is disabled, whether anything stored needs it.
    ///
    /// # Errors
    /// When it cannot be found out at all.
    fn canary(&self, key_arn: &str) -> Result<Canary, ServiceError>;
}

impl<S: KeyService + ?Sized> KeyService for &S {
    fn describe(&self, key_arn: &str) -> Result<KeyDescription, ServiceError> {
        (**self).describe(key_arn)
    }
    fn disable(&self, key_arn: &str) -> Result<(), ServiceError> {
        (**self).disable(key_arn)
    }
    fn enable(&self, key_arn: &str) -> Result<(), ServiceError> {
        (**self).enable(key_arn)
    }
    fn schedule_deletion(&self, key_arn: &str, days: u32) -> Result<Timestamp, ServiceError> {
        (**self).schedule_deletion(key_arn, days)
    }
    fn cancel_deletion(&self, key_arn: &str) -> Result<(), ServiceError> {
        (**self).cancel_deletion(key_arn)
    }
    fn failing_uses(&self, key_arn: &str, since: Timestamp) -> Result<Uses, ServiceError> {
        (**self).failing_uses(key_arn, since)
    }
    fn impact(&self, key_arn: &str) -> Result<Impact, ServiceError> {
        (**self).impact(key_arn)
    }
    fn canary(&self, key_arn: &str) -> Result<Canary, ServiceError> {
        (**self).canary(key_arn)
    }
}

/// What the service says to a call that did not go well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {what}")]
pub struct ServiceError {
    /// The call (`kms:DisableKey`).
    pub call: String,
    /// What it says.
    pub what: String,
}

/// How a key stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// It can be used.
    Enabled,
    /// It cannot.
    Disabled,
    /// It is to be deleted.
    PendingDeletion,
    /// It is to be deleted when its replicas are.
    PendingReplicaDeletion,
    /// It is not there.
    Gone,
    /// Anything else.
    Other(String),
}

impl KeyState {
    /// Whether it is to be deleted.
    pub fn is_pending(&self) -> bool {
        matches!(
            self,
            KeyState::PendingDeletion | KeyState::PendingReplicaDeletion
        )
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyState::Enabled => "enabled",
            KeyState::Disabled => "disabled",
            KeyState::PendingDeletion => "pending deletion",
            KeyState::PendingReplicaDeletion => "pending the deletion of its replicas",
            KeyState::Gone => "gone",
            KeyState::Other(state) => state,
        })
    }
}

/// What the service tells of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDescription {
    /// How it stands.
    pub state: KeyState,
    /// When it is to be deleted.
    pub deletion_date: Option<Timestamp>,
    /// The service's own time when it answered (the answer's `Date`): what is timed then does not hang on this machine's
    /// clock alone.
    pub seen_at: Option<Timestamp>,
}

/// Uses of a key that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uses {
    /// Up to when was looked. Trails are late: not simply now.
    pub looked_until: Timestamp,
    /// What was found.
    pub failures: Vec<Use>,
    /// Whether everything was looked at from the beginning.
    pub complete: bool,
}

/// A use of a key that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub principal: String,
    /// What they tried (`Decrypt`).
    pub operation: String,
    /// On what, or through which service.
    pub context: String,
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Use {
            at,
            principal,
            operation,
            context,
        } = self;
        write!(f, "{at} {principal} {operation} {context}")
    }
}

/// What a last look found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// What still needs the key.
    pub needs: Vec<Need>,
    /// What could not be looked at.
    pub unknowns: Vec<String>,
}

/// Something that still needs a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// Its ARN.
    pub arn: String,
    /// How that is known.
    pub why: String,
}
