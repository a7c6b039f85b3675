//! What was done, in the order it was done: entries that are only ever added, each chained to the one before by its hash.
//!
//! One SQLite file, that several processes may write. An edit, a removal or a change of order is found by
//! [`Ledger::verify`]. Entries gone from the end leave a chain that is whole: those are found against a [`Head`] that was
//! kept elsewhere ([`Ledger::verify_against`]). Whoever can write the file can write a chain anew, too: only a kept head
//! tells.

mod entry;
mod error;
mod export;
#[cfg(test)]
mod tests;
mod verify;

pub use entry::{Entry, Head};
pub use error::LedgerError;
pub use export::verify_export;
pub use verify::{Fault, FaultKind, Verification};

use crate::canonical::{CanonicalError, canonical_text};
use crate::clock::{Clock, to_millisecond};
use entry::NOTHING_BEFORE;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, TransactionBehavior};
use serde::Serialize;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use verify::Verifier;

/// What SQLite keeps in a file's header to tell whose it is: `LKFL`.
const APPLICATION: i64 = 0x4c4b_464c;
/// The version of the table below.
const VERSION: i64 = 1;
/// How long another process' transaction is waited for. One takes milliseconds; a backup's may take longer.
const WAIT: Duration = Duration::from_secs(10);

/// The triggers keep a slip of the hand in a database shell from being one; the hashes tell what somebody meant to do.
/// `INSERT OR REPLACE` fires no trigger of deletion, so the one of insertion lets only the next number in.
const SCHEMA: &str = "
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    clock_behind_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX entries_of_subject ON entries (subject, seq);
CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries of a ledger are not changed'); END;
CREATE TRIGGER entries_are_not_removed BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries of a ledger are not removed'); END;
CREATE TRIGGER entries_are_added_at_the_end BEFORE INSERT ON entries
    WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM entries)
    BEGIN SELECT RAISE(ABORT, 'entries of a ledger are added at its end'); END;
";
const COLUMNS: &str = "seq, at, clock_behind_ms, kind, subject, body, previous, hash";

/// A ledger in a file.
pub struct Ledger {
    path: PathBuf,
    connection: Connection,
    clock: Box<dyn Clock + Send>,
    wait: Duration,
}

/// What is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What it tells.
    pub kind: String,
    /// What it says.
    pub body: Value,
}

impl Ledger {
    /// Opens a ledger, or begins it when there is no file. A file of no bytes is begun, too: that one was a ledger once is
    /// told by a head that was kept.
    ///
    /// # Errors
    /// When it cannot be opened, is no ledger, or one of a later version.
    pub fn open(path: &Path, clock: impl Clock + Send + 'static) -> Result<Self, LedgerError> {
        Ledger::open_waiting(path, clock, WAIT)
    }

