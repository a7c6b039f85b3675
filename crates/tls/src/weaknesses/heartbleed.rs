//! Heartbleed (CVE-2014-0160): a heartbeat that claims to be longer than it is, is answered with memory.

use super::{ALERT, HEARTBEAT_RECORD, MAX_RECORDS, receive, send};
use crate::{Fact, Limits, ProtocolVersion, Why};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

/// The extension that announces heartbeats (RFC 6520, section 2).
pub(crate) const HEARTBEAT: u16 = 15;

/// Bytes that the false request claims to carry and does not: what a server with the fault shows of its memory, beside
/// the padding.
const CLAIMED: u16 = 16;
/// Bytes that the honest request carries. Its answer has another length than the false one's, which tells them apart.
const CARRIED: u16 = 32;
/// Padding at least (RFC 6520, section 4).
const PADDING: u16 = 16;

/// Asks behind the first flight of a server that announced heartbeats.
///
/// A false request goes out and an honest one behind it. A sound server drops the first and answers the second (RFC
/// 6520, section 4: one with a wrong length must be discarded silently); so that silence, which also has other causes,
/// proves nothing. What comes back is counted and dropped.
pub(crate) async fn heartbleed<S>(
    stream: &mut S,
    version: ProtocolVersion,
    limits: Limits,
) -> Fact<bool>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match ask(stream, version, limits).await {
        Ok(has) => Fact::Known(has),
        Err(why) => Fact::Unknown(why),
    }
}

async fn ask<S>(stream: &mut S, version: ProtocolVersion, limits: Limits) -> Result<bool, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = Instant::now() + limits.answer;
    let [high, low] = CLAIMED.to_be_bytes();
    let false_request = [1, high, low];
    let [high, low] = CARRIED.to_be_bytes();
    let mut honest_request = vec![1, high, low];
    honest_request.resize(3 + usize::from(CARRIED + PADDING), b'.');
    for request in [&false_request[..], &honest_request] {
        send(stream, HEARTBEAT_RECORD, version, request, deadline).await?;
    }
    for _ in 0..MAX_RECORDS {
        let record = receive(stream, deadline).await?;
        match record.kind {
            // The honest answer is exactly as long as its request; whatever else is answered was not asked for honestly.
            HEARTBEAT_RECORD => return Ok(record.length != honest_request.len()),
            // It does not take heartbeats in the middle of a handshake.
            ALERT if record.alert.is_some_and(|alert| alert.level == 2) => return Ok(false),
            _ => {}
        }
    }
    Err(Why::Inconsistent)
}
