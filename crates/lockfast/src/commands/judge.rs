//! `lockfast judge`: snapshots judged again, offline.

use super::judging::{Ready, spinner, unknown_types};
use super::send;
use crate::cli::Judge;
use anyhow::{Result, bail};
use lockfast_report::{InputSummary, Problem, Report, ScanSummary, ServiceCalls};
use lockfast_snapshot::{Loaded, Unit};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the policy file, a snapshot or an output file.
pub fn run(args: &Judge) -> Result<u8> {
    if !args.from_config.is_empty() {
        return super::from_config::judge(args);
    }
    send::check(&args.sending)?;
    let ready = Ready::new(&args.judging, &folders(&args.snapshots))?.with_ledger();
    let only = ready.only();
    snapshots(ready, &args.snapshots, |loaded, report| {
        send::judged(args, loaded, report, only)
    })
}

/// Judges snapshots together, and does something more with what was reported.
pub(super) fn snapshots(
    ready: Ready<'_>,
    files: &[PathBuf],
    then: impl FnOnce(&Loaded, &Report<'_>) -> Result<Option<u8>>,
) -> Result<u8> {
    spare_input(&ready, files)?;
    let spinner = spinner();
    spinner.set_message("reading the snapshot");
    let loaded = ManuallyDrop::new(lockfast_snapshot::load_all(files)?);
    ready.judge_then(&loaded.inventory, summary(&loaded), &spinner, |report| {
        then(&loaded, report)
    })
}

/// Where a lockfast.toml may stand: here, and beside the snapshots.
pub(super) fn folders(files: &[PathBuf]) -> Vec<PathBuf> {
    let beside = files.iter().filter_map(|file| file.parent());
    std::iter::once(Path::new("."))
        .chain(beside.filter(|folder| !folder.as_os_str().is_empty()))
        .map(PathBuf::from)
        .collect()
}

/// A report must not take the place of what it is about.
pub(super) fn spare_input(ready: &Ready<'_>, files: &[PathBuf]) -> Result<()> {
    for output in ready.files() {
        let Ok(there) = output.canonicalize() else {
            continue;
        };
        if files
            .iter()
            .any(|file| file.canonicalize().is_ok_and(|file| file == there))
        {
            bail!(
                "--output {}: that is what is judged, and would be overwritten",
                output.display()
            );
        }
    }
    Ok(())
}

/// What a snapshot tells of its scan.
pub(super) fn summary(loaded: &Loaded) -> InputSummary {
    InputSummary {
        files_read: loaded.headers.len(),
        resources: loaded.inventory.resources().len(),
        unknown_types: unknown_types(&loaded.inventory),
        problems: {
            let mut problems = problems(&loaded.units);
            problems.extend(super::probe::unmeasured(&loaded.inventory));
            problems
        },
        endpoints: loaded.inventory.of_kind(lockfast_facts::ENDPOINT).count(),
        // A snapshot of endpoints alone is of no account.
        scan: loaded
            .headers
            .iter()
            .any(|header| !header.accounts.is_empty())
            .then(|| ScanSummary {
                taken: loaded
                    .headers
                    .iter()
                    .map(|header| header.taken.clone())
                    .min()
                    .unwrap_or_default(),
                accounts: distinct(
                    loaded
                        .headers
                        .iter()
                        .flat_map(|h| &h.accounts)
                        .map(|a| &a.id),
                ),
                regions: distinct(loaded.headers.iter().flat_map(|h| &h.regions)),
                services: services(loaded),
            }),
        ..InputSummary::default()
    }
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    names
        .collect::<BTreeSet<_>>()
        .into_iter()
        .cloned()
        .collect()
}

fn services(loaded: &Loaded) -> Vec<ServiceCalls> {
    let mut services: BTreeMap<&str, ServiceCalls> = BTreeMap::new();
    for (unit, resources) in loaded.units.iter().zip(&loaded.resources_of_units) {
        let row = services.entry(&unit.service).or_default();
        row.service.clone_from(&unit.service);
        row.resources += resources;
        for count in unit.calls.values() {
            row.answered += count.answered;
            row.failed += count.failed.values().sum::<u64>();
        }
    }
    services.into_values().collect()
}

/// The calls that gave no answer, by account, region, action and error.
fn problems(units: &[Unit]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for unit in units {
        for (action, count) in &unit.calls {
            for (error, times) in &count.failed {
                let often = match times {
                    1 => String::new(),
                    n => format!(" {n} times"),
                };
                problems.push(Problem {
                    path: format!("{}/{}", unit.account, unit.region),
                    line: None,
                    column: None,
                    message: format!("{action} gave no answer{often}: {error}"),
                });
            }
        }
    }
    problems
}
