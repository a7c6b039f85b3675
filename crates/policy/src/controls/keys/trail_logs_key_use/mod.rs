mod reach;
mod selectors;

use crate::prelude::*;
use lockfast_facts::Loc;
use reach::coverage;
use selectors::management_events;

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

const DOC: &str = "AWS CloudTrail User Guide: Logging management events";
const ON: ServiceDefault = ServiceDefault {
    doc: DOC,
    since: "",
};
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
    let management = management_events(trail);
    let delivery = delivery(cx, trail);
    let mut unknown: Option<(&str, Arc<Why>, Loc)> = None;
    let mut fault: Option<(String, Loc)> = None;
    let mut note = |wrong: Option<String>, loc: Loc| {
        if let (Some(message), None) = (wrong, &fault) {
            fault = Some((message, loc));
        }
    };
    match &logging {
        Known::Unknown(why, loc) => unknown = Some(("whether the trail runs", why.clone(), *loc)),
        known => note(
            (known.value() == Some(&false)).then(|| "the trail does not run".into()),
            known.loc(),
        ),
    }
    match &management {
        Known::Unknown(why, loc) => {
            unknown.get_or_insert((
                "whether the trail records what is done with keys",
                why.clone(),
                *loc,
            ));
        }
        known => note(known.value().cloned().flatten(), known.loc()),
    }
    match &validation {
        Known::Unknown(why, loc) => {
            unknown.get_or_insert(("whether log files are validated", why.clone(), *loc));
        }
        known => note(
            (known.value() == Some(&false)).then(|| {
                "log files are not validated: a changed or deleted one would go unseen".into()
            }),
            known.loc(),
        ),
    }
    match &delivery {
        Known::Unknown(why, loc) => {
            unknown.get_or_insert((
                "whether CloudTrail can deliver to the bucket",
                why.clone(),
                *loc,
            ));
        }
        known => note(known.value().cloned().flatten(), known.loc()),
    }
    let judgement = match (fault, unknown) {
        (Some((message, loc)), _) => Judgement::fail(trail, message).at(loc),
        (None, Some((what, why, loc))) => Judgement::cannot_tell(trail, what, &why).at(loc),
        (None, None) => Judgement::pass(
            trail,
            "the trail records what is done with keys, in validated log files",
        ),
    };
    judgement
        .fact("IsLogging", &logging)
        .fact("IsMultiRegionTrail", &several)
        .fact("EnableLogFileValidation", &validation)
}

/// Why CloudTrail cannot deliver; `None` when it can, or when the bucket is not in the templates.
fn delivery(cx: &Cx<'_>, trail: Subject<'_>) -> Known<Option<String>> {
    let (bucket, loc) = match trail.at("S3BucketName") {
        Read::Found(value, loc) => match cx.inventory.target(value) {
            Some((bucket, _)) if &*bucket.kind == "AWS::S3::Bucket" => (bucket, loc),
            // A central log bucket of another account is the rule rather than the exception.
            _ => return Known::Stated(None, loc),
        },
        read => return Known::Stated(None, read.loc()),
    };
    let mut policies = cx
        .inventory
        .referrers(bucket.id)
        .filter(|r| &*r.kind == "AWS::S3::BucketPolicy")
        .flat_map(|r| cx.inventory.variants_of(r.id))
        .filter(|policy| {
            policy.variant.when.compatible(&trail.variant.when)
                && matches!(policy.at("Bucket"), Read::Found(value, _)
                    if cx.inventory.target(value).is_some_and(|(target, _)| target.id == bucket.id))
        });
    let Some(policy) = policies.next() else {
        return Known::Stated(
            Some(format!(
                "bucket {} has no policy that lets CloudTrail write its log files",
                bucket.name
            )),
            loc,
        );
    };
    use lockfast_access::{Policy, Principal, Request, Resource as Target, Three};
    let Some(parsed) = Policy::from_read(policy.at("PolicyDocument")) else {
        return Known::Stated(None, loc);
    };
    let name = bucket.at("BucketName").string().found();
    let target = Target::bucket(bucket.id, name.as_deref()).any_object();
    let request = Request::new(
        Principal::service("cloudtrail.amazonaws.com"),
        "s3:PutObject",
        target,
    )
    .with("s3:x-amz-acl", "bucket-owner-full-control")
    .with("aws:SecureTransport", "true");
    let outcome = parsed.evaluate(&request);
    if outcome.allowed == Three::No {
        Known::Stated(
            Some(format!(
                "the policy of bucket {} does not let CloudTrail write its log files",
                bucket.name
            )),
            policy.resource.loc,
        )
    } else {
        Known::Stated(None, loc)
    }
}
