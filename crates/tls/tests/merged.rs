//! A full scan asks for suites, groups and all else in the same connections. What it says is compared with what comes of
//! asking for each alone.

#![allow(clippy::unwrap_used)]

mod support;

use lockfast_tls::{
    Answer, Authentication, CipherSuite, ClientHello, Extension, Fact, KeyExchange, NamedGroup,
    ProtocolVersion, ReadTo, Scan, exchange, offered_suites,
};
use std::net::SocketAddr;
use support::{Certificate, OpenSsl, ecdsa, measure, p384, patient, rsa};

/// A suite and a group that are picked of these.
async fn pick(
    address: SocketAddr,
    version: ProtocolVersion,
    suites: &[CipherSuite],
    groups: &[NamedGroup],
) -> Option<(CipherSuite, Option<NamedGroup>)> {
    let mut hello = ClientHello::new(version, suites.to_vec());
    hello.extensions = vec![
        Extension::SupportedGroups(groups.to_vec()),
        Extension::EcPointFormats(vec![0]),
        Extension::SignatureAlgorithms(vec![
            0x0403, 0x0503, 0x0804, 0x0401, 0x0501, 0x0203, 0x0201,
        ]),
    ];
    if version == ProtocolVersion::Tls13 {
        hello.extensions.extend([
            Extension::SupportedVersions(vec![version]),
            Extension::KeyShare(Vec::new()),
        ]);
    } else if version < ProtocolVersion::Tls12 {
        hello.extensions.pop();
    }
    let records = hello.to_records().unwrap();
    match exchange(address, &records, ReadTo::EndOfFlight, patient()).await {
        Answer::Hello(hello) if hello.aborted.is_none() && hello.version == version => {
            Some((hello.suite, hello.group))
        }
        Answer::RetryRequest(retry) => Some((retry.suite, retry.group)),
        Answer::Alert(_) | Answer::Hello(_) => None,
        other => panic!("{other:?}"),
    }
}

fn groups_of(version: ProtocolVersion) -> Vec<NamedGroup> {
    match version {
        ProtocolVersion::Tls13 => NamedGroup::for_tls13(),
        _ => NamedGroup::up_to_tls12(),
    }
}

/// All suites in the order in which they are picked, with all groups on offer.
async fn suites_alone(address: SocketAddr, version: ProtocolVersion) -> Vec<CipherSuite> {
    let (mut left, groups) = (offered_suites(version), groups_of(version));
    let mut found = Vec::new();
    while let Some((suite, _)) = pick(address, version, &left, &groups).await {
        left.retain(|other| *other != suite);
        found.push(suite);
    }
    found
}

fn needs_group(suite: &CipherSuite) -> bool {
    matches!(
        suite.key_exchange(),
        Some(KeyExchange::Ecdhe | KeyExchange::Tls13)
    )
}

/// All groups, each offered alone but for the certificate's curve behind it.
async fn groups_alone(
    address: SocketAddr,
    version: ProtocolVersion,
    suites: &[CipherSuite],
    curve: Option<NamedGroup>,
) -> Vec<NamedGroup> {
    let mut found = Vec::new();
    for group in groups_of(version) {
        let tls13 = version == ProtocolVersion::Tls13;
        if !tls13 && group >= NamedGroup::FFDHE2048 {
            continue;
        }
        let groups: Vec<_> = [group]
            .into_iter()
            .chain(curve.filter(|_| !tls13))
            .collect();
        if let Some((_, Some(taken))) = pick(address, version, suites, &groups).await
            && taken == group
        {
            found.push(group);
        }
    }
    found
}

