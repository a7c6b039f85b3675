use crate::logs::{all_or_unknown, count, wholeness};
use crate::prelude::*;

control! {
    /// For each account and region of which CloudTrail's log files were given, events of Secrets Manager must
    /// be among them: `GetSecretValue` is a management event that reads, which a trail records unless it
    /// records writes only (AWS Secrets Manager User Guide, "Log AWS Secrets Manager events with AWS
    /// CloudTrail"). Without any, it fails where templates or a snapshot beside the logs show secrets there,
    /// and is unknown elsewhere: perhaps nobody read one. Files that cannot be read fail, days without a
    /// file leave it unknown. Whether something watches reads as they happen, `secret-access-logged` asks.
    id: "secret-reads-in-logs",
    title: "Reads of secrets are in the logs",
    clauses: ["SEC-3"],
    sources: [Trail],
    severity: Medium,
    fix: "Let the trail record management events of both kinds, reads too (ReadWriteType: All), and fetch files again that are missing or broken.",
    cloudformation: r#"Type: AWS::CloudTrail::Trail
Properties:
  IsLogging: true
  IsMultiRegionTrail: true
  EventSelectors: [{IncludeManagementEvents: true, ReadWriteType: All}]
  S3BucketName: !Ref TrailBucket
"#,
    cdk: r#"new cloudtrail.Trail(this, 'Trail', { isMultiRegionTrail: true, managementEvents: cloudtrail.ReadWriteType.ALL });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for logs in all_or_unknown(cx, "whether reads of secrets are logged", out) {
        let mut faults = wholeness(logs);
        let events = count(logs, "SecretsManagerEvents");
        let without = match &events {
            Known::Stated(0, loc) => {
                let place = &cx.inventory.stack_of(logs.resource).place;
                let mut secrets = crate::live::listed(cx, &["AWS::SecretsManager::Secret"]).into_iter();
                match secrets.any(|secret| cx.inventory.stack_of(secret.resource).place == *place) {
                    true => Known::Stated(Some("there are secrets, but no event of Secrets Manager: the trail leaves reads out".into()), *loc),
                    false => {
                        let why = "there is no event of Secrets Manager, so either the trail leaves reads out or nobody read a secret";
                        Known::Unknown(Arc::new(Why::Unsupported(why.into())), *loc)
                    }
                }
            }
            known => known.clone().map(|_| None),
        };
        faults.add("whether reads of secrets are logged", without);
        let judgement = faults
            .judgement(logs, "the logs hold events of Secrets Manager, and every day of them can be read")
            .fact("SecretsManagerEvents", &events);
        out.push(super::logged::with_period(logs, judgement));
    }
}
