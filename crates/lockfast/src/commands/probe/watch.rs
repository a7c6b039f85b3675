//! `lockfast probe --watch`: again and again, telling what changed.

use super::{Interrupt, Measured, facts, interval, measure, ready, show, targets};
use crate::cli::Probe;
use crate::commands::judging::spinner;
use anyhow::Result;
use lockfast_policy::Verdict;
use lockfast_probe::Prober;
use lockfast_report::{Report, clean};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::sync::Arc;
use targets::Targets;

/// What a round came to.
struct Round {
    /// The failures, by fingerprint, in words.
    failing: BTreeMap<String, String>,
    /// What cannot be decided, by fingerprint.
    open: BTreeSet<String>,
    /// What could not be measured.
    problems: Vec<String>,
    /// The exit code of what stands, new or not.
    code: u8,
}

/// Measures until it is interrupted. The first report is whole; those after it leave out what failed before and come only when
/// something changed. Reports to files are written anew each time. The exit code is that of the last round that was whole.
pub(super) fn run(
    args: &Probe,
    prober: &Arc<Prober>,
    first: Targets,
    every: &str,
    runtime: &tokio::runtime::Runtime,
    mut interrupt: Interrupt,
) -> Result<u8> {
    let every = interval(every)?;
    let mut before: Option<Round> = None;
    let mut next = Some(first);
    loop {
        // What is declared may have changed, too.
        let targets = match next.take() {
            Some(targets) => targets,
            None => targets::collect(args, ready(args)?.endpoints())?,
        };
        let started = tokio::time::Instant::now();
        let mut measured = measure(args, prober, &targets.targets, runtime, &mut interrupt)?;
        let interrupted = measured.interrupted;
        // What was not measured is not mended.
        if let (true, Some(before)) = (interrupted, &before) {
            return Ok(before.code);
        }
        let now = round(args, targets, &mut measured, before.as_ref())?;
        let stopped = interrupted
            || runtime.block_on(async {
                tokio::select! {
                    () = tokio::time::sleep_until(started + every) => false,
                    _ = interrupt.wait_for(|is| *is) => true,
                }
            });
        if stopped {
            return Ok(now.code);
        }
        before = Some(now);
    }
}

/// Judges what was measured, and tells what is not as it was before.
fn round(
    args: &Probe,
    targets: Targets,
    measured: &mut Measured,
    before: Option<&Round>,
) -> Result<Round> {
    let ready = ready(args)?;
    if before.is_none() {
        show(&ready, &args.judging, measured.records())?;
    }
    let (inventory, input) = facts(targets, measured);
    // This process goes on for weeks: nothing is left behind.
    let run = ManuallyDrop::into_inner(ready.evaluate(&inventory, &spinner()));
    let mut report = ready.report(&run, input);
    let now = Round::of(&report, ready.exit_code(&report));
    let Some(before) = before else {
        ready.write(&report, true)?;
        return Ok(now);
    };
    let changed =
        now.failing != before.failing || now.open != before.open || now.problems != before.problems;
    report.known.extend(before.failing.keys().cloned());
    if changed && !args.judging.quiet {
        let said = std::iter::once(format!("At {}:", super::now())).chain(now.mended_since(before));
        for line in said {
            match ready.is_shown() {
                true => anstream::println!("{line}"),
                false => anstream::eprintln!("{line}"),
            }
        }
        if ready.is_shown() {
            anstream::println!();
        }
    }
    ready.write(&report, changed)?;
    Ok(now)
}

impl Round {
    fn of(report: &Report<'_>, code: u8) -> Self {
        let mut round = Round {
            failing: BTreeMap::new(),
            open: BTreeSet::new(),
            problems: Vec::new(),
            code,
        };
        for (index, (control, _, verdict)) in report.run.verdicts().enumerate() {
            let finding = || report.run.finding(index);
            match verdict {
                Verdict::Fail => {
                    let finding = finding();
                    let place = clean(&finding.resource.id);
                    let said = format!("{place}: {} [{}]", control.title, control.id);
                    round.failing.insert(finding.fingerprint, said);
                }
                Verdict::Unknown => {
                    round.open.insert(finding().fingerprint);
                }
                _ => {}
            }
        }
        let problems = report.input.problems.iter();
        round.problems = problems
            .map(|problem| format!("{}: {}", problem.place(), problem.message))
            .collect();
        round
    }

    /// What failed before and fails no more; what cannot be told any more is not mended.
    fn mended_since(&self, before: &Round) -> Vec<String> {
        let failed = before.failing.iter();
        failed
            .filter(|(fingerprint, _)| {
                !self.failing.contains_key(*fingerprint) && !self.open.contains(*fingerprint)
            })
            .map(|(_, said)| format!("mended: {said}"))
            .collect()
    }
}
