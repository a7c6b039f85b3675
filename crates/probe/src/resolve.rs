//! Names to addresses, and what DNS says of who may issue certificates.

use crate::Host;
use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{Resolver as Hickory, TokioResolver};
use serde::Serialize;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// More addresses than this of one name are not asked: no honest name has them, and a hostile one would have us knock
/// at thousands of doors.
pub const MOST_ADDRESSES: usize = 16;

/// How to resolve.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The server to ask; the system's when there is none.
    pub server: Option<SocketAddr>,
    /// Which addresses count.
    pub family: Family,
    /// Addresses in the place of those that DNS would tell, by host and port.
    pub instead: HashMap<(String, u16), Vec<IpAddr>>,
    /// How long one question may take.
    pub timeout: Duration,
}

/// Which addresses of a name count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// Both.
    #[default]
    Any,
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What a name leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Its addresses, sorted, [`MOST_ADDRESSES`] at most.
    pub addresses: Vec<IpAddr>,
    /// How many more there are.
    pub left_out: usize,
    /// The names that it stands for (CNAME), in order.
    pub canonical_names: Vec<String>,
    /// Why there may be more, of the family that DNS did not tell.
    pub unknown: Option<String>,
}

/// A CAA record (RFC 8659, section 4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Caa {
    /// The name at which it stands.
    pub name: String,
    /// Bit 7 says that who does not understand the tag may not issue.
    pub flags: u8,
    /// `issue`, `issuewild`, `iodef`, …
    pub tag: String,
    /// Its value.
    pub value: String,
}

/// Asks DNS.
pub struct Resolver {
    dns: Result<TokioResolver, String>,
    settings: Settings,
}

impl Resolver {
    /// With the system's configuration, or the server given. Where the former cannot be read, every question says so.
    pub fn new(settings: Settings) -> Self {
        let build = || {
            let mut options = ResolverOpts::default();
            let config = match settings.server {
                Some(server) => {
                    let mut at = NameServerConfig::udp_and_tcp(server.ip());
                    for connection in &mut at.connections {
                        connection.port = server.port();
                    }
                    ResolverConfig::from_name_servers(vec![at])
                }
                None => {
                    let read = hickory_resolver::system_conf::read_system_conf();
                    let (config, of_system) = read.map_err(|e| e.to_string())?;
                    options = of_system;
                    config
                }
            };
            options.ip_strategy = match settings.family {
                Family::Any => LookupIpStrategy::Ipv4AndIpv6,
                Family::V4 => LookupIpStrategy::Ipv4Only,
                Family::V6 => LookupIpStrategy::Ipv6Only,
            };
            options.timeout = settings.timeout;
            options.attempts = 2;
            options.preserve_intermediates = true;
            let mut builder = Hickory::builder_with_config(config, TokioRuntimeProvider::default());
            *builder.options_mut() = options;
            builder.build().map_err(|e| e.to_string())
        };
        Resolver {
            dns: build(),
            settings,
        }
    }

    /// The addresses of a host.
    ///
    /// # Errors
    /// What DNS said instead.
    pub async fn addresses(&self, host: &Host, port: u16) -> Result<Resolved, String> {
        let name = match host {
            Host::Address(address) => {
                return Ok(Resolved {
                    addresses: vec![*address],
                    ..Resolved::default()
                });
            }
            Host::Name(name) => name,
        };
        if let Some(addresses) = self.settings.instead.get(&(name.clone(), port)) {
            return Ok(Resolved {
                addresses: addresses.clone(),
                ..Resolved::default()
            });
        }
        let dns = self.dns.as_ref().map_err(Clone::clone)?;
        let answer = dns.lookup_ip(format!("{name}.")).await;
        let answer = answer.map_err(|error| said(&error.to_string()))?;
        let mut resolved = Resolved::default();
        let records = answer.as_lookup().answers();
        for record in records.iter().take(1000) {
            if let RData::CNAME(to) = &record.data {
                let to = to.to_string().trim_end_matches('.').to_ascii_lowercase();
                if !resolved.canonical_names.contains(&to) {
                    resolved.canonical_names.push(to);
                }
            }
        }
        resolved.canonical_names.truncate(MOST_ADDRESSES);
        let mut addresses: Vec<IpAddr> = answer.iter().collect();
        if self.settings.family == Family::Any {
            resolved.unknown = Self::missing_family(dns, name, &addresses).await;
        }
        addresses.sort_unstable();
        addresses.dedup();
        resolved.left_out = addresses.len().saturating_sub(MOST_ADDRESSES);
        addresses.truncate(MOST_ADDRESSES);
        resolved.addresses = addresses;
        match resolved.addresses.is_empty() {
            true => Err("the name has no addresses".into()),
            false => Ok(resolved),
        }
    }

    /// Why there is no address of one family, unless DNS says that there is none: what asks for both is content with one.
    async fn missing_family(
        dns: &TokioResolver,
        name: &str,
        addresses: &[IpAddr],
    ) -> Option<String> {
        let kind = match (
            addresses.iter().any(IpAddr::is_ipv4),
            addresses.iter().any(IpAddr::is_ipv6),
        ) {
            (true, false) => RecordType::AAAA,
            (false, true) => RecordType::A,
            _ => return None,
        };
        match dns.lookup(format!("{name}."), kind).await {
            Err(error) if !error.is_no_records_found() => {
                Some(format!("{kind}: {}", said(&error.to_string())))
            }
            _ => None,
        }
    }

    /// The CAA records that hold for a name: its own, or those of the nearest name above that has some (RFC 8659,
    /// section 3). None when there are none, and then everybody may issue.
    ///
    /// # Errors
    /// What DNS said instead.
    pub async fn caa(&self, name: &str) -> Result<Vec<Caa>, String> {
        let dns = self.dns.as_ref().map_err(Clone::clone)?;
        let mut at = name;
        // Up to the top-level domain, whose registry may have some, and not to the root. No name has more labels than 127.
        while !at.is_empty() {
            let found = match dns.lookup(format!("{at}."), RecordType::CAA).await {
                Ok(answer) => {
                    let caa = |record: &hickory_resolver::proto::rr::Record| match &record.data {
                        RData::CAA(caa) => Some(Caa {
                            name: at.to_owned(),
                            flags: caa.flags(),
                            tag: printable(caa.tag.as_bytes()),
                            value: printable(&caa.value),
                        }),
                        _ => None,
                    };
                    answer.answers().iter().filter_map(caa).take(64).collect()
                }
                Err(error) if error.is_no_records_found() => Vec::new(),
                Err(error) => return Err(said(&error.to_string())),
            };
            if !found.is_empty() {
                return Ok(found);
            }
            at = at.split_once('.').map_or("", |(_, above)| above);
        }
        Ok(Vec::new())
    }
}

/// The first line of an error, shortened: a server's words may be long.
fn said(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    line.chars().take(200).collect()
}

fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
