//! Everything that is accepted: offer all, take out what is picked, ask again.

mod order;
mod survey;

use crate::scan::Scanner;
use crate::{CipherSuite, NamedGroup, ProtocolVersion, Why, offered_suites};
use order::Order;
use std::collections::BTreeMap;
use survey::Survey;

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
        // Then the order in which they were picked says nothing of the server.
        if scanner.server_decides == Some(false) {
            for (version, listing) in &mut all.suites {
                let ours = offered_suites(*version);
                listing
                    .accepted
                    .sort_by_key(|suite| ours.iter().position(|other| other == suite));
            }
        }
        all
    }
}
