//! Chains with one thing wrong each, judged: the JSON of all of it. `data/make.sh` made the certificates.
#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use lockfast_certificate::{
    Authority, Certificate, Checks, Fact, LogList, ProblemKind, Roots, Seen, judge, read,
};
use std::fs;

fn data(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn chain(name: &str) -> Vec<Vec<u8>> {
    read(&data(&format!("{name}.pem")), None).unwrap()
}

fn now() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

fn roots(authority: Authority) -> Roots {
    let of = |name| Roots::of(chain(name), authority).unwrap();
    of("root").and(of("root521"))
}

fn checks(roots: &Roots) -> Checks<'_> {
    Checks {
        host: Some("shop.example.com"),
        roots,
        given_roots_too: true,
        now: now(),
        stapled_ocsp: None,
        may_staple: true,
        tls_scts: None,
        logs: LogList::pinned(),
    }
}

fn kinds(seen: &Seen) -> Vec<ProblemKind> {
    seen.problems.iter().map(|problem| problem.kind).collect()
}

#[test]
fn each_defect() {
    use ProblemKind::*;
    let expected: &[(&str, &[ProblemKind])] = &[
        ("good", &[]),
        ("rsa", &[]),
        ("pss", &[]),
        ("curves", &[]),
        ("must-staple", &[MissingStaple]),
        ("old-beside-new", &[]),
        ("messy", &[NameMismatch]),
        ("expired", &[Expired]),
        ("not-yet-valid", &[NotYetValid]),
        ("expired-intermediate", &[Expired]),
        ("self-signed", &[SelfSigned]),
        ("missing-intermediate", &[MissingIntermediate]),
        ("unknown-issuer", &[UnknownIssuer]),
        ("unknown-root", &[UnknownIssuer]),
        ("wrong-usage", &[WrongUsage]),
        ("not-an-authority", &[WrongUsage]),
        ("name-constraints", &[WrongUsage]),
        ("sha1", &[WeakSignature]),
        ("md5", &[WeakSignature]),
        ("sha1-intermediate", &[WeakSignature]),
        ("small-keys", &[WeakSignature]),
        ("version1", &[NameMismatch, Malformed]),
        ("bad-signature", &[BadSignature]),
        ("same-name", &[MissingIntermediate]),
        ("no-names", &[NameMismatch]),
        ("critical-extension", &[Malformed]),
    ];
    let roots = roots(Authority::Public);
    for (name, problems) in expected {
        let seen = judge(&chain(name), &checks(&roots));
        insta::assert_json_snapshot!(*name, &seen);
        assert_eq!(kinds(&seen), *problems, "{name}");
        assert_eq!(seen.valid, Fact::Known(problems.is_empty()), "{name}");
    }
}

#[test]
fn stapled_responses() {
    let roots = roots(Authority::Private);
    let chain = chain("must-staple");
    let mut all = Vec::new();
    for name in [
        "good",
        "delegated",
        "nobody",
        "other",
        "stale",
        "revoked",
        "unknown",
    ] {
        let staple = data(&format!("{name}.ocsp"));
        let seen = judge(
            &chain,
            &Checks {
                stapled_ocsp: Some(&staple),
                ..checks(&roots)
            },
        );
        all.push((name, seen.valid, seen.ocsp, seen.problems));
    }
    insta::assert_json_snapshot!("stapled", all);
    let none = judge(&chain, &checks(&roots));
    let lints = &none.chain[0].value().unwrap().lints;
    assert!(
        lints
            .iter()
            .any(|finding| finding.lint == "must-staple-without-staple")
    );
    assert_eq!(kinds(&none), [ProblemKind::MissingStaple]);
    // Nothing is stapled to a file.
    let file = Checks {
        may_staple: false,
        ..checks(&roots)
    };
    assert_eq!(judge(&chain, &file).valid, Fact::Known(true));
    // A week later it is stale, and what was revoked is still revoked.
    let later = "2026-12-20T12:00:00Z".parse().unwrap();
    let at = |name: &str| {
        let staple = data(&format!("{name}.ocsp"));
        judge(
            &chain,
            &Checks {
                stapled_ocsp: Some(&staple),
                now: later,
                ..checks(&roots)
            },
        )
    };
    assert!(at("good").ocsp.status.value().is_none());
    assert!(kinds(&at("revoked")).contains(&ProblemKind::Revoked));
}

