//! Public keys: what they are and how large.

use std::fmt;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

/// A certificate's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// What kind it is.
    pub key_type: KeyType,
    /// Its size in bits: the modulus of RSA, the field of an elliptic curve. None when it cannot be told.
    pub size: Option<u64>,
    /// The curve of an elliptic-curve key.
    pub curve: Option<Curve>,
    /// The public exponent of an RSA key, when it fits.
    pub exponent: Option<u64>,
    /// The SubjectPublicKeyInfo (RFC 5280, section 4.1), DER.
    pub info: Vec<u8>,
    /// The subjectPublicKey itself: an RSAPublicKey, a point, 32 bytes.
    pub(crate) bytes: Vec<u8>,
}

/// The kind of a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// RSA (RFC 8017), also when it is bound to RSASSA-PSS.
    Rsa,
    /// An elliptic curve (RFC 5480).
    Ec,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Ed448 (RFC 8410).
    Ed448,
    /// DSA (RFC 3279).
    Dsa,
    /// Another, by its object identifier.
    Other(String),
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyType::Rsa => "RSA",
            KeyType::Ec => "EC",
            KeyType::Ed25519 => "Ed25519",
            KeyType::Ed448 => "Ed448",
            KeyType::Dsa => "DSA",
            KeyType::Other(oid) => oid,
        })
    }
}

/// A named elliptic curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-256, secp256r1.
    P256,
    /// NIST P-384, secp384r1.
    P384,
    /// NIST P-521, secp521r1.
    P521,
    /// Another, by its object identifier; `explicit parameters` when it has none.
    Other(String),
}

impl Curve {
    fn new(oid: &str) -> Self {
        match oid {
            "1.2.840.10045.3.1.7" => Curve::P256,
            "1.3.132.0.34" => Curve::P384,
            "1.3.132.0.35" => Curve::P521,
            other => Curve::Other(other.into()),
        }
    }

    /// The size of the field in bits.
    pub fn size(&self) -> Option<u64> {
        match self {
            Curve::P256 => Some(256),
            Curve::P384 => Some(384),
            Curve::P521 => Some(521),
            Curve::Other(_) => None,
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Curve::P256 => "P-256",
            Curve::P384 => "P-384",
            Curve::P521 => "P-521",
            Curve::Other(oid) => oid,
        })
    }
}

/// The significant bits of a big-endian number.
fn bits(number: &[u8]) -> u64 {
    let significant = number
        .iter()
        .position(|byte| *byte != 0)
        .map(|at| &number[at..]);
    significant.map_or(0, |bytes| {
        bytes.len() as u64 * 8 - u64::from(bytes[0].leading_zeros())
    })
}

impl PublicKey {
    pub(crate) fn new(info: &SubjectPublicKeyInfo<'_>) -> Self {
        let oid = info.algorithm.algorithm.to_id_string();
        let key_type = match oid.as_str() {
            "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => KeyType::Rsa,
            "1.2.840.10045.2.1" => KeyType::Ec,
            "1.3.101.112" => KeyType::Ed25519,
            "1.3.101.113" => KeyType::Ed448,
            "1.2.840.10040.4.1" => KeyType::Dsa,
            _ => KeyType::Other(oid),
        };
        let curve = (key_type == KeyType::Ec).then(|| {
            let parameters = info.algorithm.parameters.as_ref();
            let named = parameters.and_then(|any| any.as_oid().ok());
            named.map_or_else(
                || Curve::Other("explicit parameters".into()),
                |oid| Curve::new(&oid.to_id_string()),
            )
        });
        let (mut size, mut exponent) = (None, None);
        match &key_type {
            KeyType::Rsa => {
                use x509_parser::prelude::FromDer;
                let bytes = &info.subject_public_key.data;
                if let Ok((_, rsa)) = x509_parser::public_key::RSAPublicKey::from_der(bytes) {
                    size = Some(bits(rsa.modulus));
                    exponent = rsa.try_exponent().ok();
                }
            }
            KeyType::Ec => {
                let coordinate = match info.parsed() {
                    Ok(Parsed::EC(point)) => Some(point.key_size() as u64).filter(|size| *size > 0),
                    _ => None,
                };
                size = curve.as_ref().and_then(Curve::size).or(coordinate);
            }
            KeyType::Ed25519 => size = Some(256),
            KeyType::Ed448 => size = Some(456),
            KeyType::Dsa | KeyType::Other(_) => {}
        }
        PublicKey {
            key_type,
            size,
            curve,
            exponent,
            info: info.raw.to_vec(),
            bytes: info.subject_public_key.data.to_vec(),
        }
    }
}
