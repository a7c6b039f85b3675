//! Web servers and balancers as they are installed.

use crate::support::authority::{self, Pair};
use crate::support::program::{self, free_port, haproxy, nginx, openssl, text};
use crate::support::*;
use futures::future::join_all;
use lockfast_certificate::{Authority, Roots};
use lockfast_probe::{Handshakes, Identity, Role};
use lockfast_tls::Full;
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

fn pem(pair: &Pair) -> String {
    let (certificate, key) = (text(&pair.certificate), text(&pair.key));
    format!("ssl_certificate {certificate}; ssl_certificate_key {key};\n")
}

fn versions(address: &Value) -> Vec<&str> {
    let versions = address["Tls"]["Versions"].as_object().unwrap();
    let spoken = versions.iter().filter(|(_, spoken)| **spoken == true);
    spoken.map(|(name, _)| name.as_str()).collect()
}

/// The kinds of certificates.
fn kinds(address: &Value) -> Vec<&str> {
    let all = address["Certificates"].as_array();
    let all = all.unwrap_or_else(|| panic!("{address:#}"));
    let kind = |seen: &'_ Value| -> Option<String> { seen["For"].as_str().map(str::to_owned) };
    assert!(all.iter().all(|seen| kind(seen).is_some()), "{all:#?}");
    all.iter()
        .map(|seen| seen["For"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn nginx_with_two_certificates_and_a_redirect() {
    let (port, plain) = (free_port(), free_port());
    let Some(_server) = nginx(
        port,
        &format!(
            "server {{ listen 127.0.0.1:{port} ssl; server_name {SHOP}; ssl_protocols TLSv1.2 TLSv1.3;\n{}{}
               add_header Strict-Transport-Security 'max-age=31536000; includeSubDomains; preload' always;
               location / {{ return 200 'ok'; }} }}
             server {{ listen 127.0.0.1:{plain}; server_name {SHOP};
               add_header Set-Cookie 'session=hunter2; Path=/' always;
               add_header Set-Cookie 'theme=dark; Secure' always;
               return 301 https://$host:{port}$request_uri; }}",
            pem(authority::rsa()),
            pem(authority::ecdsa()),
        ),
    ) else {
        return;
    };
    let mut prober = prober(&[port, plain], patient());
    prober.settings.http_port = Some(plain);
    let record = record(&prober, &shop("https", port)).await;
    assert_eq!(record["Host"], SHOP);
    assert_eq!(record["Port"], port);
    assert_eq!(record["Protocol"], "https");
    assert_eq!(record["Caa"], json!([]));
    assert!(record.get("Role").is_none() && record.get("Of").is_none());
    let address = only_address(&record);
    assert_eq!(address["Address"], "127.0.0.1");
    assert_eq!(versions(&address), ["TLSv1.2", "TLSv1.3"]);
    assert_eq!(kinds(&address), ["ECDSA", "RSA"]);
    for (seen, key) in [(0, "EC"), (1, "RSA")] {
        let seen = &address["Certificates"][seen];
        assert_eq!(seen["Valid"], true, "{seen:#}");
        assert_eq!(seen["Authority"], "private");
        assert_eq!(seen["Chain"][0]["KeyType"], key);
        assert_eq!(seen["Chain"][0]["Names"], json!([SHOP]));
        assert_eq!(seen["Transparency"]["Required"], false);
    }
    assert_eq!(
        address["Hsts"],
        json!({"MaxAge": 31_536_000, "IncludeSubDomains": true, "Preload": true})
    );
    let http = &address["Http"];
    assert_eq!(http["Answers"], true);
    assert_eq!(http["RedirectsToHttps"], true);
    assert_eq!(http["SameHost"], true);
    assert_eq!(http["HopsToHttps"], 1);
    assert_eq!(http["Hops"][0]["Status"], 301);
    assert_eq!(
        http["Hops"][0]["Location"],
        format!("https://{SHOP}:{port}/")
    );
    assert_eq!(http["PlaintextCookies"], json!(["session"]));
    assert!(!record.to_string().contains("hunter2"));
}

#[tokio::test]
async fn the_name_that_is_asked_for_chooses_the_certificate() {
    let port = free_port();
    let other = authority::client();
    let Some(_server) = nginx(
        port,
        &format!(
            "server {{ listen 127.0.0.1:{port} ssl default_server; server_name other; {} return 404; }}
             server {{ listen 127.0.0.1:{port} ssl; server_name {SHOP}; {} return 200; }}",
            pem(other),
            pem(authority::ecdsa()),
        ),
    ) else {
        return;
    };
    let prober = prober(&[port], patient());
    let fingerprint = |record: &Value| {
        let address = only_address(record);
        assert_eq!(kinds(&address), ["ECDSA"]);
        (
            address["Certificates"][0]["Valid"].clone(),
            address["Certificates"][0]["Chain"][0]["Fingerprint"].clone(),
        )
    };
    let by_name = fingerprint(&record(&prober, &shop("https", port)).await);
    assert_eq!(by_name.0, true);
    let mut target = format!("127.0.0.1:{port}").parse().unwrap();
    let by_address = fingerprint(&record(&prober, &target).await);
    assert_eq!(by_address.0, false);
    assert_ne!(by_address.1, by_name.1);
    target.server_name = Some(SHOP.to_owned());
    assert_eq!(fingerprint(&record(&prober, &target).await), by_name);
}

#[tokio::test]
async fn an_old_server_shows_its_certificate_in_plaintext_only() {
    let pair = authority::rsa();
    let server = openssl(&[
        "-tls1",
        "-cipher",
        "ALL:@SECLEVEL=0",
        "-cert",
        text(&pair.certificate),
        "-key",
        text(&pair.key),
    ]);
    let address = measured("https", server.address, patient()).await;
    assert_eq!(versions(&address), ["TLSv1"]);
    assert_eq!(kinds(&address), ["RSA"]);
    assert_eq!(address["Certificates"][0]["Valid"], true);
    assert_eq!(why(&address["Hsts"]), "no handshake came about");
    assert_eq!(why(&address["HttpsStatus"]), "no handshake came about");
    assert!(address["Tls"]["WithoutForwardSecrecy"]["Suite"].is_string());
}

#[tokio::test]
async fn a_server_of_tls13_alone() {
    let pair = authority::ecdsa();
    let files = [text(&pair.certificate), text(&pair.key)];
    let server = openssl(&["-tls1_3", "-cert", files[0], "-key", files[1]]);
    let address = measured("https", server.address, patient()).await;
    assert_eq!(versions(&address), ["TLSv1.3"]);
    assert_eq!(kinds(&address), ["ECDSA"]);
    assert_eq!(address["Certificates"][0]["Valid"], true);
    assert_eq!(address["Hsts"], false);
    assert_eq!(address["Tls"]["WithoutForwardSecrecy"], false);
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate() {
    let (server, client) = (authority::ecdsa(), authority::client());
    for version in ["TLSv1.2", "TLSv1.3"] {
        let flag = version.replace("TLSv", "-tls").replace('.', "_");
        let running = openssl(&[
            flag.as_str(),
            "-Verify",
            "1",
            "-verify_return_error",
            "-CAfile",
            text(&authority::ca().certificate),
            "-cert",
            text(&server.certificate),
            "-key",
            text(&server.key),
        ]);
        let port = running.address.port();
        let mut prober = prober(&[port], patient());
        let without = only_address(&record(&prober, &shop("https", port)).await);
        assert_eq!(versions(&without), [version]);
        assert_eq!(kinds(&without), ["ECDSA"]);
        assert_eq!(without["Certificates"][0]["Valid"], true);
        assert!(!why(&without["Hsts"]).is_empty());

        let read = |path| std::fs::read(path).unwrap();
        let identity = Identity::read(&read(&client.certificate), &read(&client.key)).unwrap();
        prober.handshakes = Handshakes::new(Some(identity));
        let with = only_address(&record(&prober, &shop("https", port)).await);
        assert_eq!(with["Hsts"], false, "{version}");
    }
}

#[tokio::test]
async fn a_stapled_ocsp_response_is_read() {
    let (pair, ca) = (authority::ecdsa(), authority::ca());
    let folder = program::folder();
    let at = |name: &str| folder.path().join(name);
    let run = |arguments: &[&str]| {
        let ran = Command::new("openssl").args(arguments).output().unwrap();
        let words = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{words}");
        String::from_utf8(ran.stdout).unwrap()
    };
    let (certificate, authority) = (text(&pair.certificate), text(&ca.certificate));
    let serial = run(&["x509", "-in", certificate, "-noout", "-serial"]);
    let serial = serial.trim().trim_start_matches("serial=");
    let (index, request, response) = (at("index"), at("request"), at("response"));
    std::fs::write(
        &index,
        format!("V\t900101000000Z\t\t{serial}\tunknown\t/CN={SHOP}\n"),
    )
    .unwrap();
    let issuer = ["-issuer", authority, "-cert", certificate];
    run(&[
        &["ocsp"],
        &issuer[..],
        &["-no_nonce", "-reqout", text(&request)],
    ]
    .concat());
    run(&[
        "ocsp",
        "-index",
        text(&index),
        "-CA",
        authority,
        "-rsigner",
        authority,
        "-rkey",
        text(&ca.key),
        "-reqin",
        text(&request),
        "-respout",
        text(&response),
        "-ndays",
        "2",
    ]);
    for version in ["-tls1_2", "-tls1_3"] {
        let server = openssl(&[
            version,
            "-status_file",
            text(&response),
            "-cert",
            certificate,
            "-key",
            text(&pair.key),
        ]);
        let address = measured("tls", server.address, patient()).await;
        let ocsp = &address["Certificates"][0]["Ocsp"];
        assert_eq!(ocsp["Stapled"], true, "{version}: {address:#}");
        assert_eq!(ocsp["Status"], "good", "{version}: {ocsp:#}");
        assert!(ocsp["NextUpdate"].is_string());
        assert!(address.get("Hsts").is_none() && address.get("Http").is_none());
    }
}

#[tokio::test]
async fn haproxy_in_http_and_tcp_mode() {
    let (front, passed, origin) = (free_port(), free_port(), free_port());
    let pair = authority::ecdsa();
    let Some(_origin) = nginx(
        origin,
        &format!(
            "server {{ listen 127.0.0.1:{origin} ssl; {} ssl_protocols TLSv1.3; return 200; }}",
            pem(pair)
        ),
    ) else {
        return;
    };
    let Some(_server) = haproxy(
        front,
        &format!(
            "frontend front\n  mode http\n  bind 127.0.0.1:{front} ssl crt {} ssl-min-ver TLSv1.2\n\
             \x20 http-request return status 200 hdr Strict-Transport-Security max-age=60\n\
             listen passed\n  mode tcp\n  bind 127.0.0.1:{passed}\n  server s 127.0.0.1:{origin}",
            text(&authority::rsa().both)
        ),
    ) else {
        return;
    };
    let prober = prober(&[front, passed], patient());
    let address = only_address(&record(&prober, &shop("https", front)).await);
    assert_eq!(versions(&address), ["TLSv1.2", "TLSv1.3"]);
    assert_eq!(kinds(&address), ["RSA"]);
    assert_eq!(address["Hsts"]["MaxAge"], 60);
    let address = only_address(&record(&prober, &shop("https", passed)).await);
    assert_eq!(versions(&address), ["TLSv1.3"]);
    assert_eq!(kinds(&address), ["ECDSA"]);
    assert_eq!(address["Hsts"], false);
}

/// A full scan has its listings, and the clients that would still connect.
#[tokio::test]
async fn a_full_scan_simulates_clients() {
    let pair = authority::ecdsa();
    let files = [text(&pair.certificate), text(&pair.key)];
    let server = openssl(&["-tls1_2", "-cert", files[0], "-key", files[1]]);
    let port = server.address.port();
    let mut prober = prober(&[port], patient());
    prober.settings.scan.full = Full::Always;
    prober.settings.simulate = Some(lockfast_probe::Tightening::Own);
    let address = only_address(&record(&prober, &shop("tls", port)).await);
    let suites = address["Tls"]["Suites"]["TLSv1.2"].as_array().unwrap();
    assert!(suites.contains(&json!("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")));
    let clients = address["Clients"].as_array().unwrap();
    let connects = |client: &&Value| client["Now"]["Suite"].is_string();
    assert!(clients.iter().filter(connects).count() > 3, "{clients:#?}");
}

/// What AWS's front doors say of themselves tells the role, where neither a person nor a name did.
#[tokio::test]
async fn the_answer_tells_the_role() {
    let cases = [
        ("Server: awselb/2.0", json!("LoadBalancer")),
        ("X-Amz-Cf-Id: x", json!("Distribution")),
        ("apigw-requestid: x", json!("Api")),
        ("apigw-requestid: x\r\nX-Amz-Cf-Id: x", Value::Null),
        ("Server: nginx", Value::Null),
    ];
    join_all(cases.map(async |(header, role)| {
        let server = server::serve_tls(authority::ecdsa(), move |mut stream| async move {
            let head = server::take_head(&mut stream).await;
            let port = stream.get_ref().0.local_addr().unwrap().port();
            // As a browser would ask.
            assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
            assert!(head.contains(&format!("host: {SHOP}:{port}\r\n")), "{head}");
            let answer = format!("HTTP/1.1 403 Forbidden\r\n{header}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        })
        .await;
        let mut target = shop("https", server.port());
        let prober = prober(&[server.port()], patient());
        let found = record(&prober, &target).await;
        assert_eq!(found["Role"], role, "{header}");
        assert_eq!(only_address(&found)["Hsts"], false);
        assert_eq!(only_address(&found)["HttpsStatus"], 403);
        // What is known before counts for more.
        target.role = Some(Role::Outside);
        assert_eq!(record(&prober, &target).await["Role"], "Outside");
    }))
    .await;
}

#[tokio::test]
async fn certificates_alone_are_asked_for_in_two_connections() {
    let (server, count) = server::serve_tls_counted(authority::rsa(), |_| async {}).await;
    let mut prober = prober(&[server.port()], patient());
    prober.settings.certificates_only = true;
    let address = only_address(&record(&prober, &shop("https", server.port())).await);
    let keys: Vec<_> = address.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["Address", "Certificates", "Connections"]);
    assert_eq!(kinds(&address), ["RSA"]);
    // A handshake, and the question in plaintext for the other kind.
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 2);
}

/// With the key exchange of RSA, CBC or before TLS 1.2 a certificate may be shown to clients that no library is any more.
#[tokio::test]
async fn a_certificate_is_seen_where_no_library_shakes_hands_for_it() {
    let (ecdsa, rsa) = (authority::ecdsa(), authority::rsa());
    for (versions, ciphers) in [
        (&["-tls1_2"][..], "ECDHE-ECDSA-AES128-GCM-SHA256:AES128-SHA"),
        (
            &["-tls1_2"],
            "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA",
        ),
        (&["-tls1_1"], "ECDHE:AES128-SHA"),
        (&["-no_tls1_3", "-no_tls1_2"], "ALL"),
    ] {
        let ciphers = format!("{ciphers}:@SECLEVEL=0");
        let files = [&ecdsa.certificate, &ecdsa.key, &rsa.certificate, &rsa.key].map(|at| text(at));
        let [cert, key, dcert, dkey] = files;
        let both = ["-cert", cert, "-key", key, "-dcert", dcert, "-dkey", dkey];
        let server = openssl(&[versions, &["-cipher", &ciphers], &both[..]].concat());
        for full in [Full::Never, Full::Always] {
            let mut prober = prober(&[server.address.port()], patient());
            prober.settings.scan.full = full;
            let address = shop("tls", server.address.port());
            let address = only_address(&record(&prober, &address).await);
            let mut kinds = kinds(&address);
            kinds.sort_unstable();
            assert_eq!(kinds, ["ECDSA", "RSA"], "{ciphers}, {full:?}");
        }
    }
}

/// Once it is known which suites there are, nothing is asked for that nobody could be shown.
#[tokio::test]
async fn a_full_scan_of_one_kind_needs_one_handshake() {
    for pair in [authority::rsa(), authority::ecdsa()] {
        let (server, count) = server::serve_tls_counted(pair, |_| async {}).await;
        let mut prober = prober(&[server.port()], patient());
        prober.settings.scan.full = Full::Always;
        let address = only_address(&record(&prober, &shop("tls", server.port())).await);
        assert_eq!(kinds(&address).len(), 1);
        let scanned = address["Tls"]["Connections"].as_u64().unwrap();
        let all = count.load(std::sync::atomic::Ordering::SeqCst) as u64;
        assert_eq!(all, scanned + 1);
    }
}

/// A limit is one for all that is asked, and leaves some for what is told by handshakes alone.
#[tokio::test]
async fn all_connections_count() {
    for most in [2, 8, 500] {
        let (server, count) = server::serve_tls_counted(authority::rsa(), |_| async {}).await;
        let mut prober = prober(&[server.port()], patient());
        prober.settings.scan.max_connections = most;
        // Plain HTTP at the same address, which is not understood.
        prober.settings.http_port = Some(server.port());
        let address = only_address(&record(&prober, &shop("https", server.port())).await);
        let made = address["Connections"].as_u64().unwrap();
        assert!(made <= most as u64, "{made} of {most}");
        let counted = count.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!(counted as u64, made);
        assert!(address["Tls"]["Connections"].as_u64().unwrap() < made);
        let http = why(&address["Http"]["Answers"]);
        assert_eq!(http.contains("connections allowed"), most == 2, "{http}");
        if most == 2 {
            assert!(why(&address["Certificates"]).contains("connections allowed"));
        } else {
            assert_eq!(kinds(&address), ["RSA"]);
        }
    }
}

/// TLS 1.2 has suites of RSA alone, and TLS 1.3 either certificate.
#[tokio::test]
async fn what_tls13_prefers_does_not_hide_what_tls12_shows() {
    let port = free_port();
    let Some(_server) = nginx(
        port,
        &format!(
            "server {{ listen 127.0.0.1:{port} ssl; server_name {SHOP}; ssl_protocols TLSv1.2 TLSv1.3;
               ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256; {}{} return 200; }}",
            pem(authority::rsa()),
            pem(authority::ecdsa()),
        ),
    ) else {
        return;
    };
    for full in [Full::Never, Full::Always] {
        let mut prober = prober(&[port], patient());
        prober.settings.scan.full = full;
        let address = only_address(&record(&prober, &shop("tls", port)).await);
        assert_eq!(kinds(&address), ["ECDSA", "RSA"], "{full:?}");
    }
}

/// Whether a hello is one of TLS 1.3, as those of the library are: it lists the versions 1.3 and 1.2.
async fn lists_versions(stream: &tokio::net::TcpStream) -> bool {
    let mut bytes = vec![0; 4096];
    let read = stream.peek(&mut bytes).await.unwrap_or_default();
    let list = [0, 43, 0, 5, 4, 3, 4, 3, 3];
    bytes[..read].windows(list.len()).any(|part| part == list)
}

/// What is behind a lost connection nobody knows.
#[tokio::test]
async fn a_question_that_is_reset_leaves_the_kind_unknown() {
    let acceptor = TlsAcceptor::from(Arc::new(authority::rsa().server()));
    let (server, _) = server::serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            match lists_versions(&stream).await {
                true => drop(acceptor.accept(stream).await),
                false => server::reset(&stream),
            }
        }
    })
    .await;
    let mut prober = prober(&[server.port()], patient());
    prober.settings.certificates_only = true;
    let address = only_address(&record(&prober, &shop("tls", server.port())).await);
    assert_eq!(address["Certificates"][0]["For"], "RSA");
    assert_eq!(why(&address["Certificates"][1]), "the connection was reset");
}

