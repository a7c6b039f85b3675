//! What was unusual in the logs, or matched a detection, and whether somebody looked at it.

use super::{named, told};
use crate::config::Incident;
use crate::cx::Cx;
use crate::judgement::{Judgement, Out};
use lockfast_facts::trail::ALERT;
use lockfast_facts::{Known, Read, Subject, Why};
use std::sync::Arc;

/// How bad an alert says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "informational" => Some(Level::Informational),
            "low" => Some(Level::Low),
            "medium" => Some(Level::Medium),
            "high" => Some(Level::High),
            "critical" => Some(Level::Critical),
            _ => None,
        }
    }
}

/// An alert.
#[derive(Clone, Copy)]
pub(crate) struct Alert<'a> {
    pub(crate) subject: Subject<'a>,
}

/// What an alert is about, as far as clauses care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matter {
    Key,
    Secret,
    Other,
}

/// Alerts about keys.
pub(crate) fn about_keys(alert: Alert<'_>) -> Known<bool> {
    alert.matter().map(|matter| matter == Matter::Key)
}

/// Alerts about secrets and parameters.
pub(crate) fn about_secrets(alert: Alert<'_>) -> Known<bool> {
    alert.matter().map(|matter| matter == Matter::Secret)
}

/// Alerts about any of these.
pub(crate) fn about_either(alert: Alert<'_>) -> Known<bool> {
    alert.matter().map(|matter| matter != Matter::Other)
}

impl<'a> Alert<'a> {
    pub(crate) fn all(cx: &Cx<'a>) -> impl Iterator<Item = Alert<'a>> {
        let subjects = cx.subjects(&[ALERT]).into_iter();
        subjects.map(|subject| Alert { subject })
    }

    /// What it is, in kebab case.
    pub(crate) fn what(self) -> Known<String> {
        told(self.subject.at("What").string(), "what it is")
    }

    /// What it is about: the key that it names, or what its subject is. A key that could not be learned is one all the same.
    pub(crate) fn matter(self) -> Known<Matter> {
        let loc = self.subject.resource.loc;
        if !self.subject.at("Key").is_absent() {
            return Known::Stated(Matter::Key, loc);
        }
        let subject = match self.subject.at("Subject").string() {
            Read::Unknown(why, loc) => return Known::Unknown(why, loc),
            read => read.found().unwrap_or_default(),
        };
        match subject.split(':').nth(2) {
            Some("kms") => return Known::Stated(Matter::Key, loc),
            Some("secretsmanager" | "ssm") => return Known::Stated(Matter::Secret, loc),
            _ => {}
        }
        told(self.subject.at("What").string(), "what it is about").map(|what| {
            let says = |word: &str| what.split('-').any(|own| own.trim_end_matches('s') == word);
            match (says("key"), says("secret") || says("parameter")) {
                (true, _) => Matter::Key,
                (false, true) => Matter::Secret,
                (false, false) => Matter::Other,
            }
        })
    }

    pub(crate) fn level(self) -> Known<Level> {
        let severity = self.subject.at("Severity").string();
        let level = severity.then(|name, loc| match Level::parse(&name) {
            Some(level) => Read::Found(level, loc),
            None => Read::Unknown(
                Arc::new(Why::Unsupported(format!("`{name}` is no severity"))),
                loc,
            ),
        });
        told(level, "its severity")
    }

    /// Whether nobody said that it is no matter.
    pub(crate) fn is_open(self) -> Known<bool> {
        match self.subject.at("Quieted").bool() {
            Read::Absent(loc) => Known::Stated(true, loc),
            read => told(read, "whether somebody looked at it").map(|quieted| !quieted),
        }
    }

    /// Its title, or what else says what it is.
    pub(crate) fn title(self) -> String {
        let title = self.subject.at("Title").string().found();
        title
            .or_else(|| self.what().value().cloned())
            .unwrap_or_else(|| self.subject.resource.name.to_string())
    }

    /// What is unusual, as it says.
    pub(crate) fn why(self) -> String {
        let why = self.subject.at("Why").string().found();
        why.unwrap_or_else(|| "it does not say why".into())
    }

    /// What it names: the key, and what it was done to.
    fn names(self) -> impl Iterator<Item = String> {
        let of = |property: &str| self.subject.at(property).string().found();
        [of("Key"), of("Subject")].into_iter().flatten()
    }

    /// The incident of `lockfast.toml` that names the key or the resource that it is about.
    pub(crate) fn incident(self, cx: &Cx<'a>) -> Option<&'a Incident> {
        let names: Vec<String> = self.names().collect();
        cx.config.incident.iter().find(|incident| {
            incident
                .keys
                .iter()
                .chain(&incident.resources)
                .any(|arn| names.contains(arn))
        })
    }

    /// Adds what an alert says of itself.
    pub(crate) fn with_facts(self, judgement: Judgement) -> Judgement {
        const SHOWN: [&str; 7] = [
            "Severity",
            "Principal",
            "Subject",
            "Key",
            "From",
            "Until",
            "Reason",
        ];
        let mut judgement = judgement;
        for property in SHOWN {
            if let Read::Found(value, loc) = self.subject.at(property).string() {
                judgement = judgement.stated(property, value, loc);
            }
        }
        if let Read::Found(ids, loc) = self.subject.at("EventIds").list() {
            let shown = named(ids.iter().filter_map(|id| id.at("").string().found()));
            judgement = judgement.stated("EventIds", shown, loc);
        }
        judgement
    }
}

/// Judges the alerts of some kind and of a severity or above. One that stands open is judged by `of_open`, one that somebody
/// looked at passes with the reason, and one of which that or its severity is not known cannot be told: `what`.
pub(crate) fn open<'a>(
    cx: &Cx<'a>,
    out: &mut Out,
    (is, least): (impl Fn(Alert<'a>) -> Known<bool>, Level),
    what: &str,
    of_open: impl Fn(Alert<'a>) -> Judgement,
) {
    for alert in Alert::all(cx) {
        let is = is(alert);
        if is.value() == Some(&false) {
            continue;
        }
        let judgement = match (is, alert.level(), alert.is_open()) {
            (Known::Unknown(why, _), ..)
            | (_, Known::Unknown(why, _), _)
            | (.., Known::Unknown(why, _)) => Judgement::cannot_tell(alert.subject, what, &why),
            (_, level, open) => match (level.value(), open.value()) {
                (Some(level), _) if *level < least => continue,
                (_, Some(false)) => {
                    let reason = alert.subject.at("Reason").string().found();
                    let reason = reason.unwrap_or_else(|| "no reason is given".into());
                    Judgement::pass(
                        alert.subject,
                        format!("somebody looked at \"{}\": {reason}", alert.title()),
                    )
                }
                _ => of_open(alert),
            },
        };
        out.push(alert.with_facts(judgement));
    }
}
