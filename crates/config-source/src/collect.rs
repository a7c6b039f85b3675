//! All files together, as a snapshot.

use crate::CONFIG;
use crate::convert::{convert as resources_of, kinds, unknown};
use crate::item::{Item, Status};
use crate::place::{Problem, inputs};
use crate::read::{About, read};
use crate::table::TABLES;
use jiff::Timestamp;
use lockfast_snapshot::{
    Account, CallCount, FORMAT, Found, GAP, Header, MANAGED_KEY, Record, Unit, Writer,
    compress_frame,
};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, Write};
use std::path::PathBuf;

/// More items than this are refused, as snapshots refuse them.
const MOST_ITEMS: usize = 5_000_000;

/// How to convert.
#[derive(Clone, Debug)]
pub struct Options {
    /// What writes the snapshot, such as `lockfast 0.1.0`.
    pub made_by: String,
    /// The time that stands for that of the items where none says its own (RFC 3339, UTC).
    pub now: String,
    /// Covers the secrets in the value of a name, such as an environment variable's.
    pub cover: fn(name: &str, value: &str) -> String,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The files read.
    pub files: usize,
    /// The resources that items told of.
    pub resources: u64,
    /// The latest time that an item was captured at.
    pub taken: String,
    /// What is wrong with the files.
    pub problems: Vec<Problem>,
}

/// Converts files of AWS Config, and folders of them, to a snapshot.
///
/// # Errors
/// When the snapshot cannot be written. What is wrong with the files is in the outcome.
pub fn convert<W: Write>(paths: &[PathBuf], options: &Options, out: W) -> io::Result<Outcome> {
    let (inputs, mut problems) = inputs(paths);
    let mut all = Collected::default();
    let mut files = 0;
    for input in inputs {
        let before = problems.len();
        let file = all.files.len();
        let mut of_file = OfFile {
            all: &mut all,
            file,
            cover: options.cover,
            told: HashSet::new(),
            places: BTreeSet::new(),
        };
        let about = read(&input.path, &mut problems, &mut |value| of_file.item(value));
        let (told, places) = (of_file.told, of_file.places);
        let mut say = |message: &str| {
            problems.push(Problem {
                path: input.path.display().to_string(),
                line: None,
                column: None,
                message: message.into(),
            });
        };
        if about.more {
            say("it holds the first pages only: its last NextToken asks for more");
        }
        if !about.known && input.named && about.bad == 0 {
            say("it holds no configuration items");
        }
        if about.known {
            files += 1;
        }
        all.files.push(about);
        let is_whole = problems.len() == before;
        // A history has what changed, and says nothing of what did not.
        if is_whole && (about.snapshot || !about.delivery) {
            all.told.extend(told);
        }
        if !is_whole {
            for place in &places {
                *all.broken
                    .entry((place.clone(), action(&about)))
                    .or_default() += 1;
            }
        }
        all.places.extend(places);
    }
    let mut outcome = all.write(options, out)?;
    outcome.files = files;
    outcome.problems = problems;
    Ok(outcome)
}

/// An account and a region; `global` for what is in none.
type Place = (String, String);

/// A resource's latest item.
struct Latest {
    captured: Option<Timestamp>,
    file: usize,
    /// What it tells, as JSON: a tenth of the memory that values take.
    found: Box<[u8]>,
}

#[derive(Default)]
struct Collected {
    files: Vec<About>,
    latest: HashMap<(Place, String, String), Latest>,
    /// The accounts and regions seen.
    places: BTreeSet<Place>,
    /// The types that something tells all of, by place.
    told: HashSet<(Place, String)>,
    /// The places of which a file told something and broke off, and what the file was: how often.
    broken: BTreeMap<(Place, &'static str), u64>,
    partitions: HashMap<String, String>,
}

/// A file while it is read.
struct OfFile<'a> {
    all: &'a mut Collected,
    file: usize,
    cover: fn(&str, &str) -> String,
    told: HashSet<(Place, String)>,
    places: BTreeSet<Place>,
}

impl OfFile<'_> {
    fn item(&mut self, value: serde_json::Value) -> Result<(), String> {
        let item = Item::new(value)?;
        if self.all.latest.len() >= MOST_ITEMS {
            return Err("more items than any organisation has".into());
        }
        self.places
            .insert((item.account.clone(), item.region.clone()));
        for kind in kinds(&item.kind) {
            let region = match TABLES.service(kind).by_region {
                true => item.region.clone(),
                false => "global".into(),
            };
            let told = ((item.account.clone(), region), kind.to_owned());
            if !self.told.contains(&told) {
                self.told.insert(told);
            }
        }
        let partition = item.arn.as_deref().and_then(|arn| arn.split(':').nth(1));
        if let Some(partition) = partition.filter(|partition| partition.starts_with("aws"))
            && !self.all.partitions.contains_key(&item.account)
        {
            self.all
                .partitions
                .insert(item.account.clone(), partition.to_owned());
        }
        let found = match item.status {
            Status::Gone => Vec::new(),
            _ => resources_of(&item, self.cover),
        };
        let latest = Latest {
            captured: item.captured,
            file: self.file,
            found: serde_json::to_vec(&found)
                .map_err(|error| error.to_string())?
                .into(),
        };
        let place = (item.account, item.region);
        match self.all.latest.entry((place, item.kind, item.id)) {
            Entry::Vacant(entry) => {
                entry.insert(latest);
            }
            // Of two of the same moment, the one that tells more; an extract may have come first.
            Entry::Occupied(mut entry) => {
                let there = entry.get();
                if (latest.captured, latest.found.len()) > (there.captured, there.found.len()) {
                    entry.insert(latest);
                }
            }
        }
        Ok(())
    }
}

