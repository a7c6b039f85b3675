//! Where a connection leads: it stays on the host, inside the network, or goes outside.

use super::{Connection, Engine};
use crate::cx::Cx;
use lockfast_facts::{Inventory, Read, Value};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Endings of names that are no public domains (RFC 6762, appendix G; RFC 8375; cloud networks).
const PRIVATE: [&str; 11] = [
    ".local",
    ".internal",
    ".intranet",
    ".private",
    ".corp",
    ".home",
    ".lan",
    ".localdomain",
    ".svc",
    ".home.arpa",
    ".test",
];

impl Connection {
    /// True when it does not leave the host: loopback, link-local, a socket.
    pub(crate) fn stays_on_host(&self) -> bool {
        match self.host.as_str() {
            // No host at all is a socket, or the loopback address, to these.
            "" => {
                self.host_of.is_none()
                    && self.host_unknown.is_none()
                    && matches!(self.engine, Some(Engine::Postgres | Engine::Mysql))
            }
            // The folder of a socket.
            host if host.starts_with('/') => self.engine.is_some(),
            host => stays_on_host(host),
        }
    }

    /// Whether it leads outside; `None` when that is not known.
    pub(crate) fn leads_outside(&self, cx: &Cx<'_>) -> Option<bool> {
        let Some(reference) = &self.host_of else {
            return leads_outside(cx, &self.host);
        };
        let resource = cx.inventory.resource(reference.target);
        match &*resource.kind {
            "AWS::ElasticLoadBalancingV2::LoadBalancer"
            | "AWS::ElasticLoadBalancing::LoadBalancer" => match resource.at("Scheme").string() {
                Read::Unknown(..) => None,
                scheme => Some(scheme.found().as_deref() != Some("internal")),
            },
            "AWS::Route53::RecordSet" => {
                let name = resource.at("Name").string().found()?;
                leads_outside(cx, &name.to_ascii_lowercase())
            }
            kind if kind.starts_with("AWS::ServiceDiscovery::") => Some(false),
            "AWS::CloudFront::Distribution" | "AWS::Lambda::Url" | "AWS::AppRunner::Service" => {
                Some(true)
            }
            _ => None,
        }
    }
}

fn leads_outside(cx: &Cx<'_>, host: &str) -> Option<bool> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(!is_private(address));
    }
    let name = host.trim_end_matches('.');
    if stays_on_host(name) || PRIVATE.iter().any(|end| name.ends_with(end)) {
        return Some(false);
    }
    if let Some(is_private) = cx.zones().is_private(name) {
        return is_private.then_some(false);
    }
    match host.rsplit_once('.') {
        // The end of a name decides; one that is not known may be any.
        Some((_, end)) if end.contains('*') => None,
        Some(_) => Some(true),
        None if host.contains('*') => None,
        None => Some(false),
    }
}

/// The names that only private networks resolve, as what was given makes them: private hosted zones,
/// namespaces of Cloud Map, names of Service Connect. True for those, false for a zone that is also
/// public.
pub(crate) struct Zones(HashMap<String, bool>);

impl Zones {
    pub(crate) fn of(inventory: &Inventory) -> Zones {
        let mut zones: HashMap<String, bool> = HashMap::new();
        let mut add = |name: Read<&Value>, is_private: bool| {
            if let Read::Found(name, _) = name.string()
                && !name.starts_with("arn:")
            {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                let known = zones.entry(name).or_insert(is_private);
                *known &= is_private;
            }
        };
        for subject in inventory.subjects(&[
            "AWS::ServiceDiscovery::PrivateDnsNamespace",
            "AWS::ServiceDiscovery::HttpNamespace",
        ]) {
            add(subject.at("Name"), true);
        }
        for subject in inventory.subjects(&["AWS::Route53::HostedZone"]) {
            let is_private = matches!(subject.at("VPCs").list(), Read::Found([_, ..], _));
            add(subject.at("Name"), is_private);
        }
        for subject in inventory.subjects(&["AWS::ECS::Cluster"]) {
            add(subject.at("ServiceConnectDefaults.Namespace"), true);
        }
        for subject in inventory.subjects(&["AWS::ECS::Service"]) {
            add(subject.at("ServiceConnectConfiguration.Namespace"), true);
            for name in
                subject.each("ServiceConnectConfiguration.Services.*.ClientAliases.*.DnsName")
            {
                add(name, true);
            }
        }
        Zones(zones)
    }

    /// By the longest zone around a name; `None` outside of all.
    fn is_private(&self, host: &str) -> Option<bool> {
        let parents = std::iter::successors(Some(host), |name| Some(name.split_once('.')?.1));
        parents
            .into_iter()
            .find_map(|name| self.0.get(name).copied())
    }
}

/// True for loopback and link-local hosts (RFC 6761, RFC 3927, RFC 4291).
pub(crate) fn stays_on_host(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(v4)) => v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
        Ok(IpAddr::V6(v6)) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// True for addresses that no host of the internet has (RFC 1918, RFC 4193, RFC 6598).
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            // RFC 6598: the addresses of carriers, which AWS's pods and VPCs use too.
            let shared = v4 & Ipv4Addr::new(255, 192, 0, 0) == Ipv4Addr::new(100, 64, 0, 0);
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || shared
        }
        IpAddr::V6(v6) => {
            v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6 == Ipv6Addr::LOCALHOST
                || v6.is_unspecified()
        }
    }
}

/// True for the endpoints of AWS's own APIs, and not of what customers run behind its names.
pub(crate) fn is_aws_api(host: &str) -> bool {
    let aws = host.ends_with(".amazonaws.com")
        || host.ends_with(".amazonaws.com.cn")
        || host.ends_with(".api.aws");
    let customers = [
        ".execute-api.",
        ".elb.",
        ".lambda-url.",
        ".s3-website",
        ".compute.",
        ".rds.",
        ".docdb.",
        ".neptune.",
        ".redshift.",
        ".redshift-serverless.",
        ".cache.",
        ".memorydb.",
        ".mq.",
        ".kafka.",
        ".kafka-serverless.",
        ".es.",
        ".aoss.",
        ".awsapprunner.",
        ".auth.",
    ];
    aws && !customers.iter().any(|part| host.contains(part))
}
