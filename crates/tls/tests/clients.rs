//! What the simulation says of a client, beside what OpenSSL's server does with that client's hello.
#![allow(clippy::unwrap_used)]

mod support;

use lockfast_tls::{
    Accepts, Answer, CipherSuite, Client, NamedGroup, Outcome, ProtocolVersion, ReadTo, clients,
    exchange, simulate,
};
use std::collections::BTreeSet;
use std::process::Command;
use support::{Certificate, OpenSsl, ecdsa, measure, p384, patient, rsa};

/// What the server does with the hello.
async fn sent(
    client: &Client,
    server: &OpenSsl,
) -> Option<(ProtocolVersion, CipherSuite, Option<NamedGroup>)> {
    let hello = client.hello(Some("localhost")).to_records().unwrap();
    match exchange(server.address, &hello, ReadTo::EndOfFlight, patient()).await {
        Answer::Hello(hello) if hello.aborted.is_none() => {
            Some((hello.version, hello.suite, hello.group))
        }
        Answer::RetryRequest(retry) => Some((ProtocolVersion::Tls13, retry.suite, retry.group)),
        Answer::Alert(_) | Answer::Hello(_) => None,
        other => panic!("{}: {other:?}", client.name),
    }
}

/// Says and does the same for all clients; how many of them connect.
async fn agrees(certificates: &[&Certificate], arguments: &[&str]) -> usize {
    agrees_with(certificates, arguments, None).await
}

/// The same where the curve of the certificate is known.
async fn agrees_with(
    certificates: &[&Certificate],
    arguments: &[&str],
    certificate_curve: Option<NamedGroup>,
) -> usize {
    let server = OpenSsl::start(certificates, arguments);
    let scan = measure(server.address, true, patient()).await;
    let accepts = Accepts {
        certificate_curve,
        ..Accepts::measured(&scan).unwrap()
    };
    let mut connect = 0;
    for client in clients() {
        // Whether it can compute with the prime, the server does not know.
        let client = Client {
            max_dh_bits: None,
            ..client.clone()
        };
        let said = match simulate(&client, &accepts) {
            Outcome::Connects {
                version,
                suite,
                group,
            } => Some((version, suite, group)),
            Outcome::Fails(_) => None,
        };
        let done = sent(&client, &server).await;
        let without_group =
            |it: Option<(ProtocolVersion, CipherSuite, _)>| it.map(|it| (it.0, it.1));
        assert_eq!(
            without_group(said),
            without_group(done),
            "{} at {arguments:?}: {accepts:?}",
            client.name
        );
        // Of the groups in TLS 1.3, OpenSSL takes the one that a share came with, whatever it likes best.
        if let (Some((version, _, Some(said))), Some((_, _, Some(done)))) = (said, done)
            && version < ProtocolVersion::Tls13
        {
            assert_eq!(said, done, "{} at {arguments:?}", client.name);
        }
        connect += usize::from(done.is_some());
    }
    connect
}

const OLD: &str = "ALL:!PSK:!SRP:@SECLEVEL=0";

#[tokio::test]
async fn the_clients_order() {
    let connect = agrees(&[rsa(), ecdsa()], &["-cipher", OLD]).await;
    // All but those that speak only what OpenSSL 3 has unlearned.
    assert!(connect > 45, "{connect}");
}

#[tokio::test]
async fn the_servers_order() {
    let list =
        "AES256-SHA:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-SHA:AES128-SHA256:@SECLEVEL=0";
    let arguments = [
        "-cipher",
        list,
        "-serverpref",
        "-groups",
        "P-384:P-256:X25519",
    ];
    assert!(agrees(&[rsa()], &arguments).await > 40);
}

#[tokio::test]
async fn modern_servers() {
    let strict = [
        "-tls1_2",
        "-cipher",
        "ECDHE+AESGCM",
        "-groups",
        "X25519:P-256",
    ];
    let connect = agrees(&[rsa()], &strict).await;
    assert!((20..48).contains(&connect), "{connect}");
    let connect = agrees(&[ecdsa()], &["-tls1_3", "-groups", "P-384:X448"]).await;
    assert!((10..40).contains(&connect), "{connect}");
}

#[tokio::test]
async fn certificates_on_another_curve() {
    let arguments = [
        "-cipher",
        "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0",
        "-no_tls1_3",
    ];
    let curve = Some(NamedGroup(24));
    let connect = agrees_with(&[p384()], &arguments, curve).await;
    assert!(connect > 20, "{connect}");
}

#[tokio::test]
async fn old_servers() {
    let arguments = [
        "-tls1",
        "-cipher",
        "DHE-RSA-AES128-SHA:AES256-SHA:@SECLEVEL=0",
    ];
    assert!(agrees(&[rsa()], &arguments).await > 5);
}

/// OpenSSL's own list of numbers and names.
#[test]
fn names_of_openssl() {
    let listed = Command::new("openssl")
        .args(["ciphers", "-V", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let mut compared = BTreeSet::new();
    for line in listed.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let number = words[0].replace("0x", "").replace(',', "");
        let suite = CipherSuite(u16::from_str_radix(&number, 16).unwrap());
        if let Some(name) = suite.openssl_name() {
            assert_eq!(name, words[2], "{suite}");
            assert_eq!(CipherSuite::from_openssl_name(&name), Some(suite));
            compared.insert(suite);
        } else {
            let other = ["PSK", "SRP"]
                .into_iter()
                .any(|word| words[2].contains(word));
            assert!(other, "{suite} is {}", words[2]);
        }
    }
    assert!(compared.len() > 60, "{}", compared.len());
    let old = CipherSuite::from_openssl_name("EDH-RSA-DES-CBC3-SHA");
    assert_eq!(old, CipherSuite::from_openssl_name("DHE-RSA-DES-CBC3-SHA"));
    assert!(old.is_some());
    assert_eq!(CipherSuite::from_openssl_name("NONE-SUCH"), None);
}
