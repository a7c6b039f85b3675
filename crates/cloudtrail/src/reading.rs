//! Reading many files at once.

use crate::event::Event;
use crate::file::FileReader;
use crate::files::LogFile;
use crate::forms;
use crate::inflate::{self, Damage, Inflater, MOST_INFLATED};
use crate::report::{MOST_PROBLEMS, Problem, Report};
use memchr::memmem::Finder;
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A buffer that has grown to more than this is given back after use.
const KEPT: usize = 64 << 20;

/// Bytes that a record must hold to be parsed, as they stand in the record: `/` is written as itself, and so is all else that a
/// service's name or an ARN is made of. Of files in other forms they are looked for in the record that was made of it.
#[derive(Clone, Debug)]
pub struct Needle(pub(crate) Finder<'static>);

impl Needle {
    /// One of these bytes.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Needle(Finder::new(bytes.as_ref()).into_owned())
    }
}

/// How files are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The most bytes that a file may hold, compressed or not; a larger one is a problem. As many are held in memory for each
    /// thread, at worst. Parquet files may be larger: they are read in parts, and it is these that may have no more.
    pub most_inflated: usize,
}

impl Default for Reading {
    fn default() -> Self {
        Reading {
            most_inflated: MOST_INFLATED,
        }
    }
}

/// Reads files as [`Reading::read`] does, with its defaults.
pub fn read(
    files: &[LogFile],
    needles: &[Needle],
    each: impl Fn(&LogFile, &Event) + Sync,
) -> Report {
    Reading::default().read(files, needles, each)
}

/// A record that holds a needle.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The file.
    pub file: &'a LogFile,
    /// Where it begins: the byte of the file's text, after inflation; where it was made of a row or element in another form, the
    /// byte where that begins. Of Parquet, which has no text, the number of the row, from 0.
    pub offset: usize,
    /// The whole of it, as CloudTrail writes it: of other forms, as it was made again.
    pub text: &'a str,
    /// What was read of it.
    pub event: &'a Event<'a>,
}

impl Reading {
    /// Reads the files, on all threads of the current `rayon` pool, one file each at a time. `each` is told every event whose
    /// record holds any of the needles, or every event when there are none; of one file in order, of several in any.
    ///
    /// Nothing is an error: what cannot be read is a problem of the report.
    pub fn read(
        &self,
        files: &[LogFile],
        needles: &[Needle],
        each: impl Fn(&LogFile, &Event) + Sync,
    ) -> Report {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        // Not `par_iter`, which makes new buffers whenever it splits: so there is one set for each thread, and files are
        // taken in their order, however long one takes.
        rayon::scope(|scope| {
            for _ in 0..rayon::current_num_threads().min(files.len()) {
                scope.spawn(|_| {
                    let mut reader = Reader::new(self, needles);
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(file) = files.get(index) else { break };
                        let _ = reader.file(index, file, |record| {
                            each(record.file, record.event);
                            ControlFlow::Continue(())
                        });
                    }
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push(reader.done());
                });
            }
        });
        Part::together(done.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What one thread has read.
#[derive(Debug, Default)]
pub struct Part {
    report: Report,
    problems: Problems,
}

impl Part {
    /// The report of all threads, each of which took files in their order.
    pub fn together(parts: Vec<Part>) -> Report {
        let mut report = Report::default();
        let mut problems = Vec::new();
        for part in parts {
            report.add(part.report);
            report.problem_count += part.problems.count;
            problems.extend(part.problems.first);
        }
        // Each kept its first, so the first of all are among them.
        problems.sort_by_key(|(index, _)| *index);
        problems.truncate(MOST_PROBLEMS);
        report.problems = problems.into_iter().map(|(_, problem)| problem).collect();
        report
    }
}

/// One thread's reading of files, one after another, for whoever has threads of one's own.
pub struct Reader {
    most: usize,
    input: Vec<u8>,
    inflater: Inflater,
    needles: Vec<Needle>,
    part: Part,
}

/// The first problems, each with the index of its file, and the count of all.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub first: Vec<(usize, Problem)>,
    pub count: u64,
}

impl Reader {
    /// Reads records that hold any of the needles, or all when there are none.
    pub fn new(reading: &Reading, needles: &[Needle]) -> Self {
        Reader {
            most: reading.most_inflated,
            input: Vec::new(),
            inflater: Inflater::new(reading.most_inflated),
            needles: needles.to_vec(),
            part: Part::default(),
        }
    }

