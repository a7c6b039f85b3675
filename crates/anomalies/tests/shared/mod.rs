//! Logs are generated and read, and what a detector finds in them is counted.
#![allow(dead_code, clippy::unwrap_used)]

use jiff::Timestamp;
use lockfast_anomalies::{Alert, Detector, Feedback, Report, SubjectKind, Tuning, Use};
use lockfast_cloudtrail::{Event, Needle, Seen, files, kms, read};
use lockfast_trail_generator::{Label, Plan, Scenario, write};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// One use, as it was read.
#[derive(Clone, Debug, Default)]
pub struct Read {
    pub event_id: String,
    pub time: Timestamp,
    pub subject: String,
    pub kind: SubjectKind,
    pub operation: String,
    pub cryptographic: bool,
    pub principal: String,
    pub account: String,
    pub region: String,
    pub via: Option<String>,
    pub context: Option<String>,
    pub failed: Option<String>,
    pub address: Option<String>,
    pub agent: Option<String>,
}

impl Read {
    pub fn as_use(&self) -> Use<'_> {
        Use {
            event_id: &self.event_id,
            time: self.time,
            subject: self.subject.as_str().into(),
            kind: self.kind,
            operation: &self.operation,
            cryptographic: self.cryptographic,
            principal: &self.principal,
            account: &self.account,
            region: &self.region,
            via: self.via.as_deref(),
            encryption_context: self.context.as_deref(),
            failed: self.failed.as_deref(),
            source_ip: self.address.as_deref(),
            user_agent: self.agent.as_deref(),
        }
    }
}

/// The uses of keys and secrets in an event, and the calls about them.
pub fn uses_of(event: &Event) -> Vec<Read> {
    let text = |it: &Option<std::borrow::Cow<str>>| it.as_deref().map(str::to_owned);
    let parameters: Value = event
        .request_parameters
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    let identity = event.identity.as_ref();
    let (Some(id), Some(time), Some(name)) = (&event.id, event.time, &event.name) else {
        return Vec::new();
    };
    let base = Read {
        event_id: id.as_ref().into(),
        time,
        operation: name.as_ref().into(),
        principal: event.principal().unwrap_or_default().into_owned(),
        account: text(&event.recipient_account_id).unwrap_or_default(),
        region: text(&event.region).unwrap_or_default(),
        via: identity.and_then(|it| text(&it.invoked_by)),
        failed: text(&event.error_code),
        address: text(&event.source_ip_address),
        agent: text(&event.user_agent),
        ..Read::default()
    };
    let place = |service: &str| format!("arn:aws:{service}:{}:{}:", base.region, base.account);
    let secret = |subject: String, cryptographic| Read {
        subject,
        kind: SubjectKind::Secret,
        cryptographic,
        ..base.clone()
    };
    let strings = |key: &str| -> Vec<String> {
        match &parameters[key] {
            Value::String(one) => vec![one.clone()],
            Value::Array(many) => many
                .iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
            _ => Vec::new(),
        }
    };
    match event.source.as_deref().unwrap_or_default() {
        "kms.amazonaws.com" if kms::is_cryptographic(name) => {
            let used = kms::uses(event);
            if used.is_empty() {
                return vec![Read {
                    cryptographic: true,
                    ..base
                }];
            }
            let uses = used.into_iter().map(|used| Read {
                subject: key_arn(&used.key.to_string(), &place("kms")),
                operation: used.operation,
                cryptographic: true,
                via: used.via,
                context: Some(serde_json::to_string(&used.encryption_context).unwrap()),
                ..base.clone()
            });
            uses.collect()
        }
        "kms.amazonaws.com" => {
            let mut resources = event.resources.iter().flatten();
            let resource =
                resources.find_map(|it| text(&it.arn).filter(|arn| arn.contains(":key/")));
            let key = resource
                .or_else(|| strings("keyId").pop())
                .or_else(|| refused_key(event))
                .unwrap_or_default();
            let subject = key_arn(&key, &place("kms"));
            vec![Read { subject, ..base }]
        }
        "secretsmanager.amazonaws.com" => {
            let reads = matches!(name.as_ref(), "GetSecretValue" | "BatchGetSecretValue");
            let names = [strings("secretId"), strings("secretIdList")].concat();
            if names.is_empty() {
                return vec![secret(String::new(), false)];
            }
            let name = |it: &String| match it.split_once(":secret:") {
                Some((_, name)) => name
                    .rsplit_once('-')
                    .map_or(name, |(name, _)| name)
                    .to_owned(),
                None => it.clone(),
            };
            let place = place("secretsmanager");
            let uses = names
                .iter()
                .map(|it| secret(format!("{place}secret:{}", name(it)), reads));
            uses.collect()
        }
        "ssm.amazonaws.com" if parameters["withDecryption"] == true => {
            let names = [strings("name"), strings("names"), strings("path")].concat();
            let place = place("ssm");
            let uses = names
                .iter()
                .map(|it| secret(format!("{place}parameter{it}"), true));
            uses.collect()
        }
        _ => Vec::new(),
    }
}

/// A refusal names the key in its message only.
fn refused_key(event: &Event) -> Option<String> {
    let (_, rest) = event
        .error_message
        .as_deref()?
        .split_once("on resource: ")?;
    Some(rest.split([' ', ',']).next()?.to_owned())
}

