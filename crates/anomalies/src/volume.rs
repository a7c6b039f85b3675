//! How much, and how many different: bursts, harvests, enumeration, refusals, and slow rises.

use crate::candidate::{Candidate, Same};
use crate::detector::{Detector, Who};
use crate::hours::{DAY, Expected, HOUR, Hours};
use crate::novelty::NONE;
use crate::past::Family;
use crate::report::EVENT_IDS;
use crate::spread::Measured;
use crate::stats::{median, rising, slope};
use crate::used::{Held, SubjectKind};
use crate::what::What;
use std::collections::BTreeMap;

/// What there was of one pair, in an hour or a day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) all: u32,
    pub(crate) data_keys: u32,
    principal: u32,
    first: i64,
    last: i64,
    ids: Vec<Box<str>>,
    /// How often each operation, of the first few.
    operations: BTreeMap<Box<str>, u32>,
}

impl Tally {
    fn add(&mut self, used: &Held, principal: u32) {
        if self.all == 0 {
            self.first = used.time;
        }
        self.last = used.time;
        self.principal = principal;
        self.all = self.all.saturating_add(1);
        self.data_keys = self.data_keys.saturating_add(used.is_data_key().into());
        if self.ids.len() < EVENT_IDS && self.ids.last() != Some(&used.event_id) {
            self.ids.push(used.event_id.clone());
        }
        if let Some(count) = self.operations.get_mut(&used.operation) {
            *count = count.saturating_add(1);
        } else if self.operations.len() < 16 {
            self.operations.insert(used.operation.clone(), 1);
        }
    }

    /// The operation that there was most of.
    fn operation(&self) -> &str {
        let most = self.operations.iter().max_by_key(|(_, count)| **count);
        most.map_or("uses", |(name, _)| name)
    }
}

/// What an hour is judged by.
struct Measure {
    expected: Expected,
    most: u32,
    /// As much is unusual.
    threshold: f64,
    of: &'static str,
}

impl Measure {
    /// As much of an unusual hour is learned: a quarter more than there ever was.
    fn learned(&self, times_most: f64) -> u32 {
        (self.threshold / times_most.max(1.0))
            .max(1.25 * f64::from(self.most))
            .ceil() as u32
    }
}

impl Detector {
    /// Counts a use, and looks how many different ones there were within the hour.
    pub(crate) fn count(&mut self, used: &Held, who: Who) {
        let time = used.time;
        let family = self
            .families
            .entry(who.family)
            .or_insert_with(|| Family::new(time));
        let (asks, denied) = (used.looks_around(), used.is_denied());
        let reads = used.kind == SubjectKind::Secret && used.cryptographic && used.failed.is_none();
        let tuning = &self.tuning;
        let mut found = Vec::new();
        if denied {
            // Each is one more, whatever it was about.
            let serial = family.refusals;
            family.refusals = serial.wrapping_add(1);
            let measured = family.denied.add(time, serial);
            found.push((What::AccessDenied, measured, tuning.denied_least));
        }
        if asks && !used.subject.is_empty() {
            let measured = family.asked.add(time, who.subject);
            found.push((What::Enumeration, measured, tuning.enumeration_subjects));
        }
        if reads && !used.subject.is_empty() {
            let measured = family.secrets.add(time, who.subject);
            found.push((What::BulkSecrets, measured, tuning.bulk_secrets));
        }
        for (what, measured, least) in found {
            self.spread(used, who, what, measured, least);
        }
        if used.cryptographic && used.failed.is_none() && !used.subject.is_empty() {
            let pair = (who.subject, who.family);
            self.hour.entry(pair).or_default().add(used, who.principal);
            self.day.entry(pair).or_default().add(used, who.principal);
        }
    }

