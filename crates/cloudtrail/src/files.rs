//! Finding CloudTrail's files.

use crate::place::{self, Place};
use crate::report::Problem;
use ignore::WalkBuilder;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What the names of log files end with. In folders, all others are passed over.
///
/// Security Lake calls its files `.gz.parquet`, for the pages are compressed and not the file. Whatever else is called CSV or
/// Parquet is a problem when it is read: a folder that was given is one of logs, and what is in it and not read must be told.
const ENDINGS: [&str; 10] = [
    ".json.gz",
    ".json",
    ".jsonl.gz",
    ".jsonl",
    ".ndjson.gz",
    ".ndjson",
    ".csv.gz",
    ".csv",
    ".parquet.gz",
    ".parquet",
];

/// Why no files could be looked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path that was given is not there, or may not be looked at.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

/// What a file holds, as its path tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Records of events; and whatever does not say that it is something else.
    #[default]
    Log,
    /// Hashes of log files, by which their integrity is checked.
    Digest,
    /// Insights: CloudTrail's own conclusions from events.
    Insight,
    /// Records of requests through VPC endpoints. The other records have most of these, too, each with another identifier; they
    /// do not cover what else happened.
    NetworkActivity,
    /// Counts of events, and no records.
    Aggregated,
    /// What lists other files or signs them: the signatures of CloudTrail Lake's results, and Athena's lists of what it wrote.
    Manifest,
}

impl Kind {
    /// True for what holds records.
    pub fn has_records(self) -> bool {
        matches!(self, Kind::Log | Kind::NetworkActivity)
    }
}

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// The file.
    pub path: PathBuf,
    /// What it holds. Only what has records is read.
    pub kind: Kind,
    /// What it is of, when its path has CloudTrail's layout.
    pub place: Option<Place>,
}

impl LogFile {
    /// The file of this path; the file system is not asked.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let (kind, place) = place::parse(&path);
        LogFile { path, kind, place }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The files, as they were given; those of a folder in the order of their paths. None is in it twice by the same path.
    pub files: Vec<LogFile>,
    /// How many files of folders were passed over, for their names are not those of logs.
    pub skipped: u64,
    /// What of the folders could not be looked at.
    pub problems: Vec<Problem>,
}

/// Finds log files: those that are given by name, whatever their name, and in folders, at any depth, those whose names
/// end as those of CloudTrail's, CloudTrail Lake's, Security Lake's and Athena's do, compressed or not. Links are followed; one that leads back to where it is is not.
///
/// Digests, insights, aggregated events and manifests are found, too, and told by [`LogFile::kind`]; [`read`](crate::read) counts them and reads none,
/// not even when one is given by name: a shell's `**/*.gz` names them all.
///
/// # Errors
/// When a path that was given cannot be looked at. What cannot be read below a folder is a problem, and the rest is found.
pub fn find(paths: &[PathBuf]) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut known = HashSet::new();
    for path in paths {
        let about = std::fs::metadata(path).map_err(|error| Error::Io {
            path: path.clone(),
            error,
        })?;
        if about.is_dir() {
            walk(path, &mut known, &mut found);
        } else if known.insert(path.clone()) {
            found.files.push(LogFile::new(path));
        }
    }
    Ok(found)
}

fn walk(folder: &Path, known: &mut HashSet<PathBuf>, found: &mut Found) {
    // Git's ignored and hidden files are logs as others.
    let walker = WalkBuilder::new(folder)
        .standard_filters(false)
        .follow_links(true)
        .sort_by_file_path(Path::cmp)
        .build();
    for entry in walker {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_dir()) => {}
            Ok(entry) if !is_log(entry.path()) => found.skipped += 1,
            Ok(entry) => {
                if known.insert(entry.path().to_owned()) {
                    found.files.push(LogFile::new(entry.into_path()));
                }
            }
            Err(error) if is_loop(&error) => {}
            Err(error) => found.problems.push(Problem {
                path: path_of(&error).unwrap_or(folder).to_owned(),
                offset: None,
                what: reason(&error),
            }),
        }
    }
}

fn is_log(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        ENDINGS.iter().any(|ending| name.ends_with(ending))
    })
}

/// What a link leads back to is found without it.
fn is_loop(error: &ignore::Error) -> bool {
    match error {
        ignore::Error::Loop { .. } => true,
        ignore::Error::WithPath { err, .. } | ignore::Error::WithDepth { err, .. } => is_loop(err),
        _ => false,
    }
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } => path_of(err),
        _ => None,
    }
}

fn reason(error: &ignore::Error) -> String {
    match error {
        ignore::Error::WithPath { err, .. } | ignore::Error::WithDepth { err, .. } => reason(err),
        other => other.to_string(),
    }
}
