//! The way through proxies: the same records, and what a proxy does is never taken for what the endpoint does.

use crate::support::proxy::{Asked, Does, PASSWORD, USER, connect, socks};
use crate::support::server::{serve, serve_tls, take_head};
use crate::support::*;
use lockfast_probe::{DnsSettings, Prober, Resolver};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

async fn web() -> SocketAddr {
    serve_tls(authority::ecdsa(), |mut stream| async move {
        take_head(&mut stream).await;
        let answer = b"HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=60\r\n\r\n";
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
    })
    .await
}

async fn started(scheme: &str, does: Does) -> (SocketAddr, Asked) {
    match scheme {
        "http" => connect(does).await,
        _ => socks(does).await,
    }
}

fn through(scheme: &str, proxy: SocketAddr, password: &str, ports: &[u16]) -> Prober {
    let mut prober = prober(ports, patient());
    let url = format!("{scheme}://{USER}:{password}@{proxy}");
    prober.settings.route = url.parse().unwrap();
    prober
}

/// The same but for when and where.
fn comparable(mut address: Value) -> Value {
    address["Address"] = Value::Null;
    address
}

#[tokio::test]
async fn records_are_the_same_as_straight() {
    let server = web().await;
    let port = server.port();
    let straight = measured("https", server, patient()).await;
    assert_eq!(straight["Hsts"]["MaxAge"], 60);
    for scheme in ["http", "socks5", "socks5h"] {
        let (proxy, asked) = started(scheme, Does::Forward(server)).await;
        let prober = through(scheme, proxy, PASSWORD, &[port]);
        let address = only_address(&record(&prober, &shop("https", port)).await);
        assert_eq!(
            comparable(address),
            comparable(straight.clone()),
            "{scheme}"
        );
        // Names go to who resolves them.
        let to = match scheme {
            "socks5" => format!("127.0.0.1:{port}"),
            _ => format!("{SHOP}:{port}"),
        };
        let asked = asked.lock().unwrap();
        assert!(
            asked.len() > 5 && asked.iter().all(|asked| *asked == to),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn addresses_of_ipv6_go_through() {
    let server = web().await;
    for scheme in ["http", "socks5", "socks5h"] {
        let (proxy, asked) = started(scheme, Does::Forward(server)).await;
        let prober = through(scheme, proxy, PASSWORD, &[]);
        let target = "https://[2001:db8::7]:443".parse().unwrap();
        let address = only_address(&record(&prober, &target).await);
        assert_eq!(address["Address"], "2001:db8::7");
        assert_eq!(address["Tls"]["Versions"]["TLSv1.3"], true, "{scheme}");
        let asked = asked.lock().unwrap();
        let first = asked[0].replace(['[', ']'], "");
        assert_eq!(first, "2001:db8::7:443");
    }
}

/// What comes in one piece with the proxy's answer is the server's, and not lost.
#[tokio::test]
async fn servers_that_speak_first_are_heard() {
    let (server, _) = serve(|mut stream| async move {
        let greeting = b"220 mail.example.com ESMTP\r\n";
        let _ = stream.write_all(greeting).await;
        let mut line = [0; 512];
        while let Ok(1..) = tokio::io::AsyncReadExt::read(&mut stream, &mut line).await {
            let answer: &[u8] = match &line[..4] {
                b"EHLO" => b"250-mail\r\n250 AUTH PLAIN\r\n",
                _ => b"502 no such command\r\n",
            };
            let _ = stream.write_all(answer).await;
        }
    })
    .await;
    let straight = measured("smtp", server, patient()).await;
    assert_eq!(straight["Plaintext"]["Refused"], false, "{straight:#}");
    for scheme in ["http", "socks5"] {
        let (proxy, _) = started(scheme, Does::Forward(server)).await;
        let prober = through(scheme, proxy, PASSWORD, &[server.port()]);
        let address = only_address(&record(&prober, &shop("smtp", server.port())).await);
        assert_eq!(
            comparable(address),
            comparable(straight.clone()),
            "{scheme}"
        );
    }
}

/// The endpoint's port may be open or not: nobody was there.
#[tokio::test]
async fn a_proxy_that_says_no_is_named_and_says_nothing_of_the_endpoint() {
    let closed = SocketAddr::from(([127, 0, 0, 1], program::free_port()));
    for scheme in ["http", "socks5", "socks5h"] {
        let (refusing, _) = started(scheme, Does::Refuse).await;
        let (unreachable, _) = started(scheme, Does::Forward(closed)).await;
        let (locked, _) = started(scheme, Does::Forward(closed)).await;
        for (proxy, password) in [
            (refusing, PASSWORD),
            (unreachable, PASSWORD),
            (locked, "wrong-hunter2"),
            (closed, PASSWORD),
        ] {
            let mut prober = through(scheme, proxy, password, &[443, 80]);
            prober.settings.http_port = Some(80);
            let record = record(&prober, &shop("https", 443)).await;
            let address = only_address(&record);
            nothing_is_known_but(&address, &[]);
            for fact in [
                &address["Tls"]["Versions"]["TLSv1.2"],
                &address["Certificates"],
                &address["Http"]["Answers"],
            ] {
                let why = why(fact);
                assert!(why.contains(&proxy.to_string()), "{scheme}: {why}");
                assert!(why.contains("the proxy"), "{scheme}: {why}");
            }
            assert!(!record.to_string().contains("hunter2"));
        }
    }
}

#[tokio::test]
async fn a_proxy_that_hangs_is_given_up() {
    for scheme in ["http", "socks5h"] {
        let (proxy, _) = started(scheme, Does::Hang).await;
        let mut prober = through(scheme, proxy, PASSWORD, &[]);
        prober.settings.scan.limits.connect = Duration::from_millis(200);
        let address = within(20, record(&prober, &shop("https", 443))).await;
        nothing_is_known_but(&only_address(&address), &[]);
    }
}

#[tokio::test]
async fn what_resolves_names_elsewhere_asks_nobody_here_for_addresses() {
    let server = web().await;
    let (proxy, _) = socks(Does::Forward(server)).await;
    let mut prober = through("socks5h", proxy, PASSWORD, &[]);
    let asked = dns::serve(|_, kind| {
        let caa = kind == hickory_resolver::proto::rr::RecordType::CAA;
        assert!(caa, "asked for {kind}");
        dns::Answer::Records(Vec::new())
    });
    prober.resolver = Resolver::new(DnsSettings {
        server: Some(asked),
        timeout: Duration::from_secs(5),
        ..DnsSettings::default()
    });
    let record = record(&prober, &shop("https", server.port())).await;
    assert_eq!(only_address(&record)["Address"], SHOP);
    assert_eq!(record["Caa"], serde_json::json!([]));
}
