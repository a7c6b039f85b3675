//! Signature algorithms: their names, their hashes, and whether a signature is right.

use crate::key::{Curve, KeyType, PublicKey};
use aws_lc_rs::signature::{self as algorithms, UnparsedPublicKey, VerificationAlgorithm};
use std::fmt;
use x509_parser::prelude::FromDer;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::AlgorithmIdentifier;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// MD2 (RFC 1319).
    Md2,
    /// MD4 (RFC 1320).
    Md4,
    /// MD5 (RFC 1321).
    Md5,
    /// SHA-1 (FIPS 180-4).
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHAKE256, of Ed448 (RFC 8032).
    Shake256,
}

impl Hash {
    fn of_digest(oid: &str) -> Option<Self> {
        Some(match oid {
            "1.2.840.113549.2.5" => Hash::Md5,
            "1.3.14.3.2.26" => Hash::Sha1,
            "2.16.840.1.101.3.4.2.4" => Hash::Sha224,
            "2.16.840.1.101.3.4.2.1" => Hash::Sha256,
            "2.16.840.1.101.3.4.2.2" => Hash::Sha384,
            "2.16.840.1.101.3.4.2.3" => Hash::Sha512,
            _ => return None,
        })
    }

    /// Whether two documents of one hash can be made, so that a signature by it proves nothing (RFC 6151, RFC 9155).
    pub fn is_broken(self) -> bool {
        matches!(self, Hash::Md2 | Hash::Md4 | Hash::Md5 | Hash::Sha1)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hash::Md2 => "MD2",
            Hash::Md4 => "MD4",
            Hash::Md5 => "MD5",
            Hash::Sha1 => "SHA-1",
            Hash::Sha224 => "SHA-224",
            Hash::Sha256 => "SHA-256",
            Hash::Sha384 => "SHA-384",
            Hash::Sha512 => "SHA-512",
            Hash::Shake256 => "SHAKE256",
        })
    }
}

/// How a certificate, an OCSP response or a timestamp is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureAlgorithm {
    /// The name that its RFC gives it, such as `sha256WithRSAEncryption`; its object identifier when it has none here.
    pub name: String,
    /// The hash; None when it is not known.
    pub hash: Option<Hash>,
    /// The salt of RSASSA-PSS in bytes (RFC 4055, section 3.1).
    pub salt_length: Option<u32>,
}

/// By object identifier: name and hash (RFC 3279, 4055, 5758, 8410; SHA-1 also by the OIW's old identifier).
const NAMES: [(&str, &str, Option<Hash>); 18] = [
    (
        "1.2.840.113549.1.1.2",
        "md2WithRSAEncryption",
        Some(Hash::Md2),
    ),
    (
        "1.2.840.113549.1.1.3",
        "md4WithRSAEncryption",
        Some(Hash::Md4),
    ),
    (
        "1.2.840.113549.1.1.4",
        "md5WithRSAEncryption",
        Some(Hash::Md5),
    ),
    (
        "1.2.840.113549.1.1.5",
        "sha1WithRSAEncryption",
        Some(Hash::Sha1),
    ),
    ("1.3.14.3.2.29", "sha1WithRSAEncryption", Some(Hash::Sha1)),
    (
        "1.2.840.113549.1.1.14",
        "sha224WithRSAEncryption",
        Some(Hash::Sha224),
    ),
    (
        "1.2.840.113549.1.1.11",
        "sha256WithRSAEncryption",
        Some(Hash::Sha256),
    ),
    (
        "1.2.840.113549.1.1.12",
        "sha384WithRSAEncryption",
        Some(Hash::Sha384),
    ),
    (
        "1.2.840.113549.1.1.13",
        "sha512WithRSAEncryption",
        Some(Hash::Sha512),
    ),
    (PSS, "RSASSA-PSS", None),
    ("1.2.840.10040.4.3", "id-dsa-with-sha1", Some(Hash::Sha1)),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1", Some(Hash::Sha1)),
    (
        "1.2.840.10045.4.3.1",
        "ecdsa-with-SHA224",
        Some(Hash::Sha224),
    ),
    (
        "1.2.840.10045.4.3.2",
        "ecdsa-with-SHA256",
        Some(Hash::Sha256),
    ),
    (
        "1.2.840.10045.4.3.3",
        "ecdsa-with-SHA384",
        Some(Hash::Sha384),
    ),
    (
        "1.2.840.10045.4.3.4",
        "ecdsa-with-SHA512",
        Some(Hash::Sha512),
    ),
    ("1.3.101.112", "Ed25519", Some(Hash::Sha512)),
    ("1.3.101.113", "Ed448", Some(Hash::Shake256)),
];