#[test]
fn whose_root_it_is() {
    let good = chain("good");
    let private = roots(Authority::Private);
    let seen = judge(&good, &checks(&private));
    assert_eq!(
        (seen.authority, seen.valid),
        (Authority::Private, Fact::Known(true))
    );
    let alone = Checks {
        given_roots_too: false,
        ..checks(&private)
    };
    let seen = judge(&good, &alone);
    assert_eq!(seen.authority, Authority::Unknown);
    assert_eq!(kinds(&seen), [ProblemKind::UnknownIssuer]);
    let both = roots(Authority::Private).and(roots(Authority::Public));
    assert_eq!(judge(&good, &checks(&both)).authority, Authority::Public);
    // A certificate that is trusted as it is needs no issuer.
    let itself = Roots::of(chain("self-signed"), Authority::Private).unwrap();
    let seen = judge(&chain("self-signed"), &checks(&itself));
    assert_eq!(
        (seen.authority, seen.valid),
        (Authority::Private, Fact::Known(true))
    );
}

#[test]
fn without_roots_it_is_unknown() {
    let none = Roots::default();
    let seen = judge(&chain("good"), &checks(&none));
    assert!(seen.problems.is_empty() && seen.valid.value().is_none());
    // What is wrong without them is wrong all the same.
    assert_eq!(
        judge(&chain("expired"), &checks(&none)).valid,
        Fact::Known(false)
    );
}

#[test]
fn names() {
    let roots = roots(Authority::Private);
    let good = chain("good");
    let matches = |host| {
        judge(
            &good,
            &Checks {
                host: Some(host),
                ..checks(&roots)
            },
        )
        .problems
        .is_empty()
    };
    for host in [
        "shop.example.com",
        "SHOP.example.com",
        "shop.example.com.",
        "a.cdn.example.com",
        "192.0.2.7",
    ] {
        assert!(matches(host), "{host}");
    }
    for host in [
        "example.com",
        "cdn.example.com",
        "a.b.cdn.example.com",
        "192.0.2.8",
        "2001:db8::1",
        "[::1]",
        "sh op",
        "",
    ] {
        assert!(!matches(host), "{host}");
    }
    assert!(
        judge(
            &chain("messy"),
            &Checks {
                host: None,
                ..checks(&roots)
            }
        )
        .problems
        .is_empty()
    );
}

#[test]
fn several_problems_at_once() {
    let roots = roots(Authority::Private);
    let other = Checks {
        host: Some("www.example.org"),
        ..checks(&roots)
    };
    use ProblemKind::*;
    let expired = chain("expired");
    assert_eq!(
        kinds(&judge(&expired[..1], &other)),
        [Expired, NameMismatch, MissingIntermediate]
    );
    let later = Checks {
        now: "2027-06-01T00:00:00Z".parse().unwrap(),
        ..other
    };
    assert_eq!(
        kinds(&judge(&chain("wrong-usage"), &later)),
        [Expired, NameMismatch, WrongUsage]
    );
    assert_eq!(
        kinds(&judge(&chain("self-signed"), &later)),
        [Expired, NameMismatch, SelfSigned]
    );
    assert_eq!(
        kinds(&judge(&chain("name-constraints"), &later)),
        [Expired, NameMismatch, WrongUsage]
    );
}

