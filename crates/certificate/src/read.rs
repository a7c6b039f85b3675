//! Certificates out of the files that people keep them in.

use crate::certificate::{Certificate, MAX_CERTIFICATE_BYTES};
use crate::der::{self, Element};
use crate::judge::MAX_CERTIFICATES;
use crate::pkcs12::{self, Secret};
use crate::signature::Checked;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// The most certificates of one file: root stores have some 150.
const MAX_IN_FILE: usize = 10_000;
/// id-signedData (RFC 5652, section 5.1).
const SIGNED_DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

/// Why no certificates could be taken out of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nothing that looks like a certificate.
    #[error("no certificate in it: it is neither PEM nor a DER sequence")]
    Nothing,
    /// PEM without a certificate.
    #[error("no certificate in it, only: {}", .0.join(", "))]
    NoCertificate(Vec<String>),
    /// A PEM section that does not end as it begins (RFC 7468, section 2).
    #[error("line {line}: BEGIN {label} has no END {label}")]
    NoEnd {
        /// Where it begins, from one.
        line: usize,
        /// Its label.
        label: String,
    },
    /// Something in a PEM section that is not base64.
    #[error("line {line}: not base64 (in the {label} that ends there)")]
    Base64 {
        /// Where the section ends, from one.
        line: usize,
        /// Its label.
        label: String,
    },
    /// DER that is cut off, or not DER.
    #[error("byte {0}: no DER sequence that ends within the file")]
    Der(usize),
    /// PKCS#7 that is not signedData with certificates (RFC 5652).
    #[error("PKCS#7 without certificates")]
    Pkcs7,
    /// PKCS#12 that cannot be read.
    #[error("PKCS#12 that cannot be read: {0}")]
    Pkcs12(String),
    /// PKCS#12 with a password, and none was given.
    #[error("PKCS#12 that asks for a password")]
    PasswordMissing,
    /// PKCS#12 with another password.
    #[error("PKCS#12 whose password is another one")]
    PasswordWrong,
    /// More certificates than anybody has.
    #[error("more than {MAX_IN_FILE} certificates")]
    TooMany,
    /// A certificate larger than any.
    #[error("byte {0}: a certificate of more than {MAX_CERTIFICATE_BYTES} bytes")]
    TooLarge(usize),
}

/// Takes the certificates out of a file, in their order: PEM with one or many (private keys and all else in it are passed
/// over undecoded), DER, PKCS#7 of either, and PKCS#12, for which the password is.
///
/// # Errors
/// When there are none, or what there is cannot be read; the text says where.
pub fn read(bytes: &[u8], password: Option<&Secret>) -> Result<Vec<Vec<u8>>, ReadError> {
    let found = if bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        pem(bytes)?
    } else {
        der(bytes, password)?
    };
    if found.len() > MAX_IN_FILE {
        return Err(ReadError::TooMany);
    }
    Ok(found)
}

/// The certificates of a file in the order in which a server sends them, for files begin with whichever: first one that issued none
/// of the others, then its issuers, then the rest as it was. A file that begins with a server's own is left as it is, as are more
/// certificates than a chain is judged by, and what cannot all be read.
pub fn leaf_first(mut chain: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if chain.len() > MAX_CERTIFICATES {
        return chain;
    }
    let parsed = chain.iter().map(|der| Certificate::parse(der).ok());
    // It may be the server's own that cannot be read.
    let Some(parsed) = parsed.collect::<Option<Vec<_>>>() else {
        return chain;
    };
    // That a root issued itself is no other's affair.
    let issued = |issuer: usize, other: usize| {
        let (issuer, certificate) = (&parsed[issuer], &parsed[other]);
        issuer.der != certificate.der
            && certificate.names_as_issuer(issuer)
            && certificate.check_issued_by(&issuer.key) != Checked::Bad
    };
    let all = 0..chain.len();
    // One that calls itself an authority may have issued what is not in the file.
    let ends = all
        .clone()
        .filter(|index| !all.clone().any(|other| issued(*index, other)));
    let first = ends.min_by_key(|index| parsed[*index].is_authority);
    let Some(mut at) = first.filter(|index| *index > 0) else {
        return chain;
    };
    let mut order = vec![at];
    while let Some(issuer) = all
        .clone()
        .find(|index| !order.contains(index) && issued(*index, at))
    {
        order.push(issuer);
        at = issuer;
    }
    order.extend(
        all.filter(|index| !order.contains(index))
            .collect::<Vec<_>>(),
    );
    order
        .into_iter()
        .map(|index| std::mem::take(&mut chain[index]))
        .collect()
}

