//! `lockfast trail report quarterly`: the key access pattern analysis.

use super::ask::{finish, options, progress};
use super::unusual::usual;
use crate::cli::Quarterly as Args;
use crate::commands::facts::declared;
use crate::commands::keys::who;
use crate::commands::operate::ledger_file;
use crate::commands::{policy, print, write_whole};
use anyhow::{Context, Result, bail};
use jiff::civil::{Date, date};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};
use lockfast_access::world::World;
use lockfast_cloudtrail::Coverage;
use lockfast_facts::Inventory;
use lockfast_keys::Ring;
use lockfast_operate::clock::SystemClock;
use lockfast_operate::ledger::{Entry, Ledger};
use lockfast_policy::{Config, Cx};
use lockfast_report::{Anomaly, KeyQuarter, PrincipalQuarter, Quarterly, write_quarterly};
use lockfast_trail::Trail;
use lockfast_trail::questions::{About, DayOfUse, days_of_use, span};
use lockfast_trail::unusual::unusual;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How the ledger calls the record that a report was made.
const ENTRY: &str = "quarterly-report";

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the logs, the snapshot or the ledger.
pub(super) fn run(args: &Args) -> Result<u8> {
    let (tuning, feedback) = usual(&args.usual)?;
    let wanted = args.quarter.as_deref().map(quarter).transpose()?;
    let inventory = match args.from.as_slice() {
        [] => None,
        from => Some(declared(from)?.0),
    };
    let runtime = crate::commands::runtime()?;
    let (mut report, code) = runtime.block_on(async {
        let trail = Trail::open(&args.asking.paths, &options(&args.asking)).await?;
        let bar = progress(trail.input());
        let Some((_, last)) = span(&trail).await? else {
            bail!("these logs hold no event about a key");
        };
        let from = match wanted {
            Some(from) => from,
            None => first_of_quarter(Offset::UTC.to_datetime(last).date()),
        };
        let before = from.checked_sub(3.months())?;
        let until = from.checked_add(3.months())?;
        let about = About {
            since: Some(midnight(before)?),
            until: Some(midnight(until)?),
            ..About::default()
        };
        let days = days_of_use(&trail, &about).await?;
        let found = unusual(&trail, &About::default(), tuning, feedback).await?;
        bar.finish_and_clear();
        let read = trail.report().await?;
        let coverage = match trail.index() {
            Some(index) => index.coverage(),
            None => read.coverage.clone(),
        };
        let rests_on = match trail.index() {
            Some(index) => {
                let (files, records) = index.size();
                format!("an index of {files} log files with {records} records")
            }
            None => format!("{} log files", trail.input().files.len()),
        };
        // The quarter may not be over.
        let today = Offset::UTC.to_datetime(last).date().tomorrow()?;
        let end = until.min(today);
        let mut report = Quarterly {
            from: from.to_string(),
            until: end.yesterday()?.to_string(),
            before_from: before.to_string(),
            rests_on: vec![rests_on],
            gaps: gaps(&coverage, from, end),
            keys: keys(&days, from, end),
            anomalies: Vec::new(),
            quieted: found.quieted,
        };
        if read.problem_count > 0 {
            report.gaps.push(format!(
                "{} problems with log files that could not be read in whole",
                read.problem_count
            ));
        }
        let (since, to) = (midnight(from)?, midnight(until)?);
        let mut open: Vec<_> = found
            .alerts
            .into_iter()
            .filter(|a| a.from >= since && a.from < to)
            .collect();
        open.sort_by_key(|alert| (std::cmp::Reverse(alert.severity), alert.from));
        report.anomalies = open
            .into_iter()
            .map(|alert| Anomaly {
                severity: alert.severity.name().to_owned(),
                what: alert.what.title().to_owned(),
                subject: alert.subject,
                principal: alert.principal,
                from: alert.from.to_string(),
                why: alert.why,
                id: alert.id,
            })
            .collect();
        Ok::<_, anyhow::Error>((report, finish(&trail.input().problems, &read)))
    })?;
    if let Some(inventory) = &inventory {
        join(&mut report, inventory);
    }
    write(&report, &args.output)?;
    if args.record {
        record(args, &report)?;
    }
    print(&format!(
        "{}: {} to {}, {} keys, {} anomalies open\n",
        args.output.display(),
        report.from,
        report.until,
        report.keys.len(),
        report.anomalies.len()
    ))?;
    Ok(code)
}

