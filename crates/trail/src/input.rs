//! The log files that are asked.

use lockfast_cloudtrail::Problem;
use lockfast_cloudtrail::files::{self, LogFile};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Log files, and how far they were read.
#[derive(Debug, Default)]
pub struct Input {
    /// Where they were looked for.
    pub roots: Vec<PathBuf>,
    /// The files, in the order of their paths.
    pub files: Vec<LogFile>,
    /// What of the folders could not be looked at.
    pub problems: Vec<Problem>,
    /// How many files of folders are no logs.
    pub passed_over: u64,
    progress: Progress,
}

/// How many files a query reads, and has read.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) wanted: AtomicU64,
    pub(crate) done: AtomicU64,
}

impl Input {
    /// Finds log files by name, and in folders at any depth.
    ///
    /// # Errors
    /// That a path cannot be looked at.
    pub fn find(paths: &[PathBuf]) -> Result<Arc<Input>, files::Error> {
        let found = files::find(paths)?;
        Ok(Arc::new(Input {
            roots: paths.to_vec(),
            files: found.files,
            problems: found.problems,
            passed_over: found.skipped,
            progress: Progress::default(),
        }))
    }

    /// These files.
    pub fn of(files: Vec<LogFile>) -> Input {
        Input {
            files,
            ..Input::default()
        }
    }

    /// How many files were read of those that the queries so far want.
    pub fn progress(&self) -> (u64, u64) {
        let at = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (at(&self.progress.done), at(&self.progress.wanted))
    }

    pub(crate) fn wanted(&self, files: u64) {
        self.progress.wanted.fetch_add(files, Ordering::Relaxed);
    }

    pub(crate) fn done(&self) {
        self.progress.done.fetch_add(1, Ordering::Relaxed);
    }
}
