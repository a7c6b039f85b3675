//! What watches events: EventBridge rules and metric filters with their alarms.

use crate::cx::Cx;
use crate::patterns::{event_matches, json_of, metric_matches};
use lockfast_facts::{Kind, Read, Resource, Subject};
use serde_json::Value as Json;

/// Whether a monitor sees an event and tells somebody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Watch {
    /// It does not match.
    No,
    /// It may match: its pattern is not known before deployment.
    Unknown,
    /// It matches, but nobody is told.
    Silent,
    /// It matches and tells somebody.
    Yes,
}

/// How an EventBridge rule watches an event.
pub(crate) fn rule(subject: Subject<'_>, event: &Json) -> Watch {
    let pattern = match subject.at("EventPattern") {
        Read::Absent(_) => return Watch::No,
        Read::Unknown(..) => return Watch::Unknown,
        // CloudFormation takes the pattern as an object or as JSON text.
        Read::Found(value, _) => match &value.kind {
            Kind::Text(text) => text.plain().and_then(|t| serde_json::from_str(t).ok()),
            _ => json_of(value),
        },
    };
    let Some(pattern) = pattern else {
        return Watch::Unknown;
    };
    if !event_matches(&pattern, event) {
        return Watch::No;
    }
    let disabled = subject.at("State").string().found().as_deref() == Some("DISABLED");
    let targets = !subject.at("Targets.0").is_absent();
    if disabled || !targets {
        Watch::Silent
    } else {
        Watch::Yes
    }
}

/// How a metric filter watches an event: it needs an alarm on its metric, with an action.
pub(crate) fn filter(cx: &Cx<'_>, subject: Subject<'_>, event: &Json) -> Watch {
    let pattern = match subject.at("FilterPattern").string() {
        Read::Found(pattern, _) => pattern,
        Read::Absent(_) => return Watch::No,
        Read::Unknown(..) => return Watch::Unknown,
    };
    match metric_matches(&pattern, event) {
        None => return Watch::Unknown,
        Some(false) => return Watch::No,
        Some(true) => {}
    }
    let metric = |subject: &Subject<'_>, name: &str, space: &str| {
        Some((
            subject.at(name).string().found()?,
            subject.at(space).string().found()?,
        ))
    };
    let Some(own) = metric(
        &subject,
        "MetricTransformations.0.MetricName",
        "MetricTransformations.0.MetricNamespace",
    ) else {
        return Watch::Unknown;
    };
    let alarmed = cx
        .subjects(&["AWS::CloudWatch::Alarm"])
        .iter()
        .any(|alarm| {
            metric(alarm, "MetricName", "Namespace").as_ref() == Some(&own)
                && !alarm.at("AlarmActions.0").is_absent()
        });
    if alarmed { Watch::Yes } else { Watch::Silent }
}

/// The best watch over an event among all rules and filters given, and whose it is.
pub(crate) fn best<'a>(
    cx: &Cx<'a>,
    record: &Json,
    bridged: &Json,
) -> (Watch, Option<&'a Resource>) {
    let mut best = (Watch::No, None);
    for subject in cx.subjects(&["AWS::Events::Rule"]) {
        let watch = rule(subject, bridged);
        if watch > best.0 {
            best = (watch, Some(subject.resource));
        }
    }
    for subject in cx.subjects(&["AWS::Logs::MetricFilter"]) {
        let watch = filter(cx, subject, record);
        if watch > best.0 {
            best = (watch, Some(subject.resource));
        }
    }
    best
}
