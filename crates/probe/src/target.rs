//! What is to be measured, and how people write it.

use lockfast_tls::Protocol;
use serde::Serialize;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An endpoint to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name or address.
    pub host: Host,
    /// Its TCP port.
    pub port: u16,
    /// What it speaks.
    pub protocol: Protocol,
    /// The name to ask for in its place (SNI, and the name that a certificate must carry).
    pub server_name: Option<String>,
    /// What it is to the system, where that is known before it is asked.
    pub role: Option<Role>,
    /// What declares it.
    pub of: Option<Declared>,
}

/// A name or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A DNS name in lower case, in ASCII (RFC 5890), without the last dot.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// What an endpoint is to the system: it says which clauses it is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Role {
    /// A load balancer.
    LoadBalancer,
    /// A CloudFront distribution.
    Distribution,
    /// An API of API Gateway.
    Api,
    /// A database.
    Database,
    /// An API of others, which the system calls.
    Outside,
}

impl Role {
    /// All of them, with the words of the command line.
    pub const ALL: [(&'static str, Role); 5] = [
        ("load-balancer", Role::LoadBalancer),
        ("distribution", Role::Distribution),
        ("api", Role::Api),
        ("database", Role::Database),
        ("outside", Role::Outside),
    ];

    /// What a name under AWS's own domains is (AWS General Reference, "Service endpoints and quotas").
    pub fn of_name(name: &str) -> Option<Role> {
        let name = name.trim_end_matches('.');
        let under = |suffix: &str| name.ends_with(suffix);
        let aws = under(".amazonaws.com") || under(".amazonaws.com.cn");
        if under(".cloudfront.net") || under(".cloudfront.cn") {
            return Some(Role::Distribution);
        }
        if !aws {
            return None;
        }
        const DATABASES: [&str; 8] = [
            "rds",
            "docdb",
            "neptune",
            "redshift",
            "redshift-serverless",
            "cache",
            "memorydb",
            "dax-clusters",
        ];
        let has = |label: &str| name.split('.').any(|part| part == label);
        if has("elb") {
            Some(Role::LoadBalancer)
        } else if has("execute-api") {
            Some(Role::Api)
        } else if DATABASES.into_iter().any(has) {
            Some(Role::Database)
        } else {
            None
        }
    }
}

/// What declares an endpoint, and what it promises.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Declared {
    /// The CloudFormation type.
    pub r#type: String,
    /// Its logical id, or the live resource's name.
    pub name: String,
    /// Its Amazon Resource Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Where that was read.
    pub r#where: String,
    /// AWS's name of the TLS security policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_policy: Option<String>,
    /// The oldest version that it accepts, such as `TLSv1.2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_version: Option<String>,
    /// Whether all that it accepts has forward secrecy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward_secrecy: Option<bool>,
    /// The certificate that it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_arn: Option<String>,
}

/// Why a text names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no endpoint: {why}")]
pub struct Unreadable {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl FromStr for Target {
    type Err = Unreadable;

    /// `host`, `host:port`, `[address]:port`, `protocol://host:port`; what follows a host in a URL is left out.
    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let wrong = |why: &str| Unreadable {
            text: showable(text),
            why: why.to_owned(),
        };
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, text),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // Whoever pastes a connection string pastes a password with it: neither is kept or shown.
        let authority = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let protocol = match scheme {
            None => None,
            Some(scheme) => Some(
                scheme
                    .to_ascii_lowercase()
                    .parse::<Protocol>()
                    .map_err(|_| wrong("its protocol is not known; see --help"))?,
            ),
        };
        let (host, port) = host_and_port(authority).map_err(|why| wrong(&why))?;
        let host = host.parse().map_err(|why: String| wrong(&why))?;
        let (protocol, port) = match (protocol, port) {
            (Some(protocol), Some(port)) => (protocol, port),
            (Some(protocol), None) => match protocol.ports() {
                [port, ..] => (protocol, *port),
                [] => return Err(wrong("a port must be given")),
            },
            (None, Some(port)) => (Protocol::of_port(port).unwrap_or(Protocol::Https), port),
            (None, None) => (Protocol::Https, 443),
        };
        Ok(Target {
            host,
            port,
            protocol,
            server_name: None,
            role: None,
            of: None,
        })
    }
}

/// As much of a text as may be shown: what stands before an `@` may be a password, wherever the grammar has it.
fn showable(text: &str) -> String {
    let text = text.rsplit_once('@').map_or(text, |(_, after)| after);
    // So may what follows a host.
    let host = text.find("://").map_or(0, |at| at + 3);
    let end = text[host..].find(['/', '?', '#', '&', '=']);
    let text = &text[..end.map_or(text.len(), |end| host + end)];
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or("a bracket is not closed")?;
        match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => return Err("after an address in brackets comes `:port`".into()),
        }
    } else if authority.matches(':').count() > 1 {
        // An IPv6 address without brackets has no port.
        (authority, None)
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let port = match port {
        None => None,
        Some(port) => match port.parse::<u16>() {
            // It may be a password that a slash breaks off: it is not shown.
            Ok(0) | Err(_) => return Err("what follows the colon is no port (1 to 65535)".into()),
            Ok(port) => Some(port),
        },
    };
    Ok((host, port))
}

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Host::Address(address));
        }
        let name = match url::Host::parse(text) {
            Ok(url::Host::Domain(name)) => name,
            Ok(url::Host::Ipv4(address)) => return Ok(Host::Address(address.into())),
            Ok(url::Host::Ipv6(address)) => return Ok(Host::Address(address.into())),
            Err(error) => return Err(error.to_string()),
        };
        let name = name.trim_end_matches('.');
        let label = |label: &str| !label.is_empty() && label.len() <= 63;
        match name.len() <= 253 && name.split('.').all(label) {
            true => Ok(Host::Name(name.to_ascii_lowercase())),
            false => Err("a label of its name is empty or too long".into()),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Host::Address(address) => write!(f, "{address}"),
        }
    }
}

