//! A ledger as JSON Lines, to be kept and checked elsewhere without a database.

use super::entry::{Entry, Head};
use super::verify::{FaultKind, Verification, Verifier};
use std::io::{self, BufRead, Read};

/// An entry is a few kilobytes; a line beyond this is no entry, and is not read into memory.
const LONGEST_LINE: u64 = 16 << 20;

/// Whether an export is whole; with a head that was kept, whether it still ends where it ended, too.
///
/// Every byte counts: a line that says the same in other bytes is a fault.
///
/// # Errors
/// When it cannot be read. Anything wrong with its content is in what is returned.
pub fn verify_export(mut reader: impl BufRead, against: Option<&Head>) -> io::Result<Verification> {
    let mut verifier = Verifier::new(against);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut reader)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(verifier.end());
        }
        let Some(text) = line.strip_suffix(b"\n") else {
            let why = match read as u64 == LONGEST_LINE {
                true => "its line is longer than any entry",
                false => "its line was cut off",
            };
            verifier.unreadable(why.into());
            return Ok(verifier.end());
        };
        let entry: Entry = match serde_json::from_slice(text) {
            Ok(entry) => entry,
            Err(error) => {
                verifier.unreadable(error.to_string());
                continue;
            }
        };
        if entry
            .line()
            .is_ok_and(|canonical| canonical.as_bytes() != text)
        {
            verifier.fault(entry.seq, FaultKind::NotCanonical);
        }
        verifier.entry(entry);
    }
}
