use crate::controls::keys::logged;
use crate::logs::{all_or_unknown, count, plural, told};
use crate::prelude::*;

control! {
    /// What the logs say of keys counts only when nobody changed them. For each account and region of which
    /// CloudTrail's log files were given, its digest files must have been verified (`Integrity`): SHA-256 of
    /// every log file and of the digest before, signed by CloudTrail (AWS CloudTrail User Guide, "Validating
    /// CloudTrail log file integrity"). A file that is changed, missing or forged fails. Where nobody
    /// verified, there is no digest, or more than a chain's last one was left without its signature, it is
    /// unknown. The logs must hold what is done with keys as well, as `logs-hold-key-events` asks.
    id: "logs-unaltered",
    title: "Every use of a key is in logs that nobody changed",
    clauses: ["LOG-1"],
    sources: [Trail],
    severity: High,
    fix: "Give the digest files (CloudTrail-Digest) and CloudTrail's public keys with the log files; where a file was changed or deleted, treat it as an incident, and put an object lock on the log bucket.",
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
    for logs in all_or_unknown(cx, "whether the logs are as CloudTrail delivered them", out) {
        let digests = told(logs.at("Integrity.Digests").int(), CHECK);
        let signed = told(logs.at("Integrity.Signed").int(), CHECK);
        let mut faults = crate::trails::Faults::default();
        faults.add("whether the logs are as CloudTrail delivered them", altered(logs, &digests, &signed));
        // What is changed comes before what is missing.
        let own = faults.judgement(logs, "the logs hold what is done with keys, and are as CloudTrail delivered them");
        let other = logged::faults(cx, logs).judgement(logs, "");
        let mut worst = Some(own);
        Judgement::keep_worst(&mut worst, other);
        let Some(judgement) = worst else { continue };
        let judgement = judgement
            .fact("Digests", &digests)
            .fact("Signed", &signed)
            .fact("KmsEvents", &count(logs, "KmsEvents"));
        out.push(logged::with_period(logs, judgement));
    }
    logged::trails_stopped(cx, out);
}

const CHECK: &str = "a check of them against digest files";

/// Whether the files differ from what digests say.
fn altered(logs: Subject<'_>, digests: &Known<i64>, signed: &Known<i64>) -> Known<Option<String>> {
    let findings = told(logs.at("Integrity.Findings").list(), CHECK);
    let unknown = |why: &str, loc| Known::Unknown(Arc::new(Why::Unsupported(why.to_owned())), loc);
    match (&findings, digests, signed) {
        (Known::Stated(findings, loc), ..) if !findings.is_empty() => {
            let first = &findings[0];
            let of = |property: &str| first.at(property).string().found().unwrap_or_else(|| "?".into());
            let files = i64::try_from(findings.len()).unwrap_or(i64::MAX);
            let message = format!(
                "{} not as CloudTrail delivered: {} is {} ({})",
                plural(files, "file"),
                of("File"),
                of("Wrong"),
                of("Why")
            );
            Known::Stated(Some(message), *loc)
        }
        (Known::Unknown(why, loc), ..) | (_, Known::Unknown(why, loc), _) | (.., Known::Unknown(why, loc)) => {
            Known::Unknown(why.clone(), *loc)
        }
        (_, digests, signed) => match (digests.value().copied(), signed.value().copied()) {
            (Some(1..), Some(0)) => unknown("of no digest the signature was verified", signed.loc()),
            (Some(all @ 1..), Some(signed)) if all - signed > 1 => {
                unknown("of several digests the signature was not verified", digests.loc())
            }
            (Some(1..), Some(_)) => Known::Stated(None, digests.loc()),
            _ => unknown("there is no digest", digests.loc()),
        },
    }
}
