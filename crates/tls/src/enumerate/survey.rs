//! The suites and groups of one version, in as few connections as show them.

use super::{Listing, Order};
use crate::ask::{Pick, Reply};
use crate::offer::{Offer, Shape};
use crate::scan::Scanner;
use crate::{Authentication, CipherSuite, KeyExchange, NamedGroup, ProtocolVersion, Why};

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

/// Which suites the questions had within reach: up to TLS 1.2 a suite needs a group that is offered, and one with an
/// elliptic curve certificate needs the certificate's curve offered (RFC 8422, section 5.3).
struct Reach {
    /// The groups of the narrowest question that was answered.
    groups: Vec<NamedGroup>,
    /// Whether a suite without a group was picked where others may have found none.
    groupless: bool,
    /// Whether a suite was picked late for being out of reach, so that the server's order does not show in the picks.
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
            reach: Reach {
                groups: all.groups,
                groupless: false,
                missed: false,
            },
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
    /// the certificate's curve, the last that was taken out: then it is put back, at the end.
    pub(super) async fn with_groups(&mut self, scanner: &mut Scanner<'_>) {
        let mut known_too = false;
        let mut refused_together = false;
        let mut needed = self.groups.accepted.last().copied();
        needed = needed.filter(|_| is_ecdsa(self.first));
        let mut kept = None;
        // Whether a server's own order of groups would explain its picks.
        let mut own_order = true;
        while !self.groups.left.is_empty() {
            let known = known_too || self.order.server_decides() == Some(false);
            let question = self.question(scanner, known, kept);
            if question.offer.suites.is_empty() {
                known_too = true;
                continue;
            }
            match scanner.ask_more(&question.offer).await {
                Reply::Unknown(why) => {
                    self.groups.open = Some(why);
                    return;
                }
                Reply::Accepted(pick) if pick.version == self.version => {
                    let fresh = self.take(&pick, &question);
                    let Some(group) = pick.group.filter(|_| needs_group(pick.suite)) else {
                        if needs_group(pick.suite) {
                            self.groups.open = Some(UNSAID);
                            return;
                        }
                        // It may have passed over suites for want of a group only where one was missing.
                        if question.wide && (fresh || question.for_order) {
                            continue;
                        }
                        if self.is_through(&question) {
                            return;
                        }
                        (known_too, kept) = self.widen(known_too, kept, &mut needed);
                        continue;
                    };
                    if self.groups.take(group) {
                        own_order &= kept.is_none();
                        needed = Some(group).filter(|_| is_ecdsa(pick.suite));
                        if refused_together && !fresh && self.version == ProtocolVersion::Tls13 {
                            self.refuse_rest(scanner);
                        }
                    } else if Some(group) == kept {
                        // The last that we offer: it takes no other, unless its own order makes it take this one.
                        own_order &= self.order.server_decides() != Some(false);
                        self.groups.open = own_order.then_some(CURVE_FIRST);
                        return;
                    } else if !(question.wide && (fresh || question.for_order)) {
                        self.groups.open = Some(UNSAID);
                        return;
                    }
                }
                // What is accepted at a lower version alone is asked for there.
                Reply::Accepted(_) | Reply::Refused(_) => {
                    if question.wide {
                        self.refuse_rest(scanner);
                    }
                    let needs = |suite: &&CipherSuite| needs_group(**suite);
                    let none = self.suites.accepted.iter().find(needs).is_none();
                    // All was refused, with all groups.
                    if none && question.wide || self.is_through(&question) {
                        return;
                    }
                    let before = (known_too, kept);
                    (known_too, kept) = self.widen(known_too, kept, &mut needed);
                    if before == (known_too, kept) {
                        return;
                    }
                    refused_together |= !question.known;
                }
            }
        }
    }

