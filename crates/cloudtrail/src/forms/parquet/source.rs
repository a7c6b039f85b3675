//! Where a Parquet file's bytes come from: from the disk as they are asked for, or from memory.

use bytes::Bytes;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

/// A file's bytes.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A file, and its length.
    File(Arc<Mutex<File>>, u64),
    /// All of it.
    Bytes(Bytes),
}

impl Source {
    /// A file that was opened.
    pub(crate) fn file(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Source::File(Arc::new(Mutex::new(file)), length))
    }

    /// What is in memory already.
    pub(crate) fn bytes(bytes: &[u8]) -> Self {
        Source::Bytes(Bytes::copy_from_slice(bytes))
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Source::File(_, length) => *length,
            Source::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// Bytes, all that are asked for.
    pub(super) fn read(&self, at: u64, length: u64) -> io::Result<Bytes> {
        let cut_off = || io::Error::from(io::ErrorKind::UnexpectedEof);
        if at.checked_add(length).is_none_or(|end| end > self.len()) {
            return Err(cut_off());
        }
        match self {
            Source::Bytes(bytes) => Ok(bytes.slice(at as usize..(at + length) as usize)),
            Source::File(file, _) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(at))?;
                let mut bytes = Vec::with_capacity(length as usize);
                let read = (&mut *file).take(length).read_to_end(&mut bytes)?;
                // Somebody has made it shorter.
                match read as u64 == length {
                    true => Ok(bytes.into()),
                    false => Err(cut_off()),
                }
            }
        }
    }
}
