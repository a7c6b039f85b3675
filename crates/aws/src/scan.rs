//! A scan from its start to the snapshot's end mark.

use crate::accounts::{self, Session, Target};
use crate::budget::Budgets;
use crate::gate::Shared;
use crate::journal::Journal;
use crate::options::ScanOptions;
use crate::progress::{Counts, Progress};
use crate::readers::{READERS, Reader, Scope};
use crate::unit::{AccountAccess, Cx, Inner, NO_ENDPOINT, Tags, pages};
use aws_types::SdkConfig;
use futures::FutureExt;
use lockfast_snapshot::{
    Account, CallCount, FORMAT, Failure, Found, Header, MANAGED_KEY, Record, Unit, Writer,
    compress_frame,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Units read at once.
const UNITS_AT_ONCE: usize = 32;

/// Why a scan did not come to its end. What it had read is kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Without this call's answer there is nothing to scan.
    #[error("{} failed: {}{}", .0.call, .0.error, hint(&.0.error))]
    Call(Failure),
    /// A service that Lockfast does not read.
    #[error("no service `{0}`; there are {1}")]
    NoService(String, String),
    /// An earlier scan to the same file was cut off.
    #[error(
        "a scan to {} was cut off: go on with it (--resume), or remove {} to start anew",
        output.display(), partial.display()
    )]
    CutOff {
        /// The snapshot.
        output: PathBuf,
        /// What there is of it.
        partial: PathBuf,
    },
    /// There is nothing to go on with.
    #[error("there is no scan to go on with: {} is not there", .0.display())]
    NothingToResume(PathBuf),
    /// The scan that was cut off is another one.
    #[error("the scan that was cut off had other {what}: give the same, or remove {} to start anew", partial.display())]
    Other {
        /// What differs.
        what: &'static str,
        /// What there is of it.
        partial: PathBuf,
    },
    /// The file system.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Somebody stopped it.
    #[error("stopped; go on with --resume")]
    Interrupted,
}

fn hint(error: &str) -> &'static str {
    match error {
        "not sent: no valid credentials" => {
            ": log in (aws sso login), name a --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        }
        "connection failed" => ": is the network reachable, and --endpoint-url right?",
        "ExpiredToken" | "ExpiredTokenException" => ": log in again",
        _ => "",
    }
}

/// What a scan came to.
#[derive(Debug)]
pub struct Outcome {
    /// The snapshot.
    pub snapshot: PathBuf,
    /// The numbers at its end.
    pub counts: Counts,
    /// Whom AWS knows the scan as, for what is done after it: the code of a second factor holds once.
    pub session: Session,
}

/// What must be the same for a scan to go on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Plan {
    taken: String,
    accounts: Vec<Account>,
    regions: Vec<String>,
    services: Vec<String>,
    endpoint: Option<String>,
}

/// The folder of a scan that is under way.
struct Partial(PathBuf);

impl Partial {
    fn of(output: &Path) -> Self {
        let mut name = output.as_os_str().to_owned();
        name.push(".partial");
        Partial(name.into())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    |error| Error::Io {
        path: path.to_owned(),
        error,
    }
}

/// Scans, and writes the snapshot.
///
/// # Errors
/// When there are no credentials, when the scan that was cut off is another one, or what the file system says. Calls
/// that fail are no errors: they stand in the snapshot.
pub async fn scan(options: ScanOptions, progress: Progress) -> Result<Outcome, Error> {
    let readers = selected(&options.services)?;
    let partial = Partial::of(&options.output);
    if !options.resume && partial.0.exists() {
        return Err(Error::CutOff {
            output: options.output.clone(),
            partial: partial.0,
        });
    }
    if options.resume && !partial.0.exists() {
        return Err(Error::NothingToResume(partial.0));
    }
    let session = Session::open(&options).await?;
    let Session { http, base } = session.clone();
    let targets = accounts::targets(&options, &base).await?;
    let mut plan = plan(&options, &targets, &readers);
    let journal = journal(&partial, options.resume, &mut plan)?;
    let shared = Arc::new(Shared::new(
        http,
        Some(journal),
        Budgets::new(
            options.max_rps,
            options.keep_budgets || options.endpoint_url.is_none(),
        ),
        progress.clone(),
    ));
    let spill = Spill::create(&partial.file("frames"))?;
    let options = Arc::new(options);
    let (units, unreached) = units(&options, &base, &shared, targets, &readers);
    progress.units(units.len() as u64);
    for unit in unreached {
        spill.add(&unit, &[])?;
    }
    let run = run(units, &spill, &progress);
    tokio::select! {
        result = run => result?,
        _ = tokio::signal::ctrl_c() => return Err(Error::Interrupted),
    }
    let header = Header {
        format: FORMAT,
        made_by: format!("lockfast {}", env!("CARGO_PKG_VERSION")),
        taken: plan.taken,
        accounts: plan.accounts,
        regions: plan.regions,
        services: plan.services,
    };
    spill.assemble(&options.output, header)?;
    std::fs::remove_dir_all(&partial.0).map_err(io_at(&partial.0))?;
    Ok(Outcome {
        snapshot: options.output.clone(),
        counts: progress.counts(),
        session,
    })
}

fn selected(names: &[String]) -> Result<Vec<&'static Reader>, Error> {
    for name in names {
        if !READERS.iter().any(|reader| reader.service == name) {
            let all = crate::services().join(", ");
            return Err(Error::NoService(name.clone(), all));
        }
    }
    Ok(READERS
        .iter()
        .copied()
        .filter(|reader| names.is_empty() || names.iter().any(|name| name == reader.service))
        .collect())
}

