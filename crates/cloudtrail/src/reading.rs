//! Reading many files at once.

use crate::event::{Event, Unreadable, Whence, day};
use crate::files::{Kind, LogFile};
use crate::inflate::{self, Damage, Inflater, MOST_INFLATED};
use crate::report::{MOST_PROBLEMS, Problem, Report};
use crate::split;
use jiff::civil::Date;
use memchr::memmem::Finder;
use std::fs::File;
use std::io::Read;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A buffer that has grown to more than this is given back after use.
const KEPT: usize = 64 << 20;

/// Bytes that a record must hold to be parsed, as they stand in the file: `/` is written as itself, and so is all else that a
/// service's name or an ARN is made of.
#[derive(Clone, Debug)]
pub struct Needle(Finder<'static>);

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
    /// thread, at worst.
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
    /// Where it begins: the byte of the file's text, after inflation.
    pub offset: usize,
    /// The whole of it.
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
struct Problems {
    first: Vec<(usize, Problem)>,
    count: u64,
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
            Ok(()) => self.document(index, file, &input, each),
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
        let mut reader = FileReader {
            index,
            file,
            report: &mut self.part.report,
            problems: &mut self.part.problems,
            covered: None,
        };
        reader.report.files += 1;
        reader.report.bytes += bytes.len() as u64;
        if bytes.is_empty() {
            reader.problem(None, "the file is empty".into());
            return ControlFlow::Continue(());
        }
        // By what it is and not by its name: some tools inflate files and leave the name.
        match inflate::is_gzip(bytes) {
            true => {
                let inflated = self.inflater.inflate(bytes);
                reader.text(inflated.text, inflated.damage, &self.needles, &mut each)
            }
            false => reader.text(bytes, None, &self.needles, &mut each),
        }
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
        FileReader {
            index,
            file,
            report: &mut self.part.report,
            problems: &mut self.part.problems,
            covered: None,
        }
    }
}

/// Reads a whole file into the buffer, unless it is larger than the bound.
fn load(path: &Path, most: usize, input: &mut Vec<u8>) -> Result<(), String> {
    match input.capacity() > KEPT {
        true => *input = Vec::new(),
        false => input.clear(),
    }
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut file = file.take((most as u64).saturating_add(1));
    file.read_to_end(input)
        .map_err(|error| format!("cannot be read: {error}"))?;
    match input.len() > most {
        true => Err(Damage::TooLarge { most }.to_string()),
        false => Ok(()),
    }
}

/// Reads one file's records into a report.
struct FileReader<'a> {
    index: usize,
    file: &'a LogFile,
    report: &'a mut Report,
    problems: &'a mut Problems,
    /// The account, region and day that were noted last, of a file whose path does not tell them: records that follow another
    /// mostly have the same.
    covered: Option<(String, String, Date)>,
}

