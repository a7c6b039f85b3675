//! CCS injection (CVE-2014-0224): a ChangeCipherSpec is taken before there are keys.

use super::{ALERT, CHANGE_CIPHER_SPEC, MAX_RECORDS, receive, send};
use crate::{Fact, Limits, ProtocolVersion, Why};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

/// How long a sound server may take to say that the message is out of order.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks behind a first flight, up to ServerHelloDone.
///
/// A sound server answers an early ChangeCipherSpec with unexpected_message. One with the fault takes it without a word
/// and computes keys of nothing: the second one, in the clear as well, it then cannot decrypt, and says so
/// (bad_record_mac, decryption_failed). That is how OpenSSL's advisory of 2014-06-05 and the testers written after it
/// tell them apart.
pub(crate) async fn ccs_injection<S>(
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
    let first = Instant::now() + PATIENCE.min(limits.answer / 2);
    send(stream, CHANGE_CIPHER_SPEC, version, &[1], deadline).await?;
    match said(stream, first).await {
        // It takes early ones, or is slow.
        Err(Why::TimedOut) => {}
        // It hangs up without a word, as some do on any error. Who has the fault waits for more.
        Err(Why::Closed) => return Ok(false),
        Err(why) => return Err(why),
        Ok(_) => return Ok(false),
    }
    send(stream, CHANGE_CIPHER_SPEC, version, &[1], deadline).await?;
    match said(stream, deadline).await? {
        Some("bad_record_mac" | "decryption_failed") => Ok(true),
        Some("unexpected_message" | "handshake_failure") => Ok(false),
        // It heard both times what it did not want, and does not say which it was.
        _ => Err(Why::Inconsistent),
    }
}

/// The name of the fatal alert that comes.
async fn said<S>(stream: &mut S, deadline: Instant) -> Result<Option<&'static str>, Why>
where
    S: AsyncRead + Unpin,
{
    for _ in 0..MAX_RECORDS {
        let record = receive(stream, deadline).await?;
        match record.alert {
            Some(alert) if alert.level == 2 => return Ok(alert.name()),
            None if record.kind == ALERT => return Ok(None),
            _ => {}
        }
    }
    Err(Why::Inconsistent)
}
