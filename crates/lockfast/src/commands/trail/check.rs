//! `lockfast trail check`: logs, judged by the policy.

use super::approved::{self, Approved};
use super::ask::{logs, progress, threads};
use super::detections::allowed;
use super::unusual::usual;
use super::verify::public_keys;
use crate::cli::TrailCheck;
use crate::commands::facts::declared;
use crate::commands::judging::{Ready, spinner};
use crate::commands::keys::who;
use anyhow::Result;
use jiff::Timestamp;
use lockfast_access::world::World;
use lockfast_anomalies::Alert;
use lockfast_cloudtrail::files::LogFile;
use lockfast_cloudtrail::verify::{PublicKeys, verify};
use lockfast_detections::Rules;
use lockfast_facts::trail::{ALERT, KEY, LOGS};
use lockfast_facts::{Inventory, Place};
use lockfast_keys::Ring;
use lockfast_policy::{Cx, keys_watched};
use lockfast_report::{InputSummary, Problem};
use lockfast_snapshot::{Found, with_logs};
use lockfast_trail::detect::{Detection, detect};
use lockfast_trail::facts::{Beside, Told, facts};
use lockfast_trail::questions::About;
use lockfast_trail::unusual::unusual;
use lockfast_trail::{Options, Trail};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A reader of a secret is new who was first seen in so many days before the last event.
const NEW_DAYS: i64 = 7;

/// A permission that was not used on so many days is not needed.
const UNUSED_DAYS: i64 = 90;

/// So many events are named of an alert.
const NAMED: usize = 20;

