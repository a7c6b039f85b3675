//! One endpoint, measured: the record that controls judge.

use crate::certificates::Speaks;
use crate::handshake::{Failed, Handshakes, Kind};
use crate::http::{Plain, hsts};
use crate::simulate::{Tightening, simulated};
use crate::{Host, Place, Resolved, Resolver, Role, Route, Target, unknown};
use jiff::Timestamp;
use lockfast_certificate::Roots;
use lockfast_facts::ENDPOINT;
use lockfast_snapshot::Found;
use lockfast_tls::{
    BoxStream, Channel, Dial, Dialing, Limits, Login, Pace, Plaintext, Protocol, Shown, Why,
    begin_login, compare, plaintext,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is measured, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How TLS is scanned, and what one connection may take. Its connections are all that are made to one address, handshakes,
    /// plaintext and HTTP with them; some are kept from the scan for these.
    pub scan: lockfast_tls::Settings,
    /// The way there.
    pub route: Route,
    /// The port of plain HTTP beside HTTPS; 80 beside 443 when it is not said, and else none.
    pub http_port: Option<u16>,
    /// Only the certificates.
    pub certificates_only: bool,
    /// Whether to tell which clients would connect after tightening; asks for a full scan.
    pub simulate: Option<Tightening>,
}

/// Why there is no answer over TLS where none came about.
pub(crate) const NO_HANDSHAKE: &str = "no handshake came about";

/// Connections that are kept for what comes after the scan: handshakes for two kinds of certificates, as many questions in
/// plaintext, what a database does without TLS, and HTTP.
const RESERVED: usize = 6;

/// Connections to one address, whatever they are for.
#[derive(Debug)]
pub(crate) struct Count {
    most: usize,
    made: AtomicUsize,
}

impl Count {
    fn new(most: usize) -> Arc<Self> {
        let made = AtomicUsize::new(0);
        Arc::new(Count { most, made })
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    /// Counts one that is about to be made.
    ///
    /// # Errors
    /// When none is left, in words.
    pub(crate) fn add(&self) -> Result<(), String> {
        let more = |made| (made < self.most).then_some(made + 1);
        let added = self
            .made
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        match added {
            Ok(_) => Ok(()),
            Err(_) => Err(Why::TooManyConnections(self.most).to_string()),
        }
    }

    /// How many a scan may have of them.
    fn for_scan(&self) -> usize {
        self.most - RESERVED.min(self.most / 2)
    }
}

/// Measures endpoints.
pub struct Prober {
    /// What is measured, and how.
    pub settings: Settings,
    /// Asks DNS.
    pub resolver: Resolver,
    /// How often an address gets a connection.
    pub pace: Pace,
    /// Shakes hands.
    pub handshakes: Handshakes,
    /// Whom certificates may come from.
    pub roots: Roots,
}

impl Prober {
    /// Measures an endpoint at each of its addresses, one after the other. What cannot be learned is unknown in the record, so
    /// that there always is one.
    pub async fn measure(&self, target: &Target) -> Found {
        let now = Timestamp::now();
        let time = now.round(jiff::Unit::Second).unwrap_or(now).to_string();
        let mut record = Map::new();
        record.insert("Host".into(), target.host.to_string().into());
        record.insert("Port".into(), target.port.into());
        record.insert("Protocol".into(), target.protocol.name().into());
        record.insert("Time".into(), time.clone().into());
        let mut of_name = target.role;
        if let Host::Name(name) = &target.host {
            of_name = of_name.or_else(|| Role::of_name(name));
        }
        let mut seen = None;
        match self.places(target).await {
            Err(why) => {
                record.insert("Addresses".into(), unknown("dns", &why));
            }
            Ok((places, resolved)) => {
                let canonical = resolved.canonical_names;
                let roles = canonical.iter().find_map(|name| Role::of_name(name));
                of_name = of_name.or(roles);
                if !canonical.is_empty() {
                    record.insert("CanonicalNames".into(), canonical.into());
                }
                if resolved.left_out > 0 {
                    record.insert("AddressesLeftOut".into(), resolved.left_out.into());
                }
                if let Some(why) = resolved.unknown {
                    record.insert("AddressesUnknown".into(), unknown("dns", &why));
                }
                let mut addresses = Vec::with_capacity(places.len());
                for place in &places {
                    let (address, said) = self.address(target, place).await;
                    addresses.push(address);
                    seen = seen.or(said);
                }
                let (addresses, out_of_reach) = within_reach(listening(addresses));
                record.insert("Addresses".into(), addresses.into());
                if !out_of_reach.is_empty() {
                    record.insert("OutOfReach".into(), out_of_reach.into());
                }
            }
        }
        let database = match target.protocol {
            Protocol::PostgreSql
            | Protocol::MySql
            | Protocol::Redis
            | Protocol::MongoDb
            | Protocol::Dax => Some(Role::Database),
            _ => None,
        };
        if let Some(role) = of_name.or(seen).or(database) {
            record.insert("Role".into(), json!(role));
        }
        if let Some(of) = &target.of {
            record.insert("Of".into(), json!(of));
        }
        if let (Host::Name(name), false) = (&target.host, target.protocol == Protocol::Http) {
            let caa = match self.resolver.caa(name).await {
                Ok(records) => json!(records),
                Err(why) => unknown("dns", &why),
            };
            record.insert("Caa".into(), caa);
        }
        Found {
            kind: ENDPOINT.into(),
            name: target.name(),
            from: BTreeMap::from([(String::new(), format!("{} at {time}", target.name()))]),
            properties: record.into(),
            ..Found::default()
        }
    }

