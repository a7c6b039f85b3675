//! Where the records of a document begin and end, without parsing them.
//!
//! All that is done to most records is to find their end: braces and brackets outside of strings are counted. Nothing is
//! taken for granted about what stands between two records: `},{"eventVersion"` may as well stand in a string that somebody
//! sent as a parameter.

use crate::block::container_end;
use crate::forms::Form;
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
    /// An object that neither is a record nor has `Records`, nor any other form of CloudTrail's. What follows it is split.
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
/// another, as in newline-delimited JSON and in files that were joined. Of an envelope of Amazon EventBridge it is the
/// `detail`. What has its records in another form, as the answers of `LookupEvents` and OCSF, has [`Error::NoRecords`] here;
/// [`Reader`](crate::Reader) reads it.
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
    Records(pieces(text))
}

/// The iterator of [`records`].
#[derive(Clone, Debug)]
pub struct Records<'a>(Pieces<'a>);

impl Iterator for Records<'_> {
    type Item = Result<Range<usize>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let piece = self.0.next()?;
        Some(piece.and_then(|piece| match piece.form {
            Form::Record => Ok(piece.range),
            _ => Err(Error::NoRecords {
                offset: piece.range.start,
            }),
        }))
    }
}

/// The records of a document, and what holds one in another form.
pub(crate) fn pieces(text: &[u8]) -> Pieces<'_> {
    Pieces {
        text,
        at: match text.starts_with(BYTE_ORDER_MARK) {
            true => BYTE_ORDER_MARK.len(),
            false => 0,
        },
        state: State::Between,
        list: NO_LIST,
    }
}

/// What a part of a document is: a record, or what one is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub range: Range<usize>,
    pub form: Form,
}

/// The iterator of [`pieces`].
#[derive(Clone, Debug)]
pub(crate) struct Pieces<'a> {
    text: &'a [u8],
    at: usize,
    state: State,
    /// The list that it is in. Not a part of the state, which would be copied with each record.
    list: List,
}

impl Piece {
    fn record(range: Range<usize>) -> Self {
        Piece {
            range,
            form: Form::Record,
        }
    }
}

/// Where in the document the iterator is.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Outside of everything.
    Between,
    /// In an object that is no list's, before a key or its end.
    Object(Object),
    /// In a list, before an element or its end.
    List { first: bool },
    /// In a list, after an element.
    AfterElement,
    /// After an error.
    Over,
}

const NO_LIST: List = List {
    within: None,
    form: Form::Record,
};

/// A list of records, or of what holds them.
#[derive(Clone, Copy, Debug)]
struct List {
    /// The object that it is in. The elements of one that is in none may be of several forms.
    within: Option<Object>,
    form: Form,
}

#[derive(Clone, Copy, Debug)]
struct Object {
    start: usize,
    /// Before its first key.
    empty: bool,
    /// It has a list of records, or of what holds them.
    has_records: bool,
    /// It has a key of a record.
    is_record: bool,
    /// What stands in an envelope of Amazon EventBridge: from where to where.
    detail: Option<(usize, usize)>,
    /// It has what all objects of OCSF have: a class, and metadata.
    class: bool,
    metadata: bool,
    /// CloudWatch Logs asks whether anybody is there.
    control: bool,
}

impl Object {
    fn at(start: usize) -> Self {
        Object {
            start,
            empty: true,
            has_records: false,
            is_record: false,
            detail: None,
            class: false,
            metadata: false,
            control: false,
        }
    }

    /// What a key's list holds. A record is not taken apart, whatever it has.
    fn list(&self, key: &[u8]) -> Option<Form> {
        match key {
            b"Records" => Some(Form::Record),
            _ if self.is_record => None,
            b"Events" => Some(Form::LookupEvent),
            b"logEvents" if !self.control => Some(Form::LogEvent),
            b"QueryResultRows" => Some(Form::QueryRow),
            _ => None,
        }
    }

    /// Notes what tells the object's form.
    fn note(&mut self, key: &[u8], value: &[u8], range: Range<usize>) {
        let object = value.first() == Some(&b'{');
        match key {
            b"detail" if object => self.detail = Some((range.start, range.end)),
            b"class_uid" => self.class = true,
            b"metadata" => self.metadata = object,
            b"messageType" if value == b"\"CONTROL_MESSAGE\"" => {
                self.control = true;
                self.has_records = true;
            }
            _ => {}
        }
    }
}

