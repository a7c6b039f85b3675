//! Where the records of a document begin and end, without parsing them.
//!
//! All that is done to most records is to find their end: braces and brackets outside of strings are counted. Nothing is
//! taken for granted about what stands between two records: `},{"eventVersion"` may as well stand in a string that somebody
//! sent as a parameter.

use crate::block::container_end;
use memchr::memchr2;
use std::ops::Range;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Keys of which every record has one.
const MARKS: [&[u8]; 5] = [
    b"eventVersion",
    b"eventName",
    b"eventTime",
    b"eventID",
    b"eventSource",
];

/// Why a document could not be split, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The document ends within something. Nothing follows.
    #[error("the document is cut off: what begins here has no end")]
    Truncated {
        /// Where that begins: all records before are whole.
        offset: usize,
    },
    /// Something that cannot stand where it stands. Nothing follows.
    #[error("no JSON of CloudTrail's: {expected} expected, {:?} found", char::from(*found))]
    Unexpected {
        /// Where.
        offset: usize,
        /// What stands there.
        found: u8,
        /// What should.
        expected: &'static str,
    },
    /// An object that neither is a record nor has `Records`. What follows it is split.
    #[error("neither a record nor an object with a list of Records")]
    NoRecords {
        /// Where it begins.
        offset: usize,
    },
}

impl Error {
    /// The byte of the document.
    pub fn offset(&self) -> usize {
        match self {
            Error::Truncated { offset }
            | Error::Unexpected { offset, .. }
            | Error::NoRecords { offset } => *offset,
        }
    }
}

/// The records of a document, as the ranges of its bytes that they are in: of objects with a list of `Records`, wherever
/// that stands among their keys; of lists; and objects that are records themselves. Of each there may be several after
/// another, as in newline-delimited JSON and in files that were joined.
///
/// After an error that says so there is nothing more.
///
/// ```
/// let text = br#"{"Records":[{"eventName":"Decrypt"},{"eventName":"Encrypt"}]}"#;
/// let records: Vec<_> = lockfast_cloudtrail::split::records(text)
///     .map(|range| range.map(|range| &text[range]))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(records, [br#"{"eventName":"Decrypt"}"#, br#"{"eventName":"Encrypt"}"#]);
/// # Ok::<(), lockfast_cloudtrail::split::Error>(())
/// ```
pub fn records(text: &[u8]) -> Records<'_> {
    Records {
        text,
        at: match text.starts_with(BYTE_ORDER_MARK) {
            true => BYTE_ORDER_MARK.len(),
            false => 0,
        },
        state: State::Between,
    }
}

/// The iterator of [`records`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    text: &'a [u8],
    at: usize,
    state: State,
}

/// Where in the document the iterator is.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Outside of everything.
    Between,
    /// In an object that is no list's, before a key or its end.
    Object(Object),
    /// In a list of records, before an element or its end.
    List { within: Option<Object>, first: bool },
    /// In a list of records, after an element.
    AfterElement { within: Option<Object> },
    /// After an error.
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Object {
    start: usize,
    /// Before its first key.
    empty: bool,
    /// It has a list of records.
    has_records: bool,
    /// It has a key of a record.
    is_record: bool,
}