    /// Reads one file; `index` is its place among all, by which problems are put in order. `each` may end the reading. What
    /// cannot be read is a problem of the report.
    pub fn file(
        &mut self,
        index: usize,
        file: &LogFile,
        each: impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if !file.kind.has_records() {
            self.part.report.skipped_files += 1;
            return ControlFlow::Continue(());
        }
        let mut input = std::mem::take(&mut self.input);
        let went = match load(&file.path, self.most, &mut input) {
            Ok(Loaded::Whole) => self.document(index, file, &input, each),
            Ok(Loaded::Parquet(opened)) => self.parquet(index, file, opened, each),
            Err(what) => {
                self.of(index, file).problem(None, what);
                ControlFlow::Continue(())
            }
        };
        self.input = input;
        went
    }

    /// The same of a file's bytes, wherever they came from.
    pub fn document(
        &mut self,
        index: usize,
        file: &LogFile,
        bytes: &[u8],
        mut each: impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        // Not by `of`, for the inflater is borrowed beside.
        let mut reader =
            FileReader::new(index, file, &mut self.part.report, &mut self.part.problems);
        reader.begins(bytes.len() as u64);
        if bytes.is_empty() {
            reader.problem(None, "the file is empty".into());
            return ControlFlow::Continue(());
        }
        // By what it is and not by its name: some tools inflate files and leave the name.
        let (text, damage) = match inflate::is_gzip(bytes) {
            true => {
                let inflated = self.inflater.inflate(bytes);
                (inflated.text, inflated.damage)
            }
            false => (bytes, None),
        };
        match text.starts_with(forms::PARQUET) {
            true => reader.parquet_bytes(text, damage, self.most, &self.needles, &mut each),
            false => reader.text(text, damage, &self.needles, &mut each),
        }
    }

    /// The same of an opened file that is Parquet: it may be larger than what may be held.
    fn parquet(
        &mut self,
        index: usize,
        file: &LogFile,
        opened: File,
        mut each: impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut reader =
            FileReader::new(index, file, &mut self.part.report, &mut self.part.problems);
        reader.begins(opened.metadata().map_or(0, |about| about.len()));
        reader.parquet_file(opened, self.most, &self.needles, &mut each)
    }

    /// Notes that a file could not be got at all.
    pub fn failed(&mut self, index: usize, file: &LogFile, what: String) {
        self.of(index, file).problem(None, what);
    }

    /// Takes the problems that were met since they were last taken, of which [`Reader::done`] tells the count alone then.
    pub fn take_problems(&mut self) -> Vec<Problem> {
        let first = std::mem::take(&mut self.part.problems.first);
        first.into_iter().map(|(_, problem)| problem).collect()
    }

    /// What was read.
    pub fn done(self) -> Part {
        self.part
    }

    fn of<'r>(&'r mut self, index: usize, file: &'r LogFile) -> FileReader<'r> {
        FileReader::new(index, file, &mut self.part.report, &mut self.part.problems)
    }
}

/// What was made of a file.
pub(crate) enum Loaded {
    /// All of it is in the buffer.
    Whole,
    /// It is Parquet, of which nothing was read.
    Parquet(File),
}

/// Reads a whole file into the buffer, unless it is larger than the bound, or Parquet.
pub(crate) fn load(path: &Path, most: usize, input: &mut Vec<u8>) -> Result<Loaded, String> {
    match input.capacity() > KEPT {
        true => *input = Vec::new(),
        false => input.clear(),
    }
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let mut file = File::open(path).map_err(cannot)?;
    let magic = forms::PARQUET.len() as u64;
    file.by_ref()
        .take(magic)
        .read_to_end(input)
        .map_err(cannot)?;
    if input == forms::PARQUET {
        return Ok(Loaded::Parquet(file));
    }
    let mut rest = file.take(
        (most as u64)
            .saturating_add(1)
            .saturating_sub(input.len() as u64),
    );
    rest.read_to_end(input).map_err(cannot)?;
    match input.len() > most {
        true => Err(Damage::TooLarge { most }.to_string()),
        false => Ok(Loaded::Whole),
    }
}
