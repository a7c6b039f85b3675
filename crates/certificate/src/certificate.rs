//! One certificate (RFC 5280), read.

use crate::der;
use crate::fact::Fact;
use crate::key::PublicKey;
use crate::signature::{self, Checked, SignatureAlgorithm};
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;
use std::net::IpAddr;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

/// The largest certificate that is looked at, in bytes: webpki, and so rustls, takes no larger either. The largest on the
/// web have some 2,000 names and 60,000 bytes.
pub const MAX_CERTIFICATE_BYTES: usize = 0xffff;

/// A certificate. Serialises as an entry of `Chain` without its lints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The subject's distinguished name, such as `C=US, O=Amazon, CN=Amazon RSA 2048 M02`.
    pub subject: String,
    /// The common names in the subject.
    pub common_names: Vec<String>,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// The serial number: its octets in lower-case hexadecimal, as they are encoded.
    pub serial_number: String,
    /// SHA-256 of the DER, in lower-case hexadecimal.
    pub fingerprint: String,
    /// The subject's alternative names that name a server: dNSName and iPAddress (RFC 5280, section 4.2.1.6).
    pub names: Vec<Name>,
    /// The first second of its validity.
    pub not_before: Timestamp,
    /// The last second of its validity. What lies after the year 9999 is cut to its end.
    pub not_after: Timestamp,
    /// The public key.
    pub key: PublicKey,
    /// How its issuer signed it.
    pub signature: SignatureAlgorithm,
    /// Whether it names itself as its issuer, and its own key made the signature; unknown where that cannot be checked.
    pub self_signed: Fact<bool>,
    /// Whether basicConstraints say that it is a certificate authority (RFC 5280, section 4.2.1.9).
    pub is_authority: bool,
    /// extKeyUsage by object identifier (RFC 5280, section 4.2.1.12); None when it has none.
    pub extended_key_usage: Option<Vec<String>>,
    /// Whether it asks for a stapled OCSP response: the TLS feature status_request (RFC 7633).
    pub must_staple: bool,
    /// The embedded SignedCertificateTimestampList (RFC 6962, section 3.3), encoded as for TLS.
    pub timestamps: Option<Vec<u8>>,
    /// Where OCSP responders are (authorityInfoAccess; RFC 5280, section 4.2.2.1).
    pub ocsp_urls: Vec<String>,
    /// Where the issuer's certificate is (caIssuers; RFC 5280, section 4.2.2.1).
    pub issuer_urls: Vec<String>,
    /// Where revocation lists are (RFC 5280, section 4.2.1.13).
    pub crl_urls: Vec<String>,
    /// The certificate, DER.
    pub der: Vec<u8>,
    pub(crate) raw: Raw,
}

/// The parts of it that are compared and verified octet by octet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub subject: Vec<u8>,
    pub issuer: Vec<u8>,
    pub serial: Vec<u8>,
    pub tbs: Vec<u8>,
    pub signature: Vec<u8>,
    /// subjectKeyIdentifier (RFC 5280, section 4.2.1.2).
    pub subject_key: Option<Vec<u8>>,
    /// The keyIdentifier of authorityKeyIdentifier (RFC 5280, section 4.2.1.1).
    pub authority_key: Option<Vec<u8>>,
}

/// How long a certificate is valid, in seconds: both its first and its last count (RFC 5280, section 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(pub i64);

impl Lifetime {
    /// So many days of 86,400 seconds (CA/Browser Forum Baseline Requirements, section 6.3.2).
    pub const fn days(days: i64) -> Self {
        Lifetime(days * 86_400)
    }

    /// Its days, the last of them begun.
    pub fn as_days(self) -> i64 {
        self.0.div_euclid(86_400) + i64::from(self.0.rem_euclid(86_400) > 0)
    }
}

