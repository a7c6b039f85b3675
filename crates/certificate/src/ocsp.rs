//! The OCSP response that a server staples (RFC 6960).

use crate::certificate::{Certificate, OCSP_SIGNING, timestamp};
use crate::der::{CONTEXT_0, OCTET_STRING, SEQUENCE, elements, take_tagged};
use crate::fact::Fact;
use crate::signature::{self, Checked, SignatureAlgorithm};
use ::der::Decode;
use aws_lc_rs::digest;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use x509_ocsp::{BasicOcspResponse, CertStatus, OcspResponse, OcspResponseStatus, SingleResponse};

/// A response without nextUpdate is good for this long: a public authority's is ten days old at most
/// (CA/Browser Forum Baseline Requirements, section 4.9.10).
const LONGEST: i64 = 10 * 86_400;
/// How much of a clock's error is forgiven, in seconds.
const SKEW: i64 = 300;
/// The most certificates of responders that are looked at.
const MAX_RESPONDERS: usize = 4;
const BASIC: &str = "1.3.6.1.5.5.7.48.1.1";
const SCT_LIST: &str = "1.3.6.1.4.1.11129.2.4.5";

/// A stapled OCSP response. Serialises as `Ocsp`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ocsp {
    /// Whether there is one.
    pub stapled: bool,
    /// What it says of the certificate, if its signature is right and it is of today. Of no meaning when none is stapled.
    pub status: Fact<Status>,
    /// As of when (RFC 6960, section 4.2.2.1).
    pub this_update: Option<Timestamp>,
    /// Until when a newer one is to be had.
    pub next_update: Option<Timestamp>,
    /// The SignedCertificateTimestampList in it (RFC 6962, section 3.3).
    pub(crate) timestamps: Option<Vec<u8>>,
}

/// What an issuer says of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not revoked.
    Good,
    /// Revoked.
    Revoked {
        /// When.
        at: Timestamp,
        /// Why, by its name in RFC 5280, section 5.3.1.
        reason: Option<&'static str>,
    },
    /// The responder does not know the certificate.
    Unknown,
}

impl Serialize for Ocsp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Ocsp", 4)?;
        fields.serialize_field("Stapled", &self.stapled)?;
        if self.stapled {
            let status = match &self.status {
                Fact::Known(Status::Good) => Fact::Known("good"),
                Fact::Known(Status::Revoked { .. }) => Fact::Known("revoked"),
                Fact::Known(Status::Unknown) => Fact::Known("unknown"),
                Fact::Unknown(why) => Fact::Unknown(why.clone()),
            };
            fields.serialize_field("Status", &status)?;
        }
        if let Some(time) = self.this_update {
            fields.serialize_field("ThisUpdate", &time.to_string())?;
        }
        if let Some(time) = self.next_update {
            fields.serialize_field("NextUpdate", &time.to_string())?;
        }
        fields.end()
    }
}

impl Ocsp {
    pub(crate) fn unread(stapled: bool, why: impl Into<String>) -> Self {
        Ocsp {
            stapled,
            status: Fact::unknown("Ocsp", why),
            this_update: None,
            next_update: None,
            timestamps: None,
        }
    }

    pub(crate) fn read(
        staple: Option<&[u8]>,
        leaf: &Certificate,
        issuer: Option<&Certificate>,
        now: Timestamp,
    ) -> Self {
        let Some(staple) = staple else {
            return Ocsp::unread(false, "none is stapled");
        };
        let Some(issuer) = issuer else {
            return Ocsp::unread(
                true,
                "the issuer's certificate is not known here, so nothing can be verified",
            );
        };
        match Ocsp::try_read(staple, leaf, issuer, now) {
            Ok(ocsp) => ocsp,
            Err(why) => Ocsp::unread(true, why),
        }
    }

    fn try_read(
        staple: &[u8],
        leaf: &Certificate,
        issuer: &Certificate,
        now: Timestamp,
    ) -> Result<Self, String> {
        let unreadable = |error: ::der::Error| format!("it cannot be read: {error}");
        let response = OcspResponse::from_der(staple).map_err(unreadable)?;
        if response.response_status != OcspResponseStatus::Successful {
            return Err(format!(
                "the responder answered {:?}",
                response.response_status
            ));
        }
        let bytes = response
            .response_bytes
            .filter(|bytes| bytes.response_type.to_string() == BASIC);
        let bytes = bytes.ok_or("it is not a BasicOCSPResponse")?;
        let basic = BasicOcspResponse::from_der(bytes.response.as_bytes()).map_err(unreadable)?;
        verify(bytes.response.as_bytes(), issuer, now)?;
        let mut responses = basic.tbs_response_data.responses.iter();
        let single = responses
            .find(|single| is_of(single, leaf, issuer))
            .ok_or("it is for another certificate")?;
        let time = |time: &x509_ocsp::OcspGeneralizedTime| {
            timestamp(
                time.0
                    .to_unix_duration()
                    .as_secs()
                    .try_into()
                    .unwrap_or(i64::MAX),
            )
        };
        let this_update = time(&single.this_update);
        let next_update = single.next_update.as_ref().map(time);
        let status = match single.cert_status {
            CertStatus::Good(_) => Status::Good,
            CertStatus::Unknown(_) => Status::Unknown,
            CertStatus::Revoked(revoked) => Status::Revoked {
                at: time(&revoked.revocation_time),
                reason: revoked
                    .revocation_reason
                    .map(|reason| REASONS[reason as usize]),
            },
        };
        let until = next_update.map_or(this_update.as_second() + LONGEST, Timestamp::as_second);
        let now = now.as_second();
        let status = match status {
            // What is revoked stays revoked.
            Status::Revoked { .. } => Fact::Known(status),
            _ if this_update.as_second() > now + SKEW => {
                Fact::unknown("Ocsp", format!("it is of {this_update}, which is to come"))
            }
            _ if until < now => Fact::unknown(
                "Ocsp",
                match next_update {
                    Some(time) => format!("it is stale: a newer one was due on {time}"),
                    None => format!("it is stale: it is of {this_update}"),
                },
            ),
            _ => Fact::Known(status),
        };
        Ok(Ocsp {
            stapled: true,
            status,
            this_update: Some(this_update),
            next_update,
            timestamps: timestamps(single),
        })
    }
}

