//! What controls are told of logs: the resources of [`lockfast_facts::trail`].

use crate::questions::{each, quoted, verdict_of_call};
use crate::trail::{Error, Trail};
use jiff::Timestamp;
use jiff::civil::Date;
use lockfast_cloudtrail::files::LogFile;
use lockfast_cloudtrail::{Coverage, Report};
use lockfast_facts::trail::{CALLER, KEY, LOGS, SECRET};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A resource that logs tell of.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The account of the logs that tell of it.
    pub account: String,
    /// Their region.
    pub region: String,
    /// Its type.
    pub kind: &'static str,
    /// Its name, which is nobody else's.
    pub name: String,
    /// Where that was read.
    pub place: String,
    /// What is told of it.
    pub properties: Map<String, Value>,
}

/// Whether the ledger has it: a key, what was done with it, and when.
pub type Approved<'a> = dyn Fn(&str, &str, Timestamp) -> bool + 'a;

/// What the caller knows beside the logs.
pub struct Beside<'a> {
    /// Whether the ledger has a deletion, by key, operation and time; none where there is no ledger.
    pub approved: Option<&'a Approved<'a>>,
    /// A reader of a secret is new who was first seen in so many days before the last event.
    pub new_days: i64,
}

/// Reads what logs tell of themselves, of keys, secrets and callers. What else is known of logs (their integrity, whether
/// somebody looked for anomalies) is for the caller to add to [`LOGS`].
///
/// # Errors
/// What is wrong with what is read.
pub async fn facts(trail: &Trail, beside: &Beside<'_>) -> Result<(Vec<Told>, Report), Error> {
    let counts = events(trail).await?;
    // What one pass over the files tells of them is what every other does.
    let report = trail.report().await?;
    let coverage = match trail.index() {
        Some(index) => index.coverage(),
        None => report.coverage.clone(),
    };
    let root = place(trail);
    let folders = trail.input().problems.iter();
    let unread: BTreeSet<&Path> = folders
        .map(|problem| problem.path.as_path())
        .chain(report.unread.iter().map(PathBuf::as_path))
        .collect();
    let mut told = logs(&coverage, &counts, &unread, &root);
    told.extend(keys(trail, beside, &root).await?);
    told.extend(secrets(trail, beside, &root).await?);
    told.extend(callers(trail, &root).await?);
    Ok((told, report))
}

/// The folder that most of the files are in.
fn place(trail: &Trail) -> String {
    let files = &trail.input().files;
    let mut folder = files
        .first()
        .and_then(|file| file.path.parent())
        .map(Path::to_owned);
    if let Some(last) = files.last() {
        while let Some(own) = &folder {
            if last.path.starts_with(own) {
                break;
            }
            folder = own.parent().map(Path::to_owned);
        }
    }
    folder.map_or_else(|| "an index".to_owned(), |own| own.display().to_string())
}

fn at(time: Option<Timestamp>) -> Value {
    time.map_or(Value::Null, |time| time.to_string().into())
}

/// An object without what is null: a property that is not known is missing.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(mut all) => {
            all.retain(|_, value| !value.is_null());
            all
        }
        _ => Map::new(),
    }
}

type Places = BTreeMap<(String, String), Map<String, Value>>;

/// How many events of which kind each account and region has.
async fn events(trail: &Trail) -> Result<Places, Error> {
    let rows = trail
        .ask(
            "SELECT account, region, \
             count(*) FILTER (WHERE coalesce(category, 'Management') NOT IN ('Data', 'Insight', 'NetworkActivity')), \
             count(*) FILTER (WHERE category = 'Data'), \
             count(*) FILTER (WHERE event_source = 'kms.amazonaws.com'), \
             count(*) FILTER (WHERE event_source = 'secretsmanager.amazonaws.com'), \
             count(*) FILTER (WHERE event_source = 'ssm.amazonaws.com' AND event_name LIKE '%Parameter%') \
             FROM events WHERE account IS NOT NULL AND region IS NOT NULL GROUP BY account, region",
        )
        .await?;
    let mut found = Places::new();
    for row in each(&rows) {
        let place = (
            row.text(0).unwrap_or_default(),
            row.text(1).unwrap_or_default(),
        );
        let counts = json!({
            "ManagementEvents": row.count(2),
            "DataEvents": row.count(3),
            "KmsEvents": row.count(4),
            "SecretsManagerEvents": row.count(5),
            "ParameterEvents": row.count(6),
        });
        found.insert(place, object(counts));
    }
    Ok(found)
}

