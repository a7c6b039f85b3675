//! Faults of implementations that show before any encryption: Heartbleed and CCS injection.
//!
//! Both are looked for behind a first flight up to TLS 1.2, with records that do no harm to who has the fault: no
//! memory but some bytes is asked for, nothing that comes back is kept, and no key is ever agreed on.

mod ccs_injection;
mod heartbleed;

pub(crate) use ccs_injection::{Reaction, ccs_injection, passes_warnings};
pub(crate) use heartbleed::{HEARTBEAT, heartbleed};

use crate::{Alert, ProtocolVersion, Reason, Why};
use std::io::ErrorKind;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// Types of records (RFC 5246, section 6.2.1; heartbeat from RFC 6520, section 3).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HEARTBEAT_RECORD: u8 = 24;

/// The most records that are read for one answer.
const MAX_RECORDS: usize = 32;

/// A record, but for its content.
struct Record {
    kind: u8,
    length: usize,
    /// What it says, if it is an alert in the clear.
    alert: Option<Alert>,
}

/// Sends one record.
async fn send<S>(
    stream: &mut S,
    kind: u8,
    version: ProtocolVersion,
    content: &[u8],
    deadline: Instant,
) -> Result<(), Why>
where
    S: AsyncWrite + Unpin,
{
    let mut record = vec![kind];
    record.extend(version.wire().to_be_bytes());
    record.extend((content.len() as u16).to_be_bytes());
    record.extend(content);
    let sent = timeout_at(deadline, stream.write_all(&record)).await;
    // What could not be sent shows in what comes back.
    sent.map(drop).map_err(|_| Why::TimedOut)
}

/// The next record, whose content is dropped as it is read.
async fn receive<S>(stream: &mut S, deadline: Instant) -> Result<Record, Why>
where
    S: AsyncRead + Unpin,
{
    let received = async {
        let kind = stream.read_u8().await?;
        if !(CHANGE_CIPHER_SPEC..=HEARTBEAT_RECORD).contains(&kind) {
            return Err(ErrorKind::InvalidData.into());
        }
        read_rest(stream, kind)
            .await
            .map_err(|error| match error.kind() {
                // To end in the middle is another thing than to end.
                ErrorKind::UnexpectedEof => ErrorKind::InvalidData.into(),
                _ => error,
            })
    };
    match timeout_at(deadline, received).await {
        Ok(Ok(record)) => Ok(record),
        Ok(Err(error)) => Err(match error.kind() {
            ErrorKind::UnexpectedEof => Why::Closed,
            ErrorKind::InvalidData => Why::Garbage(Reason::Malformed("record")),
            _ => Why::Reset,
        }),
        Err(_) => Err(Why::TimedOut),
    }
}

/// The record behind its first byte.
async fn read_rest<S>(stream: &mut S, kind: u8) -> std::io::Result<Record>
where
    S: AsyncRead + Unpin,
{
    let _version = stream.read_u16().await?;
    let length = usize::from(stream.read_u16().await?);
    if kind == ALERT && length == 2 {
        let (level, description) = (stream.read_u8().await?, stream.read_u8().await?);
        return Ok(Record {
            kind,
            length,
            alert: Some(Alert { level, description }),
        });
    }
    let mut content = stream.take(length as u64);
    let dropped = tokio::io::copy(&mut content, &mut tokio::io::sink()).await?;
    if dropped < length as u64 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Record {
        kind,
        length,
        alert: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fact, Limits};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_answer_is_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 20_u8..25) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let version = ProtocolVersion::Tls12;
            // As it is, and behind a header that fits.
            let header = [kind, 3, 3, 0, bytes.len() as u8];
            for answer in [bytes.clone(), [&header[..], &bytes].concat()] {
                let stream = || tokio::io::join(&answer[..], tokio::io::sink());
                let limits = Limits::default();
                let bleeds = runtime.block_on(heartbleed(&mut stream(), version, limits));
                let is_heartbeat = answer.first() == Some(&HEARTBEAT_RECORD);
                prop_assert!(bleeds != Fact::Known(true) || is_heartbeat);
                // The stream ends at once, which no server with the fault does.
                let injects = runtime.block_on(ccs_injection(&mut stream(), version, limits));
                prop_assert!(!matches!(injects, Reaction::Clear(Fact::Known(true))));
            }
        }
    }
}
