//! What happened to keys or data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that happened to keys or data. It stands in the policy file until it is over; live accounts are
/// judged by how far they are through with it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// A name for it, such as `2026-11-leaked-role`.
    pub id: String,
    /// What happened.
    pub kind: IncidentKind,
    /// ARNs of the keys that are compromised, or of those that may be.
    #[serde(default)]
    pub keys: Vec<String>,
    /// ARNs of the resources whose data was exposed.
    #[serde(default)]
    pub resources: Vec<String>,
    /// The day it began, as far as is known.
    #[schemars(with = "String")]
    pub since: toml::value::Datetime,
    /// Where data was exposed: whether its keys may be compromised too. Left out while nobody knows.
    #[serde(default)]
    pub keys_compromised: Option<bool>,
    /// The day the customer was told.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub customer_notified: Option<toml::value::Datetime>,
}

/// The kinds of incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentKind {
    /// Somebody may use a key who must not.
    KeyCompromised,
    /// Somebody may have seen data who must not.
    DataExposed,
}

impl Incident {
    /// Whether its keys may be compromised; unknown while nobody has said.
    pub fn keys_may_be_compromised(&self) -> Option<bool> {
        match self.kind {
            IncidentKind::KeyCompromised => Some(true),
            IncidentKind::DataExposed => self.keys_compromised,
        }
    }
}
