//! A cache of the events that matter, in Parquet.
//!
//! Reading logs costs inflating all of them; of what is asked, nearly all is about keys, secrets and identities, which are a
//! few records in a hundred. An index is a folder with those, each table's in files of its own: `TABLE/PART.parquet`, and
//! `index.json`, which names the parts that count and the log files that were read. It is written last and renamed into
//! place, so whoever reads sees an index before an update or after it and never half of one. An update reads files that are
//! new, or have changed, and adds their events unless they are there already.

use crate::input::Input;
use crate::reading::read;
use crate::tables::{Batches, Table};
use crate::trail::{self, Options};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use futures::StreamExt;
use lockfast_cloudtrail::{Coverage, Needle, Record, Report, Seen};
use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// The file by which a folder is known as an index.
const MANIFEST: &str = "index.json";

/// What this version writes and reads.
const VERSION: u32 = 1;

/// Why there is no index.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Its list of files is none.
    #[error("{}: it is no index of lockfast's, or a damaged one: {error}", path.display())]
    Manifest {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// Another version wrote it.
    #[error("{}: version {found} of an index; this lockfast has {VERSION}. Delete the folder and index anew", path.display())]
    Version {
        /// The list.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The logs cannot be read.
    #[error(transparent)]
    Query(#[from] DataFusionError),
    /// A part cannot be written.
    #[error("{}: {error}", path.display())]
    Parquet {
        /// The part.
        path: PathBuf,
        /// Why.
        error: ParquetError,
    },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |error| Error::Io { path, error }
}

/// What an index holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    /// The parts of each table.
    parts: BTreeMap<String, Vec<String>>,
    /// Log files that were read, with their size and the time of their last change in milliseconds.
    files: BTreeMap<PathBuf, (u64, u128)>,
    /// The days that were looked at.
    coverage: Vec<(String, String, BTreeSet<jiff::civil::Date>)>,
    /// How many records the files hold.
    records: u64,
    /// Files that could not be read, or not in whole.
    #[serde(default)]
    unread: BTreeSet<PathBuf>,
}

impl Manifest {
    fn coverage(&self) -> Coverage {
        let all = self.coverage.iter();
        all.map(|(account, region, days)| ((account.clone(), region.clone()), days.clone()))
            .collect()
    }

    fn paths(&self, folder: &Path, table: Table) -> Vec<String> {
        let parts = self.parts.get(table.name()).into_iter().flatten();
        parts
            .map(|part| folder.join(part).to_string_lossy().into_owned())
            .collect()
    }
}

/// An index.
#[derive(Debug)]
pub struct Index {
    folder: PathBuf,
    manifest: Manifest,
}

/// What an update did.
#[derive(Debug)]
pub struct Updated {
    /// Files that were read.
    pub read: usize,
    /// Files that were in it already.
    pub known: usize,
    /// Rows that each table got.
    pub rows: BTreeMap<&'static str, usize>,
    /// What was read, and what could not be. Files with problems are read again next time.
    pub report: Report,
}

impl Index {
    /// The index in a folder, if it is one.
    ///
    /// # Errors
    /// That it is one that cannot be used.
    pub fn at(folder: &Path) -> Result<Option<Index>, Error> {
        let path = folder.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(Error::Io { path, error }),
        };
        let manifest: Manifest = match serde_json::from_str(&text) {
            Ok(manifest) => manifest,
            Err(error) => return Err(Error::Manifest { path, error }),
        };
        if manifest.version != VERSION {
            return Err(Error::Version {
                path,
                found: manifest.version,
            });
        }
        Ok(Some(Index {
            folder: folder.to_owned(),
            manifest,
        }))
    }

    /// The days that its files are of.
    pub fn coverage(&self) -> Coverage {
        self.manifest.coverage()
    }

    /// The files of which it has not all: they could not be read, or not in whole, when it was made.
    pub fn unread(&self) -> &BTreeSet<PathBuf> {
        &self.manifest.unread
    }

    /// How many log files it was made of, and how many records those hold.
    pub fn size(&self) -> (usize, u64) {
        (self.manifest.files.len(), self.manifest.records)
    }

    /// Makes its tables those of a session. Its `events` are those about keys, secrets and identities alone.
    pub(crate) async fn register(&self, session: &SessionContext) -> Result<(), DataFusionError> {
        for table in Table::ALL {
            let paths = self.manifest.paths(&self.folder, table);
            let frame = match paths.is_empty() {
                true => session.read_batch(RecordBatch::new_empty(table.schema()))?,
                false => {
                    let schema = table.schema();
                    let options = ParquetReadOptions::default().schema(&schema);
                    session.read_parquet(paths, options).await?
                }
            };
            let view = frame.into_view();
            session.register_table(table.name_of_copies(), view.clone())?;
            session.register_table(table.name(), view)?;
        }
        Ok(())
    }

    /// Brings the index in a folder up to date with log files, or begins one.
    ///
    /// # Errors
    /// What cannot be written; the index that was there stays as it was.
    pub async fn update(
        folder: &Path,
        input: Arc<Input>,
        options: &Options,
    ) -> Result<Updated, Error> {
        fs::create_dir_all(folder).map_err(io_error(folder))?;
        let old = Index::at(folder)?;
        let mut manifest = match old {
            Some(index) => index.manifest,
            None => Manifest {
                version: VERSION,
                ..Manifest::default()
            },
        };
        let mut new = Input::default();
        let mut marks = BTreeMap::new();
        for file in &input.files {
            let mark = mark(&file.path).map_err(io_error(&file.path))?;
            if manifest.files.get(&file.path) != Some(&mark) {
                marks.insert(file.path.clone(), mark);
                new.files.push(file.clone());
            }
        }
        let mut updated = Updated {
            read: new.files.len(),
            known: input.files.len() - new.files.len(),
            rows: BTreeMap::new(),
            report: Report::default(),
        };
        if new.files.is_empty() {
            return Ok(updated);
        }
        let session = trail::session(options)?;
        let mut known = BTreeMap::new();
        for table in RECORDS {
            known.insert(table, events_of(&session, &manifest, folder, table).await?);
        }
        let (parts, report) = write(folder, &new, &known, options, &mut updated.rows)?;
        updated.report = report;
        for (table, name) in parts {
            let known = manifest.parts.entry(table.name().to_owned()).or_default();
            known.push(name);
        }
        // A file that could not be read in whole may be there in whole the next time.
        for path in marks.keys() {
            manifest.unread.remove(path);
        }
        for path in &updated.report.unread {
            marks.remove(path);
            manifest.unread.insert(path.clone());
        }
        manifest.files.extend(marks);
        manifest.records += updated.report.records;
        let mut coverage = manifest.coverage();
        for (place, days) in &updated.report.coverage {
            coverage.entry(place.clone()).or_default().extend(days);
        }
        manifest.coverage = coverage
            .into_iter()
            .map(|((account, region), days)| (account, region, days))
            .collect();
        save(folder, &manifest)?;
        Ok(updated)
    }
}

