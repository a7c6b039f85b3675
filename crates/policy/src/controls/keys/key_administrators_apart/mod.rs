use super::key_policy;
use crate::prelude::*;
use lockfast_access::{Decision, Effect, Policy, Principal, PrincipalPattern, Principals, Resource as Target, identity_allows};

control! {
    /// Nobody may both administer a key (change its policy, disable it, delete it) and use it
    /// (decrypt). For every principal that a key policy names, both are put to the policy; for every
    /// IAM role in the templates of the key's account its identity policies are asked too, since
    /// the account's root in a key policy hands the decision to them (AWS KMS Developer Guide,
    /// "Default key policy"). The account's root itself is AWS's way to delegate and not counted.
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
const USE: [&str; 2] = ["kms:Decrypt", "kms:GenerateDataKey"];

/// A role and the identity policies that say something of keys.
struct Role<'a> {
    resource: &'a Resource,
    account: Option<Arc<str>>,
    policies: Vec<Policy>,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let roles = roles(cx);
    for subject in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        let policy = key_policy::of(cx, subject);
        let named = policy.as_ref().map(|p| by_policy(cx, subject, p)).unwrap_or_default();
        let delegates = policy.as_ref().is_none_or(|p| delegates(cx, subject, p));
        let by_identity = if delegates { by_identity(cx, subject, &roles) } else { Vec::new() };
        let both: Vec<&String> = named.both.iter().chain(by_identity.iter()).collect();
        let judgement = match (both.as_slice(), &named.unknown) {
            ([who, rest @ ..], _) => {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                Judgement::fail(subject, format!("{who}{more} may both administer and use the key"))
            }
            ([], Some(why)) => Judgement::unknown(subject, format!("cannot tell who administers and uses the key: {why}")),
            _ => Judgement::pass(subject, "nobody both administers and uses the key"),
        };
        let loc = policy.as_ref().map_or(subject.resource.loc, |p| p.loc);
        out.push(judgement.at(loc));
    }
}

#[derive(Default)]
struct Named {
    both: Vec<String>,
    unknown: Option<String>,
}

/// The principals that the key policy itself lets do both.
fn by_policy(cx: &Cx<'_>, subject: Subject<'_>, policy: &Policy) -> Named {
    let mut named = Named::default();
    let mut seen: Vec<&PrincipalPattern> = Vec::new();
    for statement in policy.statements.iter().filter(|s| s.effect == Effect::Allow) {
        let Principals::These(patterns) = &statement.principals else {
            if let Principals::AllBut(_) = statement.principals {
                seen.push(&PrincipalPattern::Anyone);
            }
            continue;
        };
        seen.extend(patterns);
    }
    let mut done: Vec<&PrincipalPattern> = Vec::new();
    for pattern in seen {
        if done.contains(&pattern) {
            continue;
        }
        done.push(pattern);
        let (who, name) = match pattern {
            PrincipalPattern::Anyone => (Principal::arn("arn:aws:iam::000000000000:role/anybody"), "everybody".to_owned()),
            PrincipalPattern::Resource(id) => (
                Principal::resource(*id, key_policy::account(cx, subject)),
                cx.label(cx.inventory.resource(*id)),
            ),
            PrincipalPattern::Arn(text) => match text.plain() {
                Some(arn) => (Principal::arn(arn), arn.to_owned()),
                None => continue,
            },
            PrincipalPattern::Unknown(why) => {
                named.unknown.get_or_insert_with(|| why.to_string());
                continue;
            }
            _ => continue,
        };
        let allows = |actions: &[&str]| {
            actions.iter().any(|action| {
                let request = lockfast_access::Request::new(who.clone(), *action, Target::kms_key(subject.id()))
                    .in_account(key_policy::account(cx, subject));
                let outcome = policy.evaluate(&request);
                // What the policy leaves to the account's IAM policies is asked of them below.
                outcome.decision == Decision::Allow
                    && outcome.through.role.or(outcome.through.direct).is_yes()
            })
        };
        if allows(&ADMINISTER) && allows(&USE) {
            named.both.push(name);
        }
    }
    named
}

/// Whether the policy hands decisions to the account's IAM policies.
fn delegates(cx: &Cx<'_>, subject: Subject<'_>, policy: &Policy) -> bool {
    let request = lockfast_access::Request::new(
        Principal::root(key_policy::account(cx, subject)),
        "kms:PutKeyPolicy",
        Target::kms_key(subject.id()),
    )
    .in_account(key_policy::account(cx, subject));
    policy.evaluate(&request).decision == Decision::Allow
}

fn by_identity(cx: &Cx<'_>, subject: Subject<'_>, roles: &[Role<'_>]) -> Vec<String> {
    let account = &cx.inventory.stack_of(subject.resource).place.account;
    roles
        .iter()
        .filter(|role| match (&role.account, account) {
            (Some(a), Some(b)) => a == b,
            _ => role.resource.stack == subject.resource.stack,
        })
        .filter(|role| {
            let policies: Vec<&Policy> = role.policies.iter().collect();
            let target = Target::kms_key(subject.id());
            let allows = |actions: &[&str]| {
                actions.iter().any(|a| identity_allows(&policies, a, &target) == Decision::Allow)
            };
            allows(&ADMINISTER) && allows(&USE)
        })
        .map(|role| cx.label(role.resource))
        .collect()
}

/// Every role with its inline policies and those attached in the templates, when they mention keys.
fn roles<'a>(cx: &Cx<'a>) -> Vec<Role<'a>> {
    cx.inventory
        .of_kind("AWS::IAM::Role")
        .filter_map(|resource| {
            let variant = resource.variants.first()?;
            let mut documents: Vec<&Value> = variant
                .properties
                .each("Policies.*.PolicyDocument")
                .into_iter()
                .filter_map(Read::found)
                .collect();
            for attached in cx.inventory.referrers(resource.id) {
                if matches!(&*attached.kind, "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" | "AWS::IAM::RolePolicy") {
                    documents.extend(attached.at("PolicyDocument").found());
                }
            }
            let policies: Vec<Policy> = documents
                .into_iter()
                .filter(|document| mentions_keys(document))
                .map(Policy::from_value)
                .collect();
            // Asked once for any key, so that each key asks only those few who may administer one.
            let asked: Vec<&Policy> = policies.iter().collect();
            let administers = ADMINISTER.iter().any(|action| {
                identity_allows(&asked, action, &Target::any()) != Decision::ImplicitDeny
            });
            administers.then(|| Role {
                resource,
                account: cx.inventory.stack_of(resource).place.account.clone(),
                policies,
            })
        })
        .collect()
}

/// A cheap look before a policy is read: administration needs `kms:…` or `*`.
fn mentions_keys(document: &Value) -> bool {
    let mut found = false;
    document.walk(&mut |path, value| {
        if !found
            && path.contains("Action")
            && let Kind::Text(text) = &value.kind
            && let Some(action) = text.plain()
        {
            found = action == "*" || action.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("kms:"));
        }
    });
    found
}
