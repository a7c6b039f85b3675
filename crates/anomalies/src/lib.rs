//! What is unusual in the use of keys and secrets.
//!
//! A [`Detector`] is given the [`Use`]s of keys and secrets in the order of time and learns what is usual: how often each
//! principal uses each key at which hour of the week, from which networks, with which tools, in which regions and with which
//! encryption contexts. What is far from it becomes an [`Alert`], with the numbers that it stands on. Nothing is read and
//! nothing written; the same uses give the same [`Report`].
//!
//! - How much is judged by medians over the same hour of past weeks, which an attack does not move; counts so small that chance
//!   makes them are never a burst.
//! - What is new is judged by how often there was something new before: who is everywhere anew each day is not reported for
//!   it. Nothing is new before the log is two weeks old.
//! - A role that was created anew is what it was ([`family()`]), as long as it does what its predecessor did.
//! - What is unusual of one principal at one time is one alert.
//!
//! Only what differs from the past is seen. An attack that began before the log did is what is usual, and who does little more
//! than the principal that they stole the credentials of, from where it is, is not told from it.
//!
//! ```
//! use lockfast_anomalies::{Detector, Feedback, Tuning, Use};
//!
//! let mut detector = Detector::new(Tuning::default(), Feedback::default());
//! detector.add(&Use {
//!     event_id: "0f3c1a52-7b1e-4c1d-9d0b-2f6a8a4e9c11",
//!     time: "2026-06-01T09:00:00Z".parse()?,
//!     subject: "arn:aws:kms:eu-central-1:111122223333:key/1234abcd".into(),
//!     operation: "Decrypt",
//!     cryptographic: true,
//!     principal: "arn:aws:iam::111122223333:role/orders-task-v12",
//!     account: "111122223333",
//!     region: "eu-central-1",
//!     ..Use::default()
//! });
//! let report = detector.finish();
//! assert!(report.alerts.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(missing_docs)]

mod candidate;
mod detector;
mod family;
mod feedback;
mod hours;
mod known;
mod merge;
mod names;
mod normal;
mod novelty;
mod past;
mod report;
mod spread;
mod stats;
mod tuning;
mod used;
mod volume;
mod what;

pub use detector::Detector;
pub use family::family;
pub use feedback::{ANY, Entry, Feedback};
pub use report::{Alert, Report};
pub use tuning::Tuning;
pub use used::{SubjectKind, Use};
pub use what::{Severity, What};

/// Why a file could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Thresholds.
    #[error("the thresholds: {0}")]
    Tuning(String),
    /// What was said of alerts.
    #[error("the feedback: {0}")]
    Feedback(String),
}
