mod reach;

use crate::prelude::*;
use crate::trails::{self, Faults, KEYS, ON, delivery, management_events};
use reach::coverage;

control! {
    /// Every account and region with keys needs a trail that records what is done with and to them, and
    /// that somebody can rely on. Looks at the trails of all templates given and at the keys they make,
    /// and asks of each trail that it runs (`IsLogging`), covers the region (a multi-region trail, an
    /// organisation's trail, or one made in that region), records management events, reads and writes
    /// alike, and leaves KMS in: neither `ExcludeManagementEventSources` nor an advanced selector may
    /// take `kms.amazonaws.com` out (AWS KMS is the one high-volume source that can be left out; AWS
    /// CloudTrail User Guide, "Logging management events"). It must validate its log files
    /// (`EnableLogFileValidation`, off when absent), and deliver to a bucket that lets it: one that the
    /// templates make needs a policy that admits `cloudtrail.amazonaws.com` to write.
    ///
    /// A second look is at the account and region of the keys. Keys that only trails of other regions of
    /// their account cover fail. With no trail of the account in the stacks given it is unknown: an
    /// organisation's trail lies in another account.
    id: "trail-logs-key-use",
    title: "CloudTrail logs all use and management of keys",
    clauses: ["KEY-3"],
    severity: High,
    fix: "Make one multi-region trail with log file validation that records all management events and excludes no source.",
    cloudformation: r#"Trail:
  Type: AWS::CloudTrail::Trail
  DependsOn: TrailBucketPolicy
  Properties:
    IsLogging: true
    IsMultiRegionTrail: true
    IncludeGlobalServiceEvents: true
    EnableLogFileValidation: true
    S3BucketName: !Ref TrailBucket
    KMSKeyId: !GetAtt TrailKey.Arn
"#,
    cdk: r#"new cloudtrail.Trail(this, 'Trail', {
  isMultiRegionTrail: true,
  enableFileValidation: true,
  managementEvents: cloudtrail.ReadWriteType.ALL,
  encryptionKey: trailKey,
});
"#,
}

const VALIDATION_OFF: ServiceDefault = ServiceDefault {
    doc: "AWS CloudFormation Template Reference: AWS::CloudTrail::Trail, EnableLogFileValidation",
    since: "",
};
const ONE_REGION: ServiceDefault = ServiceDefault {
    doc: "AWS CloudFormation Template Reference: AWS::CloudTrail::Trail, IsMultiRegionTrail",
    since: "",
};

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let trails = cx.subjects(&["AWS::CloudTrail::Trail"]);
    let mut sound = Vec::new();
    for trail in &trails {
        let judgement = trail_verdict(cx, *trail);
        sound.push((*trail, judgement.verdict));
        out.push(judgement);
    }
    coverage(cx, &sound, out);
}

/// What one trail does.
fn trail_verdict(cx: &Cx<'_>, trail: Subject<'_>) -> Judgement {
    let logging = trail.at("IsLogging").bool().or_default(true, ON);
    let validation = trail
        .at("EnableLogFileValidation")
        .bool()
        .or_default(false, VALIDATION_OFF);
    let several = trail
        .at("IsMultiRegionTrail")
        .bool()
        .or_default(false, ONE_REGION);
    let mut faults = Faults::default();
    faults.add(
        "whether the trail runs",
        logging
            .as_ref()
            .map(|on| (!on).then(|| trails::STOPPED.into())),
    );
    faults.add(
        "whether the trail records what is done with keys",
        management_events(trail, &KEYS),
    );
    faults.add(
        "whether log files are validated",
        validation
            .as_ref()
            .map(|on| (!on).then(|| trails::NOT_VALIDATED.into())),
    );
    faults.add(
        "whether CloudTrail can deliver to the bucket",
        delivery(cx, trail),
    );
    faults
        .judgement(
            trail,
            "the trail records what is done with keys, in validated log files",
        )
        .fact("IsLogging", &logging)
        .fact("IsMultiRegionTrail", &several)
        .fact("EnableLogFileValidation", &validation)
}