    async fn places(&self, target: &Target) -> Result<(Vec<Place>, Resolved), String> {
        if let (Host::Name(name), true) = (&target.host, self.settings.route.resolves_names()) {
            let place = Place::Named(name.clone(), target.port);
            return Ok((vec![place], Resolved::default()));
        }
        let resolved = self.resolver.addresses(&target.host, target.port).await?;
        let place = |ip| Place::At(SocketAddr::new(ip, target.port));
        let places = resolved.addresses.iter().copied().map(place).collect();
        Ok((places, resolved))
    }

    /// What an address shows, and what AWS's front door says it is.
    async fn address(&self, target: &Target, place: &Place) -> (Value, Option<Role>) {
        let mut record = Map::new();
        let shown = match place {
            Place::At(address) => address.ip().to_string(),
            Place::Named(name, _) => name.clone(),
        };
        record.insert("Address".into(), shown.into());
        let mut role = None;
        let most = self.settings.scan.max_connections;
        let count = Count::new(most.min(target.protocol.max_connections()));
        if target.protocol != Protocol::Http {
            role = self.tls(target, place, &count, &mut record).await;
        }
        if !self.settings.certificates_only {
            self.plain_http(target, place, &count, &mut record).await;
        }
        record.insert("Connections".into(), count.made().into());
        (record.into(), role)
    }

    /// What plain HTTP does, where it is the protocol or stands beside it.
    async fn plain_http(
        &self,
        target: &Target,
        place: &Place,
        count: &Count,
        record: &mut Map<String, Value>,
    ) {
        let port = match target.protocol {
            Protocol::Http => Some(target.port),
            Protocol::Https => self
                .settings
                .http_port
                .or((target.port == 443).then_some(80)),
            _ => None,
        };
        if let Some(port) = port {
            let at = match place {
                Place::At(address) => Place::At(SocketAddr::new(address.ip(), port)),
                Place::Named(name, _) => Place::Named(name.clone(), port),
            };
            let plain = Plain {
                pace: &self.pace,
                count,
                route: &self.settings.route,
                resolver: &self.resolver,
                connect: self.settings.scan.limits.connect,
                answer: self.settings.scan.limits.answer,
            };
            let host = target.host_in_url();
            record.insert("Http".into(), plain.measure(&host, &at, port).await);
        }
    }

    /// Whether an answer over HTTPS is wanted.
    pub(crate) fn asks_https(&self, target: &Target) -> bool {
        target.protocol == Protocol::Https && !self.settings.certificates_only
    }

