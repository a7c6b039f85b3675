//! `lockfast trail detections`: Sigma rules, held against logs.

use super::ask::{finish, progress, threads};
use crate::cli::{DetectionFormat, Detections};
use crate::commands::{catalogue, policy, print};
use crate::exit;
use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};
use lockfast_detections::Rules;
use lockfast_operate::clock::SystemClock;
use lockfast_operate::event::{Action, Event};
use lockfast_operate::ledger::Ledger;
use lockfast_report::clean;
use lockfast_trail::detect::{Detection, detect};
use lockfast_trail::{Error, Input, shorten};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// A ledger's clock and AWS's differ, and CloudTrail tells seconds: an event within so much of an intent is its.
const NEAR: SignedDuration = SignedDuration::from_mins(15);

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the rules, the policy file or the ledger, or that no log is there.
pub(super) fn run(args: &Detections) -> Result<u8> {
    let rules = rules(args)?;
    if args.list {
        return list(&rules);
    }
    let (config, file) = policy::load(args.config.as_deref(), &[PathBuf::from(".")])?;
    let ledger = match (&args.ledger, &file) {
        (Some(ledger), _) => Some(ledger.clone()),
        (None, Some(file)) => {
            let folder = file.parent().unwrap_or(Path::new(""));
            Some(folder.join(&config.approvals.ledger)).filter(|ledger| ledger.is_file())
        }
        (None, None) => None,
    };
    let approved = ledger.as_deref().map(Approved::read).transpose()?;
    let input = Input::find(&args.paths)?;
    if input.files.is_empty() {
        return Err(Error::Empty(args.paths.clone()).into());
    }
    let bar = progress(&input);
    let (mut found, report) = detect(&input, &threads(args.threads), &rules);
    bar.finish_and_clear();
    if let Some(approved) = &approved {
        for detection in &mut found {
            detection.approved = approved.of(detection);
        }
    }
    let least = rank(&args.level);
    found.retain(|detection| rank(&detection.level) >= least);
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

/// The rules that are asked for, with what is wrong with them told.
fn rules(args: &Detections) -> Result<Rules> {
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

/// What the ledger says that was done to keys, with when.
struct Approved(HashMap<(String, &'static str), Vec<(Timestamp, Timestamp)>>);

impl Approved {
    fn read(file: &Path) -> Result<Approved> {
        let wrong = || format!("{}: it is no ledger that can be read", file.display());
        if !file.is_file() {
            bail!("{}: there is no such ledger", file.display());
        }
        let mut ledger = Ledger::open(file, SystemClock).with_context(wrong)?;
        let whole = ledger.verify().with_context(wrong)?;
        if let Some(fault) = whole.faults.first() {
            bail!(
                "{}: it is not whole, so it proves nothing: {fault}",
                file.display()
            );
        }
        let mut keys: HashMap<String, String> = HashMap::new();
        let mut times: HashMap<(String, &'static str), Vec<(Timestamp, Timestamp)>> =
            HashMap::new();
        for entry in ledger.entries().with_context(wrong)? {
            match Event::of(&entry) {
                Ok(Event::Requested(asked)) => {
                    keys.insert(entry.subject.clone(), asked.request.key_arn.clone());
                }
                Ok(Event::Intended(intent)) => {
                    let operation = match intent.action {
                        Action::Disable => "DisableKey",
                        Action::Schedule => "ScheduleKeyDeletion",
                        Action::CancelDeletion => "CancelKeyDeletion",
                        Action::Enable => "EnableKey",
                        Action::Canary => continue,
                    };
                    if let Some(key) = keys.get(&entry.subject) {
                        let about = times.entry((key.clone(), operation)).or_default();
                        about.push((entry.at, intent.lease_until));
                    }
                }
                // Rotations and drills are entries of other kinds.
                _ => {}
            }
        }
        Ok(Approved(times))
    }

    /// Whether the ledger has it; of what takes no approval nothing is said.
    fn of(&self, found: &Detection) -> Option<bool> {
        let (service, operation) = found.event.split_once(':')?;
        let needs = [
            "DisableKey",
            "ScheduleKeyDeletion",
            "DeleteImportedKeyMaterial",
        ];
        if service != "kms" || !needs.contains(&operation) || found.error_code.is_some() {
            return None;
        }
        let at = found.time?;
        Some(found.keys.iter().any(|key| {
            let about = self
                .0
                .iter()
                .filter(|((own, what), _)| own == key && *what == operation);
            about
                .flat_map(|(_, times)| times)
                .any(|(from, until)| at + NEAR >= *from && at <= *until + NEAR)
        }))
    }
}

fn text(found: &[Detection]) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for one in found {
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
