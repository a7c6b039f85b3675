//! Whatever arrives, nothing panics: any bytes, and real certificates with bytes changed.
#![allow(clippy::unwrap_used)]

use lockfast_certificate::{
    Authority, Certificate, Checks, LogList, Roots, judge, parse_sct_list, read,
};
use proptest::prelude::*;
use std::fs;

fn data(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn judged(chain: &[Vec<u8>], staple: &[u8], list: &[u8]) {
    let roots = Roots::of(read(&data("root.pem"), None).unwrap(), Authority::Public).unwrap();
    let checks = Checks {
        host: Some("shop.example.com"),
        roots: &roots,
        given_roots_too: true,
        now: "2026-12-01T12:00:00Z".parse().unwrap(),
        stapled_ocsp: Some(staple),
        may_staple: true,
        tls_scts: Some(list),
        logs: LogList::pinned(),
    };
    serde_json::to_string(&judge(chain, &checks)).unwrap();
}

/// Bytes with some of them changed, some taken out or put in.
fn changed(mut bytes: Vec<u8>, changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    for (at, value, how) in changes {
        let at = at.index(bytes.len());
        match how % 4 {
            0 if bytes.len() > 1 => drop(bytes.remove(at)),
            1 => bytes.insert(at, *value),
            2 => bytes.truncate(at + 1),
            _ => bytes[at] = *value,
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Certificate::parse(&bytes);
        let _ = read(&bytes, None);
        let _ = parse_sct_list(&bytes);
        let good = read(&data("good.pem"), None).unwrap();
        judged(&[bytes.clone(), good[1].clone()], &bytes, &bytes);
        judged(&good, &bytes, &bytes);
    }

    #[test]
    fn changed_certificates(
        which in prop::sample::select(vec!["good", "messy", "curves", "self-signed", "must-staple"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 3..8_u8), 1..4),
    ) {
        let mut chain = read(&data(&format!("{which}.pem")), None).unwrap();
        let last = chain.len() - 1;
        chain[0] = changed(chain[0].clone(), &changes);
        judged(&chain, &changed(data("delegated.ocsp"), &changes), &[]);
        chain[last] = changed(chain[last].clone(), &changes);
        judged(&chain, &changed(data("good.ocsp"), &changes), &[]);
    }

    #[test]
    fn changed_files(
        which in prop::sample::select(vec!["good.pem", "good.p7b", "open.p12", "trusted.pem"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..8_u8), 1..4),
    ) {
        let _ = read(&changed(data(which), &changes), None);
    }
}
