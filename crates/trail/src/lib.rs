//! What CloudTrail's logs tell of the use of keys and secrets: the logs as tables of Apache DataFusion, and the questions that
//! are asked of them.
//!
//! [`Trail`] opens folders of logs as CloudTrail delivers them and gives a session with the [tables](tables::Table) `events`,
//! `key_uses` and `secret_reads`. A scan inflates each file, finds the records that can matter by a search of their raw bytes,
//! and parses these alone; what a filter says of accounts, regions and days keeps files from being read at all. Every event is
//! counted once, however many copies were delivered. What could not be read is told by [`Trail::report`].
//!
//! [`index`] keeps key, secret and identity events in Parquet, for the second question. [`questions`] are those that
//! `lockfast trail` answers.
#![deny(missing_docs)]

pub mod athena;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod detect;
pub mod facts;
mod filter;
pub mod index;
mod input;
pub mod questions;
mod reading;
mod scan;
pub mod tables;
mod trail;
pub mod unusual;

pub use input::Input;
pub use trail::{Error, Options, Trail};

pub use datafusion::prelude::DataFrame;

/// A name as people read it: of an ARN what follows the partition, for most are of one.
///
/// ```
/// use lockfast_trail::shorten;
/// assert_eq!(shorten("arn:aws:iam::111122223333:role/orders"), "iam::111122223333:role/orders");
/// assert_eq!(shorten("rds.amazonaws.com"), "rds.amazonaws.com");
/// ```
pub fn shorten(name: &str) -> std::borrow::Cow<'_, str> {
    std::borrow::Cow::Borrowed(name.strip_prefix("arn:aws:").unwrap_or(name))
}

/// Apache Arrow, as DataFusion has it.
pub use datafusion::arrow;
pub use datafusion::parquet;
