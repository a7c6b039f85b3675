use self::identities::Identities;
use super::key_policy;
use crate::prelude::*;
use lockfast_access::kms::{Class, actions};
use lockfast_access::{
    Account, Decision, Effect, Identity, Policy, PolicySet, Principal, PrincipalPattern, Principals, Request,
    Resource as Target, Three, Trust, account_of_arn, evaluate_access,
};
use std::collections::BTreeMap;

mod identities;

control! {
    /// Nobody may both administer a key (change its policy, disable it, delete it) and use it
    /// (decrypt, sign). For every principal that a key policy names, both are put to the policy; for every
    /// role, user, group, permission set and SAM function in the templates of the key's account its
    /// identity policies are asked too (inline, attached, AWS's own), since the account's root in a key
    /// policy hands the decision to them (AWS KMS Developer Guide, "Default key policy"). The account's
    /// root itself is AWS's way to delegate and not counted, nor is `kms:CreateGrant` as a use, which AWS
    /// gives to administrators. Who does both under a condition only (MFA, `kms:ViaService`) is unknown.
    id: "key-administrators-apart",
    title: "Those who administer a key do not use it",
    clauses: ["KEY-7"],
    severity: Medium,
    fix: "Give administration (kms:PutKeyPolicy, kms:ScheduleKeyDeletion, …) and use (kms:Decrypt, …) to different roles; never kms:*.",
    cloudformation: r#"- Sid: Administer
  Effect: Allow
  Principal: {AWS: !GetAtt KeyAdministrators.Arn}
  Action: [kms:PutKeyPolicy, kms:EnableKeyRotation, kms:DisableKey, kms:ScheduleKeyDeletion, kms:TagResource]
  Resource: "*"
- Sid: Use
  Effect: Allow
  Principal: {AWS: !GetAtt OrdersRole.Arn}
  Action: [kms:Decrypt, kms:GenerateDataKey]
  Resource: "*"
"#,
    cdk: r#"key.grantAdmin(keyAdministrators);
key.grantEncryptDecrypt(ordersRole);
"#,
}

const ADMINISTER: [&str; 3] = ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKey"];

fn uses() -> impl Iterator<Item = &'static str> {
    let all = actions(Class::Use).iter().map(String::as_str);
    all.filter(|action| *action != "kms:CreateGrant")
}

/// Whether both are allowed: something of administration, and something of use.
fn both(allowed: impl Fn(&str) -> Three) -> Three {
    Three::any(ADMINISTER.into_iter().map(&allowed)).and(Three::any(uses().map(&allowed)))
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let identities = Identities::of(cx);
    for subject in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        let policy = key_policy::of(cx, subject);
        let mut found: BTreeMap<String, Three> = BTreeMap::new();
        let mut unnamed: Option<Arc<Why>> = None;
        if let Some(policy) = &policy {
            unnamed = by_policy(cx, subject, policy, &identities, &mut found);
        }
        let delegates = policy.as_ref().map_or(Three::Yes, |policy| delegates(subject, policy));
        for (identity, does) in identities.over(cx, subject.resource) {
            found.entry(cx.label(identity)).or_insert(does.and(delegates));
        }
        let those = |wanted: Three| {
            let mut names = found.iter().filter(move |(_, does)| **does == wanted).map(|(name, _)| name.as_str());
            let first = names.next();
            first.map(|first| (first.to_owned(), names.count()))
        };
        let judgement = match (those(Three::Yes), those(Three::Maybe), unnamed) {
            (Some((who, 0)), ..) => Judgement::fail(subject, format!("{who} may both administer and use the key")),
            (Some((who, more)), ..) => {
                Judgement::fail(subject, format!("{who} and {more} more may both administer and use the key"))
            }
            (None, _, Some(why)) => Judgement::cannot_tell(subject, "who administers and uses the key", &why),
            (None, Some((who, _)), None) => Judgement::unknown(
                subject,
                format!("cannot tell whether {who} both administers and uses the key: that hangs on conditions"),
            ),
            (None, None, None) => Judgement::pass(subject, "nobody both administers and uses the key"),
        };
        let loc = policy.as_ref().map_or(subject.resource.loc, |p| p.loc);
        out.push(judgement.at(loc));
    }
}

/// The principals that the key policy names, and whether each does both; why one that it names is not
/// known.
fn by_policy<'a>(
    cx: &Cx<'a>,
    subject: Subject<'a>,
    policy: &Policy,
    identities: &Identities<'a>,
    found: &mut BTreeMap<String, Three>,
) -> Option<Arc<Why>> {
    let mut unnamed = None;
    let mut patterns: Vec<&PrincipalPattern> = Vec::new();
    for statement in policy.statements.iter().filter(|s| s.effect != Effect::Deny) {
        let of_statement = match &statement.principals {
            Principals::These(patterns) => patterns.as_slice(),
            Principals::AllBut(_) => &[PrincipalPattern::Anyone],
            Principals::Holder => &[],
        };
        for pattern in of_statement {
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
    }
    let home = &policy.account;
    let target = identities.key(cx, subject.resource);
    for pattern in patterns {
        let (who, name) = match pattern {
            PrincipalPattern::Anyone => (key_policy::somebody(home), "everybody".to_owned()),
            PrincipalPattern::Resource(id) => {
                (Principal::resource(*id, home.clone()), cx.label(cx.inventory.resource(*id)))
            }
            PrincipalPattern::Arn(text) => (of_arn(text), text.render(|_| "…".to_owned())),
            PrincipalPattern::Unknown(why) => {
                unnamed.get_or_insert_with(|| why.clone());
                continue;
            }
            _ => continue,
        };
        let of_identity: Vec<&Policy> = match pattern {
            PrincipalPattern::Resource(id) => identities.policies(*id).iter().collect(),
            _ => Vec::new(),
        };
        let does = both(|action| {
            let request = Request::new(who.clone(), action, target.clone()).in_account(home.clone());
            if of_identity.is_empty() {
                // What the policy leaves to the account's IAM policies is asked of them.
                let outcome = policy.evaluate(&request);
                return outcome.through.role.or(outcome.through.direct).and(!outcome.denied);
            }
            let policies = PolicySet {
                identity: of_identity.clone(),
                resource: Some(policy),
                trust: Trust::ResourceFirst,
                ..PolicySet::default()
            };
            three(&evaluate_access(&request, &policies).decision)
        });
        found.insert(name, does);
    }
    unnamed
}

fn of_arn(arn: &lockfast_facts::Text) -> Principal {
    match arn.plain() {
        Some(arn) => Principal::arn(arn),
        None => Principal {
            identity: Identity::Named { arn: Some(arn.clone()), id: None, session: None },
            account: account_of_arn(arn).unwrap_or(Account::Unknown),
            tags: None,
        },
    }
}

fn three(decision: &Decision) -> Three {
    match decision {
        Decision::Allow => Three::Yes,
        Decision::Possible(_) => Three::Maybe,
        Decision::ImplicitDeny | Decision::ExplicitDeny => Three::No,
    }
}

/// Whether the policy hands decisions to the account's IAM policies.
fn delegates(subject: Subject<'_>, policy: &Policy) -> Three {
    let root = Principal::root(policy.account.clone());
    both(|action| {
        let request = Request::new(root.clone(), action, Target::kms_key(subject.id()));
        three(&policy.evaluate(&request.in_account(policy.account.clone())).decision)
    })
}