async fn full(certificates: &[&Certificate], arguments: &[&str], most: usize) -> Scan {
    let server = OpenSsl::start(certificates, arguments);
    let scan = measure(server.address, true, patient()).await;
    assert!(
        scan.connections <= most,
        "{} connections at {arguments:?}",
        scan.connections
    );
    let full = scan.full.as_ref().unwrap();
    let older = scan.picks.range(..=ProtocolVersion::Tls12).next_back();
    for (version, listing) in &full.suites {
        let mut alone = suites_alone(server.address, *version).await;
        assert_eq!(listing.open, None, "{version} at {arguments:?}");
        if scan.server_preference == Fact::Known(false) {
            let ours = offered_suites(*version);
            alone.sort_by_key(|suite| ours.iter().position(|other| other == suite));
        }
        assert_eq!(listing.accepted, alone, "{version} at {arguments:?}");
        let groups = match *version {
            ProtocolVersion::Tls13 => &full.tls13_groups,
            version if Some(version) == older.map(|(version, _)| *version) => &full.tls12_groups,
            _ => continue,
        };
        let groups = groups.as_ref().unwrap();
        let is_ecdsa = |suite: &CipherSuite| suite.authentication() == Some(Authentication::Ecdsa);
        let mut suites = alone;
        suites.retain(needs_group);
        // Those of other certificates do not hang on a curve.
        let only_ecdsa = suites.iter().all(is_ecdsa);
        suites.retain(|suite| only_ecdsa || !is_ecdsa(suite));
        let p384 = certificates.iter().any(|it| std::ptr::eq(*it, p384()));
        let curve = NamedGroup(if p384 { 24 } else { 23 });
        let curve = Some(curve).filter(|_| only_ecdsa);
        let mut alone = groups_alone(server.address, *version, &suites, curve).await;
        let mut accepted = groups.accepted.clone();
        if groups.open.is_some() {
            // What it says for certain is true.
            alone.retain(|group| accepted.contains(group));
        }
        alone.sort_unstable();
        accepted.sort_unstable();
        assert_eq!(accepted, alone, "{version} at {arguments:?}");
    }
    // The short scan is of the same opinion.
    let short = measure(server.address, false, patient()).await;
    assert_eq!(short.versions, scan.versions);
    assert_eq!(
        short.server_preference, scan.server_preference,
        "{arguments:?}"
    );
    assert_eq!(short.compression, scan.compression);
    assert_eq!(short.alpn, scan.alpn);
    assert_eq!(short.ccs_injection, scan.ccs_injection);
    assert_eq!(short.heartbleed, scan.heartbleed);
    assert_eq!(short.fallback_protection, scan.fallback_protection);
    for (short, full) in [
        (
            &short.without_forward_secrecy,
            &scan.without_forward_secrecy,
        ),
        (&short.without_aead, &scan.without_aead),
        (&short.broken, &scan.broken),
    ] {
        assert_eq!(
            short.value().map(Option::is_some),
            full.value().map(Option::is_some),
            "{arguments:?}"
        );
    }
    assert_eq!(short.post_quantum.value(), scan.post_quantum.value());
    scan
}

const OLD: &str = "ALL:@SECLEVEL=0";
const MODERN: &str = "ECDHE+AESGCM:ECDHE+CHACHA20";
const MIXED: &str = "AES256-SHA:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA:\
    ECDHE-RSA-AES128-SHA:AES128-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:AES128-SHA:\
    ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0";

#[tokio::test]
async fn modern_servers() {
    full(&[rsa()], &["-cipher", MODERN, "-serverpref"], 23).await;
    full(&[rsa()], &["-cipher", MODERN], 25).await;
    full(&[ecdsa()], &["-cipher", MODERN, "-serverpref"], 21).await;
    full(&[ecdsa()], &["-cipher", MODERN], 25).await;
    full(&[ecdsa(), rsa()], &["-cipher", MODERN, "-serverpref"], 40).await;
    full(&[rsa(), p384()], &["-cipher", MODERN], 32).await;
}

#[tokio::test]
async fn old_servers() {
    full(&[rsa()], &["-cipher", OLD], 107).await;
    full(&[rsa(), ecdsa()], &["-cipher", OLD], 127).await;
    full(&[rsa()], &["-cipher", OLD, "-serverpref"], 135).await;
    full(&[rsa(), ecdsa()], &["-cipher", OLD, "-serverpref"], 170).await;
}

