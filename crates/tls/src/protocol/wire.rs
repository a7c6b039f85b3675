//! Talk in the clear: short questions, and answers read with bounded memory and time.

use crate::{Limits, Plaintext, Reason, Why};
use std::io::{Error, ErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// The longest line. SMTP allows 512 bytes, IMAP servers are to take 8192 (RFC 7162, section 4).
const MAX_LINE: usize = 8192;

/// The most lines of one answer.
const MAX_LINES: usize = 256;

/// Bytes that a conversation may take in all.
const MAX_BYTES: usize = 64 << 10;

/// Characters of a server's words that are shown.
const SHOWN: usize = 200;

/// A conversation over a stream.
pub(crate) struct Wire<S> {
    stream: S,
    /// What arrived and was not asked for yet.
    pending: Vec<u8>,
    deadline: Instant,
    /// Bytes that may yet arrive.
    budget: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// One that is over after `limits.answer`.
    pub(crate) fn new(stream: S, limits: Limits) -> Self {
        Wire {
            stream,
            pending: Vec::new(),
            deadline: Instant::now() + limits.answer,
            budget: MAX_BYTES.min(limits.bytes),
        }
    }

    /// Sends it all.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Why> {
        let sent = async {
            self.stream.write_all(bytes).await?;
            // A TLS stream keeps back what was not flushed.
            self.stream.flush().await
        };
        match timeout_at(self.deadline, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(why(&error)),
            Err(_) => Err(Why::TimedOut),
        }
    }

    /// The next bytes, exactly so many.
    pub(crate) async fn exact(&mut self, length: usize) -> Result<Vec<u8>, Why> {
        while self.pending.len() < length {
            self.fill(length - self.pending.len()).await?;
        }
        let later = self.pending.split_off(length);
        Ok(std::mem::replace(&mut self.pending, later))
    }

    /// The next line, without its end.
    pub(crate) async fn line(&mut self) -> Result<Vec<u8>, Why> {
        let mut seen = 0;
        loop {
            let fresh = self.pending.iter().skip(seen);
            if let Some(at) = fresh.into_iter().position(|byte| *byte == b'\n') {
                let mut line = self.exact(seen + at + 1).await?;
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            seen = self.pending.len();
            if seen > MAX_LINE {
                return Err(Why::Garbage(Reason::TooMuch(MAX_LINE)));
            }
            self.fill(1).await?;
        }
    }

    /// Lines, until one of them is the last.
    pub(crate) async fn lines_to(
        &mut self,
        is_last: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<Vec<u8>>, Why> {
        let mut lines = Vec::new();
        while lines.len() < MAX_LINES {
            let line = self.line().await?;
            let last = is_last(&line);
            lines.push(line);
            if last {
                return Ok(lines);
            }
        }
        Err(Why::Garbage(Reason::Malformed("answer: too many lines")))
    }

    /// How many bytes arrived that nobody asked for.
    pub(crate) fn surplus(&self) -> usize {
        self.pending.len()
    }

    /// Takes in what is there, `missing` bytes at least being wanted; never more than a page.
    async fn fill(&mut self, missing: usize) -> Result<(), Why> {
        if missing > self.budget {
            return Err(Why::Garbage(Reason::TooMuch(MAX_BYTES)));
        }
        let mut buffer = [0; 4096];
        let most = self.budget.min(buffer.len());
        let room = buffer.get_mut(..most).unwrap_or_default();
        let read = match timeout_at(self.deadline, self.stream.read(room)).await {
            Ok(Ok(0)) => return Err(Why::Closed),
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return Err(why(&error)),
            Err(_) => return Err(Why::TimedOut),
        };
        self.budget -= read;
        self.pending.extend(buffer.iter().take(read));
        Ok(())
    }
}

fn why(error: &Error) -> Why {
    match error.kind() {
        ErrorKind::UnexpectedEof => Why::Closed,
        ErrorKind::TimedOut => Why::TimedOut,
        _ => Why::Reset,
    }
}

/// A server's words as they can be shown: one line, printable, not too long.
pub(crate) fn printable(words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    let words = words.trim();
    let plain = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(SHOWN).collect()
}

/// Whether a line begins with a word, whatever the case.
pub(crate) fn begins_with(line: &[u8], word: &str) -> bool {
    let start = line.get(..word.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether a line has a word among those that spaces part, whatever the case.
pub(crate) fn has_word(line: &[u8], word: &str) -> bool {
    let mut words = line.split(|byte| byte.is_ascii_whitespace());
    words.any(|it| it.eq_ignore_ascii_case(word.as_bytes()))
}

/// An answer that the protocol does not have.
pub(crate) fn malformed(what: &'static str) -> Why {
    Why::Garbage(Reason::Malformed(what))
}

/// The type of a TLS record that carries an alert.
pub(crate) const ALERT: u8 = 21;

/// What a server means that answers plaintext with a TLS alert: it wants TLS.
pub(crate) fn alert() -> Plaintext {
    Plaintext::Refused {
        answer: "a TLS alert in answer to plaintext".to_owned(),
    }
}
