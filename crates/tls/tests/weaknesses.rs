//! Heartbleed and CCS injection, at servers that behave as OpenSSL 1.0.1 did, before and after it was mended, and at
//! sound ones of today. And the other small facts of a first flight.
#![allow(clippy::unwrap_used)]

mod support;

use lockfast_tls::{Fact, Limits, Pace, Protocol, Scan, Settings, Why, scan};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use support::{OpenSsl, impatient, measure, patient, rsa, serve, take_hello, target};

const AES_CBC: u16 = 0x002F;

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    [&[kind, 3, 3], &length[..], content].concat()
}

fn alert(description: u8) -> Vec<u8> {
    record(21, &[2, description])
}

/// A first flight without a certificate, with these extensions.
fn flight(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend(AES_CBC.to_be_bytes());
    body.push(0);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let hello = [&[2, 0, 0, body.len() as u8], &body[..]].concat();
    record(22, &[&hello[..], &[14, 0, 0, 0]].concat())
}

const HEARTBEAT: [u8; 5] = [0, 15, 0, 1, 1];

/// A server of TLS 1.2 with these extensions, that does `then` behind its flight.
fn serves(
    extensions: &'static [u8],
    then: impl Fn(&mut TcpStream) + Send + Sync + 'static,
) -> SocketAddr {
    serve(move |mut stream, _| {
        let hello = take_hello(&mut stream);
        let tls13 = hello.windows(7).any(|it| it == [0, 43, 0, 3, 2, 3, 4]);
        let takes = hello[0] == 22
            && hello[9..11] == [3, 3]
            && !tls13
            && hello[43..].windows(2).any(|it| it == AES_CBC.to_be_bytes());
        if !takes {
            let _ = stream.write_all(&alert(40));
            return;
        }
        let _ = stream.write_all(&flight(extensions));
        then(&mut stream);
    })
}

fn take_record(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).ok()?;
    let mut content = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    stream.read_exact(&mut content).ok()?;
    Some((header[0], content))
}

/// What OpenSSL 1.0.1 does with heartbeats and early ChangeCipherSpecs, mended or not.
fn openssl_1_0_1(stream: &mut TcpStream, bleeds: bool, injects: bool) {
    let mut keys = false;
    while let Some((kind, content)) = take_record(stream) {
        let answer = match kind {
            // tls1_process_heartbeat: type, length, and as much as the length says from where the payload is.
            24 => {
                let claimed = usize::from(u16::from_be_bytes([content[1], content[2]]));
                let carried = content.len().saturating_sub(3 + 16);
                if claimed > carried && !bleeds {
                    continue;
                }
                let mut answer = vec![2, content[1], content[2]];
                answer.resize(3 + claimed + 16, b'S');
                record(24, &answer)
            }
            _ if keys => alert(20),
            // A warning.
            21 if content[0] == 1 => continue,
            20 if injects => {
                keys = true;
                continue;
            }
            _ => alert(10),
        };
        let over = answer[0] == 21;
        if stream.write_all(&answer).is_err() || over {
            return;
        }
    }
}

#[tokio::test]
async fn heartbleed() {
    for bleeds in [true, false] {
        let address = serves(&HEARTBEAT, move |stream| {
            openssl_1_0_1(stream, bleeds, false)
        });
        let scan = measure(address, false, patient()).await;
        assert_eq!(scan.heartbleed, Fact::Known(bleeds));
        assert_eq!(scan.ccs_injection, Fact::Known(false));
    }
    // Announced, and never answered: nothing is known. Not announced: there is nothing to bleed.
    let silent = |stream: &mut TcpStream| drop(stream.read_to_end(&mut Vec::new()));
    let scan = measure(serves(&HEARTBEAT, silent), false, impatient()).await;
    assert_eq!(scan.heartbleed, Fact::Unknown(Why::TimedOut));
    let scan = measure(serves(&[], silent), false, impatient()).await;
    assert_eq!(scan.heartbleed, Fact::Known(false));
}

