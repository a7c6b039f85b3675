//! Scans behind STARTTLS: small servers that speak the preamble as the RFCs tell it, and OpenSSL's behind them. That
//! they do, OpenSSL's client confirms.
#![allow(clippy::unwrap_used)]

mod support;

use lockfast_tls::{
    Fact, Login, Pace, Plaintext, Protocol, ProtocolVersion, Scan, Settings, Why, plaintext, scan,
};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use support::{OpenSsl, patient, rsa, serve, target};

/// A server that leads to TLS by `preamble`, and then is the other one.
fn before(tls: SocketAddr, preamble: fn(&mut TcpStream) -> bool) -> SocketAddr {
    serve(move |mut stream, _| {
        if !preamble(&mut stream) {
            return;
        }
        let mut inner = TcpStream::connect(tls).unwrap();
        let (mut from, mut to) = (stream.try_clone().unwrap(), inner.try_clone().unwrap());
        let there = std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
        let _ = std::io::copy(&mut inner, &mut stream);
        let _ = stream.shutdown(Shutdown::Both);
        let _ = there.join();
    })
}

/// Lines are read byte by byte: what follows them is the other server's.
fn line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while stream.read_exact(&mut byte).is_ok() && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap().trim().to_owned()
}

fn say(stream: &mut TcpStream, words: &str) {
    let _ = stream.write_all(words.as_bytes());
}

/// RFC 3207, section 5, with AUTH only behind TLS.
fn smtp(stream: &mut TcpStream) -> bool {
    say(stream, "220-mail.example.com ESMTP\r\n220 ready\r\n");
    loop {
        let command = line(stream).to_ascii_uppercase();
        match command.split(' ').next().unwrap_or_default() {
            "EHLO" => say(
                stream,
                "250-mail.example.com\r\n250-8BITMIME\r\n250 STARTTLS\r\n",
            ),
            "STARTTLS" => {
                say(stream, "220 Go ahead\r\n");
                return true;
            }
            "QUIT" | "" => return false,
            _ => say(stream, "530 Must issue a STARTTLS command first\r\n"),
        }
    }
}

/// RFC 9051, section 6.2.1.
fn imap(stream: &mut TcpStream) -> bool {
    say(stream, "* OK IMAP4rev1 Service Ready\r\n");
    loop {
        let command = line(stream);
        let (tag, command) = command.split_once(' ').unwrap_or_default();
        match command.to_ascii_uppercase().as_str() {
            "CAPABILITY" => {
                say(stream, "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n");
                say(stream, &format!("{tag} OK CAPABILITY completed\r\n"));
            }
            "STARTTLS" => {
                say(stream, &format!("{tag} OK Begin TLS negotiation now\r\n"));
                return true;
            }
            "" => return false,
            _ => say(stream, &format!("{tag} BAD what\r\n")),
        }
    }
}

/// RFC 2595, section 4.
fn pop3(stream: &mut TcpStream) -> bool {
    say(stream, "+OK POP3 server ready\r\n");
    loop {
        match line(stream).split(' ').next().unwrap_or_default() {
            "CAPA" => say(stream, "+OK\r\nSTLS\r\n.\r\n"),
            "STLS" => {
                say(stream, "+OK Begin TLS negotiation\r\n");
                return true;
            }
            "USER" => say(stream, "-ERR STLS first\r\n"),
            _ => return false,
        }
    }
}

/// RFC 4511: StartTLS is granted, and a bind without TLS is answered with confidentialityRequired.
fn ldap(stream: &mut TcpStream) -> bool {
    let mut header = [0; 2];
    if stream.read_exact(&mut header).is_err() {
        return false;
    }
    let mut message = vec![0; usize::from(header[1])];
    stream.read_exact(&mut message).unwrap();
    let [id, operation] = [message[2], message[3]];
    let starts = operation == 0x77;
    let (tag, code) = if starts { (0x78, 0) } else { (0x61, 13) };
    let answer = [0x30, 12, 2, 1, id, tag, 7, 0x0A, 1, code, 4, 0, 4, 0];
    let _ = stream.write_all(&answer);
    starts
}

type Server = fn(&mut TcpStream) -> bool;

const SERVERS: [(Protocol, Server); 4] = [
    (Protocol::Smtp, smtp),
    (Protocol::Imap, imap),
    (Protocol::Pop3, pop3),
    (Protocol::Ldap, ldap),
];

async fn measured(protocol: Protocol, address: SocketAddr) -> Scan {
    let settings = Settings {
        limits: patient(),
        ..Settings::default()
    };
    let target = target(address).speaking(protocol);
    scan(&target, settings, &Pace::per_second(0)).await
}

#[tokio::test]
async fn scans_go_behind_starttls() {
    let tls = OpenSsl::start(&[rsa()], &["-cipher", "ECDHE+AESGCM"]);
    for (protocol, preamble) in SERVERS {
        let address = before(tls.address, preamble);
        let scan = measured(protocol, address).await;
        assert_eq!(
            scan.accepted_versions(),
            [ProtocolVersion::Tls12, ProtocolVersion::Tls13],
            "{protocol}"
        );
        assert_eq!(scan.broken, Fact::Known(None), "{protocol}");
        assert_eq!(scan.ccs_injection, Fact::Known(false), "{protocol}");
        let login = Login::default();
        let target = target(address).speaking(protocol);
        let plain = plaintext(&target, &login, patient(), &Pace::per_second(0)).await;
        assert!(
            matches!(plain, Plaintext::Refused { .. }),
            "{protocol}: {plain:?}"
        );

        let mut client = Command::new("openssl")
            .args(["s_client", "-starttls", protocol.name(), "-connect"])
            .arg(address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(client.stdout.take().unwrap()).lines();
        let agreed = lines
            .map_while(Result::ok)
            .any(|line| line.contains("Cipher is TLS_AES_256_GCM_SHA384"));
        assert!(agreed, "{protocol}: OpenSSL's client does not get through");
        let _ = client.wait();
    }
}

#[tokio::test]
async fn no_tls_is_no_version_and_a_broken_preamble_is_unknown() {
    let no = serve(|mut stream, _| {
        let mut request = [0; 8];
        let _ = stream.read_exact(&mut request);
        say(&mut stream, "N");
    });
    let scan = measured(Protocol::PostgreSql, no).await;
    assert_eq!(scan.accepted_versions(), []);
    assert!(
        scan.versions
            .values()
            .all(|fact| fact == &Fact::Known(false))
    );
    assert_eq!(scan.broken, Fact::Known(None));

    let full = serve(|mut stream, _| {
        say(&mut stream, "421 too many connections\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let scan = measured(Protocol::Smtp, full).await;
    let why = Why::NotReady(Box::new(Why::TurnedAway(
        "421 too many connections".to_owned(),
    )));
    assert!(scan.versions.values().all(|fact| fact.why() == Some(&why)));
    // Who does not let in is not knocked at again.
    assert_eq!(scan.connections, 1);

    let injects = serve(|mut stream, _| {
        say(&mut stream, "+OK\r\n");
        line(&mut stream);
        say(&mut stream, "+OK begin\r\n+OK injected\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let scan = measured(Protocol::Pop3, injects).await;
    let why = Why::NotReady(Box::new(Why::BufferedPlaintext(14)));
    assert!(scan.versions.values().all(|fact| fact.why() == Some(&why)));
}
