use crate::incidents;
use crate::prelude::*;
use crate::trails::{KEYS, in_effect, judge_place, not_validated};
use std::collections::BTreeMap;

control! {
    /// What happened can be examined only if it was written down then. For each account and region of the
    /// keys and resources that an incident in `lockfast.toml` (`[[incident]]`) names, a trail must cover it
    /// that runs, delivers, records the management events of KMS, validates its files, so that a changed
    /// one shows, and was started before the incident began (`StartLoggingTime`; AWS CloudTrail API
    /// Reference, GetTrailStatus). Where trails could not be read, or it is not told since when they run,
    /// it is unknown. Data events (single objects) and whether somebody examined the logs are not looked
    /// at.
    ///
    /// With no incident declared there is nothing to judge.
    id: "forensic-logs-kept",
    title: "Validated logs cover the time of an incident",
    clauses: ["DER-4"],
    sources: [Live],
    severity: High,
    fix: "Start a multi-region trail with log file validation now, keep what there is of the time before (CloudTrail's event history has 90 days), and put an object lock on the log bucket.",
    cloudformation: r#"Type: AWS::CloudTrail::Trail
Properties:
  IsLogging: true
  IsMultiRegionTrail: true
  EnableLogFileValidation: true
  S3BucketName: !Ref TrailBucket
"#,
    cdk: r#"new cloudtrail.Trail(this, 'Trail', { isMultiRegionTrail: true, enableFileValidation: true });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for incident in incidents::that(cx, out, ("", |_| true)) {
        let mut places = BTreeMap::new();
        for arn in incident.keys.iter().chain(&incident.resources) {
            match incidents::place(cx, arn) {
                Some(place) => {
                    places.insert((place.account.clone(), place.region.clone()), place);
                }
                None => out.push(incidents::not_scanned(incident, arn, "where it happened, and whether it was logged")),
            }
        }
        let began = cx.days_since_day(&incident.since);
        for ((account, region), place) in places {
            let faults = |trail: Subject<'_>| {
                let mut faults = in_effect(cx, trail, &KEYS);
                faults.add("whether log files are validated", not_validated(trail));
                faults.add("since when the trail runs", too_late(cx, trail, began));
                faults
            };
            let sound = "validated logs cover the time since it began";
            let judgement = judge_place(cx, &place, faults, (sound, "what happened there"));
            let shown = [account, region].into_iter().flatten().collect::<Vec<_>>().join("/");
            out.push(judgement.part(format!("{} in {shown}", incident.id)));
        }
    }
}

/// Whether a trail was started only after it began.
fn too_late(cx: &Cx<'_>, trail: Subject<'_>, began: Option<i64>) -> Known<Option<String>> {
    match cx.days_since(trail.at("StartLoggingTime")) {
        Read::Found(days, loc) => {
            let late = began.is_some_and(|began| days < began);
            let started = trail.at("StartLoggingTime").string().found().unwrap_or_default();
            Known::Stated(late.then(|| format!("the trail was started at {started} only, after it began")), loc)
        }
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(loc) => Known::Unknown(Arc::new(Why::NotGiven("since when the trail runs".into())), loc),
    }
}
