//! CloudTrail's log files: found, inflated, split and searched, and the few records that matter read.
//!
//! CloudTrail delivers `{"Records":[{...},{...}]}` in gzip, many small files for each account, region and day. A year
//! of an organisation is hundreds of gigabytes of JSON, of which a question is about one record in a hundred. So
//! nothing is parsed that need not be: [`files::find`] finds the files and tells from their paths what they are of,
//! [`inflate`] inflates them, [`split`] finds where each record begins and ends, a search of the raw bytes picks those
//! that hold one of the [`Needle`]s, and only these become an [`Event`], projected onto the fields that are asked for.
//! [`kms::uses`] tells which keys an event used.
//!
//! Events that come in other forms are made records again, and told as all others: answers of `LookupEvents`, envelopes of
//! Amazon EventBridge, what CloudWatch Logs hands on, results of CloudTrail Lake with a column `eventJson`, OCSF, and with the
//! feature `parquet` the files of Amazon Security Lake and of Athena. They are known by what they hold, and what a form does not
//! carry stays absent.
//!
//! What cannot be read is never passed over in silence: whatever is whole before the damage is read, and the damage is
//! a [`Problem`] with the file and the place. [`Report::coverage`] says which accounts, regions and days the files are
//! of, so that "no use was found" can be told from "nobody looked". Files may be hostile: they are bounded in size, and
//! nothing that they hold makes this crate panic or recurse.
//!
//! ```no_run
//! use lockfast_cloudtrail::{Needle, Seen, files, kms, read};
//!
//! let found = files::find(&["logs".into()])?;
//! let seen = Seen::default();
//! let report = read(&found.files, &[Needle::new("kms.amazonaws.com")], |_, event| {
//!     // An organisation's trail and an account's own deliver the same record.
//!     if event.id.as_deref().is_none_or(|id| seen.is_new(id)) {
//!         for used in kms::uses(event) {
//!             println!("{} {}", used.key, used.operation);
//!         }
//!     }
//! });
//! for problem in found.problems.iter().chain(&report.problems) {
//!     eprintln!("{problem}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(missing_docs)]

mod block;
mod event;
mod file;
pub mod files;
mod forms;
pub mod inflate;
pub mod kms;
mod place;
mod projected;
mod reading;
mod report;
mod seen;
pub mod split;
pub mod verify;
mod window;

pub use event::{
    Event, Resource, SessionAttributes, SessionContext, SessionIssuer, TlsDetails, Unreadable,
    UserIdentity,
};
pub use place::Place;
pub use reading::{Needle, Part, Reader, Reading, Record, read};
pub use report::{Coverage, MOST_PROBLEMS, Problem, Report};
pub use seen::Seen;
pub use window::Window;