/// What a file's facts are from, as AWS Config's API calls it.
fn action(about: &About) -> &'static str {
    match (about.snapshot, about.delivery) {
        (true, _) => "config:DeliverConfigSnapshot",
        (false, true) => "config:GetResourceConfigHistory",
        _ => "config:SelectAggregateResourceConfig",
    }
}

/// An account, a region and a service.
type UnitKey = (String, String, String);

impl Collected {
    fn write<W: Write>(self, options: &Options, out: W) -> io::Result<Outcome> {
        let newest = self
            .latest
            .values()
            .filter_map(|latest| latest.captured)
            .max();
        let taken = newest.and_then(|time| Timestamp::from_second(time.as_second()).ok());
        let taken = taken.map_or_else(|| options.now.clone(), |time| time.to_string());
        let units = self.units();
        let header = Header {
            format: FORMAT,
            made_by: options.made_by.clone(),
            taken: taken.clone(),
            accounts: self.accounts(),
            regions: distinct(
                self.places
                    .iter()
                    .map(|(_, region)| region)
                    .filter(|region| *region != "global"),
            ),
            services: distinct(units.keys().map(|(_, _, service)| service)),
        };
        let mut writer = Writer::new(out, header)?;
        let mut resources = 0;
        for (key, of_unit) in units {
            let (unit, found) = self.unit(key, of_unit);
            resources += found.iter().filter(|found| found.name != GAP).count() as u64;
            let count = found.len() as u64;
            let records: Vec<Record> = std::iter::once(Record::Unit(unit))
                .chain(found.into_iter().map(Record::Resource))
                .collect();
            writer.frame(&compress_frame(&records)?, count)?;
        }
        writer.end()?;
        Ok(Outcome {
            resources,
            taken,
            ..Outcome::default()
        })
    }

    fn accounts(&self) -> Vec<Account> {
        let ids: BTreeSet<&String> = self.places.iter().map(|(account, _)| account).collect();
        let accounts = ids.into_iter().map(|id| Account {
            id: id.clone(),
            name: None,
            partition: self
                .partitions
                .get(id)
                .map_or("aws", String::as_str)
                .to_owned(),
        });
        accounts.collect()
    }

    /// The units: which items tell of them, and which types nothing tells of.
    fn units(&self) -> BTreeMap<UnitKey, OfUnit<'_>> {
        let mut units: BTreeMap<UnitKey, OfUnit<'_>> = BTreeMap::new();
        for (((account, region), config, _), latest) in &self.latest {
            let service = TABLES.service(kinds(config)[0]);
            let region = if service.global { "global" } else { region };
            let key = (account.clone(), region.to_owned(), service.name);
            units.entry(key).or_default().latest.push(latest);
        }
        for (kind, service) in TABLES.scanned() {
            for (account, region) in self.asked(service.by_region) {
                if self
                    .told
                    .contains(&((account.clone(), region.clone()), kind.to_owned()))
                    || kind == MANAGED_KEY
                {
                    continue;
                }
                let unit = if service.global { "global" } else { &region };
                let key = (account.clone(), unit.to_owned(), service.name.clone());
                units.entry(key).or_default().gaps.push((kind, region));
            }
        }
        units
    }

    /// The places that types are to be told of in.
    fn asked(&self, by_region: bool) -> BTreeSet<Place> {
        let places = self
            .places
            .iter()
            .filter(|(_, region)| !by_region || region != "global");
        places
            .map(|(account, region)| match by_region {
                true => (account.clone(), region.clone()),
                false => (account.clone(), "global".to_owned()),
            })
            .collect()
    }

    fn unit(&self, (account, region, service): UnitKey, of_unit: OfUnit<'_>) -> (Unit, Vec<Found>) {
        let mut calls: BTreeMap<String, CallCount> = BTreeMap::new();
        let mut found = Vec::new();
        for latest in of_unit.latest {
            let action = action(&self.files[latest.file]);
            calls.entry(action.to_owned()).or_default().answered += 1;
            let from = match latest.captured {
                Some(time) => format!("{action} of {time:.0}"),
                None => action.to_owned(),
            };
            // What was written a moment ago is readable.
            let told: Vec<Found> = serde_json::from_slice(&latest.found).unwrap_or_default();
            found.extend(told.into_iter().map(|mut one| {
                one.from.insert(String::new(), from.clone());
                one.region = one.region.filter(|own| *own != region);
                one
            }));
        }
        for (kind, place) in of_unit.gaps {
            found.push(Found {
                kind: kind.to_owned(),
                name: GAP.into(),
                region: Some(place).filter(|place| *place != region),
                from: BTreeMap::from([(String::new(), CONFIG.to_owned())]),
                properties: unknown(&format!("no configuration item tells of {kind}")),
                ..Found::default()
            });
        }
        found.sort_by(|a, b| {
            (&a.kind, &a.region, &a.name, &a.arn).cmp(&(&b.kind, &b.region, &b.name, &b.arn))
        });
        if service == "config" {
            for (((of, at), action), times) in &self.broken {
                if *of == account && *at == region {
                    let failed = &mut calls.entry((*action).to_owned()).or_default().failed;
                    *failed
                        .entry("a file that cannot be read to its end".into())
                        .or_default() += times;
                }
            }
        }
        (
            Unit {
                account,
                region,
                service,
                calls,
            },
            found,
        )
    }
}

/// What a unit is made of.
#[derive(Default)]
struct OfUnit<'a> {
    latest: Vec<&'a Latest>,
    gaps: Vec<(&'a str, String)>,
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    names
        .collect::<BTreeSet<_>>()
        .into_iter()
        .cloned()
        .collect()
}
