use crate::controls::keys::logged;
use crate::logs::{age, all_or_unknown, plural, wholeness};
use crate::prelude::*;

control! {
    /// What happened can be examined only with logs at hand. For each account and region of which CloudTrail's
    /// log files were given, these must reach from 90 days ago, or from the day that an incident in
    /// `lockfast.toml` (`[[incident]]`) began where that is longer ago, to within the last two days; every
    /// file must be readable. Days without a file in between leave it unknown. Whether trails run and keep
    /// their files, `forensic-logs-kept` asks, and whether somebody changed them, `logs-unaltered`.
    id: "forensic-logs-at-hand",
    title: "Logs of the last 90 days can be examined",
    clauses: ["DER-4"],
    sources: [Trail],
    severity: High,
    fix: "Fetch the log files of the days that are missing from the trail's bucket, and let its lifecycle keep them for longer than 90 days.",
    cloudformation: r#"Type: AWS::S3::Bucket
Properties:
  ObjectLockEnabled: true
  LifecycleConfiguration:
    Rules: [{Status: Enabled, ExpirationInDays: 400}]
"#,
    cdk: r#"new s3.Bucket(this, 'TrailBucket', {
  objectLockEnabled: true,
  lifecycleRules: [{ expiration: Duration.days(400) }],
});
"#,
}

/// How many days must be at hand.
const DAYS: i64 = 90;
/// How many days the last files may be old: CloudTrail delivers within minutes, and files are fetched now and then.
const LATEST: i64 = 2;

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let incidents = cx.config.incident.iter().filter_map(|incident| cx.days_since_day(&incident.since));
    let wanted = incidents.max().unwrap_or(0).max(DAYS);
    for logs in all_or_unknown(cx, "whether what happened can be examined", out) {
        let from = age(cx, logs.at("From"), "the first day of the logs");
        let until = age(cx, logs.at("Until"), "the last day of the logs");
        let mut faults = wholeness(logs);
        faults.add("since when there are logs", from.clone().map(|(days, day)| {
            (days < wanted).then(|| format!("the logs start on {day}, {} ago; {wanted} are asked for", plural(days, "day")))
        }));
        faults.add("until when there are logs", until.clone().map(|(days, day)| {
            (days > LATEST).then(|| format!("the logs end on {day}, {} ago", plural(days, "day")))
        }));
        let judgement = faults.judgement(logs, format!("logs of the last {wanted} days are at hand"));
        out.push(logged::with_period(logs, judgement));
    }
}
