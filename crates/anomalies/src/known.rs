//! What was seen before, in bounded memory.

use std::collections::BTreeMap;

/// In its first days everything is new.
const SETTLED: i64 = 7;

/// Values that were seen, and how often each.
#[derive(Clone, Debug)]
pub(crate) struct Known<T> {
    /// How often each, and the day that it was first seen on.
    values: BTreeMap<T, (u32, i64)>,
    most: usize,
    /// How often any was.
    uses: u64,
    /// There were more than can be kept.
    full: bool,
    /// The first day and the last, and the last that brought something new.
    since: i64,
    last: i64,
    last_new: i64,
    /// Of the days after the first ones: how many there were, and how many brought something new.
    settled: u32,
    settled_new: u32,
}

impl<T: Ord> Known<T> {
    pub(crate) fn new(most: usize) -> Self {
        Known {
            values: BTreeMap::new(),
            most,
            uses: 0,
            full: false,
            since: 0,
            last: i64::MIN,
            last_new: i64::MIN,
            settled: 0,
            settled_new: 0,
        }
    }

    /// Notes one, on a day (since 1970) that is not before those of others.
    pub(crate) fn add(&mut self, value: T, day: i64) {
        self.note(value, day, true);
    }

    /// The same of one that says nothing of how often something new is to be expected.
    pub(crate) fn add_aside(&mut self, value: T, day: i64) {
        self.note(value, day, false);
    }

    fn note(&mut self, value: T, day: i64, tells: bool) {
        if self.uses == 0 {
            self.since = day;
        }
        let settled = day - self.since >= SETTLED;
        if settled && day > self.last {
            self.settled = self.settled.saturating_add(1);
        }
        self.last = day;
        self.uses += 1;
        let room = self.values.len() < self.most;
        if let Some((count, _)) = self.values.get_mut(&value) {
            *count = count.saturating_add(1);
            return;
        }
        if tells {
            let first = settled && day > self.last_new;
            self.settled_new = self.settled_new.saturating_add(first.into());
            self.last_new = day;
        }
        if room {
            self.values.insert(value, (1, day));
        } else {
            self.full = true;
        }
    }

    pub(crate) fn has<Q: Ord + ?Sized>(&self, value: &Q) -> bool
    where
        T: std::borrow::Borrow<Q>,
    {
        self.values.contains_key(value)
    }

    pub(crate) fn uses(&self) -> u64 {
        self.uses
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// How many of those known before this day were seen so often at most, and how many there are: what is new on the day itself
    /// says nothing yet of how usual that is.
    fn seldom(&self, day: i64, at_most: u32) -> (usize, usize) {
        let before = self.values.values().filter(|(_, first)| *first < day);
        before.fold((0, 0), |(seldom, all), (count, _)| {
            (seldom + usize::from(*count <= at_most), all + 1)
        })
    }

    /// How likely the next on this day is one that was never seen: Good and Turing's estimate, from those seen once; or if that
    /// is more, how many days brought something new, for what comes, comes several times.
    pub(crate) fn unseen(&self, day: i64) -> f64 {
        // It was not kept what was seen.
        if self.full {
            return 1.0;
        }
        let (once, _) = self.seldom(day, 1);
        let by_uses = (once as f64 + 1.0) / (self.uses as f64 + 2.0);
        // Once is no habit.
        let habit = f64::from(self.settled_new.saturating_sub(1));
        let by_days = habit / (f64::from(self.settled) + 1.0);
        by_uses.max(by_days)
    }

    /// True for who knew three at least before this day, and more than this share of them hardly.
    pub(crate) fn visits(&self, day: i64, share: f64) -> bool {
        let (barely, all) = self.seldom(day, 2);
        all >= 3 && barely as f64 > share * all as f64
    }

    /// Those seen most often first, of one count in their order.
    pub(crate) fn often(&self, most: usize) -> Vec<&T> {
        let mut all: Vec<_> = self.values.iter().collect();
        all.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        all.into_iter().take(most).map(|(value, _)| value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_always_the_same_is_not_expected_to_change() {
        let mut known = Known::new(4);
        assert!(known.unseen(0) >= 0.5 && !known.visits(0, 0.3));
        (0..98).for_each(|_| known.add("a", 0));
        assert!((known.unseen(1) - 0.01).abs() < 1e-9);
        ["b", "c", "d"].into_iter().for_each(|it| known.add(it, 1));
        // Not on the day itself.
        assert!(known.has("b") && known.unseen(1) < 0.01 && !known.visits(1, 0.3));
        assert!(known.unseen(2) > 0.03 && known.visits(2, 0.3));
        known.add("e", 2);
        assert!(known.is_full() && known.unseen(2) == 1.0);
        assert_eq!(
            (known.often(1), known.len(), known.uses()),
            (vec![&"a"], 4, 102)
        );
    }

    #[test]
    fn what_changes_every_few_days_changes_again() {
        let mut known = Known::new(64);
        for day in 0..28 {
            (0..10).for_each(|_| known.add(day / 3, day));
        }
        assert!(known.unseen(28) > 0.25, "{}", known.unseen(28));
        // What was new in its first days only, is settled.
        let mut known = Known::new(64);
        for day in 0..28 {
            (0..10).for_each(|_| known.add(day.min(3), day));
        }
        assert!(known.unseen(28) < 0.01, "{}", known.unseen(28));
    }
}
