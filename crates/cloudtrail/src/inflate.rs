//! Inflating files: fast when they are whole, and to the damage when they are not.
//!
//! Whole files go through libdeflate, which reads a buffer at once and gives all or nothing. What it refuses is read
//! again, with care, by a reader that keeps all that comes before the damage.

use flate2::{Decompress, FlushDecompress, Status};
use libdeflater::{DecompressionError, Decompressor};
use memchr::memmem;
use std::fmt;

/// The most that a file may hold, unless another bound is set: no file that CloudTrail delivers has a hundredth of it.
pub const MOST_INFLATED: usize = 2 << 30;

/// The first bytes of a gzip member: its magic and the one method that there is (RFC 1952, section 2.3.1).
const MEMBER: [u8; 3] = [0x1f, 0x8b, 0x08];
/// The smallest member: header, an empty block, checksum and size.
const SMALLEST_MEMBER: usize = 20;
const HEADER: usize = 10;
const TRAILER: usize = 8;
/// CloudTrail's files hold ten to twenty times their size; more is asked for when it is needed.
const LIKELY_RATIO: usize = 64;
/// What looks like the beginning of another member is found by chance in one of some million bytes. More than these in one member
/// are no chance, and trying each would take the square of the time.
const MOST_FALSE_MEMBERS: usize = 4;
/// A buffer that has grown to more than this is given back after use.
const KEPT: usize = 256 << 20;

/// What is wrong with a compressed file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It inflates to more than the bound, as files made to fill the memory do. Nothing of it is kept.
    #[error("it inflates to more than {most} bytes, which no log file does: refused")]
    TooLarge {
        /// The bound.
        most: usize,
    },
    /// It ends within a member.
    #[error("the compressed file is cut off after {0} bytes")]
    Truncated(usize),
    /// What stands there is not what compression makes.
    #[error("the compressed file is corrupt at its byte {0}")]
    Corrupt(usize),
    /// All could be inflated, but it is not what was compressed: anything of it may be wrong.
    #[error(
        "the checksum that ends at byte {0} of the compressed file does not match: what it holds was changed"
    )]
    Checksum(usize),
    /// Something else follows.
    #[error("from byte {0} of the compressed file on it is not compressed")]
    Trailing(usize),
}

/// What was in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inflated<'a> {
    /// All of it, or what comes before the damage.
    pub text: &'a [u8],
    /// What is wrong with it.
    pub damage: Option<Damage>,
}

/// Inflates files, one after another, into a buffer that is kept.
pub struct Inflater {
    whole: Decompressor,
    /// All of it may be written to; what is beyond the text is of files before.
    buffer: Vec<u8>,
    most: usize,
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

impl Default for Inflater {
    fn default() -> Self {
        Inflater::new(MOST_INFLATED)
    }
}

/// True for what begins as gzip does.
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&MEMBER[..2])
}

/// Why the quick way was left.
enum Leave {
    /// The careful one may get further.
    Careful,
    TooLarge,
}

impl Inflater {
    /// One that refuses files that hold more than `most` bytes.
    pub fn new(most: usize) -> Self {
        Inflater {
            whole: Decompressor::new(),
            buffer: Vec::new(),
            most,
        }
    }

