//! `--simulate-clients` and `--full`.

use crate::names::records;
use crate::verdicts::pair;

#[test]
fn clients_are_simulated_with_and_without_a_policy() {
    let Some(pair) = pair() else { return };
    let own = pair.probe(&pair.old(), &["--simulate-clients"]);
    assert_eq!(own.code, 1, "{}", own.err);
    for said in [
        "Clients of",
        "CLIENT",
        "NOW",
        "AFTER",
        "the same",
        "TLS 1.3 AES_",
        "would be lost",
    ] {
        assert!(own.out.contains(said), "{said}: {}", own.out);
    }
    let lost = |out: &str| {
        let line = out
            .lines()
            .find(|line| line.contains("would be lost"))
            .expect("a sum");
        line.split(' ')
            .next()
            .and_then(|n| n.parse::<usize>().ok())
            .expect("a number")
    };
    // TLS 1.3 alone leaves more behind.
    let strict = pair.probe(
        &pair.old(),
        &["--simulate-clients", "ELBSecurityPolicy-TLS13-1-3-2021-06"],
    );
    assert!(lost(&strict.out) > lost(&own.out), "{}", strict.out);
    let wrong = pair.probe(
        &pair.old(),
        &["--simulate-clients", "ELBSecurityPolicy-2099"],
    );
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.err.contains("ELBSecurityPolicy-2099"),
        "{}",
        wrong.err
    );
}

#[test]
fn full_tells_all_suites_and_groups() {
    let Some(pair) = pair() else { return };
    let roots = pair.pki.roots();
    let record = |args: &[&str]| {
        let mut all = vec!["--roots", &roots, "--snapshot", "s.jsonl"];
        all.extend(args);
        let ran = pair.probe(&pair.mended(), &all);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        let record = records(&pair.pki.path("s.jsonl")).remove(0);
        (record["properties"]["Addresses"][0]["Tls"].clone(), ran.out)
    };
    let (some, _) = record(&[]);
    assert!(
        some.get("Suites").is_none() && some.get("Groups").is_none(),
        "{some}"
    );
    let (all, out) = record(&["--full"]);
    let suites = all["Suites"]["TLSv1.2"].as_array().expect("suites");
    assert!(
        suites.contains(&"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256".into()),
        "{all}"
    );
    let groups = all["Groups"]["TLSv1.3"].as_array().expect("groups");
    assert!(!groups.is_empty(), "{all}");
    assert!(
        out.contains("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
        "{out}"
    );
}
