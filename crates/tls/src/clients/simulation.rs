//! How a client and a server would come to terms.

use super::Client;
use crate::{
    Authentication, CipherSuite, Fact, KeyExchange, NamedGroup, ProtocolVersion, Scan, ServerHello,
    Why,
};
use std::collections::BTreeMap;
use std::fmt;

/// What a server takes: measured, or as a policy says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepts {
    /// The suites of each version that it speaks, the best liked first.
    pub suites: BTreeMap<ProtocolVersion, Vec<CipherSuite>>,
    /// The groups of TLS 1.3, the best liked first.
    pub tls13_groups: Vec<NamedGroup>,
    /// The groups up to TLS 1.2, the best liked first; empty when they are not known, and then any will do.
    pub tls12_groups: Vec<NamedGroup>,
    /// Whether its order decides, and not the client's.
    pub server_preference: bool,
    /// The curve of its elliptic curve certificate, if it is known: up to TLS 1.2 a client that does not have it among its
    /// groups cannot use the certificate (RFC 8422, section 5.3).
    pub certificate_curve: Option<NamedGroup>,
    /// The size of its Diffie-Hellman prime in bits, if it is known.
    pub dh_bits: Option<usize>,
}

/// What would come of a client and a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A connection.
    Connects {
        /// Its version.
        version: ProtocolVersion,
        /// Its suite.
        suite: CipherSuite,
        /// The group of its key exchange, if that has one and it is known.
        group: Option<NamedGroup>,
    },
    /// None.
    Fails(Failure),
}

/// Why a client would not connect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No version is common to both.
    #[error("it speaks {client}, and the server {}", list(.server))]
    Version {
        /// The highest that the client speaks.
        client: ProtocolVersion,
        /// Those that the server speaks.
        server: Vec<ProtocolVersion>,
    },
    /// No suite is common to both, at the version they would speak.
    #[error("it has no cipher suite in common with the server in {0}")]
    Suite(ProtocolVersion),
    /// No group is common to both, and every common suite needs one.
    #[error("it has no group in common with the server in {0}")]
    Group(ProtocolVersion),
    /// The Diffie-Hellman prime is larger than the client computes with.
    #[error(
        "it does not compute with a Diffie-Hellman prime of {bits} bits, but with {limit} at most"
    )]
    DhTooLarge {
        /// The server's prime, in bits.
        bits: usize,
        /// What the client computes with, in bits.
        limit: usize,
    },
    /// The client's hello or the server is of SSLv2 alone, which is not simulated.
    #[error("what it speaks is not known")]
    NoVersion,
}

fn list(versions: &[ProtocolVersion]) -> String {
    let names: Vec<_> = versions.iter().map(|version| version.name()).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Connects {
                version,
                suite,
                group: Some(group),
            } => write!(f, "{version}, {suite}, {group}"),
            Outcome::Connects { version, suite, .. } => write!(f, "{version}, {suite}"),
            Outcome::Fails(failure) => write!(f, "would not connect: {failure}"),
        }
    }
}

impl Accepts {
    /// What a full scan showed; what it left open, it leaves open here, too.
    pub fn measured(scan: &Scan) -> Result<Accepts, Why> {
        const NOT_FULL: Why = Why::NotAsked("only a full scan shows all suites");
        let full = scan.full.as_ref().ok_or(NOT_FULL)?;
        let mut suites = BTreeMap::new();
        for (version, fact) in scan.versions.range(ProtocolVersion::Ssl3..) {
            match fact {
                Fact::Known(false) => continue,
                Fact::Unknown(why) => return Err(why.clone()),
                Fact::Known(true) => {}
            }
            let listing = full.suites.get(version).ok_or(NOT_FULL)?;
            match &listing.open {
                Some(why) => return Err(why.clone()),
                None => drop(suites.insert(*version, listing.accepted.clone())),
            }
        }
        let groups = |listing: &Option<crate::Listing<NamedGroup>>| match listing {
            Some(crate::Listing {
                open: Some(why), ..
            }) => Err(why.clone()),
            Some(listing) => Ok(listing.accepted.clone()),
            None => Ok(Vec::new()),
        };
        let server_preference = match &scan.server_preference {
            Fact::Known(prefers) => *prefers,
            // With no version at all there is no order, either.
            Fact::Unknown(_) if suites.is_empty() => true,
            Fact::Unknown(why) => return Err(why.clone()),
        };
        let hellos = scan.picks.values().filter_map(|pick| pick.hello.as_ref());
        Ok(Accepts {
            suites,
            tls13_groups: groups(&full.tls13_groups)?,
            // Groups of which the server does not say which it took are not known, and any will do.
            tls12_groups: groups(&full.tls12_groups).unwrap_or_default(),
            server_preference,
            certificate_curve: None,
            dh_bits: hellos.filter_map(|hello: &ServerHello| hello.dh_bits).max(),
        })
    }

