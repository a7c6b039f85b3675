//! Logs that are no files of this machine yet, in the place of a folder: `s3://BUCKET/PREFIX`, CloudTrail's event history as
//! `cloudtrail://REGION`, and `-` for standard input.

use crate::cli::{About, ReportCommand, TrailCommand};
use anyhow::{Context, Result, bail};
use std::io::IsTerminal;
use std::path::PathBuf;
use tempfile::TempDir;

const BUCKET: &str = "s3://";
const HISTORY: &str = "cloudtrail://";

/// What standard input is called in what is told of it.
const STANDARD_INPUT: &str = "standard-input";

/// What a question says of which logs it needs.
#[derive(Default)]
#[cfg_attr(not(feature = "aws"), allow(dead_code))]
struct Narrow {
    accounts: Vec<String>,
    regions: Vec<String>,
    since: Option<jiff::Timestamp>,
    until: Option<jiff::Timestamp>,
}

impl Narrow {
    fn of(about: &About) -> Narrow {
        Narrow {
            accounts: about.account.clone(),
            regions: about.region.clone(),
            since: about.since,
            until: about.until,
        }
    }
}

/// Brings what is elsewhere into a folder of this machine's cache, and puts that in its place. Gives what has to be kept for as
/// long as it is read.
///
/// # Errors
/// What AWS says instead, or that this binary cannot reach it; what is wrong with standard input.
pub(super) fn bring(command: &mut TrailCommand) -> Result<Option<TempDir>> {
    let Some((paths, narrow)) = paths(command) else {
        return Ok(None);
    };
    let mut kept = None;
    for path in paths {
        let Some(text) = path.to_str() else { continue };
        if let Some(rest) = text.strip_prefix(BUCKET) {
            *path = fetched(rest, &narrow)?;
        } else if let Some(regions) = text.strip_prefix(HISTORY) {
            *path = history(regions, &narrow)?;
        } else if text == "-" {
            if kept.is_some() {
                bail!("standard input can be read once: name `-` once");
            }
            let folder = standard_input()?;
            *path = folder.path().join(STANDARD_INPUT);
            kept = Some(folder);
        }
    }
    Ok(kept)
}

/// A question may read its logs several times; standard input is there once, so it is kept in a file meanwhile.
fn standard_input() -> Result<TempDir> {
    let mut input = std::io::stdin();
    if input.is_terminal() {
        bail!(
            "standard input is a terminal: pipe events into it, as in `aws cloudtrail lookup-events … | lockfast trail usage -`"
        );
    }
    let mut kept = || -> std::io::Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("lockfast-").tempdir()?;
        let mut file = std::fs::File::create(folder.path().join(STANDARD_INPUT))?;
        std::io::copy(&mut input, &mut file)?;
        Ok(folder)
    };
    kept().context("cannot keep what comes from standard input")
}

fn paths(command: &mut TrailCommand) -> Option<(&mut Vec<PathBuf>, Narrow)> {
    Some(match command {
        TrailCommand::Usage(args) => {
            let narrow = Narrow::of(&args.about);
            (&mut args.about.answer.asking.paths, narrow)
        }
        TrailCommand::Secrets(args) => {
            let narrow = Narrow::of(&args.about);
            (&mut args.about.answer.asking.paths, narrow)
        }
        TrailCommand::Tls(args) => {
            let narrow = Narrow::of(&args.about);
            (&mut args.about.answer.asking.paths, narrow)
        }
        TrailCommand::Sql(args) => (&mut args.answer.asking.paths, Narrow::default()),
        TrailCommand::Shell(asking) => (&mut asking.paths, Narrow::default()),
        TrailCommand::Index(args) => (&mut args.asking.paths, Narrow::default()),
        TrailCommand::Anomalies(args) => (&mut args.paths, Narrow::default()),
        TrailCommand::Feedback(args) => (&mut args.asking.paths, Narrow::default()),
        TrailCommand::Report(ReportCommand::Quarterly(args)) => {
            (&mut args.asking.paths, Narrow::default())
        }
        TrailCommand::Check(args) => (&mut args.paths, Narrow::default()),
        TrailCommand::Detections(args) => (&mut args.paths, Narrow::default()),
        TrailCommand::Forensics(args) => {
            let narrow = Narrow {
                since: args.since,
                until: args.until,
                ..Narrow::default()
            };
            (&mut args.asking.paths, narrow)
        }
        TrailCommand::Verify(args) => (&mut args.paths, Narrow::default()),
        TrailCommand::Tables { .. } | TrailCommand::Generate(_) | TrailCommand::Athena(_) => {
            return None;
        }
    })
}

#[cfg(not(feature = "aws"))]
fn fetched(_: &str, _: &Narrow) -> Result<PathBuf> {
    without()
}

#[cfg(not(feature = "aws"))]
fn history(_: &str, _: &Narrow) -> Result<PathBuf> {
    without()
}

