//! Which files there are, and how many events of ordinary days are in each.

use crate::plan::Plan;
use crate::random::Random;
use crate::stage::Planned;
use crate::world::World;
use std::collections::BTreeMap;

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
/// How long after an event its record is delivered, at most.
pub(crate) const LATEST: i64 = 900;
/// And at least.
pub(crate) const SOONEST: i64 = 60;
/// The most events that a file is planned for: hours differ, so that it may come to twice as many.
const MOST: f64 = 4_000.0;

/// An account in a region: what log files are of.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) account: String,
    pub(crate) region: String,
    /// Who works there: the indices of the actor and the site.
    pub(crate) there: Vec<(usize, usize)>,
}

/// A file that is to be.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) pair: usize,
    /// The time of the deliveries that it holds, in seconds.
    pub(crate) from: i64,
    pub(crate) until: i64,
    /// How many events of ordinary days.
    pub(crate) events: u64,
    /// Which records of the scenarios.
    pub(crate) planned: Vec<usize>,
}

/// All files.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    pub(crate) pairs: Vec<Pair>,
    pub(crate) files: Vec<File>,
}

impl Schedule {
    pub(crate) fn new(
        plan: &Plan,
        world: &World,
        (start, end): (i64, i64),
        planned: &[Planned],
    ) -> Self {
        let mut schedule = Schedule {
            pairs: pairs(world),
            files: Vec::new(),
        };
        let weights = schedule.windows(plan, world, (start, end));
        // What was rounded off goes to those that come after, so that all of them add up.
        let all: f64 = weights.iter().sum();
        let (mut sum, mut given) = (0.0, 0);
        for (file, weight) in schedule.files.iter_mut().zip(&weights) {
            sum += weight / all;
            let until = ((sum * plan.events as f64).round() as u64).min(plan.events);
            file.events = until - given;
            given = until;
        }
        if let Some(last) = schedule.files.last_mut() {
            last.events += plan.events - given;
        }
        schedule.deliver(plan, planned);
        schedule
    }

    /// The files of ordinary days; gives how much is done in each, beside the others.
    fn windows(&mut self, plan: &Plan, world: &World, (start, end): (i64, i64)) -> Vec<f64> {
        let days = (end - start) as f64 / DAY as f64;
        let amount = |pair: &Pair| -> f64 { pair.there.iter().map(|it| weight(world, *it)).sum() };
        let all: f64 = self.pairs.iter().map(amount).sum();
        let files = plan.files as f64 / (1.0 + (2.0 * plan.copies).min(1.0));
        let mut weights = Vec::new();
        for (index, pair) in self.pairs.iter().enumerate() {
            let share = amount(pair) / all;
            let a_day = (files * share / days)
                .round()
                .max((plan.events as f64 * share / days / MOST).ceil())
                .clamp(1.0, DAY as f64 / 60.0) as i64;
            let mut day = start;
            while day < end {
                for at in 0..a_day {
                    let from = day + DAY * at / a_day;
                    let until = day + DAY * (at + 1) / a_day;
                    weights.push(self.busy(plan, world, index, from, until));
                    self.files.push(file(index, from, until));
                }
                day += DAY;
            }
            // The last events of the last day are delivered on the next.
            weights.push(self.busy(plan, world, index, end, end + LATEST) * 0.4);
            self.files.push(file(index, end, end + LATEST));
        }
        weights
    }

    /// How much is done in a pair from one time to another: hours and days differ, and no two are alike.
    fn busy(&self, plan: &Plan, world: &World, pair: usize, from: i64, until: i64) -> f64 {
        let mut sum = 0.0;
        for (from, until) in hours(from, until) {
            for it in &self.pairs[pair].there {
                let (weekday, hour) = clock(from);
                let rhythm = world.actors[it.0].rhythm(weekday, hour);
                sum += weight(world, *it) * rhythm * (until - from) as f64;
            }
        }
        let of_day = Random::of(
            plan.seed,
            "day",
            pair as u64 * 100_000 + (from / DAY) as u64,
        )
        .unit();
        let of_file = Random::of(plan.seed, "busy", pair as u64 ^ ((from as u64) << 16)).unit();
        sum * (0.85 + 0.3 * of_day) * (0.85 + 0.3 * of_file)
    }

