//! Writing the files.

use crate::background;
use crate::digest::{self, Listed};
use crate::draft::{Draft, civil, hex};
use crate::ordinary::{Calls, Scratch};
use crate::plan::{Error, Plan, Written};
use crate::random::Random;
use crate::scenarios;
use crate::schedule::{self, File, LATEST, Pair, SOONEST, Schedule};
use crate::stage::Played;
use crate::world::World;
use jiff::tz::Offset;
use libdeflater::{CompressionLvl, Compressor};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Writes what the plan asks for below the folder, in CloudTrail's layout, and `labels` beside. `progress` is told, after
/// each file, how many more records were written.
///
/// # Errors
/// When the plan asks for what cannot be, the folder has logs already, or a file cannot be written.
pub fn write(plan: &Plan, folder: &Path, progress: impl Fn(u64) + Sync) -> Result<Written, Error> {
    plan.check()?;
    let there = folder.join("AWSLogs");
    if there.exists() {
        let what = format!("there are logs in {} already", there.display());
        return Err(Error::Plan(what));
    }
    let period = period(plan)?;
    let world = World::new(plan);
    let played = scenarios::play(&world, plan, period);
    let schedule = Schedule::new(plan, &world, period, &played.records);
    let calls = Calls::new()?;
    let shared = Shared {
        plan,
        folder,
        period,
        world: &world,
        played: &played,
        schedule: &schedule,
        calls: &calls,
    };
    let level = CompressionLvl::new(plan.level)
        .map_err(|_| Error::Plan(format!("there is no level {} of compression", plan.level)))?;
    let done = all(&shared, level, progress)?;
    let mut written = Written::default();
    let mut listed = Vec::new();
    for done in done {
        written.events += done.events;
        written.records += done.records;
        written.files += done.files;
        written.bytes += done.bytes;
        written.inflated += done.inflated;
        listed.extend(done.listed);
    }
    if let Some(signer) = &plan.digests {
        written.digests = digest::write(plan, signer, folder, &schedule.pairs, period, listed)?;
    }
    written.labels = played.labels;
    let labels = serde_json::to_vec_pretty(&written.labels)
        .map_err(|error| Error::Plan(format!("labels: {error}")))?;
    save(&folder.join("labels"), &labels)?;
    Ok(written)
}

/// Writes all files, on all threads of the current pool; gives what came of each, in their order.
fn all(
    shared: &Shared,
    level: CompressionLvl,
    progress: impl Fn(u64) + Sync,
) -> Result<Vec<Done>, Error> {
    let count = shared.schedule.files.len();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(count));
    // Not `par_iter`, which makes new buffers whenever it splits: so there is one set for each thread.
    rayon::scope(|scope| {
        for _ in 0..rayon::current_num_threads().min(count) {
            scope.spawn(|_| {
                let mut worker = Worker::new(level);
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    let file = worker.file(shared, index);
                    match &file {
                        Ok(file) => progress(file.records),
                        // No more need be begun.
                        Err(_) => next.store(count, Ordering::Relaxed),
                    }
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((index, file));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, file)| file).collect()
}

/// The period, in seconds.
fn period(plan: &Plan) -> Result<(i64, i64), Error> {
    let start = Offset::UTC.to_timestamp(plan.start.at(0, 0, 0, 0));
    let start = start
        .map_err(|error| Error::Plan(error.to_string()))?
        .as_second();
    Ok((start, start + i64::from(plan.days) * 86_400))
}

/// Writes a file, and the folders it is in.
pub(crate) fn save(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let save = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, bytes)
    };
    save().map_err(|error| Error::Io {
        path: path.to_owned(),
        error,
    })
}

/// What all workers look at.
struct Shared<'a> {
    plan: &'a Plan,
    folder: &'a Path,
    period: (i64, i64),
    world: &'a World,
    played: &'a Played,
    schedule: &'a Schedule,
    calls: &'a Calls,
}

/// What came of one file and its copy.
#[derive(Default)]
struct Done {
    events: u64,
    records: u64,
    files: u64,
    bytes: u64,
    inflated: u64,
    listed: Vec<Listed>,
}

/// What one thread has.
struct Worker {
    draft: Draft,
    scratch: Scratch,
    document: Vec<u8>,
    compressor: Compressor,
    compressed: Vec<u8>,
}

impl Worker {
    fn new(level: CompressionLvl) -> Self {
        Worker {
            draft: Draft::new(Random::of(0, "", 0)),
            scratch: Scratch::default(),
            document: Vec::new(),
            compressor: Compressor::new(level),
            compressed: Vec::new(),
        }
    }

    /// Writes a file, and the other one that has some of its records again.
    fn file(&mut self, shared: &Shared, index: usize) -> Result<Done, Error> {
        let Shared {
            plan,
            schedule,
            played,
            ..
        } = *shared;
        let file = &schedule.files[index];
        let pair = &schedule.pairs[file.pair];
        self.draft
            .clear(Random::of(plan.seed, "file", index as u64));
        ordinary(shared, file, pair, &mut self.draft, &mut self.scratch);
        for planned in &file.planned {
            let planned = &played.records[*planned];
            self.draft
                .copy(&played.text[planned.record.clone()], planned.time);
        }
        let mut done = Done::default();
        let mut order: Vec<usize> = (0..self.draft.records.len()).collect();
        if order.is_empty() {
            return Ok(done);
        }
        done.events = order.len() as u64;
        // Those of the scenarios are not at the end: each moves to a place of those before or its own.
        let mut random = Random::of(plan.seed, "order", index as u64);
        for at in order.len() - file.planned.len()..order.len() {
            let place = random.below(at as u64 + 1) as usize;
            order.swap(at, place);
        }
        let stamp = file.until - SOONEST;
        self.document(shared, pair, &order, stamp, false, &mut done)?;
        // Half of a file at most, so that those delivered again are files as others.
        let chance = (2.0 * plan.copies).min(1.0);
        if random.unit() < chance {
            order.retain(|_| random.unit() * chance < plan.copies);
            order.reverse();
            let own = plan.organization.is_some() && plan.digests.is_none() && random.once_in(2);
            let stamp = stamp + 120 + random.below(600) as i64;
            if !order.is_empty() {
                self.document(shared, pair, &order, stamp, own, &mut done)?;
            }
        }
        Ok(done)
    }

