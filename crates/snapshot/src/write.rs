//! Writing a snapshot.

use crate::{End, FORMAT, Header, Record};
use std::io::{Result, Write};

/// The compression level: beyond it a snapshot shrinks by a few percent and takes several times as long.
const LEVEL: i32 = 6;

/// Writes a snapshot: the header, then frames of records, then the end mark.
pub struct Writer<W: Write> {
    out: W,
    resources: u64,
}

impl<W: Write> Writer<W> {
    /// Starts a snapshot.
    ///
    /// # Errors
    /// What the output says.
    pub fn new(mut out: W, header: Header) -> Result<Self> {
        let header = Header {
            format: FORMAT,
            ..header
        };
        out.write_all(&compress_frame(&[Record::Snapshot(header)])?)?;
        Ok(Writer { out, resources: 0 })
    }

    /// Adds a frame made by [`compress_frame`] that holds so many resources. Frames must come in the order of
    /// their units: account, region, service.
    ///
    /// # Errors
    /// What the output says.
    pub fn frame(&mut self, frame: &[u8], resources: u64) -> Result<()> {
        self.resources += resources;
        self.out.write_all(frame)
    }

    /// Adds the end mark and gives the output back.
    ///
    /// # Errors
    /// What the output says.
    pub fn end(mut self) -> Result<W> {
        let end = Record::End(End {
            resources: self.resources,
        });
        self.out.write_all(&compress_frame(&[end])?)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Records as one compressed frame, a line each. Frames may follow each other in any file.
///
/// # Errors
/// When a record cannot be compressed for want of memory.
pub fn compress_frame(records: &[Record]) -> Result<Vec<u8>> {
    let mut frame = zstd::Encoder::new(Vec::new(), LEVEL)?;
    for record in records {
        serde_json::to_writer(&mut frame, record)?;
        frame.write_all(b"\n")?;
    }
    frame.finish()
}