impl FileReader<'_> {
    fn text(
        &mut self,
        text: &[u8],
        damage: Option<Damage>,
        needles: &[Needle],
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.report.inflated += text.len() as u64;
        if text.is_empty() && damage.is_none() {
            self.problem(None, "what it holds is empty".into());
            return ControlFlow::Continue(());
        }
        let mut hits = Hits::of(text, needles);
        let (mut records, mut whole) = (0, damage.is_none());
        let mut cut_off_at = None;
        for range in split::records(text) {
            let range = match range {
                Ok(range) => range,
                // The damage says it already; but not where in the text.
                Err(split::Error::Truncated { offset }) if damage.is_some() => {
                    cut_off_at = Some(offset);
                    break;
                }
                Err(error) => {
                    whole = false;
                    self.problem(Some(error.offset()), error.to_string());
                    continue;
                }
            };
            records += 1;
            let record = &text[range.clone()];
            if hits.any_within(&range) {
                self.report.matched += 1;
                if self.event(range.start, record, each).is_break() {
                    self.report.records += records;
                    return ControlFlow::Break(());
                }
            } else if self.file.place.is_none() {
                match serde_json::from_slice::<Whence>(record) {
                    Ok(whence) => self.parsed(&whence),
                    Err(error) => {
                        self.problem(
                            Some(range.start),
                            Unreadable::Json(error.to_string()).to_string(),
                        );
                    }
                }
            }
        }
        self.report.records += records;
        if let Some(damage) = damage {
            self.problem(cut_off_at, damage.to_string());
        }
        // An empty list is an answer, too: nothing happened.
        if let Some(place) = &self.file.place
            && self.file.kind == Kind::Log
            && (records > 0 || whole)
        {
            self.report.day(place.date);
            self.report
                .covered(&place.account, &place.region, place.date);
        }
        ControlFlow::Continue(())
    }

    fn event(
        &mut self,
        offset: usize,
        record: &[u8],
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let lossy;
        let mut text = std::str::from_utf8(record).unwrap_or_default();
        let mut read = Event::parse(record);
        if let Err(Unreadable::NotUtf8(at)) = read {
            self.problem(
                Some(offset + at),
                "bytes that are not UTF-8: the record is read with U+FFFD in their place".into(),
            );
            lossy = String::from_utf8_lossy(record);
            text = &lossy;
            read = Event::parse(lossy.as_bytes());
        }
        match read {
            Ok(event) => {
                self.parsed(&Whence {
                    time: event.time,
                    region: event.region.clone(),
                    recipient_account_id: event.recipient_account_id.clone(),
                    category: event.category.clone(),
                });
                each(Record {
                    file: self.file,
                    offset,
                    text,
                    event: &event,
                })
            }
            Err(error) => {
                self.problem(Some(offset), error.to_string());
                ControlFlow::Continue(())
            }
        }
    }

    /// Notes what a parsed record tells of time and place.
    fn parsed(&mut self, whence: &Whence) {
        let Some(time) = whence.time else { return };
        self.report.time(time);
        let account = whence.recipient_account_id.as_deref();
        let (None, Some(account), Some(region)) =
            (&self.file.place, account, whence.region.as_deref())
        else {
            return;
        };
        if whence.category.as_deref() == Some("NetworkActivity") {
            return;
        }
        let day = day(time);
        let known = |(of_account, of_region, of_day): &(String, String, Date)| {
            of_account == account && of_region == region && *of_day == day
        };
        if !self.covered.as_ref().is_some_and(known) {
            self.report.covered(account, region, day);
            self.covered = Some((account.into(), region.into(), day));
        }
    }

    fn problem(&mut self, offset: Option<usize>, what: String) {
        self.problems.count += 1;
        if self.problems.first.len() < MOST_PROBLEMS {
            let problem = Problem {
                path: self.file.path.clone(),
                offset: offset.map(|offset| offset as u64),
                what,
            };
            self.problems.first.push((self.index, problem));
        }
    }
}

/// Where the needles are. The text is searched from hit to hit and not record by record: most records have none, and a search
/// that runs on is several times as fast as one that begins anew with each of them.
struct Hits<'a> {
    text: &'a [u8],
    needles: &'a [Needle],
    /// Of each needle, the first hit that is not before the record looked at last; the text's length when there is none.
    next: Vec<usize>,
}

impl<'a> Hits<'a> {
    fn of(text: &'a [u8], needles: &'a [Needle]) -> Self {
        let next = needles.iter().map(|needle| find(text, needle, 0));
        Hits {
            text,
            needles,
            next: next.collect(),
        }
    }

    /// True when a record, which must not come before the last one, has any of the needles, or there are none.
    fn any_within(&mut self, record: &Range<usize>) -> bool {
        if self.needles.is_empty() {
            return true;
        }
        let mut any = false;
        for (needle, next) in self.needles.iter().zip(&mut self.next) {
            if *next < record.start {
                *next = find(self.text, needle, record.start);
            }
            any |= *next + needle.0.needle().len() <= record.end;
        }
        any
    }
}

fn find(text: &[u8], needle: &Needle, from: usize) -> usize {
    match needle.0.find(&text[from..]) {
        Some(at) => from + at,
        None => text.len(),
    }
}
