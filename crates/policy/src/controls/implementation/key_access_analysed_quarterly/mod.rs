use crate::logs::{age, all_or_unknown};
use crate::prelude::*;

control! {
    /// Access to keys must be analysed every quarter, and the ledger holds when the report on it was made
    /// (`QuarterlyReport`). For each account and region of which CloudTrail's log files were given, the last
    /// report must be at most 92 days old, and be of a time that ended at most 92 days before it was made.
    /// Where no ledger was given, or it holds no report, it is unknown.
    id: "key-access-analysed-quarterly",
    title: "Access to keys was analysed within a quarter",
    clauses: ["AUD-2"],
    sources: [Trail],
    severity: Medium,
    fix: "Make the quarterly report of key access from the logs of the last three months, let somebody read it, and write it into the ledger.",
    cloudformation: r#"Type: AWS::Scheduler::Schedule
Properties:
  ScheduleExpression: cron(0 6 1 1,4,7,10 ? *)
  FlexibleTimeWindow: {Mode: 'OFF'}
  Target: {Arn: !GetAtt ReportFunction.Arn, RoleArn: !GetAtt ReportRole.Arn}
"#,
    cdk: r#"new scheduler.Schedule(this, 'KeyAccessReport', {
  schedule: scheduler.ScheduleExpression.cron({ minute: '0', hour: '6', day: '1', month: '1,4,7,10' }),
  target: new targets.LambdaInvoke(report),
});
"#,
}

/// The longest quarter.
const QUARTER: i64 = 92;

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let what = "whether access to keys was analysed this quarter";
    for logs in all_or_unknown(cx, what, out) {
        let made = age(cx, logs.at("QuarterlyReport.On"), "a quarterly report, or the ledger that would tell of it,");
        let of = age(cx, logs.at("QuarterlyReport.Until"), "the time that the report is of");
        let judgement = match (&made, &of) {
            (made, _) if made.value().is_some_and(|(days, _)| *days > QUARTER) => {
                let days = made.value().map_or(0, |(days, _)| *days);
                Judgement::fail(logs, format!("the last report on access to keys was made {days} days ago, and is due after {QUARTER}"))
            }
            (Known::Unknown(why, _), _) | (_, Known::Unknown(why, _)) => Judgement::cannot_tell(logs, what, why),
            (made, of) => match (made.value(), of.value()) {
                (Some((made, _)), Some((of, until))) if of - made > QUARTER => {
                    let before = of - made;
                    Judgement::fail(logs, format!("the last report on access to keys is of a time that ended on {until}, {before} days before it was made"))
                }
                (Some((_, day)), _) => Judgement::pass(logs, format!("access to keys was analysed on {day}")),
                _ => continue,
            },
        };
        out.push(judgement.fact_as("On", &made, |(_, day)| day.clone()).fact_as("Until", &of, |(_, day)| day.clone()));
    }
}
