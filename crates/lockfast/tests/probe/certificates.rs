//! `lockfast cert`: files of all forms, and endpoints.

use crate::support::{Pki, Ran, lockfast, ready, run};
use crate::verdicts::pair;

fn pki() -> Option<Pki> {
    if !ready() {
        return None;
    }
    let pki = Pki::new();
    pki.old("old");
    pki.signed("new", "DNS:shop.example.com", 365);
    std::fs::write(pki.path("password"), "open sesame\n").expect("written");
    pki.openssl("x509 -in new.pem -outform der -out new.der");
    pki.openssl("pkcs12 -export -in new.pem -inkey new.key -certfile authority.pem -passout file:password -out new.p12");
    pki.openssl("crl2pkcs7 -nocrl -certfile new.pem -certfile authority.pem -out new.p7b");
    let read = |name: &str| std::fs::read_to_string(pki.path(name)).expect("a file");
    std::fs::write(
        pki.path("chain.pem"),
        read("new.pem") + &read("authority.pem"),
    )
    .expect("written");
    std::fs::write(pki.path("all.pem"), read("new.key") + &read("new.pem")).expect("written");
    std::fs::write(pki.path("empty"), "").expect("written");
    std::fs::write(
        pki.path("garbage"),
        [0x30, 0x82, 0xff, 0x1b, 0x5b, 0x32, 0x4a],
    )
    .expect("written");
    std::fs::write(
        pki.path("garbage.pem"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .expect("written");
    Some(pki)
}

fn cert(pki: &Pki, args: &[&str]) -> Ran {
    run(lockfast(pki.folder.path()).arg("cert").args(args))
}

#[test]
fn every_form_of_file_is_read() {
    let Some(pki) = pki() else { return };
    let roots = pki.roots();
    for file in [
        "new.pem",
        "new.der",
        "chain.pem",
        "all.pem",
        "new.p7b",
        "new.p12",
    ] {
        let ran = cert(
            &pki,
            &[
                file,
                "--roots",
                &roots,
                "--name",
                "shop.example.com",
                "--password-file",
                "password",
            ],
        );
        assert_eq!(ran.code, 0, "{file}: {}{}", ran.out, ran.err);
        assert!(
            ran.out.contains("CN=localhost") && ran.out.contains("the chain is valid"),
            "{file}: {}",
            ran.out
        );
        assert!(
            !ran.out.contains("PRIVATE") && !ran.out.contains("sesame"),
            "{file}: {}",
            ran.out
        );
    }
    let typed = run(lockfast(pki.folder.path())
        .args(["cert", "new.p12", "--roots", &roots, "--password-file", "-"])
        .write_stdin("open sesame\n"));
    assert_eq!(typed.code, 0, "{}", typed.err);
    let piped = run(lockfast(pki.folder.path())
        .args(["cert", "-", "--roots", &roots])
        .write_stdin(std::fs::read(pki.path("new.der")).expect("a file")));
    assert_eq!(piped.code, 0, "{}", piped.err);
    assert!(piped.out.contains("standard input"), "{}", piped.out);
    let several = cert(
        &pki,
        &["new.pem", "old.pem", "--roots", &roots, "-f", "json"],
    );
    assert_eq!(several.code, 1, "{}", several.err);
    assert_eq!(several.json()["input"]["certificates"], 2);
}

#[test]
fn names_and_roots_count() {
    let Some(pki) = pki() else { return };
    let roots = pki.roots();
    let ran = cert(
        &pki,
        &["new.pem", "--roots", &roots, "--name", "other.example.com"],
    );
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("not for other.example.com"), "{}", ran.out);
    // A private authority's certificate in a file may be in order where it belongs: that cannot be told.
    let ran = cert(&pki, &["new.pem", "--max-unknown", "0"]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    assert_eq!(cert(&pki, &["old.pem", "--fail-on", "never"]).code, 0);
}

#[test]
fn what_holds_no_certificate_is_told() {
    let Some(pki) = pki() else { return };
    let cases: &[(&[&str], &str)] = &[
        (&["empty"], "empty"),
        (&["garbage"], "garbage"),
        (&["new.key"], "new.key"),
        (&["missing.pem"], "missing.pem"),
        (&["."], "is a folder"),
        (&["new.p12"], "--password-file gives it"),
        (&["new.p12", "--password-file", "garbage.pem"], "password"),
        (&["new.p12", "--password-file", "none"], "cannot read none"),
        (
            &["arn:aws:acm:eu-central-1:111111111111:certificate/1"],
            "arn:",
        ),
        (&[], "required"),
    ];
    for (args, said) in cases {
        let ran = cert(&pki, args);
        assert_eq!(ran.code, 2, "{args:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
        assert_eq!(
            ran.err.matches("error: ").count(),
            1,
            "{args:?}: {}",
            ran.err
        );
        let text = ran.err.replace(['\n', '\t'], " ");
        assert!(
            !text.contains(char::is_control) && !text.contains("BEGIN"),
            "{args:?}: {}",
            ran.err
        );
    }
    // What is called a certificate and is none is one that cannot be right.
    let ran = cert(&pki, &["garbage.pem"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("certificate   unknown: "), "{}", ran.out);
}

#[test]
fn lints_are_listed_with_their_sources() {
    let Some(pki) = pki() else { return };
    let some = cert(&pki, &["old.pem"]);
    assert!(
        some.out.contains("lints") && some.out.contains("--verbose"),
        "{}",
        some.out
    );
    assert!(!some.out.contains("RFC 9525"), "{}", some.out);
    let all = cert(&pki, &["old.pem", "-v"]);
    let report = cert(&pki, &["old.pem", "-f", "json"]).json();
    let lints = report["lints"].as_array().expect("lints");
    let names: Vec<_> = lints
        .iter()
        .filter_map(|lint| lint["lint"].as_str())
        .collect();
    assert!(names.contains(&"no-subject-alternative-name"), "{names:?}");
    let unwrapped = all.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for lint in lints {
        assert_eq!(
            (&lint["endpoint"], &lint["certificate"]),
            (&"old.pem".into(), &"CN=localhost".into())
        );
        for part in ["message", "source"] {
            let part = lint[part].as_str().expect("a text");
            assert!(unwrapped.contains(part), "{part}: {}", all.out);
        }
    }
}

#[test]
fn an_endpoints_certificate_alone_is_judged() {
    let Some(pair) = pair() else { return };
    let (old, mended, roots) = (pair.old(), pair.mended(), pair.pki.roots());
    let cert = |args: &[&str]| {
        run(lockfast(pair.pki.folder.path())
            .args(["cert", "--roots", &roots])
            .args(args))
    };
    let ran = cert(&[&mended]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(
        !ran.out.contains("versions") && ran.out.contains("CERT-1"),
        "{}",
        ran.out
    );
    let ran = cert(&[&old, "-f", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.verdicts("endpoint-tls-minimum").is_empty(),
        "{}",
        ran.out
    );
    assert!(
        !ran.verdicts("endpoint-chain-signatures").is_empty(),
        "{}",
        ran.out
    );
    let ran = cert(&["127.0.0.1:1"]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    let ran = cert(&[&mended, "--sni", "other.example.com"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
}