    /// The same, and says how long other processes are waited for.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_waiting(
        path: &Path,
        clock: impl Clock + Send + 'static,
        wait: Duration,
    ) -> Result<Self, LedgerError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|error| LedgerError::from_sqlite(path, wait, &error))?;
        let mut ledger = Ledger {
            path: path.to_owned(),
            connection,
            clock: Box::new(clock),
            wait,
        };
        ledger.prepare()?;
        Ok(ledger)
    }

    fn prepare(&mut self) -> Result<(), LedgerError> {
        let wait = self.wait;
        self.sqlite(|connection| {
            connection.busy_timeout(wait)?;
            connection.pragma_update(None, "trusted_schema", false)
        })?;
        // Looked at before anything is set: a file of somebody else is left as it is.
        let begun = self.whose()?;
        self.sqlite(|connection| write_ahead(connection, wait))?;
        self.sqlite(|connection| connection.pragma_update(None, "synchronous", "FULL"))?;
        if begun {
            return Ok(());
        }
        // Another process may have begun it since.
        self.sqlite(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let application: i64 =
                transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
            if application != APPLICATION {
                transaction.execute_batch(SCHEMA)?;
                transaction.pragma_update(None, "application_id", APPLICATION)?;
                transaction.pragma_update(None, "user_version", VERSION)?;
            }
            transaction.commit()
        })?;
        self.whose().map(|_| ())
    }

    /// Whether the file is a ledger (or nothing yet).
    fn whose(&mut self) -> Result<bool, LedgerError> {
        let (application, version, tables) = self.sqlite(|connection| {
            let one = |pragma| connection.pragma_query_value(None, pragma, |row| row.get(0));
            let (application, version): (i64, i64) = (one("application_id")?, one("user_version")?);
            let tables: i64 =
                connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))?;
            Ok((application, version, tables))
        })?;
        let path = || self.path.clone();
        match (application, version) {
            (APPLICATION, VERSION) => Ok(true),
            (APPLICATION, found) if found > VERSION => Err(LedgerError::Newer {
                path: path(),
                found,
                known: VERSION,
            }),
            (0, 0) if tables == 0 => Ok(false),
            _ => Err(LedgerError::NotALedger {
                path: path(),
                what: "a database of something else".into(),
            }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The time that an entry written now would have: the clock's, but never before the last entry.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn now(&mut self) -> Result<Timestamp, LedgerError> {
        let last = self.head()?;
        let now = to_millisecond(self.clock.now());
        Ok(last.map_or(now, |last| last.at.max(now)))
    }

    /// Adds an entry. It is on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written; then nothing was.
    pub fn append<T: Serialize + ?Sized>(
        &mut self,
        kind: &str,
        subject: &str,
        body: &T,
    ) -> Result<Entry, LedgerError> {
        let draft = Draft::new(kind, subject, body)?;
        let written = self.append_if(subject, |_, _| Some(draft))?;
        written.ok_or_else(|| self.damaged("the entry is not there".into()))
    }

    /// Adds an entry if it is still to be added: the closure is given the subject's entries and the time that the entry
    /// would have, and nobody else writes while it decides.
    ///
    /// # Errors
    /// When the ledger cannot be read or written; then nothing was written.
    pub fn append_if(
        &mut self,
        subject: &str,
        decide: impl FnOnce(&[Entry], Timestamp) -> Option<Draft>,
    ) -> Result<Option<Entry>, LedgerError> {
        let (path, wait) = (self.path.clone(), self.wait);
        let sqlite = |error| LedgerError::from_sqlite(&path, wait, &error);
        let clock = &self.clock;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(sqlite)?;
        let last = last(&transaction).map_err(sqlite)?;
        let last = last.map(|row| row.sound(&path)).transpose()?;
        let of_subject = rows(&transaction, Some(subject)).map_err(sqlite)?;
        let of_subject = of_subject.into_iter().map(|row| row.sound(&path));
        let of_subject = of_subject.collect::<Result<Vec<_>, _>>()?;

        let now = to_millisecond(clock.now());
        let at = last.as_ref().map_or(now, |last| last.at.max(now));
        let behind = at.duration_since(now).as_millis();
        let Some(draft) = decide(&of_subject, at) else {
            return Ok(None);
        };
        let body = |error| LedgerError::Body {
            kind: draft.kind.clone(),
            subject: subject.to_owned(),
            error,
        };
        let mut entry = Entry {
            seq: last.as_ref().map_or(1, |last| last.seq.saturating_add(1)),
            at,
            clock_behind_ms: u64::try_from(behind).unwrap_or(0),
            kind: draft.kind.clone(),
            subject: subject.to_owned(),
            body: draft.body.clone(),
            previous: last.map_or_else(|| NOTHING_BEFORE.to_owned(), |last| last.hash),
            hash: String::new(),
        };
        entry.hash = entry.hash_of_content().map_err(body)?;
        let text = canonical_text(&entry.body).map_err(body)?;
        let values = rusqlite::params![
            i64::try_from(entry.seq).unwrap_or(i64::MAX),
            entry.at.to_string(),
            i64::try_from(entry.clock_behind_ms).unwrap_or(i64::MAX),
            entry.kind,
            entry.subject,
            text,
            entry.previous,
            entry.hash,
        ];
        let insert = format!("INSERT INTO entries ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
        transaction.execute(&insert, values).map_err(sqlite)?;
        transaction.commit().map_err(sqlite)?;
        Ok(Some(entry))
    }

    /// All entries.
    ///
    /// # Errors
    /// When they cannot be read, or one was altered.
    pub fn entries(&mut self) -> Result<Vec<Entry>, LedgerError> {
        self.read(None)
    }

    /// The entries about something.
    ///
    /// # Errors
    /// When they cannot be read, or one was altered.
    pub fn entries_of(&mut self, subject: &str) -> Result<Vec<Entry>, LedgerError> {
        self.read(Some(subject))
    }

    fn read(&mut self, subject: Option<&str>) -> Result<Vec<Entry>, LedgerError> {
        let rows = self.sqlite(|connection| rows(connection, subject))?;
        rows.into_iter().map(|row| row.sound(&self.path)).collect()
    }

    /// Where the ledger ends; nothing when it has no entry.
    ///
    /// # Errors
    /// When it cannot be read, or the last entry was altered.
    pub fn head(&mut self) -> Result<Option<Head>, LedgerError> {
        let row = self.sqlite(|connection| last(connection))?;
        let entry = row.map(|row| row.sound(&self.path)).transpose()?;
        Ok(entry.as_ref().map(Entry::as_head))
    }

    /// Looks whether the chain is whole.
    ///
    /// # Errors
    /// When the ledger cannot be read at all. Anything wrong with an entry is in what is returned.
    pub fn verify(&mut self) -> Result<Verification, LedgerError> {
        self.verified(None)
    }

    /// Looks whether the chain is whole, and still has the entry that was its end when the head was taken.
    ///
    /// # Errors
    /// When the ledger cannot be read at all. Anything wrong with an entry is in what is returned.
    pub fn verify_against(&mut self, head: &Head) -> Result<Verification, LedgerError> {
        self.verified(Some(head))
    }

    fn verified(&mut self, against: Option<&Head>) -> Result<Verification, LedgerError> {
        self.sqlite(|connection| {
            // One snapshot for all that is read.
            let transaction = connection.transaction()?;
            let mut verifier = Verifier::new(against);
            let health: String =
                transaction.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            if health != "ok" {
                verifier.fault(0, FaultKind::Database(health));
            }
            let mut statement =
                transaction.prepare(&format!("SELECT {COLUMNS} FROM entries ORDER BY seq"))?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                let raw = match Raw::of(row) {
                    Ok(raw) => raw,
                    Err(error) => {
                        verifier.unreadable(error.to_string());
                        continue;
                    }
                };
                match raw.entry() {
                    Ok(entry) => {
                        if !raw.is_canonical(&entry) {
                            verifier.fault(entry.seq, FaultKind::NotCanonical);
                        }
                        verifier.entry(entry);
                    }
                    Err(why) => verifier.unreadable(why),
                }
            }
            Ok(verifier.end())
        })
    }

    /// Writes all entries as JSON Lines, to be read by [`verify_export`]; tells the head, to be kept elsewhere.
    ///
    /// # Errors
    /// When the ledger cannot be read, or the output not written.
    pub fn export(&mut self, mut out: impl Write) -> Result<Option<Head>, LedgerError> {
        let entries = self.entries()?;
        for entry in &entries {
            let line = entry.line().map_err(|error| LedgerError::Body {
                kind: entry.kind.clone(),
                subject: entry.subject.clone(),
                error,
            })?;
            out.write_all(line.as_bytes())?;
            out.write_all(b"\n")?;
        }
        out.flush()?;
        Ok(entries.last().map(Entry::as_head))
    }

    fn sqlite<T>(
        &mut self,
        act: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        act(&mut self.connection)
            .map_err(|error| LedgerError::from_sqlite(&self.path, self.wait, &error))
    }

    fn damaged(&self, what: String) -> LedgerError {
        LedgerError::Damaged {
            path: self.path.clone(),
            what,
        }
    }
}