/// The first day of `2026-Q2`.
fn quarter(text: &str) -> Result<Date> {
    let parts = text.split_once("-Q");
    let parts =
        parts.and_then(|(year, of)| Some((year.parse::<i16>().ok()?, of.parse::<i8>().ok()?)));
    match parts {
        Some((year @ 2006..=9000, of @ 1..=4)) => Ok(date(year, 3 * of - 2, 1)),
        _ => bail!("--quarter {text}: write 2026-Q2"),
    }
}

fn first_of_quarter(day: Date) -> Date {
    date(day.year(), (day.month() - 1) / 3 * 3 + 1, 1)
}

fn midnight(day: Date) -> Result<Timestamp> {
    Ok(Offset::UTC.to_timestamp(day.at(0, 0, 0, 0))?)
}

/// Days of the quarter that no log is of, of each account and region that has any.
fn gaps(coverage: &Coverage, from: Date, until: Date) -> Vec<String> {
    let mut gaps = Vec::new();
    for ((account, region), days) in coverage {
        let mut missing = 0;
        let mut first = None;
        let mut day = from;
        while day < until {
            if !days.contains(&day) {
                missing += 1;
                first = first.or(Some(day));
            }
            match day.tomorrow() {
                Ok(next) => day = next,
                Err(_) => break,
            }
        }
        if let Some(first) = first {
            gaps.push(format!(
                "no log of {account} in {region} of {missing} days, the first {first}"
            ));
        }
    }
    gaps
}

fn keys(days: &[DayOfUse], from: Date, until: Date) -> Vec<KeyQuarter> {
    let weeks = usize::try_from((until - from).get_days())
        .unwrap_or_default()
        .div_ceil(7);
    let mut keys: BTreeMap<&str, KeyQuarter> = BTreeMap::new();
    let mut people: BTreeMap<(&str, &str), PrincipalQuarter> = BTreeMap::new();
    for use_of in days {
        let key = keys.entry(&use_of.key).or_insert_with(|| KeyQuarter {
            key: use_of.key.clone(),
            weeks: vec![0; weeks],
            ..KeyQuarter::default()
        });
        let person = people
            .entry((&use_of.key, &use_of.principal))
            .or_insert_with(|| PrincipalQuarter {
                principal: use_of.principal.clone(),
                ..PrincipalQuarter::default()
            });
        if use_of.day < from {
            key.uses_before += use_of.uses;
            person.uses_before += use_of.uses;
            continue;
        }
        key.uses += use_of.uses;
        key.refused += use_of.refused;
        let week = usize::try_from((use_of.day - from).get_days() / 7).unwrap_or_default();
        if let Some(week) = key.weeks.get_mut(week) {
            *week += use_of.uses;
        }
        person.uses += use_of.uses;
        person.refused += use_of.refused;
        person.cross_account |= use_of.cross_account;
        if !person.operations.contains(&use_of.operation) {
            person.operations.push(use_of.operation.clone());
        }
        if let Some(via) = use_of.via.as_ref().filter(|via| !person.via.contains(via)) {
            person.via.push(via.clone());
        }
    }
    // Where nothing is known of the time before, nobody is new.
    let known_before: u64 = keys.values().map(|key| key.uses_before).sum();
    for ((key, name), person) in people {
        let Some(key) = keys.get_mut(key) else {
            continue;
        };
        match (person.uses, person.uses_before) {
            (0, _) => key.gone.push(name.to_owned()),
            (_, before) => {
                if before == 0 && known_before > 0 {
                    key.new.push(name.to_owned());
                }
                key.principals.push(person);
            }
        }
    }
    let mut keys: Vec<KeyQuarter> = keys.into_values().collect();
    for key in &mut keys {
        key.principals
            .sort_by(|a, b| (b.uses, &a.principal).cmp(&(a.uses, &b.principal)));
    }
    keys.sort_by(|a, b| (b.uses, &a.key).cmp(&(a.uses, &b.key)));
    keys
}

