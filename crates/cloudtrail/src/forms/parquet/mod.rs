//! Parquet files: Amazon Security Lake's, and those that Athena writes of CloudTrail's table.
//!
//! A file is read by seeking, some rows at a time, so that it may be larger than memory; what is held at once is bounded as the
//! text of other files is. Rows are numbered from 0, through all row groups.

mod codec;
mod column;
mod pages;
mod source;
mod thrift;
mod tree;

pub(crate) use source::Source;

use super::{NOT_UTF8, Outcome, PARQUET, Told, columns, ocsf};
use column::Column;
use pages::Budget;
use parquet::errors::Result;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tree::{Node, Step, Unfit};

/// Its length and the magic.
const TAIL: u64 = 8;
/// A footer has some hundred bytes for each column of each row group.
const MOST_FOOTER: u64 = 64 << 20;

/// What the rows of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Schema {
    /// CloudTrail's fields.
    Columns,
    Ocsf,
}

/// The rows of a file.
pub(crate) struct Rows {
    source: Source,
    about: ParquetMetaData,
    schema: Schema,
    /// The columns that are read, by their number.
    wanted: Vec<(usize, Vec<Step>)>,
    most: usize,
    budget: Budget,
    group: usize,
    open: Vec<Column>,
    /// How many rows were read of the columns and have yet to be put together.
    ready: usize,
    /// The number of the next row.
    row: usize,
    /// How many rows the footer says there are of the groups so far.
    said: usize,
    over: bool,
}

impl Rows {
    /// Opens a file, of which no more than `most` bytes are held at once.
    pub(crate) fn open(source: Source, most: usize) -> std::result::Result<Self, String> {
        let about = caught(|| footer(&source).map_err(|error| pages::wrong(&error)))?;
        let root = about.file_metadata().schema();
        let names = root.get_fields().iter().map(|field| field.name());
        let has = |name| names.clone().any(|known| known == name);
        let schema = match has("class_uid") && has("metadata") {
            true => Schema::Ocsf,
            false if columns::are(names.clone()) => Schema::Columns,
            false => {
                let shown: Vec<&str> = names.clone().take(8).collect();
                return Err(format!(
                    "is Parquet, but neither of Amazon Security Lake nor of Athena's table of CloudTrail's logs: its columns are {}{}",
                    shown.join(", ").escape_debug(),
                    if names.count() > shown.len() {
                        " and more"
                    } else {
                        ""
                    },
                ));
            }
        };
        let wanted = tree::columns(root).into_iter().enumerate();
        let wanted = wanted.filter_map(|(index, steps)| match (schema, steps.first()) {
            (Schema::Ocsf, Some(Step::Field(name, _))) => {
                ocsf::COLUMNS.contains(&&**name).then_some((index, steps))
            }
            (Schema::Columns, _) => Some((index, spelled(steps))),
            _ => None,
        });
        Ok(Rows {
            wanted: wanted.collect(),
            source,
            schema,
            about,
            most,
            budget: Budget::new(most),
            group: 0,
            open: Vec::new(),
            ready: 0,
            row: 0,
            said: 0,
            over: false,
        })
    }

    /// Reads some rows of the columns, of this row group or the next one. False when there are no more.
    fn more(&mut self) -> std::result::Result<bool, String> {
        loop {
            if self.open.is_empty() {
                if self.group == self.about.num_row_groups() {
                    return Ok(false);
                }
                let group = self.about.row_group(self.group);
                self.group += 1;
                self.row = self.said;
                let said = usize::try_from(group.num_rows())
                    .map_err(|_| "a row group that has fewer rows than none")?;
                self.said = self.said.saturating_add(said);
                self.budget = Budget::new(self.most);
                let (source, most, budget) = (&self.source, self.most, &self.budget);
                let wanted = &self.wanted;
                self.open = caught(|| {
                    let opened = wanted.iter().map(|(index, steps)| {
                        let about = group.columns().get(*index);
                        let about = about.ok_or_else(|| pages::wrong("a column is missing"))?;
                        Column::of(steps.clone(), source, about, most, budget)
                    });
                    opened.collect::<Result<_>>()
                })?;
            }
            let rows = self.budget.rows();
            let (open, most) = (&mut self.open, self.most);
            let read = caught(|| {
                let (mut least, mut greatest, mut held) = (usize::MAX, 0, 0_usize);
                for column in open.iter_mut() {
                    let read = column.read(rows)?;
                    (least, greatest) = (least.min(read), greatest.max(read));
                    held = held.saturating_add(column.held());
                    if held > most {
                        return Err(pages::wrong(&format!(
                            "rows with more than {most} bytes of lists: refused"
                        )));
                    }
                }
                match least == greatest {
                    true => Ok(greatest),
                    false => Err(pages::wrong(
                        "columns of one row group do not have the same number of rows",
                    )),
                }
            })?;
            if read > 0 {
                self.ready = read;
                return Ok(true);
            }
            self.open.clear();
            if self.row != self.said {
                let what = format!(
                    "a row group ends after row {}, and should after {}",
                    self.row, self.said
                );
                return Err(what);
            }
        }
    }

