//! What was read, and what was not.

use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

/// The most problems that are kept; all are counted.
pub const MOST_PROBLEMS: usize = 100;

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// Where in it: the byte of the text, after inflation. Of Parquet, which has no text, absent: what is wrong names the row.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        if let Some(offset) = self.offset {
            write!(f, "byte {offset}: ")?;
        }
        f.write_str(&self.what)
    }
}

/// The days of each account and region.
pub type Coverage = BTreeMap<(String, String), BTreeSet<Date>>;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many files were read, at least in part.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// The size of what was in them; of Parquet, of the records that were made of it.
    pub inflated: u64,
    /// How many records they hold.
    pub records: u64,
    /// How many of them hold a needle.
    pub matched: u64,
    /// How many files were not read for they are digests, insights, aggregated or manifests.
    pub skipped_files: u64,
    /// What could not be read, in the order of the files: the first [`MOST_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// How many problems there are.
    pub problem_count: u64,
    /// Every file that has one: it could not be read, or not in whole.
    pub unread: BTreeSet<PathBuf>,
    /// The earliest time of an event that was parsed: of those with a needle, and of files whose path tells no place.
    pub first: Option<Timestamp>,
    /// The latest of these.
    pub last: Option<Timestamp>,
    /// The first day of delivery, as paths tell.
    pub first_day: Option<Date>,
    /// The last one.
    pub last_day: Option<Date>,
    /// Which days of which accounts and regions the files are of. By their paths; where a path does not tell, by the
    /// records' own account, region and day. A file that gave no record for its damage covers nothing, and
    /// neither do records of network activity, which are about requests through VPC endpoints alone.
    ///
    /// It says that somebody looked, not at what: a trail may leave out the events of AWS KMS, and data events.
    pub coverage: Coverage,
}

impl Report {
    /// Adds a problem that was told elsewhere.
    pub fn add_problem(&mut self, problem: Problem) {
        self.problem_count += 1;
        self.unread.insert(problem.path.clone());
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        }
    }

    pub(crate) fn time(&mut self, time: Timestamp) {
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }

    pub(crate) fn day(&mut self, day: Date) {
        self.first_day = Some(self.first_day.map_or(day, |first| first.min(day)));
        self.last_day = Some(self.last_day.map_or(day, |last| last.max(day)));
    }

    pub(crate) fn covered(&mut self, account: &str, region: &str, day: Date) {
        let key = (account.to_owned(), region.to_owned());
        self.coverage.entry(key).or_default().insert(day);
    }

    /// Adds another's counts, times and coverage. Problems have an order, which whoever adds knows.
    pub(crate) fn add(&mut self, other: Report) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.inflated += other.inflated;
        self.records += other.records;
        self.matched += other.matched;
        self.skipped_files += other.skipped_files;
        self.unread.extend(other.unread);
        other.first.into_iter().for_each(|time| self.time(time));
        other.last.into_iter().for_each(|time| self.time(time));
        other.first_day.into_iter().for_each(|day| self.day(day));
        other.last_day.into_iter().for_each(|day| self.day(day));
        for (place, days) in other.coverage {
            self.coverage.entry(place).or_default().extend(days);
        }
    }
}
