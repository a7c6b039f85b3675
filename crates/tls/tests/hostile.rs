//! Servers that answer slowly, wrongly or not at all; and what no OpenSSL of today still speaks.

#![allow(clippy::unwrap_used)]

mod support;

use lockfast_tls::{
    Answer, CipherSuite, Fact, Limits, NamedGroup, ProtocolVersion, ReadTo, Reason, Scan,
    Ssl2CipherKind, Why, exchange,
};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::{impatient, measure, patient, serve, take_hello};

/// Two suites that ServerHellos here pick.
const ECDHE: u16 = 0xC02F;
const RSA_CBC: u16 = 0x002F;

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    [&[kind, 3, 1], &length[..], content].concat()
}

fn server_hello(version: u16, suite: u16) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    let mut message = vec![2, 0, 0, body.len() as u8];
    message.extend(body);
    message.extend([14, 0, 0, 0]);
    record(22, &message)
}

fn retry_request(group: u16) -> Vec<u8> {
    const RANDOM: &[u8] = b"\xCF\x21\xAD\x74\xE5\x9A\x61\x11\xBE\x1D\x8C\x02\x1E\x65\xB8\x91\
        \xC2\xA2\x11\x16\x7A\xBB\x8C\x5E\x07\x9E\x09\xE2\xC8\xA8\x33\x9C";
    let mut body = vec![3, 3];
    body.extend(RANDOM);
    body.extend([0, 0x13, 0x01, 0, 0, 12, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2]);
    body.extend(group.to_be_bytes());
    let mut message = vec![2, 0, 0, body.len() as u8];
    message.extend(body);
    record(22, &message)
}

/// The version a hello offers, and whether it offers a suite or a group: by the bytes of it, which is enough here.
fn offers(hello: &[u8], number: u16) -> bool {
    hello[43..]
        .windows(2)
        .any(|pair| pair == number.to_be_bytes())
}

fn is_tls13(hello: &[u8]) -> bool {
    hello
        .windows(7)
        .any(|bytes| bytes == [0, 43, 0, 3, 2, 3, 4])
}

fn is_ssl2(hello: &[u8]) -> bool {
    hello[0] & 0x80 != 0
}

