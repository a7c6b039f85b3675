//! The tables: what columns they have, what stands in them, and how a record becomes their rows.

mod columns;
mod events;
mod key_uses;
mod problems;
mod secret_reads;

pub(crate) use columns::Batches;
pub use columns::{Column, Kind};

use columns::Row;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use lockfast_cloudtrail::{Problem, Record};
use std::sync::{Arc, LazyLock};

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Every event.
    Events,
    /// Every use of a KMS key, and whatever else was asked of AWS KMS about one.
    KeyUses,
    /// Every reading of a secret or a parameter.
    SecretReads,
    /// Whatever could not be read.
    Problems,
}

impl Table {
    /// All of them.
    pub const ALL: [Table; 4] = [
        Table::Events,
        Table::KeyUses,
        Table::SecretReads,
        Table::Problems,
    ];

    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Table::Events => "events",
            Table::KeyUses => "key_uses",
            Table::SecretReads => "secret_reads",
            Table::Problems => "problems",
        }
    }

    /// The name of the same table with the rows of every copy of an event: which of them a scan meets first is chance, so whoever
    /// tells a file asks this one.
    pub fn name_of_copies(self) -> &'static str {
        match self {
            Table::Events => "event_copies",
            Table::KeyUses => "key_use_copies",
            Table::SecretReads => "secret_read_copies",
            Table::Problems => "problem_copies",
        }
    }

    /// The table of this name.
    pub fn named(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }

    /// What its rows are.
    pub fn doc(self) -> &'static str {
        match self {
            Table::Events => {
                "One row for each event, by `eventID`, however many copies of it were delivered."
            }
            Table::KeyUses => {
                "One row for each KMS key that an event of AWS KMS is about; two for ReEncrypt: `ReEncryptFrom` and `ReEncryptTo`."
            }
            Table::SecretReads => {
                "One row for each secret of AWS Secrets Manager, and each parameter of Parameter Store with its value decrypted, that an event reads or tries to."
            }
            Table::Problems => {
                "One row for each thing that could not be read, of each file the first hundred."
            }
        }
    }

    /// Its columns.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Table::Events => events::COLUMNS,
            Table::KeyUses => key_uses::COLUMNS,
            Table::SecretReads => secret_reads::COLUMNS,
            Table::Problems => problems::COLUMNS,
        }
    }

    /// Its schema.
    pub fn schema(self) -> SchemaRef {
        static ALL: LazyLock<[SchemaRef; 4]> = LazyLock::new(|| {
            Table::ALL.map(|table| {
                let fields = table.columns().iter().map(Column::field);
                Arc::new(Schema::new(fields.collect::<Vec<_>>()))
            })
        });
        ALL[self as usize].clone()
    }

    /// Bytes of which a record must hold one to give any row; none where every record may.
    pub(crate) fn needles(self) -> &'static [&'static str] {
        match self {
            Table::Events => &[],
            Table::KeyUses => &["\"kms.amazonaws.com\""],
            Table::SecretReads => secret_reads::NEEDLES,
            // No record has it: files are inflated and split, and nothing is parsed.
            Table::Problems => &["\u{0}"],
        }
    }

    /// Adds the rows that a record gives, which was not seen before.
    pub(crate) fn rows(self, record: &Record<'_>, into: &mut Batches) {
        let mut add = |row: &dyn Row| into.row(row);
        match self {
            Table::Events => add(&events::Row { record: *record }),
            Table::KeyUses => key_uses::rows(record, &mut add),
            Table::SecretReads => secret_reads::rows(record, &mut add),
            Table::Problems => {}
        }
    }

    /// Adds the rows of what could not be read: those of no other table.
    pub(crate) fn problems(problems: &[Problem], into: &mut Batches) {
        for problem in problems {
            into.row(&problems::Row { problem });
        }
    }
}