/// Timestamps beside the certificate are asked for with its own suites; of another certificate they say nothing.
#[tokio::test]
async fn timestamps_are_those_of_the_certificate() {
    let public = |prober: &mut lockfast_probe::Prober| {
        let roots = vec![authority::ca().der.clone()];
        prober.roots = Roots::of(roots, Authority::Public).unwrap();
    };
    let port = free_port();
    if let Some(_server) = nginx(
        port,
        &format!(
            "server {{ listen 127.0.0.1:{port} ssl; server_name {SHOP}; ssl_protocols TLSv1.2 TLSv1.3;
{}{} return 200; }}",
            pem(authority::rsa()),
            pem(authority::ecdsa()),
        ),
    ) {
        let mut prober = prober(&[port], patient());
        public(&mut prober);
        let address = only_address(&record(&prober, &shop("tls", port)).await);
        assert_eq!(kinds(&address), ["ECDSA", "RSA"]);
        for seen in address["Certificates"].as_array().unwrap() {
            assert_eq!(seen["Transparency"]["Kept"], false, "{seen:#}");
        }
    }
    // One that shows another to those who ask.
    let [own, other] = [authority::ecdsa(), authority::client()]
        .map(|pair| TlsAcceptor::from(Arc::new(pair.server())));
    let (server, _) = server::serve(move |stream| {
        let (own, other) = (own.clone(), other.clone());
        async move {
            match lists_versions(&stream).await {
                true => drop(own.accept(stream).await),
                false => drop(other.accept(stream).await),
            }
        }
    })
    .await;
    let mut prober = prober(&[server.port()], patient());
    public(&mut prober);
    prober.settings.certificates_only = true;
    let address = only_address(&record(&prober, &shop("tls", server.port())).await);
    let kept = why(&address["Certificates"][0]["Transparency"]["Kept"]);
    assert!(kept.contains("another certificate"), "{kept}");
}