/// Runs the command and gives its exit code.
///
/// # Errors
/// What is wrong with the command line, the policy file, the logs or what is beside them.
pub(super) fn run(args: &TrailCheck) -> Result<u8> {
    let ready = Ready::new(&args.judging, &[PathBuf::from(".")])?.with_ledger();
    let (tuning, feedback) = usual(&args.usual)?;
    let config = ready.config();
    let ledger = approved::ledger(None, config, ready.config_file());
    let entries = ledger.as_deref().map(approved::read).transpose()?;
    let approved = entries.as_deref().map(Approved::new);
    let values = BTreeMap::from([("allowed_regions".to_owned(), allowed(config))]);
    let (rules, _) = Rules::built_in().with_values(values);
    let has = |key: &str, operation: &str, at: Timestamp| {
        approved
            .as_ref()
            .is_some_and(|known| known.has(key, operation, at))
    };
    let beside = Beside {
        approved: approved
            .as_ref()
            .map(|_| &has as &lockfast_trail::facts::Approved<'_>),
        new_days: NEW_DAYS,
    };
    let runtime = crate::commands::runtime()?;
    let options: Options = threads(args.judging.threads.and_then(|n| u16::try_from(n).ok()));
    // Detections and callers are of every service.
    let input = logs(&args.paths)?;
    let keys = public_keys(&args.public_keys, &input.files)?;
    let (mut told, report, alerts, quieted) = runtime.block_on(async {
        let trail = Trail::open(&args.paths, &options).await?;
        let bar = progress(trail.input());
        let (told, report) = facts(&trail, &beside).await?;
        let found = unusual(&trail, &About::default(), tuning, feedback).await?;
        bar.finish_and_clear();
        Ok::<_, anyhow::Error>((told, report, found.alerts, found.quieted))
    })?;
    let (mut detections, _) = detect(&input, &options, &rules);
    if let Some(approved) = &approved {
        approved.mark(&mut detections);
    }
    let of_places = by_place(&input.files);
    let made = entries.as_deref().and_then(super::quarterly::last);
    let today = ready.today().to_owned();
    for logs in told.iter_mut().filter(|told| told.kind == LOGS) {
        let of_place = |alert: &&Alert| about(alert, &logs.account);
        let count = alerts.iter().filter(of_place).count();
        logs.properties
            .insert("Analysed".into(), json!({"On": today, "Alerts": count}));
        let place = (logs.account.as_str(), logs.region.as_str());
        let files = of_places.get(&place).map_or(&[][..], Vec::as_slice);
        if let Some(integrity) = integrity(files, &keys) {
            logs.properties.insert("Integrity".into(), integrity);
        }
        if let Some(made) = &made {
            logs.properties
                .insert("QuarterlyReport".into(), made.clone());
        }
    }
    let home = told
        .iter()
        .find(|told| told.kind == LOGS)
        .map_or_else(Default::default, |logs| {
            (logs.account.clone(), logs.region.clone())
        });
    told.extend(alerts.iter().map(|alert| of_alert(alert, &home)));
    told.extend(of_detections(&detections, &home));
    let base = match args.from.as_slice() {
        [] => Inventory::new(Vec::new(), Vec::new(), Vec::new()),
        from => declared(from)?.0,
    };
    let cx = Cx::new(&base, config, &today);
    unused_permissions(&cx, &mut told);
    for (place, watched) in keys_watched(&cx) {
        let of_place = told.iter_mut().filter(|told| told.kind == LOGS);
        for logs in of_place.filter(|logs| is_at(logs, &place)) {
            logs.properties.insert("Monitors".into(), watched.into());
        }
    }
    drop(cx);
    let count = told.len();
    let inventory = with_logs(base, told.into_iter().map(found)).only_logs();
    let problems = input.problems.iter().chain(&report.problems);
    let summary = InputSummary {
        files_read: input.files.len(),
        logs: input.files.len(),
        resources: count,
        problems: problems
            .map(|problem| Problem {
                path: problem.path.display().to_string(),
                line: None,
                column: None,
                message: match problem.offset {
                    Some(offset) => format!("byte {offset}: {}", problem.what),
                    None => problem.what.clone(),
                },
            })
            .collect(),
        ..InputSummary::default()
    };
    if quieted > 0 && !args.judging.quiet {
        anstream::eprintln!("{quieted} anomalies were marked as no cause for worry");
    }
    let inventory = std::mem::ManuallyDrop::new(inventory);
    ready.judge_then(&inventory, summary, &spinner(), |_| Ok(None))
}

/// Whether logs are of an account and region; templates may leave either open, and then it is not said.
fn is_at(logs: &Told, place: &Place) -> bool {
    place.account.as_deref() == Some(&logs.account) && place.region.as_deref() == Some(&logs.region)
}

/// Adds to keys who may decrypt or encrypt with them by the policies of a snapshot and did not, where the logs are of days enough to say so.
fn unused_permissions(cx: &Cx<'_>, told: &mut [Told]) {
    let days: BTreeMap<(String, String), i64> = told
        .iter()
        .filter(|told| told.kind == LOGS)
        .filter(|logs| logs.properties["MissingDays"] == json!([]))
        .filter_map(|logs| {
            let days = logs.properties["Days"].as_i64()?;
            Some(((logs.account.clone(), logs.region.clone()), days))
        })
        .collect();
    let ring = Ring::new(cx, cx.inventory);
    let world = World::new(cx.inventory);
    for key in told.iter_mut().filter(|told| told.kind == KEY) {
        let place = (key.account.clone(), key.region.clone());
        let Some(days) = days.get(&place).filter(|days| **days >= UNUSED_DAYS) else {
            continue;
        };
        let [known] = ring.find(&key.name)[..] else {
            continue;
        };
        let mut unused = Vec::new();
        for action in ["kms:Decrypt", "kms:GenerateDataKey"] {
            let used = users(&key.properties, action);
            for idle in who::idle(&world, known, action, &used) {
                unused.push(json!({"Principal": idle, "Action": action, "Days": days}));
            }
        }
        key.properties
            .insert("UnusedPermissions".into(), unused.into());
    }
}

/// Who did this with a key.
fn users<'k>(key: &'k Map<String, Value>, action: &str) -> BTreeSet<&'k str> {
    let operation = action.trim_start_matches("kms:");
    let did = |own: &&Value| {
        let all = own["Operations"].as_array().into_iter().flatten();
        all.filter_map(Value::as_str)
            .any(|name| name.starts_with(operation))
    };
    let principals = key["Principals"].as_array().into_iter().flatten();
    principals
        .filter(did)
        .filter_map(|own| own["Principal"].as_str())
        .collect()
}

fn found(told: Told) -> (String, String, Found) {
    let found = Found {
        kind: told.kind.to_owned(),
        name: told.name,
        from: [(String::new(), told.place)].into(),
        properties: Value::Object(told.properties),
        ..Found::default()
    };
    (told.account, told.region, found)
}

/// Whether an anomaly is of an account.
fn about(alert: &Alert, account: &str) -> bool {
    let of = |arn: &str| arn.split(':').nth(4) == Some(account);
    of(&alert.subject) || alert.subject.is_empty() && of(&alert.principal)
}

/// The files of each account and region.
fn by_place(files: &[LogFile]) -> BTreeMap<(&str, &str), Vec<LogFile>> {
    let mut of_places: BTreeMap<(&str, &str), Vec<LogFile>> = BTreeMap::new();
    for file in files {
        if let Some(place) = &file.place {
            let own = of_places.entry((&place.account, &place.region));
            own.or_default().push(file.clone());
        }
    }
    of_places
}

