//! Everything that is accepted: offer all, take out what is picked, ask again.

use crate::ask::{Asker, Pick, Reply};
use crate::offer::Offer;
use crate::{Authentication, CipherSuite, Fact, KeyExchange, NamedGroup, ProtocolVersion, Why};
use std::collections::BTreeMap;

/// What was accepted, in the order in which it was picked: that of the server where its preference decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// Accepted for certain.
    pub accepted: Vec<T>,
    /// Why there may be more; none when all the rest was refused.
    pub open: Option<Why>,
}

/// All suites and groups that are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enumeration {
    /// The suites, for each version that is accepted but SSLv2.
    pub suites: BTreeMap<ProtocolVersion, Listing<CipherSuite>>,
    /// The groups of TLS 1.3, if it is accepted.
    pub tls13_groups: Option<Listing<NamedGroup>>,
    /// The groups for elliptic curve key exchange at the highest version up to TLS 1.2, if one is accepted.
    pub tls12_groups: Option<Listing<NamedGroup>>,
}

impl Enumeration {
    /// For the versions that picked something already.
    pub(crate) async fn of(
        asker: &mut Asker<'_>,
        picks: &BTreeMap<ProtocolVersion, Pick>,
        server_preference: &Fact<bool>,
    ) -> Self {
        let server_decides = server_preference.value() != Some(&false);
        let mut suites = BTreeMap::new();
        for (version, pick) in picks.iter().rev() {
            suites.insert(*version, all_suites(asker, *version, pick.suite).await);
        }
        let tls13_groups = match picks.get(&ProtocolVersion::Tls13) {
            Some(pick) => {
                let offer = Offer::everything(ProtocolVersion::Tls13);
                Some(all_groups(asker, offer, pick.group, server_decides).await)
            }
            None => None,
        };
        let older = picks.range(..=ProtocolVersion::Tls12).next_back();
        let tls12_groups = match older {
            Some((version, _)) => {
                let mut offer = Offer::everything(*version);
                let elliptic =
                    |suite: &CipherSuite| suite.key_exchange() == Some(KeyExchange::Ecdhe);
                offer.suites.retain(elliptic);
                offer
                    .groups
                    .retain(|group| group.0 < NamedGroup::FFDHE2048.0);
                Some(all_groups(asker, offer, None, server_decides).await)
            }
            None => None,
        };
        Enumeration {
            suites,
            tls13_groups,
            tls12_groups,
        }
    }
}

async fn all_suites(
    asker: &mut Asker<'_>,
    version: ProtocolVersion,
    first: CipherSuite,
) -> Listing<CipherSuite> {
    let mut accepted = vec![first];
    let mut offer = Offer::everything(version);
    offer.suites.retain(|suite| *suite != first);
    // Every round takes a suite out, so that it ends whatever the server answers.
    loop {
        match asker.ask(&offer).await {
            Reply::Accepted(pick) if pick.version == version => {
                offer.suites.retain(|suite| *suite != pick.suite);
                accepted.push(pick.suite);
            }
            // The rest is taken at a lower version alone, and asked for there.
            Reply::Accepted(_) | Reply::Refused => {
                return Listing {
                    accepted,
                    open: None,
                };
            }
            Reply::Unknown(why) => {
                return Listing {
                    accepted,
                    open: Some(why),
                };
            }
        }
    }
}

/// All groups that are accepted of an offer, `first` being known to be.
///
/// Up to TLS 1.2 a server with an elliptic curve certificate refuses who does not offer the curve of it (RFC 8422,
/// section 5.3), so that the refusal may be about the curve that was taken out last, and not about those left. It is
/// then put back, at the end.
async fn all_groups(
    asker: &mut Asker<'_>,
    mut offer: Offer,
    first: Option<NamedGroup>,
    mut server_decides: bool,
) -> Listing<NamedGroup> {
    let mut accepted = Vec::from_iter(first);
    offer.groups.retain(|group| Some(*group) != first);
    let mut open = None;
    // The curve that went last, while its certificate may have needed it; and the one that was put back.
    let mut needed = None;
    let mut kept = None;
    while offer.groups.iter().any(|group| Some(*group) != kept) {
        let pick = match asker.ask(&offer).await {
            Reply::Accepted(pick) => pick,
            Reply::Refused => match needed.take() {
                Some(curve) if kept.is_none() => {
                    offer.groups.push(curve);
                    kept = Some(curve);
                    continue;
                }
                _ => break,
            },
            Reply::Unknown(why) => {
                open = Some(why);
                break;
            }
        };
        let group = pick.group.filter(|group| offer.groups.contains(group));
        let Some(group) = group else {
            open = Some(Why::NotAsked(
                "the server does not say which group it takes",
            ));
            break;
        };
        if Some(group) == kept {
            // The last that we offer: it takes no other, unless it is its own order that makes it take this one.
            open = server_decides.then_some(Why::NotAsked(
                "the server takes its certificate's curve before all others",
            ));
            break;
        }
        // What it took before the curve that it took first when that one came first.
        server_decides &= kept.is_none();
        let ecdsa = pick.suite.authentication() == Some(Authentication::Ecdsa);
        needed = Some(group).filter(|_| ecdsa);
        offer.groups.retain(|other| *other != group);
        accepted.push(group);
    }
    Listing { accepted, open }
}