    /// Puts the records of the scenarios into the files that they are delivered with.
    fn deliver(&mut self, plan: &Plan, planned: &[Planned]) {
        let mut of_pair: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for (index, file) in self.files.iter().enumerate() {
            let Pair {
                account, region, ..
            } = &self.pairs[file.pair];
            let of = of_pair.entry((account.clone(), region.clone()));
            of.or_default().push(index);
        }
        // Where nobody works on ordinary days, by pair and hour.
        let mut elsewhere: BTreeMap<(String, String, i64), Vec<usize>> = BTreeMap::new();
        let mut random = Random::of(plan.seed, "deliveries", 0);
        for (index, record) in planned.iter().enumerate() {
            let delay = SOONEST + random.below((LATEST - SOONEST) as u64) as i64;
            let delivered = record.time + delay;
            let (account, region) = (record.account.clone(), record.region.clone());
            match of_pair.get(&(account.clone(), region.clone())) {
                Some(files) => {
                    let at = files.partition_point(|it| self.files[*it].until <= delivered);
                    let file = files[at.min(files.len() - 1)];
                    self.files[file].planned.push(index);
                }
                None => {
                    let hour = delivered.div_euclid(HOUR);
                    let of = elsewhere.entry((account, region, hour));
                    of.or_default().push(index);
                }
            }
        }
        for ((account, region, hour), planned) in elsewhere {
            let known = |it: &Pair| it.account == account && it.region == region;
            let pair = self.pairs.iter().position(known).unwrap_or_else(|| {
                self.pairs.push(Pair {
                    account: account.clone(),
                    region: region.clone(),
                    there: Vec::new(),
                });
                self.pairs.len() - 1
            });
            self.files.push(File {
                planned,
                ..file(pair, hour * HOUR, (hour + 1) * HOUR)
            });
        }
    }
}

fn file(pair: usize, from: i64, until: i64) -> File {
    File {
        pair,
        from,
        until,
        events: 0,
        planned: Vec::new(),
    }
}

fn pairs(world: &World) -> Vec<Pair> {
    let mut pairs: BTreeMap<(usize, usize), Pair> = BTreeMap::new();
    for (index, actor) in world.actors.iter().enumerate() {
        for (at, site) in actor.sites.iter().enumerate() {
            let account = world.accounts.iter().position(|it| it.id == actor.account);
            let region = world.regions.iter().position(|it| *it == site.region);
            let pair = pairs
                .entry((account.unwrap_or_default(), region.unwrap_or_default()))
                .or_insert_with(|| Pair {
                    account: actor.account.clone(),
                    region: site.region.clone(),
                    there: Vec::new(),
                });
            pair.there.push((index, at));
        }
    }
    pairs.into_values().collect()
}

/// How much somebody does at one of their sites: at the first most.
pub(crate) fn weight(world: &World, (actor, site): (usize, usize)) -> f64 {
    let actor = &world.actors[actor];
    let rest = actor.sites.len() as f64 + 1.0;
    actor.weight * if site == 0 { 2.0 } else { 1.0 } / rest
}

/// The hours from one time to another, the first and the last in part.
pub(crate) fn hours(from: i64, until: i64) -> impl Iterator<Item = (i64, i64)> {
    let mut at = from;
    std::iter::from_fn(move || {
        let begins = at;
        at = (begins.div_euclid(HOUR) * HOUR + HOUR).min(until);
        (begins < until).then_some((begins, at))
    })
}

/// The day of the week, Monday being zero, and the hour.
pub(crate) fn clock(time: i64) -> (i64, i64) {
    // The first of January 1970 was a Thursday.
    (
        (time.div_euclid(DAY) + 3).rem_euclid(7),
        time.rem_euclid(DAY) / HOUR,
    )
}
