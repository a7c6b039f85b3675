use super::key_policy;
use crate::judgement::Verdict;
use crate::prelude::*;
use lockfast_access::{
    Account, Policy, PrincipalPattern, Principals, Request, Resource as Target, Three, limits_leave,
};

control! {
    /// Several people approve a deletion only if AWS itself refuses it any other way. The key policy is
    /// asked whether an administrator of the account of whom it says nothing in particular (signed in
    /// with MFA, with the longest waiting period) may schedule the deletion, disable the key, delete
    /// its imported material, or change the policy that forbids it. Each must be denied to everybody
    /// but named roles (`ArnNotEquals` on `aws:PrincipalArn`, a tag of approved people), or be granted
    /// to named roles only, not to the account's root, which hands it to every IAM policy. AWS's
    /// default key policy lets any administrator delete the key. The organisation's policies over the account (SCPs and
    /// RCPs, level by level) are asked too where the input holds them: one that denies the same is as good. Where a live
    /// account does not tell its organisation's policies, a key policy that refuses nothing leaves it unknown.
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
    let bounds = cx.bounds();
    for subject in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        let written = key_policy::of(cx, subject);
        let account = match &written {
            Some(policy) => home(policy),
            None => key_policy::account(cx, subject),
        };
        let policy = written.as_ref().map(|policy| policy.clone().in_account(account.clone()));
        let limits = bounds.within(None, &account);
        let imported = subject.at("Origin").string().found().as_deref() == Some("EXTERNAL");
        let mut open: Option<Judgement> = None;
        let mut by_organization = false;
        for (action, why) in WAYS {
            if action == "kms:DeleteImportedKeyMaterial" && !imported {
                continue;
            }
            let request = by_an_administrator(&account, subject, action);
            let outcome = policy.as_ref().map(|policy| policy.evaluate(&request));
            let allowed = outcome.as_ref().map_or(Three::Yes, |outcome| outcome.allowed.and(!outcome.denied));
            if allowed.is_no() {
                continue;
            }
            let left = limits_leave(&request, &limits);
            by_organization |= left.is_no();
            let decided_by = outcome.as_ref().and_then(|outcome| outcome.decided_by.first());
            let at = decided_by.map_or(policy.as_ref().map_or(subject.resource.loc, |p| p.loc), |d| d.loc);
            match allowed.and(left) {
                Three::Yes => {
                    let why = match policy {
                        Some(_) => why,
                        None => "AWS's default key policy lets any administrator of the account delete the key",
                    };
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
        if let Some(unread) = bounds.unread_over(&account)
            && open.as_ref().is_some_and(|open| open.verdict == Verdict::Fail)
        {
            open = Some(Judgement::unknown(
                subject,
                format!("the key policy does not refuse it, and cannot tell whether the organisation does: {unread}"),
            ));
        }
        let at = policy.as_ref().map_or(subject.resource.loc, |policy| policy.loc);
        let judgement = open.unwrap_or_else(|| {
            let by = match by_organization {
                true => "the organisation's policies refuse a deletion to everybody but who they name",
                false => "the key policy refuses a deletion to everybody but who it names",
            };
            Judgement::pass(subject, by).at(at)
        });
        out.push(match &policy {
            Some(_) => judgement,
            None => {
                let default = Known::Default("every key administrator may delete", key_policy::DEFAULT, subject.resource.loc);
                judgement.fact("KeyPolicy", &default)
            }
        });
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