    fn spread(&mut self, used: &Held, who: Who, what: What, measured: Measured, least: u32) {
        let time = used.time;
        let Measured {
            different, ever, ..
        } = measured;
        let same = Same {
            what,
            subject: NONE,
            family: who.family,
            new: String::new(),
        };
        let day = time.div_euclid(DAY);
        let threshold = f64::from(least).max(self.tuning.spread_times_most * ever as f64);
        let many = different as f64 >= threshold;
        let noun = match what {
            What::AccessDenied => "refusals",
            What::BulkSecrets => "different secrets read",
            _ => "different keys and secrets asked about",
        };
        let why = format!("{different} {noun} within an hour; {ever} at most before");
        if let Some(open) = self.candidates.going_on(&same, time, DAY)
            && (time - open.until <= HOUR || (many && open.from.div_euclid(DAY) == day))
        {
            open.add(time, who.subject, &used.event_id);
            if different as f64 > open.observed.unwrap_or_default() {
                (open.observed, open.why) = (Some(different as f64), why);
            }
        } else if many && self.is_learned(self.first.unwrap_or(time), time) {
            let (from, events) = self.began(what, who.family).unwrap_or((time, 0));
            let mut candidate = Candidate {
                what,
                subjects: Default::default(),
                principal: who.principal,
                family: who.family,
                from,
                until: time,
                observed: Some(different as f64),
                expected: ever as f64,
                score: different as f64 / (ever as f64).max(1.0),
                why,
                new: day.to_string(),
                ids: Vec::new(),
                // The ones before are not named, but counted.
                events: events.saturating_sub(1),
                least: 1,
            };
            candidate.add(time, who.subject, &used.event_id);
            self.candidates.begin(same, candidate);
        } else {
            return;
        }
        if let Some(family) = self.families.get_mut(&who.family) {
            family.spread_of(what).forget_peak();
        }
    }

    /// When what is within the last hour began, and how much it is.
    fn began(&mut self, what: What, family: u32) -> Option<(i64, u64)> {
        self.families.get_mut(&family)?.spread_of(what).began()
    }

    /// An hour (since 1970) is over.
    pub(crate) fn close_hour(&mut self, hour: i64) {
        let tallies = std::mem::take(&mut self.hour);
        let mut of_family: BTreeMap<u32, u32> = BTreeMap::new();
        let mut of_subject: BTreeMap<u32, u32> = BTreeMap::new();
        for ((subject, family), tally) in tallies {
            let weeks = self.tuning.weeks;
            let keys = (tally.data_keys > 0).then(|| {
                let least = self.tuning.data_keys_least;
                self.measure((subject, family), hour, least, true)
            });
            let keys = keys.flatten();
            let harvest = keys.filter(|it| f64::from(tally.data_keys) >= it.threshold);
            // What is told as a harvest is not told again.
            let rest = match harvest {
                Some(_) => tally.all - tally.data_keys,
                None => tally.all,
            };
            let all = self.measure((subject, family), hour, self.tuning.burst_least, false);
            let burst = all.filter(|it| f64::from(rest) >= it.threshold);
            // An attack does not become what is usual, but what stays does within some hours.
            let learned = |count: u32, by: &Option<Measure>| match by {
                Some(measure) => count.min(measure.learned(self.tuning.burst_times_most)),
                None => count,
            };
            let kept_keys = learned(tally.data_keys, &harvest);
            let kept = learned(rest, &burst) + if harvest.is_some() { kept_keys } else { 0 };
            if let Some(measure) = harvest {
                let count = tally.data_keys;
                self.burst(
                    What::DataKeyHarvest,
                    (subject, family),
                    &tally,
                    count,
                    measure,
                );
            }
            if let Some(measure) = burst {
                self.burst(What::Burst, (subject, family), &tally, rest, measure);
            }
            if let Some(pair) = self.pairs.get_mut(&(subject, family)) {
                pair.hours.add(hour, kept, weeks);
                if kept_keys > 0 {
                    pair.data_keys.add(hour, kept_keys, weeks);
                }
            }
            let sum = of_family.entry(family).or_default();
            *sum = sum.saturating_add(kept);
            let sum = of_subject.entry(subject).or_default();
            *sum = sum.saturating_add(kept);
        }
        for (family, count) in of_family {
            if let Some(family) = self.families.get_mut(&family) {
                family.hours.add(hour, count, self.tuning.weeks);
            }
        }
        for (subject, count) in of_subject {
            if let Some(subject) = self.subjects.get_mut(&subject) {
                subject.hours.add(hour, count, self.tuning.weeks);
            }
        }
    }

