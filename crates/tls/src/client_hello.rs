//! Hand-made ClientHellos.
//!
//! A TLS library offers what it can speak; a prober offers what it wants to know about. So the message is made here,
//! byte by byte (RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.2; for SSLv2 Hickman 1995, section 2.5).

use crate::{CipherSuite, NamedGroup, ProtocolVersion, Ssl2CipherKind};
use std::hash::{BuildHasher, Hasher, RandomState};

/// What a record may carry (RFC 8446, section 5.1).
pub(crate) const MAX_FRAGMENT: usize = 1 << 14;

/// A ClientHello, field by field.
///
/// ```
/// use lockfast_tls::{CipherSuite, ClientHello, Extension, ProtocolVersion};
///
/// let mut hello = ClientHello::new(ProtocolVersion::Tls12, vec![CipherSuite(0xC02F)]);
/// hello.extensions.push(Extension::ServerName("shop.example".to_owned()));
/// assert_eq!(hello.to_records()?[..3], [22, 3, 1]);
/// # Ok::<(), lockfast_tls::TooLong>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// The version in the record header. RFC 5246, section E.1: the lowest that the client would speak.
    pub record_version: u16,
    /// `client_version`, which TLS 1.3 calls `legacy_version`.
    pub version: u16,
    /// The client's random bytes.
    pub random: [u8; 32],
    /// `session_id`, at most 32 bytes of it.
    pub session_id: Vec<u8>,
    /// The suites offered, the best liked first.
    pub suites: Vec<CipherSuite>,
    /// The compression methods offered.
    pub compression: Vec<u8>,
    /// The extensions, in this order. With none, there is no extensions block at all, as before RFC 3546.
    pub extensions: Vec<Extension>,
}

/// An extension of a ClientHello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extension {
    /// server_name (RFC 6066, section 3).
    ServerName(String),
    /// status_request for OCSP (RFC 6066, section 8).
    StatusRequest,
    /// supported_groups (RFC 8446, section 4.2.7).
    SupportedGroups(Vec<NamedGroup>),
    /// ec_point_formats (RFC 8422, section 5.1.2).
    EcPointFormats(Vec<u8>),
    /// signature_algorithms (RFC 8446, section 4.2.3).
    SignatureAlgorithms(Vec<u16>),
    /// application_layer_protocol_negotiation (RFC 7301).
    Alpn(Vec<Vec<u8>>),
    /// signed_certificate_timestamp (RFC 6962, section 3.3.1).
    SignedCertificateTimestamp,
    /// padding (RFC 7685), so many zero bytes.
    Padding(usize),
    /// extended_master_secret (RFC 7627).
    ExtendedMasterSecret,
    /// session_ticket, empty (RFC 5077).
    SessionTicket,
    /// supported_versions (RFC 8446, section 4.2.1).
    SupportedVersions(Vec<ProtocolVersion>),
    /// psk_key_exchange_modes with psk_dhe_ke (RFC 8446, section 4.2.9).
    PskKeyExchangeModes,
    /// key_share (RFC 8446, section 4.2.8). Empty, it asks for a HelloRetryRequest that names the server's group.
    KeyShare(Vec<(NamedGroup, Vec<u8>)>),
    /// renegotiation_info, empty (RFC 5746).
    RenegotiationInfo,
    /// Any other, by its number and content.
    Other(u16, Vec<u8>),
}

/// Something in a ClientHello is longer than the field that counts it can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} takes {length} bytes, and at most {limit} can be said")]
pub struct TooLong {
    /// What is too long.
    pub field: &'static str,
    /// How long it is.
    pub length: usize,
    /// How long it can be.
    pub limit: usize,
}

impl ClientHello {
    /// One that offers the suites at the version, with nothing else; TLS 1.3 needs extensions beside it.
    pub fn new(version: ProtocolVersion, suites: Vec<CipherSuite>) -> Self {
        let legacy = version.min(ProtocolVersion::Tls12).wire();
        ClientHello {
            // Servers exist that refuse 3.3 in a first record; SSLv3 servers want their own.
            record_version: legacy.min(ProtocolVersion::Tls10.wire()),
            version: legacy,
            random: random(),
            session_id: Vec::new(),
            suites,
            compression: vec![0],
            extensions: Vec::new(),
        }
    }