fn pem(bytes: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    let mut others: Vec<String> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((start, line)) = lines.next() {
        let Some(label) = boundary(line, "-----BEGIN ") else {
            continue;
        };
        let label = crate::certificate::clean(label);
        let wanted = matches!(
            label.as_str(),
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" | "PKCS7" | "CMS"
        );
        let mut body = String::new();
        let end = loop {
            match lines.next() {
                Some((end, line))
                    if boundary(line, "-----END ").is_some_and(|ended| ended == label) =>
                {
                    break Some(end + 1);
                }
                Some((_, line)) if boundary(line, "-----BEGIN ").is_none() => {
                    if wanted {
                        body.push_str(line.trim());
                    }
                }
                _ => break None,
            }
        };
        let Some(line) = end else {
            return Err(ReadError::NoEnd {
                line: start + 1,
                label,
            });
        };
        if !wanted {
            if !others.contains(&label) {
                others.push(label);
            }
            continue;
        }
        let decoded = BASE64_STANDARD
            .decode(&body)
            .map_err(|_| ReadError::Base64 {
                line,
                label: label.clone(),
            })?;
        match label.as_str() {
            "PKCS7" | "CMS" => found.extend(pkcs7(&decoded)?),
            // OpenSSL's trust settings come after the certificate.
            "TRUSTED CERTIFICATE" => {
                let certificate =
                    der::take_tagged(&mut &decoded[..], der::SEQUENCE).ok_or(ReadError::Der(0))?;
                found.push(certificate.whole.to_vec());
            }
            _ => found.push(decoded),
        }
    }
    match found.is_empty() {
        true => Err(ReadError::NoCertificate(others)),
        false => Ok(found),
    }
}

/// The label of an encapsulation boundary (RFC 7468, section 2).
fn boundary<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.trim().strip_prefix(start)?.strip_suffix("-----")
}

fn der(bytes: &[u8], password: Option<&Secret>) -> Result<Vec<Vec<u8>>, ReadError> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let Some(element) = der::take_tagged(&mut rest, der::SEQUENCE) else {
            return Err(if at == 0 && bytes[0] != der::SEQUENCE {
                ReadError::Nothing
            } else {
                ReadError::Der(at)
            });
        };
        match element.content.first() {
            Some(&der::OBJECT_IDENTIFIER) => found.extend(pkcs7(element.whole)?),
            Some(&der::INTEGER) => found.extend(pkcs12::certificates(element.whole, password)?),
            _ if element.whole.len() > MAX_CERTIFICATE_BYTES => {
                return Err(ReadError::TooLarge(at));
            }
            _ => found.push(element.whole.to_vec()),
        }
    }
    match found.is_empty() {
        true => Err(ReadError::Nothing),
        false => Ok(found),
    }
}

/// The certificates of a SignedData (RFC 5652, sections 3 and 5.1).
fn pkcs7(bytes: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
    let found = || {
        let info = der::take_tagged(&mut &*bytes, der::SEQUENCE)?;
        let mut content = info.content;
        der::take_tagged(&mut content, der::OBJECT_IDENTIFIER)
            .filter(|oid| oid.content == SIGNED_DATA)?;
        let explicit = der::take_tagged(&mut content, der::CONTEXT_0)?;
        let signed = der::take_tagged(&mut &*explicit.content, der::SEQUENCE)?;
        let fields = der::elements(signed.content)?;
        let set = fields.iter().find(|field| field.tag == der::CONTEXT_0)?;
        let is_certificate = |choice: &Element<'_>| choice.tag == der::SEQUENCE;
        let choices = der::elements(set.content)?
            .into_iter()
            .filter(is_certificate);
        Some(
            choices
                .map(|choice| choice.whole.to_vec())
                .collect::<Vec<_>>(),
        )
    };
    found()
        .filter(|found| !found.is_empty())
        .ok_or(ReadError::Pkcs7)
}
