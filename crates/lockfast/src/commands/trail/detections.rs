//! `lockfast trail detections`: Sigma rules, held against logs.

use super::approved::{self, Approved};
use super::ask::{finish, logs, progress, threads};
use super::drawn;
use crate::cli::{DetectionFormat, Detections};
use crate::commands::{catalogue, policy, print};
use crate::exit;
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use jiff::tz::Offset;
use lockfast_detections::Rules;
use lockfast_policy::Config;
use lockfast_report::{Chart, clean};
use lockfast_trail::detect::{Detection, detect};
use lockfast_trail::shorten;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the rules, the policy file or the ledger, or that no log is there.
pub(super) fn run(args: &Detections) -> Result<u8> {
    let (config, file) = policy::load(args.config.as_deref(), &[PathBuf::from(".")])?;
    let rules = rules(args, &allowed(&config))?;
    if args.list {
        return list(&rules);
    }
    let ledger = approved::ledger(args.ledger.as_deref(), &config, file.as_deref());
    let entries = ledger.as_deref().map(approved::read).transpose()?;
    let input = logs(&args.paths)?;
    let bar = progress(&input);
    let (mut found, report) = detect(&input, &threads(args.threads), &rules);
    bar.finish_and_clear();
    if let Some(entries) = &entries {
        Approved::new(entries).mark(&mut found);
    }
    let least = rank(&args.level);
    found.retain(|detection| rank(&detection.level) >= least);
    if let Some(file) = &args.chart {
        let mut chart = Chart::new("Detections by level");
        for detection in &found {
            let day = detection
                .time
                .map(|time| Offset::UTC.to_datetime(time).date());
            chart.add(&detection.level, day, 1);
        }
        drawn::write(&chart, file)?;
    }
    match args.format {
        DetectionFormat::Table => print(&text(&found))?,
        DetectionFormat::Json => print(&format!("{}\n", serde_json::to_string_pretty(&found)?))?,
        DetectionFormat::Ocsf => {
            let all: Vec<Value> = found.iter().map(ocsf).collect();
            print(&format!("{}\n", serde_json::to_string_pretty(&all)?))?
        }
    };
    let unread = finish(&input.problems, &report);
    // What the ledger has is as it was meant to be.
    let counts = |found: &Detection| found.approved != Some(true) && found.level != "informational";
    Ok(match found.iter().any(counts) {
        true => exit::BROKEN,
        false => unread,
    })
}

/// The regions that the policy file allows for data.
pub(super) fn allowed(config: &Config) -> Vec<String> {
    if !config.residency.regions.is_empty() {
        return config.residency.regions.clone();
    }
    let systems = config.customer.iter().flat_map(|customer| &customer.system);
    let environments = systems.flat_map(|system| &system.environment);
    let mut regions: Vec<String> = environments.flat_map(|own| own.regions.clone()).collect();
    regions.sort();
    regions.dedup();
    regions
}

/// The rules that are asked for, with what is wrong with them told.
fn rules(args: &Detections, regions: &[String]) -> Result<Rules> {
    let (rules, mut problems) = match (args.only, args.rules.as_slice()) {
        (true, []) => bail!("--only leaves out the rules of lockfast: name others with --rules"),
        (false, []) => (Rules::built_in(), Vec::new()),
        (true, paths) => Rules::load(paths)?,
        (false, paths) => Rules::built_in().and_load(paths)?,
    };
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in &args.value {
        let (name, value) = text.split_once('=').with_context(|| {
            format!("--value {text}: write NAME=VALUE, such as allowed_regions=eu-central-1")
        })?;
        let all = value.split(',').map(str::to_owned);
        values.entry(name.to_owned()).or_default().extend(all);
    }
    if !regions.is_empty() {
        values
            .entry("allowed_regions".to_owned())
            .or_insert_with(|| regions.to_vec());
    }
    let (rules, more) = rules.with_values(values);
    problems.extend(more);
    for problem in &problems {
        anstream::eprintln!("{}", clean(&problem.to_string()));
    }
    if !problems.is_empty() {
        bail!("{} rules cannot be read", problems.len());
    }
    if !args.list {
        for waiting in rules.waiting() {
            anstream::eprintln!("{}", clean(&waiting.to_string()));
        }
    }
    Ok(rules)
}

fn list(rules: &Rules) -> Result<u8> {
    let mut table = catalogue::table(&["RULE", "LEVEL", "ATT&CK", "WHAT IT FINDS"]);
    let mut count = 0;
    for rule in rules.iter().filter(|rule| rule.alone) {
        count += 1;
        let techniques: Vec<&str> = rule.techniques.iter().map(|t| t.id).collect();
        table.add_row([
            clean(&rule.id),
            rule.level.to_string(),
            techniques.join(" "),
            clean(&rule.title),
        ]);
    }
    print(&format!("{table}\n\n{count} rules.\n"))
}

