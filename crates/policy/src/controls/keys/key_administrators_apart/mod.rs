use super::key_policy;
use crate::prelude::*;
use lockfast_facts::StackId;
use std::collections::HashMap;
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

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let roles = Roles::of(cx);
    for subject in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        let policy = key_policy::of(cx, subject);
        let named = policy.as_ref().map(|p| by_policy(cx, subject, p)).unwrap_or_default();
        let delegates = policy.as_ref().is_none_or(|p| delegates(cx, subject, p));
        let by_identity = if delegates { roles.over(cx, subject.resource) } else { Vec::new() };
        let judgement = match (named.both.len() + by_identity.len(), &named.unknown) {
            (0, Some(why)) => Judgement::unknown(subject, format!("cannot tell who administers and uses the key: {why}")),
            (0, None) => Judgement::pass(subject, "nobody both administers and uses the key"),
            (n, _) => {
                let who = match named.both.first() {
                    Some(name) => name.clone(),
                    None => cx.label(by_identity[0]),
                };
                let more = if n == 1 { String::new() } else { format!(" and {} more", n - 1) };
                Judgement::fail(subject, format!("{who}{more} may both administer and use the key"))
            }
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

/// The roles whose identity policies let them both administer and use keys. A policy tells keys apart
/// only by naming them, so each role is asked once of every key it names and once of all others.
#[derive(Default)]
struct Roles<'a> {
    /// Over every key of the account that they do not name.
    of_account: HashMap<Arc<str>, Vec<&'a Resource>>,
    /// The same, of the stack: for keys or roles whose account is not known.
    of_stack: HashMap<StackId, Vec<&'a Resource>>,
    /// Over keys they name: whether they may.
    named: HashMap<ResourceId, Vec<(&'a Resource, bool)>>,
}

impl<'a> Roles<'a> {
    fn of(cx: &Cx<'a>) -> Self {
        let mut roles = Roles::default();
        for role in cx.inventory.of_kind("AWS::IAM::Role") {
            let documents = documents(cx, role);
            let policies: Vec<Policy> = documents.iter().copied().map(Policy::from_value).collect();
            let policies: Vec<&Policy> = policies.iter().collect();
            let allows = |actions: &[&str], target: &Target| {
                actions.iter().any(|a| identity_allows(&policies, a, target) == Decision::Allow)
            };
            let does_both = |target: &Target| allows(&ADMINISTER, target) && allows(&USE, target);
            let mut names: Vec<ResourceId> = Vec::new();
            for document in documents {
                document.walk(&mut |_, value| {
                    if let Kind::Text(text) = &value.kind {
                        names.extend(text.references().map(|r| r.target));
                    }
                });
            }
            names.sort_unstable();
            names.dedup();
            for id in names {
                let is_key = matches!(&*cx.inventory.resource(id).kind, "AWS::KMS::Key" | "AWS::KMS::ReplicaKey");
                if is_key {
                    roles.named.entry(id).or_default().push((role, does_both(&Target::kms_key(id))));
                }
            }
            if does_both(&Target::kms_key(UNNAMED)) {
                if let Some(account) = &cx.inventory.stack_of(role).place.account {
                    roles.of_account.entry(account.clone()).or_default().push(role);
                }
                roles.of_stack.entry(role.stack).or_default().push(role);
            }
        }
        roles
    }

    /// Those that do both to a key.
    fn over(&self, cx: &Cx<'a>, key: &Resource) -> Vec<&'a Resource> {
        let account = |of: &Resource| cx.inventory.stack_of(of).place.account.clone();
        let own = account(key);
        let near = |role: &Resource| match (account(role), &own) {
            (Some(a), Some(b)) => a == *b,
            _ => role.stack == key.stack,
        };
        let named = self.named.get(&key.id).map(Vec::as_slice).unwrap_or_default();
        let general = own.as_ref().and_then(|own| self.of_account.get(own)).into_iter();
        let mut over: Vec<&Resource> = general
            .chain(self.of_stack.get(&key.stack))
            .flatten()
            .copied()
            .filter(|role| near(role) && !named.iter().any(|(other, _)| other.id == role.id))
            .chain(named.iter().filter(|(role, does)| *does && near(role)).map(|(role, _)| *role))
            .collect();
        over.sort_by_key(|role| role.id);
        over.dedup_by_key(|role| role.id);
        over
    }
}

/// A key that no template makes.
const UNNAMED: ResourceId = ResourceId(u32::MAX);

/// A role's inline policies and those attached in the templates, when they mention keys.
fn documents<'a>(cx: &Cx<'a>, role: &'a Resource) -> Vec<&'a Value> {
    let Some(variant) = role.variants.first() else {
        return Vec::new();
    };
    let mut documents: Vec<&Value> = variant
        .properties
        .each("Policies.*.PolicyDocument")
        .into_iter()
        .filter_map(Read::found)
        .collect();
    for attached in cx.inventory.referrers(role.id) {
        if matches!(&*attached.kind, "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" | "AWS::IAM::RolePolicy") {
            documents.extend(attached.at("PolicyDocument").found());
        }
    }
    documents.retain(|document| mentions_keys(document));
    documents
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
