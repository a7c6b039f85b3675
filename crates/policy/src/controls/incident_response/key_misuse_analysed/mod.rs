use crate::incidents;
use crate::judgement::About;
use crate::logs::{self, Gaps, Level, about_keys, age, analysed};
use crate::prelude::*;
use lockfast_facts::trail::LOGS;

control! {
    /// When a key may be compromised, who used it, for what, from where and since when must be analysed. For
    /// each account and region of which CloudTrail's log files were given, somebody must have looked for
    /// anomalies in them (`Analysed`). An alert of severity high or above about a key that stands open fails:
    /// it may be misuse, and nobody said otherwise. For each compromised key of an incident in
    /// `lockfast.toml` (`[[incident]]`) the logs of its account and region must reach back to the day it
    /// began, without days or files missing, and have been looked through since; where they were not
    /// given, it is unknown.
    id: "key-misuse-analysed",
    title: "Misuse of keys is looked for, and no suspicion stands open",
    clauses: ["KCR-3"],
    sources: [Trail],
    severity: High,
    fix: "Give the logs from the day the incident began, ask lockfast trail who used the key, for what and from where, and quiet the alert with what was found, or declare the incident.",
    cloudformation: r#"# In lockfast.toml:
# [[incident]]
# id = "2026-11-leaked-role"
# kind = "key-compromised"
# keys = ["arn:aws:kms:eu-central-1:111111111111:key/…"]
# since = 2026-11-18
"#,
    cdk: r#"// In lockfast.toml: [[incident]] with the key and the day it began
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let what = "whether a key was misused";
    logs::looked_through(cx, out, what, "somebody looked for misuse of keys");
    logs::open(cx, out, (about_keys, Level::High), what, |alert| {
        let why = alert.why();
        Judgement::fail(alert.subject, format!("\"{}\" may be misuse of a key, and nobody said otherwise: {why}", alert.title()))
    });
    let gaps = Gaps::of(cx);
    let compromised = cx.config.incident.iter().filter(|incident| incident.keys_may_be_compromised() != Some(false));
    for incident in compromised {
        for arn in &incident.keys {
            let what = format!("how {arn} was used since {}", incident.since);
            let judgement = match incidents::place(cx, arn) {
                None => Judgement::cannot_tell(About::Input, &what, &Why::NotGiven("its account and region".into())),
                Some(place) => {
                    let here = cx.subjects(&[LOGS]).into_iter().find(|logs| cx.inventory.stack_of(logs.resource).place == place);
                    let since = cx.days_since_day(&incident.since);
                    match (here, gaps.at(&place)) {
                        (Some(logs), None) => since_then(cx, logs, since, &what),
                        (_, Some(why)) => Judgement::cannot_tell(About::Input, &what, &why),
                        (None, None) => Judgement::cannot_tell(About::Input, &what, &Why::NotGiven("the logs there".into())),
                    }
                }
            };
            out.push(judgement.part(format!("{}: {arn}", incident.id)));
        }
    }
}

/// Whether logs reach back to a day, and somebody looked for anomalies in them since.
fn since_then(cx: &Cx<'_>, logs: Subject<'_>, began: Option<i64>, what: &str) -> Judgement {
    let from = age(cx, logs.at("From"), "the first day of the logs");
    let looked = analysed(cx, logs);
    let judgement = match (&from, &looked, began) {
        (Known::Unknown(why, _), ..) | (_, Known::Unknown(why, _), _) => Judgement::cannot_tell(About::Input, what, why),
        (from, looked, Some(began)) => match (from.value(), looked.value()) {
            (Some((first, day)), _) if *first < began => {
                Judgement::fail(About::Input, format!("cannot be analysed: the logs start on {day} only, after it began"))
            }
            (_, Some((looked, day))) if *looked > began => {
                Judgement::fail(About::Input, format!("nobody looked at the logs since it began: the last time was {day}"))
            }
            _ => Judgement::pass(About::Input, "the logs reach back to the day it began, and somebody looked through them since"),
        },
        (_, _, None) => Judgement::cannot_tell(About::Input, what, &Why::NotGiven("the day it began".into())),
    };
    judgement.fact_as("From", &from, |(_, day)| day.clone()).fact_as("Analysed", &looked, |(_, day)| day.clone())
}
