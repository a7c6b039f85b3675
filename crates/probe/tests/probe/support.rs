//! What tests have in common: certificates, servers and a prober that asks nobody outside.

pub mod authority;
pub mod dns;
pub mod program;
pub mod proxy;
pub mod server;

use lockfast_certificate::{Authority, Roots};
use lockfast_probe::{DnsSettings, Family, Handshakes, Prober, Resolver, Route, Settings, Target};
use lockfast_tls::{Limits, Pace};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// The name that all certificates here are for.
pub const SHOP: &str = "shop.example.com";

/// Time enough for a loaded machine: it is waited for only where a server never answers.
pub fn patient() -> Limits {
    Limits {
        connect: Duration::from_secs(20),
        answer: Duration::from_secs(30),
        ..Limits::default()
    }
}

/// For servers that never answer.
pub fn impatient() -> Limits {
    Limits {
        answer: Duration::from_millis(250),
        ..patient()
    }
}

/// A prober to whom [`SHOP`] is 127.0.0.1 at these ports, and no other name is anything.
pub fn prober(ports: &[u16], limits: Limits) -> Prober {
    let shop = |port: &u16| {
        let here = IpAddr::from(Ipv4Addr::LOCALHOST);
        ((SHOP.to_owned(), *port), vec![here])
    };
    let resolver = Resolver::new(DnsSettings {
        server: Some(dns::empty()),
        family: Family::Any,
        instead: ports.iter().map(shop).collect(),
        timeout: Duration::from_secs(5),
    });
    let roots = vec![authority::ca().der.clone()];
    Prober {
        settings: Settings {
            scan: lockfast_tls::Settings {
                limits,
                ..lockfast_tls::Settings::default()
            },
            route: Route::default(),
            http_port: None,
            certificates_only: false,
            simulate: None,
        },
        resolver,
        pace: Pace::per_second(0),
        handshakes: Handshakes::new(None),
        roots: Roots::of(roots, Authority::Private).unwrap(),
    }
}

/// [`SHOP`] at a port.
pub fn shop(scheme: &str, port: u16) -> Target {
    format!("{scheme}://{SHOP}:{port}").parse().unwrap()
}

/// The record's properties.
pub async fn record(prober: &Prober, target: &Target) -> Value {
    let found = prober.measure(target).await;
    assert_eq!(found.name, target.name());
    found.properties
}

/// The one address of [`SHOP`] at a port.
pub async fn measured(scheme: &str, address: SocketAddr, limits: Limits) -> Value {
    let prober = prober(&[address.port()], limits);
    only_address(&record(&prober, &shop(scheme, address.port())).await)
}

pub fn only_address(record: &Value) -> Value {
    let addresses = record["Addresses"].as_array();
    let addresses = addresses.unwrap_or_else(|| panic!("no addresses: {record:#}"));
    assert_eq!(addresses.len(), 1, "{record:#}");
    addresses[0].clone()
}

/// Why a fact is unknown; panics if it is known.
pub fn why(value: &Value) -> &str {
    let error = value["$unknown"]["error"].as_str();
    error.unwrap_or_else(|| panic!("this is known: {value:#}"))
}

/// Every fact in a record of an address is unknown, except for these (paths with dots).
pub fn nothing_is_known_but(address: &Value, known: &[&str]) {
    let mut told = Vec::new();
    walk(address, "", &mut told);
    told.retain(|path| path != "Address" && !path.ends_with("Connections") && path != "Http.Url");
    // That nothing was picked is no claim.
    told.retain(|path| path != "Tls.Accepted");
    let known: Vec<String> = known.iter().map(|path| (*path).to_owned()).collect();
    assert_eq!(told, known, "{address:#}");
}

fn walk(value: &Value, path: &str, told: &mut Vec<String>) {
    match value {
        Value::Object(entries) if entries.contains_key("$unknown") => {}
        Value::Object(entries) => {
            for (key, value) in entries {
                let path = match path {
                    "" => key.clone(),
                    path => format!("{path}.{key}"),
                };
                walk(value, &path, told);
            }
        }
        _ => told.push(path.to_owned()),
    }
}

/// What a future gives, which must be there in this time.
pub async fn within<T>(seconds: u64, future: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let limit = Duration::from_secs(seconds);
    let outcome = tokio::time::timeout(limit, future).await;
    outcome.unwrap_or_else(|_| panic!("not done after {:?}", began.elapsed()))
}
