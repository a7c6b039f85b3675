//! Endpoints as facts: what they speak, which certificates they show, what they do with plaintext.
//!
//! [`Prober::measure`] turns a [`Target`] into a record of a snapshot; [`measure_all`] does so for thousands at once, as a
//! stream. Nothing is judged here but certificates' own rules: whether a version is old enough to fail is the policy's affair.
#![deny(missing_docs)]

mod certificates;
mod derive;
mod handshake;
#[doc(hidden)]
pub mod http;
mod journal;
mod measure;
mod public;
mod resolve;
mod route;
mod run;
mod simulate;
mod target;

pub use derive::{Derived, derive};
pub use handshake::{Handshakes, Identity};
pub use journal::{Journal, JournalError};
pub use lockfast_facts::ENDPOINT;
pub use measure::{Prober, Settings};
pub use resolve::{Caa, Family, MOST_ADDRESSES, Resolved, Resolver, Settings as DnsSettings};
pub use route::{Place, Route};
pub use run::measure_all;
pub use simulate::Tightening;
pub use target::{Declared, Host, Role, Target, Unreadable, list, named};

/// The mark that stands for what a question would have told.
fn unknown(call: &str, error: &str) -> serde_json::Value {
    let failure = lockfast_snapshot::Failure {
        call: call.to_owned(),
        error: error.to_owned(),
    };
    failure.unknown()
}