    async fn tls(
        &self,
        target: &Target,
        place: &Place,
        count: &Arc<Count>,
        record: &mut Map<String, Value>,
    ) -> Option<Role> {
        let limits = self.settings.scan.limits;
        let way = Way {
            route: self.settings.route.clone(),
            place: place.clone(),
            limits,
            count: Arc::clone(count),
        };
        let wire = lockfast_tls::Target::new(
            SocketAddr::new(ip(place), target.port),
            target.sni().map(str::to_owned),
        )
        .speaking(target.protocol)
        .through(Arc::new(way));
        let mut speaks = Speaks::anything();
        if !self.settings.certificates_only {
            let settings = lockfast_tls::Settings {
                max_connections: count.for_scan(),
                ..self.settings.scan
            };
            let scan = lockfast_tls::scan(&wire, settings, &self.pace).await;
            speaks = Speaks::of(&scan);
            record.insert("Tls".into(), json!(scan));
            if let Some(tightening) = self.settings.simulate {
                record.insert("Clients".into(), simulated(&scan, tightening));
            }
        }
        let mut role = None;
        if speaks.something {
            let (certificates, head) = self.certificates(target, &wire, &speaks).await;
            if self.asks_https(target) {
                let (status, hsts) = match head {
                    Ok(head) => {
                        role = crate::http::role(&head.headers);
                        (head.status.as_u16().into(), hsts(&head.headers))
                    }
                    Err(why) => (unknown("https", &why), unknown("https", &why)),
                };
                record.insert("HttpsStatus".into(), status);
                record.insert("Hsts".into(), hsts);
            }
            record.insert("Certificates".into(), certificates);
        } else {
            if let Some(why) = &speaks.unknown {
                record.insert("Certificates".into(), unknown("handshake", why));
            }
            if self.asks_https(target) {
                record.insert("HttpsStatus".into(), unknown("https", NO_HANDSHAKE));
                record.insert("Hsts".into(), unknown("https", NO_HANDSHAKE));
            }
        }
        if target.protocol.has_plaintext() && !self.settings.certificates_only {
            record.insert(
                "Plaintext".into(),
                self.plaintext(target, &wire, &speaks).await,
            );
        }
        role
    }
}

impl Prober {
    /// Whether plaintext is refused. Where the answer says only that the login is turned away, what the same login gets over TLS
    /// decides.
    async fn plaintext(
        &self,
        target: &Target,
        wire: &lockfast_tls::Target,
        speaks: &Speaks,
    ) -> Value {
        let (login, limits) = (Login::default(), self.settings.scan.limits);
        let mut said = plaintext(wire, &login, limits, &self.pace).await;
        let ambiguous = matches!(
            &said,
            Plaintext::Unknown(Why::TurnedAway(_) | Why::LoginFirst(_) | Why::Closed)
        );
        if ambiguous && speaks.something {
            let over_tls = match target.protocol {
                Protocol::Redis | Protocol::MongoDb => Plaintext::Accepted {
                    answer: String::new(),
                },
                _ => match self.shake(target, wire, Kind::Any).await {
                    (_, Ok(stream)) => {
                        begin_login(target.protocol, stream, Channel::Tls, &login, limits).await
                    }
                    (_, Err(failed)) => {
                        let failed =
                            format!("no handshake to compare the answer with: {}", failed.why);
                        return json!({ "Refused": unknown("plaintext", &failed) });
                    }
                },
            };
            said = compare(target.protocol, said, &over_tls);
        }
        match said {
            Plaintext::Refused { answer } => json!({ "Refused": true, "Answer": answer }),
            Plaintext::Accepted { answer } => json!({ "Refused": false, "Answer": answer }),
            Plaintext::Unknown(why) => json!({ "Refused": unknown("plaintext", &why.to_string()) }),
        }
    }

