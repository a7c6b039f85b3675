//! What live accounts tell of certificates: how long they are valid, what uses them, how ACM validates them.
//!
//! ACM's facts have the names of its API (AWS Certificate Manager API Reference, CertificateDetail).

use crate::live::{gap, listed};
use crate::prelude::*;
use lockfast_facts::Place;

pub(crate) const ACM: &str = "AWS::CertificateManager::Certificate";
pub(crate) const IAM: &str = "AWS::IAM::ServerCertificate";

/// Days before its end from which on a certificate is late.
pub(crate) const LATE: i64 = 30;

/// Whether a signature by this algorithm (`SHA256WITHRSA`, `ecdsa-with-SHA384`, `Ed25519`) is made with SHA-256 or
/// better; `None` for one that is not known.
pub(crate) fn is_strong_signature(algorithm: &str) -> Option<bool> {
    let plain: String = algorithm
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let plain = plain.to_ascii_uppercase();
    let has = |names: &[&str]| names.iter().any(|name| plain.contains(name));
    if has(&[
        "SHA256", "SHA384", "SHA512", "SHA3", "ED25519", "ED448", "MLDSA",
    ]) {
        Some(true)
    } else if has(&["SHA1", "MD5", "MD2", "SHA224"]) {
        Some(false)
    } else {
        None
    }
}

/// A serial number without what people put between its digits, as ACM and a probe write it.
pub(crate) fn digits(serial: &str) -> String {
    let digits: String = serial.chars().filter(char::is_ascii_hexdigit).collect();
    digits.trim_start_matches('0').to_ascii_lowercase()
}

/// The certificate of ACM with a serial number, if the accounts scanned have one. Unknown when one of theirs could not
/// be read.
pub(crate) fn by_serial<'a>(cx: &Cx<'a>, serial: &Known<String>) -> Known<Option<Subject<'a>>> {
    let (wanted, loc) = match serial {
        Known::Unknown(why, loc) => return Known::Unknown(why.clone(), *loc),
        Known::Stated(serial, loc) | Known::Default(serial, _, loc) => (digits(serial), *loc),
    };
    let mut unread = gap(cx, &[ACM], &Place::default());
    for certificate in listed(cx, &[ACM]) {
        match certificate.at("Serial").string() {
            Read::Found(own, _) if digits(&own) == wanted => {
                return Known::Stated(Some(certificate), loc);
            }
            Read::Unknown(why, _) => unread = Some(why),
            // One that was never issued has none.
            _ => {}
        }
    }
    match unread {
        Some(why) => Known::Unknown(why, loc),
        None => Known::Stated(None, loc),
    }
}

/// Certificates of ACM that were issued, or imported; those that never were have no dates.
pub(crate) fn is_issued(certificate: Subject<'_>) -> bool {
    let status = certificate.at("Status").string().found();
    !matches!(
        status.as_deref(),
        Some("PENDING_VALIDATION" | "VALIDATION_TIMED_OUT" | "FAILED")
    )
}

/// Days until a certificate expires; negative since it has. IAM calls the moment `Expiration`.
pub(crate) fn days_left(cx: &Cx<'_>, certificate: Subject<'_>) -> Read<i64> {
    let at = match certificate.at("NotAfter") {
        Read::Absent(_) if certificate.kind() == IAM => certificate.at("Expiration"),
        read => read,
    };
    cx.days_since(at).map(|days| -days)
}

