use crate::logs::{self, Level, about_either, age, all_or_unknown, analysed};
use crate::prelude::*;

control! {
    /// Monitoring is continuous when the logs are looked through as they come. For each account and region of
    /// which CloudTrail's log files were given, anomalies must have been looked for (`Analysed`) within a day,
    /// in logs that reached to within a day before. Where nobody looked, it is unknown. An alert about a key,
    /// a secret or a parameter of severity high or above that stands open fails. Whether something acts on
    /// events within minutes, `events-acted-on` asks.
    id: "logs-analysed-daily",
    title: "The logs are looked through every day",
    clauses: ["BP-10"],
    sources: [Trail],
    severity: Low,
    fix: "Look for anomalies in the latest log files every day, by a schedule or as EventBridge tells of each file, and answer each alert.",
    cloudformation: r#"Type: AWS::Scheduler::Schedule
Properties:
  ScheduleExpression: rate(1 day)
  FlexibleTimeWindow: {Mode: 'OFF'}
  Target: {Arn: !GetAtt WatchFunction.Arn, RoleArn: !GetAtt WatchRole.Arn}
"#,
    cdk: r#"new scheduler.Schedule(this, 'WatchLogs', {
  schedule: scheduler.ScheduleExpression.rate(Duration.days(1)),
  target: new targets.LambdaInvoke(watch),
});
"#,
}

const DAY: i64 = 1;

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let what = "whether the logs are looked through every day";
    for logs in all_or_unknown(cx, what, out) {
        let looked = analysed(cx, logs);
        let until = age(cx, logs.at("Until"), "the last day of the logs");
        let judgement = match (&looked, &until) {
            (looked, _) if looked.value().is_some_and(|(days, _)| *days > DAY) => {
                let days = looked.value().map_or(0, |(days, _)| *days);
                Judgement::fail(logs, format!("the logs were last looked through {days} days ago"))
            }
            (Known::Unknown(why, _), _) | (_, Known::Unknown(why, _)) => Judgement::cannot_tell(logs, what, why),
            (looked, until) => match (looked.value(), until.value()) {
                (Some((looked, day)), Some((until, last))) if until - looked > DAY => {
                    Judgement::fail(logs, format!("the logs were looked through on {day}, but ended on {last} already"))
                }
                _ => Judgement::pass(logs, "the logs were looked through within a day"),
            },
        };
        out.push(judgement.fact_as("Analysed", &looked, |(_, day)| day.clone()).fact_as("Until", &until, |(_, day)| day.clone()));
    }
    logs::open(cx, out, (about_either, Level::High), what, |alert| {
        let why = alert.why();
        Judgement::fail(alert.subject, format!("\"{}\" stands open: {why}", alert.title()))
    });
}
