//! What live accounts tell of certificates: how long they are valid, what uses them, how ACM validates them.
//!
//! ACM's facts have the names of its API (AWS Certificate Manager API Reference, CertificateDetail).

use crate::endpoints::{Link, asked, unsupported};
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

/// The certificate of ACM that an endpoint shows, if the accounts scanned have it. Unknown when one of theirs could not be
/// read, or when several are like it.
pub(crate) fn shown_of_acm<'a>(cx: &Cx<'a>, leaf: Link<'_>) -> Known<Option<Subject<'a>>> {
    let mut unread = gap(cx, &[ACM], &Place::default());
    let mut found = Vec::new();
    for certificate in listed(cx, &[ACM]) {
        match is_same(certificate, leaf) {
            Known::Stated(true, _) => found.push(certificate),
            Known::Unknown(why, _) => unread = Some(why),
            _ => {}
        }
    }
    match (found.as_slice(), unread) {
        ([only], _) => Known::Stated(Some(*only), leaf.loc()),
        ([], None) => Known::Stated(None, leaf.loc()),
        ([], Some(why)) => Known::Unknown(why, leaf.loc()),
        (several, _) => Known::Unknown(
            unsupported(format!("{} certificates of ACM are like it", several.len())),
            leaf.loc(),
        ),
    }
}

/// Whether a certificate of ACM is the one that is shown: serial numbers are an authority's own, so the end and the domain
/// must be the same too.
pub(crate) fn is_same(certificate: Subject<'_>, leaf: Link<'_>) -> Known<bool> {
    let serial = match certificate.at("Serial").string() {
        // One that was never issued has none.
        Read::Absent(loc) => return Known::Stated(false, loc),
        read => asked(read, "its serial number").map(|serial| digits(&serial)),
    };
    let shown = leaf.text("SerialNumber").map(|serial| digits(&serial));
    let end = instant(asked(certificate.at("NotAfter").string(), "its end"));
    let shown_end = instant(leaf.text("NotAfter"));
    let same_domain = match certificate.at("DomainName").string() {
        Read::Absent(loc) => Known::Stated(true, loc),
        read => asked(read, "its domain").and_then(|domain| leaf.is_of(&domain)),
    };
    let same = [same(serial, shown), same(end, shown_end), same_domain];
    let decides = |is: fn(&Known<bool>) -> bool| same.iter().find(|known| is(known)).cloned();
    let no = decides(|known| known.value() == Some(&false));
    let open = || decides(|known| known.value().is_none());
    no.or_else(open).unwrap_or(Known::Stated(true, leaf.loc()))
}

fn same<T: PartialEq>(own: Known<T>, other: Known<T>) -> Known<bool> {
    own.and_then(|own| other.map(|other| own == other))
}

fn instant(text: Known<String>) -> Known<jiff::Timestamp> {
    let loc = text.loc();
    text.and_then(|text| match text.parse() {
        Ok(instant) => Known::Stated(instant, loc),
        Err(_) => Known::Unknown(unsupported(format!("`{text}` is no moment")), loc),
    })
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