/// A name of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A dNSName.
    Dns(String),
    /// An iPAddress.
    Ip(IpAddr),
    /// One that is neither text nor an address, by its octets in hexadecimal.
    Broken(String),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Dns(name) => f.write_str(name),
            Name::Ip(address) => address.fmt(f),
            Name::Broken(octets) => write!(f, "#{octets}"),
        }
    }
}

/// Why octets are no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Larger than [`MAX_CERTIFICATE_BYTES`].
    #[error("{0} bytes, and certificates of more than {MAX_CERTIFICATE_BYTES} are not looked at")]
    TooLarge(usize),
    /// It ends early, or does not start as a certificate does.
    #[error("no DER sequence that ends within its {0} bytes")]
    CutOff(usize),
    /// Something comes after it.
    #[error("{more} bytes more after it ends at byte {at}")]
    Trailing {
        /// Where it ends, in bytes.
        at: usize,
        /// How many bytes follow.
        more: usize,
    },
    /// A field is not as RFC 5280, section 4.1 has it.
    #[error("not a certificate as RFC 5280, section 4.1 has it: {0}")]
    Field(String),
}

const SCT_LIST: &str = "1.3.6.1.4.1.11129.2.4.2";
const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";
const OCSP: &str = "1.3.6.1.5.5.7.48.1";
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

impl Certificate {
    /// Reads a certificate from DER.
    ///
    /// # Errors
    /// When it is none. What is merely wrong (an odd name, a broken extension) is told by lints.
    pub fn parse(der: &[u8]) -> Result<Self, Malformed> {
        let parsed = parsed(der)?;
        let mut certificate = Certificate {
            subject: clean(&parsed.subject().to_string()),
            common_names: (parsed.subject().iter_common_name())
                .filter_map(|name| name.as_str().ok())
                .map(clean)
                .collect(),
            issuer: clean(&parsed.issuer().to_string()),
            serial_number: der::hex(parsed.raw_serial()),
            fingerprint: der::hex(&sha256(der)),
            names: Vec::new(),
            not_before: timestamp(parsed.validity().not_before.timestamp()),
            not_after: timestamp(parsed.validity().not_after.timestamp()),
            key: PublicKey::new(parsed.public_key()),
            signature: SignatureAlgorithm::new(&parsed.signature_algorithm),
            self_signed: Fact::Known(false),
            is_authority: false,
            extended_key_usage: None,
            must_staple: false,
            timestamps: None,
            ocsp_urls: Vec::new(),
            issuer_urls: Vec::new(),
            crl_urls: Vec::new(),
            der: der.to_vec(),
            raw: Raw {
                subject: parsed.subject().as_raw().to_vec(),
                issuer: parsed.issuer().as_raw().to_vec(),
                serial: parsed.raw_serial().to_vec(),
                tbs: parsed.tbs_certificate.as_ref().to_vec(),
                signature: parsed.signature_value.data.to_vec(),
                subject_key: None,
                authority_key: None,
            },
        };
        certificate.read_extensions(&parsed);
        if certificate.raw.subject == certificate.raw.issuer {
            certificate.self_signed = match certificate.check_issued_by(&certificate.key) {
                Checked::Good => Fact::Known(true),
                Checked::Bad => Fact::Known(false),
                Checked::Uncheckable => {
                    let name = &certificate.signature.name;
                    Fact::unknown("SelfSigned", format!("{name} cannot be verified here"))
                }
            };
        }
        Ok(certificate)
    }

    /// Whether it names itself as its issuer, and nothing shows that its own key did not make the signature.
    pub(crate) fn may_be_self_signed(&self) -> bool {
        self.self_signed != Fact::Known(false)
    }

