//! Reading a file item by item.

use crate::item::MEMBERS;
use crate::place::Problem;
use flate2::bufread::MultiGzDecoder;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The longest item, in bytes. AWS Config's own are smaller than a megabyte; what is longer would fill the memory.
const LONGEST: u64 = 16 << 20;
/// So many things wrong with single items of a file are said; the rest is counted.
const MOST_SAID: u64 = 10;
const BUFFER: usize = 1 << 16;

/// What a file says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// A configuration snapshot: everything that is recorded in a region.
    pub snapshot: bool,
    /// A delivery to S3 at all; one that is no snapshot is a history, of what changed in a few hours.
    pub delivery: bool,
    /// It has the members of a file of AWS Config, even if no items.
    pub known: bool,
    /// The last page of an answer says that more pages follow.
    pub more: bool,
    /// So many items.
    pub items: u64,
    /// So many of which cannot be read.
    pub bad: u64,
}

/// What is done with an item.
pub(crate) type Sink<'a> = dyn FnMut(Value) -> Result<(), String> + 'a;

/// Reads a file. What is wrong with it is added to the problems; what comes before is given all the same.
pub(crate) fn read(path: &Path, problems: &mut Vec<Problem>, sink: &mut Sink<'_>) -> About {
    let mut state = State {
        about: About::default(),
        path,
        problems,
        sink,
        more: 0,
    };
    let opened = File::open(path).and_then(|file| match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no regular file")),
    });
    match opened.and_then(text_of) {
        Ok(text) => state.text(text),
        Err(error) => state.problem(None, format!("cannot be read: {error}")),
    }
    if state.more > 0 {
        let more = state.more;
        state.problem(None, format!("{more} more items cannot be read"));
    }
    state.about
}

/// The text of a file, unpacked.
fn text_of(file: File) -> io::Result<Box<dyn BufRead>> {
    let mut file = BufReader::with_capacity(BUFFER, file);
    let head = file.fill_buf()?;
    if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Err(io::Error::other(
            "it is a snapshot that lockfast wrote: judge it without --from-config",
        ));
    }
    if head.starts_with(b"PK") {
        return Err(io::Error::other("it is a zip archive: unpack it first"));
    }
    let mut text: Box<dyn BufRead> = match head.starts_with(&[0x1f, 0x8b]) {
        true => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file))),
        false => Box::new(file),
    };
    let head = text.fill_buf()?;
    if head.starts_with(&[0xef, 0xbb, 0xbf]) {
        text.consume(3);
    } else if head.starts_with(&[0xff, 0xfe])
        || head.starts_with(&[0xfe, 0xff])
        || head.get(..2).is_some_and(|two| two.contains(&0))
    {
        return Err(io::Error::other(
            "it is written in UTF-16: write it in UTF-8",
        ));
    }
    Ok(text)
}

struct State<'a> {
    about: About,
    path: &'a Path,
    problems: &'a mut Vec<Problem>,
    sink: &'a mut Sink<'a>,
    /// So many problems that are not said one by one.
    more: u64,
}

impl State<'_> {
    fn problem(&mut self, place: Option<(usize, usize)>, message: String) {
        self.about.bad += 1;
        let whole = |number| u32::try_from(number).ok().filter(|number| *number > 0);
        self.problems.push(Problem {
            path: self.path.display().to_string(),
            line: place.and_then(|(line, _)| whole(line)),
            column: place.and_then(|(_, column)| whole(column)),
            message,
        });
    }

    fn broken(&mut self, line: Option<usize>, error: &serde_json::Error) {
        let line = line.unwrap_or(error.line());
        let text = error.to_string();
        // The place stands beside the message, in the same words everywhere.
        let text = text.split(" at line ").next().unwrap_or(&text);
        let what = match error.classify() {
            serde_json::error::Category::Eof => "the file ends early",
            _ => text,
        };
        let after = self.about.items;
        self.problem(
            Some((line, error.column())),
            format!("after {after} items: {what}"),
        );
    }

    fn item(&mut self, value: Value) {
        self.about.items += 1;
        self.about.known = true;
        if let Err(message) = (self.sink)(value) {
            if self.about.bad >= MOST_SAID {
                self.about.bad += 1;
                self.more += 1;
                return;
            }
            let number = self.about.items;
            self.problem(None, format!("item {number}: {message}"));
        }
    }

    /// Reads a line for itself where the first is one whole value, so that a bad one costs no other; else all as one.
    fn text(&mut self, mut text: Box<dyn BufRead>) {
        let mut first = Vec::new();
        if let Err(error) = (&mut text).take(LONGEST).read_until(b'\n', &mut first) {
            // What was unpacked before is read, and then fails again.
            let rest = io::Cursor::new(first).chain(Failing(Some(error)));
            return self.stream(rest);
        }
        let is_line = serde_json::from_slice::<IgnoredAny>(&first).is_ok();
        match is_line {
            true => self.lines(first, text),
            false => self.stream(io::Cursor::new(first).chain(text)),
        }
    }

    fn lines(&mut self, first: Vec<u8>, mut text: Box<dyn BufRead>) {
        let (mut line, mut number) = (first, 1);
        loop {
            if line.len() as u64 >= LONGEST && !line.ends_with(b"\n") {
                self.problem(
                    Some((number, 1)),
                    format!("a line of more than {} MiB", LONGEST >> 20),
                );
                if let Err(error) = skip_line(&mut text) {
                    return self.problem(Some((number, 1)), format!("cannot be read: {error}"));
                }
            } else if !line.trim_ascii().is_empty() {
                let meter = Cell::new(0);
                let mut json = serde_json::Deserializer::from_slice(&line);
                let top = Top {
                    state: self,
                    meter: &meter,
                };
                if let Err(error) = top.deserialize(&mut json).and_then(|()| json.end()) {
                    self.broken(Some(number), &error);
                }
            }
            line.clear();
            number += 1;
            match (&mut text).take(LONGEST).read_until(b'\n', &mut line) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    let after = self.about.items;
                    return self
                        .problem(Some((number, 1)), format!("after {after} items: {error}"));
                }
            }
        }
    }

    fn stream(&mut self, text: impl Read) {
        let meter = Cell::new(0);
        let text = Metered {
            inner: BufReader::with_capacity(BUFFER, text),
            meter: &meter,
        };
        let mut json = serde_json::Deserializer::from_reader(text);
        let mut any = false;
        loop {
            match json.end() {
                Ok(()) if any => return,
                Ok(()) => return self.problem(None, "it is empty".into()),
                Err(error) if error.is_io() => return self.broken(None, &error),
                Err(_) => {}
            }
            any = true;
            let top = Top {
                state: self,
                meter: &meter,
            };
            if let Err(error) = top.deserialize(&mut json) {
                return self.broken(None, &error);
            }
        }
    }
}

