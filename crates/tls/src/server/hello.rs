//! The messages of a first flight that matter.

use super::{Answer, Reason, RetryRequest, ServerHello};
use crate::{
    Authentication, CipherSuite, KeyExchange, NamedGroup, ProtocolVersion, Ssl2CipherKind,
};
use tls_parser::TlsMessageHandshake;

/// The random by which a HelloRetryRequest is told from a ServerHello: SHA-256 of "HelloRetryRequest" (RFC 8446,
/// section 4.1.3).
pub(super) const RETRY_RANDOM: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;

/// What a message of type server_hello is.
pub(super) enum Parsed {
    Hello(ServerHello),
    Retry(RetryRequest),
}

/// Reads a ServerHello without its handshake header.
pub(super) fn parse_server_hello(body: &[u8]) -> Result<Parsed, Reason> {
    let wire = u16_at(body, 0).ok_or(Reason::Malformed("ServerHello"))?;
    // Told here, for tls-parser takes other versions for a draft of TLS 1.3 or for errors.
    let legacy = ProtocolVersion::from_wire(wire)
        .filter(|v| (ProtocolVersion::Ssl3..=ProtocolVersion::Tls12).contains(v))
        .ok_or(Reason::Version(wire))?;
    let Ok((rest, TlsMessageHandshake::ServerHello(read))) =
        tls_parser::parse_tls_handshake_msg_server_hello(body)
    else {
        return Err(Reason::Malformed("ServerHello"));
    };
    // SSLv3 knows no extensions, and what follows there was for the client to ignore (RFC 6101, section 5.6.1.2).
    if !rest.is_empty() && legacy != ProtocolVersion::Ssl3 {
        return Err(Reason::Malformed("ServerHello"));
    }
    let mut hello = ServerHello {
        version: legacy,
        suite: CipherSuite(read.cipher.0),
        group: None,
        dh_bits: None,
        compression: read.compression.0,
        extensions: Vec::new(),
        alpn: None,
        aborted: None,
    };
    match legacy {
        // Servers that answer the SCSV of RFC 5746 in SSLv3 send extensions for it; tls-parser leaves them.
        ProtocolVersion::Ssl3 => {
            let block = rest.get(2..).unwrap_or_default();
            if u16_at(rest, 0).is_some_and(|length| usize::from(length) == block.len()) {
                // What is no extension was for the client to ignore.
                let _ = read_extensions(block, &mut hello);
            }
        }
        _ => read_extensions(read.ext.unwrap_or_default(), &mut hello)?,
    }
    let retry = read.random == RETRY_RANDOM;
    if retry && hello.version != ProtocolVersion::Tls13 {
        return Err(Reason::Malformed("HelloRetryRequest"));
    }
    Ok(if retry {
        Parsed::Retry(RetryRequest {
            suite: hello.suite,
            group: hello.group,
        })
    } else {
        Parsed::Hello(hello)
    })
}

/// The extensions of a ServerHello. Walked by hand: a server may answer with a form that `tls-parser` does not know,
/// and one such extension must not hide the others.
fn read_extensions(mut rest: &[u8], hello: &mut ServerHello) -> Result<(), Reason> {
    while !rest.is_empty() {
        let malformed = Reason::Malformed("extension");
        let (Some(number), Some(length)) = (u16_at(rest, 0), u16_at(rest, 2)) else {
            return Err(malformed);
        };
        let end = 4 + usize::from(length);
        let content = rest.get(4..end).ok_or(malformed)?;
        rest = rest.get(end..).unwrap_or_default();
        hello.extensions.push(number);
        match number {
            SUPPORTED_VERSIONS => {
                let wire = u16_at(content, 0).ok_or(Reason::Malformed("supported_versions"))?;
                // A server says older versions in the field before it, and nowhere else (RFC 8446, section 4.2.1).
                if wire != ProtocolVersion::Tls13.wire() {
                    return Err(Reason::Version(wire));
                }
                hello.version = ProtocolVersion::Tls13;
            }
            // In a ServerHello the share follows the group, in a HelloRetryRequest nothing does.
            KEY_SHARE => hello.group = u16_at(content, 0).map(NamedGroup),
            // A list of one name.
            ALPN => hello.alpn = content.get(3..).map(<[u8]>::to_vec),
            _ => {}
        }
    }
    Ok(())
}

/// Reads the group or the prime from a ServerKeyExchange (RFC 8422, section 5.4; RFC 5246, section 7.4.3; with PSK a
/// hint stands before it, RFC 4279, section 3). What cannot be read stays unknown: the ServerHello is a fact without it.
pub(super) fn parse_server_key_exchange(body: &[u8], hello: &mut ServerHello) {
    let psk = hello.suite.authentication() == Some(Authentication::Psk);
    let start = match u16_at(body, 0) {
        Some(hint) if psk => 2 + usize::from(hint),
        _ => 0,
    };
    let params = body.get(start..).unwrap_or_default();
    match hello.suite.key_exchange() {
        Some(KeyExchange::Ecdhe) => {
            const NAMED_CURVE: u8 = 3;
            if params.first() == Some(&NAMED_CURVE) {
                hello.group = u16_at(params, 1).map(NamedGroup);
            }
        }
        Some(KeyExchange::Dhe) => {
            let prime = u16_at(params, 0)
                .and_then(|length| params.get(2..2 + usize::from(length)))
                .unwrap_or_default();
            let zeros = prime.iter().take_while(|byte| **byte == 0).count();
            hello.dh_bits = prime
                .get(zeros)
                .map(|first| (prime.len() - zeros) * 8 - first.leading_zeros() as usize);
        }
        _ => {}
    }
}

/// Reads a SERVER-HELLO of SSLv2 behind its type (Hickman 1995, section 2.6).
pub(super) fn parse_ssl2_server_hello(body: &[u8]) -> Result<Answer, Reason> {
    const MALFORMED: Reason = Reason::Malformed("SERVER-HELLO");
    // session-id-hit, certificate-type, version, and the lengths of certificate, ciphers and connection-id.
    let version = u16_at(body, 2).ok_or(MALFORMED)?;
    if version != ProtocolVersion::Ssl2.wire() {
        return Err(Reason::Version(version));
    }
    let certificate = usize::from(u16_at(body, 4).ok_or(MALFORMED)?);
    let ciphers = usize::from(u16_at(body, 6).ok_or(MALFORMED)?);
    let start = 10 + certificate;
    let specs = body.get(start..start + ciphers).ok_or(MALFORMED)?;
    let kinds = specs.chunks_exact(3).map(|spec| match *spec {
        [a, b, c] => Ssl2CipherKind(u32::from_be_bytes([0, a, b, c])),
        _ => Ssl2CipherKind(0),
    });
    Ok(Answer::Ssl2Hello(kinds.collect()))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    match bytes.get(at..at + 2) {
        Some(&[high, low]) => Some(u16::from_be_bytes([high, low])),
        _ => None,
    }
}
