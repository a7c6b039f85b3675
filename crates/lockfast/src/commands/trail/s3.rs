//! Logs in a bucket: `s3://BUCKET/PREFIX` in the place of a folder.

use crate::cli::{About, ReportCommand, TrailCommand};
use anyhow::Result;
use std::path::PathBuf;

const SCHEME: &str = "s3://";

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

/// Brings what is in buckets into a folder of this machine's cache, and puts that in its place.
///
/// # Errors
/// What AWS says instead, or that this binary cannot reach it.
pub(super) fn bring(command: &mut TrailCommand) -> Result<()> {
    let Some((paths, narrow)) = paths(command) else {
        return Ok(());
    };
    for path in paths {
        if let Some(rest) = path.to_str().and_then(|text| text.strip_prefix(SCHEME)) {
            *path = fetched(rest, &narrow)?;
        }
    }
    Ok(())
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
        TrailCommand::Tables { .. } | TrailCommand::Generate(_) => return None,
    })
}

#[cfg(not(feature = "aws"))]
fn fetched(_: &str, _: &Narrow) -> Result<PathBuf> {
    anyhow::bail!(
        "this lockfast was built without the AWS SDK: build it with `cargo build --release --features full`, or copy the logs (aws s3 sync)"
    )
}

/// The folder that an object's key is below.
#[cfg(feature = "aws")]
fn fetched(rest: &str, narrow: &Narrow) -> Result<PathBuf> {
    use crate::commands::judging::spinner;
    use anyhow::{Context, anyhow, bail};
    use jiff::ToSpan;
    use lockfast_aws::{Keys, Wanted};
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        bail!("{SCHEME}{rest}: write s3://BUCKET/PREFIX");
    }
    // Delivery comes up to a day after an event; clocks differ.
    let day = |at: jiff::Timestamp, by: i64| {
        let day = jiff::tz::Offset::UTC.to_datetime(at).date();
        let day = day.saturating_add(by.days());
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let bar = spinner();
    let fetched = runtime.block_on(async {
        let keys = Keys::connect(None, None).await;
        let told =
            |done: u64, all: u64| bar.set_message(format!("{done} of {all} objects of {bucket}"));
        keys.fetch_logs(bucket, &wanted, &folder, told).await
    });
    bar.finish_and_clear();
    let fetched = fetched.map_err(|error| anyhow!("{SCHEME}{rest}: {error}"))?;
    if fetched.wanted == 0 {
        bail!("{SCHEME}{rest}: no log file of CloudTrail is there that this question needs");
    }
    anstream::eprintln!(
        "{SCHEME}{rest}: {} objects, {} of them fetched ({} MB) into {}",
        fetched.wanted,
        fetched.fetched,
        fetched.bytes / 1_000_000,
        folder.display()
    );
    // What is beside the prefix in the cache was asked for by another question.
    let below = folder.join(prefix);
    Ok(if below.is_dir() { below } else { folder })
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