fn skip_line(text: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let chunk = text.fill_buf()?;
        if chunk.is_empty() {
            return Ok(());
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(chunk.len(), |end| end + 1);
        text.consume(length);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// Fails once with the error that came up before.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match self.0.take() {
            Some(error) => Err(error),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Counts bytes, and ends an item that is too long.
struct Metered<'a, R> {
    inner: R,
    meter: &'a Cell<u64>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.meter.get() > LONGEST {
            return Err(io::Error::other(format!(
                "an item of more than {} MiB",
                LONGEST >> 20
            )));
        }
        let read = self.inner.read(buffer)?;
        self.meter.set(self.meter.get() + read as u64);
        Ok(read)
    }
}

/// A value of a file: an item, a list of them, or an object that holds such lists.
struct Top<'s, 'a> {
    state: &'s mut State<'a>,
    meter: &'s Cell<u64>,
}

impl<'de> DeserializeSeed<'de> for Top<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        self.meter.set(0);
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Top<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a configuration item or a list of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        Items {
            state: self.state,
            meter: self.meter,
            recorded: true,
        }
        .visit_seq(items)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.state.item(Value::String(text.to_owned()));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Top { state, meter } = self;
        let mut own = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let lower = name.to_ascii_lowercase();
            match lower.as_str() {
                "configurationitems" | "baseconfigurationitems" | "results" => {
                    state.about.known |= lower != "results";
                    map.next_value_seed(Items {
                        state: &mut *state,
                        meter,
                        recorded: true,
                    })?;
                }
                "unprocessedresourceidentifiers" => {
                    map.next_value_seed(Items {
                        state: &mut *state,
                        meter,
                        recorded: false,
                    })?;
                }
                "configurationitem" => {
                    let item = map.next_value()?;
                    state.item(item);
                }
                "configsnapshotid" => {
                    state.about.snapshot |= !map.next_value::<Value>()?.is_null();
                    state.about.delivery = true;
                }
                "fileversion" => {
                    map.next_value::<IgnoredAny>()?;
                    state.about.delivery = true;
                }
                "nexttoken" => {
                    let token = map.next_value::<Value>()?;
                    state.about.more = token.as_str().is_some_and(|token| !token.is_empty());
                }
                _ if MEMBERS.contains(&lower.as_str()) => {
                    if own.insert(name, map.next_value()?).is_some() {
                        return Err(A::Error::custom(format!("{lower} stands there twice")));
                    }
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if own.contains_key("resourceType") || own.contains_key("ResourceType") {
            state.item(Value::Object(own));
        }
        Ok(())
    }
}

/// A list of items.
struct Items<'s, 'a> {
    state: &'s mut State<'a>,
    meter: &'s Cell<u64>,
    /// False for a list of what could not be told.
    recorded: bool,
}

impl<'de> DeserializeSeed<'de> for Items<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of configuration items")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.meter.set(0);
        while let Some(mut item) = items.next_element::<Value>()? {
            if let (false, Value::Object(map)) = (self.recorded, &mut item) {
                map.insert(
                    "configurationItemStatus".into(),
                    "ResourceNotRecorded".into(),
                );
            }
            self.state.item(item);
            self.meter.set(0);
        }
        Ok(())
    }
}