impl Draft {
    /// An entry to be written about something.
    ///
    /// # Errors
    /// When the body is no JSON.
    pub fn new<T: Serialize + ?Sized>(
        kind: &str,
        subject: &str,
        body: &T,
    ) -> Result<Self, LedgerError> {
        let body = serde_json::to_value(body).map_err(|error| LedgerError::Body {
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            error: CanonicalError::NotJson(error),
        })?;
        Ok(Draft {
            kind: kind.to_owned(),
            body,
        })
    }
}

/// Readers do not wait for writers then. Two processes that begin a ledger at once are told that it is locked without
/// having waited: SQLite calls no busy handler when the journal is changed.
fn write_ahead(connection: &Connection, wait: Duration) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())) {
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if failure.code == rusqlite::ErrorCode::DatabaseBusy && begun.elapsed() < wait =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

/// A row as it stands.
struct Raw {
    seq: i64,
    at: String,
    clock_behind_ms: i64,
    kind: String,
    subject: String,
    body: String,
    previous: String,
    hash: String,
}

impl Raw {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Raw {
            seq: row.get(0)?,
            at: row.get(1)?,
            clock_behind_ms: row.get(2)?,
            kind: row.get(3)?,
            subject: row.get(4)?,
            body: row.get(5)?,
            previous: row.get(6)?,
            hash: row.get(7)?,
        })
    }

    fn entry(&self) -> Result<Entry, String> {
        let seq = |error| format!("its number {}: {error}", self.seq);
        let at = |error| format!("its time `{}`: {error}", self.at);
        Ok(Entry {
            seq: u64::try_from(self.seq).map_err(seq)?,
            at: self.at.parse().map_err(at)?,
            clock_behind_ms: u64::try_from(self.clock_behind_ms)
                .map_err(|error| format!("how far its clock was behind: {error}"))?,
            kind: self.kind.clone(),
            subject: self.subject.clone(),
            body: serde_json::from_str(&self.body).map_err(|error| format!("its body: {error}"))?,
            previous: self.previous.clone(),
            hash: self.hash.clone(),
        })
    }

    fn is_canonical(&self, entry: &Entry) -> bool {
        let body = canonical_text(&entry.body);
        self.at == entry.at.to_string() && body.is_ok_and(|body| body == self.body)
    }

    /// The entry, if it says what was hashed.
    fn sound(&self, path: &Path) -> Result<Entry, LedgerError> {
        let damaged = |what| LedgerError::Damaged {
            path: path.to_owned(),
            what: format!("entry {}: {what}", self.seq),
        };
        let entry = self.entry().map_err(damaged)?;
        match entry.hash_of_content() {
            Ok(hash) if hash == entry.hash => Ok(entry),
            _ => Err(damaged("what it says is not what was hashed".into())),
        }
    }
}

fn last(connection: &Connection) -> rusqlite::Result<Option<Raw>> {
    let select = format!("SELECT {COLUMNS} FROM entries ORDER BY seq DESC LIMIT 1");
    connection.query_row(&select, [], Raw::of).optional()
}

fn rows(connection: &Connection, subject: Option<&str>) -> rusqlite::Result<Vec<Raw>> {
    let of = subject.map_or("", |_| "WHERE subject = ?1");
    let select = format!("SELECT {COLUMNS} FROM entries {of} ORDER BY seq");
    let mut statement = connection.prepare(&select)?;
    let found = match subject {
        Some(subject) => statement.query_map([subject], Raw::of)?,
        None => statement.query_map([], Raw::of)?,
    };
    found.collect()
}
