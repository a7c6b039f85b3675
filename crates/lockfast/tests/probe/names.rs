//! Names in the place of DNS, what they stand for, and lists of them.

use crate::support::{Dns, MENDED, Nginx, Pki, Ran, Site, lockfast, ready, run};
use crate::verdicts::pair;
use serde_json::Value;

/// What the file of a snapshot says of endpoints.
pub fn records(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("a snapshot");
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter_map(|line| line.get("resource").cloned())
        .collect()
}

#[test]
fn a_name_is_resolved_as_told_and_held_against_the_certificate() {
    let Some(pair) = pair() else { return };
    let dns = Dns::start();
    let roots = pair.pki.roots();
    let port = pair.nginx.ports[1];
    let resolve = |host: &str| format!("{host}:{port}:127.0.0.1");
    let named = |host: &str, more: &[&str]| {
        let resolve = resolve(host);
        let mut args = vec![
            "--dns",
            &dns.address,
            "--roots",
            &roots,
            "--resolve",
            &resolve,
        ];
        args.extend(more);
        pair.probe(&format!("{host}:{port}"), &args)
    };
    let ran = named("shop.example.com", &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("CAA           none: "), "{}", ran.out);
    let ran = named("other.example.com", &[]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("other.example.com"), "{}", ran.out);
    // Asked for by another name, that name counts.
    let ran = named("other.example.com", &["--sni", "shop.example.com"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn a_role_says_which_clauses_judge() {
    let Some(pair) = pair() else { return };
    let clauses = |args: &[&str]| {
        let mut all = vec!["-f", "json"];
        all.extend(args);
        let report = pair.probe(&pair.old(), &all).json();
        let clauses = report["clauses"].as_array().cloned().unwrap_or_default();
        let name = |row: &Value| row["clause"].as_str().unwrap_or_default().to_owned();
        clauses.iter().map(name).collect::<Vec<_>>()
    };
    let has = |clauses: &[String], prefix: &str| clauses.iter().any(|c| c.starts_with(prefix));
    assert!(!has(&clauses(&[]), "ALB-"));
    let balancer = clauses(&["--role", "load-balancer"]);
    assert!(has(&balancer, "ALB-1"), "{balancer:?}");
    assert!(has(&clauses(&["--role", "api"]), "APIGW-"));
    let wrong = pair.probe(&pair.old(), &["--role", "cache"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("load-balancer"), "{}", wrong.err);
}

#[test]
fn one_family_of_addresses_is_measured_when_asked_for() {
    if !ready() {
        return;
    }
    let pki = Pki::new();
    pki.signed("new", "DNS:shop.example.com", 365);
    let site = Site {
        certificate: Some("new"),
        directives: &format!("{MENDED} return 200;"),
    };
    let nginx = Nginx::start(&pki, &[site]);
    let dns = Dns::start();
    let endpoint = format!("shop.example.com:{}", nginx.ports[0]);
    let roots = pki.roots();
    let probe = |args: &[&str]| {
        run(lockfast(pki.folder.path())
            .args([
                "probe",
                "--pace",
                "0",
                "--dns",
                &dns.address,
                "--roots",
                &roots,
                &endpoint,
            ])
            .args(["--snapshot", "s.jsonl"])
            .args(args))
    };
    let addresses = || {
        let records = records(&pki.path("s.jsonl"));
        let all = records[0]["properties"]["Addresses"].as_array().cloned();
        let name = |address: &Value| address["Address"].as_str().unwrap_or_default().to_owned();
        all.expect("addresses").iter().map(name).collect::<Vec<_>>()
    };
    let ran = probe(&[]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(addresses(), ["127.0.0.1", "::1"]);
    assert!(
        ran.out.contains("::1: nothing listens there"),
        "{}",
        ran.out
    );
    let ran = probe(&["-4"]);
    assert_eq!(
        (ran.code, addresses()),
        (0, vec!["127.0.0.1".to_owned()]),
        "{}",
        ran.err
    );
    // Where all refuse, what would be there is unknown.
    let ran = probe(&["-6"]);
    assert_eq!(
        (ran.code, addresses()),
        (3, vec!["::1".to_owned()]),
        "{}",
        ran.out
    );
    assert_eq!(probe(&["-4", "-6"]).code, 2);
}

#[test]
fn lists_say_what_their_endpoints_are() {
    let Some(pair) = pair() else { return };
    let (old, mended) = (pair.old(), pair.mended());
    let list = format!(
        "# the shop\n\n{mended} role=load-balancer sni=shop.example.com # in front\n{old}\n{old} # again\n"
    );
    std::fs::write(pair.pki.path("list.txt"), &list).expect("written");
    let roots = pair.pki.roots();
    let listed = |file: &str, input: &str| -> Ran {
        run(lockfast(pair.pki.folder.path())
            .args([
                "probe",
                "--pace",
                "0",
                "--roots",
                &roots,
                "--file",
                file,
                "--snapshot",
                "s.jsonl",
            ])
            .write_stdin(input))
    };
    for (file, input) in [("list.txt", ""), ("-", list.as_str())] {
        let ran = listed(file, input);
        assert_eq!(ran.code, 1, "{}", ran.err);
        let records = records(&pair.pki.path("s.jsonl"));
        let mut names: Vec<_> = records
            .iter()
            .map(|record| record["name"].clone())
            .collect();
        names.sort_by_key(ToString::to_string);
        let mut expected = vec![Value::from(old.clone()), Value::from(mended.clone())];
        expected.sort_by_key(ToString::to_string);
        assert_eq!(names, expected);
        let role = |name: &str| {
            let record = records.iter().find(|record| record["name"] == name);
            record.map(|record| record["properties"]["Role"].clone())
        };
        assert_eq!(role(&mended), Some("LoadBalancer".into()));
        assert_eq!(role(&old), Some(Value::Null));
    }
    for (text, said) in [
        (
            "a.example\nb..example\n",
            "list.txt:2: `b..example` names no endpoint",
        ),
        (
            "a.example role=king\n",
            "list.txt:1: `king` is no role; the roles are load-balancer",
        ),
        ("\n\na.example please\n", "list.txt:3: `please` is neither"),
        ("# nothing\n", "there is no endpoint to measure"),
    ] {
        std::fs::write(pair.pki.path("list.txt"), text).expect("written");
        let ran = listed("list.txt", "");
        assert_eq!(ran.code, 2, "{}", ran.out);
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
    let ran = listed("-", "a..b\n");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("standard input:1:"), "{}", ran.err);
}
