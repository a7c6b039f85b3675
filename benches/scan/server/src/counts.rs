//! When which requests came.

use crate::Asked;
use crate::world::Place;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Times of requests, in milliseconds from the first one, by `account/region/action`.
#[derive(Default)]
pub struct Counts(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    start: Option<Instant>,
    total: u64,
    times: BTreeMap<String, Vec<u64>>,
}

impl Counts {
    /// A request came.
    pub fn add(&self, place: &Place, asked: &Asked) {
        let now = Instant::now();
        let mut inner = self.lock();
        let start = *inner.start.get_or_insert(now);
        let at = now.saturating_duration_since(start).as_millis();
        // The name that IAM has for the tagging API.
        let service = match &*asked.service {
            "tagging" => "tag",
            service => service,
        };
        let key = format!(
            "{}/{}/{service}:{}",
            place.account, place.region, asked.operation
        );
        inner.total += 1;
        let at = u64::try_from(at).unwrap_or(u64::MAX);
        inner.times.entry(key).or_default().push(at);
    }

    /// How many came.
    pub fn total(&self) -> u64 {
        self.lock().total
    }

    /// When each came, as JSON.
    pub fn requests(&self) -> String {
        json!(self.lock().times).to_string()
    }

    /// Forgets them.
    pub fn reset(&self) {
        *self.lock() = Inner::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
