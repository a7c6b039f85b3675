//! `lockfast diff`: what changed between two snapshots, and what got worse.

use super::judging::{day, spinner};
use super::operate;
use super::{catalogue, policy, print};
use crate::cli::{Diff, TableFormat};
use crate::exit;
use anyhow::Result;
use lockfast_policy::{Config, Finding, Severity, Verdict, evaluate};
use lockfast_report::plural;
use lockfast_snapshot::{Change, Changes, compare};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What is printed as JSON.
#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    old: String,
    new: String,
    resources: &'a Changes,
    worse: Vec<Turn>,
    better: Vec<Turn>,
}

/// A verdict that is another one now.
#[derive(Serialize)]
struct Turn {
    /// What it was; none when the thing was not there.
    before: Option<Verdict>,
    /// What it is; none when the thing is gone.
    now: Option<Verdict>,
    /// The later finding, or the earlier of what is gone.
    finding: Finding,
}

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the policy file or a snapshot.
pub fn run(args: &Diff) -> Result<u8> {
    let folders: Vec<PathBuf> = vec![PathBuf::from(".")];
    let (mut config, file) = policy::load(args.config.as_deref(), &folders)?;
    config.evidence = operate::evidence::beside(&config, file.as_deref());
    let today = day(args.today.as_deref())?;
    let spinner = spinner();
    spinner.set_message("comparing the snapshots");
    // All of it by the same threads: the memory that one step gives back is the next one's.
    let (changes, (worse, better)) = lockfast_iac::install(|| {
        let changes = compare(&args.old, &args.new)?;
        let turned = turns(&args.old, &args.new, &config, &today)?;
        anyhow::Ok((changes, turned))
    })?;
    spinner.finish_and_clear();
    let breaks = worse.iter().any(|turn| {
        turn.now == Some(Verdict::Fail)
            && args
                .fail_on
                .severity()
                .is_some_and(|from| turn.finding.severity >= from)
    });
    match args.format {
        TableFormat::Json => {
            let document = Document {
                schema_version: 1,
                old: args.old.display().to_string(),
                new: args.new.display().to_string(),
                resources: &changes,
                worse,
                better,
            };
            print(&format!("{}\n", serde_json::to_string_pretty(&document)?))?;
        }
        TableFormat::Table => print(&table(&changes, &worse, &better)).map(|_| ())?,
    }
    Ok(if breaks { exit::BROKEN } else { exit::KEPT })
}

/// Judges a snapshot and goes through its findings, each with what makes it the same as another snapshot's.
fn each(
    file: &Path,
    config: &Config,
    today: &str,
    mut work: impl FnMut(u64, Verdict, &dyn Fn() -> Finding),
) -> Result<()> {
    let loaded = lockfast_snapshot::load(file)?;
    let run = evaluate(&loaded.inventory, config, today);
    for (index, (fingerprint, verdict)) in run.fingerprints().enumerate() {
        if verdict != Verdict::NotApplicable {
            work(key_of(&fingerprint), verdict, &|| run.finding(index));
        }
    }
    Ok(())
}

/// The first 64 bits of a fingerprint: as text, those of half a million findings would take more memory than the rest.
fn key_of(fingerprint: &str) -> u64 {
    let digits = fingerprint.get(..16).unwrap_or(fingerprint);
    u64::from_str_radix(digits, 16).unwrap_or_default()
}

/// How bad a verdict is; a thing that is not there is not bad.
fn badness(verdict: Option<Verdict>) -> u8 {
    match verdict {
        None | Some(Verdict::NotApplicable | Verdict::Pass) => 0,
        Some(Verdict::Waived) => 1,
        Some(Verdict::Unknown) => 2,
        Some(Verdict::Fail) => 3,
    }
}