#[test]
fn how_it_is_sent() {
    let roots = roots(Authority::Private);
    let (good, root, foreign) = (chain("good"), chain("root"), chain("unknown-root"));
    let sent = [
        &good[0],
        &root[0],
        &foreign[0],
        &good[1],
        &good[1],
        &root[0],
    ]
    .map(Clone::clone);
    let seen = judge(&sent, &checks(&roots));
    assert_eq!(seen.valid, Fact::Known(true));
    let lints = seen.chain.iter().map(|link| {
        let lints = link
            .value()
            .unwrap()
            .lints
            .iter()
            .map(|finding| finding.lint);
        lints
            .filter(|lint| {
                ["root-sent", "sent-twice", "superfluous", "out-of-order"].contains(lint)
            })
            .collect::<Vec<_>>()
    });
    insta::assert_json_snapshot!("sending", lints.collect::<Vec<_>>());
}

/// A name alone is no signature, and one that cannot be checked is neither right nor wrong.
#[test]
fn who_signed_it_is_checked() {
    let der = chain("self-signed").remove(0);
    let self_signed = |der: &[u8]| Certificate::parse(der).unwrap().self_signed;
    assert_eq!(self_signed(&der), Fact::Known(true));
    let mut other = der.clone();
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(self_signed(&other), Fact::Known(false));
    // ecdsa-with-SHA256 becomes an algorithm that nobody knows.
    let known = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let mut foreign = der.clone();
    for at in 0..der.len() - known.len() {
        if der[at..].starts_with(&known) {
            foreign[at + known.len() - 1] = 0x7f;
        }
    }
    assert_ne!(foreign, der);
    assert_eq!(self_signed(&foreign).value(), None);
    let seen = judge(&[foreign], &checks(&roots(Authority::Private)));
    assert_eq!(seen.valid, Fact::Known(false));
}

/// What is sent beside the path is told from what is on it; without a path nobody knows.
#[test]
fn which_are_on_the_path() {
    let (good, foreign) = (chain("good"), chain("unknown-root"));
    let sent = [&good[0], &foreign[0], &good[1]].map(Clone::clone);
    let roots = roots(Authority::Private);
    let on_path = |roots: &Roots| {
        let seen = judge(&sent, &checks(roots));
        let links = seen.chain.iter().map(|link| link.value().unwrap());
        links
            .map(|link| link.on_path.value().copied())
            .collect::<Vec<_>>()
    };
    assert_eq!(on_path(&roots), [Some(true), Some(false), Some(true)]);
    assert_eq!(on_path(&Roots::default()), [Some(true), None, None]);
}

#[test]
fn ten_thousand_certificates() {
    let roots = roots(Authority::Private);
    let mut many = chain("good");
    // All of one name, so that each may be the issuer of each.
    let filler = many[1].clone();
    many.extend(std::iter::repeat_n(filler, 10_000));
    let seen = judge(&many, &checks(&roots));
    assert_eq!((seen.chain.len(), seen.valid), (17, Fact::Known(true)));
    let Fact::Unknown(unknown) = &seen.chain[16] else {
        panic!("{:?}", seen.chain[16]);
    };
    assert!(unknown.error.starts_with("10002 were sent"), "{unknown:?}");
    let lints = &seen.chain[0].value().unwrap().lints;
    assert!(
        lints
            .iter()
            .any(|finding| finding.message.starts_with("10002 certificates were sent"))
    );
}

#[test]
fn what_is_no_certificate() {
    let roots = roots(Authority::Private);
    let mut good = chain("good");
    assert_eq!(
        kinds(&judge(&[], &checks(&roots))),
        [ProblemKind::Malformed]
    );
    good[1].truncate(300);
    let cut = judge(&good, &checks(&roots));
    good[0].push(0);
    let trailing = judge(&good, &checks(&roots));
    insta::assert_json_snapshot!("no-certificate", [cut, trailing]);
}

#[test]
fn roots_of_the_platform_and_given_ones() {
    // A machine may have none, or a broken store: both are counted, and neither is an error.
    let _ = (Roots::platform().len(), Roots::platform().unreadable());
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(Roots::from_pem(broken).is_err());
    assert_eq!(Roots::from_pem(&data("root.pem")).unwrap().len(), 1);
}
