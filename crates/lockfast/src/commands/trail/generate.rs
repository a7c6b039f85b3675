//! `lockfast trail generate`: logs to try things on.

use crate::cli::Generate;
use crate::commands::catalogue::table;
use crate::commands::judging::spinner;
use crate::commands::print;
use anyhow::{Context, Result, anyhow};
use lockfast_trail_generator::{Plan, Scenario, Signer, write};
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, or why it cannot be written.
pub(super) fn run(args: &Generate) -> Result<u8> {
    if args.list {
        let mut shown = table(&["SCENARIO", "WHAT HAPPENS"]);
        for scenario in Scenario::ALL {
            shown.add_row([scenario.name(), scenario.sentence()]);
        }
        return print(&format!("{shown}\n"));
    }
    let scenarios = match args.scenario.as_slice() {
        _ if args.quiet_days => Vec::new(),
        [] => Scenario::ALL.to_vec(),
        names => names
            .iter()
            .map(|name| {
                name.parse::<Scenario>()
                    .map_err(|error| anyhow!("{error}; --list names them"))
            })
            .collect::<Result<_>>()?,
    };
    let mut plan = Plan {
        seed: args.seed,
        events: args.events,
        files: args.files,
        accounts: match args.account_id.len() {
            0 => args.accounts,
            named => named,
        },
        account_ids: args.account_id.clone(),
        days: args.days,
        scenarios,
        ..Plan::default()
    };
    if !args.region.is_empty() {
        plan.regions = args.region.clone();
    }
    if args.digests {
        let signer = Signer::generate()?;
        let keys = signer.listed();
        plan.digests = Some(signer);
        std::fs::create_dir_all(&args.folder)
            .and_then(|()| std::fs::write(args.folder.join("public-keys"), keys))
            .with_context(|| format!("cannot write {}", args.folder.display()))?;
    }
    let bar = spinner();
    let count = AtomicU64::new(0);
    let written = write(&plan, &args.folder, |more| {
        let all = count.fetch_add(more, Ordering::Relaxed) + more;
        bar.set_message(format!("{all} records"));
    })?;
    bar.finish_and_clear();
    let attacks = written
        .labels
        .iter()
        .filter(|label| !label.kinds.contains(&"benign"))
        .count();
    print(&format!(
        "{}: {} events in {} records of {} files, {} MB of {} MB JSON; {attacks} attacks are labelled in labels\n",
        args.folder.display(),
        written.events,
        written.records,
        written.files,
        written.bytes / 1_000_000,
        written.inflated / 1_000_000,
    ))
}
