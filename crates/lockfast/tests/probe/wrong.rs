//! Whatever is wrong on the command line is told in one clear line, and holds no secret.

use crate::support::{Pki, lockfast, ready, run};

#[test]
fn what_is_wrong_is_told_once_and_without_secrets() {
    if !ready() {
        return;
    }
    let pki = Pki::new();
    pki.signed("client", "DNS:localhost", 30);
    pki.signed("other", "DNS:localhost", 30);
    std::fs::write(pki.path("hunter2.txt"), "hunter2 is no certificate\n").expect("written");
    let at = "127.0.0.1:1";
    let cases: &[(&[&str], &str)] = &[
        (&["127.0.0.1:0"], "is no port"),
        (&["127.0.0.1:99999"], "is no port"),
        (&["127.0.0.1:port"], "is no port"),
        (&["[::1"], "a bracket is not closed"),
        (&["gopher://example.com"], "its protocol is not known"),
        (
            &["https://me:hunter2@a..b/?token=hunter2"],
            "names no endpoint",
        ),
        (
            &["gopher://me:hunter2@example.com/hunter2"],
            "its protocol is not known",
        ),
        (&["https://me:hunter2@127.0.0.1:0/"], "is no port"),
        (&["me:hunter2@127.0.0.1:99999"], "is no port"),
        (
            &[at, "--proxy", "ftp://me:hunter2@127.0.0.1"],
            "the proxy's scheme is ftp",
        ),
        (&[at, "--proxy", "http://me:hunter2@"], "the proxy's URL"),
        (&[at, "--proxy", "me:hunter2@127.0.0.1:3128"], "the proxy's"),
        (&[at, "--roots", "none.pem"], "cannot read none.pem"),
        (&[at, "--roots", "hunter2.txt"], "--roots hunter2.txt"),
        (&[at, "--roots", "."], "no regular file"),
        (&[at, "--client-cert", "client.pem"], "--client-key"),
        (
            &[
                at,
                "--client-cert",
                "client.pem",
                "--client-key",
                "none.key",
            ],
            "cannot read none.key",
        ),
        (
            &[
                at,
                "--client-cert",
                "client.pem",
                "--client-key",
                "other.key",
            ],
            "--client-cert client.pem and --client-key other.key",
        ),
        (
            &[
                at,
                "--client-cert",
                "hunter2.txt",
                "--client-key",
                "client.key",
            ],
            "--client-cert hunter2.txt",
        ),
        (&[at, "--dns", "resolver"], "--dns resolver"),
        (
            &[at, "--resolve", "a.example:127.0.0.1"],
            "HOST:PORT:ADDRESS",
        ),
        (
            &[at, "--resolve", "a.example:443:b.example"],
            "HOST:PORT:ADDRESS",
        ),
        (&[at, "--watch", "soon"], "--watch soon"),
        (&[at, "--watch", "0s"], "--watch 0s"),
        (
            &[at, "--simulate-clients", "ELBSecurityPolicy-2099"],
            "no security policy",
        ),
        (&[at, "--timeout", "0"], "--timeout"),
        (&[at, "--concurrency", "0"], "--concurrency"),
        (
            &[at, "--snapshot", "none/s.jsonl"],
            "cannot write none/s.jsonl",
        ),
        (&[at, "--resume", "hunter2.txt"], "hunter2.txt: line 1"),
        (&["--file", "none.txt"], "cannot read none.txt"),
        (&["--from", "none.jsonl"], "no endpoint"),
        (&[], "name endpoints, or a list with --file"),
    ];
    for (args, said) in cases {
        let ran = run(lockfast(pki.folder.path()).arg("probe").args(*args));
        assert_eq!(ran.code, 2, "{args:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
        assert_eq!(
            ran.err.matches("error: ").count(),
            1,
            "{args:?}: {}",
            ran.err
        );
        let secret = ran.err.replace("hunter2.txt", "").contains("hunter2");
        assert!(
            !secret && !ran.err.contains("PRIVATE KEY"),
            "{args:?}: {}",
            ran.err
        );
        assert!(ran.out.is_empty(), "{args:?}: {}", ran.out);
    }
}

#[test]
fn a_password_in_a_url_or_a_proxy_is_in_no_report() {
    if !ready() {
        return;
    }
    let pki = Pki::new();
    let ran = run(lockfast(pki.folder.path())
        .env("LOCKFAST_PROXY", "http://me:hunter2@127.0.0.1:9")
        .args([
            "probe",
            "https://you:hunter3@127.0.0.1:8/?key=hunter4",
            "--snapshot",
            "s.jsonl",
            "-v",
        ]));
    assert_eq!(ran.code, 3, "{}", ran.err);
    let snapshot = std::fs::read_to_string(pki.path("s.jsonl")).expect("a snapshot");
    for text in [&ran.out, &ran.err, &snapshot] {
        assert!(!text.contains("hunter"), "{text}");
    }
}