    /// Inflates a file of one or several gzip members.
    pub fn inflate(&mut self, gzip: &[u8]) -> Inflated<'_> {
        if self.buffer.len() > KEPT {
            self.buffer = Vec::new();
        }
        let too_large = Damage::TooLarge { most: self.most };
        let (length, damage) = match self.members(gzip) {
            Ok(length) => (length, None),
            Err(Leave::TooLarge) => (0, Some(too_large)),
            Err(Leave::Careful) => match self.careful(gzip) {
                Careful {
                    damage: Some(Damage::TooLarge { .. }),
                    ..
                } => (0, Some(too_large)),
                Careful { length, damage } => (length, damage),
            },
        };
        Inflated {
            text: &self.buffer[..length],
            damage,
        }
    }

    /// Makes room for `wanted` bytes of text, or as many as there may be.
    fn room(&mut self, wanted: usize) {
        let wanted = wanted.min(self.most.saturating_add(1));
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
    }

    /// All members by libdeflate; gives the length of the text. It does not tell where a member ends, and passes over what
    /// follows. So a member is taken to end before what looks like the beginning of another, which must be so when it can be
    /// inflated and has the length that is written there.
    fn members(&mut self, gzip: &[u8]) -> Result<usize, Leave> {
        let (mut from, mut length) = (0, 0);
        while from < gzip.len() {
            let rest = &gzip[from..];
            let begins =
                memmem::find_iter(rest.get(SMALLEST_MEMBER..).unwrap_or_default(), &MEMBER);
            // The end of the file only when all that comes before was tried: the last member may have the first one's size.
            let ends = begins
                .map(|at| SMALLEST_MEMBER + at)
                .chain(std::iter::once(rest.len()))
                .take(MOST_FALSE_MEMBERS);
            let mut whole = None;
            for end in ends {
                if let Some(text) = self.member(&rest[..end], length)? {
                    whole = Some((end, text));
                    break;
                }
            }
            let (end, text) = whole.ok_or(Leave::Careful)?;
            from += end;
            length += text;
        }
        match from {
            0 => Err(Leave::Careful),
            _ => Ok(length),
        }
    }

    /// Inflates one member behind the text so far; none when it does not end where it is said to.
    fn member(&mut self, member: &[u8], length: usize) -> Result<Option<usize>, Leave> {
        let Some(size) = member.last_chunk::<4>() else {
            return Err(Leave::Careful);
        };
        let size = u32::from_le_bytes(*size);
        let likely = (size as usize).min(member.len().saturating_mul(LIKELY_RATIO));
        self.room(length + likely.max(1));
        loop {
            let room = &mut self.buffer[length..];
            match self.whole.gzip_decompress(member, room) {
                Ok(text) if length + text > self.most => return Err(Leave::TooLarge),
                // The size is kept modulo 2^32.
                Ok(text) if text as u32 == size => return Ok(Some(text)),
                // It ends before, and something follows that is no member.
                Ok(_) => return Err(Leave::Careful),
                Err(DecompressionError::BadData) => return Ok(None),
                Err(DecompressionError::InsufficientSpace) => {
                    if self.buffer.len() > self.most {
                        return Err(Leave::TooLarge);
                    }
                    self.room(self.buffer.len().saturating_mul(2));
                }
            }
        }
    }

    /// Member by member and block by block, up to the damage.
    fn careful(&mut self, gzip: &[u8]) -> Careful {
        let mut read = Careful::default();
        let mut at = 0;
        while at < gzip.len() {
            // Tapes and block devices pad files.
            if at > 0 && gzip[at..].iter().all(|byte| *byte == 0) {
                break;
            }
            at = match header_end(gzip, at) {
                Ok(end) => end,
                Err(damage) => {
                    read.damaged(damage);
                    break;
                }
            };
            let start = read.length;
            at = match self.blocks(gzip, at, &mut read.length) {
                Ok(end) => end,
                Err(damage) => {
                    read.damaged(damage);
                    break;
                }
            };
            let Some((trailer, _)) = gzip[at..].split_first_chunk::<TRAILER>() else {
                read.damaged(Damage::Truncated(gzip.len()));
                break;
            };
            at += TRAILER;
            let text = &self.buffer[start..read.length];
            let (checksum, size) = trailer.split_at(4);
            if checksum != libdeflater::crc32(text).to_le_bytes()
                || size != (text.len() as u32).to_le_bytes()
            {
                read.damaged(Damage::Checksum(at));
            }
        }
        if gzip.is_empty() {
            read.damaged(Damage::Truncated(0));
        }
        read
    }

    /// Inflates the blocks that begin at `at`, and gives where they end.
    fn blocks(&mut self, gzip: &[u8], at: usize, length: &mut usize) -> Result<usize, Damage> {
        let mut inflate = Decompress::new(false);
        let mut at = at;
        loop {
            if *length > self.most {
                return Err(Damage::TooLarge { most: self.most });
            }
            if *length == self.buffer.len() {
                self.room((*length * 2).max(1 << 16));
            }
            let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(
                &gzip[at..],
                &mut self.buffer[*length..],
                FlushDecompress::None,
            );
            // Within the slices that were handed over, so they fit. What comes before an error is counted, too.
            let read = (inflate.total_in() - before_in) as usize;
            let written = (inflate.total_out() - before_out) as usize;
            at += read;
            *length += written;
            match status {
                Ok(Status::StreamEnd) if *length <= self.most => return Ok(at),
                Ok(_) if read == 0 && written == 0 => return Err(Damage::Truncated(gzip.len())),
                Ok(_) => {}
                Err(_) => return Err(Damage::Corrupt(at)),
            }
        }
    }
}

/// How far the careful reader came.
#[derive(Default)]
struct Careful {
    length: usize,
    damage: Option<Damage>,
}

impl Careful {
    /// The first one counts.
    fn damaged(&mut self, damage: Damage) {
        self.damage.get_or_insert(damage);
    }
}

/// Where the header of the member that begins at `at` ends (RFC 1952, section 2.3).
fn header_end(gzip: &[u8], at: usize) -> Result<usize, Damage> {
    const HEADER_CHECKSUM: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let member = &gzip[at..];
    let cut = || Damage::Truncated(gzip.len());
    let magic = &member[..member.len().min(MEMBER.len())];
    if !MEMBER.starts_with(magic) {
        return Err(Damage::Trailing(at));
    }
    let flags = *member.get(3).ok_or_else(cut)?;
    let mut end = HEADER;
    if flags & EXTRA != 0 {
        let size = member.get(end..end + 2).ok_or_else(cut)?;
        end += 2 + usize::from(u16::from_le_bytes([size[0], size[1]]));
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let text = member.get(end..).ok_or_else(cut)?;
            end += memchr::memchr(0, text).ok_or_else(cut)? + 1;
        }
    }
    if flags & HEADER_CHECKSUM != 0 {
        end += 2;
    }
    match end <= member.len() {
        true => Ok(at + end),
        false => Err(cut()),
    }
}