    /// All suites that are left, with all groups.
    pub(super) async fn rest(&mut self, scanner: &mut Scanner<'_>) {
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
                    if self.reach.missed && self.order.server_decides() != Some(false) {
                        self.start_again();
                    }
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

    fn question(&self, scanner: &Scanner<'_>, known: bool, kept: Option<NamedGroup>) -> Question {
        let left = self.suites.left.iter().copied();
        let (mut suites, mut others): (Vec<_>, Vec<_>) =
            left.partition(|suite| needs_group(*suite));
        self.order.arrange(&mut suites);
        self.order.arrange(&mut others);
        if known {
            let accepted = self.suites.accepted.iter().copied();
            suites.extend(accepted.filter(|suite| needs_group(*suite)));
        }
        suites.append(&mut others);
        let known_last = self.for_order(scanner);
        suites.extend(known_last.into_iter().flatten());
        let usual = self.version < ProtocolVersion::Tls13
            && !known
            && self.suites.accepted.len() == USUAL
            && self.order.server_decides() == Some(true);
        let groups = if known_last.is_some() || usual {
            self.all_groups()
        } else {
            let left = self.groups.left.iter().copied();
            left.chain(kept)
                .chain(self.beside.iter().copied())
                .collect()
        };
        let wide = groups.len() == self.all_groups().len();
        Question {
            offer: self.offer(suites, groups),
            wide,
            known,
            for_order: known_last.is_some(),
        }
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
            let reached = if is_ecdsa(pick.suite) {
                let mut groups = offered.groups.iter();
                groups.all(|group| self.reach.groups.contains(group))
            } else {
                !needs_group(pick.suite) || !self.reach.groupless
            };
            if !reached {
                self.reach.missed = true;
                self.order.forget();
            }
            self.reach.groups.clone_from(&offered.groups);
            self.reach.groupless |= !question.wide && !needs_group(pick.suite);
        }
        if fresh || question.for_order {
            self.order
                .note(&offered.suites, pick.suite, question.for_order);
        }
        fresh
    }

    /// Whether a question that brought no group leaves none to be found.
    fn is_through(&self, question: &Question) -> bool {
        let accepted = &self.suites.accepted;
        let witness = |suite: &CipherSuite| needs_group(*suite) && !is_ecdsa(*suite);
        question.known && !question.wide && accepted.iter().any(witness)
    }

    /// What to offer more after a question that brought no group.
    fn widen(
        &self,
        known_too: bool,
        kept: Option<NamedGroup>,
        needed: &mut Option<NamedGroup>,
    ) -> (bool, Option<NamedGroup>) {
        let mut with_group = self
            .suites
            .accepted
            .iter()
            .filter(|suite| needs_group(**suite));
        let only_ecdsa = with_group.all(|suite| is_ecdsa(*suite));
        match needed.take().filter(|_| only_ecdsa && kept.is_none()) {
            Some(curve) => (known_too, Some(curve)),
            None => (true, kept),
        }
    }

    /// What is left of the suites is not accepted.
    fn refuse_rest(&mut self, scanner: &mut Scanner<'_>) {
        let left = self.suites.left.drain(..);
        scanner
            .refused
            .extend(left.map(|suite| (self.version, suite)));
    }

    /// For the server's order, with all groups from now on.
    fn start_again(&mut self) {
        self.suites = Found::new(crate::offered_suites(self.version));
        self.suites.take(self.first);
        self.reach.missed = false;
        self.reach.groupless = false;
    }
}

const UNSAID: Why = Why::NotAsked("the server does not say which group it takes");
const CURVE_FIRST: Why =
    Why::NotAsked("the server takes its certificate's curve before all others");

fn needs_group(suite: CipherSuite) -> bool {
    let exchange = suite.key_exchange();
    matches!(exchange, Some(KeyExchange::Ecdhe | KeyExchange::Tls13))
}

fn is_ecdsa(suite: CipherSuite) -> bool {
    suite.authentication() == Some(Authentication::Ecdsa)
}
