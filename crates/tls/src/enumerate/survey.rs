//! The suites and groups of one version, in as few connections as show them.

use super::{Listing, Order};
use crate::ask::{Pick, Reply};
use crate::offer::{Offer, Shape};
use crate::scan::Scanner;
use crate::{
    Authentication, CipherSuite, KeyExchange, NamedGroup, ProtocolVersion, Why, offered_suites,
};
use std::collections::HashSet;
use std::sync::LazyLock;

/// Most servers take no more suites with an elliptic curve than AES of two sizes and ChaCha20. Behind so many the next
/// question is put with all groups: a no to it is final.
const USUAL: usize = 3;

/// What was accepted so far, and what is yet to be asked for.
struct Found<T> {
    accepted: Vec<T>,
    left: Vec<T>,
    open: Option<Why>,
}

impl<T: Copy + PartialEq> Found<T> {
    fn new(left: Vec<T>) -> Self {
        Found {
            accepted: Vec::new(),
            left,
            open: None,
        }
    }

    /// Whether it was left.
    fn take(&mut self, item: T) -> bool {
        let Some(at) = self.left.iter().position(|other| *other == item) else {
            return false;
        };
        self.left.remove(at);
        self.accepted.push(item);
        true
    }

    fn listing(self) -> Listing<T> {
        Listing {
            accepted: self.accepted,
            open: self.open,
        }
    }
}

/// One version's suites, and its groups.
pub(super) struct Survey {
    version: ProtocolVersion,
    first: CipherSuite,
    suites: Found<CipherSuite>,
    groups: Found<NamedGroup>,
    /// Groups that are offered and not asked for: up to TLS 1.2 those of finite fields.
    beside: Vec<NamedGroup>,
    order: Order,
    reach: Reach,
}

/// Which suites the questions may not have had within reach: up to TLS 1.2 a suite can need a group that is offered, and
/// one with an elliptic curve certificate also the certificate's curve (RFC 8422, section 5.3).
#[derive(Default)]
struct Reach {
    /// A suite without a group was picked where others may have found none.
    groupless: bool,
    /// One without an elliptic curve certificate was, where others may have missed the curve.
    curveless: bool,
    /// A suite was picked late for being out of reach, so that the server's order does not show in the picks.
    missed: bool,
}

/// A question, and what its answer means.
struct Question {
    offer: Offer,
    /// All groups are offered: a no is about the suites.
    wide: bool,
    /// The suites with a group that are known to be accepted are offered again: a no is about the groups.
    known: bool,
    /// It is put for the order, too, with suites at the end that are known.
    for_order: bool,
}

/// What is offered beside what is left, once that alone brought no group.
#[derive(Default)]
struct Beside {
    /// The suites with a group that are known to be accepted.
    suites: bool,
    /// The groups that are known to be accepted, behind those that are left.
    groups: bool,
    /// Whether that brought another group: then the server's own order of groups does not explain its picks.
    helped: bool,
}

impl Beside {
    /// Whether there is more to offer. What only a certificate's curve may be missing for is tried to be mended first.
    fn widen(&mut self, only_ecdsa: bool) -> bool {
        if only_ecdsa && !self.groups {
            self.groups = true;
        } else if !self.suites {
            self.suites = true;
            // It may have been the suites that ran out.
            self.groups &= self.helped;
        } else {
            return false;
        }
        true
    }
}

impl Survey {
    pub(super) fn new(pick: &Pick, order: Order) -> Survey {
        let all = Offer::everything(pick.version);
        let tls13 = pick.version == ProtocolVersion::Tls13;
        let is_asked = |group: &NamedGroup| tls13 || *group < NamedGroup::FFDHE2048;
        let (groups, beside) = all.groups.iter().copied().partition(is_asked);
        let mut survey = Survey {
            version: pick.version,
            first: pick.suite,
            suites: Found::new(all.suites),
            groups: Found::new(groups),
            beside,
            order,
            reach: Reach::default(),
        };
        survey.suites.take(pick.suite);
        if let Some(group) = pick.group.filter(|_| needs_group(pick.suite)) {
            survey.groups.take(group);
        }
        survey
    }

    pub(super) fn server_decides(&self) -> Option<bool> {
        self.order.server_decides()
    }