    fn read_extensions(&mut self, parsed: &X509Certificate<'_>) {
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => {
                    self.names
                        .extend(names.general_names.iter().filter_map(name));
                }
                ParsedExtension::SubjectKeyIdentifier(key) => {
                    self.raw.subject_key = Some(key.0.to_vec());
                }
                ParsedExtension::AuthorityKeyIdentifier(key) => {
                    self.raw.authority_key = key.key_identifier.as_ref().map(|key| key.0.to_vec());
                }
                ParsedExtension::BasicConstraints(constraints) => {
                    self.is_authority = constraints.ca;
                }
                ParsedExtension::ExtendedKeyUsage(_) => {
                    // Its own encoding keeps all purposes, also those that the parser has no names for, in their order.
                    self.extended_key_usage = Some(object_identifiers(extension.value));
                }
                ParsedExtension::AuthorityInfoAccess(access) => {
                    for description in access.iter() {
                        let GeneralName::URI(url) = description.access_location else {
                            continue;
                        };
                        match description.access_method.to_id_string().as_str() {
                            OCSP => self.ocsp_urls.push(clean(url)),
                            CA_ISSUERS => self.issuer_urls.push(clean(url)),
                            _ => {}
                        }
                    }
                }
                ParsedExtension::CRLDistributionPoints(points) => {
                    for point in points.points.iter() {
                        if let Some(DistributionPointName::FullName(names)) =
                            &point.distribution_point
                        {
                            self.crl_urls
                                .extend(names.iter().filter_map(|name| match name {
                                    GeneralName::URI(url) => Some(clean(url)),
                                    _ => None,
                                }));
                        }
                    }
                }
                _ => match extension.oid.to_id_string().as_str() {
                    // An OCTET STRING within the extension's own.
                    SCT_LIST => {
                        let list = der::take_tagged(&mut &*extension.value, der::OCTET_STRING);
                        self.timestamps =
                            Some(list.map_or(Vec::new(), |list| list.content.to_vec()));
                    }
                    // The TLS extensions status_request and status_request_v2 by their numbers (RFC 7633).
                    TLS_FEATURE => {
                        let list = der::take_tagged(&mut &*extension.value, der::SEQUENCE);
                        let features = list.and_then(|list| der::elements(list.content));
                        self.must_staple = features.is_some_and(|features| {
                            features
                                .iter()
                                .any(|feature| matches!(feature.content, [5 | 17]))
                        });
                    }
                    _ => {}
                },
            }
        }
    }

    /// How long it is valid.
    pub fn lifetime(&self) -> Lifetime {
        let seconds = self
            .not_after
            .as_second()
            .saturating_sub(self.not_before.as_second());
        Lifetime(seconds.saturating_add(1))
    }

    /// Whether the key made its signature.
    pub(crate) fn check_issued_by(&self, key: &PublicKey) -> Checked {
        signature::check(key, &self.signature, &self.raw.tbs, &self.raw.signature)
    }

    /// Whether the other could be its issuer by name and by what both say of the issuer's key. Authorities are made anew
    /// under their old names: whoever merely has the name is not accused of a wrong signature.
    pub(crate) fn names_as_issuer(&self, other: &Certificate) -> bool {
        let keys = (&self.raw.authority_key, &other.raw.subject_key);
        self.raw.issuer == other.raw.subject
            && !matches!(keys, (Some(named), Some(own)) if named != own)
    }

    /// Whether it is for a usage, given by object identifier: it lists it, or any, or nothing at all.
    pub(crate) fn is_for(&self, usage: &str) -> bool {
        self.extended_key_usage.as_ref().is_none_or(|usages| {
            usages
                .iter()
                .any(|listed| listed == usage || listed == ANY_USAGE)
        })
    }

    /// Serialises it with what a chain adds to it, or without.
    pub(crate) fn serialize_with<S: Serializer>(
        &self,
        serializer: S,
        link: Option<&crate::judge::Link>,
    ) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Certificate", 16)?;
        fields.serialize_field("Subject", &self.subject)?;
        fields.serialize_field("Issuer", &self.issuer)?;
        fields.serialize_field("SerialNumber", &self.serial_number)?;
        fields.serialize_field("Fingerprint", &self.fingerprint)?;
        let names: Vec<String> = self.names.iter().map(ToString::to_string).collect();
        fields.serialize_field("Names", &names)?;
        fields.serialize_field("NotBefore", &self.not_before.to_string())?;
        fields.serialize_field("NotAfter", &self.not_after.to_string())?;
        fields.serialize_field("KeyType", &self.key.key_type.to_string())?;
        if let Some(size) = self.key.size {
            fields.serialize_field("KeySize", &size)?;
        }
        if let Some(curve) = &self.key.curve {
            fields.serialize_field("Curve", &curve.to_string())?;
        }
        fields.serialize_field("SignatureAlgorithm", &self.signature.name)?;
        let hash = self.signature.hash.map_or_else(
            || {
                Fact::unknown(
                    "SignatureHash",
                    format!("{} is not an algorithm known here", self.signature.name),
                )
            },
            |hash| Fact::Known(hash.to_string()),
        );
        fields.serialize_field("SignatureHash", &hash)?;
        fields.serialize_field("SelfSigned", &self.self_signed)?;
        fields.serialize_field("IsAuthority", &self.is_authority)?;
        if let Some(link) = link {
            fields.serialize_field("OnPath", &link.on_path)?;
            fields.serialize_field("Lints", &link.lints)?;
        }
        fields.end()
    }
}

