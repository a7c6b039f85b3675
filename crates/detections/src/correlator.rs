//! Finding what several events say together.

use crate::correlation::{Asked, Correlation};
use crate::field::Path;
use crate::load::{Rules, correlation};
use crate::rule::Rule;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// How many hits of rules are kept for correlations: half a gigabyte, at worst.
pub const MOST_KEPT: usize = 2_000_000;

/// How many events a [`Hit`] names.
pub const MOST_NAMED: usize = 1_000;

/// A correlation that was found.
#[derive(Clone, Debug)]
pub struct Hit<'r> {
    /// Its rule.
    pub rule: &'r Rule,
    /// When there was enough of it.
    pub time: Timestamp,
    /// The first of its events.
    pub first: Timestamp,
    /// The last: as long as enough happens within the timespan, it is one.
    pub last: Timestamp,
    /// The fields that its events were put together by, and their values.
    pub group: Vec<(String, String)>,
    /// How many events it is of.
    pub events: usize,
    /// Their `eventID`s, in the order of time: the first [`MOST_NAMED`].
    pub event_ids: Vec<Arc<str>>,
}

/// Collects hits of rules, in any order, for logs are in none, and then tells which correlations they make. Each thread may
/// have one; [`Correlator::merge`] puts them together.
#[derive(Debug)]
pub struct Correlator<'r> {
    rules: &'r Rules,
    /// The correlations that a rule is part of.
    used_by: Vec<Vec<usize>>,
    kept: HashMap<(usize, Vec<Box<str>>), Vec<Event>>,
    count: usize,
    dropped: u64,
}

/// A hit of a rule, or of a correlation that another refers to.
#[derive(Clone, Debug)]
struct Event {
    /// Milliseconds.
    first: i64,
    time: i64,
    rule: usize,
    /// The values that are counted.
    value: Box<str>,
    events: usize,
    ids: Box<[Arc<str>]>,
}

impl<'r> Correlator<'r> {
    /// An empty one.
    pub fn new(rules: &'r Rules) -> Self {
        let mut used_by = vec![Vec::new(); rules.rules.len()];
        for rule in rules.iter() {
            for part in correlation(rule).into_iter().flat_map(|it| &it.parts) {
                let users: &mut Vec<usize> = &mut used_by[*part];
                if !users.contains(&rule.index) {
                    users.push(rule.index);
                }
            }
        }
        Correlator {
            rules,
            used_by,
            kept: HashMap::new(),
            count: 0,
            dropped: 0,
        }
    }

    /// Takes a record that a rule of the same [`Rules`] matches; of no use to any correlation, it is passed over. So is a
    /// record without a field that is grouped by or counted, as databases do. One without a time is
    /// [dropped](Correlator::dropped).
    pub fn add(&mut self, rule: &Rule, record: &Value) {
        let rules = self.rules;
        let Some(users) = self.used_by.get(rule.index).cloned() else {
            return;
        };
        let mut id: Option<Arc<str>> = None;
        for user in users {
            let Some(of) = rules.rules.get(user).and_then(correlation) else {
                continue;
            };
            let value = |path: &Path| {
                path.text(record)
                    .map(|text| text.into_owned().into_boxed_str())
            };
            let group = of.group_by.iter().map(|group| {
                let mut other = group.of_rules.iter();
                let other = other.find(|(name, _)| rule.is_called(name));
                value(other.map_or(&group.path, |(_, path)| path))
            });
            let counted: Option<Vec<Box<str>>> = of.fields.iter().map(value).collect();
            let (Some(group), Some(counted)) = (group.collect::<Option<Vec<_>>>(), counted) else {
                continue;
            };
            let time = record.get("eventTime").and_then(Value::as_str);
            let Some(time) = time.and_then(|time| time.parse::<Timestamp>().ok()) else {
                self.dropped += 1;
                return;
            };
            let id = id.get_or_insert_with(|| {
                Arc::from(
                    record
                        .get("eventID")
                        .and_then(Value::as_str)
                        .unwrap_or_default(),
                )
            });
            let time = time.as_millisecond();
            self.keep(
                (user, group),
                Event {
                    first: time,
                    time,
                    rule: rule.index,
                    value: counted.join("\u{0}").into_boxed_str(),
                    events: 1,
                    ids: Box::new([id.clone()]),
                },
            );
        }
    }

