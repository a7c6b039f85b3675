//! What can be wrong with a ledger's file, and what to do.

use crate::canonical::CanonicalError;
use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a ledger cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process holds it.
    #[error(
        "{}: another process has held the ledger for more than {} ms; wait for it, or find it with `lsof`", path.display(), waited.as_millis()
    )]
    Locked {
        /// The ledger.
        path: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// There is no space.
    #[error("{}: no space left for the ledger; nothing was written: free some, then run this again", path.display())]
    Full {
        /// The ledger.
        path: PathBuf,
    },
    /// It may not be written.
    #[error("{}: the ledger may not be written; give this user write access to it and to its folder (SQLite writes beside it)", path.display())]
    ReadOnly {
        /// The ledger.
        path: PathBuf,
    },
    /// It is another file.
    #[error("{}: this is no ledger ({what}); name the ledger's own file, or one that does not exist yet", path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// A later version wrote it.
    #[error("{}: the ledger has version {found} and this program reads up to {known}; use the program that wrote it, or a later one", path.display())]
    Newer {
        /// The ledger.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// What is known here.
        known: i64,
    },
    /// It cannot be read.
    #[error("{}: the ledger is damaged ({what}); keep the file as it is, and go on with a copy from a backup or an export that agrees with the last head", path.display())]
    Damaged {
        /// The ledger.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// What was to be written has no canonical bytes.
    #[error("an entry of kind `{kind}` about `{subject}` cannot be written: {error}")]
    Body {
        /// The entry's kind.
        kind: String,
        /// What it is about.
        subject: String,
        /// Why.
        error: CanonicalError,
    },
    /// Anything else that the database says.
    #[error("{}: {what}; is it a local disk, and can its folder be reached?", path.display())]
    Database {
        /// The ledger.
        path: PathBuf,
        /// What it says.
        what: String,
    },
    /// An export cannot be written or read.
    #[error("the export cannot be read or written: {0}")]
    Export(#[from] std::io::Error),
}

impl LedgerError {
    pub(crate) fn from_sqlite(path: &Path, waited: Duration, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let what = error.to_string();
        let code = match error {
            rusqlite::Error::SqliteFailure(failure, _) => failure.code,
            // A column that holds something else than its type, or text that is not UTF-8.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => ErrorCode::DatabaseCorrupt,
            _ => return LedgerError::Database { path, what },
        };
        match code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                LedgerError::Locked { path, waited }
            }
            ErrorCode::DiskFull => LedgerError::Full { path },
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => LedgerError::ReadOnly { path },
            ErrorCode::NotADatabase => LedgerError::NotALedger { path, what },
            ErrorCode::DatabaseCorrupt | ErrorCode::SystemIoFailure => {
                LedgerError::Damaged { path, what }
            }
            _ => LedgerError::Database { path, what },
        }
    }
}
