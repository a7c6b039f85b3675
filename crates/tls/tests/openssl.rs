//! Scans of OpenSSL's own server, which says what is true.

#![allow(clippy::unwrap_used)]

mod support;

use lockfast_tls::{
    CipherSuite, Enumeration, Fact, Full, NamedGroup, ProtocolVersion, Scan, Weakness, Why,
};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use support::{Certificate, OpenSsl, ecdsa, measure, patient, rsa};

/// A shared secret, without which neither side of OpenSSL takes suites with PSK.
const SECRET: &str = "c0ffee";

const ALL: &str = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";

async fn scan(certificates: &[&Certificate], arguments: &[&str], full: impl Into<Full>) -> Scan {
    let server = OpenSsl::start(certificates, arguments);
    measure(server.address, full, patient()).await
}

fn accepts(scan: &Scan) -> Vec<ProtocolVersion> {
    assert!(
        scan.versions.values().all(|fact| fact.value().is_some()),
        "{:?}",
        scan.versions
    );
    assert_eq!(scan.versions.len(), ProtocolVersion::ALL.len());
    scan.accepted_versions()
}

fn found(fact: &Fact<Option<lockfast_tls::Pick>>) -> Option<CipherSuite> {
    fact.value().expect("known").as_ref().map(|pick| pick.suite)
}

#[tokio::test]
async fn modern_server() {
    let arguments = ["-cipher", "ECDHE+AESGCM", "-serverpref"];
    let scan = scan(&[rsa()], &arguments, false).await;
    assert_eq!(
        accepts(&scan),
        [ProtocolVersion::Tls12, ProtocolVersion::Tls13]
    );
    assert_eq!(found(&scan.without_forward_secrecy), None);
    assert_eq!(found(&scan.without_aead), None);
    assert_eq!(found(&scan.broken), None);
    assert_eq!(scan.server_preference, Fact::Known(true));
    assert_eq!(scan.compression, Fact::Known(false));
    assert_eq!(scan.secure_renegotiation, Fact::Known(true));
    // OpenSSL 3.0 has no ML-KEM; 3.5 has.
    assert!(scan.post_quantum.value().is_some());
    let tls12 = &scan.picks[&ProtocolVersion::Tls12];
    assert!(tls12.suite.is_aead() && tls12.suite.is_forward_secret());
    assert!(tls12.group.is_some());
    assert!(scan.connections <= 10, "{} connections", scan.connections);
}

#[tokio::test]
async fn every_version_alone() {
    for (argument, version) in [
        ("-tls1", ProtocolVersion::Tls10),
        ("-tls1_1", ProtocolVersion::Tls11),
        ("-tls1_2", ProtocolVersion::Tls12),
        ("-tls1_3", ProtocolVersion::Tls13),
    ] {
        let scan = scan(&[rsa()], &[argument, "-cipher", ALL], false).await;
        assert_eq!(accepts(&scan), [version]);
        assert_eq!(scan.picks[&version].version, version);
        assert!(scan.connections <= 13, "{} connections", scan.connections);
    }
}

/// As Debian ships it, it starts on TLS 1.0 and cannot go through with it.
#[tokio::test]
async fn security_level_is_believed_from_the_wire() {
    let scan = scan(&[rsa()], &["-cipher", "DEFAULT:@SECLEVEL=1"], false).await;
    assert_eq!(
        accepts(&scan),
        [ProtocolVersion::Tls12, ProtocolVersion::Tls13]
    );
}

/// Scans run on any runtime's threads.
#[tokio::test(flavor = "multi_thread")]
async fn scans_can_be_spawned() {
    let server = OpenSsl::start(&[ecdsa()], &["-no_tls1_3"]);
    let address = server.address;
    let scans = (0..3).map(|_| tokio::spawn(measure(address, false, patient())));
    for scan in scans.collect::<Vec<_>>() {
        let scan = scan.await.unwrap();
        assert_eq!(scan.accepted_versions(), [ProtocolVersion::Tls12]);
        assert_eq!(scan.fallback_protection.value(), None);
    }
}

#[tokio::test]
async fn old_and_broken_server() {
    let scan = scan(&[rsa()], &["-cipher", ALL], false).await;
    assert_eq!(
        accepts(&scan),
        [
            ProtocolVersion::Tls10,
            ProtocolVersion::Tls11,
            ProtocolVersion::Tls12,
            ProtocolVersion::Tls13
        ]
    );
    assert!(
        !found(&scan.without_forward_secrecy)
            .unwrap()
            .is_forward_secret()
    );
    assert!(!found(&scan.without_aead).unwrap().is_aead());
    assert!(found(&scan.broken).unwrap().is_broken());
    assert_eq!(scan.server_preference, Fact::Known(false));
    assert_eq!(scan.fallback_protection, Fact::Known(true));
}

