//! Scans of Java's server, the one at hand that still speaks SSLv3. Without `java` there is nothing to test against.
#![allow(clippy::unwrap_used)]

mod support;

use lockfast_tls::{CipherSuite, Fact, ProtocolVersion, Weakness};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use support::{measure, patient, rsa};

struct Jsse {
    child: Child,
    address: SocketAddr,
    suites: BTreeSet<String>,
}

impl Jsse {
    fn start(protocols: &str) -> Option<Jsse> {
        Command::new("java")
            .arg("-version")
            .stderr(Stdio::null())
            .status()
            .ok()?;
        let store = rsa().key.with_extension(format!("{protocols}.p12"));
        let made = Command::new("openssl")
            .args(["pkcs12", "-export", "-passout", "pass:changeit", "-in"])
            .arg(&rsa().certificate)
            .arg("-inkey")
            .arg(&rsa().key)
            .arg("-out")
            .arg(&store)
            .status();
        assert!(made.unwrap().success());
        let child = Command::new("java")
            // Two cores are shared with whatever else runs.
            .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/jsse/Server.java"
            ))
            .arg(&store)
            .arg(protocols)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut server = Jsse {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            suites: BTreeSet::new(),
        };
        let lines = BufReader::new(server.child.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            if let Some(suite) = line.strip_prefix("SUITE ") {
                // Java keeps the names of SSLv3 for suites of that age.
                server.suites.insert(suite.replacen("SSL_", "TLS_", 1));
            } else if let Some(address) = line.strip_prefix("ACCEPT ") {
                server.address = address.parse().unwrap();
                return Some(server);
            }
        }
        panic!("Java says where it listens");
    }
}

impl Drop for Jsse {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn ssl3_and_tls10() {
    let Some(server) = Jsse::start("SSLv3,TLSv1") else {
        assert!(std::env::var_os("CI").is_none(), "CI needs `java`");
        eprintln!("skipped: no java");
        return;
    };
    let scan = measure(server.address, true, patient()).await;
    assert_eq!(
        scan.accepted_versions(),
        [ProtocolVersion::Ssl3, ProtocolVersion::Tls10]
    );
    assert!(scan.versions.values().all(|fact| fact.value().is_some()));
    assert_eq!(scan.heartbleed, Fact::Known(false));
    assert_eq!(scan.ccs_injection, Fact::Known(false));
    assert!(matches!(&scan.broken, Fact::Known(Some(pick)) if pick.suite.is_broken()));
    let suites = &scan.full.as_ref().unwrap().suites;
    let of = |weakness| move |suite: &CipherSuite| suite.weaknesses().contains(&weakness);
    for version in [ProtocolVersion::Ssl3, ProtocolVersion::Tls10] {
        let listing = &suites[&version];
        assert_eq!(listing.open, None, "{version}");
        for weakness in [
            Weakness::Rc4,
            Weakness::Anonymous,
            Weakness::TripleDes,
            Weakness::Export,
        ] {
            assert!(
                listing.accepted.iter().any(of(weakness)),
                "{version}: no {weakness:?}"
            );
        }
        for suite in &listing.accepted {
            assert!(
                server.suites.contains(suite.name().unwrap()),
                "{version}: {suite}"
            );
        }
    }
}
