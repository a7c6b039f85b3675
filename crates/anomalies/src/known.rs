//! What was seen before, in bounded memory.

use std::collections::BTreeMap;

/// Values that were seen, and how often each.
#[derive(Clone, Debug)]
pub(crate) struct Known<T> {
    values: BTreeMap<T, u32>,
    most: usize,
    /// How often any was.
    uses: u64,
    /// How many were seen once.
    once: usize,
    /// There were more than can be kept.
    full: bool,
}

impl<T: Ord> Known<T> {
    pub(crate) fn new(most: usize) -> Self {
        Known {
            values: BTreeMap::new(),
            most,
            uses: 0,
            once: 0,
            full: false,
        }
    }

    pub(crate) fn add(&mut self, value: T) {
        self.uses += 1;
        let room = self.values.len() < self.most;
        match self.values.get_mut(&value) {
            Some(count) => {
                self.once -= usize::from(*count == 1);
                *count = count.saturating_add(1);
            }
            None if room => {
                self.values.insert(value, 1);
                self.once += 1;
            }
            None => self.full = true,
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

    /// How likely the next is one that was never seen: Good and Turing's estimate, from those seen once.
    pub(crate) fn unseen(&self) -> f64 {
        match self.full {
            // It was not kept what was seen.
            true => 1.0,
            false => (self.once as f64 + 1.0) / (self.uses as f64 + 2.0),
        }
    }

    /// Those seen most often first, of one count in their order.
    pub(crate) fn often(&self, most: usize) -> Vec<&T> {
        let mut all: Vec<_> = self.values.iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        all.into_iter().take(most).map(|(value, _)| value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_always_the_same_is_not_expected_to_change() {
        let mut known = Known::new(2);
        assert!(known.unseen() >= 0.5);
        (0..98).for_each(|_| known.add("a"));
        assert!((known.unseen() - 0.01).abs() < 1e-9);
        known.add("b");
        assert!(known.has("b") && known.unseen() < 0.02);
        known.add("c");
        assert!(known.is_full() && known.unseen() == 1.0);
        assert_eq!(
            (known.often(1), known.len(), known.uses()),
            (vec![&"a"], 2, 100)
        );
    }
}