    /// What an hour of a pair is judged by: its own past, or while it is young, all of its principal's or its key's. None while
    /// nothing is known.
    fn measure(
        &self,
        (subject, family): (u32, u32),
        hour: i64,
        least: u32,
        data_keys: bool,
    ) -> Option<Measure> {
        let time = hour * HOUR;
        let pair = self.pairs.get(&(subject, family))?;
        let by = |hours: &Hours, since: i64, of| {
            let expected = hours.expected(hour, since.div_euclid(HOUR), self.tuning.weeks);
            let most = hours.most();
            let threshold = f64::from(least)
                .max(expected.median + self.tuning.burst_deviations * expected.deviation)
                .max(self.tuning.burst_times_most * f64::from(most));
            Measure {
                expected,
                most,
                threshold,
                of,
            }
        };
        if self.is_learned(pair.since, time) {
            let hours = if data_keys {
                &pair.data_keys
            } else {
                &pair.hours
            };
            return Some(by(hours, pair.since, ""));
        }
        let principal = self.families.get(&family);
        if let Some(it) = principal.filter(|it| self.is_learned(it.since, time)) {
            return Some(by(&it.hours, it.since, " of this principal with any key"));
        }
        let key = self.subjects.get(&subject);
        let key = key.filter(|it| self.is_learned(it.since, time))?;
        Some(by(&key.hours, key.since, " of this key by anybody"))
    }

    fn burst(
        &mut self,
        what: What,
        (subject, family): (u32, u32),
        tally: &Tally,
        count: u32,
        measure: Measure,
    ) {
        let Measure { expected, most, .. } = measure;
        let observed = f64::from(count);
        let operation = match what {
            What::DataKeyHarvest => "data keys generated",
            _ => tally.operation(),
        };
        let why = format!(
            "{count} {operation} within an hour; between {} and {} in the {} such hours{} before, {most} at most ever",
            expected.low, expected.high, expected.hours, measure.of
        );
        let day = tally.first.div_euclid(DAY);
        let same = Same {
            what,
            subject,
            family,
            new: String::new(),
        };
        if let Some(open) = self.candidates.going_on(&same, tally.first, DAY)
            && (open.from.div_euclid(DAY) == day || tally.first - open.until <= HOUR)
        {
            open.until = tally.last;
            open.events += u64::from(count);
            if Some(observed) > open.observed {
                (open.observed, open.why) = (Some(observed), why);
            }
            return;
        }
        let candidate = Candidate {
            what,
            subjects: [subject].into(),
            principal: tally.principal,
            family,
            from: tally.first,
            until: tally.last,
            observed: Some(observed),
            expected: expected.median,
            score: (observed - expected.median) / expected.deviation,
            why,
            new: day.to_string(),
            ids: tally.ids.clone(),
            events: u64::from(count),
            least: 1,
        };
        self.candidates.begin(same, candidate);
    }

    /// A day (since 1970) is over: does anything rise?
    pub(crate) fn close_day(&mut self, day: i64) {
        for ((subject, family), tally) in std::mem::take(&mut self.day) {
            self.rise((subject, family), &tally, day);
        }
    }

    fn rise(&mut self, (subject, family): (u32, u32), tally: &Tally, day: i64) -> Option<()> {
        let tuning = &self.tuning;
        let pair = self.pairs.get(&(subject, family))?;
        let window = tuning.rise_days.max(3);
        // The first day is seldom a whole one.
        let known = u32::try_from(day - pair.since.div_euclid(DAY)).ok()?;
        let base = known.min(tuning.weeks * 7).checked_sub(window)?;
        if base < tuning.learn_days.max(1) {
            return None;
        }
        let days = pair.hours.days(day, base + window);
        let (before, days) = days.split_at(base as usize);
        let usual = median(&mut before.to_vec());
        let now = median(&mut days[days.len() - 3..].to_vec());
        let (slope, significance) = (slope(days), rising(days));
        let enough = significance >= tuning.rise_significance
            && now >= tuning.rise_times * usual
            && now - usual >= f64::from(tuning.rise_least)
            // And not in one step.
            && slope * f64::from(window) >= (now - usual) / 2.0;
        if !enough {
            return None;
        }
        let why = format!(
            "{now} a day on the last three of {window} days that rose by {slope:.1} each (z = {significance:.1}); {usual} a day on the {base} before"
        );
        let same = Same {
            what: What::SlowRise,
            subject,
            family,
            new: String::new(),
        };
        if let Some(open) = self.candidates.going_on(&same, tally.last, 2 * DAY) {
            open.until = tally.last;
            open.events += u64::from(tally.all);
            (open.observed, open.why) = (Some(now), why);
            return Some(());
        }
        let candidate = Candidate {
            what: What::SlowRise,
            subjects: [subject].into(),
            principal: tally.principal,
            family,
            from: (day - i64::from(window) + 1) * DAY,
            until: tally.last,
            observed: Some(now),
            expected: usual,
            score: significance,
            why,
            new: day.to_string(),
            ids: tally.ids.clone(),
            events: days.iter().sum::<f64>() as u64,
            least: 1,
        };
        self.candidates.begin(same, candidate);
        Some(())
    }
}