impl Target {
    /// The name that people know it by: `host:port`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The name or address that a certificate must carry.
    pub fn asked_for(&self) -> String {
        match (self.sni(), &self.host) {
            (Some(name), _) => name.to_owned(),
            (None, Host::Name(name)) => name.clone(),
            (None, Host::Address(address)) => address.to_string(),
        }
    }

    /// The name or address that HTTP asks for, an address of IPv6 in brackets.
    pub(crate) fn host_in_url(&self) -> String {
        match &self.server_name {
            Some(name) => name.clone(),
            None => self.host.to_string(),
        }
    }

    /// The name to ask for; none for an address without one.
    pub fn sni(&self) -> Option<&str> {
        match (&self.server_name, &self.host) {
            (Some(name), _) => Some(name),
            (None, Host::Name(name)) => Some(name),
            (None, Host::Address(_)) => None,
        }
    }
}

/// The endpoints of a list: one a line; `#` starts a comment, `role=` and `sni=` may follow an endpoint.
///
/// # Errors
/// By line, what names no endpoint.
pub fn list(text: &str) -> Result<Vec<Target>, (usize, String)> {
    let mut targets = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        // A word in the middle of which a `#` stands may be a URL.
        let mut words = line
            .split_whitespace()
            .take_while(|word| !word.starts_with('#'));
        let Some(first) = words.next() else {
            continue;
        };
        let mut target: Target = first
            .parse()
            .map_err(|e: Unreadable| (number, e.to_string()))?;
        for word in words {
            match word.split_once('=') {
                Some(("sni", name)) => match name.parse() {
                    Ok(Host::Name(name)) => target.server_name = Some(name),
                    _ => return Err((number, format!("`{}` is no name", showable(name)))),
                },
                Some(("role", role)) => {
                    target.role = Some(named(role).ok_or_else(|| {
                        let names = Role::ALL.map(|(name, _)| name).join(", ");
                        (
                            number,
                            format!("`{}` is no role; the roles are {names}", showable(role)),
                        )
                    })?)
                }
                _ => {
                    let word = showable(word);
                    return Err((
                        number,
                        format!("`{word}` is neither sni=NAME nor role=ROLE"),
                    ));
                }
            }
        }
        targets.push(target);
    }
    Ok(targets)
}

/// The role that a word of the command line names.
pub fn named(word: &str) -> Option<Role> {
    let mut all = Role::ALL.into_iter();
    all.find_map(|(name, role)| (name == word).then_some(role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_people_write_them() {
        let read = |text: &str| {
            let target: Target = text.parse().expect(text);
            (target.name(), target.protocol.to_string())
        };
        let is = |name: &str, protocol: &str| (name.to_owned(), protocol.to_owned());
        assert_eq!(
            read("Shop.example.COM"),
            is("shop.example.com:443", "https")
        );
        assert_eq!(
            read("shop.example.com:8443"),
            is("shop.example.com:8443", "https")
        );
        assert_eq!(
            read("https://shop.example.com/a?b#c"),
            is("shop.example.com:443", "https")
        );
        assert_eq!(read("[2001:db8::1]:443"), is("[2001:db8::1]:443", "https"));
        assert_eq!(read("2001:db8::1"), is("[2001:db8::1]:443", "https"));
        assert_eq!(
            read("db.example.com:5432"),
            is("db.example.com:5432", "postgresql")
        );
        assert_eq!(
            read("postgresql://u:p@db.example.com/x"),
            is("db.example.com:5432", "postgresql")
        );
        assert_eq!(
            read("bücher.example"),
            is("xn--bcher-kva.example:443", "https")
        );
        assert_eq!(
            read("shop.example.com."),
            is("shop.example.com:443", "https")
        );
    }

    #[test]
    fn what_is_no_endpoint_is_told_without_passwords() {
        for text in [
            "",
            ":443",
            "a..b",
            "host:0",
            "host:99999",
            "[::1",
            "[::1]x",
            "gopher://x",
            "a b",
        ] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
        for text in [
            "https://me:hunter2@a..b:1",
            "https://a..b/hunter2",
            "a..b?token=hunter2",
            "https://a..b/?mail=x@y&token=hunter2",
        ] {
            let error = text.parse::<Target>().expect_err("no name");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_list_says_which_line_is_wrong() {
        let list = super::list(
            "# ours\nshop.example.com role=distribution\n\n10.0.0.1:8443 sni=a.example # x\n",
        );
        let list = list.expect("a list");
        assert_eq!(list[0].role, Some(Role::Distribution));
        assert_eq!(list[1].sni(), Some("a.example"));
        assert_eq!(
            super::list("a.example\nb.example rôle=x")
                .expect_err("wrong")
                .0,
            2
        );
    }

    #[test]
    fn names_of_aws_tell_the_role() {
        let role = Role::of_name;
        assert_eq!(
            role("d111111abcdef8.cloudfront.net."),
            Some(Role::Distribution)
        );
        assert_eq!(
            role("shop-1.eu-central-1.elb.amazonaws.com"),
            Some(Role::LoadBalancer)
        );
        assert_eq!(
            role("a1b2.execute-api.eu-central-1.amazonaws.com"),
            Some(Role::Api)
        );
        assert_eq!(
            role("db.abc.eu-central-1.rds.amazonaws.com"),
            Some(Role::Database)
        );
        assert_eq!(role("elb.example.com"), None);
    }
}
