//! What pages are compressed with, each inflated to the size that the page says and no further.

use super::pages::wrong;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::errors::Result;
use std::io::Read;

/// Inflates a page, which must have `size` bytes.
pub(super) fn inflate(compression: Compression, packed: Bytes, size: usize) -> Result<Bytes> {
    let inflated = match compression {
        Compression::UNCOMPRESSED => Some(packed),
        // Of no values nothing is left to compress.
        _ if size == 0 => Some(Bytes::new()),
        Compression::SNAPPY => snappy(&packed, size),
        Compression::GZIP(_) => read(MultiGzDecoder::new(&packed[..]), size),
        Compression::ZSTD(_) => {
            let decoder = zstd::stream::read::Decoder::new(&packed[..]).ok();
            decoder.and_then(|decoder| read(decoder, size))
        }
        Compression::LZ4_RAW => lz4(&packed, size),
        // Hadoop's frames; some writers leave them away.
        Compression::LZ4 => frames(&packed, size).or_else(|| lz4(&packed, size)),
        other => return Err(wrong(&format!("pages compressed by {other} are not read"))),
    };
    inflated
        .filter(|inflated| inflated.len() == size)
        .ok_or_else(|| wrong("a compressed page is corrupt"))
}

fn read(reader: impl Read, size: usize) -> Option<Bytes> {
    let mut inflated = Vec::with_capacity(size);
    reader
        .take(size as u64 + 1)
        .read_to_end(&mut inflated)
        .ok()?;
    Some(inflated.into())
}

fn snappy(packed: &[u8], size: usize) -> Option<Bytes> {
    if snap::raw::decompress_len(packed).ok()? != size {
        return None;
    }
    let inflated = snap::raw::Decoder::new().decompress_vec(packed).ok()?;
    Some(inflated.into())
}

fn lz4(packed: &[u8], size: usize) -> Option<Bytes> {
    let mut inflated = vec![0; size];
    let length = lz4_flex::block::decompress_into(packed, &mut inflated).ok()?;
    inflated.truncate(length);
    Some(inflated.into())
}

/// Each frame has two lengths before it: of what it holds, and its own.
fn frames(mut packed: &[u8], size: usize) -> Option<Bytes> {
    let mut inflated = Vec::with_capacity(size);
    while !packed.is_empty() {
        let (holds, rest) = packed.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let holds = u32::from_be_bytes(*holds) as usize;
        let (frame, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        if holds > size - inflated.len() {
            return None;
        }
        inflated.extend_from_slice(&lz4(frame, holds)?);
        packed = rest;
    }
    Some(inflated.into())
}
