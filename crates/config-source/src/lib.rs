//! What AWS Config recorded of accounts, as a snapshot: the configuration snapshots and histories that it delivers to
//! S3, and what its aggregators answer. No account is touched.
//!
//! AWS Config keeps newer types in the shape of their CloudFormation schema and older ones in that of the answers of
//! their services. Tables (`types.toml`, and the services that a scan reads) say how each becomes the resource that a scan would have
//! found; code is only where shapes differ by more than names. What a configuration item does not tell is unknown, and
//! so is whatever exists of types that no item tells of.
//!
//! Items are read one by one, so that a file of any size takes no more memory than what is kept of it.
#![deny(missing_docs)]

mod collect;
mod convert;
mod item;
mod lookup;
mod place;
mod read;
mod secrets;
mod shape;
mod shapes;
mod table;

pub use collect::{Options, Outcome, convert};
pub use place::{Problem, files};

/// What a failure names in place of a call, where a configuration item does not tell something.
const CONFIG: &str = "AWS Config";

/// Converts an item, given as JSON, and gives how many resources come of it.
///
/// # Errors
/// What is wrong with the item.
pub fn convert_item(text: &[u8], cover: fn(&str, &str) -> String) -> Result<usize, String> {
    let value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let item = item::Item::new(value)?;
    Ok(convert::convert(&item, cover).len())
}
