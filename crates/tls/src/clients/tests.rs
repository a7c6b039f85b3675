use super::*;
use std::collections::BTreeSet;

/// Suites of a draft that no registry has.
const OLD_CHACHA: [u16; 3] = [0xCC13, 0xCC14, 0xCC15];

fn suites(names: &[&str]) -> Vec<CipherSuite> {
    let suite = |name: &&str| CipherSuite::from_openssl_name(name).unwrap();
    names.iter().map(suite).collect()
}

fn client(name: &str) -> &'static Client {
    clients().iter().find(|client| client.name == name).unwrap()
}

#[test]
fn the_table_is_sound() {
    assert!(clients().len() >= 45);
    let names: BTreeSet<_> = clients().iter().map(|client| &client.name).collect();
    assert_eq!(names.len(), clients().len(), "a name twice");
    for client in clients() {
        let name = &client.name;
        assert!(
            client.versions.is_sorted() && !client.versions.is_empty(),
            "{name}"
        );
        assert!(!client.source.is_empty(), "{name}");
        for suite in &client.suites {
            assert!(
                suite.name().is_some() || OLD_CHACHA.contains(&suite.0),
                "{name}: {suite}"
            );
            assert!(!suite.is_signal(), "{name}: {suite}");
        }
        assert!(
            client.groups.iter().all(|group| group.name().is_some()),
            "{name}"
        );
        let distinct: BTreeSet<_> = client.suites.iter().collect();
        assert_eq!(distinct.len(), client.suites.len(), "{name}: a suite twice");
        let tls13 = client.versions.contains(&ProtocolVersion::Tls13);
        let has = client
            .suites
            .iter()
            .any(|suite| suite.is_defined_for(ProtocolVersion::Tls13));
        assert_eq!(tls13, has, "{name}: TLS 1.3 and its suites");
        client.hello(Some("shop.example")).to_records().unwrap();
    }
}

#[test]
fn tightening_a_policy() {
    let versions = [ProtocolVersion::Tls12, ProtocolVersion::Tls13];
    let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
    let modern = suites(&[
        "TLS_AES_128_GCM_SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
    ]);
    let policy = Accepts::policy(&versions, &modern, &groups);
    assert_eq!(
        policy.certificates(),
        [crate::Authentication::Ecdsa, crate::Authentication::Rsa]
    );
    let policy = policy.with_certificates(&[crate::Authentication::Rsa]);
    let of = |name| simulate(client(name), &policy);
    assert_eq!(
        of("Java 17"),
        Outcome::Connects {
            version: ProtocolVersion::Tls13,
            suite: CipherSuite(0x1301),
            group: Some(NamedGroup::X25519)
        }
    );
    // It has a suite in common, and it is the server's one certificate that decides which.
    assert_eq!(
        of("Java 8u161"),
        Outcome::Connects {
            version: ProtocolVersion::Tls12,
            suite: CipherSuite(0xC02F),
            group: Some(NamedGroup::SECP256R1)
        }
    );
    assert_eq!(
        of("Internet Explorer 11, Windows 7"),
        Outcome::Fails(Failure::Suite(ProtocolVersion::Tls12))
    );
    assert_eq!(
        of("Java 7u25").to_string(),
        "would not connect: it speaks TLS 1.0, and the server TLS 1.2, TLS 1.3"
    );
}

#[test]
fn whose_order_decides() {
    let mut accepts = Accepts::policy(
        &[ProtocolVersion::Tls12],
        &suites(&["AES256-SHA", "AES128-SHA"]),
        &[],
    );
    let suite = |accepts: &Accepts| match simulate(client("Android 7.0"), accepts) {
        Outcome::Connects { suite, .. } => suite.openssl_name().unwrap(),
        fails => fails.to_string(),
    };
    assert_eq!(suite(&accepts), "AES256-SHA");
    accepts.server_preference = false;
    assert_eq!(suite(&accepts), "AES128-SHA");
}

#[test]
fn groups_and_primes() {
    let tls13 =
        |group| Accepts::policy(&[ProtocolVersion::Tls13], &[CipherSuite(0x1301)], &[group]);
    let hybrid = tls13(NamedGroup::X25519_MLKEM768);
    assert!(matches!(
        simulate(client("Chrome 137"), &hybrid),
        Outcome::Connects { group: Some(group), .. } if group.is_post_quantum()
    ));
    assert_eq!(
        simulate(client("Chrome 101"), &hybrid),
        Outcome::Fails(Failure::Group(ProtocolVersion::Tls13))
    );
    let mut dhe = Accepts::policy(
        &[ProtocolVersion::Tls10],
        &suites(&["DHE-RSA-AES128-SHA"]),
        &[],
    );
    dhe.dh_bits = Some(2048);
    assert_eq!(
        simulate(client("Java 7u25"), &dhe),
        Outcome::Fails(Failure::DhTooLarge {
            bits: 2048,
            limit: 1024
        })
    );
    // Without a group in common a suite that needs none is taken.
    let mixed = suites(&["ECDHE-RSA-AES128-GCM-SHA256", "AES128-GCM-SHA256"]);
    let mixed = Accepts::policy(&[ProtocolVersion::Tls12], &mixed, &[NamedGroup::X25519]);
    assert!(matches!(
        simulate(client("Android 7.0"), &mixed),
        Outcome::Connects { suite, .. } if suite == CipherSuite(0x009C)
    ));
}
