//! The pages of a column, each inflated within a bound.
//!
//! The parquet crate reads pages, too; but it takes their word for how large they are, and inflates gzip and Zstandard to
//! whatever they hold. Here what a column's pages hold is counted, and what lies is refused before anything is made of it.

use super::codec;
use super::source::Source;
use super::thrift::{Head, varint};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Heads are short, unless statistics are in them.
const LIKELY_HEAD: usize = 256;
const MOST_HEAD: usize = 16 << 20;
/// More rows at once are not faster.
const MOST_ROWS: usize = 256;
/// What a level and the value that it belongs to take when they are read.
pub(super) const VALUE: usize = 48;

/// What the pages that are held at once have, and the most that they may.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    held: Arc<AtomicUsize>,
    most: usize,
}

impl Budget {
    pub(super) fn new(most: usize) -> Self {
        Budget {
            held: Arc::default(),
            most,
        }
    }

    /// How many rows can be read at once: no value is larger than its page.
    pub(super) fn rows(&self) -> usize {
        match self.held.load(Ordering::Relaxed) {
            // Nothing was read yet, so that nothing is known.
            0 => 1,
            held => (self.most / held).clamp(1, MOST_ROWS),
        }
    }
}

/// A column's pages in a row group.
pub(super) struct Pages {
    source: Source,
    at: u64,
    end: u64,
    compression: Compression,
    /// How many values the footer says that there are, less those that have come.
    left: i64,
    max_definition: i16,
    max_repetition: i16,
    budget: Budget,
    /// What is counted for the dictionary and for the page that was read last.
    dictionary: usize,
    page: usize,
}

impl Pages {
    pub(super) fn of(
        source: &Source,
        column: &ColumnChunkMetaData,
        budget: &Budget,
    ) -> Result<Self> {
        // Some writers say that there is a dictionary at 0, where the file's magic is.
        let dictionary = column.dictionary_page_offset().filter(|at| *at > 0);
        let data = column.data_page_offset();
        let start = dictionary.map_or(data, |dictionary| dictionary.min(data));
        let range = u64::try_from(start)
            .ok()
            .zip(u64::try_from(column.compressed_size()).ok());
        let (start, length) = range.ok_or_else(|| wrong("a column lies outside of the file"))?;
        let end = start.saturating_add(length).min(source.len());
        Ok(Pages {
            source: source.clone(),
            at: start,
            end,
            compression: column.compression(),
            left: column.num_values(),
            max_definition: column.column_descr().max_def_level(),
            max_repetition: column.column_descr().max_rep_level(),
            budget: budget.clone(),
            dictionary: 0,
            page: 0,
        })
    }

    /// Counts what a page takes, instead of the page before.
    fn take(&mut self, uncompressed: usize, values: usize, dictionary: bool) -> Result<()> {
        let levels = match self.max_repetition {
            0 => 0,
            // A record may have all of them.
            _ => values.saturating_mul(VALUE),
        };
        let wanted = uncompressed.saturating_add(levels);
        let own = match dictionary {
            true => &mut self.dictionary,
            false => &mut self.page,
        };
        let held = self.budget.held.load(Ordering::Relaxed);
        let held = held.saturating_sub(*own).saturating_add(wanted);
        if held > self.budget.most {
            return Err(wrong(&format!(
                "its pages hold more than {} bytes at once: refused",
                self.budget.most
            )));
        }
        *own = wanted;
        self.budget.held.store(held, Ordering::Relaxed);
        Ok(())
    }

    fn head(&self) -> Result<Head> {
        let mut length = LIKELY_HEAD;
        loop {
            let all = self.end - self.at;
            let bytes = self.source.read(self.at, all.min(length as u64))?;
            match Head::of(&bytes) {
                Some(head) => return Ok(head),
                None if (bytes.len() as u64) < all && length < MOST_HEAD => length *= 8,
                None => return Err(wrong("the head of a page cannot be read")),
            }
        }
    }

    fn next_page(&mut self) -> Result<Option<Page>> {
        while self.left > 0 && self.at < self.end {
            let head = self.head()?;
            let begins = self.at + head.length as u64;
            let compressed = u64::try_from(head.compressed).map_err(|_| lies())?;
            let uncompressed = usize::try_from(head.uncompressed).map_err(|_| lies())?;
            let values = u32::try_from(head.values).map_err(|_| lies())?;
            if compressed > self.end.saturating_sub(begins) {
                return Err(wrong("a page is cut off"));
            }
            self.at = begins + compressed;
            // Indexes, which nothing writes here.
            if !matches!(head.kind, 0 | 2 | 3) {
                continue;
            }
            self.take(uncompressed, values as usize, head.kind == 2)?;
            let packed = self.source.read(begins, compressed)?;
            return self.page(&head, packed, uncompressed, values).map(Some);
        }
        Ok(None)
    }

