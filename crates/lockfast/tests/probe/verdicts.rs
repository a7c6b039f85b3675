//! What is old is broken, what is mended is kept, and everything that judging takes of `check` holds for endpoints.

use crate::support::{MENDED, Nginx, OLD, Pki, Site, lockfast, ready, run};

/// An old server, a mended one, and the plain port beside each.
pub struct Pair {
    pub pki: Pki,
    pub nginx: Nginx,
}

const OLD_SITE: usize = 0;
const MENDED_SITE: usize = 1;
const REDIRECT: usize = 2;

pub fn pair() -> Option<Pair> {
    if !ready() {
        return None;
    }
    let pki = Pki::new();
    pki.old("old");
    pki.signed(
        "new",
        "DNS:localhost,DNS:shop.example.com,IP:127.0.0.1",
        365,
    );
    let sites = [
        Site {
            certificate: Some("old"),
            directives: &format!("{OLD} return 200 \"old\\n\";"),
        },
        Site {
            certificate: Some("new"),
            directives: &format!("{MENDED} return 200 \"new\\n\";"),
        },
        Site {
            certificate: None,
            directives: "return 301 https://$host:{port1}$request_uri;",
        },
    ];
    let nginx = Nginx::start(&pki, &sites);
    Some(Pair { pki, nginx })
}

impl Pair {
    pub fn old(&self) -> String {
        self.nginx.at(OLD_SITE)
    }

    pub fn mended(&self) -> String {
        self.nginx.at(MENDED_SITE)
    }

    pub fn http_port(&self) -> String {
        self.nginx.ports[REDIRECT].to_string()
    }

    /// The binary in the folder of the certificates, probing as fast as it goes.
    pub fn probe(&self, endpoint: &str, args: &[&str]) -> crate::support::Ran {
        run(lockfast(self.pki.folder.path())
            .args(["probe", "--pace", "0", endpoint])
            .args(args))
    }
}

#[test]
fn old_is_broken_and_mended_is_kept() {
    let Some(pair) = pair() else { return };
    let old = pair.probe(&pair.old(), &["-f", "json"]);
    assert_eq!(old.code, 1, "{}", old.err);
    for control in [
        "endpoint-tls-minimum",
        "endpoint-chain-key-strength",
        "endpoint-chain-signatures",
        "endpoint-serves-valid-certificate",
    ] {
        let verdicts = old.verdicts(control);
        let fails = verdicts.iter().any(|verdict| verdict.ends_with(" fail"));
        assert!(fails, "{control}: {verdicts:?}");
    }
    let never = pair.probe(&pair.old(), &["--fail-on", "never"]);
    assert_eq!(never.code, 0, "{}{}", never.out, never.err);
    let roots = pair.pki.roots();
    let port = pair.http_port();
    let args = ["--roots", &roots, "--http-port", &port];
    let mended = pair.probe(&pair.mended(), &args);
    assert_eq!(mended.code, 0, "{}{}", mended.out, mended.err);
    for said in [
        "TLS 1.3, TLS 1.2",
        "the chain is valid",
        "HSTS",
        "365 days, subdomains too",
        "redirects to https://",
    ] {
        assert!(mended.out.contains(said), "{said}: {}", mended.out);
    }
    // Without its root nobody knows its authority.
    let unknown = pair.probe(&pair.mended(), &["--http-port", &port]);
    assert_eq!(unknown.code, 1, "{}", unknown.out);
    assert!(
        unknown.out.contains("not among the roots"),
        "{}",
        unknown.out
    );
}

