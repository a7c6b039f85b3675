//! Reading a snapshot, record by record.

use crate::{FORMAT, Header, Record};
use serde_json::Deserializer;
use serde_json::de::IoRead;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The first bytes of a Zstandard frame (RFC 8878, section 3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// More resources than this are refused: no scan finds them, and a hostile file would fill the memory.
const MOST_RESOURCES: u64 = 5_000_000;

/// What is wrong with a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// It is no snapshot.
    #[error("{} is no snapshot: {message}", path.display())]
    NoSnapshot {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// A later Lockfast wrote it.
    #[error(
        "{} has snapshot format {format}, of {made_by}; this Lockfast reads formats up to {FORMAT}: update it",
        path.display()
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// What wrote it.
        made_by: String,
    },
    /// A record of it is malformed, or it ends early.
    #[error("{}, after {resources} resources: {message}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// How many resources were read before.
        resources: u64,
        /// What is wrong there.
        message: String,
    },
}

/// Reads a snapshot's records, compressed or as plain JSON.
pub struct Reader {
    path: PathBuf,
    header: Header,
    records: serde_json::StreamDeserializer<'static, IoRead<Box<dyn BufRead>>, Record>,
    resources: u64,
    ended: bool,
}

/// True for a file that begins as a snapshot does: compressed, or with the header's name.
pub fn is_snapshot(path: &Path) -> bool {
    let mut head = [0; 64];
    let read = File::open(path).and_then(|mut file| file.read(&mut head));
    let head = match read {
        Ok(length) => &head[..length],
        Err(_) => return false,
    };
    head.starts_with(&MAGIC) || memmem(head, b"\"snapshot\"")
}

fn memmem(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

impl Reader {
    /// Opens a snapshot and reads its header.
    ///
    /// # Errors
    /// When the file cannot be read, is no snapshot or is of a later format.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let io = |error| Error::Io {
            path: path.to_owned(),
            error,
        };
        let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(io)?);
        let compressed = file.fill_buf().map_err(io)?.starts_with(&MAGIC);
        let text: Box<dyn BufRead> = match compressed {
            true => Box::new(BufReader::with_capacity(
                1 << 16,
                zstd::Decoder::with_buffer(file).map_err(io)?,
            )),
            false => Box::new(file),
        };
        let mut records = Deserializer::from_reader(text).into_iter();
        let no = |message: String| Error::NoSnapshot {
            path: path.to_owned(),
            message,
        };
        let header: Header = match records.next() {
            Some(Ok(Record::Snapshot(header))) => header,
            Some(Ok(_)) => return Err(no("it does not begin with a header".into())),
            Some(Err(error)) => return Err(no(error.to_string())),
            None => return Err(no("it is empty".into())),
        };
        if header.format > FORMAT {
            return Err(Error::TooNew {
                path: path.to_owned(),
                format: header.format,
                made_by: header.made_by,
            });
        }
        Ok(Reader {
            path: path.to_owned(),
            header,
            records,
            resources: 0,
            ended: false,
        })
    }

    /// What was scanned.
    pub fn header(&self) -> &Header {
        &self.header
    }

    fn broken(&self, message: impl Into<String>) -> Error {
        Error::Broken {
            path: self.path.clone(),
            resources: self.resources,
            message: message.into(),
        }
    }

    /// Checks what the place of a record asks of it.
    fn placed(&mut self, record: Record) -> Result<Record, Error> {
        if self.ended {
            return Err(self.broken("records follow the end mark"));
        }
        match &record {
            Record::Snapshot(_) => return Err(self.broken("a second header")),
            Record::Resource(_) => {
                self.resources += 1;
                if self.resources > MOST_RESOURCES {
                    return Err(self.broken("more resources than any scan finds"));
                }
            }
            Record::End(end) => {
                self.ended = true;
                if end.resources != self.resources {
                    let message = format!("it should hold {} resources", end.resources);
                    return Err(self.broken(message));
                }
            }
            Record::Unit(_) => {}
        }
        Ok(record)
    }
}

impl Iterator for Reader {
    type Item = Result<Record, Error>;

    /// The next record after the header. After an error there is none.
    fn next(&mut self) -> Option<Self::Item> {
        let result = match self.records.next() {
            Some(Ok(record)) => self.placed(record),
            Some(Err(error)) => Err(self.broken(error.to_string())),
            None if self.ended => return None,
            None => Err(self.broken(
                "the file ends early, so the scan that wrote it was cut off: go on with it (scan --resume)",
            )),
        };
        if result.is_err() {
            // Whatever follows is not to be trusted.
            self.ended = true;
            self.records =
                Deserializer::from_reader(Box::new(std::io::empty()) as Box<dyn BufRead>)
                    .into_iter();
        }
        Some(result)
    }
}
