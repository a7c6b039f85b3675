use crate::logs::{self, Level, about_keys, all_or_unknown, analysed, count, wholeness};
use crate::prelude::*;

control! {
    /// Encryption and decryption that is unlike what went before must raise an alert, and somebody must act
    /// on it. For each account and region of which CloudTrail's log files were given, somebody must have
    /// looked for anomalies in them (`Analysed`), and events of KMS must be among them; without either it is
    /// unknown, and so it is where the logs lack days or files. An alert about a key of severity high or
    /// above that stands open fails; one that somebody quieted passes with the reason.
    id: "unusual-key-use-alerted",
    title: "Unusual use of keys raises an alert, and none of weight stands open",
    clauses: ["LOG-3"],
    sources: [Trail],
    severity: Medium,
    fix: "Look for anomalies in the logs; ask who did what the alert names, then take the permission away and replace the key, or quiet the alert with the reason.",
    cloudformation: r#"Type: AWS::CloudWatch::Alarm
Properties:
  Namespace: Security
  MetricName: KeyAnomalies
  Statistic: Sum
  Period: 300
  EvaluationPeriods: 1
  Threshold: 1
  ComparisonOperator: GreaterThanOrEqualToThreshold
  AlarmActions: [!Ref SecurityTopic]
"#,
    cdk: r#"anomalies.createAlarm(this, 'KeyAnomalies', { threshold: 1, evaluationPeriods: 1 })
  .addAlarmAction(new actions.SnsAction(securityTopic));
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for logs in all_or_unknown(cx, "whether unusual use of keys raises an alert", out) {
        let mut faults = wholeness(logs);
        let looked = analysed(cx, logs);
        faults.add("whether unusual use of keys raises an alert", looked.clone().map(|_| None));
        let events = count(logs, "KmsEvents");
        faults.add("what is unusual about the use of keys", match &events {
            Known::Stated(0, loc) => Known::Unknown(Arc::new(Why::Unsupported("the logs hold no event of KMS".into())), *loc),
            known => known.clone().map(|_| None),
        });
        let judgement = faults.judgement(logs, "somebody looked for unusual use of keys");
        out.push(judgement.fact_as("Analysed", &looked, |(_, day)| day.clone()).fact("KmsEvents", &events));
    }
    logs::open(cx, out, (about_keys, Level::High), "whether unusual use of a key was looked at", |alert| {
        let why = alert.why();
        Judgement::fail(alert.subject, format!("\"{}\" stands open: {why}", alert.title()))
    });
}