fn key_arn(key: &str, place: &str) -> String {
    match key {
        "" => String::new(),
        key if key.starts_with("arn:") => key.into(),
        key if key.starts_with("alias/") => format!("{place}{key}"),
        key => format!("{place}key/{key}"),
    }
}

/// What was generated with a seed.
pub struct Logs {
    pub uses: Vec<Read>,
    pub labels: Vec<Label>,
}

pub fn logs(seed: u64, events: u64, scenarios: &[Scenario]) -> Logs {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        seed,
        events,
        files: 1_000,
        scenarios: scenarios.to_vec(),
        ..Plan::default()
    };
    let written = write(&plan, folder.path(), |_| {}).unwrap();
    let found = files::find(&[folder.path().join("AWSLogs")]).unwrap();
    let services = ["kms", "secretsmanager", "ssm"];
    let needles = services.map(|it| Needle::new(format!("{it}.amazonaws.com")));
    let (seen, all) = (Seen::default(), Mutex::new(Vec::new()));
    let report = read(&found.files, &needles, |_, event| {
        let uses = uses_of(event);
        // An organisation's trail and an account's own deliver the same record.
        if !uses.is_empty() && event.id.as_deref().is_none_or(|id| seen.is_new(id)) {
            all.lock().unwrap().extend(uses);
        }
    });
    assert_eq!(report.problems, []);
    let mut uses = all.into_inner().unwrap();
    uses.sort_by(|one, other| (one.time, &one.event_id).cmp(&(other.time, &other.event_id)));
    Logs {
        uses,
        labels: written.labels,
    }
}

pub fn detect(uses: &[Read], tuning: Tuning, feedback: Feedback) -> Report {
    let mut detector = Detector::new(tuning, feedback);
    uses.iter().for_each(|it| detector.add(&it.as_use()));
    detector.finish()
}

/// True when an alert is of a label: they have an event in common, or the principal, the time and the name.
pub fn belongs(alert: &Alert, label: &Label) -> bool {
    let shared = alert
        .event_ids
        .iter()
        .any(|id| label.event_ids.contains(id));
    let named = is_named(alert, label);
    let overlaps = alert.from <= label.until && label.from <= alert.until;
    shared || (alert.principal == label.principal && overlaps && named)
}

/// True when an alert calls it what the label does.
pub fn is_named(alert: &Alert, label: &Label) -> bool {
    let mut whats = std::iter::once(&alert.what).chain(&alert.also);
    whats.any(|what| {
        let names: &[&str] = match what.name() {
            "after-silence" => &["first-after-silence"],
            "slow-rise" => &["slow-exfiltration"],
            // Labels call it by what it consists of.
            "bulk-secrets" => &["burst", "enumeration"],
            name => &[name],
        };
        names.iter().any(|name| label.kinds.contains(name))
    })
}

/// Kinds of scenarios that change what is configured: which detections find, and no statistics.
const CONFIGURATION: [&str; 11] = [
    "key-deletion",
    "key-disabled",
    "key-policy",
    "outside-account",
    "grant",
    "material-deleted",
    "rotation-disabled",
    "replica",
    "trail-stopped",
    "ransomware",
    "login-without-mfa",
];

/// What was found with one seed.
#[derive(Debug, Default)]
pub struct Score {
    /// By scenario: what it was detected as; empty when it was missed.
    pub found: BTreeMap<&'static str, Vec<&'static str>>,
    /// Scenarios that were found and called what the label calls them.
    pub named: Vec<&'static str>,
    /// Scenarios that ought to be found.
    pub wanted: Vec<&'static str>,
    pub alerts: usize,
    pub wrong: Vec<Alert>,
}

impl Score {
    pub fn of(report: &Report, labels: &[Label]) -> Score {
        let mut score = Score {
            alerts: report.alerts.len(),
            ..Score::default()
        };
        for label in labels {
            let benign = label.kinds == ["benign"];
            if !benign && label.kinds.iter().any(|kind| !CONFIGURATION.contains(kind)) {
                score.wanted.push(label.scenario);
            }
            let of = report.alerts.iter().filter(|it| belongs(it, label));
            if of.clone().any(|it| is_named(it, label)) {
                score.named.push(label.scenario);
            }
            let mut names: Vec<_> = of
                .flat_map(|it| std::iter::once(it.what).chain(it.also.iter().copied()))
                .map(|what| what.name())
                .collect();
            names.sort_unstable();
            names.dedup();
            score.found.insert(label.scenario, names);
        }
        let bad: Vec<_> = labels.iter().filter(|it| it.kinds != ["benign"]).collect();
        let wrong = report
            .alerts
            .iter()
            .filter(|alert| !bad.iter().any(|it| belongs(alert, it)));
        score.wrong = wrong.cloned().collect();
        score
    }

    pub fn precision(&self) -> f64 {
        match self.alerts {
            0 => 1.0,
            all => (all - self.wrong.len()) as f64 / all as f64,
        }
    }

    pub fn missed(&self) -> Vec<&'static str> {
        let missed = self.wanted.iter().filter(|it| self.found[*it].is_empty());
        missed.copied().collect()
    }

    /// The recall when only what is called by the right name counts.
    pub fn named_recall(&self) -> f64 {
        let named = self.wanted.iter().filter(|it| self.named.contains(it));
        named.count() as f64 / self.wanted.len() as f64
    }

    pub fn recall(&self) -> f64 {
        1.0 - self.missed().len() as f64 / self.wanted.len() as f64
    }
}
