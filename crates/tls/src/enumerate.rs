//! Everything that is accepted: offer all, take out what is picked, ask again.

mod order;
mod survey;

use crate::scan::Scanner;
use crate::{CipherSuite, Fact, NamedGroup, ProtocolVersion, Why, offered_suites};
use order::Order;
use std::collections::BTreeMap;
use survey::{CURVE_FIRST, Survey};

/// What was accepted: suites in the server's order where that decides, else in the order of [`offered_suites`]; groups
/// in the order in which they were picked.
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
    /// For the versions that picked something already. Whose order decides is found out on the way.
    pub(crate) async fn of(scanner: &mut Scanner<'_>) -> Self {
        let mut all = Enumeration {
            suites: BTreeMap::new(),
            tls13_groups: None,
            tls12_groups: None,
        };
        let older = scanner.older();
        let judged = older.or(scanner.picks.keys().next_back().copied());
        let mut versions: Vec<_> = scanner.picks.keys().rev().copied().collect();
        // The one on whose connections a fault is looked for comes last: whoever takes alarm at that has told the rest.
        versions.sort_by_key(|version| Some(*version) == older);
        for version in versions {
            let Some(pick) = scanner.picks.get(&version).cloned() else {
                continue;
            };
            let order = if Some(version) == judged {
                Order::after(version, pick.suite)
            } else {
                Order::not_asked()
            };
            let mut survey = Survey::new(&pick, order);
            let tls13 = version == ProtocolVersion::Tls13;
            if tls13 || Some(version) == older {
                survey.with_groups(scanner).await;
            }
            survey.rest(scanner).await;
            if Some(version) == judged {
                scanner.server_decides = survey.server_decides();
            }
            let (suites, groups) = survey.listings();
            all.suites.insert(version, suites);
            if tls13 {
                all.tls13_groups = Some(groups);
            } else if Some(version) == older {
                all.tls12_groups = Some(groups);
            }
        }
        all
    }

    /// Puts right what hangs on whose order decides, once that is known: where it is ours, the order of the picks says
    /// nothing of the server, and it takes a certificate's curve last only when it takes no other.
    pub(crate) fn settle(&mut self, server_decides: &Fact<bool>) {
        if server_decides != &Fact::Known(false) {
            return;
        }
        for (version, listing) in &mut self.suites {
            let ours = offered_suites(*version);
            let place = |suite: &CipherSuite| ours.iter().position(|other| other == suite);
            listing.accepted.sort_by_key(place);
        }
        if let Some(groups) = &mut self.tls12_groups {
            groups.open = groups.open.take().filter(|why| *why != CURVE_FIRST);
        }
    }
}
