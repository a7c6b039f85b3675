//! Names: what they lead to, and who may issue certificates for them.

use crate::support::dns::{Answer, a, caa, cname, serve};
use crate::support::*;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;
use lockfast_probe::{DnsSettings, Host, MOST_ADDRESSES, Resolver, Target};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Patient: it is waited for only where a server never answers.
const PATIENCE: Duration = Duration::from_secs(5);

fn resolver(server: SocketAddr, timeout: Duration) -> Resolver {
    Resolver::new(DnsSettings {
        server: Some(server),
        timeout,
        ..DnsSettings::default()
    })
}

/// The record of a name at a port that is closed: only DNS has something to say.
async fn asked(server: SocketAddr, name: &str) -> Value {
    asked_for(server, name, PATIENCE).await
}

async fn asked_for(server: SocketAddr, name: &str, timeout: Duration) -> Value {
    let mut prober = prober(&[], impatient());
    prober.resolver = resolver(server, timeout);
    let target: Target = format!("{name}:{}", program::free_port()).parse().unwrap();
    within(20, record(&prober, &target)).await
}

#[tokio::test]
async fn a_chain_of_names_into_aws_tells_the_role() {
    let server = serve(|name, kind| match (name, kind) {
        (SHOP, RecordType::A) => Answer::Records(vec![
            cname(SHOP, "www.example.net"),
            cname("www.example.net", "Shop-1.eu-central-1.ELB.amazonaws.com"),
            a("Shop-1.eu-central-1.ELB.amazonaws.com", HERE),
        ]),
        (SHOP, _) => Answer::Records(vec![cname(SHOP, "www.example.net")]),
        _ => Answer::Records(Vec::new()),
    });
    let record = asked(server, SHOP).await;
    assert_eq!(record["Role"], "LoadBalancer");
    assert_eq!(
        record["CanonicalNames"],
        json!(["www.example.net", "shop-1.eu-central-1.elb.amazonaws.com"])
    );
    assert_eq!(record["Addresses"][0]["Address"], "127.0.0.1");
    assert!(record.get("AddressesLeftOut").is_none());
}

/// More than go into one packet of UDP.
#[tokio::test]
async fn thousands_of_addresses_are_cut() {
    let server = serve(|name, kind| match kind {
        RecordType::A => {
            let address = |n: u32| Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + n);
            Answer::Records((0..2000).map(|n| a(name, address(n))).collect())
        }
        _ => Answer::Records(Vec::new()),
    });
    let host: Host = SHOP.parse().unwrap();
    let resolved = resolver(server, PATIENCE)
        .addresses(&host, 443)
        .await
        .unwrap();
    assert_eq!(resolved.addresses.len(), MOST_ADDRESSES);
    assert_eq!(resolved.left_out, 2000 - MOST_ADDRESSES);
    let record = asked(server, SHOP).await;
    assert_eq!(
        record["Addresses"].as_array().unwrap().len(),
        MOST_ADDRESSES
    );
    assert_eq!(record["AddressesLeftOut"], 2000 - MOST_ADDRESSES);
}

#[tokio::test]
async fn answers_that_are_none_leave_the_addresses_unknown() {
    let other = |_: &str, kind: RecordType| match kind {
        RecordType::A => Answer::Records(vec![a("other.example.com", HERE)]),
        RecordType::CAA => Answer::Records(vec![caa("other.example.com", "issue", b"evil")]),
        _ => Answer::Records(Vec::new()),
    };
    let round = |name: &str, _: RecordType| {
        let next = if name == SHOP { "b.example.com" } else { SHOP };
        Answer::Records(vec![cname(name, next)])
    };
    let record = asked(serve(other), SHOP).await;
    assert!(!why(&record["Addresses"]).is_empty());
    assert!(
        !record["Caa"].to_string().contains("evil"),
        "{}",
        record["Caa"]
    );
    assert!(record.get("CanonicalNames").is_none());
    let record = asked(serve(round), SHOP).await;
    assert!(!why(&record["Addresses"]).is_empty());
    for code in [ResponseCode::ServFail, ResponseCode::Refused] {
        let record = asked(serve(move |_, _| Answer::Code(code)), SHOP).await;
        assert!(!why(&record["Addresses"]).is_empty(), "{code}");
        // That nobody is named is known only from a server that says so.
        assert!(!why(&record["Caa"]).is_empty(), "{code}: {}", record["Caa"]);
    }
    let silent = serve(|_, _| Answer::Silence);
    let record = asked_for(silent, SHOP, Duration::from_millis(300)).await;
    assert!(!why(&record["Addresses"]).is_empty());
    assert!(!why(&record["Caa"]).is_empty());
}