fn logs(
    coverage: &Coverage,
    counts: &Places,
    all_unread: &BTreeSet<&Path>,
    root: &str,
) -> Vec<Told> {
    let mut unread: BTreeMap<(String, String), BTreeSet<&Path>> = BTreeMap::new();
    // Files whose paths tell nothing may be of any place.
    let mut of_none: BTreeSet<&Path> = BTreeSet::new();
    for path in all_unread {
        match LogFile::new(*path).place {
            Some(place) => {
                let of_place = unread.entry((place.account, place.region)).or_default();
                of_place.insert(path);
            }
            None => {
                of_none.insert(path);
            }
        }
    }
    coverage
        .iter()
        .map(|(place, days)| {
            let (first, last) = (days.first(), days.last());
            let (missing, count) = missing(days);
            let unread = unread.get(place).map_or(0, BTreeSet::len) + of_none.len();
            let mut properties = object(json!({
                "From": first.map(Date::to_string),
                "Until": last.map(Date::to_string),
                "Days": count,
                "MissingDays": missing,
                "UnreadFiles": unread,
            }));
            match counts.get(place) {
                Some(counts) => properties.extend(counts.clone()),
                None => {
                    for none in [
                        "ManagementEvents",
                        "DataEvents",
                        "KmsEvents",
                        "SecretsManagerEvents",
                        "ParameterEvents",
                    ] {
                        properties.insert(none.to_owned(), 0.into());
                    }
                }
            }
            let (account, region) = place.clone();
            Told {
                name: format!("{account}/{region}"),
                account,
                region,
                kind: LOGS,
                place: root.to_owned(),
                properties,
            }
        })
        .collect()
}

/// The days between the first and the last of which there is none, and how many there are in all.
fn missing(days: &BTreeSet<Date>) -> (Vec<String>, i64) {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return (Vec::new(), 0);
    };
    let mut missing = Vec::new();
    let (mut day, mut count) = (*first, 0);
    while day <= *last {
        count += 1;
        if !days.contains(&day) {
            missing.push(day.to_string());
        }
        match day.tomorrow() {
            Ok(next) => day = next,
            Err(_) => break,
        }
    }
    (missing, count)
}

/// The account and region of an ARN.
fn owner(arn: &str) -> Option<(String, String)> {
    let mut parts = arn.strip_prefix("arn:")?.split(':').skip(2);
    let (region, account) = (parts.next()?, parts.next()?);
    Some((account.to_owned(), region.to_owned()))
}

/// Keys by the name that is nobody else's, with their account and region and what is told of them.
struct Key {
    account: String,
    region: String,
    properties: Map<String, Value>,
}

impl Key {
    fn list(&mut self, name: &str) -> &mut Vec<Value> {
        let list = self.properties.entry(name).or_insert_with(|| json!([]));
        match list {
            Value::Array(all) => all,
            _ => unreachable!("it was made as a list"),
        }
    }
}

#[derive(Default)]
struct Keys(BTreeMap<String, Key>);

impl Keys {
    fn of(&mut self, name: &str, account: Option<String>, region: Option<String>) -> &mut Key {
        let (account, region) =
            owner(name).unwrap_or((account.unwrap_or_default(), region.unwrap_or_default()));
        let unique = match name.starts_with("arn:") {
            true => name.to_owned(),
            false => format!("{account}/{region}/{name}"),
        };
        self.0.entry(unique).or_insert_with(|| Key {
            properties: object(json!({
                "Arn": name,
                "KeyAccount": name.starts_with("arn:").then(|| account.clone()),
                "Uses": 0,
                "Principals": [],
                "Administration": [],
                "Deletions": [],
                "Rotations": [],
                "Replicas": [],
            })),
            account,
            region,
        })
    }
}