    pub(super) fn listings(self) -> (Listing<CipherSuite>, Listing<NamedGroup>) {
        (self.suites.listing(), self.groups.listing())
    }

    /// All groups, and the suites that show on the way: what is left of both is offered together.
    ///
    /// In TLS 1.3 suite and group do not depend on each other (RFC 8446, section 4.1.1), so that what is left of the
    /// suites is refused for certain when it was refused with a group that a known suite then is taken with. Up to TLS 1.2
    /// it is asked for again in [`Self::rest`]. That the groups are through shows when the suites that are known to be
    /// accepted are refused with what is left of them, or when the server falls back to a suite without a group which it
    /// had passed over for these. Only where an elliptic curve certificate is all that is known, a refusal may be about
    /// the certificate's curve: then those that were taken out are put back, at the end.
    pub(super) async fn with_groups(&mut self, scanner: &mut Scanner<'_>) {
        let mut beside = Beside::default();
        let mut refused_together = false;
        // Every round takes something out or offers more beside it, so that it ends whatever the server answers.
        while !self.groups.left.is_empty() {
            let question = self.question(scanner, &beside);
            let pick = match scanner.ask_more(&question.offer).await {
                Reply::Unknown(why) => {
                    self.groups.open = Some(why);
                    return;
                }
                Reply::Accepted(pick) if pick.version == self.version => Some(pick),
                // What is accepted at a lower version alone is asked for there.
                Reply::Accepted(_) | Reply::Refused(_) => None,
            };
            if let Some(pick) = &pick {
                let fresh = self.take(pick, &question);
                let useful = fresh || question.for_order;
                let group = pick.group.filter(|_| needs_group(pick.suite));
                if group.is_some_and(|group| self.groups.take(group)) {
                    beside.helped |= beside.groups;
                    if refused_together && !fresh && self.version == ProtocolVersion::Tls13 {
                        self.refuse_rest(scanner);
                    }
                    continue;
                }
                if group.is_some() && beside.groups && self.only_ecdsa() {
                    // It takes none of those that come first, unless its own order makes it take this one.
                    self.groups.open = (!beside.helped).then_some(CURVE_FIRST);
                    return;
                }
                if question.wide && useful && (group.is_some() || !needs_group(pick.suite)) {
                    continue;
                }
                if needs_group(pick.suite) {
                    self.groups.open = Some(UNSAID);
                    return;
                }
            } else if question.wide {
                self.refuse_rest(scanner);
            }
            let none = !self.with_group().any(|_| true);
            let only_ecdsa = self.only_ecdsa();
            // Refused with all groups; or with all that would be taken with any group that is left.
            if none || (question.known && !question.wide && !only_ecdsa) {
                return;
            }
            if !beside.widen(only_ecdsa) {
                self.groups.open = question.wide.then_some(Why::Inconsistent);
                return;
            }
            refused_together |= pick.is_none() && !question.known;
        }
    }

    /// All suites that are left, with all groups.
    pub(super) async fn rest(&mut self, scanner: &mut Scanner<'_>) {
        self.mend_order();
        // Every round takes a suite out or settles the order, so that it ends whatever the server answers.
        while !self.suites.left.is_empty() {
            let mut suites = self.suites.left.clone();
            self.order.arrange(&mut suites);
            let known_last = self.for_order(scanner);
            suites.extend(known_last.into_iter().flatten());
            let question = Question {
                offer: self.offer(suites, self.all_groups()),
                wide: true,
                known: false,
                for_order: known_last.is_some(),
            };
            match scanner.ask_more(&question.offer).await {
                Reply::Accepted(pick) if pick.version == self.version => {
                    self.take(&pick, &question);
                    self.mend_order();
                }
                // The rest is taken at a lower version alone, and asked for there.
                Reply::Accepted(_) | Reply::Refused(_) => self.refuse_rest(scanner),
                Reply::Unknown(why) => {
                    self.suites.open = Some(why);
                    return;
                }
            }
        }
        if self.suites.accepted.len() == 1 {
            self.order.single();
        }
    }

