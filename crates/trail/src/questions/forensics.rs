//! What somebody did: a timeline, the sessions it was done in, and everything that was decrypted.

use super::{About, all, among, each};
use crate::trail::{Error, Trail};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Whom or what is asked about. Events are about it that meet any of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspect {
    /// Roles, users or sessions, by ARN.
    pub principals: Vec<String>,
    /// Access keys.
    pub access_keys: Vec<String>,
    /// Addresses.
    pub addresses: Vec<String>,
    /// Keys: whatever was done with them, by anybody.
    pub keys: Vec<String>,
}

/// One event of a timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Step {
    /// `eventID`.
    pub event_id: String,
    /// When.
    pub time: Option<Timestamp>,
    /// The service that was asked.
    pub source: String,
    /// What was asked of it.
    pub name: String,
    /// Who asked.
    pub principal: String,
    /// With which credentials.
    pub access_key_id: Option<String>,
    /// From where.
    pub source_ip: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// Of which account the record is.
    pub account: Option<String>,
    /// Where.
    pub region: Option<String>,
    /// Why it was refused.
    pub error_code: Option<String>,
    /// It changed nothing.
    pub read_only: Option<bool>,
    /// ARNs that it was about.
    pub resources: Vec<String>,
    /// The file that the record stands in.
    pub file: String,
    /// Where in it.
    pub offset: i64,
}

/// Credentials that were handed out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Session {
    /// When.
    pub time: Option<Timestamp>,
    /// The access key that was handed out.
    pub access_key_id: String,
    /// The session that it is of, by ARN.
    pub arn: String,
    /// Who asked for it.
    pub by: String,
    /// With which credentials.
    pub by_access_key_id: Option<String>,
    /// From where.
    pub source_ip: Option<String>,
}

/// Something that was decrypted, or a data key that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decrypted {
    /// The key.
    pub key: String,
    /// What was asked.
    pub operation: String,
    /// What it is, as the service says.
    pub encryption_context: Option<String>,
    /// The service that asked.
    pub via: Option<String>,
    /// How often it went well.
    pub times: u64,
    /// How often it was refused.
    pub refused: u64,
    /// First.
    pub first: Option<Timestamp>,
    /// Last.
    pub last: Option<Timestamp>,
}

/// A secret that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadSecret {
    /// The secret or parameter.
    pub secret: String,
    /// How often it went well.
    pub times: u64,
    /// How often it was refused.
    pub refused: u64,
    /// First.
    pub first: Option<Timestamp>,
    /// Last.
    pub last: Option<Timestamp>,
}

/// What somebody did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Forensics {
    /// Sessions that were begun by what is asked about, and by those sessions, and so on.
    pub sessions: Vec<Session>,
    /// The sessions that lead to what is asked about.
    pub origins: Vec<Session>,
    /// What was decrypted.
    pub decrypted: Vec<Decrypted>,
    /// Secrets that were read.
    pub secrets: Vec<ReadSecret>,
    /// All of it in the order of time.
    pub timeline: Vec<Step>,
}

/// Asks what somebody did.
///
/// # Errors
/// What is wrong with what is read.
pub async fn forensics(
    trail: &Trail,
    about: &About,
    suspect: &Suspect,
) -> Result<Forensics, Error> {
    let all_sessions = sessions(trail, about).await?;
    let (access_keys, begun) = reached(&all_sessions, suspect);
    let origins = origins(&all_sessions, suspect);
    let suspect = Suspect {
        access_keys,
        ..suspect.clone()
    };
    Ok(Forensics {
        timeline: timeline(trail, about, &suspect).await?,
        decrypted: decrypted(trail, about, &suspect).await?,
        secrets: secrets(trail, about, &suspect).await?,
        sessions: begun,
        origins,
    })
}

/// Credentials that AWS STS handed out, as its answers tell.
async fn sessions(trail: &Trail, about: &About) -> Result<Vec<Session>, Error> {
    let of_time = About {
        since: about.since,
        until: about.until,
        ..About::default()
    };
    let mut conditions = of_time.conditions();
    conditions.push("event_source = 'sts.amazonaws.com'".into());
    conditions.push("error_code IS NULL".into());
    let rows = trail
        .ask(&format!(
            "SELECT event_time, response_elements, principal, access_key_id, source_ip FROM events {}",
            all(&conditions)
        ))
        .await?;
    let mut found = BTreeSet::new();
    for row in each(&rows) {
        let Some(answer) = row.text(1) else {
            continue;
        };
        let Ok(answer) = serde_json::from_str::<serde_json::Value>(&answer) else {
            continue;
        };
        let Some(access_key_id) = answer["credentials"]["accessKeyId"].as_str() else {
            continue;
        };
        let arn = answer["assumedRoleUser"]["arn"]
            .as_str()
            .or(answer["federatedUser"]["arn"].as_str());
        found.insert(Session {
            time: row.time(0),
            access_key_id: access_key_id.to_owned(),
            arn: arn.unwrap_or_default().to_owned(),
            by: row.text(2).unwrap_or_default(),
            by_access_key_id: row.text(3),
            source_ip: row.text(4),
        });
    }
    Ok(found.into_iter().collect())
}