impl Iterator for Pieces<'_> {
    type Item = Result<Piece, Error>;

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
                State::List { first } => self.element(first),
                State::AfterElement => self.after_element(),
                State::Over => return None,
            };
            match step {
                Ok(None) => {}
                Ok(Some(piece)) => return Some(Ok(piece)),
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

impl Pieces<'_> {
    fn document(&mut self) -> Result<Option<Piece>, Error> {
        let start = self.at;
        self.state = match self.expect("an object or a list", |byte| matches!(byte, b'{' | b'['))? {
            b'{' => State::Object(Object::at(start)),
            _ => {
                self.list = NO_LIST;
                State::List { first: true }
            }
        };
        Ok(None)
    }

    /// Goes on to the object's list of records or its end.
    fn object(&mut self, mut object: Object) -> Result<Option<Piece>, Error> {
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
            if let Some(form) = object.list(key)
                && self.peek() == Some(b'[')
            {
                self.at += 1;
                object.has_records = true;
                self.list = List {
                    within: Some(object),
                    form,
                };
                self.state = State::List { first: true };
                return Ok(None);
            }
            let value = self.value().map_err(|error| match error {
                Error::Truncated { .. } => cut.clone(),
                other => other,
            })?;
            if !object.is_record {
                object.note(key, &self.text[value.clone()], value);
            }
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

    fn object_ends(&mut self, object: Object) -> Result<Option<Piece>, Error> {
        self.state = State::Between;
        let whole = object.start..self.at;
        match object {
            Object {
                has_records: true, ..
            } => Ok(None),
            Object {
                is_record: true, ..
            } => Ok(Some(Piece::record(whole))),
            Object {
                detail: Some((start, end)),
                ..
            } if self.is_record(start..end) => Ok(Some(Piece::record(start..end))),
            Object {
                class: true,
                metadata: true,
                ..
            } => Ok(Some(Piece {
                range: whole,
                form: Form::Ocsf,
            })),
            _ => Err(Error::NoRecords {
                offset: object.start,
            }),
        }
    }

    /// True for an object with a key of a record. EventBridge carries many other things.
    fn is_record(&self, range: Range<usize>) -> bool {
        self.alone(&range)
            .is_some_and(|piece| piece.form == Form::Record && piece.range == range)
    }

    /// An object that ends where it is known to, by itself.
    fn alone(&self, range: &Range<usize>) -> Option<Piece> {
        let mut alone = Pieces {
            text: &self.text[..range.end],
            at: range.start + 1,
            state: State::Over,
            list: NO_LIST,
        };
        // Not by `next`, which would go on with what `detail` has in it, and so on.
        let mut object = Object::at(range.start);
        loop {
            alone.space();
            let start = alone.at;
            if alone.peek() != Some(b'"') {
                break;
            }
            alone.at = string_end(alone.text, start)?;
            let key = &alone.text[start + 1..alone.at - 1];
            if MARKS.contains(&key) {
                return Some(Piece::record(range.clone()));
            }
            alone.space();
            alone.expect("a colon", |byte| byte == b':').ok()?;
            alone.space();
            let value = alone.value().ok()?;
            object.note(key, &alone.text[value.clone()], value);
            if !alone.object_goes_on().ok()? {
                break;
            }
        }
        match object {
            Object {
                detail: Some((start, end)),
                ..
            } => Some(Piece::record(start..end)),
            Object {
                class: true,
                metadata: true,
                ..
            } => Some(Piece {
                range: range.clone(),
                form: Form::Ocsf,
            }),
            _ => None,
        }
    }

    fn element(&mut self, first: bool) -> Result<Option<Piece>, Error> {
        self.space();
        if first && self.peek() == Some(b']') {
            self.at += 1;
            return self.list_ends();
        }
        let range = self.value()?;
        self.state = State::AfterElement;
        // CloudTrail's own list is not looked into: all that it has are records, and this is where the time goes.
        let piece = match self.list.within {
            None if self.text[range.start] == b'{' => self.alone(&range),
            _ => None,
        };
        let piece = piece.filter(|piece| {
            let taken_out = piece.form == Form::Record && piece.range != range;
            !taken_out || self.is_record(piece.range.clone())
        });
        Ok(Some(piece.unwrap_or(Piece {
            range,
            form: self.list.form,
        })))
    }

    fn after_element(&mut self) -> Result<Option<Piece>, Error> {
        self.space();
        match self.expect("a comma or the list's end", |byte| {
            matches!(byte, b',' | b']')
        })? {
            b',' => {
                self.state = State::List { first: false };
                Ok(None)
            }
            _ => self.list_ends(),
        }
    }

    fn list_ends(&mut self) -> Result<Option<Piece>, Error> {
        let Some(object) = self.list.within else {
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