#[tokio::test]
async fn ccs_injection() {
    let address = serves(&[], |stream| openssl_1_0_1(stream, false, true));
    let scan = measure(address, false, patient()).await;
    assert_eq!(scan.ccs_injection, Fact::Known(true));
    assert_eq!(scan.heartbleed, Fact::Known(false));

    let of = |then: fn(&mut TcpStream)| async move {
        let limits = Limits {
            answer: Duration::from_secs(1),
            ..patient()
        };
        measure(serves(&[], then), false, limits)
            .await
            .ccs_injection
    };
    // Never a word, an alert about something else, a record that is none; and who hangs up.
    let silent = of(|stream| drop(stream.read_to_end(&mut Vec::new()))).await;
    assert_eq!(silent, Fact::Unknown(Why::TimedOut));
    let other = of(|stream| {
        let _ = (take_record(stream), take_record(stream));
        let _ = stream.write_all(&alert(80));
    });
    assert_eq!(other.await, Fact::Unknown(Why::Inconsistent));
    let garbage = of(|stream| {
        let _ = take_record(stream);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    assert!(matches!(garbage.await, Fact::Unknown(_)));
    let closes = of(|stream| drop(take_record(stream)));
    assert_eq!(closes.await, Fact::Known(false));
    // Silent, and gone at whatever comes next: the fault, unless warnings have that effect anyway.
    let faulty = of(|stream| {
        let first = take_record(stream);
        if matches!(first, Some((20, _))) {
            let _ = take_record(stream);
        } else {
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    assert_eq!(faulty.await, Fact::Known(true));
    let touchy = of(
        |stream| {
            while matches!(take_record(stream), Some((20, _))) {}
        },
    );
    assert_eq!(touchy.await, Fact::Unknown(Why::Closed));
    // Broken off with bytes unread: a reset says nothing.
    let resets = of(|stream| drop(stream.peek(&mut [0; 1])));
    assert_eq!(resets.await, Fact::Unknown(Why::Reset));
    let flood = of(|stream| while stream.write_all(&record(22, &[0; 4])).is_ok() {});
    assert!(matches!(flood.await, Fact::Unknown(_)));
}

#[tokio::test]
async fn openssl_of_today_has_neither() {
    for arguments in [
        &["-tls1_2"][..],
        &["-tls1_3"],
        &["-cipher", "ALL:@SECLEVEL=0", "-tls1"],
    ] {
        let server = OpenSsl::start(&[rsa()], arguments);
        let scan = measure(server.address, false, patient()).await;
        assert_eq!(scan.heartbleed, Fact::Known(false), "{arguments:?}");
        assert_eq!(scan.ccs_injection, Fact::Known(false), "{arguments:?}");
    }
}

async fn https(arguments: &[&str]) -> Scan {
    let server = OpenSsl::start(&[rsa()], arguments);
    measure(server.address, false, patient()).await
}

#[tokio::test]
async fn application_protocols_and_tickets() {
    let names = |scan: &Scan| scan.alpn.value().cloned().unwrap_or_default();
    let both = https(&["-alpn", "http/1.1,h2"]).await;
    assert_eq!(names(&both), ["http/1.1", "h2"]);
    assert_eq!(both.session_tickets, Fact::Known(true));
    let one = https(&["-alpn", "h2", "-no_ticket"]).await;
    assert_eq!(names(&one), ["h2"]);
    assert_eq!(one.session_tickets, Fact::Known(false));
    assert_eq!(https(&[]).await.alpn, Fact::Known(Vec::new()));
    let tls13 = https(&["-tls1_3", "-alpn", "h2"]).await;
    assert!(matches!(tls13.alpn, Fact::Unknown(Why::NotAsked(_))));
    assert!(matches!(
        tls13.session_tickets,
        Fact::Unknown(Why::NotAsked(_))
    ));
}

/// No overlap ends the handshake of a server that knows ALPN (RFC 7301, section 3.2): that is no answer about suites.
#[tokio::test]
async fn a_server_that_wants_another_application_protocol() {
    let server = OpenSsl::start(&[rsa()], &["-alpn", "postgresql"]);
    let scan = measure(server.address, false, patient()).await;
    assert_eq!(scan.accepted_versions().len(), 2);
    assert!(scan.versions.values().all(|fact| fact.value().is_some()));
    assert_eq!(scan.alpn, Fact::Known(Vec::new()));
}

/// What stands between is the caller's affair.
#[tokio::test]
async fn reached_through_a_dialer() {
    use lockfast_tls::{BoxStream, Dial, Dialing};

    #[derive(Debug)]
    struct Elsewhere(SocketAddr);

    impl Dial for Elsewhere {
        fn dial(&self) -> Dialing<'_> {
            Box::pin(async {
                Ok(Box::new(tokio::net::TcpStream::connect(self.0).await?) as BoxStream)
            })
        }
    }

    let server = OpenSsl::start(&[rsa()], &["-tls1_2"]);
    let nowhere = "127.0.0.1:1".parse().unwrap();
    let target = target(nowhere)
        .through(std::sync::Arc::new(Elsewhere(server.address)))
        .speaking(Protocol::Https);
    let settings = Settings {
        limits: patient(),
        ..Settings::default()
    };
    let scan = scan(&target, settings, &Pace::per_second(0)).await;
    assert_eq!(
        scan.accepted_versions(),
        [lockfast_tls::ProtocolVersion::Tls12]
    );
}