/// The access keys of what is asked about and of every session that it led to.
fn reached(all: &[Session], suspect: &Suspect) -> (Vec<String>, Vec<Session>) {
    let mut keys: BTreeSet<String> = suspect.access_keys.iter().cloned().collect();
    let mut begun: BTreeSet<&Session> = BTreeSet::new();
    loop {
        let before = begun.len();
        for session in all {
            let by_key = session
                .by_access_key_id
                .as_ref()
                .is_some_and(|key| keys.contains(key));
            let by_name = suspect.principals.contains(&session.by);
            let from = session.source_ip.as_ref();
            let by_address = from.is_some_and(|ip| suspect.addresses.contains(ip));
            if by_key || by_name || by_address {
                keys.insert(session.access_key_id.clone());
                begun.insert(session);
            }
        }
        if begun.len() == before {
            return (
                keys.into_iter().collect(),
                begun.into_iter().cloned().collect(),
            );
        }
    }
}

/// The sessions that the access keys and sessions asked about come from, the nearest first.
fn origins(all: &[Session], suspect: &Suspect) -> Vec<Session> {
    let mut found: Vec<Session> = Vec::new();
    let mut wanted: Vec<String> = suspect.access_keys.clone();
    let named = all
        .iter()
        .filter(|session| suspect.principals.contains(&session.arn));
    wanted.extend(named.map(|session| session.access_key_id.clone()));
    while let Some(key) = wanted.pop() {
        for session in all.iter().filter(|session| session.access_key_id == key) {
            if !found.contains(session) {
                wanted.extend(session.by_access_key_id.clone());
                found.push(session.clone());
            }
        }
    }
    found
}

/// The condition that an event is about what is asked about.
fn condition(suspect: &Suspect, keys: Option<&str>) -> String {
    let either = [
        among("access_key_id", &suspect.access_keys),
        among("principal", &suspect.principals),
        among("principal_arn", &suspect.principals),
        among("source_ip", &suspect.addresses),
        keys.and_then(|column| among(column, &suspect.keys)),
    ];
    let either: Vec<String> = either.into_iter().flatten().collect();
    match either.is_empty() {
        true => "false".to_owned(),
        false => format!("({})", either.join(" OR ")),
    }
}

async fn timeline(trail: &Trail, about: &About, suspect: &Suspect) -> Result<Vec<Step>, Error> {
    let mut conditions = about.conditions();
    let mut either = condition(suspect, None);
    if !suspect.keys.is_empty() {
        // A key stands in the resources of an event; which events that are, the other table knows.
        let of_keys = format!(
            "event_id IN (SELECT event_id FROM key_uses {})",
            all(&[among("key", &suspect.keys).unwrap_or_default()])
        );
        either = format!("({either} OR {of_keys})");
    }
    conditions.push(either);
    let rows = trail
        .ask(&format!(
            "SELECT event_id, event_time, event_source, event_name, principal, access_key_id, source_ip, user_agent, \
             account, region, error_code, read_only, array_to_string(resources, ' '), file, file_offset FROM event_copies {}",
            all(&conditions)
        ))
        .await?;
    let mut steps: BTreeMap<(Option<Timestamp>, String), Step> = BTreeMap::new();
    for row in each(&rows) {
        let resources = row.text(12).unwrap_or_default();
        let step = Step {
            event_id: row.text(0).unwrap_or_default(),
            time: row.time(1),
            source: row.text(2).unwrap_or_default(),
            name: row.text(3).unwrap_or_default(),
            principal: row.text(4).unwrap_or_default(),
            access_key_id: row.text(5),
            source_ip: row.text(6),
            user_agent: row.text(7),
            account: row.text(8),
            region: row.text(9),
            error_code: row.text(10),
            read_only: row.flag(11),
            resources: resources.split_whitespace().map(str::to_owned).collect(),
            file: row.text(13).unwrap_or_default(),
            offset: row.number(14).unwrap_or_default(),
        };
        // Of copies the one whose file comes first.
        let known = steps.entry((step.time, step.event_id.clone()));
        let known = known.or_insert_with(|| step.clone());
        if (&step.file, step.offset) < (&known.file, known.offset) {
            *known = step;
        }
    }
    Ok(steps.into_values().collect())
}

async fn decrypted(
    trail: &Trail,
    about: &About,
    suspect: &Suspect,
) -> Result<Vec<Decrypted>, Error> {
    let mut conditions = about.conditions();
    conditions.push("cryptographic".into());
    conditions.push(condition(suspect, Some("key")));
    let rows = trail
        .ask(&format!(
            "SELECT key, operation, encryption_context, via, count(*) - count(error_code), count(error_code), \
             min(event_time), max(event_time) FROM key_uses {} \
             GROUP BY key, operation, encryption_context, via ORDER BY 1, 2, 3, 4",
            all(&conditions)
        ))
        .await?;
    let mut found = Vec::new();
    for row in each(&rows) {
        found.push(Decrypted {
            key: row.text(0).unwrap_or_default(),
            operation: row.text(1).unwrap_or_default(),
            encryption_context: row.text(2),
            via: row.text(3),
            times: row.count(4),
            refused: row.count(5),
            first: row.time(6),
            last: row.time(7),
        });
    }
    Ok(found)
}

async fn secrets(
    trail: &Trail,
    about: &About,
    suspect: &Suspect,
) -> Result<Vec<ReadSecret>, Error> {
    let mut conditions = about.conditions();
    conditions.push(condition(suspect, None));
    let rows = trail
        .ask(&format!(
            "SELECT secret, count(*) - count(error_code), count(error_code), min(event_time), max(event_time) \
             FROM secret_reads {} GROUP BY secret ORDER BY secret",
            all(&conditions)
        ))
        .await?;
    let mut found = Vec::new();
    for row in each(&rows) {
        found.push(ReadSecret {
            secret: row.text(0).unwrap_or_default(),
            times: row.count(1),
            refused: row.count(2),
            first: row.time(3),
            last: row.time(4),
        });
    }
    Ok(found)
}