#[tokio::test]
async fn single_faults_are_told_apart() {
    let rsa_exchange = scan(&[rsa()], &["-tls1_2", "-cipher", "kRSA+AESGCM"], false).await;
    assert!(found(&rsa_exchange.without_forward_secrecy).is_some());
    assert_eq!(found(&rsa_exchange.without_aead), None);
    assert_eq!(found(&rsa_exchange.broken), None);

    let mixed = [
        "-tls1_2",
        "-cipher",
        "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256",
    ];
    let mixed = scan(&[rsa()], &mixed, false).await;
    assert_eq!(found(&mixed.without_forward_secrecy), None);
    assert_eq!(
        found(&mixed.without_aead).unwrap().name(),
        Some("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256")
    );
    assert_eq!(found(&mixed.broken), None);

    let null = [
        "-tls1_2",
        "-cipher",
        "ECDHE-RSA-AES128-GCM-SHA256:NULL-SHA256:@SECLEVEL=0",
    ];
    let null = scan(&[rsa()], &null, false).await;
    assert_eq!(found(&null.broken).unwrap().weaknesses(), [Weakness::Null]);

    let anonymous = ["-tls1_2", "-cipher", "AECDH-AES128-SHA:@SECLEVEL=0"];
    let anonymous = scan(&[], &anonymous, false).await;
    assert_eq!(
        found(&anonymous.broken).unwrap().weaknesses(),
        [Weakness::Anonymous]
    );
}

#[tokio::test]
async fn groups_by_their_order() {
    let arguments = [
        "-groups",
        "P-384:X25519:ffdhe3072",
        "-cipher",
        "ECDHE+AESGCM",
        "-serverpref",
    ];
    let scan = scan(&[rsa()], &arguments, true).await;
    let full = scan.full.unwrap();
    let of = |listing: Option<lockfast_tls::Listing<NamedGroup>>| {
        let listing = listing.unwrap();
        assert_eq!(listing.open, None);
        let names = listing.accepted.into_iter().map(|group| group.to_string());
        names.collect::<BTreeSet<_>>()
    };
    let expected = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<BTreeSet<_>>();
    assert_eq!(
        of(full.tls13_groups),
        expected(&["ffdhe3072", "secp384r1", "x25519"])
    );
    assert_eq!(of(full.tls12_groups), expected(&["secp384r1", "x25519"]));
    assert_eq!(scan.post_quantum, Fact::Known(None));
}

/// It refuses whoever does not offer the curve of its one certificate, which hides no other group.
#[tokio::test]
async fn groups_beside_the_certificates_curve() {
    let groups = ["-groups", "P-256:P-384:P-521", "-no_tls1_3"];
    let of = |scan: Scan| scan.full.unwrap().tls12_groups.unwrap();
    let free = of(scan(&[ecdsa()], &groups, true).await);
    assert_eq!(free.open, None);
    assert_eq!(free.accepted.len(), 3);
    let own = [&groups[..], &["-serverpref"]].concat();
    let own = of(scan(&[ecdsa()], &own, true).await);
    assert!(own.open.is_some(), "{own:?}");
    assert_eq!(own.accepted, [NamedGroup::SECP256R1]);
}

/// Numbers and OpenSSL's names of all suites it knows.
fn openssl_suites() -> Vec<(CipherSuite, String)> {
    let listed = Command::new("openssl")
        .args(["ciphers", "-V", ALL])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let suite = |line: &str| {
        let mut words = line.split_whitespace();
        let (number, _dash, name) = (words.next()?, words.next()?, words.next()?);
        let number = number.replace("0x", "").replace(',', "");
        Some((
            CipherSuite(u16::from_str_radix(&number, 16).ok()?),
            name.to_owned(),
        ))
    };
    listed.lines().filter_map(suite).collect()
}