impl Iterator for Records<'_> {
    type Item = Result<Range<usize>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let step = match self.state {
                State::Between => {
                    self.space();
                    if self.at == self.text.len() {
                        return None;
                    }
                    self.document()
                }
                State::Object(object) => self.object(object),
                State::List { within, first } => self.element(within, first),
                State::AfterElement { within } => self.after_element(within),
                State::Over => return None,
            };
            match step {
                Ok(None) => {}
                Ok(Some(range)) => return Some(Ok(range)),
                Err(error) => {
                    if !matches!(error, Error::NoRecords { .. }) {
                        self.state = State::Over;
                    }
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Records<'_> {
    fn document(&mut self) -> Result<Option<Range<usize>>, Error> {
        let start = self.at;
        self.state = match self.expect("an object or a list", |byte| matches!(byte, b'{' | b'['))? {
            b'{' => State::Object(Object {
                start,
                empty: true,
                has_records: false,
                is_record: false,
            }),
            _ => State::List {
                within: None,
                first: true,
            },
        };
        Ok(None)
    }

    /// Goes on to the object's list of records or its end.
    fn object(&mut self, mut object: Object) -> Result<Option<Range<usize>>, Error> {
        let cut = Error::Truncated {
            offset: match object.has_records {
                true => self.at,
                false => object.start,
            },
        };
        loop {
            self.space();
            if object.empty && self.peek() == Some(b'}') {
                self.at += 1;
                return self.object_ends(object);
            }
            object.empty = false;
            let Some(byte) = self.peek() else {
                return Err(cut);
            };
            if byte != b'"' {
                return Err(self.unexpected(byte, "a key"));
            }
            let start = self.at;
            self.at = string_end(self.text, start).ok_or_else(|| cut.clone())?;
            let key = &self.text[start + 1..self.at - 1];
            object.is_record |= MARKS.contains(&key);
            self.space();
            self.expect("a colon", |byte| byte == b':')?;
            self.space();
            if key == b"Records" && self.peek() == Some(b'[') {
                self.at += 1;
                object.has_records = true;
                self.state = State::List {
                    within: Some(object),
                    first: true,
                };
                return Ok(None);
            }
            self.value().map_err(|error| match error {
                Error::Truncated { .. } => cut.clone(),
                other => other,
            })?;
            if self.object_goes_on()? {
                continue;
            }
            return self.object_ends(object);
        }
    }

    /// After a value of an object: true when another key follows.
    fn object_goes_on(&mut self) -> Result<bool, Error> {
        self.space();
        let byte = self.expect("a comma or the object's end", |byte| {
            matches!(byte, b',' | b'}')
        })?;
        Ok(byte == b',')
    }

    fn object_ends(&mut self, object: Object) -> Result<Option<Range<usize>>, Error> {
        self.state = State::Between;
        match object {
            Object {
                has_records: true, ..
            } => Ok(None),
            Object {
                is_record: true, ..
            } => Ok(Some(object.start..self.at)),
            _ => Err(Error::NoRecords {
                offset: object.start,
            }),
        }
    }

    fn element(
        &mut self,
        within: Option<Object>,
        first: bool,
    ) -> Result<Option<Range<usize>>, Error> {
        self.space();
        if first && self.peek() == Some(b']') {
            self.at += 1;
            return self.list_ends(within);
        }
        let range = self.value()?;
        self.state = State::AfterElement { within };
        Ok(Some(range))
    }

    fn after_element(&mut self, within: Option<Object>) -> Result<Option<Range<usize>>, Error> {
        self.space();
        match self.expect("a comma or the list's end", |byte| {
            matches!(byte, b',' | b']')
        })? {
            b',' => {
                self.state = State::List {
                    within,
                    first: false,
                };
                Ok(None)
            }
            _ => self.list_ends(within),
        }
    }

    fn list_ends(&mut self, within: Option<Object>) -> Result<Option<Range<usize>>, Error> {
        let Some(object) = within else {
            self.state = State::Between;
            return Ok(None);
        };
        if self.object_goes_on()? {
            self.state = State::Object(object);
            return Ok(None);
        }
        self.object_ends(object)
    }

    /// Goes over a value, of whichever kind.
    fn value(&mut self) -> Result<Range<usize>, Error> {
        let start = self.at;
        let end = match self.peek() {
            None => None,
            Some(b'"') => string_end(self.text, start),
            Some(b'{' | b'[') => container_end(self.text, start),
            Some(byte @ (b',' | b':' | b'}' | b']')) => {
                return Err(self.unexpected(byte, "a value"));
            }
            Some(_) => self.text[start..]
                .iter()
                .position(|byte| {
                    is_space(*byte)
                        || matches!(byte, b',' | b':' | b'"' | b'{' | b'}' | b'[' | b']')
                })
                .map(|length| start + length),
        };
        self.at = end.ok_or(Error::Truncated { offset: start })?;
        Ok(start..self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    fn expect(&mut self, expected: &'static str, is: impl Fn(u8) -> bool) -> Result<u8, Error> {
        match self.peek() {
            None => Err(Error::Truncated { offset: self.at }),
            Some(byte) if is(byte) => {
                self.at += 1;
                Ok(byte)
            }
            Some(byte) => Err(self.unexpected(byte, expected)),
        }
    }

    fn unexpected(&self, found: u8, expected: &'static str) -> Error {
        Error::Unexpected {
            offset: self.at,
            found,
            expected,
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// The end of the string that begins at `start`.
fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        // Whatever follows a backslash ends nothing.
        at += 2;
    }
}