async fn keys(trail: &Trail, beside: &Beside<'_>, root: &str) -> Result<Vec<Told>, Error> {
    let mut found = Keys::default();
    let rows = trail
        .ask(
            "SELECT key, min(account), min(region), principal, min(principal_account), \
             bool_or(coalesce(principal_type, '') = 'AWSService'), count(*), count(error_code), \
             coalesce(bool_or(cross_account), false), array_to_string(array_agg(DISTINCT operation ORDER BY operation), ' '), \
             min(event_time), max(event_time) FROM key_uses WHERE cryptographic GROUP BY key, principal ORDER BY key, principal",
        )
        .await?;
    for row in each(&rows) {
        let Some(name) = row.text(0) else {
            continue;
        };
        let principal = row.text(3).unwrap_or_default();
        let is_service = row.flag(5) == Some(true) || principal.ends_with(".amazonaws.com");
        let key = found.of(&name, row.text(1), row.text(2));
        let operations = row.text(9).unwrap_or_default();
        let person = object(json!({
            "Principal": principal,
            "Account": row.text(4),
            "Service": is_service,
            "Uses": row.count(6),
            "Refused": row.count(7),
            "CrossAccount": row.flag(8),
            "Operations": operations.split(' ').collect::<Vec<_>>(),
            "First": at(row.time(10)),
            "Last": at(row.time(11)),
        }));
        key.list("Principals").push(Value::Object(person));
        let uses = key.properties["Uses"].as_u64().unwrap_or_default() + row.count(6);
        key.properties.insert("Uses".into(), uses.into());
        let last = at(row.time(11));
        let known = key.properties.get("LastUse").and_then(Value::as_str);
        if known.is_none_or(|known| last.as_str().is_some_and(|last| last > known)) {
            key.properties.insert("LastUse".into(), last);
        }
    }
    // Which of several copies of a record is told must not be chance.
    let rows = trail
        .ask(
            "SELECT key, account, region, event_id, event_time, operation, principal, error_code, file, file_offset \
             FROM key_use_copies WHERE NOT cryptographic AND operation NOT LIKE 'Describe%' AND operation NOT LIKE 'List%' \
             AND operation NOT LIKE 'Get%' ORDER BY event_time, event_id, key, file, file_offset",
        )
        .await?;
    let mut seen = BTreeSet::new();
    for row in each(&rows) {
        let Some(name) = row.text(0) else {
            continue;
        };
        let id = row.text(3).unwrap_or_default();
        if !seen.insert((id.clone(), name.clone())) {
            continue;
        }
        let operation = row.text(5).unwrap_or_default();
        let region = row.text(2);
        let (time, error) = (row.time(4), row.text(7));
        let principal = row.text(6);
        let key = found.of(&name, row.text(1), region.clone());
        let mut call = object(json!({
            "EventId": id,
            "Time": at(time),
            "Operation": operation,
            "Principal": principal,
            "Error": error,
            "File": row.text(8),
            "Offset": row.number(9),
        }));
        match operation.as_str() {
            "ScheduleKeyDeletion" | "DisableKey" | "DeleteImportedKeyMaterial" => {
                if let (Some(approved), Some(time)) = (beside.approved, time) {
                    let is = approved(&name, &operation, time);
                    call.insert("Approved".into(), is.into());
                }
                key.list("Deletions").push(Value::Object(call.clone()));
                call.remove("Approved");
            }
            "RotateKey" | "RotateKeyOnDemand" => {
                let rotation =
                    object(json!({"Time": at(time), "Operation": operation, "Error": error}));
                key.list("Rotations").push(Value::Object(rotation));
            }
            "ReplicateKey" if error.is_none() => {
                let replica = object(json!({
                    "Time": at(time),
                    "Region": replica_region(trail, &id).await?,
                    "Principal": principal,
                    "EventId": id,
                }));
                key.list("Replicas").push(Value::Object(replica));
            }
            _ => {}
        }
        key.list("Administration").push(Value::Object(call));
    }
    let told = found.0.into_iter().map(|(name, key)| Told {
        account: key.account,
        region: key.region,
        kind: KEY,
        name,
        place: root.to_owned(),
        properties: key.properties,
    });
    Ok(told.collect())
}

