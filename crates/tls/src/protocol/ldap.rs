//! LDAP (RFC 4511): the StartTLS operation (section 4.14) and an anonymous bind (section 4.2).

use super::wire::{Wire, malformed, printable};
use crate::{Plaintext, Upgrade, Why};
use tokio::io::{AsyncRead, AsyncWrite};

/// Message 1: an ExtendedRequest with the name of StartTLS, 22 characters.
const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// Message 1: a BindRequest of version 3 with no name and no password (RFC 4513, section 5.1.1).
const BIND: &[u8] = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00";
/// Message 2: an UnbindRequest.
const UNBIND: &[u8] = b"\x30\x05\x02\x01\x02\x42\x00";

/// Tags of the answers: [APPLICATION 24] and [APPLICATION 1].
const EXTENDED_RESPONSE: u8 = 0x78;
const BIND_RESPONSE: u8 = 0x61;

/// The longest message that is read.
const MAX_MESSAGE: usize = 16 << 10;

/// Result codes (RFC 4511, section 4.1.9).
const SUCCESS: u8 = 0;
const PROTOCOL_ERROR: u8 = 2;
const CONFIDENTIALITY_REQUIRED: u8 = 13;
const INVALID_CREDENTIALS: u8 = 49;

pub(crate) async fn upgrade<S>(wire: &mut Wire<S>) -> Result<Upgrade, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    wire.send(START_TLS).await?;
    let (code, words) = result(wire, EXTENDED_RESPONSE).await?;
    match code {
        SUCCESS => Ok(Upgrade::Ready),
        // The answer of a server that does not know the operation (RFC 4511, section 4.12).
        PROTOCOL_ERROR => Ok(Upgrade::Refused(words)),
        _ => Err(Why::TurnedAway(words)),
    }
}

pub(crate) async fn login<S>(wire: &mut Wire<S>) -> Result<Plaintext, Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    wire.send(BIND).await?;
    let (code, answer) = result(wire, BIND_RESPONSE).await?;
    let _ = wire.send(UNBIND).await;
    Ok(match code {
        CONFIDENTIALITY_REQUIRED => Plaintext::Refused { answer },
        SUCCESS | INVALID_CREDENTIALS => Plaintext::Accepted { answer },
        _ => Plaintext::Unknown(Why::TurnedAway(answer)),
    })
}

/// Code and words of the LDAPResult in the next message, if it is of this type.
async fn result<S>(wire: &mut Wire<S>, tag: u8) -> Result<(u8, String), Why>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    const MALFORMED: &str = "message of LDAP";
    let header = wire.exact(2).await?;
    let length = match header[..] {
        [0x30, length @ 0..=0x7F] => usize::from(length),
        // Active Directory always writes lengths in four bytes.
        [0x30, more @ 0x81..=0x84] => {
            let bytes = wire.exact(usize::from(more & 0x7F)).await?;
            let whole = bytes
                .iter()
                .fold(0, |all, byte| all << 8 | u64::from(*byte));
            usize::try_from(whole).unwrap_or(usize::MAX)
        }
        _ => return Err(malformed(MALFORMED)),
    };
    if length > MAX_MESSAGE {
        return Err(malformed(MALFORMED));
    }
    let message = wire.exact(length).await?;
    read_result(&message, tag).ok_or(malformed(MALFORMED))
}

fn read_result(message: &[u8], tag: u8) -> Option<(u8, String)> {
    let (_id, rest) = element(message, 0x02)?;
    let (result, _) = element(rest, tag)?;
    let (code, rest) = element(result, 0x0A)?;
    let (_matched, rest) = element(rest, 0x04)?;
    let (words, _) = element(rest, 0x04)?;
    let [code] = *code else {
        return None;
    };
    let name = name(code);
    let words = printable(words);
    let answer = match words.as_str() {
        "" => format!("{code} ({name})"),
        words => format!("{code} ({name}): {words}"),
    };
    Some((code, printable(answer.as_bytes())))
}

/// The content of the element at the beginning, if it has this tag, and what follows it (X.690, section 8.1).
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match *length {
        short @ 0..=0x7F => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let count = usize::from(long & 0x7F);
            let whole = rest.get(..count)?.iter();
            let whole = whole.fold(0, |all, byte| all << 8 | u64::from(*byte));
            (usize::try_from(whole).ok()?, rest.get(count..)?)
        }
        _ => return None,
    };
    (*first == tag && length <= rest.len()).then(|| rest.split_at(length))
}

/// What a result code says (RFC 4511, appendix A.1), of those that answer a bind or StartTLS.
fn name(code: u8) -> &'static str {
    match code {
        SUCCESS => "success",
        1 => "operationsError",
        PROTOCOL_ERROR => "protocolError",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        CONFIDENTIALITY_REQUIRED => "confidentialityRequired",
        48 => "inappropriateAuthentication",
        INVALID_CREDENTIALS => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        _ => "another result",
    }
}
