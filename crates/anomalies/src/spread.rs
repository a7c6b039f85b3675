//! How much, or how many different, within the last hour.

use crate::hours::HOUR;
use std::collections::{HashMap, VecDeque};

/// So many are kept; of more within an hour it is known that they are many.
const MOST: usize = 4_096;

/// What a principal met within the last hour, and the most within an hour that is over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spread {
    window: VecDeque<(i64, u32)>,
    counts: HashMap<u32, u32>,
    hour: i64,
    /// The most in this hour of the clock, in the one before, and in all before those.
    now: usize,
    before: usize,
    ever: usize,
}

/// What there is within an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    /// How many different.
    pub(crate) different: usize,
    /// The most different within an hour that was over before this one began.
    pub(crate) ever: usize,
}

impl Spread {
    /// Notes one, after all before it.
    pub(crate) fn add(&mut self, time: i64, what: u32) -> Measured {
        let hour = time.div_euclid(HOUR);
        if hour > self.hour {
            self.ever = self.ever.max(self.before);
            // What was in the hour before may still be part of this one's window.
            self.before = if hour == self.hour + 1 { self.now } else { 0 };
            if hour > self.hour + 1 {
                self.ever = self.ever.max(self.now);
            }
            (self.hour, self.now) = (hour, 0);
        }
        while let Some((at, old)) = self.window.front().copied() {
            if at > time - HOUR && self.window.len() < MOST {
                break;
            }
            self.window.pop_front();
            if let Some(count) = self.counts.get_mut(&old) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&old);
                }
            }
        }
        self.window.push_back((time, what));
        *self.counts.entry(what).or_default() += 1;
        let different = self.counts.len();
        self.now = self.now.max(different);
        Measured {
            different,
            ever: self.ever,
        }
    }

    /// When what is within the last hour began, and how much it is.
    pub(crate) fn began(&self) -> Option<(i64, u64)> {
        let (time, _) = self.window.front()?;
        Some((*time, self.window.len() as u64))
    }

    /// What there was within this hour was reported: it is not what others are measured by.
    pub(crate) fn forget_peak(&mut self) {
        (self.now, self.before) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_an_hour() {
        let mut spread = Spread::default();
        for at in 0..5 {
            spread.add(at, at as u32);
        }
        // Again is not another.
        assert_eq!(spread.add(10, 4).different, 5);
        let later = spread.add(3 * HOUR, 1);
        assert_eq!((later.different, later.ever), (1, 5));
        // Half before the full hour, half after: one window, and no peak of its own.
        let mut spread = Spread::default();
        (0..4).for_each(|it| assert_eq!(spread.add(HOUR - 10, it).ever, 0));
        let measured = (4..8).map(|it| spread.add(HOUR + 10, it)).last();
        assert_eq!(
            measured,
            Some(Measured {
                different: 8,
                ever: 0
            })
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut spread = Spread::default();
        (0..100_000).for_each(|it| assert_eq!(spread.add(0, it).ever, 0));
        assert!(spread.window.len() <= MOST && spread.counts.len() <= MOST);
    }
}
