//! An entry, and how it is chained to the one before.

use crate::canonical::{CanonicalError, canonical, canonical_text, sha256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is hashed begins with this, so that no hash of something else is taken for one of an entry.
const DOMAIN: &str = "lockfast-ledger-v1";

/// What the first entry has in the place of a hash before it.
pub(crate) const NOTHING_BEFORE: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// An entry of a ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number: 1, 2, 3, …
    pub seq: u64,
    /// When it was written; never before the entry before.
    pub at: Timestamp,
    /// By how much the clock of who wrote it was behind the entry before; 0 when it was not.
    pub clock_behind_ms: u64,
    /// What it tells.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub body: Value,
    /// The hash of the entry before.
    pub previous: String,
    /// SHA-256 over all of the above.
    pub hash: String,
}

/// Where a ledger ends. Kept elsewhere, it tells later whether the ledger still holds what it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last entry's number.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
    /// When it was written.
    pub at: Timestamp,
}

#[derive(Serialize)]
struct Hashed<'a> {
    domain: &'static str,
    seq: u64,
    at: Timestamp,
    clock_behind_ms: u64,
    kind: &'a str,
    subject: &'a str,
    body: &'a Value,
    previous: &'a str,
}

impl Entry {
    /// What its hash has to be.
    ///
    /// # Errors
    /// When its body has no canonical bytes.
    pub fn hash_of_content(&self) -> Result<String, CanonicalError> {
        Ok(sha256(&canonical(&Hashed {
            domain: DOMAIN,
            seq: self.seq,
            at: self.at,
            clock_behind_ms: self.clock_behind_ms,
            kind: &self.kind,
            subject: &self.subject,
            body: &self.body,
            previous: &self.previous,
        })?))
    }

    /// What the clock of who wrote it said: earlier than [`Entry::at`] when it was behind.
    pub fn own_time(&self) -> Timestamp {
        let behind = i64::try_from(self.clock_behind_ms).unwrap_or(i64::MAX);
        let own = jiff::SignedDuration::from_millis(behind);
        self.at.checked_sub(own).unwrap_or(Timestamp::MIN)
    }

    /// The head, when it is the last.
    pub fn as_head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: self.hash.clone(),
            at: self.at,
        }
    }

    /// Its line in an export.
    pub(crate) fn line(&self) -> Result<String, CanonicalError> {
        canonical_text(self)
    }
}
