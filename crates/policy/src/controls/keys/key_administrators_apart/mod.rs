use self::identities::Identities;
use super::key_policy::{self, UNMADE};
use crate::live::unlisted_identities as unlisted;
use lockfast_access::identities::arn_of;
use crate::prelude::*;
use lockfast_access::kms::{Class, actions};
use lockfast_access::{
    Account, Decision, Effect, Identity, Policy, PolicySet, Principal, PrincipalPattern, Principals, Request,
    Resource as Target, Three, Trust, account_of_arn, limits_leave, may,
};
use lockfast_facts::Text;
use std::collections::{BTreeMap, BTreeSet};

mod identities;

control! {
    /// Nobody may both administer a key (change its policy, disable it, delete it) and use it
    /// (decrypt, sign). For every principal that a key policy names, both are put to the policy; for every
    /// role, user, group, permission set and SAM function in the templates of the key's account its
    /// identity policies are asked too (inline, attached, AWS's own), since the account's root in a key
    /// policy hands the decision to them (AWS KMS Developer Guide, "Default key policy"). What a user holds by its groups
    /// counts as its own; permissions boundaries and the organisation's policies (SCPs, RCPs) take back what they do not
    /// leave. The account's
    /// root itself is AWS's way to delegate and not counted, nor is `kms:CreateGrant` as a use, which AWS
    /// gives to administrators. Who does both under a condition only (MFA, `kms:ViaService`) is unknown.
    /// An ARN is compared with those of the template's roles and users, as far as their names and paths
    /// are written; a name that CloudFormation gives holds the logical id.
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
        let mut found: BTreeMap<String, (Three, &str)> = BTreeMap::new();
        let mut unnamed: Option<Arc<Why>> = None;
        if let Some(policy) = &policy {
            unnamed = by_policy(cx, subject, policy, &identities, &mut found);
        }
        let delegates = policy.as_ref().map_or(Three::Yes, |policy| delegates(subject, policy));
        for (identity, does) in identities.over(cx, subject.resource) {
            let policies = identities.policies(identity.id).iter().chain(&policy);
            found.entry(cx.label(identity)).or_insert_with(|| (does.and(delegates), hangs_on(policies)));
        }
        // What the policy hands to nobody, no identity that is not among the facts can have.
        let unlisted = unlisted(cx, subject.resource).filter(|_| !delegates.is_no());
        let those = |wanted: Three| {
            let mut those = found.iter().filter(move |(_, (does, _))| *does == wanted);
            let first = those.next();
            first.map(|(name, (_, why))| (name.as_str(), *why, those.count()))
        };
        let judgement = match (those(Three::Yes), those(Three::Maybe), unnamed) {
            (Some((who, _, 0)), ..) => Judgement::fail(subject, format!("{who} may both administer and use the key")),
            (Some((who, _, more)), ..) => {
                Judgement::fail(subject, format!("{who} and {more} more may both administer and use the key"))
            }
            (None, _, Some(why)) => Judgement::cannot_tell(subject, "who administers and uses the key", &why),
            (None, Some((who, why, _)), None) => Judgement::unknown(
                subject,
                format!("cannot tell whether {who} both administers and uses the key: that hangs on {why}"),
            ),
            (None, None, None) => match &unlisted {
                Some(why) => Judgement::cannot_tell(subject, "who of the account administers and uses the key", why),
                None => Judgement::pass(subject, "nobody both administers and uses the key"),
            },
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
    found: &mut BTreeMap<String, (Three, &'static str)>,
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
            PrincipalPattern::Resource(id) => (of_resource(cx, *id, home), String::new()),
            PrincipalPattern::Arn(text) => {
                (of_arn(cx, pattern, text, policy), text.render(|_| "…".to_owned()))
            }
            PrincipalPattern::Unknown(why) => {
                unnamed.get_or_insert_with(|| why.clone());
                continue;
            }
            _ => continue,
        };
        let (name, of_identity) = match who.identity {
            Identity::Named { id: Some(id), .. } if id != UNMADE => {
                (cx.label(cx.inventory.resource(id)), identities.policies(id).iter().collect())
            }
            _ => (name, Vec::new()),
        };
        let id = match &who.identity {
            Identity::Named { id, .. } => *id,
            _ => None,
        };
        let limits = cx.bounds().within(id, &who.account);
        let does = both(|action| {
            let request = Request::new(who.clone(), action, target.clone()).in_account(home.clone());
            if of_identity.is_empty() {
                // What the policy leaves to the account's IAM policies is asked of them.
                let outcome = policy.evaluate(&request);
                let allowed = outcome.through.role.or(outcome.through.direct).and(!outcome.denied);
                return allowed.and(limits_leave(&request, &limits));
            }
            let policies = PolicySet {
                identity: of_identity.clone(),
                resource: Some(policy),
                trust: Trust::ResourceFirst,
                ..limits.clone()
            };
            may(&request, &policies)
        });
        found.insert(name, (does, hangs_on(of_identity.into_iter().chain([policy]))));
    }
    unnamed
}

/// A role or user of the input, with its ARN as far as that is known.
fn of_resource(cx: &Cx<'_>, id: ResourceId, home: &Account) -> Principal {
    let mut who = Principal::resource(id, home.clone());
    if let Identity::Named { arn, .. } = &mut who.identity {
        *arn = arn_of(cx.inventory, cx.inventory.resource(id));
    }
    who
}

/// Who goes by an ARN: where it can be told, which of the resources that the policy names that is, or
/// that it is none of them.
fn of_arn(cx: &Cx<'_>, pattern: &PrincipalPattern, arn: &Text, policy: &Policy) -> Principal {
    let mut who = match arn.plain() {
        Some(arn) => Principal::arn(arn),
        None => Principal {
            identity: Identity::Named { arn: Some(arn.clone()), id: None, session: None },
            account: account_of_arn(arn).unwrap_or(Account::Unknown),
            tags: None,
        },
    };
    if let Identity::Named { id, session: None, .. } = &mut who.identity {
        *id = Some(UNMADE);
        for other in resources(policy) {
            match pattern.matches(&of_resource(cx, other, &policy.account), &policy.account) {
                Three::Yes => *id = Some(other),
                Three::No => continue,
                Three::Maybe => *id = None,
            }
            break;
        }
    }
    who
}

/// The resources that a policy names as principals, or in conditions.
fn resources(policy: &Policy) -> BTreeSet<ResourceId> {
    let mut found = BTreeSet::new();
    for statement in &policy.statements {
        if let Principals::These(patterns) | Principals::AllBut(patterns) = &statement.principals {
            found.extend(patterns.iter().filter_map(|pattern| match pattern {
                PrincipalPattern::Resource(id) => Some(*id),
                _ => None,
            }));
        }
        let values = statement.conditions.iter().flat_map(|condition| condition.values.iter().flatten());
        found.extend(values.flat_map(|text| text.references()).map(|reference| reference.target));
    }
    found
}

/// What it hangs on whether policies allow something.
fn hangs_on<'p>(policies: impl IntoIterator<Item = &'p Policy>) -> &'static str {
    let mut statements = policies.into_iter().flat_map(|policy| &policy.statements);
    match statements.any(|statement| !statement.conditions.is_empty()) {
        true => "conditions",
        false => "values known only at deployment",
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