    /// Writes one file of these records. An account's own trail has no organisation.
    fn document(
        &mut self,
        shared: &Shared,
        pair: &Pair,
        order: &[usize],
        stamp: i64,
        own: bool,
        done: &mut Done,
    ) -> Result<(), Error> {
        let document = &mut self.document;
        document.clear();
        document.extend_from_slice(b"{\"Records\":");
        for (at, index) in order.iter().enumerate() {
            document.push(if at == 0 { b'[' } else { b',' });
            document.extend_from_slice(&self.draft.text[self.draft.records[*index].clone()]);
        }
        document.extend_from_slice(b"]}");
        self.compressed
            .resize(self.compressor.gzip_compress_bound(document.len()), 0);
        let length = self
            .compressor
            .gzip_compress(document, &mut self.compressed)
            .map_err(|_| Error::Plan("a file cannot be compressed".into()))?;
        // By what is in it, so that it is the same again.
        let mut random = Random::of(
            shared.plan.seed ^ u64::from(libdeflater::crc32(document)),
            &pair.region,
            stamp as u64,
        );
        let organization = shared.plan.organization.as_deref().filter(|_| !own);
        let object = object(organization, pair, stamp, &random.alphanumeric(16));
        save(&shared.folder.join(&object), &self.compressed[..length])?;
        done.records += order.len() as u64;
        done.files += 1;
        done.bytes += length as u64;
        done.inflated += document.len() as u64;
        if shared.plan.digests.is_some() {
            let times = || order.iter().map(|index| self.draft.times[*index]);
            done.listed.push(Listed {
                object,
                account: pair.account.clone(),
                region: pair.region.clone(),
                delivered: stamp,
                hash: hex(&Sha256::digest(&self.document)),
                oldest: times().min().unwrap_or(stamp),
                newest: times().max().unwrap_or(stamp),
            });
        }
        Ok(())
    }
}

/// The key of a log file in its bucket.
fn object(organization: Option<&str>, pair: &Pair, stamp: i64, random: &str) -> String {
    let Pair {
        account, region, ..
    } = pair;
    let (year, month, day) = civil(stamp.div_euclid(86_400));
    let minute = stamp.rem_euclid(86_400) / 60;
    format!(
        "{}/CloudTrail/{region}/{year:04}/{month:02}/{day:02}/{account}_CloudTrail_{region}_{year:04}{month:02}{day:02}T{:02}{:02}Z_{random}.json.gz",
        prefix(organization, account),
        minute / 60,
        minute % 60
    )
}

/// `AWSLogs/[o-ORGANISATION/]ACCOUNT`
pub(crate) fn prefix(organization: Option<&str>, account: &str) -> String {
    match organization {
        Some(organization) => format!("AWSLogs/{organization}/{account}"),
        None => format!("AWSLogs/{account}"),
    }
}

/// Writes the events of ordinary days of one file.
fn ordinary(shared: &Shared, file: &File, pair: &Pair, draft: &mut Draft, scratch: &mut Scratch) {
    let world = shared.world;
    // By hour and caller, each with the weight of all up to it.
    let mut cells = Vec::new();
    let mut all = 0.0;
    for (from, until) in schedule::hours(file.from, file.until) {
        let (weekday, hour) = schedule::clock(from);
        for it in &pair.there {
            let weight = schedule::weight(world, *it) * world.actors[it.0].rhythm(weekday, hour);
            all += weight * (until - from) as f64;
            cells.push((all, (from, until), *it));
        }
    }
    if cells.is_empty() {
        return;
    }
    let draw = |random: &mut Random| {
        let at = random.unit() * all;
        let index = cells
            .partition_point(|(sum, ..)| *sum <= at)
            .min(cells.len() - 1);
        let (_, (from, until), who) = cells[index];
        (
            from + random.below((until - from).max(1) as u64) as i64,
            who,
        )
    };
    let events = file.events as usize;
    // In the order of delivery. Some calls write several records, so the last are drawn one by one.
    let mut drawn: Vec<_> = (0..events * 19 / 20)
        .map(|_| draw(&mut draft.random))
        .collect();
    drawn.sort_unstable();
    let mut drawn = drawn.into_iter();
    while draft.records.len() < events {
        let (delivered, (actor, site)) = drawn.next().unwrap_or_else(|| draw(&mut draft.random));
        let (start, end) = shared.period;
        let delay = SOONEST + draft.random.below((LATEST - SOONEST) as u64) as i64;
        let time = (delivered - delay.max(delivered - end + 15)).max(start);
        let actor = &world.actors[actor];
        let who = (actor, &actor.sites[site]);
        background::act(world, shared.calls, draft, scratch, who, time);
    }
    draft.truncate(events);
}