/// What a snapshot knows of the keys: their names, and who may decrypt.
fn join(report: &mut Quarterly, inventory: &Inventory) {
    let config = Config::default();
    let cx = Cx::new(inventory, &config, "1970-01-01");
    let ring = Ring::new(&cx, inventory);
    let world = World::new(inventory);
    for key in &mut report.keys {
        let [known] = ring.find(&key.key)[..] else {
            continue;
        };
        key.label = Some(known.label.clone());
        let used: BTreeSet<&str> = key
            .principals
            .iter()
            .map(|own| own.principal.as_str())
            .collect();
        key.unused = Some(who::idle(&world, known, "kms:Decrypt", &used));
    }
}

/// A page, or JSON.
fn write(report: &Quarterly, file: &Path) -> Result<()> {
    write_whole(file, |out| {
        if file.extension().is_some_and(|ending| ending == "json") {
            serde_json::to_writer_pretty(&mut *out, report)?;
            return Ok(writeln!(out)?);
        }
        let made = Offset::UTC.to_datetime(Timestamp::now()).date().to_string();
        Ok(write_quarterly(
            report,
            &made,
            env!("CARGO_PKG_VERSION"),
            out,
        )?)
    })
}

fn record(args: &Args, report: &Quarterly) -> Result<()> {
    let (config, file) = policy::load(args.config.as_deref(), &[PathBuf::from(".")])?;
    let path = ledger_file(args.ledger.as_deref(), &config.approvals, file.as_deref());
    let mut ledger =
        Ledger::open(&path, SystemClock).with_context(|| path.display().to_string())?;
    let hash = lockfast_operate::canonical::sha256(&std::fs::read(&args.output)?);
    let entry = ledger.append(
        ENTRY,
        &format!("{} to {}", report.from, report.until),
        &json!({
            "from": report.from,
            "until": report.until,
            "file": args.output.display().to_string(),
            "sha256": hash,
            "keys": report.keys.len(),
            "anomalies": report.anomalies.len(),
        }),
    )?;
    anstream::eprintln!(
        "{}: entry {} says that it was made",
        path.display(),
        entry.seq
    );
    Ok(())
}

/// The last report that a ledger has.
pub(super) fn last(entries: &[Entry]) -> Option<Value> {
    let last = entries.iter().rev().find(|entry| entry.kind == ENTRY)?;
    let on = Offset::UTC.to_datetime(last.at).date();
    Some(json!({"On": on.to_string(), "Until": last.body["until"]}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(key: &str, principal: &str, day: Date, uses: u64) -> DayOfUse {
        DayOfUse {
            key: key.into(),
            principal: principal.into(),
            operation: "Decrypt".into(),
            via: None,
            day,
            uses,
            refused: 0,
            cross_account: false,
        }
    }

    #[test]
    fn a_quarter_is_compared_with_the_one_before() {
        assert_eq!(quarter("2026-Q2").expect("a quarter"), date(2026, 4, 1));
        assert!(quarter("2026-Q5").is_err() && quarter("Q1").is_err());
        assert_eq!(first_of_quarter(date(2026, 12, 31)), date(2026, 10, 1));
        let days = [
            used("a", "old", date(2026, 3, 31), 7),
            used("a", "both", date(2026, 2, 1), 2),
            used("a", "both", date(2026, 4, 1), 3),
            used("a", "new", date(2026, 4, 8), 1),
        ];
        let keys = keys(&days, date(2026, 4, 1), date(2026, 7, 1));
        let [key] = keys.as_slice() else {
            panic!("{keys:?}")
        };
        assert_eq!((key.uses, key.uses_before, key.weeks.len()), (4, 9, 13));
        assert_eq!(&key.weeks[..3], [3, 1, 0]);
        assert_eq!(
            (&key.new[..], &key.gone[..]),
            (&["new".to_owned()][..], &["old".to_owned()][..])
        );
        assert_eq!(key.principals.len(), 2);
    }
}