    /// The handshake message, its four bytes of header included.
    pub fn to_message(&self) -> Result<Vec<u8>, TooLong> {
        let mut body = Vec::with_capacity(512);
        body.extend(self.version.to_be_bytes());
        body.extend(self.random);
        if self.session_id.len() > 32 {
            return Err(TooLong {
                field: "session_id",
                length: self.session_id.len(),
                limit: 32,
            });
        }
        sized::<1>(&mut body, "session_id", |out| out.extend(&self.session_id))?;
        sized::<2>(&mut body, "cipher_suites", |out| {
            out.extend(self.suites.iter().flat_map(|suite| suite.0.to_be_bytes()));
        })?;
        sized::<1>(&mut body, "compression_methods", |out| {
            out.extend(&self.compression);
        })?;
        if !self.extensions.is_empty() {
            let mut all = Vec::new();
            for extension in &self.extensions {
                extension.write(&mut all)?;
            }
            sized::<2>(&mut body, "extensions", |out| out.extend(all))?;
        }
        let mut message = vec![1];
        sized::<3>(&mut message, "ClientHello", |out| out.extend(body))?;
        Ok(message)
    }

    /// The message as it goes over the wire, in as many records as it takes.
    pub fn to_records(&self) -> Result<Vec<u8>, TooLong> {
        let message = self.to_message()?;
        let mut records = Vec::with_capacity(message.len() + 5);
        for fragment in message.chunks(MAX_FRAGMENT) {
            records.push(22);
            records.extend(self.record_version.to_be_bytes());
            sized::<2>(&mut records, "record", |out| out.extend(fragment))?;
        }
        Ok(records)
    }

    /// Pads a message of 256 to 511 bytes to 512, which some F5 load balancers take for SSLv2 and never answer (RFC
    /// 7685, section 1).
    pub fn pad(&mut self) -> Result<(), TooLong> {
        let length = self.to_message()?.len();
        if (256..512).contains(&length) && !self.extensions.is_empty() {
            // One byte at least: others fail on an empty extension at the end.
            let missing = (512 - length).saturating_sub(4).max(1);
            self.extensions.push(Extension::Padding(missing));
        }
        Ok(())
    }
}

impl Extension {
    /// Its number (IANA "TLS ExtensionType Values").
    pub fn number(&self) -> u16 {
        match self {
            Extension::ServerName(_) => 0,
            Extension::StatusRequest => 5,
            Extension::SupportedGroups(_) => 10,
            Extension::EcPointFormats(_) => 11,
            Extension::SignatureAlgorithms(_) => 13,
            Extension::Alpn(_) => 16,
            Extension::SignedCertificateTimestamp => 18,
            Extension::Padding(_) => 21,
            Extension::ExtendedMasterSecret => 23,
            Extension::SessionTicket => 35,
            Extension::SupportedVersions(_) => 43,
            Extension::PskKeyExchangeModes => 45,
            Extension::KeyShare(_) => 51,
            Extension::RenegotiationInfo => 0xFF01,
            Extension::Other(number, _) => *number,
        }
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        out.extend(self.number().to_be_bytes());
        let mut body = Vec::new();
        self.write_body(&mut body)?;
        sized::<2>(out, "extension", |out| out.extend(body))
    }

