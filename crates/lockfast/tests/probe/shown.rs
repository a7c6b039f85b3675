//! What people see: the card and the report below it, completions, man pages and the catalogue.

use crate::support::{free_port, lockfast, ready, run};
use crate::verdicts::pair;

/// What differs from run to run gets another name.
fn shown(name: &str, text: &str) {
    let text: Vec<&str> = text.lines().map(str::trim_end).collect();
    insta::with_settings!({filters => vec![
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\dZ)?", "TIME"),
        (r"20\d\d-\d\d-\d\d", "DATE"),
        (r"\b[0-9a-f]{20}\b", "FINGERPRINT"),
        // What OpenSSL of another age does otherwise.
        (r"(key exchange +|connections +|HSTS +unknown: ).*", "${1}…"),
    ]}, {
        insta::assert_snapshot!(name, text.join("\n"));
    });
}

#[test]
fn cards_are_for_people() {
    let Some(pair) = pair() else { return };
    let (roots, port) = (pair.pki.roots(), pair.http_port());
    let old = pair.probe(&pair.old(), &[]);
    shown(
        "card_of_the_old_server",
        old.out.split("\n\n").next().unwrap_or_default(),
    );
    let old = pair.probe(&pair.old(), &["-v"]);
    shown(
        "card_of_the_old_server_verbose",
        old.out.split("\n\n").next().unwrap_or_default(),
    );
    let mended = pair.probe(
        &pair.mended(),
        &[
            "--roots",
            &roots,
            "--http-port",
            &port,
            "--role",
            "load-balancer",
        ],
    );
    shown("report_of_the_mended_server", &mended.out);
    let nobody = pair.probe(&format!("127.0.0.1:{}", free_port()), &["-q"]);
    shown("report_of_nobody_quiet", &nobody.out);
    let nobody = pair.probe(&format!("127.0.0.1:{}", free_port()), &[]);
    shown(
        "card_of_nobody",
        nobody.out.split("\n\n").next().unwrap_or_default(),
    );
    let cut = pair.probe(
        &pair.mended(),
        &["--max-connections", "3", "--roots", &roots],
    );
    shown(
        "card_of_few_connections",
        cut.out.split("\n\n").next().unwrap_or_default(),
    );
}

#[test]
fn colour_comes_when_asked_for_and_machines_get_none() {
    let Some(pair) = pair() else { return };
    let always = pair.probe(&pair.old(), &["--color", "always"]);
    assert!(
        always.out.contains("\u{1b}[1m\u{1b}[31m"),
        "{:?}",
        always.out
    );
    for args in [
        &["--color", "never"][..],
        &[],
        &["--color", "always", "-f", "json"],
    ] {
        let plain = pair.probe(&pair.old(), args);
        assert!(!plain.out.contains('\u{1b}'), "{args:?}: {:?}", plain.out);
    }
    // A report that goes to a file leaves nothing behind on the screen.
    let file = pair.probe(&pair.old(), &["-o", "report.json"]);
    assert_eq!((file.code, file.out.as_str()), (1, ""), "{}", file.err);
}

#[test]
fn both_commands_are_completed_and_described() {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(lockfast(folder.path()).args(["completions", shell]));
        assert_eq!(ran.code, 0, "{}", ran.err);
        for word in ["probe", "cert", "simulate-clients", "password-file"] {
            assert!(ran.out.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(run(lockfast(folder.path()).args(["man", "man"])).code, 0);
    for (page, option) in [
        ("lockfast-probe.1", "max\\-connections"),
        ("lockfast-cert.1", "password\\-file"),
    ] {
        let page = std::fs::read_to_string(folder.path().join("man").join(page)).expect("a page");
        assert!(page.contains(option), "{page}");
    }
    let main = std::fs::read_to_string(folder.path().join("man/lockfast.1")).expect("a page");
    assert!(
        main.contains("lockfast\\-probe(1)") && main.contains("lockfast\\-cert(1)"),
        "{main}"
    );
    for command in ["probe", "cert"] {
        let help = run(lockfast(folder.path()).args([command, "--help"]));
        assert!(
            help.code == 0 && help.out.contains("Exit codes:"),
            "{}",
            help.out
        );
    }
}

#[test]
fn every_clause_that_endpoints_decide_is_decided() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ran =
        run(lockfast(folder.path()).args(["coverage", "--source", "probe", "--format", "json"]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("REG-2"), "{}", ran.out);
    let open = run(lockfast(folder.path()).args([
        "coverage", "--source", "probe", "--open", "--format", "json",
    ]));
    assert_eq!(open.json(), serde_json::json!([]), "{}", open.out);
}
