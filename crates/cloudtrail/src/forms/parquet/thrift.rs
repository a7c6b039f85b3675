//! As much of Thrift's compact protocol as says how large things claim to be.
//!
//! A footer or the head of a page that lies about a length, or nests without end, would make its reader ask for all memory or
//! run out of stack, of which both end the process. So they are walked here first: nothing is allocated, depth is bounded, and no
//! list has more elements than there are bytes. Source: github.com/apache/thrift, doc/specs/thrift-compact-protocol.md.

/// How deep structs and columns may nest: those of Security Lake have six levels.
const MOST_DEPTH: usize = 48;

const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;
const UUID: u8 = 13;

/// The head of a page (parquet.thrift, `PageHeader`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The bytes that the head itself has.
    pub length: usize,
    /// 0 data, 1 index, 2 dictionary, 3 data of the second version.
    pub kind: i64,
    pub uncompressed: i64,
    pub compressed: i64,
    pub values: i64,
    pub encoding: i64,
    pub definition_encoding: i64,
    pub repetition_encoding: i64,
    pub nulls: i64,
    pub rows: i64,
    pub definition_bytes: i64,
    pub repetition_bytes: i64,
    pub plain: bool,
}

impl Head {
    /// The head that begins the bytes; none when it is not whole in them, or none.
    pub(super) fn of(bytes: &[u8]) -> Option<Head> {
        let mut head = Head::default();
        let mut input = Input { bytes, at: 0 };
        input.fields(|input, id, kind| {
            match (id, kind) {
                (1, I32) => head.kind = input.zigzag()?,
                (2, I32) => head.uncompressed = input.zigzag()?,
                (3, I32) => head.compressed = input.zigzag()?,
                (5 | 7 | 8, STRUCT) => {
                    let version_2 = id == 8;
                    input.fields(|input, id, kind| {
                        let target = match (version_2, id) {
                            (_, 1) => &mut head.values,
                            (false, 2) | (true, 4) => &mut head.encoding,
                            (false, 3) => &mut head.definition_encoding,
                            (false, 4) => &mut head.repetition_encoding,
                            (true, 2) => &mut head.nulls,
                            (true, 3) => &mut head.rows,
                            (true, 5) => &mut head.definition_bytes,
                            (true, 6) => &mut head.repetition_bytes,
                            (true, 7) => {
                                head.plain = kind == FALSE;
                                return Some(());
                            }
                            _ => return input.skip(kind, MOST_DEPTH),
                        };
                        match kind {
                            I32 => *target = input.zigzag()?,
                            kind => input.skip(kind, MOST_DEPTH)?,
                        }
                        Some(())
                    })?;
                }
                (_, kind) => input.skip(kind, MOST_DEPTH)?,
            }
            Some(())
        })?;
        head.length = input.at;
        Some(head)
    }
}

/// True when a footer (parquet.thrift, `FileMetaData`) is one that may be read: whole, with lists that are no longer than it, and
/// columns that do not nest too deep.
pub(super) fn is_sane(footer: &[u8]) -> bool {
    let mut input = Input {
        bytes: footer,
        at: 0,
    };
    let walked = input.fields(|input, id, kind| match (id, kind) {
        (2, LIST) => input.schema(),
        (_, kind) => input.skip(kind, MOST_DEPTH),
    });
    walked.is_some()
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn over(&mut self, length: u64) -> Option<()> {
        let end = self.at.checked_add(usize::try_from(length).ok()?)?;
        (end <= self.bytes.len()).then(|| self.at = end)
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = varint(self.bytes, &mut self.at)?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Each field of a struct, to its end.
    fn fields(&mut self, mut each: impl FnMut(&mut Self, i64, u8) -> Option<()>) -> Option<()> {
        let mut id = 0_i64;
        loop {
            let byte = self.byte()?;
            let kind = byte & 0x0f;
            if kind == STOP {
                return Some(());
            }
            id = match byte >> 4 {
                0 => self.zigzag()?,
                delta => id.checked_add(i64::from(delta))?,
            };
            each(self, id, kind)?;
        }
    }

    /// How many elements a list has, and of which kind.
    fn list(&mut self) -> Option<(u64, u8)> {
        let byte = self.byte()?;
        let size = match byte >> 4 {
            15 => varint(self.bytes, &mut self.at)?,
            size => u64::from(size),
        };
        // No element has less than a byte.
        (size <= (self.bytes.len() - self.at) as u64).then_some((size, byte & 0x0f))
    }

    /// The columns: a list in which each group comes before its children.
    fn schema(&mut self) -> Option<()> {
        let (size, kind) = self.list()?;
        // How many children each of the groups that we are in has yet to come.
        let mut open: Vec<i64> = Vec::new();
        for _ in 0..size {
            if kind != STRUCT {
                return None;
            }
            let mut children = 0;
            self.fields(|input, id, kind| match (id, kind) {
                (5, I32) => {
                    children = input.zigzag()?;
                    Some(())
                }
                (_, kind) => input.skip(kind, MOST_DEPTH),
            })?;
            if let Some(last) = open.last_mut() {
                *last -= 1;
            }
            open.push(children);
            while open.last().is_some_and(|children| *children <= 0) {
                open.pop();
            }
            if open.len() > MOST_DEPTH {
                return None;
            }
        }
        Some(())
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            TRUE | FALSE => Some(()),
            BYTE => self.over(1),
            I16 | I32 | I64 => self.zigzag().map(|_| ()),
            DOUBLE => self.over(8),
            UUID => self.over(16),
            BINARY => {
                let length = varint(self.bytes, &mut self.at)?;
                self.over(length)
            }
            LIST | SET => {
                let (size, kind) = self.list()?;
                for _ in 0..size {
                    self.element(kind, depth)?;
                }
                Some(())
            }
            MAP => {
                let size = varint(self.bytes, &mut self.at)?;
                if size == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                for _ in 0..size {
                    self.element(kinds >> 4, depth)?;
                    self.element(kinds & 0x0f, depth)?;
                }
                Some(())
            }
            STRUCT => self.fields(|input, _, kind| input.skip(kind, depth)),
            _ => None,
        }
    }

    /// In lists and maps what is true or false has a byte; in structs the field's kind says it.
    fn element(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            TRUE | FALSE => self.over(1),
            kind => self.skip(kind, depth),
        }
    }
}

/// A number of as many bytes as it needs, seven bits in each.
pub(super) fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
