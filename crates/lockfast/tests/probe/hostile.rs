//! Servers that try to steer the terminal of whoever measures them.

use crate::support::{Nginx, Pki, Site, lockfast, ready, run};
use std::io::{Read, Write};
use std::net::TcpListener;

/// Moves the cursor, sets the title, clears, rings, and turns the text around.
const STEERING: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{8}\u{202e}evil\r";

/// A server that answers whatever it hears with garbage.
fn garbage(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    // It ends with the process.
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut heard = [0; 4096];
            let _ = client.set_read_timeout(Some(std::time::Duration::from_millis(200)));
            let _ = client.read(&mut heard);
            let _ = client.write_all(answer.as_bytes());
        }
    });
    port
}

fn steers(text: &str) -> Option<char> {
    let turned = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .find(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || turned(*c))
}

#[test]
fn no_words_of_a_server_steer_the_terminal() {
    if !ready() {
        return;
    }
    let pki = Pki::new();
    let plain = Box::leak(format!("HTTP/1.1 301 {STEERING}\r\nLocation: http://x/{STEERING}\r\nSet-Cookie: a{STEERING}=b\r\n\r\n").into_boxed_str());
    let smtp = Box::leak(format!("220 {STEERING}\r\n530 {STEERING}\r\n").into_boxed_str());
    let endpoints = [
        format!("127.0.0.1:{}", garbage(STEERING)),
        format!("http://127.0.0.1:{}", garbage(plain)),
        format!("smtp://127.0.0.1:{}", garbage(smtp)),
        format!("postgresql://127.0.0.1:{}", garbage(STEERING)),
        format!("mysql://127.0.0.1:{}", garbage(STEERING)),
        format!("redis://127.0.0.1:{}", garbage(STEERING)),
        format!("ldap://127.0.0.1:{}", garbage(STEERING)),
    ];
    const FORMATS: [&str; 8] = [
        "terminal",
        "json",
        "html",
        "csv",
        "markdown",
        "junit",
        "github",
        "openmetrics",
    ];
    let outputs = FORMATS.map(|format| format!("{format}={format}.out"));
    let ran = run(lockfast(pki.folder.path())
        .args([
            "probe",
            "-v",
            "--pace",
            "0",
            "--timeout",
            "2",
            "--snapshot",
            "s.jsonl",
        ])
        .args(outputs.iter().flat_map(|output| ["-o", output]))
        .args(&endpoints));
    assert!([1, 3].contains(&ran.code), "{}{}", ran.out, ran.err);
    assert_eq!(steers(&ran.out), None, "{:?}", ran.out);
    assert_eq!(steers(&ran.err), None, "{:?}", ran.err);
    for format in FORMATS {
        let text = std::fs::read_to_string(pki.path(&format!("{format}.out"))).expect("a report");
        let text = text.replace("\r\n", "\n");
        assert_eq!(steers(&text), None, "{format}: {text:?}");
    }
}

#[test]
fn no_name_in_a_certificate_steers_the_terminal() {
    if !ready() {
        return;
    }
    let pki = Pki::new();
    std::fs::write(
        pki.path("evil.cnf"),
        format!("[req]\nprompt=no\nutf8=yes\nstring_mask=utf8only\ndistinguished_name=dn\n[dn]\nCN=shop {STEERING}x\n"),
    )
    .expect("written");
    pki.openssl("req -x509 -nodes -days 30 -newkey rsa:2048 -config evil.cnf -utf8 -keyout evil.key -out evil.pem");
    let site = Site {
        certificate: Some("evil"),
        directives: "return 200;",
    };
    let nginx = Nginx::start(&pki, &[site]);
    let endpoint = nginx.at(0);
    for args in [["probe", "-v", &*endpoint], ["cert", "-v", "evil.pem"]] {
        for format in ["terminal", "json", "html", "markdown", "openmetrics"] {
            let ran = run(lockfast(pki.folder.path()).args(args).args(["-f", format]));
            assert_eq!(ran.code, 1, "{args:?}: {}", ran.err);
            assert!(
                ran.out.contains("evil") || format == "openmetrics",
                "{}",
                ran.out
            );
            let said = match format {
                // Nothing is left out for machines, and none of it is a control character.
                "json" => ran.out.replace('\u{202e}', ""),
                _ => ran.out,
            };
            assert_eq!(steers(&said), None, "{args:?} {format}: {said:?}");
        }
    }
}
