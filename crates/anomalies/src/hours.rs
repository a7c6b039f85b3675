//! How much there was at each hour.

use crate::stats::{deviation, median};
use std::collections::VecDeque;

/// Seconds.
pub(crate) const HOUR: i64 = 3_600;
/// Seconds.
pub(crate) const DAY: i64 = 86_400;
const WEEK: i64 = 168;

/// The hours of the last weeks at which there was something, and how much; eight bytes each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hours {
    counts: VecDeque<(u32, u32)>,
    /// The most within an hour, ever.
    most: u32,
}

/// What is to be expected of an hour.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) median: f64,
    /// Robust, and no less than chance alone makes of counts as small.
    pub(crate) deviation: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// How many hours that is told from.
    pub(crate) hours: usize,
}

impl Hours {
    /// Notes an hour (since 1970) that is over, after all before it.
    pub(crate) fn add(&mut self, hour: i64, count: u32, weeks: u32) {
        let oldest = hour - i64::from(weeks) * WEEK - 1;
        while self
            .counts
            .front()
            .is_some_and(|(it, _)| i64::from(*it) < oldest)
        {
            self.counts.pop_front();
        }
        self.counts
            .push_back((u32::try_from(hour).unwrap_or_default(), count));
        self.most = self.most.max(count);
    }

    pub(crate) fn most(&self) -> u32 {
        self.most
    }

    fn at(&self, hour: i64) -> f64 {
        let found = self
            .counts
            .binary_search_by_key(&hour, |(it, _)| i64::from(*it));
        found.map_or(0.0, |at| f64::from(self.counts[at].1))
    }

    /// What is to be expected of an hour: what there was at the same hour of past weeks, and the hours before and after, since
    /// it is known at all. While it is known for few weeks, at the same hour of past days.
    pub(crate) fn expected(&self, hour: i64, since: i64, weeks: u32) -> Expected {
        let mut values = Vec::new();
        let mut add = |back: i64| {
            for near in -1..=1 {
                let at = hour - back + near;
                if at >= since && at < hour {
                    values.push(self.at(at));
                }
            }
        };
        (1..=i64::from(weeks)).for_each(|week| add(week * WEEK));
        if hour - since < 3 * WEEK {
            (1..7).for_each(|day| add(day * 24));
        }
        let middle = median(&mut values);
        Expected {
            median: middle,
            deviation: deviation(&values, middle).max((middle + 1.0).sqrt()),
            low: values.first().copied().unwrap_or_default(),
            high: values.last().copied().unwrap_or_default(),
            hours: values.len(),
        }
    }

    /// How much there was on each of so many days, the last one last.
    pub(crate) fn days(&self, last: i64, count: u32) -> Vec<f64> {
        let first = last - i64::from(count) + 1;
        let mut days = vec![0.0; count as usize];
        for (hour, count) in &self.counts {
            let at = i64::from(*hour).div_euclid(24) - first;
            if let Some(day) = usize::try_from(at).ok().and_then(|at| days.get_mut(at)) {
                *day += f64::from(*count);
            }
        }
        days
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_hour_of_past_weeks() {
        let mut hours = Hours::default();
        // Ten at nine, each day; nothing else.
        (0..40).for_each(|day| hours.add(480_000 + day * 24 + 9, 10, 5));
        let at = |hour: i64| hours.expected(hour, 480_000, 5);
        let nine = at(480_000 + 40 * 24 + 9);
        assert_eq!((nine.low, nine.high, nine.hours), (0.0, 10.0, 15));
        assert_eq!(at(480_000 + 40 * 24 + 3).high, 0.0);
        assert!(at(480_000 + 40 * 24 + 3).deviation >= 1.0);
        assert_eq!(hours.days(20_000 + 39, 2), [10.0, 10.0]);
        assert_eq!(hours.days(20_000 + 40, 2), [10.0, 0.0]);
        assert_eq!(hours.most(), 10);
        assert_eq!(hours.expected(480_005, 480_005, 5).hours, 0);
    }

    #[test]
    fn no_more_than_weeks_are_kept() {
        let mut hours = Hours::default();
        (0..10_000).for_each(|hour| hours.add(480_000 + hour, 1, 5));
        assert!(hours.counts.len() <= 5 * 168 + 2);
    }
}
