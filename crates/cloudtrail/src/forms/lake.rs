//! Results of CloudTrail Lake: the CSV files that are saved to S3, and what `aws cloudtrail get-query-results` prints. Of both the
//! column `eventJson` is read, which has the whole record.
//!
//! Lake writes the other columns that hold something nested as `{a=1, b={c=2}}`, without quotes: what a comma or a brace in it
//! belongs to cannot be told, and a record put together from guesses would be no evidence. So without that column nothing is read.

use super::{Outcome, Told, held};
use csv::{ByteRecord, Position, Reader, ReaderBuilder};
use memchr::memchr;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What has the whole record. Lake's names are the same in any case.
const COLUMN: &str = "eventJson";
const WITHOUT: &str = "results of a query without the column eventJson: CloudTrail Lake writes nested columns in a form that cannot \
                       be read without guessing; select eventJson, which is the whole event";
/// Columns by which a CSV file is known to be of CloudTrail's events. The last three are of the console's event history.
const KNOWN: [&str; 9] = [
    "eventid",
    "eventname",
    "eventtime",
    "eventsource",
    "eventversion",
    "useridentity",
    "event id",
    "event name",
    "event time",
];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// After a row with a broken quote the next line is tried. Each may break as well, and each of those reads the rest of the file.
const MOST_BROKEN: usize = 32;
/// A header is a line, and no longer than this: what has no line is not taken to be one.
const MOST_HEADER: usize = 1 << 20;

/// The record of a row of `QueryResultRows`, which is a list of objects of one column each.
pub(super) fn record(row: &str) -> Outcome<'_> {
    let columns: Vec<BTreeMap<Cow<str>, &RawValue>> = match serde_json::from_str(row) {
        Ok(columns) => columns,
        Err(error) => return Outcome::Wrong(format!("a row that is no list of columns: {error}")),
    };
    let mut columns = columns.into_iter().flatten();
    match columns.find(|(name, _)| name.eq_ignore_ascii_case(COLUMN)) {
        Some((_, value)) => held("its eventJson", value),
        None => Outcome::Foreign(WITHOUT.into()),
    }
}

/// What a text that is no JSON is.
pub(crate) enum Csv<'a> {
    /// The rows.
    Rows(Rows<'a>),
    /// CSV without records, and why.
    Without(String),
}

/// Reads a text as CSV, when it is: by its header, or as it is called so. None for what is JSON, or neither.
pub(crate) fn csv(text: &[u8], called_csv: bool) -> Option<Csv<'_>> {
    let start = match text.starts_with(BYTE_ORDER_MARK) {
        true => BYTE_ORDER_MARK.len(),
        false => 0,
    };
    let first = text[start..]
        .iter()
        .find(|byte| !byte.is_ascii_whitespace());
    if first.is_none_or(|byte| matches!(byte, b'{' | b'[')) {
        return None;
    }
    // Empty lines before it are passed over as those after it are.
    let begins = start
        + text[start..]
            .iter()
            .position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let line = &text[begins..text.len().min(begins + MOST_HEADER)];
    let end = match memchr(b'\n', line) {
        Some(end) => begins + end + 1,
        None if begins + line.len() == text.len() => text.len(),
        None => return None,
    };
    let mut header = ByteRecord::new();
    if !reader(&text[begins..end])
        .read_byte_record(&mut header)
        .unwrap_or(false)
    {
        return None;
    }
    let is = |name: &[u8], known: &str| name.trim_ascii().eq_ignore_ascii_case(known.as_bytes());
    if let Some(column) = header.iter().position(|name| is(name, COLUMN)) {
        return Some(Csv::Rows(Rows {
            text,
            from: end,
            reader: reader(&text[end..]),
            row: ByteRecord::new(),
            column,
            width: header.len(),
            broken: 0,
        }));
    }
    let known = |name: &[u8]| KNOWN.iter().any(|known| is(name, known));
    if header.iter().any(known) {
        return Some(Csv::Without(WITHOUT.into()));
    }
    called_csv.then(|| {
        Csv::Without(
            "is CSV without a column eventJson: of CSV only results of CloudTrail Lake are read; leave it out, or select eventJson"
                .into(),
        )
    })
}

fn reader(text: &[u8]) -> Reader<&[u8]> {
    // Rows of another width are told, and those behind them read.
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text)
}

/// The rows of a CSV file.
pub(crate) struct Rows<'a> {
    text: &'a [u8],
    /// Where in the text the reader began.
    from: usize,
    reader: Reader<&'a [u8]>,
    /// The row that was read last; its room is used again.
    row: ByteRecord,
    column: usize,
    width: usize,
    broken: usize,
}

impl Iterator for Rows<'_> {
    type Item = Told<'static>;

    fn next(&mut self) -> Option<Told<'static>> {
        let mut notes = Vec::new();
        let outcome = match self.reader.read_byte_record(&mut self.row) {
            Ok(false) => return None,
            Ok(true) => self.record(&mut notes),
            // Of a slice none is known that is no end.
            Err(error) => Outcome::Wrong(format!("a row that cannot be read: {error}")),
        };
        let begins = self.row.position().map_or(0, Position::byte);
        let mut at = self.from + usize::try_from(begins).unwrap_or_default();
        // The reader skips empty lines, and counts them to the row.
        while matches!(self.text.get(at), Some(b'\n' | b'\r')) {
            at += 1;
        }
        if matches!(outcome, Outcome::Wrong(_)) {
            self.again_after(at);
        }
        Some(Told {
            at,
            byte: Some(at),
            outcome,
            notes,
        })
    }
}

impl Rows<'_> {
    fn record(&self, notes: &mut Vec<String>) -> Outcome<'static> {
        let row = &self.row;
        if row.len() != self.width {
            return Outcome::Wrong(format!(
                "a row of {} columns, where the header has {}: its quotes are broken, or it is cut off",
                row.len(),
                self.width
            ));
        }
        let field = row.get(self.column).unwrap_or_default().trim_ascii();
        if field.is_empty() {
            return Outcome::Wrong("a row whose eventJson is empty".into());
        }
        if !(field.starts_with(b"{") && field.ends_with(b"}")) {
            return Outcome::Wrong(
                "a row whose eventJson is no record: its quotes are broken".into(),
            );
        }
        let text = String::from_utf8_lossy(field);
        if let Cow::Owned(_) = text {
            notes.push(super::NOT_UTF8.into());
        }
        Outcome::Record(text.into_owned().into())
    }

    /// A quote that is never closed has the rest of the file in it. Records have no line breaks, so a line is a row.
    fn again_after(&mut self, row: usize) {
        let Some(end) = memchr(b'\n', &self.text[row..]).map(|length| row + length + 1) else {
            return;
        };
        let read = usize::try_from(self.reader.position().byte()).unwrap_or_default();
        if self.from + read > end && self.broken < MOST_BROKEN {
            self.broken += 1;
            self.from = end;
            self.reader = reader(&self.text[end..]);
        }
    }
}
