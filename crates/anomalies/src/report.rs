//! What is told.

use crate::what::{Severity, What};
use jiff::Timestamp;
use serde::Serialize;

/// How many events an alert names.
pub(crate) const EVENT_IDS: usize = 20;

/// Something unusual.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alert {
    /// Always the same for what is unusual, the key, the principal and what was new (or the day of what is not new).
    pub id: String,
    /// What is unusual most of all.
    pub what: What,
    /// What else is of the same principal at the same time, and is told in [`why`](Alert::why) as well.
    pub also: Vec<What>,
    /// How soon somebody should look; one step sooner when three things are unusual at once.
    pub severity: Severity,
    /// The key's ARN or the secret's name; empty when it is about several or none.
    pub subject: String,
    /// Who.
    pub principal: String,
    /// The time of the first event.
    pub from: Timestamp,
    /// The time of the last.
    pub until: Timestamp,
    /// How much there was.
    pub observed: f64,
    /// How much was to be expected.
    pub expected: f64,
    /// How far that is from what is usual: higher is further. Only those of one kind can be compared.
    pub score: f64,
    /// Why, with the numbers.
    pub why: String,
    /// Some of the events (`eventID`), 20 at most.
    pub event_ids: Vec<String>,
    /// How many events there are.
    pub events: u64,
}

/// All that was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// In the order of time.
    pub alerts: Vec<Alert>,
    /// How many were not told for [`Feedback`](crate::Feedback).
    pub quieted: usize,
    /// How many pairs of a principal and a key or secret there are.
    pub pairs: usize,
    /// The time of the first use.
    pub learned_from: Option<Timestamp>,
    /// The time of the last.
    pub learned_until: Option<Timestamp>,
}

/// An identifier: 64 bits (FNV-1a) of the parts. Not for what somebody could want to collide.
pub(crate) fn identifier(parts: &[&str]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        // No part ends with this, so that no two lists are the same bytes.
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
