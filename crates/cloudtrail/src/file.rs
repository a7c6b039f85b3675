//! One file's records, in whatever form they are.

use crate::event::{Event, Unreadable, Whence, day};
use crate::files::{Kind, LogFile};
use crate::forms::lake::{self, Csv};
use crate::forms::parquet::Source;
use crate::forms::{self, Form, Outcome, Told};
use crate::inflate::Damage;
use crate::reading::{Needle, Problems, Record};
use crate::report::{MOST_PROBLEMS, Problem, Report};
use crate::split;
use jiff::civil::Date;
use std::borrow::Cow;
use std::fs::File;
use std::ops::{ControlFlow, Range};

/// Reads one file's records into a report.
pub(crate) struct FileReader<'a> {
    index: usize,
    file: &'a LogFile,
    report: &'a mut Report,
    problems: &'a mut Problems,
    /// How many records it has had.
    records: u64,
    /// Nothing was wrong with it.
    whole: bool,
    /// It was said that it holds something that is not CloudTrail's.
    foreign: bool,
    /// The account, region and day that were noted last, of a file whose path does not tell them: records that follow another
    /// mostly have the same.
    covered: Option<(String, String, Date)>,
}

impl<'a> FileReader<'a> {
    /// Of a file that is the `index`th.
    pub fn new(
        index: usize,
        file: &'a LogFile,
        report: &'a mut Report,
        problems: &'a mut Problems,
    ) -> Self {
        FileReader {
            index,
            file,
            report,
            problems,
            records: 0,
            whole: true,
            foreign: false,
            covered: None,
        }
    }

    /// Notes that a file is read that has so many bytes.
    pub fn begins(&mut self, bytes: u64) {
        self.report.files += 1;
        self.report.bytes += bytes;
    }

    /// Reads what is no Parquet.
    pub fn text(
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
        let went = match lake::csv(text, is_called_csv(self.file)) {
            None => self.json(text, damage, needles, each),
            Some(Csv::Rows(rows)) => {
                let went = self.all(rows, needles, each);
                if went.is_continue()
                    && let Some(damage) = damage
                {
                    self.problem(None, damage.to_string());
                }
                went
            }
            Some(Csv::Without(what)) => {
                self.problem(None, what);
                ControlFlow::Continue(())
            }
        };
        self.ends(went)
    }

    fn json(
        &mut self,
        text: &[u8],
        damage: Option<Damage>,
        needles: &[Needle],
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut hits = Hits::of(text, needles);
        let mut cut_off_at = None;
        for piece in split::pieces(text) {
            let piece = match piece {
                Ok(piece) => piece,
                // The damage says it already; but not where in the text.
                Err(split::Error::Truncated { offset }) if damage.is_some() => {
                    cut_off_at = Some(offset);
                    break;
                }
                Err(error) => {
                    self.problem(Some(error.offset()), error.to_string());
                    continue;
                }
            };
            let range = piece.range;
            let element = &text[range.clone()];
            if piece.form != Form::Record {
                self.element(piece.form, range.start, element, needles, each)?;
                continue;
            }
            self.records += 1;
            if hits.any_within(&range) {
                self.report.matched += 1;
                self.event(range.start, Some(range.start), element, each)?;
            } else {
                self.unmatched(Some(range.start), element);
            }
        }
        if let Some(damage) = damage {
            self.problem(cut_off_at, damage.to_string());
        }
        ControlFlow::Continue(())
    }

    /// An element that holds a record in another form.
    fn element(
        &mut self,
        form: Form,
        at: usize,
        element: &[u8],
        needles: &[Needle],
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut notes = Vec::new();
        let element = String::from_utf8_lossy(element);
        if let Cow::Owned(_) = element {
            notes.push(forms::NOT_UTF8.into());
        }
        let told = Told {
            at,
            byte: Some(at),
            outcome: forms::convert(form, &element, &mut notes),
            notes,
        };
        self.told(told, needles, each)
    }

