//! Who approves the deletion of a key, and how it goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who approves the deletion of a key, and how it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Approvals {
    /// How many people have to approve, beside who asks: two at least.
    pub quorum: u32,
    /// Days that AWS KMS waits before a key is gone: 7 to 30.
    pub pending_window_days: u32,
    /// Hours that a key is disabled and watched before its deletion is scheduled.
    pub observation_hours: u32,
    /// Days within which a request must be approved and carried out: at most 30.
    pub expires_days: u32,
    /// The ARN of the role that carries deletions out: nobody else may.
    pub broker_role: Option<String>,
    /// The ledger's file.
    pub ledger: String,
    /// The bucket with S3 Object Lock that the ledger's head is anchored in.
    pub anchor_bucket: Option<String>,
    /// The region of that bucket.
    pub anchor_region: Option<String>,
    /// How many of those who approve must have a role.
    pub required_roles: BTreeMap<String, u32>,
    /// Who may not approve what whom asks for: pairs of a requester (or a role) and an approver (or a role).
    pub may_not_approve: Vec<(String, String)>,
    /// The people.
    pub person: Vec<Approver>,
    /// Days after which a recovery drill of a key is due again.
    pub drill_days: u32,
}

impl Default for Approvals {
    fn default() -> Self {
        Approvals {
            quorum: 2,
            pending_window_days: 30,
            observation_hours: 168,
            expires_days: 21,
            broker_role: None,
            ledger: "lockfast-ledger.db".to_owned(),
            anchor_bucket: None,
            anchor_region: None,
            required_roles: BTreeMap::new(),
            may_not_approve: Vec::new(),
            person: Vec::new(),
            drill_days: 180,
        }
    }
}

/// Somebody who may ask for a deletion and, with a key, approve one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approver {
    /// Their name.
    pub name: String,
    /// Their mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Their roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Their SSH public keys, as lines of OpenSSH. Somebody without one may ask only.
    #[serde(default)]
    pub keys: Vec<String>,
}
