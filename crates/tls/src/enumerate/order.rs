//! Whose order of suites decides, as far as the picks of an enumeration show it.

use crate::{CipherSuite, ProtocolVersion, offered_suites};

/// How many picks are waited for before a question is put for the order alone.
const ENOUGH: usize = 3;

/// The questions so far, as long as they are evidence.
#[derive(Debug)]
pub(super) struct Order {
    /// The suites in the order in which they were offered, and which was picked. All that is picked later was on offer.
    questions: Vec<(Vec<CipherSuite>, CipherSuite)>,
    server_decides: Option<bool>,
}

impl Order {
    /// After the first pick of all that the version has.
    pub(super) fn after(version: ProtocolVersion, first: CipherSuite) -> Order {
        Order {
            questions: vec![(offered_suites(version), first)],
            server_decides: None,
        }
    }

    /// Where it is not asked for.
    pub(super) fn not_asked() -> Order {
        Order {
            questions: Vec::new(),
            server_decides: Some(true),
        }
    }

    pub(super) fn server_decides(&self) -> Option<bool> {
        self.server_decides
    }

    /// Suites in the order in which to offer them: every other time the worst first, by which a server that follows us
    /// shows itself.
    pub(super) fn arrange(&self, suites: &mut [CipherSuite]) {
        if self.server_decides.is_none() && self.questions.len() % 2 == 1 {
            suites.reverse();
        }
    }

    /// The suites to offer again behind all others. The last was picked when it stood before them, and there is one more
    /// so that there is a choice when nothing else is left.
    pub(super) fn known(&self) -> Option<[CipherSuite; 2]> {
        let enough = self.server_decides.is_none() && self.questions.len() >= ENOUGH;
        match self.questions.as_slice() {
            [(_, first), (_, second), ..] if enough => Some([*second, *first]),
            _ => None,
        }
    }

    /// Takes a pick for what it says of the order.
    ///
    /// Before a suite that was picked, there stood another that was picked later: the order was not ours. And when the
    /// first pick is offered again behind all others, it is either picked again, or was picked for its place.
    pub(super) fn note(&mut self, offered: &[CipherSuite], pick: CipherSuite, for_order: bool) {
        if self.server_decides.is_some() {
            return;
        }
        let passed_over = |(offered, earlier): &(Vec<CipherSuite>, CipherSuite)| {
            let place = |suite| offered.iter().position(|other| *other == suite);
            matches!((place(pick), place(*earlier)), (Some(here), Some(there)) if here < there)
        };
        if self.questions.iter().any(passed_over) {
            self.server_decides = Some(true);
        } else if for_order {
            self.server_decides = Some(offered.last() == Some(&pick));
        } else {
            self.questions.push((offered.to_vec(), pick));
        }
    }

    /// Some suites may not have been within reach of the later questions; of the first all were.
    pub(super) fn forget(&mut self) {
        self.questions.truncate(1);
    }

    /// Nothing but this one is accepted.
    pub(super) fn single(&mut self) {
        self.server_decides.get_or_insert(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enumerates with whatever picks, and says what came of it and in how many questions.
    fn run(
        mut accepted: Vec<CipherSuite>,
        mut pick: impl FnMut(&[CipherSuite], &[CipherSuite]) -> CipherSuite,
    ) -> (Option<bool>, usize) {
        let mut left = offered_suites(ProtocolVersion::Tls12);
        let first = pick(&left, &accepted);
        let mut order = Order::after(ProtocolVersion::Tls12, first);
        left.retain(|suite| *suite != first);
        let mut questions = 1;
        while accepted.iter().any(|suite| left.contains(suite)) {
            let mut offered = left.clone();
            order.arrange(&mut offered);
            let known = order.known();
            offered.extend(known.into_iter().flatten());
            let suite = pick(&offered, &accepted);
            questions += 1;
            order.note(&offered, suite, known.is_some());
            left.retain(|other| *other != suite);
        }
        accepted.clear();
        (order.server_decides(), questions)
    }

    #[test]
    fn orders_are_told_apart_on_the_way() {
        let all = offered_suites(ProtocolVersion::Tls12);
        let some: Vec<_> = all.iter().copied().step_by(20).take(5).collect();
        let ours = |offered: &[CipherSuite], takes: &[CipherSuite]| {
            *offered.iter().find(|suite| takes.contains(suite)).unwrap()
        };
        assert_eq!(run(some.clone(), ours), (Some(false), 5));
        let theirs = |offered: &[CipherSuite], takes: &[CipherSuite]| {
            *takes.iter().find(|suite| offered.contains(suite)).unwrap()
        };
        assert_eq!(run(some.clone(), theirs), (Some(true), 5));
        let reversed: Vec<_> = some.iter().rev().copied().collect();
        assert_eq!(run(reversed, theirs), (Some(true), 5));
        // As if it followed us, for three picks: the fourth question is put for this alone.
        let [a, b, c, d, e] = some[..] else { panic!() };
        assert_eq!(run(vec![a, e, b, c, d], theirs), (Some(true), 6));
        // Two show nothing.
        assert_eq!(run(vec![a, b], theirs), (None, 2));
        assert_eq!(run(vec![b, a], theirs), (Some(true), 2));
    }
}
