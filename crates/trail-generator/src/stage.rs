//! Where scenarios are played: what they write is kept until the files are written that it belongs in.

use crate::call::Call;
use crate::draft::{Draft, uuid_text};
use crate::plan::{Label, Plan};
use crate::random::Random;
use crate::scenario::Scenario;
use crate::world::{Account, Actor, Site, World};
use jiff::Timestamp;
use std::ops::Range;

/// A record of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) time: i64,
    /// Where its text is.
    pub(crate) record: Range<usize>,
}

/// All records of the scenarios.
#[derive(Debug, Default)]
pub(crate) struct Played {
    pub(crate) text: Vec<u8>,
    pub(crate) records: Vec<Planned>,
    pub(crate) labels: Vec<Label>,
}

/// The most events that a scenario does, however many there are of ordinary days: all of them are held in memory.
const MOST: u64 = 10_000;
const DAY: i64 = 86_400;

/// One scenario being played.
pub(crate) struct Stage<'a> {
    pub(crate) world: &'a World,
    pub(crate) draft: Draft,
    /// The period, in seconds.
    pub(crate) start: i64,
    pub(crate) end: i64,
    seed: u64,
    events_a_day: f64,
    scenario: Scenario,
    /// Which records are the scenario's own.
    labelled: Vec<Range<usize>>,
    principal: String,
    resource: Option<String>,
    played: Played,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(world: &'a World, plan: &Plan, (start, end): (i64, i64)) -> Self {
        let mut draft = Draft::new(Random::of(plan.seed, "scenarios", 0));
        draft.notes = Some(Vec::new());
        Stage {
            world,
            draft,
            start,
            end,
            seed: plan.seed,
            events_a_day: plan.events as f64 / f64::from(plan.days),
            scenario: Scenario::DecryptBurst,
            labelled: Vec::new(),
            principal: String::new(),
            resource: None,
            played: Played::default(),
        }
    }

    /// Plays one.
    pub(crate) fn play(&mut self, scenario: Scenario, script: impl FnOnce(&mut Self)) {
        self.scenario = scenario;
        self.draft.random = Random::of(self.seed, scenario.name(), 0);
        self.labelled.clear();
        self.resource = None;
        let first = self.draft.records.len();
        script(self);
        self.keep(first);
    }

    /// Plays what is part of no scenario, and has no label.
    pub(crate) fn aside(&mut self, name: &str, script: impl FnOnce(&mut Self)) {
        self.draft.random = Random::of(self.seed, name, 0);
        self.labelled.clear();
        let first = self.draft.records.len();
        script(self);
        self.keep(first);
    }

    /// Everything that was played.
    pub(crate) fn finish(mut self) -> Played {
        self.played.text = self.draft.text;
        self.played.labels.sort_by_key(|label| label.from);
        self.played
    }

    fn keep(&mut self, first: usize) {
        let notes = self.draft.notes.iter().flatten();
        let records = self.draft.records.iter().zip(&self.draft.times).zip(notes);
        let mut own = Vec::new();
        for (at, ((record, time), note)) in records.enumerate().skip(first) {
            self.played.records.push(Planned {
                account: note.account.clone(),
                region: note.region.clone(),
                time: *time,
                record: record.clone(),
            });
            if self.labelled.iter().any(|range| range.contains(&at)) {
                own.push((*time, note.id));
            }
        }
        own.sort_by_key(|(time, _)| *time);
        let (Some((from, _)), Some((until, _))) = (own.first(), own.last()) else {
            return;
        };
        self.played.labels.push(Label {
            scenario: self.scenario.name(),
            kinds: self.scenario.kinds(),
            principal: std::mem::take(&mut self.principal),
            resource: self.resource.take(),
            from: Timestamp::from_second(*from).unwrap_or_default(),
            until: Timestamp::from_second(*until).unwrap_or_default(),
            event_ids: own.iter().map(|(_, id)| uuid_text(*id)).collect(),
        });
    }

    /// Says who does it, and what with.
    pub(crate) fn by(&mut self, principal: &str, resource: Option<&str>) {
        self.principal = principal.into();
        self.resource = resource.map(str::to_owned);
    }

    /// What is written within is the scenario's own.
    pub(crate) fn own(&mut self, write: impl FnOnce(&mut Draft)) {
        let first = self.draft.records.len();
        write(&mut self.draft);
        let range = first..self.draft.records.len();
        match self.labelled.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.labelled.push(range),
        }
    }

    /// The account that the scenario is in.
    pub(crate) fn account(&self) -> &'a Account {
        let at = Scenario::ALL.iter().position(|it| *it == self.scenario);
        &self.world.accounts[at.unwrap_or_default() % self.world.accounts.len()]
    }

    /// Somebody of the account, by the beginning of their name or of the person's.
    pub(crate) fn somebody(&self, name: &str) -> Actor {
        let account = &self.account().id;
        let theirs = || self.world.actors.iter().filter(|it| it.account == *account);
        let named = |it: &&Actor| it.name.starts_with(name) || it.person.starts_with(name);
        let found = theirs().find(named).or_else(|| theirs().next());
        found.unwrap_or(&self.world.actors[0]).clone()
    }

    /// A time of the period: 0.6 is after three fifths of it. The day is that one, the hour one of the working day's.
    pub(crate) fn time(&mut self, share: f64) -> i64 {
        let length = self.end - self.start;
        let time = self.start + (share * length as f64) as i64;
        let earliest = self.start + (0.6 * length as f64) as i64;
        let hour = 8 * 3_600 + self.draft.random.below(9 * 3_600) as i64;
        let of_day = time - time.rem_euclid(DAY) + hour;
        let latest = self.end - 2 * 3_600;
        if of_day < earliest || of_day > latest {
            time
        } else {
            of_day
        }
    }

    /// So many times, in order, within as many seconds from this one on; before the end in any case.
    pub(crate) fn times(&mut self, from: i64, within: i64, count: u64) -> Vec<i64> {
        // Of a period of a day, what comes hours later would come after it.
        let from = from.min(self.end - 60);
        let within = within.min(self.end - 30 - from).max(1) as u64;
        let mut times: Vec<i64> = (0..count)
            .map(|_| from + self.draft.random.below(within) as i64)
            .collect();
        times.sort_unstable();
        times
    }

    /// What is done on each day of the period, so that it is known: about so often a day, by day.
    pub(crate) fn usually(
        &mut self,
        (actor, site): (&Actor, &Site),
        a_day: u64,
        write: impl Fn(&mut Draft, &Call),
    ) {
        self.usually_until(self.end, (actor, site), a_day, write);
    }

    /// The same, until a time.
    pub(crate) fn usually_until(
        &mut self,
        end: i64,
        (actor, site): (&Actor, &Site),
        a_day: u64,
        write: impl Fn(&mut Draft, &Call),
    ) {
        let mut day = self.start;
        while day < end {
            let more = self.draft.random.below(a_day / 2 + 1);
            for time in self.times(day, DAY.min(end - day), a_day - a_day / 4 + more) {
                let mut random = self.draft.random.clone();
                let call = actor.call(site, time, &mut random);
                self.draft.random = random;
                write(&mut self.draft, &call);
            }
            day += DAY;
        }
    }

    /// So many times what somebody uses their key on a day, and no fewer than so many.
    pub(crate) fn many(&self, actor: &Actor, times: f64, least: u64) -> u64 {
        let all: f64 = self.world.actors.iter().map(|it| it.weight).sum();
        // About one call in a hundred uses the key by itself.
        let a_day = self.events_a_day * actor.weight / all * 0.01;
        ((a_day * times) as u64 + least).min(MOST.max(least))
    }
}

/// A call with somebody's credentials, from elsewhere and with another tool.
pub(crate) fn stolen<'a>(call: &Call<'a>, address: &'a str, agent: &'a str) -> Call<'a> {
    Call {
        address,
        agent,
        endpoint: None,
        console: false,
        tls: crate::call::Tls::Modern,
        ..call.clone()
    }
}
