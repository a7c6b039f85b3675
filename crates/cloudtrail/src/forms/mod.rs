//! The other forms that CloudTrail's events come in, each made the record again that it was.
//!
//! Each is known by what it holds and not by its name: answers of `LookupEvents` ([`lookup`]), what CloudWatch Logs hands on
//! ([`cloudwatch`]), results of CloudTrail Lake ([`lake`]), OCSF as Amazon Security Lake has it ([`ocsf`]), and Parquet of the
//! last and of Athena's table ([`columns`]). Envelopes of EventBridge hold the record as it is, so [`split`](crate::split)
//! takes it out.
//!
//! What a form does not carry stays absent from the record: nothing is made up.

pub(crate) mod cloudwatch;
#[cfg(feature = "parquet")]
pub(crate) mod columns;
pub(crate) mod lake;
pub(crate) mod lookup;
pub(crate) mod ocsf;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "no_parquet.rs"]
pub(crate) mod parquet;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What the first bytes of a Parquet file are.
pub(crate) const PARQUET: &[u8] = b"PAR1";

/// Said of text that is read all the same.
pub(crate) const NOT_UTF8: &str =
    "bytes that are not UTF-8: the record is read with U+FFFD in their place";

/// What a part of a JSON document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A record as CloudTrail writes it.
    Record,
    /// An element of the `Events` of a `LookupEvents` answer.
    LookupEvent,
    /// An element of the `logEvents` that CloudWatch Logs hands on.
    LogEvent,
    /// A row of a `GetQueryResults` answer.
    QueryRow,
    /// An event of the Open Cybersecurity Schema Framework.
    Ocsf,
}

/// What has become of an element, or a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome<'a> {
    /// The record, as CloudTrail would write it.
    Record(Cow<'a, str>),
    /// It holds none, and that is as it should be.
    Nothing,
    /// It holds none, and neither will its neighbours: said once for each file.
    Foreign(String),
    /// It could not be read.
    Wrong(String),
}

/// An element or row, and what has become of it.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    /// Its byte in the text, or its number among the rows.
    pub at: usize,
    /// The byte, when it is one.
    pub byte: Option<usize>,
    pub outcome: Outcome<'a>,
    /// What of it could not be read, if the rest could.
    pub notes: Vec<String>,
}

/// Makes an element the record that it holds.
pub(crate) fn convert<'a>(form: Form, element: &'a str, notes: &mut Vec<String>) -> Outcome<'a> {
    match form {
        Form::Record => Outcome::Record(element.into()),
        Form::LookupEvent => lookup::record(element),
        Form::LogEvent => cloudwatch::record(element),
        Form::QueryRow => lake::record(element),
        Form::Ocsf => match serde_json::from_str(element) {
            Ok(event) => ocsf::record(&event, notes),
            Err(error) => Outcome::Wrong(format!("an event of OCSF that cannot be read: {error}")),
        },
    }
}

/// A time in words. SQL's have no zone, and what is told of CloudTrail is told in UTC.
fn time(words: &str) -> Option<Timestamp> {
    let instant = words.parse::<Timestamp>().ok();
    instant.or_else(|| {
        let words = words.strip_suffix(" UTC").unwrap_or(words);
        let civil = words.parse::<DateTime>().ok()?;
        Offset::UTC.to_timestamp(civil).ok()
    })
}

/// The record that a string holds, or an object that somebody has unpacked already.
fn held<'a>(what: &str, value: &'a RawValue) -> Outcome<'a> {
    use crate::projected::Lenient;
    match Cow::lenient(value) {
        Some(text) => Outcome::Record(text),
        None if value.get().starts_with('{') => Outcome::Record(value.get().into()),
        None => Outcome::Wrong(format!("{what} is no text of a record")),
    }
}