/// How bad a level is.
fn rank(level: &str) -> usize {
    let all = ["informational", "low", "medium", "high", "critical"];
    all.iter().position(|own| *own == level).unwrap_or(2)
}

fn text(found: &[Detection]) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for (one, more, last) in grouped(found) {
        let time = one
            .time
            .map_or_else(|| "?".to_owned(), |time| time.to_string());
        let approved = match one.approved {
            Some(true) => ", approved: the ledger has it",
            Some(false) => ", NOT APPROVED: the ledger does not have it",
            None => "",
        };
        let _ = writeln!(out, "{time} {}: {}{approved}", one.level, clean(&one.title));
        let error = one
            .error_code
            .as_deref()
            .map_or(String::new(), |code| format!(" ({code})"));
        let about = one.keys.iter().chain(&one.resources);
        let about: Vec<String> = about.map(|arn| shorten(&clean(arn)).into_owned()).collect();
        let _ = writeln!(
            out,
            "    {}{error} {}\n    by {}{}",
            clean(&one.event),
            about.join(" "),
            shorten(&clean(&one.principal)),
            one.source_ip
                .as_deref()
                .map_or(String::new(), |ip| format!(" from {}", clean(ip))),
        );
        if more > 0 {
            let last = last.map_or_else(|| "?".to_owned(), |time| time.to_string());
            let _ = writeln!(out, "    and {more} more of the same until {last}");
        }
        if let (Some(file), Some(offset)) = (&one.file, one.offset) {
            let _ = writeln!(out, "    {} byte {offset}", file.display());
        }
        if !one.techniques.is_empty() {
            let _ = writeln!(out, "    ATT&CK {}", one.techniques.join(" "));
        }
    }
    let _ = writeln!(out, "{} found", found.len());
    out
}

/// What one principal did again and again within a day, as the first of it with how many more there are and until when.
fn grouped(found: &[Detection]) -> Vec<(&Detection, usize, Option<Timestamp>)> {
    let mut groups: Vec<(&Detection, usize, Option<Timestamp>)> = Vec::new();
    for one in found {
        let day = |time: Option<Timestamp>| time.map(|time| time.as_second().div_euclid(86_400));
        let same = groups.iter_mut().rev().find(|(first, _, _)| {
            first.rule == one.rule
                && first.principal == one.principal
                && first.error_code == one.error_code
                && first.approved == one.approved
                && day(first.time) == day(one.time)
        });
        match same {
            Some((_, more, last)) => {
                *more += 1;
                *last = one.time;
            }
            None => groups.push((one, 0, one.time)),
        }
    }
    groups
}

/// OCSF 1.5.0, class Detection Finding.
fn ocsf(found: &Detection) -> Value {
    let (severity_id, severity) = match rank(&found.level) {
        0 => (1, "Informational"),
        1 => (2, "Low"),
        2 => (3, "Medium"),
        3 => (4, "High"),
        _ => (5, "Critical"),
    };
    let at = found.time.map(Timestamp::as_millisecond);
    let uid = format!(
        "{}/{}",
        found.rule,
        found.event_ids.first().map_or("", String::as_str)
    );
    let resources = found.keys.iter().chain(&found.resources);
    json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "type_uid": 200_401,
        "type_name": "Detection Finding: Create",
        "time": at,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1,
        "status": "New",
        "message": format!("{} by {}", found.title, found.principal),
        "is_alert": rank(&found.level) >= 3,
        "metadata": {
            "version": "1.5.0",
            "profiles": ["cloud"],
            "product": {
                "name": "Lockfast",
                "vendor_name": "Lockfast",
                "version": env!("CARGO_PKG_VERSION"),
            },
        },
        "finding_info": {
            "uid": uid,
            "title": found.title,
            "created_time": at,
            "related_events": found.event_ids.iter().map(|id| json!({"uid": id})).collect::<Vec<_>>(),
            "related_events_count": found.events,
            "analytic": {"uid": found.rule, "name": found.title, "type_id": 1, "type": "Rule"},
            "attacks": found.techniques.iter().map(|id| json!({"technique": {"uid": id}})).collect::<Vec<_>>(),
        },
        "cloud": {
            "provider": "AWS",
            "account": {"uid": found.account},
            "region": found.region,
        },
        "resources": resources.map(|arn| json!({"uid": arn})).collect::<Vec<_>>(),
        "evidences": [{
            "actor": {"user": {"uid": found.principal}},
            "api": {"operation": found.event, "response": {"error": found.error_code}},
            "src_endpoint": {"ip": found.source_ip},
            "http_request": {"user_agent": found.user_agent},
        }],
        "unmapped": {"approved": found.approved, "file": found.file, "offset": found.offset},
    })
}
