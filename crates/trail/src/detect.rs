//! What Sigma rules find in log files.

use crate::input::Input;
use crate::reading::read;
use crate::trail::Options;
use jiff::Timestamp;
use lockfast_cloudtrail::{Event, Needle, Record, Report, kms};
use lockfast_detections::{Correlator, Origin, Rule, Rules};
use serde::Serialize;
use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Something that a rule found.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Detection {
    /// When.
    pub time: Option<Timestamp>,
    /// How bad it is: `informational` to `critical`.
    pub level: String,
    /// The rule's title.
    pub title: String,
    /// The rule.
    pub rule: String,
    /// What controls call it, where they look for it by name.
    #[serde(skip)]
    pub pack: Option<&'static str>,
    /// What was done: the service and the operation, of a single event; of several, until when.
    pub event: String,
    /// Who did it; of several events what they have in common.
    pub principal: String,
    /// Of which account the record is.
    pub account: Option<String>,
    /// Where.
    pub region: Option<String>,
    /// The KMS keys that it is about.
    pub keys: Vec<String>,
    /// Other resources that it is about.
    pub resources: Vec<String>,
    /// From where.
    pub source_ip: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// Why it was refused, where it was.
    pub error_code: Option<String>,
    /// MITRE ATT&CK's techniques.
    pub techniques: Vec<String>,
    /// The events.
    pub event_ids: Vec<String>,
    /// How many there are.
    pub events: usize,
    /// The file of the record, of a single event.
    pub file: Option<PathBuf>,
    /// Where in it.
    pub offset: Option<usize>,
    /// Whether the ledger has it, of what is done to keys under approval alone; absent where no ledger was asked.
    pub approved: Option<bool>,
}

impl Detection {
    /// What it is, in kebab case: the title's words; of trails that record no more, or less, a name for all of them.
    pub fn what(&self) -> String {
        match self.pack.map(|name| name.trim_end_matches(".yml")) {
            Some("trail_stopped" | "trail_deleted") => "trail-stopped".to_owned(),
            Some("trail_excludes_kms" | "trail_narrowed") => "selectors-narrowed".to_owned(),
            _ => {
                let words = self.title.split(|c: char| !c.is_ascii_alphanumeric());
                let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
                words.join("-").to_lowercase()
            }
        }
    }
}

/// Holds all records against the rules; each event counts once. What is found is in the order of time.
pub fn detect(input: &Input, options: &Options, rules: &Rules) -> (Vec<Detection>, Report) {
    let matcher = rules.matcher();
    let needles = rules.needles();
    // No rule can match anything; no needles at all would mean every record.
    if needles.as_ref().is_some_and(Vec::is_empty) {
        return (Vec::new(), Report::default());
    }
    let needles: Vec<Needle> = needles.into_iter().flatten().map(Needle::new).collect();
    let (states, report) = read(
        input,
        options,
        &needles,
        || (Vec::new(), Correlator::new(rules)),
        |(found, correlator), record| {
            // What is no JSON was told already.
            let Ok(value) = serde_json::from_str(record.text) else {
                return ControlFlow::Continue(());
            };
            for rule in matcher.matches(&value) {
                correlator.add(rule, &value);
                if rule.alone {
                    found.push(of_record(rule, record));
                }
            }
            ControlFlow::Continue(())
        },
    );
    let mut found: Vec<Detection> = Vec::new();
    let mut together = Correlator::new(rules);
    for (of_thread, correlator) in states {
        found.extend(of_thread);
        together.merge(correlator);
    }
    for hit in together.hits() {
        let group: Vec<&str> = hit.group.iter().map(|(_, value)| value.as_str()).collect();
        found.push(Detection {
            time: Some(hit.first),
            event: format!("{} events until {}", hit.events, hit.last),
            principal: group.join(", "),
            event_ids: hit.event_ids.iter().map(|id| id.to_string()).collect(),
            events: hit.events,
            ..of_rule(hit.rule)
        });
    }
    found.sort();
    (found, report)
}

fn of_rule(rule: &Rule) -> Detection {
    Detection {
        level: rule.level.to_string(),
        title: rule.title.clone(),
        rule: rule.id.clone(),
        pack: match rule.origin {
            Origin::BuiltIn(name) => Some(name),
            Origin::File(_) => None,
        },
        techniques: rule.techniques.iter().map(|t| t.id.to_owned()).collect(),
        ..Detection::default()
    }
}

fn of_record(rule: &Rule, record: &Record<'_>) -> Detection {
    let event: &Event<'_> = record.event;
    let text = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let uses = kms::about(event);
    let mut keys: Vec<String> = uses.iter().map(|used| used.key.to_string()).collect();
    keys.dedup();
    let resources = event.resources.iter().flatten();
    let resources = resources.filter_map(|resource| text(&resource.arn));
    let source = event.source.as_deref().unwrap_or_default();
    Detection {
        time: event.time,
        event: format!(
            "{}:{}",
            source.trim_end_matches(".amazonaws.com"),
            event.name.as_deref().unwrap_or_default()
        ),
        principal: event.principal().map_or_else(String::new, Cow::into_owned),
        account: text(&event.recipient_account_id),
        region: text(&event.region),
        resources: resources.filter(|arn| !keys.contains(arn)).collect(),
        keys,
        source_ip: text(&event.source_ip_address),
        user_agent: text(&event.user_agent),
        error_code: text(&event.error_code),
        event_ids: text(&event.id).into_iter().collect(),
        events: 1,
        file: Some(record.file.path.clone()),
        offset: Some(record.offset),
        ..of_rule(rule)
    }
}