    /// Takes what another one of the same [`Rules`] has collected.
    pub fn merge(&mut self, other: Correlator<'r>) {
        self.dropped += other.dropped;
        for (key, mut events) in other.kept {
            let room = MOST_KEPT - self.count;
            if events.len() > room {
                self.dropped += (events.len() - room) as u64;
                events.truncate(room);
            }
            self.count += events.len();
            self.kept.entry(key).or_default().append(&mut events);
        }
    }

    /// How many hits were not taken, for they have no time or there are more than [`MOST_KEPT`]: then correlations may be
    /// missing.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn keep(&mut self, key: (usize, Vec<Box<str>>), event: Event) {
        if self.count >= MOST_KEPT {
            self.dropped += 1;
            return;
        }
        self.count += 1;
        self.kept.entry(key).or_default().push(event);
    }

    /// The correlations that were found, in the order of their rules, then of time. Those that are there for other correlations
    /// only are among them ([`Rule::alone`]).
    pub fn hits(mut self) -> Vec<Hit<'r>> {
        let rules = self.rules;
        let mut hits = Vec::new();
        for index in &rules.order {
            let Some((rule, of)) = rules
                .rules
                .get(*index)
                .and_then(|rule| Some((rule, correlation(rule)?)))
            else {
                continue;
            };
            let keys: Vec<_> = self
                .kept
                .keys()
                .filter(|(user, _)| user == index)
                .cloned()
                .collect();
            for key in keys {
                let mut events = self.kept.remove(&key).unwrap_or_default();
                for (from, to, met) in windows(of, &mut events) {
                    let hit = hit(rule, of, &key.1, &events[from..=to], events[met].time);
                    self.pass_on(&hit);
                    hits.push(hit);
                }
            }
        }
        hits.sort_by(|a, b| {
            let key = |hit: &Hit<'_>| (hit.rule.index, hit.time);
            key(a).cmp(&key(b)).then_with(|| a.group.cmp(&b.group))
        });
        hits
    }

    /// Tells correlations of this one: what they group by must be among what it groups by.
    fn pass_on(&mut self, found: &Hit<'r>) {
        let rule = found.rule;
        let rules = self.rules;
        for user in self.used_by.get(rule.index).cloned().unwrap_or_default() {
            let Some(of) = rules.rules.get(user).and_then(correlation) else {
                continue;
            };
            let value = |path: &Path| {
                let mut group = found.group.iter();
                let same = group.find(|(name, _)| path.is(name));
                same.map(|(_, value)| value.clone().into_boxed_str())
            };
            let group = of.group_by.iter().map(|group| {
                let mut other = group.of_rules.iter();
                let other = other.find(|(name, _)| rule.is_called(name));
                value(other.map_or(&group.path, |(_, path)| path))
            });
            let counted: Option<Vec<Box<str>>> = of.fields.iter().map(value).collect();
            if let (Some(group), Some(counted)) = (group.collect::<Option<Vec<_>>>(), counted) {
                let event = Event {
                    first: found.first.as_millisecond(),
                    time: found.time.as_millisecond(),
                    rule: rule.index,
                    value: counted.join("\u{0}").into_boxed_str(),
                    events: found.events,
                    ids: found.event_ids.clone().into_boxed_slice(),
                };
                self.keep((user, group), event);
            }
        }
    }
}

fn hit<'r>(
    rule: &'r Rule,
    of: &Correlation,
    group: &[Box<str>],
    events: &[Event],
    met: i64,
) -> Hit<'r> {
    let time = |millis| Timestamp::from_millisecond(millis).unwrap_or_default();
    let names = of.group_by.iter().map(|group| group.path.name().to_owned());
    let mut event_ids: Vec<Arc<str>> = Vec::new();
    for id in events.iter().flat_map(|event| &event.ids) {
        if event_ids.len() < MOST_NAMED && !id.is_empty() {
            event_ids.push(id.clone());
        }
    }
    Hit {
        rule,
        time: time(met),
        first: time(events.iter().map(|event| event.first).min().unwrap_or(met)),
        last: time(events.last().map_or(met, |event| event.time)),
        group: names
            .zip(group.iter().map(|value| value.to_string()))
            .collect(),
        events: events.iter().map(|event| event.events).sum(),
        event_ids,
    }
}

