//! Whether logs hold what was done with keys.

use crate::logs::{self, Alert, Level, count, wholeness};
use crate::prelude::*;
use crate::trails::Faults;

/// Alerts that somebody made a trail record less.
const STOPPED: [&str; 2] = ["trail-stopped", "selectors-narrowed"];

/// What is wrong with the logs of an account and region as a record of what is done with keys.
pub(in crate::controls) fn faults(cx: &Cx<'_>, logs: Subject<'_>) -> Faults {
    let mut faults = wholeness(logs);
    faults.add(
        "whether the logs hold what is done with keys",
        without_keys(cx, logs),
    );
    faults
}

/// Whether the logs hold no event of KMS though there are keys.
fn without_keys(cx: &Cx<'_>, logs: Subject<'_>) -> Known<Option<String>> {
    match count(logs, "KmsEvents") {
        Known::Stated(0, loc) => {
            let place = &cx.inventory.stack_of(logs.resource).place;
            let kinds = ["AWS::KMS::Key", "AWS::KMS::ReplicaKey"];
            let mut keys = crate::live::listed(cx, &kinds).into_iter();
            match keys.any(|key| cx.inventory.stack_of(key.resource).place == *place) {
                true => Known::Stated(
                    Some("there are keys, but no event of KMS: the trail leaves KMS out".into()),
                    loc,
                ),
                false => {
                    let why = "there is no event of KMS, so either the trail leaves KMS out or nobody used a key";
                    Known::Unknown(Arc::new(Why::Unsupported(why.into())), loc)
                }
            }
        }
        known => known.map(|_| None),
    }
}

/// Adds the days that the logs are of.
pub(in crate::controls) fn with_period(logs: Subject<'_>, judgement: Judgement) -> Judgement {
    let mut judgement = judgement;
    for property in ["From", "Until"] {
        judgement = judgement.fact(
            property,
            &logs::told(logs.at(property).string(), "the days that the logs are of"),
        );
    }
    judgement
        .fact("UnreadFiles", &count(logs, "UnreadFiles"))
        .fact_as("MissingDays", &logs::list(logs, "MissingDays"), |days| {
            logs::named(days.iter().filter_map(|day| day.at("").string().found()))
        })
}

/// Judges the alerts that somebody made a trail record less.
pub(in crate::controls) fn trails_stopped(cx: &Cx<'_>, out: &mut Out) {
    let is = |alert: Alert<'_>| alert.what().map(|what| STOPPED.contains(&what.as_str()));
    logs::open(
        cx,
        out,
        (is, Level::Informational),
        "whether a trail was stopped for good reason",
        |alert| {
            let message = format!(
                "\"{}\": what happened then is not in the logs, and nobody said why",
                alert.title()
            );
            Judgement::fail(alert.subject, message)
        },
    );
}