    fn question(&self, scanner: &Scanner<'_>, beside: &Beside) -> Question {
        let exhausted = self.suites.left.is_empty();
        let known = beside.suites || exhausted || self.order.server_decides() == Some(false);
        let left = self.suites.left.iter().copied();
        let (mut suites, mut others): (Vec<_>, Vec<_>) =
            left.partition(|suite| needs_group(*suite));
        self.order.arrange(&mut suites);
        self.order.arrange(&mut others);
        if known {
            suites.extend(self.with_group());
        }
        suites.append(&mut others);
        let known_last = self.for_order(scanner);
        suites.extend(known_last.into_iter().flatten());
        let usual = self.version < ProtocolVersion::Tls13
            && !known
            && self.suites.accepted.len() == USUAL
            && self.order.server_decides() == Some(true);
        let groups = if known_last.is_some() || usual || (beside.groups && self.only_ecdsa()) {
            self.all_groups()
        } else {
            let left = self.groups.left.iter().copied();
            left.chain(self.beside.iter().copied()).collect()
        };
        let wide = groups.len() == self.all_groups().len();
        Question {
            offer: self.offer(suites, groups),
            wide,
            known,
            for_order: known_last.is_some(),
        }
    }

    /// The suites with a group that are known to be accepted.
    fn with_group(&self) -> impl Iterator<Item = CipherSuite> + '_ {
        let accepted = self.suites.accepted.iter().copied();
        accepted.filter(|suite| needs_group(*suite))
    }

    /// Whether all of those are with an elliptic curve certificate.
    fn only_ecdsa(&self) -> bool {
        self.with_group().all(is_ecdsa)
    }

    /// The known suites that are offered for the order, in hellos that carry all suites at once.
    fn for_order(&self, scanner: &Scanner<'_>) -> Option<[CipherSuite; 2]> {
        self.order
            .known()
            .filter(|_| scanner.asker.shape() == Shape::Full)
    }

    fn offer(&self, suites: Vec<CipherSuite>, groups: Vec<NamedGroup>) -> Offer {
        Offer {
            groups,
            ..Offer::of(self.version, suites)
        }
    }

    /// Those that are left first: a server that follows our order shows another.
    fn all_groups(&self) -> Vec<NamedGroup> {
        let groups = self.groups.left.iter().chain(&self.groups.accepted);
        groups.chain(&self.beside).copied().collect()
    }

    /// Whether the suite is new.
    fn take(&mut self, pick: &Pick, question: &Question) -> bool {
        let offered = &question.offer;
        let fresh = self.suites.take(pick.suite);
        if fresh {
            let (group, ecdsa) = (needs_group(pick.suite), is_ecdsa(pick.suite));
            let reach = &mut self.reach;
            if (group && reach.groupless) || (ecdsa && reach.curveless) {
                reach.missed = true;
                self.order.forget();
            }
            reach.groupless |= !question.wide && !group;
            reach.curveless |= !question.wide && !ecdsa;
        }
        if fresh || question.for_order {
            self.order
                .note(&offered.suites, pick.suite, question.for_order);
        }
        fresh
    }

    /// What is left of the suites is not accepted.
    fn refuse_rest(&mut self, scanner: &mut Scanner<'_>) {
        let left = self.suites.left.drain(..);
        scanner
            .refused
            .extend(left.map(|suite| (self.version, suite)));
    }

    /// Where the server's order decides and the picks do not show it, starts again with all groups.
    fn mend_order(&mut self) {
        if self.reach.missed && self.order.server_decides() != Some(false) {
            self.suites = Found::new(offered_suites(self.version));
            self.suites.take(self.first);
            self.reach = Reach::default();
        }
    }
}

const UNSAID: Why = Why::NotAsked("the server does not say which group it takes");
pub(super) const CURVE_FIRST: Why =
    Why::NotAsked("the server takes its certificate's curve before all others");

fn needs_group(suite: CipherSuite) -> bool {
    // Looked up: it is asked of every suite for every question, and what a suite is has to be read from its name.
    static ALL: LazyLock<HashSet<CipherSuite>> = LazyLock::new(|| {
        let needs = |suite: &CipherSuite| {
            let exchange = suite.key_exchange();
            matches!(exchange, Some(KeyExchange::Ecdhe | KeyExchange::Tls13))
        };
        CipherSuite::all().filter(needs).collect()
    });
    ALL.contains(&suite)
}

fn is_ecdsa(suite: CipherSuite) -> bool {
    suite.authentication() == Some(Authentication::Ecdsa)
}