const PSS: &str = "1.2.840.113549.1.1.10";

impl SignatureAlgorithm {
    pub(crate) fn new(identifier: &AlgorithmIdentifier<'_>) -> Self {
        let oid = identifier.algorithm.to_id_string();
        let named = NAMES.iter().find(|(known, ..)| *known == oid);
        let mut algorithm = SignatureAlgorithm {
            name: named.map_or_else(|| oid.clone(), |(_, name, _)| (*name).into()),
            hash: named.and_then(|(.., hash)| *hash),
            salt_length: None,
        };
        if oid == PSS {
            let parameters = identifier.parameters.as_ref();
            if let Some(Ok(pss)) = parameters.map(RsaSsaPssParams::try_from) {
                algorithm.hash = Hash::of_digest(&pss.hash_algorithm_oid().to_id_string());
                algorithm.salt_length = Some(pss.salt_length());
            }
        }
        algorithm
    }

    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        let (_, identifier) = AlgorithmIdentifier::from_der(der).ok()?;
        Some(SignatureAlgorithm::new(&identifier))
    }
}

/// What a check of a signature gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    Good,
    Bad,
    /// It cannot be checked: MD5, DSA, an algorithm of others, an RSA key of less than 1024 bits.
    Uncheckable,
}

/// Checks a signature also by what nobody should rely on any more (SHA-1, RSA with 1024 bits): to say that a chain is
/// whole but weak, it must first be known to be whole. What is weak is said elsewhere.
pub(crate) fn check(
    key: &PublicKey,
    by: &SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Checked {
    let Some(algorithm) = verification(key, by) else {
        return Checked::Uncheckable;
    };
    match UnparsedPublicKey::new(algorithm, &key.bytes).verify(message, signature) {
        Ok(()) => Checked::Good,
        Err(_) => Checked::Bad,
    }
}

fn verification(
    key: &PublicKey,
    by: &SignatureAlgorithm,
) -> Option<&'static dyn VerificationAlgorithm> {
    use algorithms::*;
    let hash = by.hash?;
    Some(match (&key.key_type, &key.curve) {
        (KeyType::Rsa, _) if by.name == "RSASSA-PSS" => match hash {
            Hash::Sha256 => &RSA_PSS_2048_8192_SHA256,
            Hash::Sha384 => &RSA_PSS_2048_8192_SHA384,
            Hash::Sha512 => &RSA_PSS_2048_8192_SHA512,
            _ => return None,
        },
        (KeyType::Rsa, _) if key.size.is_some_and(|size| size < 1024) => return None,
        (KeyType::Rsa, _) if by.name.ends_with("WithRSAEncryption") => match hash {
            Hash::Sha1 => &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            Hash::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
            Hash::Sha512 => &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
            _ => return None,
        },
        (KeyType::Ec, Some(curve)) if by.name.starts_with("ecdsa-with-") => match (curve, hash) {
            (Curve::P256, Hash::Sha1) => &ECDSA_P256_SHA1_ASN1,
            (Curve::P256, Hash::Sha256) => &ECDSA_P256_SHA256_ASN1,
            (Curve::P256, Hash::Sha384) => &ECDSA_P256_SHA384_ASN1,
            (Curve::P256, Hash::Sha512) => &ECDSA_P256_SHA512_ASN1,
            (Curve::P384, Hash::Sha256) => &ECDSA_P384_SHA256_ASN1,
            (Curve::P384, Hash::Sha384) => &ECDSA_P384_SHA384_ASN1,
            (Curve::P384, Hash::Sha512) => &ECDSA_P384_SHA512_ASN1,
            (Curve::P521, Hash::Sha1) => &ECDSA_P521_SHA1_ASN1,
            (Curve::P521, Hash::Sha224) => &ECDSA_P521_SHA224_ASN1,
            (Curve::P521, Hash::Sha256) => &ECDSA_P521_SHA256_ASN1,
            (Curve::P521, Hash::Sha384) => &ECDSA_P521_SHA384_ASN1,
            (Curve::P521, Hash::Sha512) => &ECDSA_P521_SHA512_ASN1,
            _ => return None,
        },
        (KeyType::Ed25519, _) if by.name == "Ed25519" => &ED25519,
        _ => return None,
    })
}
