//! Lints of versions and extensions.

use super::{Look, some};
use crate::certificate::{ANY_USAGE, Lifetime, SERVER_AUTH};
use x509_parser::extensions::{KeyUsage, ParsedExtension, X509Extension};
use x509_parser::x509::X509Version;

fn find<'a>(
    look: &'a Look<'_>,
    is: fn(&ParsedExtension<'_>) -> bool,
) -> Option<&'a X509Extension<'a>> {
    look.x509
        .extensions()
        .iter()
        .find(|extension| is(extension.parsed_extension()))
}

fn key_usage(look: &Look<'_>) -> Option<KeyUsage> {
    look.x509
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => Some(*usage),
            _ => None,
        })
}

pub(super) fn version(look: &Look<'_>) -> Option<String> {
    let version = look.x509.version();
    (version != X509Version::V3).then(|| {
        format!(
            "X.509 version {}, and 3 is the only one",
            version.0.saturating_add(1)
        )
    })
}

pub(super) fn unique_identifier(look: &Look<'_>) -> Option<String> {
    let tbs = &look.x509.tbs_certificate;
    (tbs.issuer_uid.is_some() || tbs.subject_uid.is_some())
        .then(|| "an issuerUniqueID or subjectUniqueID".into())
}

pub(super) fn twice(look: &Look<'_>) -> Option<String> {
    let all = look.x509.extensions();
    // A certificate of the largest size may have ten thousand: each is looked up, not compared with each.
    let mut seen = std::collections::HashSet::new();
    let twice = all.iter().filter(|extension| !seen.insert(&extension.oid));
    some(twice.map(|extension| extension.oid.to_id_string()))
        .map(|oids| format!("more than once: {oids}"))
}

pub(super) fn malformed(look: &Look<'_>) -> Option<String> {
    let broken = look
        .x509
        .extensions()
        .iter()
        .filter(|extension| extension.parsed_extension().error().is_some());
    some(broken.map(|extension| extension.oid.to_id_string()))
        .map(|oids| format!("cannot be read: {oids}"))
}

pub(super) fn no_basic_constraints(look: &Look<'_>) -> Option<String> {
    (!look.certificate.is_authority && look.index > 0).then(|| {
        "it stands where an authority's does, and no basicConstraints say that it is one".into()
    })
}

pub(super) fn basic_constraints_not_critical(look: &Look<'_>) -> Option<String> {
    let found = find(look, |extension| {
        matches!(extension, ParsedExtension::BasicConstraints(_))
    })?;
    (look.certificate.is_authority && !found.critical)
        .then(|| "basicConstraints are not critical".into())
}

pub(super) fn authority_as_server(look: &Look<'_>) -> Option<String> {
    look.certificate
        .is_authority
        .then(|| "the server's own certificate is one of an authority".into())
}

pub(super) fn no_key_usage(look: &Look<'_>) -> Option<String> {
    key_usage(look)
        .is_none()
        .then(|| "no keyUsage says what the key is for".into())
}

pub(super) fn cannot_sign(look: &Look<'_>) -> Option<String> {
    let usage = key_usage(look)?;
    (look.certificate.is_authority && !usage.key_cert_sign())
        .then(|| "an authority whose keyUsage lacks keyCertSign".into())
}

pub(super) fn server_signs(look: &Look<'_>) -> Option<String> {
    let usage = key_usage(look)?;
    (!look.certificate.is_authority && (usage.key_cert_sign() || usage.crl_sign()))
        .then(|| "keyCertSign or cRLSign, and it is no authority".into())
}

pub(super) fn no_extended_key_usage(look: &Look<'_>) -> Option<String> {
    look.certificate
        .extended_key_usage
        .is_none()
        .then(|| "no extKeyUsage: the key may be used for all purposes".into())
}

pub(super) fn no_server_authentication(look: &Look<'_>) -> Option<String> {
    let usages = look.certificate.extended_key_usage.as_ref()?;
    (!usages.iter().any(|usage| usage == SERVER_AUTH))
        .then(|| "extKeyUsage does not list serverAuth".into())
}

pub(super) fn any_usage(look: &Look<'_>) -> Option<String> {
    let usages = look.certificate.extended_key_usage.as_ref()?;
    usages
        .iter()
        .any(|usage| usage == ANY_USAGE)
        .then(|| "extKeyUsage lists anyExtendedKeyUsage".into())
}

pub(super) fn no_authority_key_identifier(look: &Look<'_>) -> Option<String> {
    let found = find(look, |extension| {
        matches!(extension, ParsedExtension::AuthorityKeyIdentifier(_))
    });
    (found.is_none() && !look.certificate.may_be_self_signed())
        .then(|| "no authorityKeyIdentifier".into())
}

pub(super) fn no_subject_key_identifier(look: &Look<'_>) -> Option<String> {
    let found = find(look, |extension| {
        matches!(extension, ParsedExtension::SubjectKeyIdentifier(_))
    });
    (found.is_none() && look.certificate.is_authority)
        .then(|| "an authority without subjectKeyIdentifier".into())
}

/// Certificates that live this long need not be revocable: seven days since 2026-03-15, ten before.
fn is_short_lived(look: &Look<'_>) -> bool {
    let days = if look.certificate.not_before.as_second() >= 1_773_532_800 {
        7
    } else {
        10
    };
    look.certificate.lifetime() <= Lifetime::days(days)
}

pub(super) fn no_revocation(look: &Look<'_>) -> Option<String> {
    let certificate = look.certificate;
    (certificate.ocsp_urls.is_empty() && certificate.crl_urls.is_empty() && !is_short_lived(look))
        .then(|| "neither an OCSP responder nor a revocation list is named".into())
}

pub(super) fn no_issuer_address(look: &Look<'_>) -> Option<String> {
    look.certificate
        .issuer_urls
        .is_empty()
        .then(|| "it does not say where its issuer's certificate is".into())
}
