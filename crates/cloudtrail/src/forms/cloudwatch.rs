//! What CloudWatch Logs hands on from a log group that a trail delivers to: `{"messageType":"DATA_MESSAGE","logEvents":[{"id":…,
//! "timestamp":…,"message":"{…}"}]}`. Source: CloudWatch Logs User Guide, "Log group-level subscription filters".

use super::{Outcome, held};
use crate::projected::projected;
use serde_json::value::RawValue;

/// What a `CONTROL_MESSAGE` says, by which CloudWatch Logs asks whether the destination is there. Whoever sorts the keys of
/// its messages puts their type behind it.
const CONTROL: &str = "CWL CONTROL MESSAGE";

projected! {
    struct LogEvent<'a> {
        message: &'a RawValue = "message",
    }
}

/// The record of an element of `logEvents`.
pub(super) fn record(element: &str) -> Outcome<'_> {
    let message = match serde_json::from_str::<LogEvent>(element) {
        Ok(LogEvent {
            message: Some(message),
        }) => held("its message", message),
        Ok(_) => Outcome::Wrong("a log event without a message".into()),
        Err(error) => Outcome::Wrong(format!("a log event that is no object: {error}")),
    };
    match message {
        Outcome::Record(text) if text.starts_with(CONTROL) => Outcome::Nothing,
        // Any log may be in a log group.
        Outcome::Record(text) if !text.trim_start().starts_with('{') => {
            Outcome::Wrong("a log event whose message is no record of CloudTrail's".into())
        }
        other => other,
    }
}
