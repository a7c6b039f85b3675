use crate::logs::{all_or_unknown, count};
use crate::prelude::*;

control! {
    /// Reads what CloudTrail's log files hold, for each account and region of which some were given: every
    /// file must be readable to its end, every day of the period must have one, and events of KMS must be
    /// among them. A day without a file leaves it unknown, since CloudTrail writes none when nothing is
    /// called. So does a period without any event of KMS: a trail may leave KMS out (AWS CloudTrail User
    /// Guide, "Logging management events"), or nobody used a key; where templates or a snapshot beside the logs
    /// show customer managed keys there, it fails. An alert that a trail was stopped or its selectors
    /// narrowed, which nobody quieted, fails. Whether the files are as CloudTrail delivered them,
    /// `logs-unaltered` asks.
    id: "logs-hold-key-events",
    title: "The logs hold all that was done with and to keys",
    clauses: ["KEY-3"],
    sources: [Trail],
    severity: High,
    fix: "Fetch the files that are missing or broken again; where the trail leaves KMS out or was stopped, let it record all management events, and say in the alert why it was stopped.",
    cloudformation: r#"Type: AWS::CloudTrail::Trail
Properties:
  IsLogging: true
  IsMultiRegionTrail: true
  EventSelectors: [{IncludeManagementEvents: true, ReadWriteType: All, ExcludeManagementEventSources: []}]
  S3BucketName: !Ref TrailBucket
"#,
    cdk: r#"new cloudtrail.Trail(this, 'Trail', { isMultiRegionTrail: true, managementEvents: cloudtrail.ReadWriteType.ALL });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for logs in all_or_unknown(cx, "whether logs hold what is done with keys", out) {
        let faults = super::logged::faults(cx, logs);
        let sound = "every day of the logs can be read, and they hold events of KMS";
        let judgement = faults.judgement(logs, sound).fact("KmsEvents", &count(logs, "KmsEvents"));
        out.push(super::logged::with_period(logs, judgement));
    }
    super::logged::trails_stopped(cx, out);
}