/// What got worse and what got better, the most severe first.
///
/// One snapshot after the other, and of the findings only what turned: all findings of two would not fit in memory.
fn turns(old: &Path, new: &Path, config: &Config, today: &str) -> Result<(Vec<Turn>, Vec<Turn>)> {
    // What each was, and whether it was met again, by fingerprint. Of two with one fingerprint the first counts.
    let mut before: Vec<(u64, Verdict, bool)> = Vec::new();
    each(old, config, today, |key, verdict, _| {
        before.push((key, verdict, false))
    })?;
    before.sort_by_key(|(key, ..)| *key);
    before.dedup_by_key(|(key, ..)| *key);
    // Those that the earlier snapshot does not have.
    let mut fresh: HashSet<u64> = HashSet::new();
    let (mut worse, mut better) = (Vec::new(), Vec::new());
    let mut turn =
        |before: Option<Verdict>, now: Option<Verdict>, finding: &dyn Fn() -> Finding| {
            let turns = match badness(now).cmp(&badness(before)) {
                Ordering::Greater => &mut worse,
                Ordering::Less => &mut better,
                Ordering::Equal => return,
            };
            turns.push(Turn {
                before,
                now,
                finding: finding(),
            });
        };
    each(new, config, today, |key, verdict, finding| {
        let (was, first) = match before.binary_search_by_key(&key, |(key, ..)| *key) {
            Ok(at) => (
                Some(before[at].1),
                !std::mem::replace(&mut before[at].2, true),
            ),
            Err(_) => (None, fresh.insert(key)),
        };
        if first {
            turn(was, Some(verdict), finding);
        }
    })?;
    before.retain(|(_, was, met)| !met && badness(Some(*was)) > 0);
    if !before.is_empty() {
        // Something bad is gone; what it was is told by the earlier snapshot only.
        each(old, config, today, |key, _, finding| {
            if let Ok(at) = before.binary_search_by_key(&key, |(key, ..)| *key)
                && !std::mem::replace(&mut before[at].2, true)
            {
                turn(Some(before[at].1), None, finding);
            }
        })?;
    }
    for turns in [&mut worse, &mut better] {
        turns.sort_by(|a, b| {
            let key = |turn: &Turn| {
                let finding = &turn.finding;
                (
                    std::cmp::Reverse(badness(turn.now)),
                    std::cmp::Reverse(finding.severity),
                    finding.control.clone(),
                    finding.resource.id.clone(),
                )
            };
            key(a).cmp(&key(b))
        });
    }
    Ok((worse, better))
}

fn table(changes: &Changes, worse: &[Turn], better: &[Turn]) -> String {
    let mut text = String::new();
    if !changes.changes.is_empty() {
        let mut table = catalogue::table(&["", "resource", "type", "what changed"]);
        for change in &changes.changes {
            table.add_row([
                change.sign().to_owned(),
                place_of(change),
                change.kind.clone(),
                change.told(),
            ]);
        }
        text.push_str(&format!("{table}\n\n"));
    }
    for (title, turns) in [("Worse", worse), ("Better", better)] {
        if turns.is_empty() {
            continue;
        }
        let mut table = catalogue::table(&["severity", "was", "is", "resource", "control", "why"]);
        for turn in turns {
            let finding = &turn.finding;
            let said = |verdict: Option<Verdict>| {
                verdict.map_or_else(|| "not there".into(), |v| v.to_string())
            };
            table.add_row([
                finding.severity.to_string(),
                said(turn.before),
                said(turn.now),
                finding.resource.id.clone(),
                finding.control.clone(),
                finding.message.clone(),
            ]);
        }
        text.push_str(&format!("{title}\n{table}\n\n"));
    }
    let count = |severity: Severity| {
        worse
            .iter()
            .filter(|turn| turn.finding.severity == severity && turn.now == Some(Verdict::Fail))
            .count()
    };
    let severe = count(Severity::Critical) + count(Severity::High);
    text.push_str(&format!(
        "{} added, {} removed, {} changed; {} got worse ({severe} to high or critical failures), {} better.\n",
        plural(changes.added(), "resource"),
        changes.removed(),
        changes.changed(),
        plural(worse.len(), "verdict"),
        better.len(),
    ));
    text
}

fn place_of(change: &Change) -> String {
    format!("{}/{}/{}", change.account, change.region, change.name)
}
