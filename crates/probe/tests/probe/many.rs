//! Many endpoints at once.

use crate::support::program::{free_port, nginx, text};
use crate::support::server::serve;
use crate::support::*;
use futures::StreamExt;
use lockfast_probe::{DnsSettings, Resolver, Target, measure_all};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// So many names of one server.
fn shops(count: usize, port: u16) -> (Vec<Target>, Resolver) {
    let name = |n: usize| format!("shop{n}.example.com");
    let here = || vec!["127.0.0.1".parse().unwrap()];
    let resolver = Resolver::new(DnsSettings {
        server: Some(dns::empty()),
        instead: (0..count).map(|n| ((name(n), port), here())).collect(),
        timeout: Duration::from_secs(20),
        ..DnsSettings::default()
    });
    let target = |n| format!("https://{}:{port}", name(n)).parse().unwrap();
    ((0..count).map(target).collect(), resolver)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_endpoints_at_once() {
    let port = free_port();
    let pair = authority::ecdsa();
    let (certificate, key) = (text(&pair.certificate), text(&pair.key));
    let Some(_server) = nginx(
        port,
        &format!(
            "server {{ listen 127.0.0.1:{port} ssl backlog=4096; ssl_certificate {certificate};
               ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
               add_header Strict-Transport-Security max-age=60; location / {{ return 200; }} }}"
        ),
    ) else {
        return;
    };
    let (targets, resolver) = shops(200, port);
    let mut prober = prober(&[], patient());
    prober.resolver = resolver;
    let stream = measure_all(Arc::new(prober), targets, 200);
    let found: Vec<_> = within(120, stream.collect()).await;
    let mut names = HashSet::new();
    for found in found {
        let found = found.unwrap();
        assert!(names.insert(found.name.clone()));
        let address = only_address(&found.properties);
        assert_eq!(address["Tls"]["Versions"]["TLSv1.3"], true, "{address:#}");
        assert_eq!(address["Hsts"]["MaxAge"], 60, "{address:#}");
    }
    assert_eq!(names.len(), 200);
}

/// No more at once than was asked for, and none goes on when nobody wants to know.
#[tokio::test]
async fn dropping_the_stream_ends_what_is_under_way() {
    let open = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&open);
    let (server, made) = serve(move |mut stream| {
        let open = Arc::clone(&counted);
        async move {
            open.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read_to_end(&mut Vec::new()).await;
            open.fetch_sub(1, Ordering::SeqCst);
        }
    })
    .await;
    let (targets, resolver) = shops(40, server.port());
    let mut prober = prober(&[], patient());
    prober.resolver = resolver;
    let mut stream = std::pin::pin!(Some(measure_all(Arc::new(prober), targets, 7)));
    {
        let mut waiting = stream.as_mut().as_pin_mut().unwrap();
        for _ in 0..100 {
            let some_time = Duration::from_millis(100);
            let next = tokio::time::timeout(some_time, waiting.next()).await;
            assert!(next.is_err(), "nothing answers, and there is no hurry");
            if open.load(Ordering::SeqCst) == 7 {
                break;
            }
        }
    }
    assert_eq!(open.load(Ordering::SeqCst), 7);
    stream.set(None);
    for _ in 0..100 {
        if open.load(Ordering::SeqCst) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(open.load(Ordering::SeqCst), 0);
    assert_eq!(made.load(Ordering::SeqCst), 7);
}

/// A runtime without a clock makes every measurement panic, which takes nothing else down.
#[test]
fn a_measurement_that_fails_as_a_program_gives_back_its_target() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let targets: Vec<Target> = ["127.0.0.1:1", "127.0.0.1:2"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    let stream = measure_all(Arc::new(prober(&[], patient())), targets.clone(), 1);
    let outcomes: Vec<_> = runtime.block_on(stream.collect());
    assert_eq!(outcomes.len(), 2);
    for (outcome, target) in outcomes.into_iter().zip(targets) {
        assert_eq!(outcome.err(), Some(target));
    }
}