    fn write_body(&self, body: &mut Vec<u8>) -> Result<(), TooLong> {
        match self {
            Extension::ServerName(name) => {
                let mut entry = vec![0];
                sized::<2>(&mut entry, "host_name", |out| out.extend(name.as_bytes()))?;
                sized::<2>(body, "server_name_list", |out| out.extend(entry))
            }
            Extension::StatusRequest => {
                // ocsp, no responder ids, no request extensions.
                body.extend([1, 0, 0, 0, 0]);
                Ok(())
            }
            Extension::SupportedGroups(groups) => sized::<2>(body, "named_group_list", |out| {
                out.extend(groups.iter().flat_map(|group| group.0.to_be_bytes()));
            }),
            Extension::EcPointFormats(formats) => {
                sized::<1>(body, "ec_point_format_list", |out| out.extend(formats))
            }
            Extension::SignatureAlgorithms(schemes) => {
                sized::<2>(body, "supported_signature_algorithms", |out| {
                    out.extend(schemes.iter().flat_map(|scheme| scheme.to_be_bytes()));
                })
            }
            Extension::Alpn(protocols) => {
                let mut list = Vec::new();
                for protocol in protocols {
                    sized::<1>(&mut list, "ProtocolName", |out| out.extend(protocol))?;
                }
                sized::<2>(body, "protocol_name_list", |out| out.extend(list))
            }
            Extension::Padding(zeros) => {
                // Counted first: the limit of the extension is known before the memory is taken.
                let zeros = (*zeros).min(usize::from(u16::MAX) + 1);
                body.resize(zeros, 0);
                Ok(())
            }
            Extension::SupportedVersions(versions) => sized::<1>(body, "versions", |out| {
                out.extend(versions.iter().flat_map(|v| v.wire().to_be_bytes()));
            }),
            Extension::PskKeyExchangeModes => {
                body.extend([1, 1]);
                Ok(())
            }
            Extension::KeyShare(shares) => {
                let mut list = Vec::new();
                for (group, share) in shares {
                    list.extend(group.0.to_be_bytes());
                    sized::<2>(&mut list, "key_exchange", |out| out.extend(share))?;
                }
                sized::<2>(body, "client_shares", |out| out.extend(list))
            }
            // The length of renegotiated_connection, which is empty.
            Extension::RenegotiationInfo => {
                body.push(0);
                Ok(())
            }
            Extension::SignedCertificateTimestamp
            | Extension::ExtendedMasterSecret
            | Extension::SessionTicket => Ok(()),
            Extension::Other(_, content) => {
                body.extend(content);
                Ok(())
            }
        }
    }
}

/// Appends the length of what `write` appends, in `N` bytes, and then that.
fn sized<const N: usize>(
    out: &mut Vec<u8>,
    field: &'static str,
    write: impl FnOnce(&mut Vec<u8>),
) -> Result<(), TooLong> {
    let start = out.len();
    out.extend([0; N]);
    write(out);
    let length = out.len() - start - N;
    let limit = (1_usize << (8 * N)) - 1;
    if length > limit {
        return Err(TooLong {
            field,
            length,
            limit,
        });
    }
    for (place, byte) in out[start..start + N].iter_mut().enumerate() {
        *byte = (length >> (8 * (N - 1 - place))) as u8;
    }
    Ok(())
}

/// The CLIENT-HELLO of SSLv2 with these ciphers, in its two-byte header (Hickman 1995, sections 1.1 and 2.5).
pub fn ssl2_client_hello(kinds: &[Ssl2CipherKind]) -> Result<Vec<u8>, TooLong> {
    // The header counts 15 bits, and nine bytes and the challenge are not ciphers.
    const MOST: usize = (0x7FFF - 9 - CHALLENGE) / 3;
    const CHALLENGE: usize = 16;
    if kinds.len() > MOST {
        return Err(TooLong {
            field: "CIPHER-SPECS-DATA",
            length: kinds.len() * 3,
            limit: MOST * 3,
        });
    }
    let specs = (kinds.len() * 3) as u16;
    let mut out = (0x8000 | (9 + specs + CHALLENGE as u16))
        .to_be_bytes()
        .to_vec();
    out.push(1);
    out.extend(ProtocolVersion::Ssl2.wire().to_be_bytes());
    out.extend(specs.to_be_bytes());
    out.extend([0, 0]);
    out.extend((CHALLENGE as u16).to_be_bytes());
    for kind in kinds {
        out.extend(kind.0.to_be_bytes().into_iter().skip(1));
    }
    out.extend(&random()[..CHALLENGE]);
    Ok(out)
}

/// A share for x25519 that every server takes: any 32 bytes are a public key (RFC 7748, section 5). Nobody knows the
/// private one, and nobody needs it, for the handshake ends with the server's first flight.
pub fn x25519_share() -> (NamedGroup, Vec<u8>) {
    (NamedGroup::X25519, random().to_vec())
}

/// Bytes that differ from call to call. No secret hangs on them, so the standard library's seeds do and no generator is
/// drawn in; servers that remember randoms must only not see one twice.
fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_exact_mut(8) {
        let seed = RandomState::new().build_hasher().finish();
        chunk.copy_from_slice(&seed.to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests;