fn plan(options: &ScanOptions, targets: &[Target], readers: &[&Reader]) -> Plan {
    let mut regions: Vec<String> = targets
        .iter()
        .filter_map(|target| target.access.as_ref().ok())
        .flat_map(|(_, regions)| regions.clone())
        .collect();
    regions.sort();
    regions.dedup();
    let mut services: Vec<String> = readers
        .iter()
        .map(|reader| reader.service.to_owned())
        .collect();
    services.sort();
    services.dedup();
    Plan {
        taken: options.taken.clone(),
        accounts: targets
            .iter()
            .map(|target| target.account.clone())
            .collect(),
        regions,
        services,
        endpoint: options.endpoint_url.clone(),
    }
}

/// The journal, new or that of the scan that was cut off, whose starting time then holds.
fn journal(partial: &Partial, resume: bool, plan: &mut Plan) -> Result<Journal, Error> {
    let (plan_file, journal_file) = (partial.file("plan.json"), partial.file("journal"));
    if resume {
        let text = std::fs::read(&plan_file).map_err(io_at(&plan_file))?;
        let before: Plan = serde_json::from_slice(&text)
            .map_err(|error| io_at(&plan_file)(io::Error::other(error)))?;
        plan.taken.clone_from(&before.taken);
        let differs = [
            ("accounts", before.accounts != plan.accounts),
            ("regions", before.regions != plan.regions),
            ("services", before.services != plan.services),
            ("endpoints", before.endpoint != plan.endpoint),
        ];
        if let Some((what, _)) = differs.into_iter().find(|(_, differs)| *differs) {
            return Err(Error::Other {
                what,
                partial: partial.0.clone(),
            });
        }
        return Journal::open(&journal_file).map_err(io_at(&journal_file));
    }
    std::fs::create_dir_all(&partial.0).map_err(io_at(&partial.0))?;
    let journal = Journal::create(&journal_file).map_err(io_at(&journal_file))?;
    let text = serde_json::to_vec(plan).map_err(|e| io_at(&plan_file)(e.into()))?;
    std::fs::write(&plan_file, text).map_err(io_at(&plan_file))?;
    Ok(journal)
}

/// The units to read, and records of the accounts that cannot be reached.
fn units(
    options: &Arc<ScanOptions>,
    base: &SdkConfig,
    shared: &Arc<Shared>,
    targets: Vec<Target>,
    readers: &[&'static Reader],
) -> (Vec<Cx>, Vec<Unit>) {
    let (mut units, mut unreached) = (Vec::new(), Vec::new());
    for target in targets {
        let (account, regions) = match target.access {
            Ok(access) => access,
            Err(failure) => {
                let count = CallCount {
                    answered: 0,
                    failed: BTreeMap::from([(failure.error, 1)]),
                };
                unreached.push(Unit {
                    account: target.account.id,
                    region: "global".into(),
                    service: failure
                        .call
                        .split(':')
                        .next()
                        .unwrap_or_default()
                        .to_owned(),
                    calls: BTreeMap::from([(failure.call, count)]),
                });
                continue;
            }
        };
        let home = home(&account.partition);
        let unit = |reader: &'static Reader, region: &str, home: &str| {
            Cx(Arc::new(Inner {
                reader,
                account: account.clone(),
                region: region.to_owned(),
                home: home.to_owned(),
                regions: regions.clone(),
                base: base.clone(),
                shared: shared.clone(),
                options: options.clone(),
                found: Mutex::default(),
                calls: Mutex::default(),
            }))
        };
        for reader in readers {
            match reader.scope {
                Scope::Global => units.push(unit(reader, "global", home)),
                Scope::Regional => {
                    units.extend(regions.iter().map(|region| unit(reader, region, region)));
                }
            }
        }
    }
    (units, unreached)
}