/// CRLReason by its number (RFC 5280, section 5.3.1), which has no 7.
const REASONS: [&str; 11] = [
    "unspecified",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "7",
    "removeFromCRL",
    "privilegeWithdrawn",
    "aACompromise",
];

fn timestamps(single: &SingleResponse) -> Option<Vec<u8>> {
    let extensions = single.single_extensions.as_ref()?;
    let extension = extensions
        .iter()
        .find(|extension| extension.extn_id.to_string() == SCT_LIST)?;
    let list = take_tagged(&mut extension.extn_value.as_bytes(), OCTET_STRING)?;
    Some(list.content.to_vec())
}

/// Whether a response is for the certificate (RFC 6960, section 4.1.1: CertID).
fn is_of(single: &SingleResponse, leaf: &Certificate, issuer: &Certificate) -> bool {
    let id = &single.cert_id;
    let algorithm = match id.hash_algorithm.oid.to_string().as_str() {
        // It only names the issuer here.
        "1.3.14.3.2.26" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "2.16.840.1.101.3.4.2.1" => &digest::SHA256,
        "2.16.840.1.101.3.4.2.2" => &digest::SHA384,
        "2.16.840.1.101.3.4.2.3" => &digest::SHA512,
        _ => return false,
    };
    let is_hash = |hash: &[u8], of: &[u8]| hash == digest::digest(algorithm, of).as_ref();
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .skip_while(|byte| **byte == 0)
            .copied()
            .collect::<Vec<_>>()
    };
    number(id.serial_number.as_bytes()) == number(&leaf.raw.serial)
        && is_hash(id.issuer_name_hash.as_bytes(), &leaf.raw.issuer)
        && is_hash(id.issuer_key_hash.as_bytes(), &issuer.key.bytes)
}

/// Verifies that the issuer, or a responder that it made for this, signed a BasicOCSPResponse (RFC 6960, section 4.2.2.2).
fn verify(basic: &[u8], issuer: &Certificate, now: Timestamp) -> Result<(), String> {
    let parts = take_tagged(&mut &*basic, SEQUENCE).and_then(|basic| elements(basic.content));
    let parts = parts.ok_or("it cannot be read")?;
    let [data, algorithm, signature, certificates @ ..] = &parts[..] else {
        return Err("it is not signed".into());
    };
    let by = SignatureAlgorithm::from_der(algorithm.whole)
        .ok_or("its signature algorithm cannot be read")?;
    if by.hash.is_some_and(|hash| hash.is_broken()) {
        return Err(format!("it is signed with {}, which is broken", by.name));
    }
    // The first octet of a BIT STRING counts its unused bits.
    let signature = signature.content.get(1..).unwrap_or_default();
    let checked = signature::check(&issuer.key, &by, data.whole, signature);
    if checked == Checked::Good {
        return Ok(());
    }
    let list = certificates
        .first()
        .filter(|certificates| certificates.tag == CONTEXT_0);
    let list = list.and_then(|list| take_tagged(&mut &*list.content, SEQUENCE));
    let delegates = list
        .and_then(|list| elements(list.content))
        .unwrap_or_default();
    for delegate in delegates.iter().take(MAX_RESPONDERS) {
        let Ok(delegate) = Certificate::parse(delegate.whole) else {
            continue;
        };
        let made_for_it =
            (delegate.extended_key_usage.iter().flatten()).any(|usage| usage == OCSP_SIGNING);
        let in_time = (delegate.not_before..=delegate.not_after).contains(&now);
        if made_for_it
            && in_time
            && delegate.check_issued_by(&issuer.key) == Checked::Good
            && signature::check(&delegate.key, &by, data.whole, signature) == Checked::Good
        {
            return Ok(());
        }
    }
    Err("neither the issuer nor a responder of its own signed it".into())
}
