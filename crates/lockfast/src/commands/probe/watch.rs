//! `lockfast probe --watch`: again and again, telling what changed.

use super::{facts, interval, measure, ready, show, targets};
use crate::cli::Probe;
use crate::commands::judging::{failing, spinner};
use crate::exit;
use anyhow::Result;
use lockfast_probe::Prober;
use std::collections::BTreeSet;
use std::sync::Arc;
use targets::Targets;

/// Measures until it is interrupted. The first report is whole; those after it leave out what failed before, and reports to files
/// are written anew each time.
pub(super) fn run(
    args: &Probe,
    prober: &Arc<Prober>,
    first: Targets,
    every: &str,
    runtime: &tokio::runtime::Runtime,
) -> Result<u8> {
    let every = interval(every)?;
    let mut failed: Option<BTreeSet<String>> = None;
    let mut next = Some(first);
    loop {
        // What is declared may have changed, too.
        let targets = match next.take() {
            Some(targets) => targets,
            None => targets::collect(args, ready(args)?.endpoints())?,
        };
        let started = tokio::time::Instant::now();
        let measured = measure(args, prober, &targets.targets, runtime)?;
        if failed.is_none() {
            show(&args.judging, &measured.found)?;
        }
        let interrupted = measured
            .problems
            .iter()
            .any(|problem| problem.path == "interrupted");
        let (inventory, input) = facts(targets, &measured);
        let mut ready = ready(args)?;
        if let Some(failed) = &failed {
            ready.knows(failed.clone());
        }
        let mut now = BTreeSet::new();
        let code = ready.judge_then(&inventory, input, &spinner(), |report| {
            now = failing(report.run);
            Ok(None)
        })?;
        if let Some(failed) = &failed {
            let mended = failed.difference(&now).count();
            if mended > 0 && !args.judging.quiet {
                anstream::eprintln!("{mended} failures are mended since the last time");
            }
        }
        failed = Some(now);
        if interrupted {
            return Ok(code);
        }
        let stopped = runtime.block_on(async {
            tokio::select! {
                () = tokio::time::sleep_until(started + every) => false,
                _ = tokio::signal::ctrl_c() => true,
            }
        });
        if stopped {
            return Ok(if code == exit::UNREADABLE {
                exit::KEPT
            } else {
                code
            });
        }
    }
}
