use crate::logs::{list, named, text};
use crate::prelude::*;
use lockfast_facts::trail::KEY;

control! {
    /// Looks at the rotations of each key that CloudTrail's logs tell of: AWS's own (`RotateKey`) and those
    /// asked for (`RotateKeyOnDemand`). One that failed fails, with the error and when. A key without any in
    /// the logs is unknown: rotation comes round once in a period, which may be longer than the logs, and
    /// whether it is due, `key-rotation` asks. Keys of accounts whose logs were not given do not count:
    /// their rotations are logged elsewhere.
    id: "rotations-succeed",
    title: "No rotation of a key failed",
    clauses: ["ROT-3"],
    sources: [Trail],
    severity: Medium,
    fix: "Look up the error in the AWS KMS API Reference (RotateKeyOnDemand), mend its cause (a key that is disabled, or its material expired), and rotate on demand.",
    cloudformation: r#"Type: AWS::KMS::Key
Properties: {EnableKeyRotation: true, RotationPeriodInDays: 365}
"#,
    cdk: r#"new kms.Key(this, 'Key', { enableKeyRotation: true, rotationPeriod: Duration.days(365) });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let accounts: Vec<_> = cx
        .subjects(&[lockfast_facts::trail::LOGS])
        .iter()
        .filter_map(|logs| cx.inventory.stack_of(logs.resource).place.account.clone())
        .collect();
    for key in cx.subjects(&[KEY]) {
        let owner = key.at("KeyAccount").string().found();
        if !accounts.is_empty() && owner.is_some_and(|owner| !accounts.iter().any(|account| **account == *owner)) {
            out.push(Judgement::not_applicable(key, "its rotations are in the logs of its own account, which are not given"));
            continue;
        }
        let what = "whether rotations succeed";
        let rotations = list(key, "Rotations");
        let judgement = match &rotations {
            Known::Unknown(why, _) => Judgement::cannot_tell(key, what, why),
            known => judge_rotations(key, known.value().copied().unwrap_or_default(), what),
        };
        out.push(judgement.fact_as("Rotations", &rotations, |all| all.len().to_string()));
    }
}

fn judge_rotations(key: Subject<'_>, rotations: &[Value], what: &str) -> Judgement {
    let mut failed = Vec::new();
    let mut unknown = None;
    for rotation in rotations {
        let of = |property: &str| text(rotation, property).unwrap_or_else(|| "?".into());
        match rotation.at("Error").string() {
            Read::Found(error, _) => failed.push(format!("{} at {} ({error})", of("Operation"), of("Time"))),
            Read::Unknown(why, _) => unknown = unknown.or(Some(why)),
            Read::Absent(_) => {}
        }
    }
    let last = rotations.iter().filter_map(|rotation| text(rotation, "Time")).max();
    match (failed.is_empty(), unknown, rotations.is_empty()) {
        (false, ..) => Judgement::fail(key, format!("a rotation failed: {}", named(failed))),
        (_, Some(why), _) => Judgement::cannot_tell(key, what, &why),
        (.., true) => {
            let why = Why::Unsupported("no rotation falls into the time of the logs".into());
            Judgement::cannot_tell(key, what, &why)
        }
        _ => Judgement::pass(key, match last {
            Some(last) => format!("every rotation succeeded, the last at {last}"),
            None => "every rotation succeeded".to_owned(),
        }),
    }
}
