//! `lockfast probe`: endpoints measured from outside, and judged.

mod card;
mod clients;
pub(super) mod reach;
mod targets;
mod unmeasured;
mod watch;

pub(super) use unmeasured::{is_unmeasured, unmeasured};

use super::judge::spare_input;
use super::judging::{Ready, spinner, unknown_types};
use crate::cli::{FullWhen, Judging, Probe};
use crate::exit;
use anyhow::{Context, Result, bail};
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use lockfast_facts::Inventory;
use lockfast_probe::{ENDPOINT, Journal, Prober, Target, measure_all};
use lockfast_report::{InputSummary, Problem, clean};
use lockfast_snapshot::{Found, with_endpoints};
use lockfast_tls::Full;
use reach::Wanted;
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use targets::Targets;

/// Cards of more endpoints than this are shown only when everything is.
const CARDS: usize = 12;

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the policy file, a list or an output file.
pub fn run(args: &Probe) -> Result<u8> {
    // A report that cannot be written should be known of before an hour's measuring.
    let ready = ready(args)?;
    spare(args, &ready)?;
    let simulate = clients::tightening(args.simulate_clients.as_deref())?;
    let targets = targets::collect(args, ready.endpoints())?;
    let prober = Arc::new(reach::prober(
        &args.reach,
        &Wanted {
            full: match (args.full, simulate) {
                (_, Some(_)) | (FullWhen::Always, _) => Full::Always,
                (FullWhen::Failing, _) => Full::WhenWeak,
                (FullWhen::Never, _) => Full::Never,
            },
            weaknesses: !args.skip_weaknesses,
            simulate,
            max_connections: args.max_connections.into(),
            http_port: args.http_port,
            certificates_only: false,
        },
    )?);
    let runtime = crate::commands::runtime()?;
    let mut interrupt = interrupt(&runtime);
    if let Some(interval) = &args.watch {
        return watch::run(args, &prober, targets, interval, &runtime, interrupt);
    }
    let mut measured = measure(args, &prober, &targets.targets, &runtime, &mut interrupt)?;
    if args.no_judge || to_stdout(args) {
        for problem in &measured.problems {
            anstream::eprintln!("{}: {}", problem.place(), clean(&problem.message));
        }
        return Ok(match measured.problems.is_empty() {
            true => exit::KEPT,
            false => exit::UNREADABLE,
        });
    }
    show(&ready, &args.judging, measured.records())?;
    if simulate.is_some() && ready.is_shown() {
        clients::print(measured.records())?;
    }
    let (inventory, input) = facts(targets, &mut measured);
    ready.judge(&inventory, input, &spinner())
}

/// What the command line says of judging; lockfast.toml may stand here or beside what endpoints come from.
fn ready(args: &Probe) -> Result<Ready<'_>> {
    let beside = args
        .from
        .iter()
        .chain(&args.file)
        .filter_map(|file| file.parent());
    let folders = std::iter::once(Path::new("."))
        .chain(beside.filter(|folder| !folder.as_os_str().is_empty()))
        .map(PathBuf::from)
        .collect::<Vec<_>>();
    Ok(Ready::new(&args.judging, &folders)?.with_ledger())
}

/// Nothing that is written takes the place of what endpoints come from, nor a report that of the snapshot.
fn spare(args: &Probe, ready: &Ready<'_>) -> Result<()> {
    let sources: Vec<PathBuf> = args.from.iter().chain(&args.file).cloned().collect();
    let snapshot = args.snapshot.as_ref().or(args.resume.as_ref());
    if let Some(snapshot) = snapshot {
        let there = snapshot.canonicalize().ok();
        let is_source = |source: &PathBuf| there.is_some() && source.canonicalize().ok() == there;
        if sources.iter().any(is_source) {
            bail!(
                "{}: endpoints come from that file, and it would be overwritten",
                snapshot.display()
            );
        }
        if ready.files().any(|report| report == snapshot) {
            bail!(
                "{}: the snapshot and a report cannot be one file",
                snapshot.display()
            );
        }
    }
    spare_input(ready, &sources)
}

fn to_stdout(args: &Probe) -> bool {
    args.snapshot.as_deref() == Some(Path::new("-"))
}

/// Becomes true when the person interrupts, and stays so, whatever is going on at that moment.
pub(super) type Interrupt = tokio::sync::watch::Receiver<bool>;

fn interrupt(runtime: &tokio::runtime::Runtime) -> Interrupt {
    let (tell, interrupt) = tokio::sync::watch::channel(false);
    runtime.spawn(async move {
        // Where it cannot be listened for, the system ends the program.
        if tokio::signal::ctrl_c().await.is_ok() {
            tell.send_replace(true);
        }
        // Nobody hears of an end of the sender as of an interruption.
        std::future::pending::<()>().await;
    });
    interrupt
}

/// What was measured.
#[derive(Default)]
pub(super) struct Measured {
    /// The records, by name.
    found: Vec<Kept>,
    /// What could not be measured.
    pub(super) problems: Vec<Problem>,
    /// Whether it was interrupted before all was.
    interrupted: bool,
}

/// A record as it is kept until it is judged: in writing, since thousands of them unfolded take as much memory as the facts.
struct Kept {
    name: String,
    written: Box<[u8]>,
}

impl From<Found> for Kept {
    fn from(found: Found) -> Self {
        let written = serde_json::to_vec(&found).expect("a record has no keys but strings");
        Kept {
            written: written.into(),
            name: found.name,
        }
    }
}

impl Kept {
    fn found(&self) -> Found {
        serde_json::from_slice(&self.written).expect("it was written from a record")
    }
}

