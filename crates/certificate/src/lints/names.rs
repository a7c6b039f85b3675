//! Lints of names.

use super::{Look, some};
use crate::certificate::Name;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn dns<'a>(look: &'a Look<'_>) -> impl Iterator<Item = &'a str> {
    look.certificate.names.iter().filter_map(|name| match name {
        Name::Dns(name) => Some(name.as_str()),
        _ => None,
    })
}

pub(super) fn none(look: &Look<'_>) -> Option<String> {
    let none = look.certificate.names.is_empty();
    none.then(|| "it has no subjectAltName, and nobody reads the common name any more".into())
}

pub(super) fn common_name(look: &Look<'_>) -> Option<String> {
    // Both may be thousands, of those who mean harm.
    let lower = |name: &str| name.to_ascii_lowercase();
    let names: HashSet<String> = look
        .certificate
        .names
        .iter()
        .map(|name| lower(&name.to_string()))
        .collect();
    if names.is_empty() {
        return None;
    }
    let missing = look
        .certificate
        .common_names
        .iter()
        .filter(|name| !names.contains(&lower(name)));
    some(missing.cloned()).map(|names| format!("the common name {names} is not among its names"))
}

pub(super) fn malformed(look: &Look<'_>) -> Option<String> {
    let broken = look.certificate.names.iter().filter(|name| match name {
        Name::Dns(name) => !is_dns_name(name),
        Name::Ip(_) => false,
        Name::Broken(_) => true,
    });
    some(broken.map(ToString::to_string)).map(|names| format!("no DNS name or address: {names}"))
}

/// Letters, digits, hyphens and dots; wildcards and underscores have lints of their own.
fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

pub(super) fn underscore(look: &Look<'_>) -> Option<String> {
    let found = dns(look)
        .filter(|name| name.contains('_'))
        .map(str::to_owned);
    some(found).map(|names| format!("an underscore in {names}"))
}

pub(super) fn wildcard(look: &Look<'_>) -> Option<String> {
    let misplaced = |name: &&str| match name.strip_prefix("*.") {
        Some(parent) => parent.contains('*') || !parent.contains('.'),
        None => name.contains('*'),
    };
    let found = dns(look).filter(misplaced).map(str::to_owned);
    some(found).map(|names| format!("a wildcard that is not the whole first label of a domain with two labels or more: {names}"))
}

/// Names that nobody can own: special-use domains (RFC 6761, RFC 6762, RFC 8375, ICANN's .internal) and what ICANN's
/// name collision study says is used inside.
const INSIDE: [&str; 13] = [
    "local",
    "localhost",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "lan",
    "corp",
    "home",
    "home.arpa",
    "test",
    "invalid",
    "example",
];

pub(super) fn internal(look: &Look<'_>) -> Option<String> {
    let is_inside = |name: &&str| {
        let name = name.to_ascii_lowercase();
        let of = |domain: &&str| {
            name.strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        !name.contains('.') || INSIDE.iter().any(of)
    };
    let found = dns(look).filter(is_inside).map(str::to_owned);
    some(found).map(|names| format!("no name of the public DNS: {names}"))
}

pub(super) fn reserved(look: &Look<'_>) -> Option<String> {
    let found = look
        .certificate
        .names
        .iter()
        .filter(|name| matches!(name, Name::Ip(address) if is_reserved(*address)));
    some(found.map(ToString::to_string))
        .map(|names| format!("an address that IANA reserves: {names}"))
}

/// IANA's special-purpose address registries (RFC 6890), in what the standard library has no stable words for.
fn is_reserved(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_documentation()
                || v4.is_broadcast()
                || a == 0
                || a >= 224
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && matches!(b, 18 | 19))
                || (a == 192 && b == 0 && c == 0)
                || v4 == Ipv4Addr::UNSPECIFIED
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            v6.is_loopback()
                || v6 == Ipv6Addr::UNSPECIFIED
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.is_multicast()
                || (first == 0x2001 && second == 0xdb8)
                || v6.to_ipv4_mapped().is_some()
        }
    }
}
