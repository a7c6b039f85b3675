//! Uses come in; what is unusual comes out.

use crate::candidate::{Candidates, SLOWEST};
use crate::family::family;
use crate::feedback::Feedback;
use crate::hours::{DAY, HOUR};
use crate::merge::alerts;
use crate::names::Names;
use crate::past::{Account, Family, MEMBERS, Pair, Subject};
use crate::report::Report;
use crate::tuning::Tuning;
use crate::used::{Held, Use};
use crate::volume::Tally;
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

/// How much later than others a use may come, in seconds: CloudTrail delivers within about 15 minutes.
const DISORDER: i64 = 900;

/// Learns what is usual, and finds what is not.
///
/// What it holds grows with the pairs of principals and keys, and for each with the hours of the last weeks in which it was
/// used (eight bytes an hour); not with the count of uses. All else is kept in sets of bounded size.
#[derive(Debug)]
pub struct Detector {
    pub(crate) tuning: Tuning,
    feedback: Feedback,
    waiting: BinaryHeap<Reverse<Held>>,
    /// The time of the latest use that came, in seconds.
    latest: Option<i64>,
    /// The time of the first and the last use that had their turn.
    pub(crate) first: Option<i64>,
    turn: i64,
    pub(crate) names: Names,
    pub(crate) families: HashMap<u32, Family>,
    pub(crate) subjects: HashMap<u32, Subject>,
    pub(crate) pairs: HashMap<(u32, u32), Pair>,
    pub(crate) accounts: HashMap<u32, Account>,
    pub(crate) candidates: Candidates,
    /// What there was in the hour that is not over, by key and family.
    pub(crate) hour: BTreeMap<(u32, u32), Tally>,
    /// Which pairs were used on the day that is not over, and with which events among others.
    pub(crate) day: BTreeMap<(u32, u32), Tally>,
}

/// A use with numbers for its names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who {
    pub(crate) subject: u32,
    pub(crate) principal: u32,
    pub(crate) family: u32,
    pub(crate) account: u32,
}

impl Detector {
    /// One that has seen nothing.
    pub fn new(tuning: Tuning, feedback: Feedback) -> Self {
        Detector {
            tuning: Tuning {
                // Each week is looked at, each hour.
                weeks: tuning.weeks.clamp(1, 520),
                ..tuning
            },
            feedback,
            waiting: BinaryHeap::new(),
            latest: None,
            first: None,
            turn: i64::MIN,
            names: Names::default(),
            families: HashMap::new(),
            subjects: HashMap::new(),
            pairs: HashMap::new(),
            accounts: HashMap::new(),
            candidates: Candidates::default(),
            hour: BTreeMap::new(),
            day: BTreeMap::new(),
        }
    }

    /// One more use, in the order of time; one that comes up to 15 minutes after later ones is put where it belongs, and one
    /// that comes after more counts as if it were of that time.
    pub fn add(&mut self, used: &Use<'_>) {
        let held = Held::new(used);
        let latest = self.latest.map_or(held.time, |it| it.max(held.time));
        self.latest = Some(latest);
        self.waiting.push(Reverse(held));
        while let Some(Reverse(next)) = self.waiting.peek() {
            if next.time >= latest.saturating_sub(DISORDER) {
                break;
            }
            if let Some(Reverse(next)) = self.waiting.pop() {
                self.take(next);
            }
        }
    }

    /// What was unusual in all of it.
    pub fn finish(mut self) -> Report {
        while let Some(Reverse(next)) = self.waiting.pop() {
            self.take(next);
        }
        if self.first.is_some() {
            self.close_hour(self.turn.div_euclid(HOUR));
            self.close_day(self.turn.div_euclid(DAY));
        }
        let (alerts, quieted) = alerts(self.candidates.all, &self.names, &self.feedback);
        let time = |seconds: i64| Timestamp::from_second(seconds).ok();
        Report {
            alerts,
            quieted,
            pairs: self.pairs.len(),
            learned_from: self.first.and_then(time),
            learned_until: self.first.and_then(|_| time(self.turn)),
        }
    }