/// The region where a partition's global services are.
pub(crate) fn home(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    }
}

async fn run(units: Vec<Cx>, spill: &Spill, progress: &Progress) -> Result<(), Error> {
    let places = Arc::new(Semaphore::new(UNITS_AT_ONCE));
    let mut tasks = tokio::task::JoinSet::new();
    let mut unread: HashMap<String, (usize, Arc<AccountAccess>)> = HashMap::new();
    for unit in units {
        let account = unit.0.account.clone();
        unread.entry(account.id.clone()).or_insert((0, account)).0 += 1;
        let places = places.clone();
        tasks.spawn(async move {
            let _place = places.acquire_owned().await;
            read(unit).await
        });
    }
    let mut absent = Vec::new();
    let mut answered = HashSet::new();
    while let Some(finished) = tasks.join_next().await {
        // Tags are kept for an account's own units alone: those of all accounts would fill the memory.
        if let Ok((unit, _)) = &finished
            && let Some((left, account)) = unread.get_mut(&unit.account)
        {
            *left -= 1;
            if *left == 0 {
                for unit in tag_units(account) {
                    spill.add(&unit, &[])?;
                }
            }
        }
        match finished {
            Ok((unit, found)) if has_no_endpoint(&unit) => absent.push((unit, found)),
            Ok((unit, found)) => {
                answered.insert((unit.account.clone(), unit.region.clone()));
                spill.add(&unit, &found)?;
            }
            Err(error) => return Err(io_at(Path::new("a reader"))(io::Error::other(error))),
        }
        progress.units_done(1);
    }
    for (mut unit, mut found) in absent {
        // Where other services answer, this one is not offered. Where none does, the region's name may be wrong, or
        // the network down.
        if answered.contains(&(unit.account.clone(), unit.region.clone())) {
            unit.calls.clear();
            found.clear();
        }
        spill.add(&unit, &found)?;
    }
    Ok(())
}

/// Whether a unit's calls found no endpoint to ask.
fn has_no_endpoint(unit: &Unit) -> bool {
    !unit.calls.is_empty()
        && unit.calls.values().all(|count| {
            count.answered == 0 && count.failed.keys().all(|error| error == NO_ENDPOINT)
        })
}

/// Reads one unit. A reader that fails as a program leaves its types unknown, as a call that fails does.
async fn read(cx: Cx) -> (Unit, Vec<Found>) {
    let reader = cx.0.reader;
    let outcome = std::panic::AssertUnwindSafe((reader.read)(cx.clone()))
        .catch_unwind()
        .await;
    if outcome.is_err() {
        let failure = Failure {
            call: format!("{}:*", reader.service),
            error: "Lockfast failed to read the answers; please report it".into(),
        };
        cx.gap(reader.kinds, &failure);
        // A call like any other that gave no answer: nobody may take the unit for one that was read.
        cx.uncounted(&failure);
    }
    let (unit, mut found) = cx.finish();
    for resource in &mut found {
        tag(&cx, resource).await;
    }
    (unit, found)
}

/// Gives a resource its tags, unless its reader knew them.
async fn tag(cx: &Cx, found: &mut Found) {
    let Some(arn) = &found.arn else {
        return;
    };
    let untaggable = found.kind.starts_with("AWS::IAM::")
        || found.kind.starts_with("AWS::Organizations::")
        || matches!(found.kind.as_str(), "AWS::KMS::Alias" | MANAGED_KEY);
    let Value::Object(properties) = &mut found.properties else {
        return;
    };
    if untaggable || properties.contains_key("Tags") {
        return;
    }
    let region = match found.region.as_deref().unwrap_or(&cx.0.region) {
        "global" => &cx.0.home,
        region => region,
    };
    let cell = cell(&cx.0.account, region);
    let tags = cell.get_or_init(|| tags_of(cx, region)).await;
    let value = match tags {
        Ok(tags) => match tags.get(arn) {
            Some(tags) => tags
                .iter()
                .map(|(key, value)| json!({ "Key": key, "Value": value }))
                .collect(),
            None => return,
        },
        Err(failure) => failure.unknown(),
    };
    properties.insert("Tags".into(), value);
    found.from.insert("Tags".into(), TAG_ACTION.into());
}

const TAG_ACTION: &str = "tag:GetResources";

/// The tagging API, which tells the tags of a whole region.
static TAG_READER: Reader = Reader {
    service: "tag",
    scope: Scope::Regional,
    kinds: &[],
    calls: &[TAG_ACTION],
    secret_calls: &[],
    read: |_| async {}.boxed(),
};