impl Measured {
    pub(super) fn records(&self) -> impl ExactSizeIterator<Item = Found> {
        self.found.iter().map(Kept::found)
    }
}

fn measure(
    args: &Probe,
    prober: &Arc<Prober>,
    targets: &[Target],
    runtime: &tokio::runtime::Runtime,
    interrupt: &mut Interrupt,
) -> Result<Measured> {
    let taken = now();
    let mut measured = Measured::default();
    let mut out: Option<Journal<Box<dyn Write>>> = None;
    let mut done = BTreeSet::new();
    match (&args.resume, &args.snapshot) {
        (Some(file), _) => {
            // What was not reached then may be now.
            let (journal, before) =
                Journal::resume(file, &taken, |found| is_unmeasured(found).is_none())?;
            done.extend(before.iter().map(|found| found.name.clone()));
            let asked: BTreeSet<String> = targets.iter().map(Target::name).collect();
            let before = before.into_iter();
            let before = before.filter(|found| asked.contains(&found.name));
            measured.found = before.map(Kept::from).collect();
            out = Some(journal.boxed());
        }
        (None, Some(file)) if to_stdout(args) => {
            debug_assert_eq!(file, Path::new("-"));
            out = Some(Journal::begin(
                Box::new(std::io::stdout()) as Box<dyn Write>,
                &taken,
            )?);
        }
        (None, Some(file)) => {
            let made = std::fs::File::create(file)
                .with_context(|| format!("cannot write {}", file.display()))?;
            let made = Box::new(std::io::BufWriter::new(made)) as Box<dyn Write>;
            out = Some(Journal::begin(made, &taken)?);
        }
        (None, None) => {}
    }
    let left: Vec<Target> = targets
        .iter()
        .filter(|target| !done.contains(&target.name()))
        .cloned()
        .collect();
    let bar = bar(left.len() as u64);
    let keep = !(args.no_judge || to_stdout(args));
    measured.interrupted = runtime.block_on(async {
        let mut stream = std::pin::pin!(measure_all(prober.clone(), left, args.concurrency.into()));
        loop {
            let next = tokio::select! {
                next = stream.next() => next,
                _ = interrupt.wait_for(|is| *is) => return anyhow::Ok(true),
            };
            match next {
                None => return Ok(false),
                Some(Ok(found)) => {
                    bar.inc(1);
                    bar.set_message(found.name.clone());
                    if let Some(out) = &mut out {
                        out.add(&found).context("cannot write the snapshot")?;
                    }
                    match keep {
                        true => measured.found.push(found.into()),
                        false => measured.problems.extend(is_unmeasured(&found)),
                    }
                }
                Some(Err(target)) => measured.problems.push(Problem {
                    path: target.name(),
                    line: None,
                    column: None,
                    message: "Lockfast failed to measure it; please report it".into(),
                }),
            }
        }
    })?;
    bar.finish_and_clear();
    if measured.interrupted {
        let file = args.resume.as_ref().or(args.snapshot.as_ref());
        let how = file
            .filter(|_| !to_stdout(args))
            .map(|file| format!("; go on with --resume {}", file.display()));
        measured.problems.push(Problem {
            path: "interrupted".into(),
            line: None,
            column: None,
            message: format!("not every endpoint was measured{}", how.unwrap_or_default()),
        });
    } else if let Some(out) = out {
        out.end().context("cannot write the snapshot")?;
    }
    measured.found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(measured)
}

/// The facts to judge: the endpoints, beside what they were derived from. Their records are let go.
fn facts(targets: Targets, measured: &mut Measured) -> (Inventory, InputSummary) {
    let Targets {
        base,
        mut problems,
        files,
        ..
    } = targets;
    problems.extend(measured.problems.iter().cloned());
    let records = std::mem::take(&mut measured.found).into_iter();
    let inventory = with_endpoints(base, records.map(|kept| kept.found())).only_endpoints();
    problems.extend(unmeasured(&inventory));
    let input = InputSummary {
        files_read: files,
        resources: inventory.of_kind(ENDPOINT).count(),
        endpoints: inventory.of_kind(ENDPOINT).count(),
        unknown_types: unknown_types(&inventory),
        problems,
        ..InputSummary::default()
    };
    (inventory, input)
}

/// The cards, where a person reads.
pub(super) fn show(
    ready: &Ready<'_>,
    judging: &Judging,
    found: impl ExactSizeIterator<Item = Found>,
) -> Result<()> {
    if !ready.is_shown() || (found.len() > CARDS && !judging.verbose) {
        return Ok(());
    }
    let look = card::Look {
        width: super::width(),
        verbose: judging.verbose,
        now: jiff::Timestamp::now(),
    };
    let mut out = anstream::stdout().lock();
    for found in found {
        writeln!(out, "{}", card::card(&found.name, &found.properties, look))?;
    }
    Ok(())
}

pub(super) fn now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now).to_string()
}

fn bar(of: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(of);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

/// A length of time as people write it: `30m`, `6h`, `1d`.
fn interval(text: &str) -> Result<std::time::Duration> {
    let (number, unit) =
        text.split_at(text.len() - text.chars().next_back().map_or(0, char::len_utf8));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => bail!("--watch {text}: write a number and s, m, h or d, such as 6h"),
    };
    match number.parse::<u64>() {
        Ok(number @ 1..=1_000_000) => Ok(std::time::Duration::from_secs(number * seconds)),
        _ => bail!("--watch {text}: write a number from 1 and s, m, h or d, such as 6h"),
    }
}
