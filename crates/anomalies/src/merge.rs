//! What is unusual of one principal at one time becomes one alert.

use crate::candidate::Candidate;
use crate::feedback::Feedback;
use crate::hours::HOUR;
use crate::names::Names;
use crate::novelty::NONE;
use crate::report::{Alert, EVENT_IDS, identifier};
use crate::what::{Severity, What};
use jiff::Timestamp;
use jiff::tz::Offset;
use std::collections::{BTreeMap, BTreeSet};

/// The alerts, in the order of time, and how many things were quieted.
pub(crate) fn alerts(
    candidates: Vec<Candidate>,
    names: &Names,
    feedback: &Feedback,
) -> (Vec<Alert>, usize) {
    let mut kept: BTreeMap<&str, Vec<Candidate>> = BTreeMap::new();
    let mut quieted = 0;
    for candidate in candidates {
        if candidate.events < candidate.least {
            continue;
        }
        let day = Offset::UTC.to_datetime(time(candidate.from)).date();
        let subject = names.name(subject(&candidate.subjects));
        let principal = names.name(candidate.principal);
        if feedback.covers(candidate.what, subject, principal, day) {
            quieted += 1;
            continue;
        }
        let family = names.name(candidate.family);
        kept.entry(family).or_default().push(candidate);
    }
    let mut alerts = Vec::new();
    for (family, mut theirs) in kept {
        theirs.sort_by(|one, other| order(one, names).cmp(&order(other, names)));
        // What takes days is at the same time as everything.
        let (slow, quick): (Vec<_>, Vec<_>) =
            theirs.into_iter().partition(|it| it.what == What::SlowRise);
        alerts.extend(slow.into_iter().map(|it| merged(family, vec![it], names)));
        let mut together: Vec<Candidate> = Vec::new();
        let mut until = i64::MIN;
        for candidate in quick {
            if !together.is_empty() && candidate.from > until.saturating_add(HOUR) {
                alerts.push(merged(family, std::mem::take(&mut together), names));
                until = i64::MIN;
            }
            until = until.max(candidate.until);
            together.push(candidate);
        }
        if !together.is_empty() {
            alerts.push(merged(family, together, names));
        }
    }
    alerts.sort_by(|one, other| (one.from, &one.id).cmp(&(other.from, &other.id)));
    (alerts, quieted)
}

/// By time, and of one time always the same: numbers are given in the order that names come in, and so are not looked at.
fn order<'a>(candidate: &'a Candidate, names: &'a Names) -> (i64, What, &'a str, &'a str) {
    let subject = names.name(subject(&candidate.subjects));
    (candidate.from, candidate.what, subject, &candidate.new)
}

/// The only one, or none.
fn subject(subjects: &BTreeSet<u32>) -> u32 {
    match (subjects.first(), subjects.len()) {
        (Some(only), 1) => *only,
        _ => NONE,
    }
}

fn merged(family: &str, together: Vec<Candidate>, names: &Names) -> Alert {
    // The most severe first; of one severity what there is most of, and then by their order.
    let mut of_what: BTreeMap<What, Vec<Candidate>> = BTreeMap::new();
    for candidate in together {
        of_what.entry(candidate.what).or_default().push(candidate);
    }
    let mut groups: Vec<(What, Vec<Candidate>)> = of_what.into_iter().collect();
    groups.sort_by_key(|(what, _)| (std::cmp::Reverse(what.severity()), *what));
    let all = || groups.iter().flat_map(|(_, those)| those);
    let what = groups.first().map_or(What::Burst, |(what, _)| *what);
    let also: Vec<What> = groups.iter().skip(1).map(|(what, _)| *what).collect();
    let severity = match (also.len() >= 2, what.severity()) {
        (true, Severity::Low) => Severity::Medium,
        (true, Severity::Medium) => Severity::High,
        (true, _) => Severity::Critical,
        (false, severity) => severity,
    };
    let mut why = String::new();
    let mut events = 0;
    for (at, (what, those)) in groups.iter().enumerate() {
        if at > 0 {
            why.push_str(&format!(". {}: ", what.title()));
        }
        let first = those.iter().max_by_key(|it| it.events);
        if let Some(first) = first {
            why.push_str(&sentence(first));
        }
        if those.len() > 1 {
            why.push_str(&format!(", and {} more like it", those.len() - 1));
        }
        events = events.max(those.iter().map(|it| it.events).sum());
    }
    let subjects: BTreeSet<u32> = groups
        .first()
        .into_iter()
        .flat_map(|(_, those)| those)
        .flat_map(|it| it.subjects.iter().copied())
        .collect();
    let subject = names.name(subject(&subjects)).to_owned();
    let main = groups.first().and_then(|(_, those)| those.first());
    let principal = main.map_or("", |it| names.name(it.principal)).to_owned();
    let event_ids = some_of_each(&all().collect::<Vec<_>>());
    let observed = |it: &Candidate| it.observed.unwrap_or(it.events as f64);
    Alert {
        id: identifier(&[
            what.name(),
            &subject,
            family,
            main.map_or("", |it| it.new.as_str()),
        ]),
        what,
        also,
        severity,
        subject,
        principal,
        from: time(all().map(|it| it.from).min().unwrap_or_default()),
        until: time(all().map(|it| it.until).max().unwrap_or_default()),
        observed: main.map_or(0.0, observed),
        expected: main.map_or(0.0, |it| it.expected),
        score: main.map_or(0.0, |it| it.score),
        why,
        // What is unusual in several ways may be so in different events: there are as many as are named, at least.
        events: events.max(event_ids.len() as u64),
        event_ids,
    }
}

fn sentence(candidate: &Candidate) -> String {
    match (candidate.observed, candidate.events) {
        (Some(_), _) => candidate.why.clone(),
        (None, 1) => format!("1 use {}", candidate.why),
        (None, events) => format!("{events} uses {}", candidate.why),
    }
}

/// Some events of each, and none twice.
fn some_of_each(all: &[&Candidate]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for at in 0..EVENT_IDS {
        for candidate in all {
            let Some(id) = candidate.ids.get(at) else {
                continue;
            };
            if ids.len() < EVENT_IDS && !ids.iter().any(|it| **it == **id) {
                ids.push(id.to_string());
            }
        }
    }
    ids
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}
