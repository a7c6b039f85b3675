//! `--watch`: the first report is whole, those after it tell what changed.

use crate::support::{MENDED, Nginx, OLD, Pki, Site, ready, watched, watched_with};

#[test]
fn a_watch_tells_what_changed_and_ends_when_interrupted() {
    if !ready() {
        return;
    }
    let pki = Pki::new();
    // It carries another name, which fails from the first report on.
    pki.signed("site", "DNS:other.example.com", 365);
    pki.signed("late", "DNS:other.example.com", 5);
    pki.signed("good", "IP:127.0.0.1", 365);
    let site = Site {
        certificate: Some("site"),
        directives: &format!("{MENDED} return 200;"),
    };
    let nginx = Nginx::start(&pki, &[site]);
    let (endpoint, roots) = (nginx.at(0), pki.roots());
    let replace = |name: &str| {
        for kind in ["pem", "key"] {
            let (from, to) = (
                pki.path(&format!("{name}.{kind}")),
                pki.path(&format!("site.{kind}")),
            );
            std::fs::copy(from, to).expect("copied");
        }
        nginx.reload();
    };
    let mut watch = watched(
        pki.folder.path(),
        &[
            "probe",
            "--watch",
            "1s",
            "--pace",
            "0",
            &endpoint,
            "--roots",
            &roots,
            "-o",
            "json=now.json",
            "-o",
            "terminal=-",
        ],
    );
    watch.until("the first report", |out| {
        out.contains("The policy is broken")
    });
    let first = watch.settled();
    assert!(
        first.contains("TLS 1.3, TLS 1.2") && first.contains("[endpoint-serves-valid-certificate]"),
        "{first}"
    );
    // Rounds without news say nothing.
    std::thread::sleep(std::time::Duration::from_millis(3500));
    assert_eq!(watch.out(), first);
    replace("late");
    watch.until("what is new", |out| {
        out[first.len()..].contains("known before")
    });
    let second = watch.settled()[first.len()..].to_owned();
    assert!(
        second.contains("[endpoint-certificates-not-expiring]"),
        "{second}"
    );
    assert!(
        !second.contains("[endpoint-serves-valid-certificate]"),
        "{second}"
    );
    replace("good");
    let so_far = first.len() + second.len();
    watch.until("that it is mended", |out| {
        out[so_far..].contains("The policy is kept")
    });
    let third = watch.out()[so_far..].to_owned();
    for control in [
        "endpoint-certificates-not-expiring",
        "endpoint-serves-valid-certificate",
    ] {
        assert!(
            third.contains(&format!("mended: {endpoint}: ")) && third.contains(control),
            "{third}"
        );
    }
    let report = std::fs::read_to_string(pki.path("now.json")).expect("a report");
    assert!(report.contains("\"schema_version\""), "{report}");
    let ended = watch.interrupt();
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
}

#[test]
fn a_watch_that_is_interrupted_gives_the_code_of_what_stands() {
    if !ready() {
        return;
    }
    let pki = Pki::new();
    pki.old("old");
    let site = Site {
        certificate: Some("old"),
        directives: &format!("{OLD} return 200;"),
    };
    let nginx = Nginx::start(&pki, &[site]);
    let endpoint = nginx.at(0);
    // A list on standard input is read once.
    let mut piped = watched_with(
        pki.folder.path(),
        &["probe", "--pace", "0", "--watch", "1s", "--file", "-"],
        &endpoint,
    );
    piped.until("the first report", |out| {
        out.contains("lockfast explain ID")
    });
    std::thread::sleep(std::time::Duration::from_millis(2500));
    let ended = piped.interrupt();
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    for (args, code) in [
        (["--watch", "1s", &*endpoint], 1),
        (["--watch", "1h", &*endpoint], 1),
        (["--watch", "1s", "127.0.0.1:1"], 3),
    ] {
        let all: Vec<&str> = ["probe", "--pace", "0"].into_iter().chain(args).collect();
        let mut watch = watched(pki.folder.path(), &all);
        watch.until("the first report", |out| {
            out.contains("lockfast explain ID")
        });
        // Several rounds later, what failed in the first still stands.
        std::thread::sleep(std::time::Duration::from_millis(2500));
        let ended = watch.interrupt();
        assert_eq!(ended.code, code, "{args:?}: {}{}", ended.out, ended.err);
    }
}