    fn page(
        &mut self,
        head: &Head,
        packed: Bytes,
        uncompressed: usize,
        values: u32,
    ) -> Result<Page> {
        let encoding = encoding(head.encoding)?;
        if head.kind == 2 {
            return Ok(Page::DictionaryPage {
                buf: codec::inflate(self.compression, packed, uncompressed)?,
                num_values: values,
                encoding,
                is_sorted: false,
            });
        }
        self.left -= i64::from(values);
        if head.kind == 0 {
            let buf = codec::inflate(self.compression, packed, uncompressed)?;
            // Levels come first, each with its length.
            let mut at = 0_usize;
            for most in [self.max_repetition, self.max_definition] {
                if most > 0 {
                    let length = buf.get(at..).and_then(|rest| rest.first_chunk::<4>());
                    let length = length.ok_or_else(lies)?;
                    at = at
                        .saturating_add(4)
                        .saturating_add(u32::from_le_bytes(*length) as usize);
                }
            }
            self.check(encoding, buf.get(at..).ok_or_else(lies)?, values)?;
            return Ok(Page::DataPage {
                buf,
                num_values: values,
                encoding,
                def_level_encoding: levels(head.definition_encoding, self.max_definition)?,
                rep_level_encoding: levels(head.repetition_encoding, self.max_repetition)?,
                statistics: None,
            });
        }
        let size = |size: i64| u32::try_from(size).map_err(|_| lies());
        let (definition, repetition) = (size(head.definition_bytes)?, size(head.repetition_bytes)?);
        let levels = (definition as usize).saturating_add(repetition as usize);
        if levels > packed.len() || levels > uncompressed {
            return Err(lies());
        }
        let buf = match head.plain || self.compression == Compression::UNCOMPRESSED {
            true => packed,
            false => {
                let data = packed.slice(levels..);
                let data = codec::inflate(self.compression, data, uncompressed - levels)?;
                [&packed[..levels], &data[..]].concat().into()
            }
        };
        self.check(encoding, &buf[levels..], values)?;
        Ok(Page::DataPageV2 {
            buf,
            num_values: values,
            encoding,
            num_nulls: size(head.nulls)?,
            num_rows: size(head.rows)?,
            def_levels_byte_len: definition,
            rep_levels_byte_len: repetition,
            is_compressed: false,
            statistics: None,
        })
    }

    /// Deltas say once more how many they are, and room is made for as many.
    fn check(&self, encoding: Encoding, data: &[u8], values: u32) -> Result<()> {
        let sane = match encoding {
            Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => {
                data.is_empty() || deltas(data, values).is_some()
            }
            // Each value has as much of the one before as it likes: a few bytes may stand for gigabytes in one record.
            Encoding::DELTA_BYTE_ARRAY if self.max_repetition > 0 => {
                return Err(wrong("lists in the encoding DELTA_BYTE_ARRAY are not read"));
            }
            Encoding::DELTA_BYTE_ARRAY => {
                let suffixes = deltas(data, values);
                data.is_empty() || suffixes.is_some_and(|at| deltas(&data[at..], values).is_some())
            }
            _ => true,
        };
        sane.then_some(()).ok_or_else(lies)
    }
}

/// Where deltas end (Parquet's Encodings.md, "Delta Encoding"), when they are no more than they may be.
fn deltas(data: &[u8], values: u32) -> Option<usize> {
    let mut at = 0;
    let block = varint(data, &mut at)?;
    let minis = varint(data, &mut at)?;
    let count = varint(data, &mut at)?;
    varint(data, &mut at)?;
    if count > u64::from(values) || minis == 0 || minis > block || block > 1 << 16 {
        return None;
    }
    let in_mini = block / minis;
    // The first value stands in the head.
    let mut left = count.saturating_sub(1);
    while left > 0 {
        varint(data, &mut at)?;
        let widths = data.get(at..at + usize::try_from(minis).ok()?)?;
        at += widths.len();
        for width in widths {
            if left > 0 {
                at = at.checked_add(usize::try_from(in_mini * u64::from(*width) / 8).ok()?)?;
                left = left.saturating_sub(in_mini);
            }
        }
    }
    (at <= data.len()).then_some(at)
}

/// How levels are written. Where there are none, old writers say that they would be packed.
fn levels(number: i64, most: i16) -> Result<Encoding> {
    match most {
        0 => Ok(Encoding::RLE),
        _ if number == 3 => Ok(Encoding::RLE),
        _ => Err(wrong(&format!(
            "levels in the encoding {number} are not read"
        ))),
    }
}

fn encoding(number: i64) -> Result<Encoding> {
    Ok(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        other => return Err(wrong(&format!("the encoding {other} is not known"))),
    })
}

pub(super) fn wrong(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

fn lies() -> ParquetError {
    wrong("a page is not as long as it says")
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.next_page()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        if self.left <= 0 || self.at >= self.end {
            return Ok(None);
        }
        let head = self.head()?;
        Ok(Some(PageMetadata {
            num_rows: (head.kind == 3).then(|| usize::try_from(head.rows).unwrap_or_default()),
            num_levels: usize::try_from(head.values).ok(),
            is_dict: head.kind == 2,
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        Err(wrong("pages are not skipped"))
    }
}

impl Drop for Pages {
    /// A row group's budget is its own, but columns may end before others.
    fn drop(&mut self) {
        let own = self.dictionary.saturating_add(self.page);
        let held = self.budget.held.load(Ordering::Relaxed);
        self.budget
            .held
            .store(held.saturating_sub(own), Ordering::Relaxed);
    }
}