#[cfg(not(feature = "aws"))]
fn without() -> Result<PathBuf> {
    bail!(
        "this lockfast was built without the AWS SDK: build it with `cargo build --release --features full`, or copy the logs (aws s3 sync)"
    )
}

/// The folder that an object's key is below.
#[cfg(feature = "aws")]
fn fetched(rest: &str, narrow: &Narrow) -> Result<PathBuf> {
    use crate::commands::judging::spinner;
    use anyhow::anyhow;
    use jiff::ToSpan;
    use lockfast_aws::{Keys, Wanted};
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        bail!("{BUCKET}{rest}: write s3://BUCKET/PREFIX");
    }
    // Delivery comes up to a day after an event; clocks differ.
    let day = |at: jiff::Timestamp, by: i64| {
        let day = day_of(at).saturating_add(by.days());
        format!("{:04}/{:02}/{:02}", day.year(), day.month(), day.day())
    };
    let wanted = Wanted {
        prefix: prefix.to_owned(),
        accounts: narrow.accounts.clone(),
        regions: narrow.regions.clone(),
        since: narrow.since.map(|at| day(at, -1)),
        until: narrow.until.map(|at| day(at, 1)),
        requester_pays: std::env::var_os("LOCKFAST_REQUESTER_PAYS")
            .is_some_and(|value| value == "1"),
    };
    let folder = cache().join(bucket);
    let runtime = crate::commands::runtime()?;
    let bar = spinner();
    let fetched = runtime.block_on(async {
        let keys = Keys::connect(None, None).await;
        let told =
            |done: u64, all: u64| bar.set_message(format!("{done} of {all} objects of {bucket}"));
        keys.fetch_logs(bucket, &wanted, &folder, told).await
    });
    bar.finish_and_clear();
    let fetched = fetched.map_err(|error| anyhow!("{BUCKET}{rest}: {error}"))?;
    if fetched.wanted == 0 {
        bail!("{BUCKET}{rest}: no log file of CloudTrail is there that this question needs");
    }
    anstream::eprintln!(
        "{BUCKET}{rest}: {} objects, {} of them fetched ({} MB) into {}",
        fetched.wanted,
        fetched.fetched,
        fetched.bytes / 1_000_000,
        folder.display()
    );
    // What is beside the prefix in the cache was asked for by another question.
    let below = folder.join(prefix);
    Ok(if below.is_dir() { below } else { folder })
}

/// So long CloudTrail keeps its event history (AWS CloudTrail User Guide, "Working with CloudTrail event history").
#[cfg(feature = "aws")]
const KEPT_DAYS: i64 = 90;

/// The folder that the event history of these regions, separated by commas, is brought into.
#[cfg(feature = "aws")]
fn history(regions: &str, narrow: &Narrow) -> Result<PathBuf> {
    use crate::commands::judging::spinner;
    use anyhow::anyhow;
    use jiff::ToSpan;
    use lockfast_aws::Keys;
    let of: Vec<&str> = regions
        .split(',')
        .filter(|region| !region.is_empty())
        .collect();
    if of.is_empty() {
        bail!(
            "{HISTORY}{regions}: write cloudtrail://REGION, or several regions with commas between"
        );
    }
    let now = day_of(jiff::Timestamp::now());
    let oldest = now.saturating_sub((KEPT_DAYS - 1).days());
    let since = narrow.since.map_or(oldest, day_of).max(oldest);
    let until = narrow.until.map_or(now, day_of).min(now);
    let folder = cache().join("event-history");
    let runtime = crate::commands::runtime()?;
    let keys = runtime.block_on(Keys::connect(None, None));
    let mut into = folder.clone();
    for region in &of {
        let bar = spinner();
        let told = |events: u64, day: jiff::civil::Date| {
            bar.set_message(format!("{region}: {events} events, back to {day}"));
        };
        let brought = runtime.block_on(keys.event_history(region, (since, until), &folder, told));
        bar.finish_and_clear();
        let brought = brought.map_err(|error| anyhow!("{HISTORY}{region}: {error}"))?;
        anstream::eprintln!(
            "{HISTORY}{region}: {} events brought into {}; {} days were there already",
            brought.events,
            brought.folder.display(),
            brought.known_days
        );
        // Of one region its own folder, of several the account's: what other accounts' credentials brought is beside it.
        let account = brought.folder.parent().map(PathBuf::from);
        into = match of.len() {
            1 => brought.folder,
            _ => account.unwrap_or(into),
        };
    }
    Ok(into)
}

#[cfg(feature = "aws")]
fn day_of(at: jiff::Timestamp) -> jiff::civil::Date {
    jiff::tz::Offset::UTC.to_datetime(at).date()
}

/// Where this machine keeps what can be had again.
#[cfg(feature = "aws")]
fn cache() -> PathBuf {
    let named = std::env::var_os("LOCKFAST_LOG_CACHE").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let of_user = || {
        std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(home)
    };
    named.unwrap_or_else(|| {
        of_user()
            .unwrap_or_else(std::env::temp_dir)
            .join("lockfast")
            .join("trail")
    })
}
