//! Numbers that people watch while a scan runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers of a running scan, shared with whoever shows them.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    units: AtomicU64,
    units_done: AtomicU64,
    requests: AtomicU64,
    replayed: AtomicU64,
    throttled: AtomicU64,
    failed: AtomicU64,
    resources: AtomicU64,
}

/// The numbers at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accounts × regions × services to read.
    pub units: u64,
    /// Those that are read.
    pub units_done: u64,
    /// HTTP requests sent.
    pub requests: u64,
    /// Calls answered from the journal of the scan that this one goes on with.
    pub replayed: u64,
    /// Requests that were throttled.
    pub throttled: u64,
    /// Calls that gave no answer.
    pub failed: u64,
    /// Resources found.
    pub resources: u64,
}

macro_rules! counters {
    ($($name:ident)*) => {
        $(pub(crate) fn $name(&self, n: u64) {
            self.0.$name.fetch_add(n, Ordering::Relaxed);
        })*
    };
}

impl Progress {
    counters!(units units_done requests replayed throttled failed resources);

    /// The numbers now.
    pub fn counts(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            units: get(&self.0.units),
            units_done: get(&self.0.units_done),
            requests: get(&self.0.requests),
            replayed: get(&self.0.replayed),
            throttled: get(&self.0.throttled),
            failed: get(&self.0.failed),
            resources: get(&self.0.resources),
        }
    }
}