/// Whether OpenSSL's client and the server come to terms about the suite alone.
fn s_client(server: &OpenSsl, version: ProtocolVersion, name: &str) -> bool {
    let (version, option, list) = match version {
        ProtocolVersion::Tls13 => ("-tls1_3", "-ciphersuites", name.to_owned()),
        _ => ("-tls1_2", "-cipher", format!("{name}:@SECLEVEL=0")),
    };
    let status = Command::new("openssl")
        .args(["s_client", "-connect", &server.address.to_string(), version])
        .args([option, &list])
        // It must not stand in for the certificate in TLS 1.3.
        .args(
            ["-psk", SECRET]
                .into_iter()
                .filter(|_| version == "-tls1_2"),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.unwrap().success()
}

#[tokio::test]
async fn enumeration_agrees_with_s_client_on_every_suite() {
    let arguments = [
        "-cipher",
        "ALL:NULL:!CAMELLIA256:@SECLEVEL=0",
        "-psk",
        SECRET,
        "-ciphersuites",
        "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256",
    ];
    let server = OpenSsl::start(&[rsa(), ecdsa()], &arguments);
    let scan = measure(server.address, true, patient()).await;
    let Some(Enumeration { suites, .. }) = scan.full else {
        panic!("asked for");
    };
    let suites_known = openssl_suites();
    assert!(suites_known.len() > 100);
    let mut connections = 0;
    for version in [ProtocolVersion::Tls12, ProtocolVersion::Tls13] {
        let listing = &suites[&version];
        assert_eq!(listing.open, None);
        let ours: BTreeSet<_> = listing.accepted.iter().copied().collect();
        assert_eq!(ours.len(), listing.accepted.len(), "twice: {listing:?}");
        let theirs: BTreeSet<_> = suites_known
            .iter()
            .filter(|(suite, _)| suite.is_defined_for(version))
            .filter(|(_, name)| {
                connections += 1;
                s_client(&server, version, name)
            })
            .map(|(suite, _)| *suite)
            .collect();
        assert_eq!(ours, theirs, "{version}");
    }
    assert_eq!(connections, suites_known.len());
}

#[tokio::test]
async fn older_versions_are_enumerated_each() {
    let arguments = [
        "-cipher",
        "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:AES256-SHA:@SECLEVEL=0",
        "-no_tls1_3",
    ];
    let scan = scan(&[rsa()], &arguments, true).await;
    let suites = scan.full.unwrap().suites;
    let names = |version| {
        let accepted: &Vec<CipherSuite> = &suites[&version].accepted;
        accepted
            .iter()
            .map(|suite| suite.to_string())
            .collect::<BTreeSet<_>>()
    };
    let old = [
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_AES_256_CBC_SHA",
    ]
    .map(String::from);
    assert_eq!(names(ProtocolVersion::Tls10), BTreeSet::from(old.clone()));
    assert_eq!(names(ProtocolVersion::Tls11), BTreeSet::from(old));
    assert_eq!(names(ProtocolVersion::Tls12).len(), 3);
}

/// All is asked for where the verdict is bad, and nothing more where it is not.
#[tokio::test]
async fn a_bad_verdict_brings_the_enumeration() {
    let weak = ["-tls1_2", "-cipher", "ECDHE+AESGCM:AES128-GCM-SHA256"];
    let seen = scan(&[rsa()], &weak, Full::WhenWeak).await;
    let all = scan(&[rsa()], &weak, Full::Always).await;
    assert!(found(&seen.without_forward_secrecy).is_some());
    let listed = |scan: &Scan| {
        let mut suites = scan.full.clone().unwrap().suites;
        let listing = suites.remove(&ProtocolVersion::Tls12).unwrap();
        assert_eq!(listing.open, None);
        listing.accepted
    };
    assert_eq!(listed(&seen).len(), 3);
    assert_eq!(listed(&seen), listed(&all));
    let modern = ["-tls1_2", "-cipher", "ECDHE+AESGCM"];
    let modern = scan(&[rsa()], &modern, Full::WhenWeak).await;
    assert_eq!(modern.full, None);
    let old = [
        "-no_tls1_2",
        "-no_tls1_3",
        "-cipher",
        "ECDHE+AES:@SECLEVEL=0",
    ];
    let old = scan(&[rsa()], &old, Full::WhenWeak).await;
    assert_eq!(found(&old.without_forward_secrecy), None);
    assert!(old.full.is_some());
}

#[tokio::test]
async fn used_up_connections_leave_facts_unknown() {
    let server = OpenSsl::start(&[rsa()], &[]);
    let settings = lockfast_tls::Settings {
        limits: patient(),
        max_connections: 2,
        full: Full::Always,
        ..Default::default()
    };
    let pace = lockfast_tls::Pace::per_second(0);
    let scan = lockfast_tls::scan(&support::target(server.address), settings, &pace).await;
    assert_eq!(scan.connections, 2);
    let used_up = Why::TooManyConnections(2);
    assert_eq!(scan.versions[&ProtocolVersion::Tls12], Fact::Known(true));
    assert_eq!(
        scan.versions[&ProtocolVersion::Tls10],
        Fact::Unknown(used_up.clone())
    );
    assert_eq!(scan.broken.why(), Some(&used_up));
    let full = scan.full.unwrap();
    assert_eq!(full.suites[&ProtocolVersion::Tls12].open, Some(used_up));
}