/// What digests say of the files of an account and region; nothing where there are none.
fn integrity(files: &[LogFile], keys: &PublicKeys) -> Option<Value> {
    let verified = verify(files, keys);
    if verified.digests == 0 {
        return None;
    }
    let findings = verified.findings.iter();
    let findings = findings.map(
        |finding| json!({"File": finding.path, "Wrong": finding.wrong.name(), "Why": finding.why}),
    );
    Some(json!({
        "Digests": verified.digests,
        "Signed": verified.signed,
        "Findings": findings.collect::<Vec<_>>(),
    }))
}

/// The account and region that an ARN says, else those of the logs.
fn place_of(arn: &str, home: &(String, String)) -> (String, String) {
    let mut parts = arn.split(':').skip(3);
    match (parts.next(), parts.next()) {
        (Some(region), Some(account)) if !region.is_empty() && account.len() == 12 => {
            (account.to_owned(), region.to_owned())
        }
        _ => home.clone(),
    }
}

fn of_alert(alert: &Alert, home: &(String, String)) -> Told {
    let (account, region) = place_of(&alert.subject, home);
    let is_key = alert.subject.contains(":kms:");
    let mut properties = json!({
        "Kind": "anomaly",
        "What": alert.what.name(),
        "Title": alert.what.title(),
        "Severity": alert.severity.name(),
        "Principal": alert.principal,
        "Subject": alert.subject,
        "From": alert.from.to_string(),
        "Until": alert.until.to_string(),
        "Why": alert.why,
        "EventIds": alert.event_ids,
        "Quieted": false,
        "Tags": [alert.what.technique()],
    });
    if is_key {
        properties["Key"] = alert.subject.clone().into();
    }
    Told {
        account,
        region,
        kind: ALERT,
        name: format!("anomaly {}", alert.id),
        place: format!(
            "event {}",
            alert.event_ids.first().map_or("", String::as_str)
        ),
        properties: match properties {
            Value::Object(all) => all,
            _ => Default::default(),
        },
    }
}

/// What one rule found of one principal and one key on one day is one alert; what was approved is none.
fn of_detections(found: &[Detection], home: &(String, String)) -> Vec<Told> {
    let mut told: BTreeMap<(String, String, String, String), Vec<&Detection>> = BTreeMap::new();
    for one in found.iter().filter(|one| one.approved != Some(true)) {
        let day = one
            .time
            .map_or_else(String::new, |time| time.to_string()[..10].to_owned());
        // Of objects their bucket: whoever writes a thousand of them does one thing.
        let bucket = one
            .resources
            .first()
            .map(|arn| match arn.contains(":s3:::") {
                true => arn.split('/').next().unwrap_or(arn).to_owned(),
                false => arn.clone(),
            });
        let subject = one.keys.first().cloned().or(bucket).unwrap_or_default();
        let group = (one.rule.clone(), one.principal.clone(), subject, day);
        told.entry(group).or_default().push(one);
    }
    told.into_iter()
        .filter_map(|((rule, principal, subject, day), all)| {
            let first = all.first()?;
            let ids: Vec<&String> = all
                .iter()
                .flat_map(|one| &one.event_ids)
                .take(NAMED)
                .collect();
            let (account, region) = match (&first.account, &first.region) {
                (Some(account), Some(region)) => (account.clone(), region.clone()),
                _ => place_of(&subject, home),
            };
            let mut properties = json!({
                "Kind": "detection",
                "What": first.what(),
                "Title": first.title,
                "Severity": first.level,
                "Principal": principal,
                "Subject": subject,
                "From": first.time.map(|time| time.to_string()),
                "Until": all.last().and_then(|one| one.time).map(|time| time.to_string()),
                "Why": format!("{} events matched the rule {rule} on {day}", all.len()),
                "EventIds": ids,
                "Quieted": false,
                "Tags": first.techniques,
            });
            if let Some(key) = first.keys.first() {
                properties["Key"] = key.clone().into();
            }
            Some(Told {
                account,
                region,
                kind: ALERT,
                name: format!(
                    "detection {rule} {}",
                    ids.first().map_or("", |id| id.as_str())
                ),
                place: match (&first.file, first.offset) {
                    (Some(file), Some(offset)) => format!("{} at byte {offset}", file.display()),
                    _ => format!("event {}", ids.first().map_or("", |id| id.as_str())),
                },
                properties: match properties {
                    Value::Object(all) => all,
                    _ => Default::default(),
                },
            })
        })
        .collect()
}
