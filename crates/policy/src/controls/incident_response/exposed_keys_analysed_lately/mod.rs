use crate::logs::{self, Level, about_keys, all_or_unknown, analysed};
use crate::prelude::*;

control! {
    /// Keys are watched closely when somebody looks at their use again and again. For each account and region
    /// of which CloudTrail's log files were given, anomalies must have been looked for (`Analysed`) within
    /// the last seven days or, while an incident stands in `lockfast.toml` (`[[incident]]`), within the last
    /// day. Where nobody did, it is unknown. An alert of severity high or above about a key that stands open
    /// fails: a key that is watched has somebody who answers.
    id: "exposed-keys-analysed-lately",
    title: "The use of keys was looked at lately, daily during an incident",
    clauses: ["DER-2"],
    sources: [Trail],
    severity: High,
    fix: "Fetch the latest log files and look for anomalies in them, every day while the incident lasts; answer each alert about a key.",
    cloudformation: r#"Type: AWS::Scheduler::Schedule
Properties:
  ScheduleExpression: rate(1 day)
  FlexibleTimeWindow: {Mode: 'OFF'}
  Target: {Arn: !GetAtt WatchFunction.Arn, RoleArn: !GetAtt WatchRole.Arn}
"#,
    cdk: r#"new scheduler.Schedule(this, 'WatchKeys', {
  schedule: scheduler.ScheduleExpression.rate(Duration.days(1)),
  target: new targets.LambdaInvoke(watch),
});
"#,
}

/// Days after which a look at the use of keys is old.
const USUALLY: i64 = 7;
const DURING_AN_INCIDENT: i64 = 1;

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let what = "whether keys are watched closely";
    let (most, when) = match cx.config.incident.as_slice() {
        [] => (USUALLY, String::new()),
        [incident, ..] => (DURING_AN_INCIDENT, format!(" while incident {} lasts", incident.id)),
    };
    for logs in all_or_unknown(cx, what, out) {
        let looked = analysed(cx, logs);
        let judgement = match &looked {
            Known::Unknown(why, _) => Judgement::cannot_tell(logs, what, why),
            known => match known.value() {
                Some((days, day)) if *days > most => Judgement::fail(
                    logs,
                    format!("the use of keys was last looked at on {day}, {days} days ago; it is due after {most}{when}"),
                ),
                _ => Judgement::pass(logs, "the use of keys was looked at lately"),
            },
        };
        out.push(judgement.fact_as("Analysed", &looked, |(_, day)| day.clone()));
    }
    logs::open(cx, out, (about_keys, Level::High), what, |alert| {
        let why = alert.why();
        Judgement::fail(alert.subject, format!("\"{}\" stands open, and nobody answered: {why}", alert.title()))
    });
}
