//! Live AWS accounts, read into snapshots.
//!
//! A *reader* ([`readers`]) knows one service: which calls tell what of its resources. It hands resources to the
//! [`unit`] it runs in, which counts what answered and what did not. Every call goes through the [`gate`]: the
//! budget of its service, the journal that a cut-off scan goes on from, and the numbers that people watch.
#![deny(missing_docs)]

mod accounts;
mod budget;
mod certificate;
mod gate;
mod iam_policy;
mod journal;
mod keys;
mod options;
mod progress;
mod props;
mod readers;
mod scan;
pub mod security_hub;
mod unit;

pub use accounts::Session;
pub use certificate::certificate;
pub use iam_policy::{iam_policy, stack_set_template};
pub use keys::{
    Described, Event, Fetched, GrantTold, History, How, Keys, Listener, Marker, NewKey, NotDone,
    Objects, Refused, Repointed, RotationStatus, Tally, Wanted, region_of, repoints,
};
pub use options::{AccountRole, Mfa, Retries, ScanOptions};
pub use progress::{Counts, Progress};
pub use scan::{Error, Outcome, scan};

/// The services that can be scanned, by IAM prefix, sorted.
pub fn services() -> Vec<&'static str> {
    let mut services: Vec<_> = readers::READERS
        .iter()
        .map(|reader| reader.service)
        .collect();
    services.sort_unstable();
    services.dedup();
    services
}