    /// What a policy says, whose order decides: versions, suites (see [`CipherSuite::from_openssl_name`]) and groups.
    pub fn policy(
        versions: &[ProtocolVersion],
        suites: &[CipherSuite],
        groups: &[NamedGroup],
    ) -> Accepts {
        let of = |version: &ProtocolVersion| {
            let suites = suites.iter().copied();
            let suites = suites.filter(|suite| suite.is_defined_for(*version));
            (*version, suites.collect())
        };
        let older = groups.iter().copied().filter(|g| !g.is_post_quantum());
        Accepts {
            suites: versions.iter().map(of).collect(),
            tls13_groups: groups.to_vec(),
            tls12_groups: older.collect(),
            server_preference: true,
            certificate_curve: None,
            dh_bits: None,
        }
    }

    /// The same with certificates of these kinds alone: a policy may allow more than there are keys for.
    pub fn with_certificates(mut self, kinds: &[Authentication]) -> Accepts {
        for suites in self.suites.values_mut() {
            suites.retain(|suite| match suite.authentication() {
                Some(Authentication::Tls13 | Authentication::Anonymous) => true,
                Some(kind) => kinds.contains(&kind),
                None => false,
            });
        }
        self
    }

    /// The kinds of certificates that show in the suites up to TLS 1.2.
    pub fn certificates(&self) -> Vec<Authentication> {
        let mut kinds = Vec::new();
        for suite in self.suites.values().flatten() {
            let kind = suite.authentication();
            if let Some(kind @ (Authentication::Rsa | Authentication::Ecdsa | Authentication::Dss)) =
                kind
                && !kinds.contains(&kind)
            {
                kinds.push(kind);
            }
        }
        kinds
    }
}

/// What would come of a client and a server: the highest version that both speak, then the first suite of whose order
/// decides that the other has, too, and a group where the suite needs one. A server does not try a lower version when
/// that fails (RFC 8446, section 4.2.1; RFC 5246, section 7.4.1.3).
pub fn simulate(client: &Client, accepts: &Accepts) -> Outcome {
    let Some(highest) = client.versions.iter().max() else {
        return Outcome::Fails(Failure::NoVersion);
    };
    let common = accepts.suites.keys().rev();
    let mut common = common.filter(|version| client.versions.contains(version));
    let Some(version) = common.next().copied() else {
        return Outcome::Fails(Failure::Version {
            client: *highest,
            server: accepts.suites.keys().copied().collect(),
        });
    };
    let theirs = accepts.suites.get(&version).map(Vec::as_slice);
    let theirs = theirs.unwrap_or_default();
    let mut missing = Failure::Suite(version);
    for suite in in_order(accepts.server_preference, theirs, &client.suites) {
        if !suite.is_defined_for(version) {
            continue;
        }
        let ecdsa = suite.authentication() == Some(Authentication::Ecdsa);
        if let Some(curve) = accepts.certificate_curve.filter(|_| ecdsa)
            && !client.groups.is_empty()
            && !client.groups.contains(&curve)
        {
            missing = Failure::Group(version);
            continue;
        }
        let group = match suite.key_exchange() {
            Some(KeyExchange::Tls13) => in_order(
                accepts.server_preference,
                &accepts.tls13_groups,
                &client.groups,
            )
            .next(),
            // Who says nothing of groups gets what the server likes (RFC 8422, section 4).
            Some(KeyExchange::Ecdhe) if client.groups.is_empty() => {
                return connects(version, suite, accepts.tls12_groups.first().copied());
            }
            Some(KeyExchange::Ecdhe) if accepts.tls12_groups.is_empty() => {
                return connects(version, suite, None);
            }
            Some(KeyExchange::Ecdhe) => in_order(
                accepts.server_preference,
                &accepts.tls12_groups,
                &client.groups,
            )
            .next(),
            Some(KeyExchange::Dhe) => {
                if let (Some(bits), Some(limit)) = (accepts.dh_bits, client.max_dh_bits)
                    && bits > limit
                {
                    return Outcome::Fails(Failure::DhTooLarge { bits, limit });
                }
                return connects(version, suite, None);
            }
            _ => return connects(version, suite, None),
        };
        match group {
            Some(group) => return connects(version, suite, Some(group)),
            None => missing = Failure::Group(version),
        }
    }
    Outcome::Fails(missing)
}

fn connects(version: ProtocolVersion, suite: CipherSuite, group: Option<NamedGroup>) -> Outcome {
    Outcome::Connects {
        version,
        suite,
        group,
    }
}

/// What both have, in the order of the one that decides.
fn in_order<'a, T: Copy + PartialEq>(
    server_decides: bool,
    server: &'a [T],
    client: &'a [T],
) -> impl Iterator<Item = T> + 'a {
    let (first, second) = if server_decides {
        (server, client)
    } else {
        (client, server)
    };
    first.iter().copied().filter(|item| second.contains(item))
}