/// Where a replica was made: the request says it. There are few.
async fn replica_region(trail: &Trail, event_id: &str) -> Result<Option<String>, Error> {
    let rows = trail
        .ask(&format!(
            "SELECT request_parameters FROM events WHERE event_id = {}",
            quoted(event_id)
        ))
        .await?;
    let sent = each(&rows).next().and_then(|row| row.text(0));
    let sent: Option<Value> = sent.and_then(|sent| serde_json::from_str(&sent).ok());
    Ok(sent.and_then(|sent| sent["replicaRegion"].as_str().map(str::to_owned)))
}

async fn secrets(trail: &Trail, beside: &Beside<'_>, root: &str) -> Result<Vec<Told>, Error> {
    let rows = trail
        .ask(&format!(
            "WITH last AS (SELECT max(event_time) AS at, min(event_time) AS since FROM secret_reads) \
             SELECT account, region, secret, kind, principal, count(*), count(error_code), min(event_time), max(event_time), \
             min(event_time) > max(at) - INTERVAL '{0} days' AND max(since) < max(at) - INTERVAL '{0} days' \
             FROM secret_reads CROSS JOIN last WHERE secret <> '' GROUP BY account, region, secret, kind, principal \
             ORDER BY secret, account, region, principal",
            beside.new_days
        ))
        .await?;
    let mut found: BTreeMap<String, Told> = BTreeMap::new();
    for row in each(&rows) {
        let secret = row.text(2).unwrap_or_default();
        let (account, region) = owner(&secret).unwrap_or((
            row.text(0).unwrap_or_default(),
            row.text(1).unwrap_or_default(),
        ));
        let name = match secret.starts_with("arn:") {
            true => secret.clone(),
            false => format!("{account}/{region}/{secret}"),
        };
        let kind = match row.text(3).as_deref() {
            Some("secret") => "secret",
            _ => "parameter",
        };
        let told = found.entry(name.clone()).or_insert_with(|| Told {
            account,
            region,
            kind: SECRET,
            name,
            place: root.to_owned(),
            properties: object(json!({"Name": secret, "Kind": kind, "Reads": 0, "Readers": []})),
        });
        let reader = object(json!({
            "Principal": row.text(4),
            "Reads": row.count(5),
            "Refused": row.count(6),
            "New": row.flag(9).unwrap_or_default(),
            "First": at(row.time(7)),
            "Last": at(row.time(8)),
        }));
        let reads = told.properties["Reads"].as_u64().unwrap_or_default();
        told.properties
            .insert("Reads".into(), (reads + row.count(5)).into());
        if let Some(Value::Array(readers)) = told.properties.get_mut("Readers") {
            readers.push(Value::Object(reader));
        }
    }
    let changes = trail
        .ask(
            "SELECT request_parameters, response_elements, additional_event_data, account, region, event_time FROM events \
             WHERE event_source = 'secretsmanager.amazonaws.com' AND error_code IS NULL AND event_name IN \
             ('RotateSecret', 'RotationSucceeded', 'PutSecretValue', 'UpdateSecret', 'CreateSecret') ORDER BY event_time",
        )
        .await?;
    for row in each(&changes) {
        let names = (0..3).filter_map(|column| row.text(column));
        let names = names.filter_map(|text| serde_json::from_str::<Value>(&text).ok());
        let place = [3, 4].map(|column| row.text(column).unwrap_or_default());
        for about in names {
            for key in ["secretId", "SecretId", "arn", "aRN", "name", "Name"] {
                let Some(name) = about[key].as_str() else {
                    continue;
                };
                let own = format!("{}/{}/{name}", place[0], place[1]);
                for known in [name, own.as_str()] {
                    if let Some(told) = found.get_mut(known) {
                        told.properties.insert("Changed".into(), at(row.time(5)));
                    }
                }
            }
        }
    }
    Ok(found.into_values().collect())
}

