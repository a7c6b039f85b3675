//! Answers of `LookupEvents`, as its API gives them and `aws cloudtrail lookup-events` prints them: `{"Events":[{"EventId":…,
//! "CloudTrailEvent":"{…}"}]}`. The record is the text of `CloudTrailEvent`; all else is taken from it.

use super::{Outcome, held};
use crate::projected::projected;
use serde_json::value::RawValue;

projected! {
    struct Element<'a> {
        record: &'a RawValue = "CloudTrailEvent",
    }
}

/// The record of an element of `Events`.
pub(super) fn record(element: &str) -> Outcome<'_> {
    match serde_json::from_str::<Element>(element) {
        Ok(Element {
            record: Some(record),
        }) => held("its CloudTrailEvent", record),
        Ok(_) => Outcome::Wrong("an element of Events without a CloudTrailEvent".into()),
        Err(error) => Outcome::Wrong(format!("an element of Events that is no object: {error}")),
    }
}
