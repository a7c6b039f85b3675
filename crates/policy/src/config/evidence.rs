//! What the ledger tells of keys, which no account does.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the ledger tells of keys. It stands beside the policy file; nobody writes it by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evidence {
    /// Where the ledger lies; `None` where there is none.
    pub ledger: Option<String>,
    /// Why what it tells cannot be relied on: it could not be read, or is not whole.
    pub unread: Option<String>,
    /// The last recovery drill of each key, by its ARN.
    pub drill: BTreeMap<String, Drill>,
    /// Where the copy of imported material is kept, by the key's ARN.
    pub escrow: BTreeMap<String, Escrow>,
    /// The day (`YYYY-MM-DD`) on which each secret got the last value that somebody put by hand, by its ARN.
    pub by_hand: BTreeMap<String, String>,
}

/// A recovery drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// The day, as `YYYY-MM-DD`.
    pub day: String,
    /// Whether what was encrypted could be read elsewhere.
    pub recovered: bool,
    /// What was done, or went wrong.
    pub said: String,
    /// The day on which it is due again.
    pub due: String,
    /// The ledger's entry.
    pub entry: u64,
}

/// The record of a copy of imported key material.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escrow {
    /// The day, as `YYYY-MM-DD`.
    pub day: String,
    /// Where it is kept.
    pub place: String,
    /// Who said so.
    pub by: String,
    /// The ledger's entry.
    pub entry: u64,
}
