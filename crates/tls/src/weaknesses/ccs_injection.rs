//! CCS injection (CVE-2014-0224): a ChangeCipherSpec is taken before there are keys.

use super::{ALERT, CHANGE_CIPHER_SPEC, MAX_RECORDS, receive, send};
use crate::{Fact, Limits, ProtocolVersion, Why};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

/// How long a sound server may take to say that the message is out of order.
const PATIENCE: Duration = Duration::from_secs(2);

/// A warning that says nothing to a server (unrecognized_name), which one that has no keys yet passes over.
const WARNING: [u8; 2] = [1, 112];

/// What a server did.
#[derive(Debug)]
pub(crate) enum Reaction {
    /// It showed whether it has the fault, or that it cannot be known.
    Clear(Fact<bool>),
    /// It was silent at the ChangeCipherSpec, and hung up at the warning behind it. That is the fault, if it hangs up at
    /// no warning otherwise ([`passes_warnings`]).
    HungUpLater,
}

/// Asks behind a first flight, up to ServerHelloDone.
///
/// A sound server answers an early ChangeCipherSpec with unexpected_message. One with the fault takes it without a word
/// and computes keys of nothing: whatever comes next in the clear it then cannot decrypt, and says so (bad_record_mac,
/// decryption_failed). That is how OpenSSL's advisory of 2014-06-05 and the testers written after it tell them apart;
/// they send a second ChangeCipherSpec, but at a warning a server that passed over the first will not stumble.
pub(crate) async fn ccs_injection<S>(
    stream: &mut S,
    version: ProtocolVersion,
    limits: Limits,
) -> Reaction
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match ask(stream, version, limits).await {
        Ok(reaction) => reaction,
        Err(why) => Reaction::Clear(Fact::Unknown(why)),
    }
}

async fn ask<S>(stream: &mut S, version: ProtocolVersion, limits: Limits) -> Result<Reaction, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let known = |has| Ok(Reaction::Clear(Fact::Known(has)));
    let deadline = Instant::now() + limits.answer;
    let patience = patience(limits);
    send(stream, CHANGE_CIPHER_SPEC, version, &[1], deadline).await?;
    match said(stream, patience).await {
        // It takes early ones, or is slow.
        Err(Why::TimedOut) => {}
        // It hangs up without a word, as some do on any error. Who has the fault waits for more.
        Ok(_) | Err(Why::Closed) => return known(false),
        Err(why) => return Err(why),
    }
    send(stream, ALERT, version, &WARNING, deadline).await?;
    match said(stream, deadline).await {
        Ok(Some("bad_record_mac" | "decryption_failed")) => known(true),
        Ok(Some("unexpected_message" | "handshake_failure")) => known(false),
        // It heard what it did not want, and does not say which it was.
        Ok(_) => Err(Why::Inconsistent),
        Err(Why::Closed) => Ok(Reaction::HungUpLater),
        Err(why) => Err(why),
    }
}

/// Whether a server waits on when a warning comes behind its first flight.
pub(crate) async fn passes_warnings<S>(
    stream: &mut S,
    version: ProtocolVersion,
    limits: Limits,
) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let patience = patience(limits);
    send(stream, ALERT, version, &WARNING, patience)
        .await
        .is_ok()
        && said(stream, patience).await == Err(Why::TimedOut)
}

fn patience(limits: Limits) -> Instant {
    Instant::now() + PATIENCE.min(limits.answer / 2)
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