/// The size of a file and the time of its last change.
fn mark(path: &Path) -> io::Result<(u64, u128)> {
    let about = fs::metadata(path)?;
    let changed = about.modified()?.duration_since(UNIX_EPOCH);
    Ok((about.len(), changed.unwrap_or_default().as_millis()))
}

/// Reads the files once, for all tables.
fn write(
    folder: &Path,
    new: &Input,
    known: &BTreeMap<Table, Seen>,
    options: &Options,
    rows: &mut BTreeMap<&'static str, usize>,
) -> Result<(Vec<(Table, String)>, Report), Error> {
    let mut needles: Vec<&str> = INDEXED.to_vec();
    needles.extend(RECORDS.iter().flat_map(|table| table.needles()));
    let needles: Vec<Needle> = needles.into_iter().map(Needle::new).collect();
    let stamp = jiff::Timestamp::now().as_nanosecond();
    let mut writing: BTreeMap<Table, Writing> = BTreeMap::new();
    let report = std::thread::scope(|scope| {
        let (send, batches) = std::sync::mpsc::sync_channel(options.threads);
        let reading = scope.spawn(move || {
            // Where it cannot be sent, writing has failed, and says so itself.
            let send = |table, into: &mut Batches| {
                let mut ready = into.take().into_iter();
                ready.try_for_each(|batch| send.send((table, batch)))
            };
            let tables = || {
                RECORDS.map(|table| {
                    let all: Vec<usize> = (0..table.columns().len()).collect();
                    (table, Batches::new(table.columns(), &all, table.schema()))
                })
            };
            let (left, report) = read(new, options, &needles, tables, |tables, record| {
                let id = record.event.id.as_deref();
                for (table, into) in tables {
                    let is_known = id.is_some_and(|id| known[table].has(id));
                    if !is_known && (*table != Table::Events || is_indexed(record)) {
                        table.rows(record, into);
                    }
                    if send(*table, into).is_err() {
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            });
            for (table, mut into) in left.into_iter().flatten() {
                into.flush();
                let _ = send(table, &mut into);
            }
            report
        });
        for (table, batch) in batches {
            *rows.entry(table.name()).or_default() += batch.num_rows();
            let part = match writing.entry(table) {
                Entry::Occupied(part) => part.into_mut(),
                Entry::Vacant(none) => {
                    let path = folder.join(part(table, stamp));
                    none.insert(Writing::new(&path, batch.schema())?)
                }
            };
            part.write(&batch)?;
        }
        match reading.join() {
            Ok(report) => Ok::<_, Error>(report),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    let mut parts = Vec::new();
    for (table, part_of) in writing {
        part_of.close()?;
        parts.push((table, part(table, stamp)));
    }
    Ok((parts, report))
}

/// The name of a part.
fn part(table: Table, stamp: i128) -> String {
    format!("{}/{stamp}.parquet", table.name())
}

/// What an index has; what could not be read is read again, and told then.
const RECORDS: [Table; 3] = [Table::Events, Table::KeyUses, Table::SecretReads];

/// Services of which an index has every event: those of keys, secrets and identities, and of the trail itself.
const INDEXED: [&str; 7] = [
    "\"kms.amazonaws.com\"",
    "\"secretsmanager.amazonaws.com\"",
    "\"sts.amazonaws.com\"",
    "\"signin.amazonaws.com\"",
    "\"cloudtrail.amazonaws.com\"",
    "\"iam.amazonaws.com\"",
    "\"organizations.amazonaws.com\"",
];

fn is_indexed(record: &Record<'_>) -> bool {
    let source = record.event.source.as_deref().unwrap_or_default();
    INDEXED.iter().any(|own| own.trim_matches('"') == source)
}

/// The events that an index has already.
async fn events_of(
    session: &SessionContext,
    manifest: &Manifest,
    folder: &Path,
    table: Table,
) -> Result<Seen, Error> {
    let seen = Seen::default();
    let paths = manifest.paths(folder, table);
    if paths.is_empty() {
        return Ok(seen);
    }
    let frame = session
        .read_parquet(paths, ParquetReadOptions::default())
        .await?;
    let mut ids = frame
        .select_columns(&["event_id"])?
        .execute_stream()
        .await?;
    while let Some(batch) = ids.next().await {
        for id in batch?.column(0).as_string_view().iter().flatten() {
            seen.is_new(id);
        }
    }
    Ok(seen)
}

/// A part that is being written.
struct Writing {
    path: PathBuf,
    writer: ArrowWriter<File>,
}

impl Writing {
    fn new(path: &Path, schema: SchemaRef) -> Result<Writing, Error> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io_error(folder))?;
        }
        let file = File::create(path).map_err(io_error(path))?;
        let level = ZstdLevel::try_new(3).unwrap_or_default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(128 << 10))
            .build();
        let writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(|error| {
            Error::Parquet {
                path: path.to_owned(),
                error,
            }
        })?;
        Ok(Writing {
            path: path.to_owned(),
            writer,
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.writer.write(batch).map_err(|error| Error::Parquet {
            path: self.path.clone(),
            error,
        })
    }

    /// On the disk, and not only on its way there.
    fn close(self) -> Result<(), Error> {
        let Writing { path, writer } = self;
        let file = writer.into_inner().map_err(|error| Error::Parquet {
            path: path.clone(),
            error,
        })?;
        file.sync_all().map_err(io_error(&path))
    }
}

/// Puts the list of files in place of the one that is there.
fn save(folder: &Path, manifest: &Manifest) -> Result<(), Error> {
    let path = folder.join(MANIFEST);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io_error(folder))?;
    serde_json::to_writer(&mut file, manifest)
        .map_err(io::Error::other)
        .and_then(|()| file.flush())
        .and_then(|()| file.as_file().sync_all())
        .map_err(io_error(&path))?;
    file.persist(&path)
        .map_err(|error| io_error(&path)(error.error))?;
    Ok(())
}
