use super::key_policy;
use crate::prelude::*;
use lockfast_access::{Account, Policy, PrincipalPattern, Principals, Request, Resource as Target, Three};

control! {
    /// Several people approve a deletion only if AWS itself refuses it any other way. The key policy is
    /// asked whether an administrator of the account of whom it says nothing in particular (signed in
    /// with MFA, with the longest waiting period) may schedule the deletion, disable the key, delete
    /// its imported material, or change the policy that forbids it. Each must be denied to everybody
    /// but named roles (`ArnNotEquals` on `aws:PrincipalArn`, a tag of approved people), or be granted
    /// to named roles only, not to the account's root, which hands it to every IAM policy. AWS's
    /// default key policy lets any administrator delete the key. Organisation policies (SCPs) that do
    /// the same stand in no template of the account and are not seen.
    id: "key-deletion-guarded",
    title: "AWS refuses the deletion of a key outside the approved way",
    clauses: ["KEY-8"],
    severity: High,
    fix: "Deny kms:ScheduleKeyDeletion, kms:DisableKey and kms:DeleteImportedKeyMaterial in the key policy unless aws:PrincipalArn is the deletion role (ArnNotEquals), and kms:PutKeyPolicy unless it is the deployment role.",
    cloudformation: r#"- Sid: DeletionThroughApprovalOnly
  Effect: Deny
  Principal: "*"
  Action: [kms:ScheduleKeyDeletion, kms:DisableKey, kms:DeleteImportedKeyMaterial]
  Resource: "*"
  Condition:
    ArnNotEquals: {aws:PrincipalArn: !Sub "arn:aws:iam::${AWS::AccountId}:role/key-deletion"}
- Sid: PolicyThroughDeploymentOnly
  Effect: Deny
  Principal: "*"
  Action: kms:PutKeyPolicy
  Resource: "*"
  Condition:
    ArnNotEquals: {aws:PrincipalArn: !Sub "arn:aws:iam::${AWS::AccountId}:role/deployment"}
"#,
    cdk: r#"key.addToResourcePolicy(new iam.PolicyStatement({
  effect: iam.Effect.DENY,
  principals: [new iam.AnyPrincipal()],
  actions: ['kms:ScheduleKeyDeletion', 'kms:DisableKey', 'kms:DeleteImportedKeyMaterial'],
  resources: ['*'],
  conditions: { ArnNotEquals: { 'aws:PrincipalArn': deletionRole.roleArn } },
}));
key.addToResourcePolicy(new iam.PolicyStatement({
  effect: iam.Effect.DENY,
  principals: [new iam.AnyPrincipal()],
  actions: ['kms:PutKeyPolicy'],
  resources: ['*'],
  conditions: { ArnNotEquals: { 'aws:PrincipalArn': deploymentRole.roleArn } },
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
        let account = home(&policy);
        let policy = policy.in_account(account.clone());
        let imported = subject.at("Origin").string().found().as_deref() == Some("EXTERNAL");
        let mut open: Option<Judgement> = None;
        for (action, why) in WAYS {
            if action == "kms:DeleteImportedKeyMaterial" && !imported {
                continue;
            }
            let outcome = policy.evaluate(&by_an_administrator(&account, subject, action));
            let at = outcome.decided_by.first().map_or(policy.loc, |d| d.loc);
            match outcome.allowed.and(!outcome.denied) {
                Three::Yes => {
                    open = Some(Judgement::fail(subject, why).at(at).stated("action", action, at));
                    break;
                }
                Three::Maybe => {
                    open.get_or_insert_with(|| {
                        Judgement::unknown(
                            subject,
                            format!("cannot tell whether any administrator of the account has {action}: it hangs on values known only at deployment"),
                        )
                        .at(at)
                    });
                }
                Three::No => {}
            }
        }
        out.push(open.unwrap_or_else(|| {
            Judgement::pass(subject, "the key policy refuses a deletion to everybody but who it names").at(policy.loc)
        }));
    }
}

/// The ways to a key's end, and what it means when they are open.
const WAYS: [(&str, &str); 4] = [
    (
        "kms:ScheduleKeyDeletion",
        "whoever the account's IAM policies let may delete the key; nothing demands the approved way",
    ),
    (
        "kms:DisableKey",
        "whoever the account's IAM policies let may disable the key, which stops its data like a deletion does",
    ),
    (
        "kms:DeleteImportedKeyMaterial",
        "whoever the account's IAM policies let may delete the key's imported material at once",
    ),
    (
        "kms:PutKeyPolicy",
        "whoever the account's IAM policies let may change the key policy, and so lift its denial of deletion",
    ),
];

/// The key's account: where the input does not say, the one account that its policy names.
fn home(policy: &Policy) -> Account {
    if policy.account != Account::Own {
        return policy.account.clone();
    }
    let mut named = policy.statements.iter().filter_map(|statement| match &statement.principals {
        Principals::These(patterns) => Some(patterns.iter().filter_map(PrincipalPattern::account)),
        _ => None,
    });
    let mut ids = named.by_ref().flatten().filter(|account| matches!(account, Account::Id(_)));
    match ids.next() {
        Some(first) if ids.all(|other| other == first) => first,
        _ => Account::Own,
    }
}

/// A request of somebody in the account who may do everything by IAM: signed in with MFA, without
/// tags, with the longest waiting period, of whom the policy says nothing in particular.
fn by_an_administrator(account: &Account, subject: Subject<'_>, action: &str) -> Request {
    let principal = key_policy::somebody(account);
    Request::new(principal.with_tags([]), action, Target::kms_key(subject.id()))
        .in_account(account.clone())
        .with("aws:MultiFactorAuthPresent", "true")
        .with("aws:MultiFactorAuthAge", "60")
        .with("aws:SecureTransport", "true")
        .with("aws:ViaAWSService", "false")
        .with("aws:PrincipalIsAWSService", "false")
        .with("kms:ScheduleKeyDeletionPendingWindowInDays", "30")
        .with("kms:BypassPolicyLockoutSafetyCheck", "false")
        .without("aws:SourceIdentity")
}