/// What asks for both families is content with one: that the other is not known is told.
#[tokio::test]
async fn a_family_that_dns_fails_to_tell_is_unknown() {
    let half = |code| {
        move |name: &str, kind: RecordType| match kind {
            RecordType::A => Answer::Records(vec![a(name, HERE)]),
            RecordType::AAAA => Answer::Code(code),
            _ => Answer::Records(Vec::new()),
        }
    };
    let record = asked(serve(half(ResponseCode::ServFail)), SHOP).await;
    assert_eq!(record["Addresses"][0]["Address"], "127.0.0.1");
    assert!(why(&record["AddressesUnknown"]).starts_with("AAAA: "));
    let record = asked(serve(half(ResponseCode::NoError)), SHOP).await;
    assert!(record.get("AddressesUnknown").is_none());
}

#[tokio::test]
async fn a_name_that_does_not_exist_has_no_addresses_and_no_caa() {
    let record = asked(dns::empty(), SHOP).await;
    assert!(!why(&record["Addresses"]).is_empty());
    assert_eq!(record["Caa"], json!([]));
}

#[tokio::test]
async fn caa_of_the_nearest_name_counts() {
    let server = serve(|name, kind| match (name, kind) {
        ("example.com", RecordType::CAA) => Answer::Records(vec![
            caa(name, "issue", b"amazon.com"),
            caa(name, "issuewild", b";"),
        ]),
        ("com", RecordType::CAA) => Answer::Records(vec![caa(name, "issue", b"com")]),
        _ => Answer::Records(Vec::new()),
    });
    let found = resolver(server, PATIENCE)
        .caa("a.b.shop.example.com")
        .await
        .unwrap();
    assert_eq!(
        json!(found),
        json!([
            {"Name": "example.com", "Flags": 128, "Tag": "issue", "Value": "amazon.com"},
            {"Name": "example.com", "Flags": 128, "Tag": "issuewild", "Value": ";"},
        ])
    );
    // Also those of a top-level domain, where nothing stands below it.
    let found = resolver(server, PATIENCE).caa("other.com").await.unwrap();
    assert_eq!(
        json!(found),
        json!([{"Name": "com", "Flags": 128, "Tag": "issue", "Value": "com"}])
    );
}

#[tokio::test]
async fn caa_that_is_odd_is_short_and_printable() {
    let server = serve(|name, kind| match kind {
        RecordType::CAA => {
            let long = [b"\x1b[31m\xFF\xC2\x9B".to_vec(), vec![b'x'; 3000]].concat();
            let many = (0..300).map(|_| caa(name, "issue", &long));
            Answer::Records(many.take(20).collect())
        }
        _ => Answer::Records(Vec::new()),
    });
    let found = resolver(server, PATIENCE).caa(SHOP).await.unwrap();
    assert!(!found.is_empty() && found.len() <= 64);
    for record in found {
        assert!(record.value.chars().count() <= 200);
        assert!(
            !record.value.contains(char::is_control),
            "{:?}",
            record.value
        );
        assert_eq!(record.name, SHOP);
    }
}

#[tokio::test]
async fn an_address_is_not_looked_up() {
    let server = serve(|_, _| panic!("nothing is to be asked"));
    for text in ["127.0.0.1", "[::1]"] {
        let host: Host = text.trim_matches(['[', ']']).parse().unwrap();
        let resolved = resolver(server, PATIENCE)
            .addresses(&host, 443)
            .await
            .unwrap();
        assert_eq!(resolved.addresses.len(), 1);
    }
    let record = asked(server, "127.0.0.1").await;
    assert!(record.get("Caa").is_none());
}

/// Of two addresses the one that nothing listens at is no part of the endpoint, if the other answers.
#[tokio::test]
async fn an_address_where_nothing_listens_says_just_that() {
    let pair = authority::ecdsa();
    let server = server::serve_tls(pair, |_| async {}).await;
    let port = server.port();
    let both = vec!["127.0.0.1".parse().unwrap(), "127.9.9.9".parse().unwrap()];
    let mut prober = prober(&[], patient());
    prober.resolver = Resolver::new(DnsSettings {
        server: Some(dns::empty()),
        instead: [((SHOP.to_owned(), port), both)].into(),
        timeout: Duration::from_secs(5),
        ..DnsSettings::default()
    });
    let record = record(&prober, &shop("tls", port)).await;
    assert_eq!(record["Addresses"][0]["Tls"]["Versions"]["TLSv1.3"], true);
    assert_eq!(
        record["Addresses"][1],
        json!({"Address": "127.9.9.9", "Listening": false})
    );
}
