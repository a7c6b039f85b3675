//! What plain HTTP does: redirects that lead anywhere, and answers that are none.

use crate::support::proxy::{self, Does};
use crate::support::server::{http, reset, serve, take_head};
use crate::support::*;
use futures::future::join_all;
use lockfast_tls::Limits;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn quick() -> Limits {
    Limits {
        answer: Duration::from_secs(2),
        ..patient()
    }
}

/// The entry `Http` of an address.
async fn plain(server: SocketAddr) -> Value {
    within(30, measured("http", server, quick())).await["Http"].clone()
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn what_does_not_answer_is_told_from_what_does_not_listen() {
    let closed = SocketAddr::from(([127, 0, 0, 1], program::free_port()));
    assert_eq!(plain(closed).await["Answers"], false);
    let cases = [
        ("hangs", "no answer in time"),
        ("resets", "no HTTP answer"),
        ("closes", "no HTTP answer"),
        ("drips", "no answer in time"),
        ("endless", "no HTTP answer"),
        ("one long line", "no HTTP answer"),
        ("HTTP/0.9", "no HTTP answer"),
        ("interim", "no answer in time"),
    ];
    join_all(cases.map(async |(how, expected)| {
        let (server, _) = serve(move |mut stream| async move {
            take_head(&mut stream).await;
            match how {
                "hangs" => drop(stream.read_to_end(&mut Vec::new()).await),
                "resets" => reset(&stream),
                "drips" => {
                    for byte in redirect("https://shop.example.com/").bytes() {
                        let _ = stream.write_all(&[byte]).await;
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
                "endless" => {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
                    while stream.write_all(&b"a: b\r\n".repeat(1000)).await.is_ok() {}
                }
                "one long line" => {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\na: ").await;
                    while stream.write_all(&[b'b'; 1 << 14]).await.is_ok() {}
                }
                "HTTP/0.9" => drop(stream.write_all(b"<html>\x1b[31mhello</html>").await),
                "interim" => {
                    let one = b"HTTP/1.1 100 Continue\r\n\r\n";
                    while stream.write_all(&one.repeat(100)).await.is_ok() {}
                }
                _ => {}
            }
        })
        .await;
        let http = plain(server).await;
        let answers = why(&http["Answers"]);
        assert!(answers.contains(expected), "{how}: {answers}");
        // Nothing else is claimed.
        assert_eq!(http.as_object().unwrap().len(), 2, "{how}: {http:#}");
    }))
    .await;
}

#[tokio::test]
async fn a_loop_is_left() {
    let (server, count) = serve(|mut stream| async move {
        take_head(&mut stream).await;
        let _ = stream
            .write_all(redirect("/again?token=hunter2").as_bytes())
            .await;
    })
    .await;
    let http = plain(server).await;
    assert_eq!(http["Hops"].as_array().unwrap().len(), 10);
    assert_eq!(count.load(Ordering::SeqCst), 10);
    assert_eq!(http["RedirectsToHttps"], false);
    assert!(why(&http["HopsToHttps"]).contains("no end"));
    assert!(!http.to_string().contains("hunter2"));
}

/// As long as it gets, and yet it ends: without HTTPS, which is then known.
#[tokio::test]
async fn the_last_answer_counts() {
    for (last, https) in [
        ("HTTP/1.1 200 OK\r\n\r\n".to_owned(), Value::Null),
        (redirect("https://shop.example.com/"), json!(10)),
    ] {
        let (server, _) = serve(move |mut stream| {
            let last = last.clone();
            async move {
                let head = take_head(&mut stream).await;
                let path = head.split(' ').nth(1).unwrap_or_default();
                let answer = match path.len() {
                    10.. => last,
                    _ => redirect(&format!("{path}a")),
                };
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        })
        .await;
        let http = plain(server).await;
        assert_eq!(http["Hops"].as_array().unwrap().len(), 10);
        assert_eq!(http["HopsToHttps"], https, "{http:#}");
        assert_eq!(http["RedirectsToHttps"], false);
    }
}

#[tokio::test]
async fn secrets_in_urls_are_not_shown() {
    let (server, _) = http(redirect(
        "https://me:hunter2@shop.example.com/path?token=hunter3#hunter4",
    ))
    .await;
    let http = plain(server).await;
    assert_eq!(http["Hops"][0]["Location"], "https://shop.example.com/path");
    assert_eq!(http["RedirectsToHttps"], true);
    assert_eq!(http["SameHost"], true);
    assert!(!http.to_string().contains("hunter"), "{http:#}");
}

#[tokio::test]
async fn redirects_are_told_as_they_are() {
    let long = "a".repeat(5000);
    for (to, location, first) in [
        // Where to, as it is shown; whether the first goes to https, if it is known.
        (
            "https://shop.example.com:8443/",
            "https://shop.example.com:8443/",
            true,
        ),
        (
            "HTTPS://SHOP.example.com",
            "https://shop.example.com/",
            true,
        ),
        (
            "https://other.example.com/ä",
            "https://other.example.com/%C3%A4",
            true,
        ),
        (
            "ftp://shop.example.com/x",
            "ftp://shop.example.com/x",
            false,
        ),
        ("javascript:alert('hunter2')", "javascript:", false),
        ("data:text/html,hunter2", "data:", false),
        (&format!("{long}:x"), &long[..300], false),
    ] {
        let (server, count) = http(redirect(to)).await;
        let http = plain(server).await;
        let shown = http["Hops"][0]["Location"].as_str().unwrap();
        assert_eq!(shown, location);
        assert_eq!(http["RedirectsToHttps"], first, "{to}");
        let same = to.to_lowercase().contains("//shop.");
        assert_eq!(http["SameHost"], same, "{to}");
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(http.to_string().len() < 2000 && !http.to_string().contains("hunter2"));
    }
    // These are no redirects.
    for head in [
        "HTTP/1.1 302 Found\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n",
        "HTTP/1.1 200 OK\r\nLocation: https://shop.example.com/\r\n\r\n",
    ] {
        let (server, _) = http(head).await;
        let http = plain(server).await;
        assert_eq!(http["Hops"][0]["Location"], Value::Null);
        assert_eq!(http["RedirectsToHttps"], false);
        assert!(http.get("HopsToHttps").is_none() && http.get("SameHost").is_none());
    }
}

#[tokio::test]
async fn redirects_are_followed_over_ports_and_hosts() {
    let (last, _) = http(redirect("https://other.example.com/")).await;
    let (first, _) = http(redirect(&format!("http://localhost:{}/", last.port()))).await;
    let mut prober = prober(&[first.port()], quick());
    let here = vec!["127.0.0.1".parse().unwrap()];
    prober.resolver = lockfast_probe::Resolver::new(lockfast_probe::DnsSettings {
        server: Some(dns::empty()),
        instead: [
            ((SHOP.to_owned(), first.port()), here.clone()),
            (("localhost".to_owned(), last.port()), here),
        ]
        .into(),
        timeout: Duration::from_secs(5),
        ..Default::default()
    });
    let address = only_address(&record(&prober, &shop("http", first.port())).await);
    let http = &address["Http"];
    assert_eq!(http["RedirectsToHttps"], false);
    assert_eq!(http["SameHost"], false);
    assert_eq!(http["HopsToHttps"], 2, "{http:#}");

    // And to a name that is none.
    let (server, _) = server::http(redirect("http://nowhere.example.com/")).await;
    let http = plain(server).await;
    assert!(!why(&http["HopsToHttps"]).is_empty());
}

/// Cookies of others are none of the endpoint's, and a chain that breaks off may have some further on.
#[tokio::test]
async fn cookies_are_the_endpoints_own() {
    let with_cookie = |name: &str, to: &str| {
        redirect(to).replacen("\r\n", &format!("\r\nSet-Cookie: {name}=1\r\n"), 1)
    };
    let (other, _) = http(with_cookie("theirs", "https://other.example.com/")).await;
    let to = format!("http://localhost:{}/", other.port());
    for (first, cookies) in [
        (redirect(&to), json!([])),
        (with_cookie("ours", &to), json!(["ours"])),
    ] {
        let (first, _) = http(first).await;
        let mut prober = prober(&[first.port()], quick());
        let here = vec!["127.0.0.1".parse().unwrap()];
        prober.resolver = lockfast_probe::Resolver::new(lockfast_probe::DnsSettings {
            server: Some(dns::empty()),
            instead: [
                ((SHOP.to_owned(), first.port()), here.clone()),
                (("localhost".to_owned(), other.port()), here),
            ]
            .into(),
            timeout: Duration::from_secs(5),
            ..Default::default()
        });
        let address = only_address(&record(&prober, &shop("http", first.port())).await);
        assert_eq!(address["Http"]["HopsToHttps"], 2);
        assert_eq!(address["Http"]["PlaintextCookies"], cookies);
    }
    let nowhere = "http://nowhere.example.com/";
    let (server, _) = http(redirect(nowhere)).await;
    assert!(!why(&plain(server).await["PlaintextCookies"]).is_empty());
    let (server, _) = http(with_cookie("ours", nowhere)).await;
    assert_eq!(plain(server).await["PlaintextCookies"], json!(["ours"]));
}

/// The name that TLS asks for is the one that plain HTTP is asked for.
#[tokio::test]
async fn plain_http_is_asked_for_the_server_name() {
    let (server, _) = serve(|mut stream| async move {
        let head = take_head(&mut stream).await;
        let port = stream.local_addr().unwrap().port();
        let to = match head.contains(&format!("host: named.example.com:{port}\r\n")) {
            true => "https://named.example.com/",
            false => "https://other.example.com/",
        };
        let _ = stream.write_all(redirect(to).as_bytes()).await;
    })
    .await;
    let mut target = shop("http", server.port());
    target.server_name = Some("named.example.com".to_owned());
    let prober = prober(&[server.port()], quick());
    let address = only_address(&record(&prober, &target).await);
    assert_eq!(address["Address"], "127.0.0.1");
    assert_eq!(address["Http"]["SameHost"], true, "{address:#}");
}

/// A server on the internet, which a proxy stands for here, sends nobody into a private network: not by address, and not by a
/// name that leads there.
#[tokio::test]
async fn nobody_is_sent_into_a_private_network() {
    let names = dns::serve(|name, kind| match (name, kind) {
        ("inside.example.com", hickory_resolver::proto::rr::RecordType::A) => {
            dns::Answer::Records(vec![dns::a(name, [10, 0, 0, 1].into())])
        }
        _ => dns::Answer::Records(Vec::new()),
    });
    for to in [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://0x7f.1/",
        "http://2852039166/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://[::1]:8080/",
        "http://inside.example.com/",
    ] {
        let (server, _) = server::http(redirect(to)).await;
        for scheme in ["socks5", "socks5h"] {
            let (proxy, asked) = proxy::socks(Does::Forward(server)).await;
            let mut prober = prober(&[], quick());
            let url = format!("{scheme}://{}:{}@{proxy}", proxy::USER, proxy::PASSWORD);
            prober.settings.route = url.parse().unwrap();
            prober.resolver = lockfast_probe::Resolver::new(lockfast_probe::DnsSettings {
                server: Some(names),
                instead: [((SHOP.to_owned(), 80), vec!["192.0.2.7".parse().unwrap()])].into(),
                timeout: Duration::from_secs(5),
                ..Default::default()
            });
            let address = only_address(&record(&prober, &shop("http", 80)).await);
            let http = &address["Http"];
            assert_eq!(http["RedirectsToHttps"], false, "{http:#}");
            let asked = asked.lock().unwrap().clone();
            // What a name leads to, the proxy knows.
            let (first, reason) = match scheme {
                "socks5h" => ("shop.example.com:80", "not followed through a proxy"),
                _ => ("192.0.2.7:80", "private network"),
            };
            assert_eq!(asked, [first]);
            for fact in ["HopsToHttps", "PlaintextCookies"] {
                let why = why(&http[fact]);
                assert!(why.contains(reason), "{to}: {http:#}");
            }
        }
    }
    // Whoever starts inside may be sent about there.
    let (server, _) = server::http(redirect("http://127.0.0.2:9/")).await;
    let http = plain(server).await;
    assert!(why(&http["HopsToHttps"]).contains("refused"), "{http:#}");
}

#[tokio::test]
async fn floods_of_cookies_are_cut_and_cleaned() {
    let cookies: String = (0..90)
        .map(|n| format!("Set-Cookie: c{n}{}=hunter2\r\n", "x".repeat(200)))
        .collect();
    let (server, _) = http(format!("HTTP/1.1 200 OK\r\n{cookies}\r\n")).await;
    let http = plain(server).await;
    let names = http["PlaintextCookies"].as_array().unwrap();
    assert_eq!(names.len(), 32);
    assert!(names.iter().all(|name| name.as_str().unwrap().len() <= 64));
    assert!(!http.to_string().contains("hunter2"));

    let (server, _) = server::http(
        &b"HTTP/1.1 200 OK\r\nSet-Cookie: s\xFF\xC2\x9Bid\t=1\r\nSet-Cookie: hunter2\r\nSet-Cookie: ok=1;secure\r\n\r\n"[..],
    )
    .await;
    let http = plain(server).await;
    // A cookie without a name is a value, and values are not shown.
    assert_eq!(
        http["PlaintextCookies"],
        json!(["(nameless)", "s\u{FFFD}id"])
    );

    let many = "Set-Cookie: a=b\r\n".repeat(50_000);
    let (server, _) = server::http(format!("HTTP/1.1 200 OK\r\n{many}\r\n")).await;
    let http = plain(server).await;
    assert!(why(&http["Answers"]).contains("no HTTP answer"), "{http:#}");
}
