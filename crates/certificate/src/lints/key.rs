//! Lints of keys and signatures.

use super::Look;
use crate::fact::Fact;
use crate::key::{Curve, KeyType};

pub(super) fn broken_hash(look: &Look<'_>) -> Option<String> {
    // What a root says of itself proves nothing; a server's own that may be no root is not spared.
    let spared = match look.index {
        0 => look.certificate.self_signed == Fact::Known(true),
        _ => look.certificate.may_be_self_signed(),
    };
    if spared {
        return None;
    }
    let hash = look
        .certificate
        .signature
        .hash
        .filter(|hash| hash.is_broken())?;
    Some(format!(
        "signed with {}, and {hash} is broken",
        look.certificate.signature.name
    ))
}

pub(super) fn algorithms_differ(look: &Look<'_>) -> Option<String> {
    let (inner, outer) = (
        &look.x509.tbs_certificate.signature,
        &look.x509.signature_algorithm,
    );
    (inner != outer).then(|| {
        let (inner, outer) = (
            inner.algorithm.to_id_string(),
            outer.algorithm.to_id_string(),
        );
        format!("signed with {outer}, and what is signed says {inner}, or their parameters differ")
    })
}

/// An RSAPublicKey that is not DER, or a point of no curve's size.
pub(super) fn malformed(look: &Look<'_>) -> Option<String> {
    let key = &look.certificate.key;
    let readable = key.size.is_some() || !matches!(key.key_type, KeyType::Rsa | KeyType::Ec);
    (!readable).then(|| format!("the {} key cannot be read", key.key_type))
}

fn rsa_size(look: &Look<'_>) -> Option<u64> {
    look.certificate
        .key
        .size
        .filter(|_| look.certificate.key.key_type == KeyType::Rsa)
}

pub(super) fn rsa_small(look: &Look<'_>) -> Option<String> {
    let size = rsa_size(look).filter(|size| *size < 2048)?;
    Some(format!("an RSA key of {size} bits, and 2048 is the least"))
}

pub(super) fn rsa_size_multiple(look: &Look<'_>) -> Option<String> {
    let size = rsa_size(look).filter(|size| size % 8 != 0)?;
    Some(format!(
        "an RSA modulus of {size} bits, which is no multiple of eight"
    ))
}

pub(super) fn exponent_invalid(look: &Look<'_>) -> Option<String> {
    let exponent = look.certificate.key.exponent?;
    (exponent < 3 || exponent % 2 == 0)
        .then(|| format!("the RSA exponent {exponent}: it must be odd, and 3 or more"))
}

pub(super) fn exponent_small(look: &Look<'_>) -> Option<String> {
    let exponent = look.certificate.key.exponent?;
    (exponent >= 3 && exponent % 2 == 1 && exponent < 65_537)
        .then(|| format!("the RSA exponent {exponent}, and 65537 is the least that is advised"))
}

pub(super) fn kind(look: &Look<'_>) -> Option<String> {
    let key = &look.certificate.key;
    let allowed = match (&key.key_type, &key.curve) {
        (KeyType::Rsa, _) => true,
        (KeyType::Ec, Some(curve)) => !matches!(curve, Curve::Other(_)),
        _ => false,
    };
    let curve = key
        .curve
        .as_ref()
        .map_or(String::new(), |curve| format!(" on {curve}"));
    (!allowed).then(|| format!("a key of the kind {}{curve}", key.key_type))
}