/// Sorts events, drops copies, and finds those that are enough together: from, to, and where it was enough. Of windows that
/// share events one is made.
fn windows(of: &Correlation, events: &mut Vec<Event>) -> Vec<(usize, usize, usize)> {
    let place = |rule: usize| of.parts.iter().position(|part| *part == rule);
    // CloudTrail tells seconds: of those of one second, the order that is looked for is taken.
    events.sort_by(|a, b| {
        let key = |event: &Event| (event.time, place(event.rule));
        key(a).cmp(&key(b)).then_with(|| a.ids.cmp(&b.ids))
    });
    events.dedup_by(|a, b| {
        let named = a.ids.first().is_some_and(|id| !id.is_empty());
        named && (a.time, a.rule, &a.ids) == (b.time, b.rule, &b.ids)
    });
    let mut windows: Vec<(usize, usize, usize)> = Vec::new();
    let mut state = State::new(of);
    let mut start = 0;
    for (at, event) in events.iter().enumerate() {
        while events[start].time < event.time - of.timespan {
            state.leaves(&events[start]);
            start += 1;
        }
        if let Some(since) = state.enters(event) {
            let from = start + events[start..=at].partition_point(|event| event.time < since);
            match windows.last_mut() {
                Some((_, to, _)) if from <= *to => *to = at,
                _ => windows.push((from, at, at)),
            }
        }
    }
    windows
}

/// What is in the window.
struct State<'c> {
    of: &'c Correlation,
    count: usize,
    values: HashMap<Box<str>, usize>,
    rules: BTreeMap<usize, usize>,
    /// For each rule of an order when the latest row that has come so far began.
    begun: Vec<Option<i64>>,
}

impl<'c> State<'c> {
    fn new(of: &'c Correlation) -> Self {
        State {
            of,
            count: 0,
            values: HashMap::new(),
            rules: BTreeMap::new(),
            begun: vec![None; of.parts.len()],
        }
    }

    /// Takes an event; when it is enough then, the time since when.
    fn enters(&mut self, event: &Event) -> Option<i64> {
        let since = event.time - self.of.timespan;
        match self.of.asked {
            Asked::EventCount => {
                self.count += 1;
                self.of.is_met(self.count).then_some(since)
            }
            Asked::ValueCount => {
                *self.values.entry(event.value.clone()).or_default() += 1;
                self.of.is_met(self.values.len()).then_some(since)
            }
            Asked::Temporal => {
                *self.rules.entry(event.rule).or_default() += 1;
                let met = if self.of.bounds.is_empty() {
                    self.of
                        .parts
                        .iter()
                        .all(|part| self.rules.contains_key(part))
                } else {
                    self.of.is_met(self.rules.len())
                };
                met.then_some(since)
            }
            Asked::TemporalOrdered => {
                // Backwards, so that no event is two of a row.
                let mut met = None;
                for place in (0..self.of.parts.len()).rev() {
                    if self.of.parts[place] != event.rule {
                        continue;
                    }
                    let begun = match place.checked_sub(1) {
                        None => Some(event.time),
                        Some(before) => self.begun[before].filter(|begun| *begun >= since),
                    };
                    self.begun[place] = begun.or(self.begun[place]);
                    if place + 1 == self.of.parts.len() {
                        met = begun;
                    }
                }
                met
            }
        }
    }

    fn leaves(&mut self, event: &Event) {
        self.count = self.count.saturating_sub(1);
        let less = |count: &mut usize| {
            *count = count.saturating_sub(1);
            *count == 0
        };
        if self.values.get_mut(&event.value).is_some_and(less) {
            self.values.remove(&event.value);
        }
        if self.rules.get_mut(&event.rule).is_some_and(less) {
            self.rules.remove(&event.rule);
        }
    }
}