#[test]
fn one_clause_alone_is_judged() {
    let Some(pair) = pair() else { return };
    let ran = pair.probe(&pair.old(), &["--only", "REG-2", "-f", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let report = ran.json();
    let findings = report["findings"].as_array().expect("findings");
    assert!(!findings.is_empty());
    for finding in findings {
        let clauses = finding["clauses"].as_array().expect("clauses");
        assert!(clauses.contains(&"REG-2".into()), "{finding}");
    }
    assert_eq!(pair.probe(&pair.old(), &["--only", "REG-99"]).code, 2);
}

#[test]
fn waivers_cover_endpoints_until_their_day() {
    let Some(pair) = pair() else { return };
    let toml = format!(
        "[[waiver]]\ncontrol = \"endpoint-*\"\nresource = \"{}\"\nreason = \"it is replaced in spring\"\nowner = \"web\"\nexpires = 2099-01-31\n",
        pair.old()
    );
    std::fs::write(pair.pki.path("lockfast.toml"), &toml).expect("written");
    let waived = pair.probe(&pair.old(), &["-f", "json"]);
    let report = waived.json();
    let findings = report["findings"].as_array().expect("findings");
    let covered: Vec<_> = findings
        .iter()
        .filter(|f| f["verdict"] == "waived")
        .collect();
    assert!(!covered.is_empty(), "{}", waived.out);
    let open = findings.iter().any(|finding| {
        let control = finding["control"].as_str().unwrap_or_default();
        control.starts_with("endpoint-") && finding["verdict"] == "fail"
    });
    assert!(!open, "{}", waived.out);
    // Past its day it covers nothing, and is a finding itself.
    std::fs::write(
        pair.pki.path("lockfast.toml"),
        toml.replace("2099-01-31", "2026-01-31"),
    )
    .expect("written");
    let expired = pair.probe(&pair.old(), &[]);
    assert_eq!(expired.code, 1);
    assert!(
        expired.out.contains("expired on 2026-01-31"),
        "{}",
        expired.out
    );
}

#[test]
fn a_baseline_leaves_out_what_is_known() {
    let Some(pair) = pair() else { return };
    let first = pair.probe(&pair.old(), &["--write-baseline", "known.json", "-q"]);
    assert_eq!(first.code, 1, "{}", first.err);
    let again = pair.probe(&pair.old(), &["--baseline", "known.json"]);
    assert_eq!(again.code, 0, "{}", again.out);
    assert!(again.out.contains("known before"), "{}", again.out);
    let report = std::fs::read_to_string(pair.pki.path("known.json")).expect("a baseline");
    assert!(report.contains("lockfast_baseline"), "{report}");
}

#[test]
fn a_limit_of_connections_leaves_unknown_what_was_not_asked() {
    let Some(pair) = pair() else { return };
    let roots = pair.pki.roots();
    let whole = pair.probe(&pair.mended(), &["--roots", &roots, "-f", "json"]);
    let cut = pair.probe(
        &pair.mended(),
        &["--roots", &roots, "--max-connections", "3", "-f", "json"],
    );
    let tls = ["endpoint-tls-minimum", "endpoint-without-known-weaknesses"];
    for control in tls {
        let (whole, cut) = (whole.verdicts(control), cut.verdicts(control));
        assert!(
            whole.iter().all(|v| v.ends_with("pass")),
            "{control}: {whole:?}"
        );
        assert!(
            cut.iter().all(|v| v.ends_with("unknown")) && !cut.is_empty(),
            "{control}: {cut:?}"
        );
    }
    // The old server is no better for being asked less.
    let old = pair.probe(&pair.old(), &["--max-connections", "3", "-f", "json"]);
    let verdicts = old.verdicts("endpoint-tls-minimum");
    assert!(
        !verdicts.iter().any(|v| v.ends_with("pass")),
        "{verdicts:?}"
    );
    let limited = pair.probe(
        &pair.mended(),
        &[
            "--roots",
            &roots,
            "--max-connections",
            "3",
            "--max-unknown",
            "0",
        ],
    );
    assert_eq!(limited.code, 4, "{}", limited.out);
}

#[test]
fn endpoints_of_the_policy_file_are_measured_where_none_are_named() {
    let Some(pair) = pair() else { return };
    let toml = format!(
        "[[customer]]\nname = \"acme\"\n[[customer.system]]\nname = \"shop\"\n[[customer.system.environment]]\nname = \"prod\"\nkind = \"production\"\nendpoints = [\"{}\", \"{}\"]\n",
        pair.old(),
        pair.mended()
    );
    std::fs::write(pair.pki.path("lockfast.toml"), toml).expect("written");
    let mut command = crate::support::lockfast(pair.pki.folder.path());
    let ran = crate::support::run(command.args(["probe", "-f", "json"]));
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let report = ran.json();
    assert_eq!(report["input"]["endpoints"], 2, "{}", report["input"]);
    let findings = report["findings"].as_array().expect("findings");
    for endpoint in [pair.old(), pair.mended()] {
        let of_it =
            |finding: &serde_json::Value| finding["resource"].to_string().contains(&endpoint);
        assert!(findings.iter().any(of_it), "{endpoint}: {}", ran.out);
    }
}