/// What uses a certificate: the first user, if there is one. ACM says so itself, and what was scanned may refer
/// to it.
pub(crate) fn user(cx: &Cx<'_>, certificate: Subject<'_>) -> Known<Option<String>> {
    let loc = certificate.resource.loc;
    let told = certificate.at("InUseBy");
    let first = certificate
        .each("InUseBy.*")
        .into_iter()
        .find_map(Read::found);
    if let Some(user) = first {
        let name = match cx.inventory.target(user) {
            Some((resource, _)) => cx.label(resource),
            None => user.at("").string().found().unwrap_or_default(),
        };
        return Known::Stated(Some(name), user.loc);
    }
    if let Some(user) = cx.inventory.referrers(certificate.id()).next() {
        return Known::Stated(Some(cx.label(user)), user.loc);
    }
    match told {
        Read::Found(_, loc) => Known::Stated(None, loc),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        // IAM does not say what uses a certificate; what does and was scanned refers to it.
        Read::Absent(_) if certificate.kind() == IAM => Known::Stated(None, loc),
        Read::Absent(loc) => Known::Unknown(Arc::new(Why::NotGiven("what uses it".into())), loc),
    }
}

/// How people prove that a domain is theirs: `DNS`, `EMAIL`; of several domains, whichever is not by DNS.
pub(crate) fn validation(certificate: Subject<'_>) -> Read<String> {
    let mut best = certificate.at("ValidationMethod").string();
    for method in certificate.each("DomainValidationOptions.*.ValidationMethod") {
        let method = method.string();
        let by_mail = matches!(&method, Read::Found(m, _) if m != "DNS");
        if best.is_absent() || by_mail {
            best = method;
        }
    }
    best
}

/// Whether a record stands in a zone of what was scanned. `None` when the zone of the name is not in it.
pub(crate) fn record_stands(cx: &Cx<'_>, name: &str, kind: &str) -> Option<bool> {
    let zone = zone_of(cx, name)?;
    Some(!records(cx, zone, name, kind).is_empty())
}

/// What the records of a name and type say, one text each. `None` when the zone of the name is not in what was
/// scanned.
pub(crate) fn record_values(cx: &Cx<'_>, name: &str, kind: &str) -> Option<Vec<String>> {
    let zone = zone_of(cx, name)?;
    let values = records(cx, zone, name, kind)
        .into_iter()
        .flat_map(|record| record.each("ResourceRecords.*"))
        .filter_map(|value| value.string().found());
    Some(values.collect())
}

/// The hosted zone that a name lies in: the one with the longest name, if its records were read. Every zone has
/// records of its own making (NS, SOA), so one without any was not read.
fn zone_of(cx: &Cx<'_>, name: &str) -> Option<ResourceId> {
    let name = bare(name);
    let inside = |zone: &str| name == zone || name.ends_with(&format!(".{zone}"));
    let zones = listed(cx, &["AWS::Route53::HostedZone"]).into_iter();
    let zone = zones
        .filter(|zone| zone.at("HostedZoneConfig.PrivateZone").bool().found() != Some(true))
        .filter(|zone| zone.at("VPCs.0").is_absent())
        .filter_map(|zone| Some((bare(&zone.at("Name").string().found()?), zone.id())))
        .filter(|(zone, _)| inside(zone))
        .max_by_key(|(zone, _)| zone.len())?;
    let read = listed(cx, &[RECORD])
        .into_iter()
        .any(|record| in_zone(cx, record, zone.1));
    read.then_some(zone.1)
}

const RECORD: &str = "AWS::Route53::RecordSet";

fn in_zone(cx: &Cx<'_>, record: Subject<'_>, zone: ResourceId) -> bool {
    match record.at("HostedZoneId") {
        Read::Found(value, _) => match cx.inventory.target(value) {
            Some((target, _)) => target.id == zone,
            None => {
                let id = value.at("").string().found().unwrap_or_default();
                id.trim_start_matches("/hostedzone/") == &*cx.inventory.resource(zone).name
            }
        },
        _ => false,
    }
}

fn records<'a>(cx: &Cx<'a>, zone: ResourceId, name: &str, kind: &str) -> Vec<Subject<'a>> {
    let name = bare(name);
    let mut records = listed(cx, &[RECORD]);
    records.retain(|record| {
        let is = |property: &str| record.at(property).string().found();
        is("Type").as_deref() == Some(kind)
            && is("Name").is_some_and(|own| bare(&own) == name)
            && in_zone(cx, *record, zone)
    });
    records
}

/// A name without the dot at its end, in lower case.
fn bare(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
