//! Scans of Node.js of three ages: 0.10.28 carries OpenSSL 1.0.1g, which has CCS injection, 0.10.42 still speaks SSLv2,
//! 24 has post-quantum groups.
//!
//! `LOCKFAST_NODE_0_10_28`, `LOCKFAST_NODE_0_10` and `LOCKFAST_NODE_24` say where their binaries are; `cargo xtask test` installs them (tests/servers).
//! Without them there is nothing to test against.
#![allow(clippy::unwrap_used)]

mod support;

use lockfast_tls::{Fact, NamedGroup, ProtocolVersion};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use support::{measure, patient, rsa};

struct Node {
    child: Child,
    address: SocketAddr,
}

impl Node {
    fn start(variable: &str, arguments: &[&str], options: &str) -> Option<Node> {
        let Some(binary) = std::env::var_os(variable) else {
            assert!(std::env::var_os("CI").is_none(), "CI needs `{variable}`");
            eprintln!("skipped: {variable} names no binary of Node.js");
            return None;
        };
        let child = Command::new(binary)
            .args(arguments)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/server.js"))
            .arg(&rsa().key)
            .arg(&rsa().certificate)
            .arg(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut node = Node {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let lines = BufReader::new(node.child.stdout.take().unwrap()).lines();
        let accept = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ACCEPT ").map(str::to_owned))
            .expect("Node says where it listens");
        node.address = accept.parse().unwrap();
        Some(node)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn ssl2() {
    let arguments = ["--enable-ssl2", "--enable-ssl3"];
    let options = r#"{"secureProtocol": "SSLv23_method", "ciphers": "ALL:SSLv2"}"#;
    let Some(node) = Node::start("LOCKFAST_NODE_0_10", &arguments, options) else {
        return;
    };
    let scan = measure(node.address, true, patient()).await;
    assert_eq!(scan.accepted_versions(), ProtocolVersion::ALL[..5]);
    assert_eq!(scan.versions[&ProtocolVersion::Tls13], Fact::Known(false));
    assert!(!scan.ssl2_kinds.is_empty());
    assert!(scan.ssl2_kinds.iter().all(|kind| kind.name().is_some()));
    assert!(matches!(&scan.broken, Fact::Known(Some(_))));
    let full = scan.full.as_ref().unwrap();
    assert!(full.suites.values().all(|listing| listing.open.is_none()));
    assert_eq!(full.suites.len(), 4);
}

/// The fault itself, and the mended server.
#[tokio::test]
async fn ccs_injection() {
    for (variable, has) in [
        ("LOCKFAST_NODE_0_10_28", true),
        ("LOCKFAST_NODE_0_10", false),
    ] {
        let Some(node) = Node::start(variable, &[], "{}") else {
            return;
        };
        let scan = measure(node.address, false, patient()).await;
        assert_eq!(scan.ccs_injection, Fact::Known(has), "{variable}");
        assert_eq!(scan.heartbleed, Fact::Known(false), "{variable}");
    }
}

#[tokio::test]
async fn post_quantum_groups() {
    let Some(node) = Node::start("LOCKFAST_NODE_24", &[], "{}") else {
        return;
    };
    let scan = measure(node.address, true, patient()).await;
    assert_eq!(
        scan.accepted_versions(),
        [ProtocolVersion::Tls12, ProtocolVersion::Tls13]
    );
    assert_eq!(
        scan.post_quantum,
        Fact::Known(Some(NamedGroup::X25519_MLKEM768))
    );
    let groups = scan.full.unwrap().tls13_groups.unwrap();
    assert_eq!(groups.open, None);
    assert!(groups.accepted.contains(&NamedGroup::X25519));

    let options = r#"{"ecdhCurve": "X25519:SecP256r1MLKEM768:SecP384r1MLKEM1024"}"#;
    let Some(node) = Node::start("LOCKFAST_NODE_24", &[], options) else {
        return;
    };
    let scan = measure(node.address, true, patient()).await;
    let mut groups = scan.full.unwrap().tls13_groups.unwrap().accepted;
    groups.sort_unstable();
    let hybrids = [
        NamedGroup::SECP256R1_MLKEM768,
        NamedGroup::SECP384R1_MLKEM1024,
    ];
    assert_eq!(
        groups,
        [vec![NamedGroup::X25519], hybrids.to_vec()].concat()
    );

    let Some(node) = Node::start("LOCKFAST_NODE_24", &[], r#"{"ecdhCurve": "X25519:P-256"}"#)
    else {
        return;
    };
    let scan = measure(node.address, false, patient()).await;
    assert_eq!(scan.post_quantum, Fact::Known(None));
}
