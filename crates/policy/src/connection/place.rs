//! Where a connection leads: it stays on the host, inside the network, or goes outside.

use super::Connection;
use lockfast_facts::Inventory;
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
            // A path, or no host at all, is a socket to libpq.
            "" => self.host_of.is_none() && self.host_unknown.is_none() && self.engine.is_some(),
            host => stays_on_host(host),
        }
    }

    /// Whether it leads outside; `None` when that is not known.
    pub(crate) fn leads_outside(&self, inventory: &Inventory) -> Option<bool> {
        if let Some(reference) = &self.host_of {
            let resource = inventory.resource(reference.target);
            return match &*resource.kind {
                "AWS::ElasticLoadBalancingV2::LoadBalancer"
                | "AWS::ElasticLoadBalancing::LoadBalancer" => {
                    match resource.at("Scheme").string() {
                        lockfast_facts::Read::Unknown(..) => None,
                        scheme => Some(scheme.found().as_deref() != Some("internal")),
                    }
                }
                kind if kind.starts_with("AWS::ServiceDiscovery::") => Some(false),
                "AWS::CloudFront::Distribution"
                | "AWS::Lambda::Url"
                | "AWS::AppRunner::Service" => Some(true),
                _ => None,
            };
        }
        let host = self.host.as_str();
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(!is_private(address));
        }
        if stays_on_host(host) || PRIVATE.iter().any(|end| host.ends_with(end)) {
            return Some(false);
        }
        match host.rsplit_once('.') {
            // The end of a name decides; one that is not known may be any.
            Some((_, end)) if end.contains('*') => None,
            Some(_) => Some(true),
            None if host.contains('*') => None,
            None => Some(false),
        }
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
        ".cache.",
        ".es.",
        ".aoss.",
        ".awsapprunner.",
        ".auth.",
    ];
    aws && !customers.iter().any(|part| host.contains(part))
}
