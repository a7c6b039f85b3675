use super::key_policy;
use crate::prelude::*;
use lockfast_access::{Scope, allowed_principals, Resource as Target};

control! {
    /// Several people approve a deletion only if AWS itself refuses it any other way. The key policy
    /// must deny `kms:ScheduleKeyDeletion` (and `kms:DisableKey`) to everybody but a deletion role,
    /// or grant them to one role only, not to the account's root, which hands them to every IAM
    /// policy. AWS's default key policy lets any administrator delete the key. Organisation
    /// policies (SCPs) that do the same stand in no template of the account and are not seen.
    id: "key-deletion-guarded",
    title: "AWS refuses the deletion of a key outside the approved way",
    clauses: ["KEY-8"],
    severity: High,
    fix: "Deny kms:ScheduleKeyDeletion and kms:DisableKey in the key policy unless aws:PrincipalArn is the deletion role (ArnNotEquals).",
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
    for subject in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        let Some(policy) = key_policy::of(cx, subject) else {
            let default = Known::Default("every key administrator may delete", key_policy::DEFAULT, subject.resource.loc);
            out.push(
                Judgement::fail(subject, "AWS's default key policy lets any administrator of the account delete the key")
                    .fact("KeyPolicy", &default),
            );
            continue;
        };
        let mut open: Option<Judgement> = None;
        for grantee in allowed_principals(&policy, "kms:ScheduleKeyDeletion", &Target::kms_key(subject.id())) {
            // A denial to everybody but named principals takes the account's delegation back.
            if !grantee.unless.is_empty() {
                continue;
            }
            match grantee.scope() {
                Scope::Accounts(_) | Scope::Anyone | Scope::Organization(_) => {
                    open = Some(
                        Judgement::fail(
                            subject,
                            "whoever the account's IAM policies let may delete the key; nothing demands the approved way",
                        )
                        .at(grantee.loc),
                    );
                    break;
                }
                Scope::Unknown(why) => {
                    open.get_or_insert(
                        Judgement::cannot_tell(subject, "who may delete the key", &why).at(grantee.loc),
                    );
                }
                _ => {}
            }
        }
        out.push(open.unwrap_or_else(|| {
            Judgement::pass(subject, "only named roles may delete the key").at(policy.loc)
        }));
    }
}
