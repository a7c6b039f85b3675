use crate::controls::keys::logged;
use crate::logs::{all_or_unknown, count, told};
use crate::prelude::*;

control! {
    /// All operations on keys must be on record and raise alerts. For each account and region of which
    /// CloudTrail's log files were given, these must hold events of KMS, of every day and in files that can be
    /// read, as `logs-hold-key-events` asks; and alarms or rules on operations on keys must be deployed
    /// there (`Monitors`, from a snapshot or templates beside the logs). Where it is not known whether
    /// there are any, it is unknown. An alert that a trail was stopped or its selectors narrowed, which
    /// nobody quieted, fails.
    id: "key-operations-alerted",
    title: "Operations on keys are in the logs, and raise alerts",
    clauses: ["BP-7"],
    sources: [Trail],
    severity: Medium,
    fix: "Deploy EventBridge rules on operations on keys with a target that reaches people, and fetch log files again that are missing or broken.",
    cloudformation: r#"Type: AWS::Events::Rule
Properties:
  EventPattern:
    source: [aws.kms]
    detail-type: [AWS API Call via CloudTrail]
    detail: {eventName: [DisableKey, ScheduleKeyDeletion, PutKeyPolicy, CreateGrant]}
  Targets: [{Id: security, Arn: !Ref SecurityTopic}]
"#,
    cdk: r#"new events.Rule(this, 'KeyOperations', {
  eventPattern: { source: ['aws.kms'], detail: { eventName: ['DisableKey', 'ScheduleKeyDeletion', 'PutKeyPolicy', 'CreateGrant'] } },
  targets: [new targets.SnsTopic(securityTopic)],
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for logs in all_or_unknown(cx, "whether operations on keys are logged", out) {
        let monitors = told(logs.at("Monitors").bool(), "whether alarms or rules on key operations are deployed");
        let mut faults = logged::faults(cx, logs);
        faults.add("whether operations on keys raise alerts", monitors.clone().map(|deployed| {
            (!deployed).then(|| "no alarm or rule on operations on keys is deployed".to_owned())
        }));
        let judgement = faults
            .judgement(logs, "operations on keys are in the logs, and raise alerts")
            .fact("Monitors", &monitors)
            .fact("KmsEvents", &count(logs, "KmsEvents"));
        out.push(logged::with_period(logs, judgement));
    }
    logged::trails_stopped(cx, out);
}