/// A server of TLS 1.2 with one suite; what it does not take, `no` answers.
fn tls12_only(no: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> SocketAddr {
    serve(move |mut stream, _| {
        let hello = take_hello(&mut stream);
        let takes = !is_ssl2(&hello)
            && !is_tls13(&hello)
            && hello[9..11] == [3, 3]
            && offers(&hello, ECDHE);
        if takes {
            let _ = stream.write_all(&server_hello(0x0303, ECDHE));
        } else {
            no(&mut stream);
        }
    })
}

fn all_unknown(scan: &Scan, why: &Why) {
    for (version, fact) in &scan.versions {
        assert_eq!(fact.why(), Some(why), "{version}");
    }
    assert_eq!(scan.versions.len(), ProtocolVersion::ALL.len());
    for fact in [
        &scan.without_forward_secrecy,
        &scan.without_aead,
        &scan.broken,
    ] {
        assert_eq!(fact.why(), Some(why));
    }
    assert_eq!(scan.server_preference.why(), Some(why));
    assert_eq!(scan.compression.why(), Some(why));
    assert_eq!(scan.secure_renegotiation.why(), Some(why));
    assert_eq!(scan.post_quantum.why(), Some(why));
}

/// Waits until the client has spoken, and takes nothing of it: to close then resets the connection.
fn reset(stream: &mut TcpStream) {
    let _ = stream.peek(&mut [0; 1]);
}

#[tokio::test]
async fn never_answers() {
    let address = serve(|stream, _| {
        let _ = (&stream).read_to_end(&mut Vec::new());
    });
    let scan = measure(address, true, impatient()).await;
    all_unknown(&scan, &Why::TimedOut);
    // Three shapes for TLS 1.3 and 1.2, then once each.
    assert_eq!(scan.connections, 3 + 3 + 3 + 1);
}

#[tokio::test]
async fn resets_are_unknown() {
    let address = serve(|mut stream, _| reset(&mut stream));
    let scan = measure(address, false, patient()).await;
    all_unknown(&scan, &Why::Reset);
}

#[tokio::test]
async fn closes_are_unknown_from_who_never_spoke_tls() {
    let address = serve(|mut stream, _| drop(take_hello(&mut stream)));
    let scan = measure(address, false, patient()).await;
    all_unknown(&scan, &Why::Closed);
}

#[tokio::test]
async fn closes_are_no_from_a_tls_server_and_resets_never_are() {
    let scan = measure(tls12_only(|_| ()), false, patient()).await;
    assert_eq!(scan.accepted_versions(), [ProtocolVersion::Tls12]);
    for version in ProtocolVersion::ALL {
        let accepts = version == ProtocolVersion::Tls12;
        assert_eq!(scan.versions[&version], Fact::Known(accepts), "{version}");
    }
    assert_eq!(scan.broken, Fact::Known(None));

    // Taken whole and answered by nothing but a reset: bytes are left unread.
    let resets = serve(|mut stream, _| {
        let mut start = [0; 11];
        let _ = stream.peek(&mut start);
        if start[9..11] != [3, 3] || start[0] != 22 {
            return;
        }
        let hello = take_hello(&mut stream);
        if is_tls13(&hello) || !offers(&hello, ECDHE) {
            let _ = stream.write_all(&record(21, &[2, 40]));
        } else {
            let _ = stream.write_all(&server_hello(0x0303, ECDHE));
        }
    });
    let scan = measure(resets, false, patient()).await;
    assert_eq!(scan.accepted_versions(), [ProtocolVersion::Tls12]);
    assert_eq!(scan.versions[&ProtocolVersion::Tls13], Fact::Known(false));
    for version in [
        ProtocolVersion::Ssl2,
        ProtocolVersion::Ssl3,
        ProtocolVersion::Tls10,
    ] {
        assert_eq!(
            scan.versions[&version],
            Fact::Unknown(Why::Reset),
            "{version}"
        );
    }
    // What TLS 1.0 would take is not known, so that nothing broken is taken is not, either.
    assert_eq!(scan.broken, Fact::Unknown(Why::Reset));
}

#[tokio::test]
async fn alerts_that_say_something_else_are_unknown() {
    let say = |description| {
        move |stream: &mut TcpStream| {
            let _ = stream.write_all(&record(21, &[2, description]));
        }
    };
    let unrecognized_name = measure(tls12_only(say(112)), false, patient()).await;
    let fact = &unrecognized_name.versions[&ProtocolVersion::Tls10];
    assert_eq!(
        fact.why().unwrap().to_string(),
        "the server answered with the alert unrecognized_name"
    );
    // A no from who accepts another version, whichever was asked first; and a breakdown from who accepts none.
    let internal_error = measure(tls12_only(say(80)), false, patient()).await;
    for version in [ProtocolVersion::Tls10, ProtocolVersion::Tls13] {
        assert_eq!(
            internal_error.versions[&version],
            Fact::Known(false),
            "{version}"
        );
    }
    let broken = serve(move |mut stream, _| {
        take_hello(&mut stream);
        say(80)(&mut stream);
    });
    let broken = measure(broken, false, patient()).await;
    assert!(broken.versions[&ProtocolVersion::Tls12].why().is_some());
}

#[tokio::test]
async fn http_is_shown_as_what_it_is() {
    let address = serve(|mut stream, _| {
        take_hello(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    });
    let scan = measure(address, false, patient()).await;
    all_unknown(
        &scan,
        &Why::Garbage(Reason::NotTls(b"HTTP/1.1 400 Bad"[..].to_vec())),
    );
    // Another hello would not make it speak TLS.
    assert_eq!(scan.connections, 6);
}

#[tokio::test]
async fn a_closed_port_is_asked_once() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let scan = measure(address, true, patient()).await;
    all_unknown(&scan, &Why::NotConnected(ErrorKind::ConnectionRefused));
    assert_eq!(scan.connections, 1);
}

#[tokio::test]
async fn dripped_bytes_are_put_together() {
    let address = serve(|mut stream, _| {
        take_hello(&mut stream);
        let _ = stream.set_nodelay(true);
        for byte in server_hello(0x0303, ECDHE) {
            if stream.write_all(&[byte]).is_err() {
                return;
            }
        }
    });
    let hello = lockfast_tls::ClientHello::new(ProtocolVersion::Tls12, vec![CipherSuite(ECDHE)]);
    let records = hello.to_records().unwrap();
    let answer = exchange(address, &records, ReadTo::EndOfFlight, patient()).await;
    assert!(matches!(answer, Answer::Hello(hello) if hello.suite == CipherSuite(ECDHE)));
}

#[tokio::test]
async fn endless_answers_end() {
    // One byte at a time, for ever: the clock ends it. Warnings for ever: the budget does.
    let drip = serve(|mut stream, _| {
        take_hello(&mut stream);
        let _ = stream.write_all(&[22, 3, 3, 0x40, 0, 2, 0, 0x3F, 0xFC]);
        while stream.write_all(&[0]).is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let flood = serve(|mut stream, _| {
        take_hello(&mut stream);
        while stream.write_all(&record(21, &[1, 112]).repeat(100)).is_ok() {}
    });
    let records = lockfast_tls::ssl2_client_hello(&Ssl2CipherKind::ALL).unwrap();
    let answer = exchange(drip, &records, ReadTo::ServerHello, impatient()).await;
    assert_eq!(answer, Answer::TimedOut);
    let limits = Limits {
        bytes: 10_000,
        ..patient()
    };
    let answer = exchange(flood, &records, ReadTo::ServerHello, limits).await;
    assert_eq!(answer, Answer::Garbage(Reason::TooMuch(10_000)));
}

#[tokio::test]
async fn intolerant_servers_get_shorter_hellos() {
    // Hangs up on more than 255 bytes, as some did for years; knows TLS 1.0 and one old suite.
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let address = serve(move |mut stream, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        let hello = take_hello(&mut stream);
        if hello.len() > 260 || is_ssl2(&hello) {
            let _ = stream.shutdown(Shutdown::Both);
        } else if !is_tls13(&hello) && hello[10] >= 1 && offers(&hello, RSA_CBC) {
            let _ = stream.write_all(&server_hello(0x0301, RSA_CBC));
        } else {
            let _ = stream.write_all(&record(21, &[2, 40]));
        }
    });
    let scan = measure(address, true, patient()).await;
    assert_eq!(scan.accepted_versions(), [ProtocolVersion::Tls10]);
    assert_eq!(scan.versions[&ProtocolVersion::Tls12], Fact::Known(false));
    assert_eq!(scan.versions[&ProtocolVersion::Ssl3], Fact::Known(false));
    assert!(matches!(
        &scan.without_forward_secrecy,
        Fact::Known(Some(_))
    ));
    assert_eq!(scan.broken, Fact::Known(None));
    let listing = &scan.full.as_ref().unwrap().suites[&ProtocolVersion::Tls10];
    assert_eq!(listing.accepted, [CipherSuite(RSA_CBC)]);
    assert_eq!(listing.open, None);
    assert_eq!(scan.connections, asked.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_no_to_a_bare_hello_proves_nothing() {
    // Closes on all but bare hellos. To those it says no, as who needs supported_groups or signature_algorithms must;
    // but of TLS 1.0 it takes one.
    let speaks = |tls10: bool| {
        serve(move |mut stream, _| {
            let hello = take_hello(&mut stream);
            if hello.len() > 260 || is_ssl2(&hello) {
                return;
            }
            let takes = tls10 && hello[9..11] == [3, 1] && offers(&hello, RSA_CBC);
            let answer = match takes {
                true => server_hello(0x0301, RSA_CBC),
                false => record(21, &[2, 40]),
            };
            let _ = stream.write_all(&answer);
        })
    };
    let scan = measure(speaks(false), false, patient()).await;
    assert_eq!(
        scan.versions[&ProtocolVersion::Tls12],
        Fact::Unknown(Why::Closed)
    );
    // The middle shape of TLS 1.0 is short enough to be answered, and says all that matters there.
    assert_eq!(scan.versions[&ProtocolVersion::Tls10], Fact::Known(false));
    let scan = measure(speaks(true), false, patient()).await;
    assert_eq!(scan.accepted_versions(), [ProtocolVersion::Tls10]);
}

#[tokio::test]
async fn ssl2_and_ssl3() {
    let address = serve(|mut stream, _| {
        let hello = take_hello(&mut stream);
        if is_ssl2(&hello) {
            let body = [4, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 9, 1, 0, 0x80, 5];
            let _ = stream.write_all(&[0x80, body.len() as u8]);
            let _ = stream.write_all(&body);
        } else if hello[9..11] == [3, 0] && offers(&hello, RSA_CBC) {
            let _ = stream.write_all(&server_hello(0x0300, RSA_CBC));
        } else {
            let _ = stream.write_all(&record(21, &[2, 70]));
        }
    });
    let scan = measure(address, false, patient()).await;
    assert_eq!(
        scan.accepted_versions(),
        [ProtocolVersion::Ssl2, ProtocolVersion::Ssl3]
    );
    assert_eq!(scan.ssl2_kinds, [Ssl2CipherKind(0x01_0080)]);
    assert_eq!(
        scan.picks[&ProtocolVersion::Ssl3].suite,
        CipherSuite(RSA_CBC)
    );
    assert_eq!(scan.post_quantum, Fact::Known(None));
}

#[tokio::test]
async fn post_quantum_groups() {
    // Prefers x25519, and takes two hybrids.
    let address = serve(|mut stream, _| {
        let hello = take_hello(&mut stream);
        let groups = [
            NamedGroup::X25519,
            NamedGroup::X25519_MLKEM768,
            NamedGroup::SECP384R1_MLKEM1024,
        ];
        let groups = groups.map(|group| group.0);
        let group = groups.into_iter().find(|group| in_groups(&hello, *group));
        let answer = match group {
            Some(group) if is_tls13(&hello) && offers(&hello, 0x1301) => retry_request(group),
            _ => record(21, &[2, 40]),
        };
        let _ = stream.write_all(&answer);
    });
    let scan = measure(address, true, patient()).await;
    assert_eq!(scan.accepted_versions(), [ProtocolVersion::Tls13]);
    assert_eq!(
        scan.post_quantum,
        Fact::Known(Some(NamedGroup::X25519_MLKEM768))
    );
    let groups = scan.full.unwrap().tls13_groups.unwrap();
    assert_eq!(
        groups.accepted,
        [
            NamedGroup::X25519,
            NamedGroup::X25519_MLKEM768,
            NamedGroup::SECP384R1_MLKEM1024
        ]
    );
}

/// Whether supported_groups of a hello names the group.
fn in_groups(hello: &[u8], group: u16) -> bool {
    if is_ssl2(hello) {
        return false;
    }
    let message = tls_parser::parse_tls_plaintext(hello)
        .unwrap()
        .1
        .msg
        .remove(0);
    let tls_parser::TlsMessage::Handshake(tls_parser::TlsMessageHandshake::ClientHello(hello)) =
        message
    else {
        panic!()
    };
    let extensions = hello.ext.unwrap_or_default();
    let extensions = tls_parser::parse_tls_client_hello_extensions(extensions)
        .unwrap()
        .1;
    extensions.iter().any(|extension| match extension {
        tls_parser::TlsExtension::EllipticCurves(groups) => groups.iter().any(|g| g.0 == group),
        _ => false,
    })
}

#[tokio::test]
async fn what_was_not_offered_is_not_believed() {
    let address = serve(|mut stream, _| {
        take_hello(&mut stream);
        let _ = stream.write_all(&server_hello(0x0303, 0x0A0A));
    });
    let scan = measure(address, true, patient()).await;
    let why = Why::NotOffered(CipherSuite(0x0A0A));
    assert_eq!(scan.versions[&ProtocolVersion::Tls12], Fact::Unknown(why));
    assert_eq!(scan.accepted_versions(), []);

    let address = serve(|mut stream, _| {
        take_hello(&mut stream);
        let _ = stream.write_all(&retry_request(0x0A0A));
    });
    let scan = measure(address, true, patient()).await;
    let why = Why::GroupNotOffered(NamedGroup(0x0A0A));
    assert_eq!(
        scan.versions[&ProtocolVersion::Tls13],
        Fact::Unknown(why.clone())
    );
    assert_eq!(scan.post_quantum, Fact::Unknown(why));
}

#[tokio::test]
async fn a_pick_that_ends_in_an_alert_is_no_acceptance() {
    let address = serve(|mut stream, _| {
        let hello = take_hello(&mut stream);
        if !is_ssl2(&hello) && hello[9..11] == [3, 1] {
            let hello = server_hello(0x0301, RSA_CBC);
            // All but ServerHelloDone, its length corrected.
            let mut cut = hello[..hello.len() - 4].to_vec();
            cut[4] -= 4;
            let _ = stream.write_all(&cut);
        }
        let _ = stream.write_all(&record(21, &[2, 40]));
    });
    let scan = measure(address, false, patient()).await;
    assert_eq!(scan.versions[&ProtocolVersion::Tls10], Fact::Known(false));
}

#[tokio::test]
async fn an_enumeration_ends_though_the_server_takes_everything() {
    // Picks the first suite of whatever is offered.
    let address = serve(|mut stream, _| {
        let hello = take_hello(&mut stream);
        if is_ssl2(&hello) || is_tls13(&hello) || hello[9..11] != [3, 3] {
            let _ = stream.write_all(&record(21, &[2, 70]));
            return;
        }
        let first = u16::from_be_bytes([hello[46], hello[47]]);
        let _ = stream.write_all(&server_hello(0x0303, first));
    });
    let scan = measure(address, true, patient()).await;
    let listing = &scan.full.as_ref().unwrap().suites[&ProtocolVersion::Tls12];
    assert_eq!(listing.open, None);
    assert_eq!(
        listing.accepted,
        lockfast_tls::offered_suites(ProtocolVersion::Tls12)
    );
    assert_eq!(scan.server_preference, Fact::Known(false));
}