#[tokio::test]
async fn orders_of_suites_with_and_without_groups() {
    for preference in [&["-serverpref"][..], &[]] {
        for groups in [
            &["-groups", "P-256:P-384:X25519"][..],
            &["-groups", "P-384"],
            &[],
        ] {
            let arguments = [&["-cipher", MIXED], preference, groups].concat();
            for certificates in [
                &[rsa(), ecdsa()][..],
                &[rsa(), p384()],
                &[rsa()],
                &[ecdsa()],
            ] {
                full(certificates, &arguments, 90).await;
            }
        }
    }
}

#[tokio::test]
async fn little_to_choose_from() {
    for preference in [&["-serverpref"][..], &[]] {
        for (arguments, most) in [
            (&["-tls1_2", "-cipher", "DHE+AES:@SECLEVEL=0"][..], 30),
            (&["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"], 20),
            (&["-tls1_3", "-groups", "P-256"], 15),
            (
                &[
                    "-tls1_3",
                    "-groups",
                    "P-256",
                    "-ciphersuites",
                    "TLS_AES_256_GCM_SHA384",
                ],
                12,
            ),
            (&["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], 20),
            (&["-tls1_2", "-cipher", "AES128-GCM-SHA256"], 12),
            (
                &["-tls1_2", "-cipher", "AES128-SHA:AES256-SHA:@SECLEVEL=0"],
                14,
            ),
            (
                &["-tls1_2", "-cipher", "ECDHE+AES", "-groups", "X25519"],
                25,
            ),
            (
                &[
                    "-no_tls1_3",
                    "-cipher",
                    "ECDHE+AES:RSA+AES:@SECLEVEL=0",
                    "-groups",
                    "P-384:P-256",
                ],
                60,
            ),
        ] {
            full(&[rsa()], &[arguments, preference].concat(), most).await;
        }
        for (arguments, most) in [
            (
                &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"][..],
                20,
            ),
            (
                &[
                    "-tls1_2",
                    "-cipher",
                    "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0",
                ],
                22,
            ),
            (&["-tls1_2", "-cipher", "ECDHE+AES", "-groups", "P-256"], 25),
            (
                &[
                    "-tls1_2",
                    "-cipher",
                    "ECDHE+AES",
                    "-groups",
                    "P-384:P-256:P-521",
                ],
                30,
            ),
        ] {
            full(&[ecdsa()], &[arguments, preference].concat(), most).await;
        }
    }
}

/// SSLv3 is not asked of who says protocol_version to TLS 1.1 and TLS 1.0, and of everyone else it is.
#[tokio::test]
async fn too_old_is_too_old_for_ssl3() {
    use std::io::Write;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    for (to_tls11, to_tls10, asked) in [(70, 70, 0), (70, 40, 1), (40, 70, 1), (40, 40, 1)] {
        let ssl3 = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ssl3);
        let address = support::serve(move |mut stream, _| {
            let hello = support::take_hello(&mut stream);
            let tls13 = hello.windows(7).any(|it| it == [0, 43, 0, 3, 2, 3, 4]);
            let alert = match hello[9..11] {
                [3, 3] if hello[0] == 22 && !tls13 => None,
                [3, 2] => Some(to_tls11),
                [3, 1] => Some(to_tls10),
                [3, 0] => {
                    count.fetch_add(1, Ordering::Relaxed);
                    Some(40)
                }
                _ => Some(70),
            };
            let answer = match alert {
                Some(alert) => vec![21, 3, 3, 0, 2, 2, alert],
                None => {
                    let mut body = vec![3, 3];
                    body.extend([7; 32]);
                    body.extend([0, 0xC0, 0x2F, 0]);
                    let mut flight = vec![22, 3, 3, 0, 46, 2, 0, 0, body.len() as u8];
                    flight.extend(body);
                    flight.extend([14, 0, 0, 0]);
                    flight
                }
            };
            let _ = stream.write_all(&answer);
        });
        let scan = measure(address, false, support::impatient()).await;
        assert_eq!(scan.accepted_versions(), [ProtocolVersion::Tls12]);
        assert_eq!(scan.versions[&ProtocolVersion::Ssl3], Fact::Known(false));
        assert_eq!(ssl3.load(Ordering::Relaxed), asked, "{to_tls11} {to_tls10}");
    }
}
