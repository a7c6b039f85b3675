//! Signed certificate timestamps (RFC 6962, section 3.2), and what they sign.

use crate::certificate::{Certificate, sha256};
use crate::der;
use crate::key::KeyType;
use crate::log_list::Log;
use crate::signature::{self, Checked, Hash, SignatureAlgorithm};
use std::fmt;

/// The most timestamps of a list that are looked at. Certificates have two to six.
pub(crate) const MAX_TIMESTAMPS: usize = 32;

/// How a timestamp came (RFC 6962, section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In the certificate.
    Certificate,
    /// In a TLS extension.
    Tls,
    /// In the stapled OCSP response.
    Ocsp,
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Delivery::Certificate => "certificate",
            Delivery::Tls => "tls",
            Delivery::Ocsp => "ocsp",
        })
    }
}

/// A log's promise to show a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCertificateTimestamp {
    /// The log: SHA-256 of its key.
    pub log_id: [u8; 32],
    /// When it was made, in milliseconds since 1970.
    pub timestamp: u64,
    /// CtExtensions, as they are; logs of static-ct-api put the entry's index there.
    pub extensions: Vec<u8>,
    /// The hash by its TLS number (RFC 5246, section 7.4.1.4.1): 4 is SHA-256.
    pub hash: u8,
    /// The signature algorithm by its TLS number: 1 is RSA, 3 is ECDSA.
    pub algorithm: u8,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Why octets are no list of timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SctError {
    /// A length says otherwise than what is there.
    #[error("its lengths do not add up at byte {0}")]
    Length(usize),
    /// A version that is not v1.
    #[error("version {0}, and only v1 is known")]
    Version(u8),
}

/// Reads a SignedCertificateTimestampList (RFC 6962, section 3.3). A timestamp that cannot be read does not hide the others.
///
/// # Errors
/// When the list itself cannot be taken apart.
pub fn parse_sct_list(
    list: &[u8],
) -> Result<Vec<Result<SignedCertificateTimestamp, SctError>>, SctError> {
    let mut rest = list;
    let at = |rest: &[u8]| SctError::Length(list.len() - rest.len());
    let mut inner = opaque(&mut rest)
        .filter(|_| rest.is_empty())
        .ok_or(SctError::Length(0))?;
    let mut found = Vec::new();
    while !inner.is_empty() {
        let timestamp = opaque(&mut inner).ok_or_else(|| at(inner))?;
        found.push(parse(timestamp));
    }
    Ok(found)
}

fn parse(all: &[u8]) -> Result<SignedCertificateTimestamp, SctError> {
    let mut input = all;
    let [version] = array(&mut input).ok_or(SctError::Length(0))?;
    if version != 0 {
        return Err(SctError::Version(version));
    }
    let fields = |input: &mut &[u8]| {
        let log_id = array(input)?;
        let timestamp = u64::from_be_bytes(array(input)?);
        let extensions = opaque(input)?.to_vec();
        let [hash, algorithm] = array(input)?;
        let signature = opaque(input)?.to_vec();
        Some(SignedCertificateTimestamp {
            log_id,
            timestamp,
            extensions,
            hash,
            algorithm,
            signature,
        })
    };
    let found = fields(&mut input).filter(|_| input.is_empty());
    found.ok_or(SctError::Length(all.len() - input.len()))
}

fn array<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(*taken)
}

/// `opaque<0..2^16-1>` (RFC 8446, section 3.4).
fn opaque<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut rest = *input;
    let length = u16::from_be_bytes(array(&mut rest)?);
    let (taken, rest) = rest.split_at_checked(usize::from(length))?;
    *input = rest;
    Some(taken)
}

/// What a timestamp is of (RFC 6962, section 3.1): LogEntryType and signed_entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry(Vec<u8>);

impl Entry {
    /// x509_entry: the certificate itself, for timestamps that came beside it.
    pub(crate) fn of_certificate(certificate: &Certificate) -> Option<Self> {
        let mut entry = vec![0, 0];
        push_opaque_24(&mut entry, &certificate.der)?;
        Some(Entry(entry))
    }

    /// precert_entry: what the certificate was before the timestamps were put into it, for those that are in it.
    pub(crate) fn of_precertificate(
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Option<Self> {
        let mut entry = vec![0, 1];
        entry.extend(sha256(&issuer.key.info));
        push_opaque_24(&mut entry, &without_timestamps(&certificate.raw.tbs)?)?;
        Some(Entry(entry))
    }

    /// The octets that a timestamp's signature is over (RFC 6962, section 3.2).
    pub(crate) fn signed_by(&self, timestamp: &SignedCertificateTimestamp) -> Vec<u8> {
        // v1, certificate_timestamp.
        let mut signed = vec![0, 0];
        signed.extend(timestamp.timestamp.to_be_bytes());
        signed.extend(&self.0);
        // It was read from a field with a length of 16 bits.
        signed.extend((timestamp.extensions.len() as u16).to_be_bytes());
        signed.extend(&timestamp.extensions);
        signed
    }

    /// Whether the log made the timestamp for this entry.
    pub(crate) fn is_signed(&self, timestamp: &SignedCertificateTimestamp, log: &Log) -> bool {
        let name = match (timestamp.hash, timestamp.algorithm, &log.key.key_type) {
            (4, 3, KeyType::Ec) => "ecdsa-with-SHA256",
            (4, 1, KeyType::Rsa) => "sha256WithRSAEncryption",
            _ => return false,
        };
        let by = SignatureAlgorithm {
            name: name.into(),
            hash: Some(Hash::Sha256),
            salt_length: None,
        };
        let signed = self.signed_by(timestamp);
        signature::check(&log.key, &by, &signed, &timestamp.signature) == Checked::Good
    }
}

fn push_opaque_24(out: &mut Vec<u8>, content: &[u8]) -> Option<()> {
    let length = u32::try_from(content.len())
        .ok()
        .filter(|length| *length < 1 << 24)?;
    out.extend(&length.to_be_bytes()[1..]);
    out.extend(content);
    Some(())
}

/// The TBSCertificate without the extension that holds the timestamps, all other octets as they are (RFC 6962, section 3.2).
fn without_timestamps(tbs: &[u8]) -> Option<Vec<u8>> {
    /// 1.3.6.1.4.1.11129.2.4.2
    const SCT_LIST: [u8; 10] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];
    let outer = der::take_tagged(&mut &*tbs, der::SEQUENCE)?;
    let mut fields = Vec::new();
    for field in der::elements(outer.content)? {
        if field.tag != der::CONTEXT_3 {
            fields.extend(field.whole);
            continue;
        }
        let list = der::take_tagged(&mut &*field.content, der::SEQUENCE)?;
        let mut kept = Vec::new();
        for extension in der::elements(list.content)? {
            let oid = der::take_tagged(&mut &*extension.content, der::OBJECT_IDENTIFIER)?;
            if oid.content != SCT_LIST {
                kept.extend(extension.whole);
            }
        }
        // Extensions are never an empty list (RFC 5280, section 4.1).
        if !kept.is_empty() {
            fields.extend(der::encode(
                der::CONTEXT_3,
                &der::encode(der::SEQUENCE, &kept),
            ));
        }
    }
    Some(der::encode(der::SEQUENCE, &fields))
}