    /// The next in the order of time.
    fn take(&mut self, mut used: Held) {
        used.time = used.time.max(self.turn);
        let time = used.time;
        if self.first.is_some() {
            let (hour, day) = (self.turn.div_euclid(HOUR), self.turn.div_euclid(DAY));
            if time.div_euclid(HOUR) > hour {
                self.close_hour(hour);
            }
            if time.div_euclid(DAY) > day {
                self.close_day(day);
                self.candidates.close(time - SLOWEST - DAY);
            }
        }
        self.first.get_or_insert(time);
        self.turn = time;
        let who = Who {
            subject: self.names.number(&used.subject),
            principal: self.names.number(&used.principal),
            family: self.names.number(&family(&used.principal)),
            account: self.names.number(&used.account),
        };
        self.look(&used, who);
        self.count(&used, who);
        self.learn(&used, who);
    }

    /// True once the log is so old that something can be new.
    pub(crate) fn is_warm(&self, time: i64) -> bool {
        let first = self.first.unwrap_or(time);
        time - first >= i64::from(self.tuning.warm_up_days) * DAY
    }

    /// True for what has been known long enough to be judged by its own past.
    pub(crate) fn is_learned(&self, since: i64, time: i64) -> bool {
        time - since >= i64::from(self.tuning.learn_days) * DAY
    }

    /// Notes what a use is, after it was looked at.
    fn learn(&mut self, used: &Held, who: Who) {
        let time = used.time;
        let day = time.div_euclid(DAY);
        let family = self
            .families
            .entry(who.family)
            .or_insert_with(|| Family::new(time));
        if family.members.len() < MEMBERS && !family.members.contains(&who.principal) {
            family.members.push(who.principal);
        }
        let marks = crate::novelty::Marks::of(used);
        if let Some(network) = marks.network {
            family.networks.add(network, day);
        }
        if let Some(agent) = marks.agent {
            family.agents.add(agent, day);
        }
        family.regions.add(used.region.to_string(), day);
        family.operations.add(used.operation.to_string(), day);
        let account = self
            .accounts
            .entry(who.account)
            .or_insert_with(|| Account::new(time));
        account.regions.add(used.region.to_string(), day);
        // What was refused, or only asked about, was not used.
        if used.subject.is_empty() || !used.cryptographic || used.failed.is_some() {
            return;
        }
        let subject = self
            .subjects
            .entry(who.subject)
            .or_insert_with(|| Subject::new(time));
        let known = &family.subjects;
        // Who meets new keys all the time, says nothing of who else comes to this one.
        let wanders = !subject.principals.has(&who.family)
            && known.uses() > 0
            && (known.unseen(day) > self.tuning.new_unlikely
                || known.visits(day, self.tuning.visitor_barely));
        match wanders {
            true => subject.principals.add_aside(who.family, day),
            false => subject.principals.add(who.family, day),
        }
        family.subjects.add(who.subject, day);
        if let Some(context) = marks.context {
            match used.via {
                Some(_) => subject.through.add(context.whole, day),
                // Apart, so that what an attacker does is not what the key's contexts are told from.
                None if context.of_service.is_some() => subject.made.add(context.whole, day),
                None => {
                    subject.shapes.add(context.shape, day);
                    subject.contexts.add(context.whole, day);
                }
            }
        }
        let pair = self
            .pairs
            .entry((who.subject, who.family))
            .or_insert_with(|| Pair::new(time));
        let another_day = time.div_euclid(DAY) > pair.last.div_euclid(DAY) || pair.uses == 0;
        let silence = time - pair.last;
        pair.longest_silence = pair.longest_silence.max(silence);
        // A night between does not end a run.
        if silence > 2 * DAY {
            pair.run = (0, 0);
        }
        pair.run = (pair.run.0 + 1, pair.run.1 + u32::from(another_day));
        pair.days += u32::from(another_day);
        pair.uses += 1;
        pair.last = time;
    }
}
