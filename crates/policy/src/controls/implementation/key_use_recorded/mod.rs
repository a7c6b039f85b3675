use crate::live::listed_or_unknown;
use crate::monitors::groups;
use crate::prelude::*;
use crate::trails::{KEYS, in_effect, judge_place};

control! {
    /// Every use of a key must really arrive in CloudTrail's files. For each account and region with
    /// customer managed keys a trail must cover it that runs now (`IsLogging`), whose last file was
    /// delivered (`LatestDeliveryError` is empty; AWS CloudTrail API Reference, GetTrailStatus) and whose
    /// selectors record the management events of KMS, reads and writes alike, since `Decrypt` counts as a
    /// read. An organisation's trail shows in each of its accounts and counts there. Whether files are
    /// validated, `trail-logs-key-use` asks. Where trails or their state could not be read it is unknown.
    id: "key-use-recorded",
    title: "Every use of a key arrives in CloudTrail",
    clauses: ["LOG-1"],
    sources: [Live],
    severity: High,
    fix: "Start the trail, mend its bucket's policy until LatestDeliveryError is empty, and record all management events with no source left out.",
    cloudformation: r#"Type: AWS::CloudTrail::Trail
Properties:
  IsLogging: true
  IsMultiRegionTrail: true
  EnableLogFileValidation: true
  S3BucketName: !Ref TrailBucket
"#,
    cdk: r#"new cloudtrail.Trail(this, 'Trail', { isMultiRegionTrail: true, managementEvents: cloudtrail.ReadWriteType.ALL });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let kinds = ["AWS::KMS::Key", "AWS::KMS::ReplicaKey"];
    let keys = listed_or_unknown(cx, &kinds, "which keys there are, and whether their use is recorded", out);
    for group in groups(cx, keys) {
        let sound = "a trail records every use of its keys, and delivers its files";
        let what = "what is done with its keys";
        let judgement = judge_place(cx, group.place(), |trail| in_effect(cx, trail, &KEYS), (sound, what));
        out.push(judgement.part(format!("keys of {}", group.label)));
    }
}
