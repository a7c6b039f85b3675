#![allow(clippy::unwrap_used)]

use super::{LINTS, Sent, look};
use crate::certificate::Certificate;
use crate::der::{CONTEXT_3, GENERALIZED_TIME, INTEGER, SEQUENCE, elements, encode, take_tagged};
use crate::roots::Authority;
use std::collections::BTreeSet;

#[test]
fn ids_are_unique_and_in_kebab_case() {
    let mut ids: Vec<_> = LINTS.iter().map(|lint| lint.id).collect();
    let is_kebab = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    assert!(ids.iter().all(|id| id.bytes().all(is_kebab)));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), LINTS.len());
}

fn pem(name: &str) -> Vec<Vec<u8>> {
    let path = format!("{}/tests/data/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    crate::read(&std::fs::read(path).unwrap(), None).unwrap()
}

/// The certificate with other fields in what is signed; lints do not ask for the signature to be right.
fn rebuilt(der: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let whole = take_tagged(&mut &*der, SEQUENCE).unwrap();
    let parts = elements(whole.content).unwrap();
    let mut fields: Vec<_> = elements(parts[0].content)
        .unwrap()
        .iter()
        .map(|field| field.whole.to_vec())
        .collect();
    change(&mut fields);
    let tbs = encode(SEQUENCE, &fields.concat());
    encode(SEQUENCE, &[&tbs, parts[1].whole, parts[2].whole].concat())
}

/// The same with its extensions changed.
fn extended(der: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    rebuilt(der, |fields| {
        let last = fields.last_mut().unwrap();
        let explicit = take_tagged(&mut &last[..], CONTEXT_3).unwrap();
        let list = take_tagged(&mut &*explicit.content, SEQUENCE).unwrap();
        let mut extensions: Vec<_> = elements(list.content)
            .unwrap()
            .iter()
            .map(|each| each.whole.to_vec())
            .collect();
        change(&mut extensions);
        *last = encode(CONTEXT_3, &encode(SEQUENCE, &extensions.concat()));
    })
}

/// The ids of what is found in each certificate of a chain that leads to a public root.
fn found(chain: &[Vec<u8>]) -> Vec<BTreeSet<&'static str>> {
    let certificates: Vec<_> = chain
        .iter()
        .map(|der| Some(Certificate::parse(der).unwrap()))
        .collect();
    let all = look(&Sent {
        certificates: &certificates,
        in_all: 20,
        authority: Authority::Public,
        path: &[0, 2],
        anchored: true,
        stapled: false,
    });
    all.iter()
        .map(|found| found.iter().map(|finding| finding.lint).collect())
        .collect()
}

const SERIAL: usize = 1;
const ALGORITHM: usize = 2;
const VALIDITY: usize = 4;
const KEY: usize = 6;

fn times(before: (u8, &str), after: (u8, &str)) -> Vec<u8> {
    let time = |(tag, text): (u8, &str)| encode(tag, text.as_bytes());
    encode(SEQUENCE, &[time(before), time(after)].concat())
}

#[test]
fn every_lint_finds_something() {
    let (good, rsa, version1, messy) = (
        &pem("good")[0],
        &pem("rsa")[0],
        &pem("version1")[0],
        &pem("messy")[0],
    );
    let issuer = &pem("good")[1];
    let serial = |octets: &[u8]| rebuilt(good, |fields| fields[SERIAL] = encode(INTEGER, octets));
    let early = times((0x17, "260101000000Z"), (0x17, "250101000000Z"));
    let generalized = times(
        (GENERALIZED_TIME, "20260101000000Z"),
        (0x17, "260201000000Z"),
    );
    let odd = |exponent: &[u8]| {
        rebuilt(rsa, |fields| {
            // The exponent is the last three octets of the key, 65537.
            let length = fields[KEY].len();
            fields[KEY][length - 3..].copy_from_slice(exponent);
        })
    };
    let without = |der: &[u8], nth: usize| extended(der, |extensions| drop(extensions.remove(nth)));
    let no_constraints = without(issuer, 0);
    let lints: &[(&str, Vec<u8>)] = &[
        (
            "serial-number-not-positive",
            serial(&[0x80, 1, 2, 3, 4, 5, 6, 7, 8]),
        ),
        ("serial-number-not-positive", serial(&[0])),
        ("serial-number-too-long", serial(&[1; 21])),
        ("serial-number-guessable", serial(&[0, 1, 2, 3, 4, 5, 6, 7])),
        (
            "validity-ends-before-it-begins",
            rebuilt(good, |fields| fields[VALIDITY] = early),
        ),
        (
            "time-encoding",
            rebuilt(good, |fields| fields[VALIDITY] = generalized),
        ),
        (
            "signature-algorithms-differ",
            rebuilt(good, |fields| {
                // SHA-384 in place of SHA-256: the octet before the NULL.
                let length = fields[ALGORITHM].len();
                fields[ALGORITHM][length - 3] = 0x0c;
            }),
        ),
        ("rsa-exponent-invalid", odd(&[1, 0, 2])),
        ("key-malformed", odd(&[0, 0, 1])),
        ("rsa-exponent-small", pem("messy")[0].clone()),
        (
            "unique-identifier",
            rebuilt(good, |fields| fields.insert(KEY + 1, vec![0x81, 2, 0, 7])),
        ),
        (
            "extension-twice",
            extended(good, |extensions| extensions.push(extensions[0].clone())),
        ),
        (
            "extension-malformed",
            extended(good, |extensions| {
                // The tag of the BIT STRING.
                let length = extensions[1].len();
                extensions[1][length - 4] = 5;
            }),
        ),
        ("key-type-not-allowed", pem("curves")[1].clone()),
        ("rsa-key-too-small", pem("small-keys")[0].clone()),
        ("broken-hash", pem("sha1")[0].clone()),
        ("not-version-3", version1.clone()),
        ("authority-key-identifier-missing", version1.clone()),
        ("no-subject-alternative-name", pem("no-names")[0].clone()),
        ("authority-as-server", issuer.clone()),
        (
            "basic-constraints-not-critical",
            pem("self-signed")[0].clone(),
        ),
        (
            "server-authentication-missing",
            pem("wrong-usage")[0].clone(),
        ),
        ("must-staple-without-staple", pem("must-staple")[0].clone()),
        ("key-usage-missing", without(good, 1)),
        ("extended-key-usage-missing", without(good, 2)),
        ("subject-key-identifier-missing", without(issuer, 2)),
        (
            "key-usage-without-signing",
            extended(issuer, |extensions| *extensions[1].last_mut().unwrap() = 2),
        ),
    ];
    let mut seen: BTreeSet<_> = lints
        .iter()
        .flat_map(|(id, der)| {
            let found = found(std::slice::from_ref(der)).remove(0);
            assert!(found.contains(id), "{id}: {found:?}");
            found
        })
        .collect();
    seen.extend(
        found(&[
            messy.clone(),
            pem("root")[0].clone(),
            no_constraints.clone(),
            no_constraints,
            pem("good")[0].clone(),
        ])
        .into_iter()
        .flatten(),
    );
    let all: BTreeSet<_> = LINTS.iter().map(|lint| lint.id).collect();
    assert_eq!(
        all.difference(&seen).collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
}

#[test]
fn a_good_certificate_has_none() {
    let good = Certificate::parse(&pem("curves")[0]).unwrap();
    let all = look(&Sent {
        certificates: &[Some(good)],
        in_all: 1,
        authority: Authority::Private,
        path: &[0],
        anchored: true,
        stapled: false,
    });
    assert_eq!(all, [vec![]]);
}
