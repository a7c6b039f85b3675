//! CloudTrail logs as an organisation writes them, with attacks in them that are labelled.
//!
//! [`write()`] writes files as CloudTrail delivers them: of some accounts with their applications, deployments, people and
//! AWS services on ordinary days, and on top what a [`Scenario`] does. What each did is a [`Label`], with the identifiers of
//! its events, so that it can be counted what a detector finds and what it finds wrongly. The records have the fields of
//! CloudTrail's, in their order; about three of a hundred are of AWS KMS, and the rest is what a search has to pass over.
//!
//! Each file has a random generator of its own, so the same [`Plan`] gives the same bytes however many threads write them,
//! and no more than a file is held in memory for each thread, however many events there are.
//!
//! `labels`, JSON beside the logs without the ending by which logs are found, is a list of the labels, each an object with the fields of [`Label`], times as RFC 3339.
//!
//! Nothing in it is real: addresses are of the ranges for documentation and benchmarks (RFC 5737, RFC 2544), accounts,
//! people and keys are made up.
//!
//! ```no_run
//! use lockfast_trail_generator::{Plan, Scenario, write};
//!
//! let plan = Plan {
//!     events: 1_000_000,
//!     files: 2_000,
//!     scenarios: vec![Scenario::DecryptBurst, Scenario::Release],
//!     ..Plan::default()
//! };
//! let written = write(&plan, "logs".as_ref(), |_| {})?;
//! for label in &written.labels {
//!     println!("{} by {} from {}", label.scenario, label.principal, label.from);
//! }
//! # Ok::<(), lockfast_trail_generator::Error>(())
//! ```
#![deny(missing_docs)]

mod background;
mod call;
mod digest;
mod draft;
mod kms;
mod ordinary;
mod plan;
mod random;
mod scenario;
mod scenarios;
mod schedule;
mod services;
mod stage;
mod world;
mod writing;

pub use digest::Signer;
pub use plan::{Error, Label, Plan, Written};
pub use scenario::{NoScenario, Scenario};
pub use writing::write;