fn cell(account: &AccountAccess, region: &str) -> Arc<tokio::sync::OnceCell<Tags>> {
    let mut cells = account.tags.lock().unwrap_or_else(PoisonError::into_inner);
    cells.entry(region.to_owned()).or_default().clone()
}

/// All tags of a region, by ARN (Resource Groups Tagging API Reference, GetResources).
async fn tags_of(cx: &Cx, region: &str) -> Tags {
    let cx = Cx(Arc::new(Inner {
        reader: &TAG_READER,
        account: cx.0.account.clone(),
        region: region.to_owned(),
        home: region.to_owned(),
        regions: cx.0.regions.clone(),
        base: cx.0.base.clone(),
        shared: cx.0.shared.clone(),
        options: cx.0.options.clone(),
        found: Mutex::default(),
        calls: Mutex::default(),
    }));
    let client = aws_sdk_resourcegroupstagging::Client::new(&cx.config());
    let stream = pages!(client.get_resources().resources_per_page(100));
    let (pages, failure) = cx.try_list(TAG_ACTION, stream).await;
    if let Some(failure) = failure {
        return Err(failure);
    }
    let mut tags = HashMap::new();
    for mapping in pages
        .iter()
        .flat_map(|page| page.resource_tag_mapping_list())
    {
        if let Some(arn) = mapping.resource_arn() {
            let own = mapping
                .tags()
                .iter()
                .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
                .collect();
            tags.insert(arn.to_owned(), own);
        }
    }
    Ok(tags)
}

/// Records of the tagging API's calls in an account, whose tags are let go.
fn tag_units(account: &AccountAccess) -> Vec<Unit> {
    let mut cells = account.tags.lock().unwrap_or_else(PoisonError::into_inner);
    let cells: BTreeMap<_, _> = std::mem::take(&mut *cells).into_iter().collect();
    let unit = |(region, cell): (String, Arc<tokio::sync::OnceCell<Tags>>)| {
        let (answered, failed) = match cell.get()? {
            Ok(_) => (1, BTreeMap::new()),
            Err(failure) => (0, BTreeMap::from([(failure.error.clone(), 1)])),
        };
        let count = CallCount { answered, failed };
        Some(Unit {
            account: account.id.clone(),
            region,
            service: TAG_READER.service.to_owned(),
            calls: BTreeMap::from([(TAG_ACTION.to_owned(), count)]),
        })
    };
    cells.into_iter().filter_map(unit).collect()
}

/// Units that are read, on disk until all are, so that memory holds few of them at once.
struct Spill {
    path: PathBuf,
    inner: Mutex<(File, Vec<Frame>)>,
}

/// Where a unit's frame stands.
struct Frame {
    /// Account, region, service.
    unit: (String, String, String),
    at: u64,
    length: usize,
    resources: u64,
}

impl Spill {
    fn create(path: &Path) -> Result<Self, Error> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
            .map_err(io_at(path))?;
        Ok(Spill {
            path: path.to_owned(),
            inner: Mutex::new((file, Vec::new())),
        })
    }

    fn add(&self, unit: &Unit, found: &[Found]) -> Result<(), Error> {
        let records: Vec<Record> = std::iter::once(Record::Unit(unit.clone()))
            .chain(found.iter().cloned().map(Record::Resource))
            .collect();
        let frame = compress_frame(&records).map_err(io_at(&self.path))?;
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, frames) = &mut *inner;
        let at = file.seek(SeekFrom::End(0)).map_err(io_at(&self.path))?;
        file.write_all(&frame).map_err(io_at(&self.path))?;
        frames.push(Frame {
            unit: (
                unit.account.clone(),
                unit.region.clone(),
                unit.service.clone(),
            ),
            at,
            length: frame.len(),
            resources: found.len() as u64,
        });
        Ok(())
    }

    /// The snapshot: the frames in the order of their units. It takes its name when it is whole.
    fn assemble(&self, output: &Path, header: Header) -> Result<(), Error> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, frames) = &mut *inner;
        frames.sort_by(|a, b| a.unit.cmp(&b.unit));
        let whole = self.path.with_file_name("whole");
        let made = File::create(&whole).map_err(io_at(&whole))?;
        let mut writer = Writer::new(BufWriter::new(made), header).map_err(io_at(&whole))?;
        let mut bytes = Vec::new();
        for frame in frames.iter() {
            bytes.resize(frame.length, 0);
            file.seek(SeekFrom::Start(frame.at))
                .map_err(io_at(&self.path))?;
            file.read_exact(&mut bytes).map_err(io_at(&self.path))?;
            writer
                .frame(&bytes, frame.resources)
                .map_err(io_at(&whole))?;
        }
        writer.end().map_err(io_at(&whole))?;
        std::fs::rename(&whole, output).map_err(io_at(output))
    }
}