    fn take(&mut self) -> Told<'static> {
        let at = self.row;
        self.row += 1;
        self.ready -= 1;
        let mut row = Node::default();
        let (mut left, mut lossy) = (self.most, false);
        let mut fits = Ok(());
        let open = &mut self.open;
        let put = caught(|| {
            for column in open.iter_mut() {
                // Each has to go on to its next row, whatever became of this one.
                let went = column.row(&mut row, &mut left, &mut lossy);
                fits = fits.and(went);
            }
            Ok(())
        });
        if let Err(what) = put {
            // Some columns have gone on and others not, so that no row after fits together either.
            self.ready = 0;
            self.open.clear();
            return unread(at, &what);
        }
        let mut notes = Vec::new();
        if lossy {
            notes.push(NOT_UTF8.to_owned());
        }
        let outcome = match fits {
            Err(Unfit::Levels) => Outcome::Wrong("its columns do not fit together".into()),
            Err(Unfit::TooLarge) => {
                Outcome::Wrong(format!("it has more than {} bytes: refused", self.most))
            }
            Ok(()) => match self.schema {
                Schema::Columns => columns::record(row.into_fields(), &mut notes),
                Schema::Ocsf => ocsf::record(&row.into_fields(), &mut notes),
            },
        };
        let of_row = |what: String| format!("row {at}: {what}");
        Told {
            at,
            byte: None,
            outcome: match outcome {
                Outcome::Wrong(what) => Outcome::Wrong(of_row(what)),
                other => other,
            },
            notes: notes.into_iter().map(of_row).collect(),
        }
    }
}

impl Iterator for Rows {
    type Item = Told<'static>;

    fn next(&mut self) -> Option<Told<'static>> {
        if self.over {
            return None;
        }
        if self.ready == 0 {
            match self.more() {
                Ok(true) => {}
                Ok(false) => {
                    self.over = true;
                    return None;
                }
                Err(what) => {
                    // Groups stand alone: what is wrong with one says nothing of the next.
                    self.open.clear();
                    self.over = self.group == self.about.num_row_groups();
                    return Some(unread(self.row, &what));
                }
            }
        }
        Some(self.take())
    }
}

/// Steps with the names that CloudTrail has: once for each file and not for each row.
fn spelled(steps: Vec<Step>) -> Vec<Step> {
    let column = match steps.first() {
        Some(Step::Field(column, _)) => columns::name(column, false).to_owned(),
        _ => String::new(),
    };
    let within = |(index, step)| match step {
        Step::Field(name, there) if index == 0 || !columns::is_free(&column) => {
            let name = columns::name(&name, column == "resources");
            Step::Field(name.into(), there)
        }
        other => other,
    };
    steps.into_iter().enumerate().map(within).collect()
}

/// What is told of a row group of which no more can be read.
fn unread(row: usize, what: &str) -> Told<'static> {
    Told {
        at: row,
        byte: None,
        outcome: Outcome::Wrong(format!(
            "is Parquet that cannot be read from row {row} on: {what}"
        )),
        notes: Vec::new(),
    }
}

/// Reads the footer, after it was found to be one that may be.
fn footer(source: &Source) -> std::result::Result<ParquetMetaData, String> {
    let cut_off = || "is Parquet that is cut off: it has no footer".to_owned();
    let at = source.len().checked_sub(TAIL).ok_or_else(cut_off)?;
    let tail = source
        .read(at, TAIL)
        .map_err(|error| format!("cannot be read: {error}"))?;
    let (length, magic) = tail.split_first_chunk::<4>().ok_or_else(cut_off)?;
    if magic == b"PARE" {
        return Err("is Parquet that is encrypted".into());
    }
    if magic != PARQUET {
        return Err(cut_off());
    }
    let length = u64::from(u32::from_le_bytes(*length));
    let broken = |why: &str| format!("is Parquet with a footer that cannot be read: {why}");
    if length > MOST_FOOTER || length > at {
        return Err(broken("it is not as long as it says"));
    }
    let footer = source
        .read(at - length, length)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if !thrift::is_sane(&footer) {
        return Err(broken("it is corrupt"));
    }
    ParquetMetaDataReader::decode_metadata(&footer).map_err(|error| broken(&error.to_string()))
}

/// The parquet crate checks most of what it reads, and panics on some that it does not expect. Whoever wrote the file must not be
/// able to end the reading of all others by that, so a panic in it is one more thing that is wrong with the file. Nothing that it
/// was at is used afterwards.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> std::result::Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(parquet::errors::ParquetError::General(what))) => Err(what),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it is corrupt in a way that its reader does not expect".into()),
    }
}