async fn callers(trail: &Trail, root: &str) -> Result<Vec<Told>, Error> {
    let verdict = verdict_of_call();
    let weak = "verdict IN ('plain HTTP', 'below TLS 1.2', 'no forward secrecy')";
    // The weakest is named, and of copies always the same: their files are of one name but for the folder.
    let rank = "CASE verdict WHEN 'plain HTTP' THEN '0' WHEN 'below TLS 1.2' THEN '1' WHEN 'no forward secrecy' THEN '2' ELSE '3' END";
    let rows = trail
        .ask(&format!(
            "WITH calls AS (SELECT *, {verdict} AS verdict FROM event_copies), \
             one AS (SELECT event_id, min(account) AS account, min(region) AS region, min(principal) AS principal, \
               min(event_source) AS service, min(verdict) AS verdict, min(user_agent) AS user_agent, min(source_ip) AS source_ip, \
               min(event_time) AS event_time, min(concat({rank}, '|', event_id, '|', file_offset, '|', file)) AS example \
               FROM calls GROUP BY event_id) \
             SELECT account, region, principal, service, coalesce(bool_or(user_agent LIKE '%exec-env/AWS_Lambda%'), false), count(*), \
               count(*) FILTER (WHERE verdict = 'below TLS 1.2'), count(*) FILTER (WHERE verdict = 'no forward secrecy'), \
               count(*) FILTER (WHERE verdict = 'plain HTTP'), \
               count(*) FILTER (WHERE verdict LIKE 'unknown%' OR verdict LIKE 'asked by%'), \
               array_to_string(array_agg(DISTINCT user_agent) FILTER (WHERE {weak}), chr(10)), \
               array_to_string(array_agg(DISTINCT source_ip) FILTER (WHERE {weak}), chr(10)), \
               min(event_time), max(event_time), min(example), min(user_agent) FROM one \
             GROUP BY account, region, principal, service ORDER BY principal, service, account, region",
        ))
        .await?;
    let mut found: BTreeMap<String, Told> = BTreeMap::new();
    for row in each(&rows) {
        let (Some(principal), Some(service)) = (row.text(2), row.text(3)) else {
            continue;
        };
        let place = [0, 1].map(|column| row.text(column).unwrap_or_default());
        let lines = |column| {
            let text: Option<String> = row.text(column);
            let mut all: Vec<String> = text
                .iter()
                .flat_map(|text| text.lines())
                .map(str::to_owned)
                .collect();
            all.sort();
            all.truncate(20);
            all
        };
        let mut agents = lines(10);
        if agents.is_empty() {
            agents.extend(row.text(15));
        }
        let example = row.text(14).unwrap_or_default();
        let mut parts = example.splitn(4, '|').skip(1);
        let example = object(json!({
            "EventId": parts.next(),
            "Offset": parts.next().and_then(|offset| offset.parse::<i64>().ok()),
            "File": parts.next(),
        }));
        let name = format!("{principal} calls {service} in {}/{}", place[0], place[1]);
        let [account, region] = place;
        found.insert(
            name.clone(),
            Told {
                account,
                region,
                kind: CALLER,
                name,
                place: match (example.get("File"), example.get("Offset")) {
                    (Some(Value::String(file)), Some(offset)) => format!("{file} at byte {offset}"),
                    _ => root.to_owned(),
                },
                properties: object(json!({
                    "Principal": principal,
                    "Service": service,
                    "FromLambda": row.flag(4),
                    "Calls": row.count(5),
                    "BelowTls12": row.count(6),
                    "NoForwardSecrecy": row.count(7),
                    "PlainHttp": row.count(8),
                    "NotTold": row.count(9),
                    "UserAgents": agents,
                    "SourceAddresses": lines(11),
                    "First": at(row.time(12)),
                    "Last": at(row.time(13)),
                    "Example": example,
                })),
            },
        );
    }
    Ok(found.into_values().collect())
}
