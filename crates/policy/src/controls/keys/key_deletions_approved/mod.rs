use crate::logs::{Gaps, list, text, told};
use crate::prelude::*;
use lockfast_facts::trail::KEY;

control! {
    /// Looks at every call in CloudTrail's logs that deletes a key, disables it, or deletes its imported
    /// material (`ScheduleKeyDeletion`, `DisableKey`, `DeleteImportedKeyMaterial`) and succeeded: the ledger
    /// of approvals (`[approvals] ledger` of `lockfast.toml`) must hold that several people approved it.
    /// Without a ledger, a call that succeeded is unknown; one that AWS refused passes. A key that nobody
    /// deleted or disabled passes where the logs are whole, and is unknown where they lack days or files.
    /// Whether AWS would refuse a deletion, `key-deletion-guarded` asks.
    id: "key-deletions-approved",
    title: "Every key that was deleted or disabled had several people's approval",
    clauses: ["KEY-8"],
    sources: [Trail],
    severity: High,
    fix: "Cancel the deletion (aws kms cancel-key-deletion, then enable-key) or restore the material, ask who did it and why, and let AWS refuse it outside the approved way.",
    cloudformation: r#"- Sid: DeletionThroughApprovalOnly
  Effect: Deny
  Principal: "*"
  Action: [kms:ScheduleKeyDeletion, kms:DisableKey, kms:DeleteImportedKeyMaterial]
  Resource: "*"
  Condition:
    ArnNotEquals: {aws:PrincipalArn: !Sub "arn:aws:iam::${AWS::AccountId}:role/key-deletion"}
"#,
    cdk: r#"key.addToResourcePolicy(new iam.PolicyStatement({
  effect: iam.Effect.DENY,
  principals: [new iam.AnyPrincipal()],
  actions: ['kms:ScheduleKeyDeletion', 'kms:DisableKey', 'kms:DeleteImportedKeyMaterial'],
  resources: ['*'],
  conditions: { ArnNotEquals: { 'aws:PrincipalArn': deletionRole.roleArn } },
}));
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let gaps = Gaps::of(cx);
    for key in cx.subjects(&[KEY]) {
        match list(key, "Deletions") {
            Known::Unknown(why, _) => out.push(Judgement::cannot_tell(key, "whether somebody deleted the key", &why)),
            known => {
                let deletions = known.value().copied().unwrap_or_default();
                if deletions.is_empty() {
                    let judgement = Judgement::pass(key, "nobody deleted or disabled the key")
                        .stated("Deletions", "none", known.loc());
                    out.push(gaps.unless(cx, key.resource, judgement, "whether somebody deleted or disabled the key"));
                }
                for (index, deletion) in deletions.iter().enumerate() {
                    // By its event it is the same in every run.
                    let part = text(deletion, "EventId").unwrap_or_else(|| format!("deletion {}", index + 1));
                    out.push(judge_deletion(key, deletion).part(part));
                }
            }
        }
    }
}

fn judge_deletion(key: Subject<'_>, deletion: &Value) -> Judgement {
    let shown = |property: &str, otherwise: &str| text(deletion, property).unwrap_or_else(|| otherwise.to_owned());
    let operation = shown("Operation", "a deletion");
    let (who, when) = (shown("Principal", "somebody"), shown("Time", "a time that is not known"));
    let approved = deletion.at("Approved").bool();
    let judgement = match (deletion.at("Error").string(), &approved) {
        (Read::Found(error, _), _) => Judgement::pass(key, format!("AWS refused {operation} of {who} ({error})")),
        (Read::Unknown(why, _), _) => Judgement::cannot_tell(key, &format!("whether {operation} of {who} succeeded"), &why),
        (_, Read::Found(true, _)) => Judgement::pass(key, format!("{operation} of {who} was approved by several people")),
        (_, Read::Found(false, _)) => {
            Judgement::fail(key, format!("{operation} of {who} at {when} has no approval in the ledger"))
        }
        (_, Read::Unknown(why, _)) => Judgement::cannot_tell(key, &format!("whether {operation} of {who} was approved"), why),
        (_, Read::Absent(_)) => {
            let why = Why::NotGiven("the ledger of approvals".into());
            Judgement::cannot_tell(key, &format!("whether {operation} of {who} was approved"), &why)
        }
    };
    let approved = told(approved, "the ledger of approvals");
    let mut judgement = judgement.fact("Approved", &approved);
    for property in ["Time", "Error", "File", "Offset"] {
        if let Read::Found(value, loc) = deletion.at(property).string() {
            judgement = judgement.stated(property, value, loc);
        }
    }
    judgement
}