    /// Rows that hold records in another form.
    fn all<'t>(
        &mut self,
        rows: impl Iterator<Item = Told<'t>>,
        needles: &[Needle],
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for row in rows {
            self.told(row, needles, each)?;
        }
        ControlFlow::Continue(())
    }

    fn told(
        &mut self,
        told: Told,
        needles: &[Needle],
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for note in told.notes {
            self.problem(told.byte, note);
        }
        let text = match told.outcome {
            Outcome::Record(text) => text,
            Outcome::Nothing => return ControlFlow::Continue(()),
            Outcome::Foreign(what) => {
                if !std::mem::replace(&mut self.foreign, true) {
                    self.problem(told.byte, what);
                }
                return ControlFlow::Continue(());
            }
            Outcome::Wrong(what) => {
                self.problem(told.byte, what);
                return ControlFlow::Continue(());
            }
        };
        self.records += 1;
        // What stands in no text of its own has no size there.
        if told.byte.is_none() {
            self.report.inflated += text.len() as u64;
        }
        let record = text.as_bytes();
        let found = |needle: &Needle| needle.0.find(record).is_some();
        if needles.is_empty() || needles.iter().any(found) {
            self.report.matched += 1;
            self.event(told.at, told.byte, record, each)
        } else {
            self.unmatched(told.byte, record);
            ControlFlow::Continue(())
        }
    }

    /// A record without a needle. Where the path does not tell a place it does.
    fn unmatched(&mut self, byte: Option<usize>, record: &[u8]) {
        if self.file.place.is_some() {
            return;
        }
        match serde_json::from_slice::<Whence>(record) {
            Ok(whence) => self.parsed(&whence),
            Err(error) => {
                self.problem(byte, Unreadable::Json(error.to_string()).to_string());
            }
        }
    }

    /// Reads Parquet that is in memory.
    pub fn parquet_bytes(
        &mut self,
        bytes: &[u8],
        damage: Option<Damage>,
        most: usize,
        needles: &[Needle],
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if let Some(damage) = damage {
            self.problem(None, damage.to_string());
        }
        self.parquet(Source::bytes(bytes), most, needles, each)
    }

    /// Reads Parquet as it is asked for.
    pub fn parquet_file(
        &mut self,
        file: File,
        most: usize,
        needles: &[Needle],
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match Source::file(file) {
            Ok(source) => self.parquet(source, most, needles, each),
            Err(error) => {
                self.problem(None, format!("cannot be read: {error}"));
                ControlFlow::Continue(())
            }
        }
    }

    fn parquet(
        &mut self,
        source: Source,
        most: usize,
        needles: &[Needle],
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let went = match forms::parquet::Rows::open(source, most) {
            Ok(rows) => self.all(rows, needles, each),
            Err(what) => {
                self.problem(None, what);
                ControlFlow::Continue(())
            }
        };
        self.ends(went)
    }

    /// Notes what the file was, when all of it was read.
    fn ends(&mut self, went: ControlFlow<()>) -> ControlFlow<()> {
        self.report.records += self.records;
        // An empty list is an answer, too: nothing happened.
        if went.is_continue()
            && let Some(place) = &self.file.place
            && self.file.kind == Kind::Log
            && (self.records > 0 || self.whole)
        {
            self.report.day(place.date);
            self.report
                .covered(&place.account, &place.region, place.date);
        }
        went
    }

    /// A record with a needle. `byte` is where it is in the text, if it is in one.
    fn event(
        &mut self,
        offset: usize,
        byte: Option<usize>,
        record: &[u8],
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let lossy;
        let mut text = std::str::from_utf8(record).unwrap_or_default();
        let mut read = Event::parse(record);
        if let Err(Unreadable::NotUtf8(at)) = read {
            self.problem(byte.map(|byte| byte + at), forms::NOT_UTF8.into());
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
                self.problem(byte, error.to_string());
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

    /// Notes what could not be read.
    pub fn problem(&mut self, offset: Option<usize>, what: String) {
        self.whole = false;
        self.problems.count += 1;
        if !self.report.unread.contains(&self.file.path) {
            self.report.unread.insert(self.file.path.clone());
        }
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

/// True for a name that says that it is CSV, compressed or not.
fn is_called_csv(file: &LogFile) -> bool {
    let name = file.path.file_name().unwrap_or_default();
    let name = name.to_string_lossy().to_ascii_lowercase();
    name.ends_with(".csv") || name.ends_with(".csv.gz")
}