impl Serialize for Certificate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_with(serializer, None)
    }
}

/// id-kp-serverAuth.
pub(crate) const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
/// id-kp-OCSPSigning.
pub(crate) const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";
/// anyExtendedKeyUsage.
pub(crate) const ANY_USAGE: &str = "2.5.29.37.0";

/// The certificate as its parser has it.
pub(crate) fn parsed(der: &[u8]) -> Result<X509Certificate<'_>, Malformed> {
    if der.len() > MAX_CERTIFICATE_BYTES {
        return Err(Malformed::TooLarge(der.len()));
    }
    let mut rest = der;
    let whole = der::take_tagged(&mut rest, der::SEQUENCE).ok_or(Malformed::CutOff(der.len()))?;
    if !rest.is_empty() {
        return Err(Malformed::Trailing {
            at: whole.whole.len(),
            more: rest.len(),
        });
    }
    match X509Certificate::from_der(der) {
        Ok((_, certificate)) => Ok(certificate),
        Err(error) => Err(Malformed::Field(match error {
            x509_parser::nom::Err::Error(error) | x509_parser::nom::Err::Failure(error) => {
                error.to_string()
            }
            x509_parser::nom::Err::Incomplete(_) => "it ends early".into(),
        })),
    }
}

/// Text of others, without what would move a terminal's cursor.
pub(crate) fn clean(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}

/// Seconds since 1970 as a time. X.509 has years up to 9999, of which jiff lacks the last hours: they are cut.
pub(crate) fn timestamp(seconds: i64) -> Timestamp {
    let bounded = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(bounded).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn name(name: &GeneralName<'_>) -> Option<Name> {
    match name {
        GeneralName::DNSName(name) => Some(Name::Dns(clean(name))),
        GeneralName::IPAddress(octets) => Some(
            (<[u8; 4]>::try_from(*octets).map(IpAddr::from))
                .or_else(|_| <[u8; 16]>::try_from(*octets).map(IpAddr::from))
                .map_or_else(|_| Name::Broken(der::hex(octets)), Name::Ip),
        ),
        GeneralName::Invalid(_, octets) => Some(Name::Broken(der::hex(octets))),
        _ => None,
    }
}

/// The object identifiers of a SEQUENCE OF them.
fn object_identifiers(value: &[u8]) -> Vec<String> {
    let list = der::take_tagged(&mut &*value, der::SEQUENCE);
    let elements = list
        .and_then(|list| der::elements(list.content))
        .unwrap_or_default();
    elements
        .iter()
        .filter(|element| element.tag == der::OBJECT_IDENTIFIER)
        .map(|element| {
            x509_parser::der_parser::oid::Oid::new(element.content.into()).to_id_string()
        })
        .collect()
}
