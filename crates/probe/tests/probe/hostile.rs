//! Servers that answer slowly, wrongly or not at all over TLS: a record all the same, in time, and nothing in it that the
//! server did not show.

use crate::support::server::{Count, reset, serve, serve_tls, serve_tls_as, take_head};
use crate::support::*;
use futures::future::join_all;
use lockfast_tls::Limits;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A suite that ServerHellos here pick: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256.
const SUITE: u16 = 0xC02F;

fn tls_record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3], &length[..], content].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, length[1], length[2], length[3]], body].concat()
}

fn vector(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&length[1..], bytes].concat()
}

/// Of TLS 1.2.
fn server_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend(SUITE.to_be_bytes());
    body.push(0);
    // What clients ask for: renegotiation_info and extended_master_secret.
    body.extend([0, 9, 0xFF, 1, 0, 1, 0, 0, 23, 0, 0]);
    message(2, &body)
}

/// Reads a ClientHello; none when it is one of SSLv2, or the client is gone.
async fn take_hello(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).await.ok()?;
    if header[0] != 22 {
        return None;
    }
    let mut body = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    stream.read_exact(&mut body).await.ok()?;
    Some(body)
}

/// One that sends these messages, in records of this size at most, to whoever offers TLS 1.2; others it leaves.
async fn says(messages: Vec<u8>, size: usize) -> (SocketAddr, Count) {
    serve(move |mut stream| {
        let records: Vec<u8> = messages
            .chunks(size)
            .flat_map(|content| tls_record(22, content))
            .collect();
        async move {
            let hello = take_hello(&mut stream).await;
            let offers = |hello: &Vec<u8>| {
                hello[4..6] == [3, 3] && hello.windows(2).any(|pair| pair == SUITE.to_be_bytes())
            };
            if hello.as_ref().is_some_and(offers) {
                let _ = stream.write_all(&records).await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        }
    })
    .await
}

fn quick() -> Limits {
    Limits {
        answer: Duration::from_millis(700),
        ..patient()
    }
}

#[tokio::test]
async fn a_port_that_is_closed_says_nothing() {
    let port = program::free_port();
    let address = measured("https", SocketAddr::from(([127, 0, 0, 1], port)), quick()).await;
    nothing_is_known_but(&address, &[]);
    assert!(why(&address["Certificates"]).ends_with("connection refused"));
}

#[tokio::test]
async fn a_server_that_never_answers_says_nothing() {
    let cases = ["https", "postgresql", "mysql", "smtp", "redis"];
    join_all(cases.map(async |scheme| {
        let (server, count) = serve(|mut stream| async move {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let address = within(20, measured(scheme, server, impatient())).await;
        nothing_is_known_but(&address, &[]);
        let connections = count.load(std::sync::atomic::Ordering::SeqCst);
        assert!(connections <= 20, "{scheme}: {connections}");
    }))
    .await;
}

/// A byte a second, of what would be a good answer if it ever came.
#[tokio::test]
async fn drip_feeding_is_ended_by_the_clock() {
    let (server, _) = serve(|mut stream| async move {
        for byte in tls_record(22, &server_hello()) {
            if stream.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    let address = within(20, measured("https", server, impatient())).await;
    nothing_is_known_but(&address, &[]);
    assert_eq!(why(&address["Certificates"]), "no answer in time");
}

/// Over TLS all is well, and then the head of the answer drips, or never ends, or is none.
#[tokio::test]
async fn http_over_tls_that_comes_to_nothing() {
    let cases = [
        ("drips", "no answer in time"),
        ("endless", "no HTTP answer"),
        ("interim", "no answer in time"),
        ("garbage", "no HTTP answer"),
        ("closes", "no HTTP answer"),
        ("resets", "no HTTP answer"),
    ];
    join_all(cases.map(async |(how, expected)| {
        let answer = move |mut stream: tokio_rustls::server::TlsStream<TcpStream>| async move {
            take_head(&mut stream).await;
            match how {
                "drips" => {
                    for byte in b"HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=60\r\n" {
                        let _ = stream.write_all(&[*byte]).await;
                        let _ = stream.flush().await;
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
                "endless" => {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
                    while stream.write_all(&b"a: b\r\n".repeat(1000)).await.is_ok() {}
                }
                "interim" => {
                    let one = b"HTTP/1.1 103 Early Hints\r\n\r\n";
                    while stream.write_all(&one.repeat(100)).await.is_ok() {}
                }
                "garbage" => {
                    let _ = stream.write_all(b"<html>hello\r\n\r\n").await;
                    let _ = stream.shutdown().await;
                }
                "resets" => reset(stream.get_ref().0),
                _ => {}
            }
        };
        let server = serve_tls(authority::ecdsa(), answer).await;
        let limits = Limits {
            answer: Duration::from_secs(2),
            ..patient()
        };
        let address = within(40, measured("https", server, limits)).await;
        let hsts = why(&address["Hsts"]);
        assert!(hsts.contains(expected), "{how}: {hsts}");
        assert_eq!(address["Certificates"][0]["Valid"], true, "{how}");
    }))
    .await;
}

/// The body is never read: a bomb does not go off.
#[tokio::test]
async fn a_bomb_is_not_unpacked() {
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = sent.clone();
    let answer = move |mut stream: tokio_rustls::server::TlsStream<TcpStream>| {
        let counted = counted.clone();
        async move {
            take_head(&mut stream).await;
            let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99999999999\r\n\
                        Strict-Transport-Security: max-age=60\r\n\r\n";
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(&[0x1F; 1 << 14]).await.is_ok() {
                counted.fetch_add(1 << 14, std::sync::atomic::Ordering::SeqCst);
            }
        }
    };
    let server = serve_tls(authority::ecdsa(), answer).await;
    let address = within(20, measured("https", server, patient())).await;
    assert_eq!(address["Hsts"]["MaxAge"], 60);
    // What the kernels' buffers take, and no more.
    assert!(sent.load(std::sync::atomic::Ordering::SeqCst) < 64 << 20);
}

#[tokio::test]
async fn resets_at_every_stage_are_unknown() {
    // Before anything, after the hello, amid a record, amid the handshake.
    let cases = ["connected", "hello", "record", "flight"];
    join_all(cases.map(async |stage| {
        let (server, _) = serve(move |mut stream| async move {
            if stage != "connected" && take_hello(&mut stream).await.is_some() {
                let hello = tls_record(22, &server_hello());
                let _ = match stage {
                    "record" => stream.write_all(&hello[..20]).await,
                    "flight" => stream.write_all(&hello).await,
                    _ => Ok(()),
                };
                let _ = stream.flush().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            reset(&stream);
        })
        .await;
        let address = within(30, measured("https", server, quick())).await;
        for (version, said) in address["Tls"]["Versions"].as_object().unwrap() {
            assert_ne!(*said, Value::Bool(false), "{stage}: {version}");
        }
        assert_ne!(address["Tls"]["Broken"], false, "{stage}");
        assert!(!why(&address["Certificates"]).is_empty(), "{stage}");
        assert!(!why(&address["Hsts"]).is_empty(), "{stage}");
    }))
    .await;
}

#[tokio::test]
async fn ten_thousand_certificates_are_not_all_looked_at() {
    // As many as a library takes, and more than any takes.
    for (each, whole) in [
        (vec![0x30], 10_000),
        (authority::ecdsa().der.clone(), 10_000),
    ] {
        let leaf = vector(&authority::ecdsa().der);
        let chain = [leaf, vector(&each).repeat(whole)].concat();
        let flight = [
            server_hello(),
            message(11, &vector(&chain)),
            message(14, &[]),
        ]
        .concat();
        let (server, _) = says(flight, 16_000).await;
        let address = within(40, measured("https", server, quick())).await;
        match address["Certificates"].as_array() {
            Some(all) => {
                assert!(all.len() <= 2);
                for seen in all.iter().filter(|seen| seen.get("$unknown").is_none()) {
                    let chain = seen["Chain"].as_array().unwrap();
                    assert!(chain.len() <= 64, "{}", chain.len());
                }
            }
            None => assert!(!why(&address["Certificates"]).is_empty()),
        }
        assert!(!why(&address["Hsts"]).is_empty());
        assert!(address.to_string().len() < 200_000);
    }
}

/// The same through whole handshakes, with as many as fit into the 64 KiB that a library takes.
#[tokio::test]
async fn long_chains_that_shake_hands() {
    let pair = authority::ecdsa();
    let ca = authority::ca().der.clone();
    for (each, count, valid) in [(ca, 100, true), (vec![0x30], 10_000, false)] {
        let mut chain = vec![pair.der.clone().into()];
        chain.extend(std::iter::repeat_n(each.into(), count));
        let (server, _) = serve_tls_as(pair.server_with(chain), |_| async {}).await;
        let address = within(30, measured("tls", server, patient())).await;
        let seen = &address["Certificates"][0];
        assert_eq!(seen["For"], "ECDSA", "{seen:#}");
        let shown = seen["Chain"].as_array().map(Vec::len);
        assert!(shown.is_some_and(|shown| shown <= 64), "{seen:#}");
        // The leaf leads to the root by itself; what is no certificate is told all the same.
        assert_eq!(seen["Valid"], valid, "{seen:#}");
        assert!(address.to_string().len() < 200_000);
    }
}

/// Authorities any of which may have signed any other: there are more paths than anybody can walk.
#[tokio::test]
async fn a_maze_of_authorities_is_left() {
    let (server, _) = serve_tls_as(authority::maze(60), |_| async {}).await;
    let began = std::time::Instant::now();
    let address = within(60, measured("tls", server, patient())).await;
    let seen = &address["Certificates"][0];
    assert_eq!(seen["Valid"], false, "{seen:#}");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn handshakes_that_never_end_are_ended() {
    // Empty messages, a message that says it is 16 MiB long, warnings: each without end.
    let cases = [
        (22, message(0, &[])),
        (22, [server_hello(), vec![11, 0xFF, 0xFF, 0xFF]].concat()),
        (22, [server_hello(), message(22, &[1, 0, 0, 0])].concat()),
        (21, vec![1, 112]),
    ];
    join_all(cases.map(async |(kind, content)| {
        let (server, _) = serve(move |mut stream| {
            let record = tls_record(kind, &content);
            async move {
                take_hello(&mut stream).await;
                let more = tls_record(kind, &content_of(kind)).repeat(50);
                if stream.write_all(&record).await.is_ok() {
                    while stream.write_all(&more).await.is_ok() {}
                }
            }
        })
        .await;
        let address = within(60, measured("https", server, quick())).await;
        assert!(!why(&address["Certificates"]).is_empty(), "{address:#}");
        assert_ne!(address["Tls"]["Broken"], false);
        assert!(address.to_string().len() < 100_000);
    }))
    .await;
}

/// What goes on for ever.
fn content_of(kind: u8) -> Vec<u8> {
    match kind {
        22 => vec![0; 1000],
        _ => vec![1, 112],
    }
}

/// HTTP where TLS was asked for, and a greeting that talks for ever.
#[tokio::test]
async fn other_protocols_are_no_tls() {
    let (server, _) = server::http("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let plain = SocketAddr::from(([127, 0, 0, 1], server.port()));
    let address = within(20, measured("https", plain, quick())).await;
    nothing_is_known_but(&address, &[]);

    let cases = ["smtp", "imap", "pop3", "mysql", "ldap"];
    join_all(cases.map(async |scheme| {
        let (server, _) = serve(|mut stream| async move {
            while stream
                .write_all(&b"220-\x1b[31m talk\r\n".repeat(50))
                .await
                .is_ok()
            {}
        })
        .await;
        let address = within(30, measured(scheme, server, quick())).await;
        assert_ne!(address["Tls"]["Broken"], false, "{scheme}");
        assert!(
            !why(&address["Plaintext"]["Refused"]).is_empty(),
            "{scheme}"
        );
        let text = address.to_string();
        assert!(
            !text.contains("\\u001b") && text.len() < 20_000,
            "{scheme}: {text}"
        );
    }))
    .await;
}

/// The answer to a login is a reset: that refuses nothing, and accepts nothing.
#[tokio::test]
async fn resets_of_plaintext_are_unknown() {
    let cases = [
        "postgresql",
        "mysql",
        "smtp",
        "imap",
        "pop3",
        "ldap",
        "redis",
        "mongodb",
    ];
    join_all(cases.map(async |scheme| {
        let (server, _) = serve(|stream| async move {
            let _ = stream.peek(&mut [0; 1]).await;
            reset(&stream);
        })
        .await;
        let address = within(30, measured(scheme, server, quick())).await;
        nothing_is_known_but(&address, &[]);
        assert!(
            !why(&address["Plaintext"]["Refused"]).is_empty(),
            "{scheme}"
        );
    }))
    .await;
}
