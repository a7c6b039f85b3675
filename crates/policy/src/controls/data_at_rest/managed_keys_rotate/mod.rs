use crate::live::listed_or_unknown;
use crate::prelude::*;

control! {
    /// AWS rotates the material of AWS managed keys every year, and nobody can change that (AWS KMS
    /// Developer Guide, "Rotate AWS KMS keys"; every three years until May 2022). So an AWS managed key
    /// passes by that service fact, unless the account tells otherwise: a rotation status that is off, a
    /// key that is not enabled, a last rotation more than two years ago. A key of which the account does
    /// not tell who manages it is unknown, and so is a list of keys that could not be read.
    id: "managed-keys-rotate",
    title: "AWS managed keys rotate every year",
    clauses: ["ROT-1"],
    sources: [Live],
    severity: Medium,
    fix: "Ask AWS Support about the key, or move its data to a customer managed key with rotation on.",
    cloudformation: r#"Type: AWS::KMS::Key
Properties:
  EnableKeyRotation: true
  RotationPeriodInDays: 365
"#,
    cdk: r#"new kms.Key(this, 'Key', { enableKeyRotation: true });
"#,
}

const YEARLY: ServiceDefault = ServiceDefault {
    doc: "AWS KMS Developer Guide: Rotate AWS KMS keys",
    since: "2022-05-01",
};

const MANAGED: &str = "AWS::KMS::ManagedKey";

fn judge(cx: &Cx<'_>, out: &mut Out) {
    // One list has both, and what could not be read of it may be of either.
    let what = "which AWS managed keys there are";
    let kinds = ["AWS::KMS::Key", MANAGED];
    for subject in listed_or_unknown(cx, &kinds, what, out) {
        if subject.kind() == MANAGED {
            out.push(key(cx, subject));
        } else if let Read::Unknown(why, loc) = subject.at("KeyManager").string() {
            let what = "whether AWS manages the key, and so rotates it every year";
            out.push(Judgement::cannot_tell(subject, what, &why).at(loc));
        }
    }
}

fn key(cx: &Cx<'_>, subject: Subject<'_>) -> Judgement {
    let rotates = subject.at("EnableKeyRotation").bool();
    let rotates = match rotates {
        // The service fact holds whether or not the call that would confirm it gave an answer.
        Read::Unknown(_, loc) => Known::Default(true, YEARLY, loc),
        told => told.or_default(true, YEARLY),
    };
    let age = cx.days_since(subject.at("LastRotationDate"));
    let state = subject.at("KeyState").string().found();
    let judgement = match (rotates.value(), &age, state.as_deref()) {
        (Some(false), ..) => Judgement::fail(subject, "its rotation status is off, although AWS rotates its keys"),
        (_, Read::Found(days, loc), _) if *days > 2 * 365 => {
            Judgement::fail(subject, format!("it was last rotated {days} days ago")).at(*loc)
        }
        (_, _, Some(state)) if state != "Enabled" => {
            Judgement::fail(subject, format!("its state is {state}, and KMS rotates enabled keys only"))
        }
        _ => Judgement::pass(subject, "AWS rotates it every year"),
    };
    let alias = subject.at("AliasName").string();
    let judgement = judgement.fact("EnableKeyRotation", &rotates);
    match alias {
        Read::Found(alias, loc) => judgement.stated("AliasName", alias, loc),
        _ => judgement,
    }
}