    pub(crate) async fn shake(
        &self,
        target: &Target,
        wire: &lockfast_tls::Target,
        kind: Kind,
    ) -> (
        Option<Shown>,
        Result<tokio_rustls::client::TlsStream<BoxStream>, Failed>,
    ) {
        let limits = self.settings.scan.limits;
        self.pace.wait(wire.address.ip()).await;
        let stream = match wire.open(limits).await {
            Ok(stream) => stream,
            Err(error) => {
                return (None, Err(Failed::because(error.to_string())));
            }
        };
        // With HTTP/2 the answer's head would be another format.
        let alpn: &[&[u8]] = match target.protocol {
            Protocol::Https => &[b"http/1.1"],
            Protocol::PostgreSql => &[b"postgresql"],
            _ => &[],
        };
        let to = (target.sni(), wire.address.ip());
        self.handshakes
            .shake(stream, to, kind, alpn, limits.answer)
            .await
    }
}

/// Says of an address that refuses connections while another of the same name does not that nothing listens there: it is no part
/// of the endpoint, as `::1` of a `localhost` that serves IPv4 alone. Where all refuse, what would be there is unknown. What answers
/// plain HTTP there is judged as such.
fn listening(mut addresses: Vec<Value>) -> Vec<Value> {
    let refuses = |address: &Value| {
        let versions = address
            .get("Tls")
            .and_then(|tls| tls.get("Versions"))
            .and_then(Value::as_object);
        let refused = |value: &Value| {
            value["$unknown"]["error"] == not_connected(ErrorKind::ConnectionRefused)
        };
        versions.is_some_and(|versions| versions.values().all(refused))
    };
    if addresses.iter().all(refuses) {
        return addresses;
    }
    for address in &mut addresses {
        if refuses(address) {
            let mut left = json!({ "Address": address["Address"], "Listening": false });
            if address["Http"]["Answers"] == true {
                left["Http"] = address["Http"].take();
            }
            *address = left;
        }
    }
    addresses
}

/// What the system says of a connection that did not come about; a proxy has words of its own.
fn not_connected(kind: ErrorKind) -> String {
    Why::NotConnected(kind).to_string()
}

/// Parts the addresses that this machine has no route to (IPv6 where it has IPv4 alone) from those it has, unless there are no
/// others: they are told of, and the others judged. A network that is there and a host that is not may be the host's fault.
fn within_reach(addresses: Vec<Value>) -> (Vec<Value>, Vec<Value>) {
    let no_route = |address: &Value| {
        let versions = address["Tls"]["Versions"].as_object()?;
        let no_route = |value: &Value| {
            value["$unknown"]["error"] == not_connected(ErrorKind::NetworkUnreachable)
        };
        versions
            .values()
            .all(no_route)
            .then(|| address["Address"].clone())
    };
    let out_of_reach: Vec<Value> = addresses.iter().filter_map(no_route).collect();
    match out_of_reach.len() < addresses.len() {
        true => {
            let within = addresses
                .into_iter()
                .filter(|address| no_route(address).is_none());
            (within.collect(), out_of_reach)
        }
        false => (addresses, Vec::new()),
    }
}

/// The way to one place, for the scanner.
#[derive(Debug)]
struct Way {
    route: Route,
    place: Place,
    limits: Limits,
    count: Arc<Count>,
}

impl Dial for Way {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async {
            self.count.add().map_err(std::io::Error::other)?;
            let stream = self.route.open(&self.place, self.limits.connect).await?;
            Ok(Box::new(stream) as BoxStream)
        })
    }
}

/// The address whose turns a place has; behind a proxy that resolves names all share one.
pub(crate) fn ip(place: &Place) -> IpAddr {
    place.ip().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(name: &str, kind: ErrorKind, http: Value) -> Value {
        let why = unknown("TLSv1.2", &not_connected(kind));
        json!({ "Address": name, "Tls": { "Versions": { "TLSv1.2": why } }, "Http": http })
    }

    fn there() -> Value {
        json!({ "Address": "there", "Tls": { "Versions": { "TLSv1.2": true } } })
    }

    #[test]
    fn what_answers_plain_http_alone_is_kept_as_that() {
        let refused = |http| address("::1", ErrorKind::ConnectionRefused, http);
        let answers = json!({ "Answers": true, "RedirectsToHttps": false });
        let kept = listening(vec![refused(answers.clone()), there()]);
        assert_eq!(
            kept[0],
            json!({ "Address": "::1", "Listening": false, "Http": answers })
        );
        let silent = [
            json!({ "Answers": false }),
            json!({ "Answers": unknown("http", "x") }),
        ];
        for http in silent {
            let kept = listening(vec![refused(http), there()]);
            assert_eq!(kept[0], json!({ "Address": "::1", "Listening": false }));
        }
        // Whoever says nothing, or is spoken for by a proxy, may listen.
        let silent = address("::1", ErrorKind::TimedOut, json!({}));
        let mut proxied = silent.clone();
        proxied["Tls"]["Versions"]["TLSv1.2"] = unknown(
            "TLSv1.2",
            "no connection: the proxy p:1: connection refused",
        );
        for address in [silent, proxied] {
            assert_eq!(listening(vec![address.clone(), there()])[0], address);
        }
    }

    #[test]
    fn only_what_has_no_route_is_out_of_reach() {
        let of = |kind| within_reach(vec![address("::1", kind, json!({})), there()]);
        let (within, out) = of(ErrorKind::NetworkUnreachable);
        assert_eq!((within.len(), out), (1, vec![json!("::1")]));
        let (within, out) = of(ErrorKind::HostUnreachable);
        assert_eq!((within.len(), out.len()), (2, 0));
    }
}
