//! What a scan that was cut off had asked already.
//!
//! Answers are appended as they come, so that a scan killed at any point goes on without asking again. Answers that may
//! hold secrets are never written. A record that was cut off fails its checksum and is asked for again.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What identifies a request, whoever signs it and when.
pub(crate) type RequestKey = [u8; 16];

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// The key of a request.
pub(crate) fn request_key(parts: &[&[u8]]) -> RequestKey {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut key = RequestKey::default();
    key.copy_from_slice(&digest[..16]);
    key
}

/// The journal of a scan.
pub(crate) struct Journal {
    inner: Mutex<Inner>,
}

struct Inner {
    file: File,
    /// Kept, since making one costs more than most answers take to compress.
    compressor: zstd::bulk::Compressor<'static>,
    /// Where the records of earlier runs stand.
    known: HashMap<RequestKey, (u64, u32)>,
}

/// Length, checksum, key.
const HEAD: usize = 4 + 4 + 16;
/// A longer record is a damaged one.
const MOST: u32 = 256 << 20;

impl Journal {
    /// Starts a journal anew.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        Journal::of(owner_only(&mut options).open(path)?, HashMap::new())
    }

    /// Goes on with a journal.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut known = HashMap::new();
        let mut reader = BufReader::new(&mut file);
        let mut at = 0u64;
        let mut record = Vec::new();
        loop {
            let mut head = [0; HEAD];
            if reader.read_exact(&mut head).is_err() {
                break;
            }
            let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
            let sum = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
            let mut key = RequestKey::default();
            key.copy_from_slice(&head[8..]);
            if length > MOST {
                break;
            }
            record.resize(length as usize, 0);
            if reader.read_exact(&mut record).is_err() || checksum(&key, &record) != sum {
                break;
            }
            known.insert(key, (at + HEAD as u64, length));
            at += HEAD as u64 + u64::from(length);
        }
        // What was cut off is overwritten.
        file.set_len(at)?;
        file.seek(SeekFrom::Start(at))?;
        Journal::of(file, known)
    }

    fn of(file: File, known: HashMap<RequestKey, (u64, u32)>) -> io::Result<Self> {
        Ok(Journal {
            inner: Mutex::new(Inner {
                file,
                compressor: zstd::bulk::Compressor::new(1)?,
                known,
            }),
        })
    }

    /// The answer that an earlier run got.
    pub(crate) fn answer(&self, key: &RequestKey) -> Option<Answer> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, length) = *inner.known.get(key)?;
        let mut record = vec![0; length as usize];
        inner.file.seek(SeekFrom::Start(at)).ok()?;
        inner.file.read_exact(&mut record).ok()?;
        drop(inner);
        decode(&record)
    }

    /// Keeps an answer.
    ///
    /// # Errors
    /// What the file system says (a full disk).
    pub(crate) fn keep(&self, key: &RequestKey, answer: &Answer) -> io::Result<()> {
        let plain = encode(answer)?;
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let record = inner.compressor.compress(&plain)?;
        let length = u32::try_from(record.len()).map_err(io::Error::other)?;
        let mut whole = Vec::with_capacity(HEAD + record.len());
        whole.extend(length.to_le_bytes());
        whole.extend(checksum(key, &record).to_le_bytes());
        whole.extend(key);
        whole.extend(record);
        inner.file.seek(SeekFrom::End(0))?;
        // One write, so that a record is there whole or is the last.
        inner.file.write_all(&whole)
    }
}

/// Answers describe an account, so nobody else on the machine may read them.
#[cfg(unix)]
fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn checksum(key: &RequestKey, record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(record);
    hasher.finalize()
}

fn encode(answer: &Answer) -> io::Result<Vec<u8>> {
    let head = serde_json::to_vec(&(answer.status, &answer.headers))?;
    let mut record = Vec::with_capacity(head.len() + answer.body.len() + 4);
    record.extend(
        u32::try_from(head.len())
            .map_err(io::Error::other)?
            .to_le_bytes(),
    );
    record.extend(head);
    record.extend(&answer.body);
    Ok(record)
}

fn decode(record: &[u8]) -> Option<Answer> {
    let record = zstd::stream::decode_all(record).ok()?;
    let length = u32::from_le_bytes(record.get(..4)?.try_into().ok()?) as usize;
    let (status, headers) = serde_json::from_slice(record.get(4..4 + length)?).ok()?;
    Some(Answer {
        status,
        headers,
        body: record.get(4 + length..)?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer {
            status: 200,
            headers: vec![("content-type".into(), "text/xml".into())],
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn what_was_kept_is_there_again_and_what_was_cut_off_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let (a, b) = (request_key(&[b"a"]), request_key(&[b"b"]));
        let journal = Journal::create(&path).expect("a journal");
        journal.keep(&a, &answer("one")).expect("space");
        journal.keep(&b, &answer("two")).expect("space");
        drop(journal);
        let whole = std::fs::read(&path).expect("the journal");
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).expect("space");
            let journal = Journal::open(&path).expect("a journal");
            assert!(journal.answer(&b).is_none(), "cut at {cut}");
            let first = journal.answer(&a);
            assert!(first.is_none() || first == Some(answer("one")));
            journal.keep(&b, &answer("three")).expect("space");
            let journal = Journal::open(&path).expect("a journal");
            assert_eq!(journal.answer(&b), Some(answer("three")));
        }
    }
}
