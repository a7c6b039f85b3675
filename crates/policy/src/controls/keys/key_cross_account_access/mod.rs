use super::key_policy;
use crate::prelude::*;
use crate::strangers::{leave_to_account, lets_in};
use lockfast_access::kms::{Class, actions};
use lockfast_access::{
    Account, Grantee, Policy, PrincipalPattern, Resource as Target, Scope, Three, account_of_arn, allowed_principals,
};
use lockfast_facts::{Loc, Text};

control! {
    /// Evaluates whom a key's policy lets do anything, denials considered: accounts, their roots, roles
    /// and users, those that conditions on the caller name (`kms:CallerAccount`, `aws:PrincipalArn`), and
    /// the accounts on whose behalf a service may ask (`aws:SourceAccount`). Each must be the key's own
    /// or stand in `access.trusted_accounts` of `lockfast.toml`. `Principal: "*"` that no condition ties
    /// to an account or an organisation is every account; an organisation by its id is taken for one's
    /// own. When the input does not say which account the key lies in, an account id that is not trusted
    /// leaves it unknown. What the organisation's resource control policies (RCPs) over the account deny to an account, the key
    /// policy does not give it. A live key's grants are asked too, but for those that a service retires itself.
    id: "key-cross-account-access",
    title: "Only trusted accounts may use a key from outside its own",
    clauses: ["KEY-6"],
    severity: High,
    fix: "Take the account out of the key policy, or name it in access.trusted_accounts of lockfast.toml with the reason in review.",
    cloudformation: r#"Principal: {AWS: !Sub "arn:aws:iam::${AWS::AccountId}:root"}
"#,
    cdk: r#"new kms.Key(this, 'Key', { policy: new iam.PolicyDocument({ statements: [/* this account's roles only */] }) });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let bounds = cx.bounds();
    for subject in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        let Some(policy) = key_policy::of(cx, subject) else {
            out.push(Judgement::pass(subject, "AWS's default key policy admits no other account"));
            continue;
        };
        let target = Target::kms_key(subject.id());
        let unlimited = bounds.over(&policy.account).rcps.is_empty();
        let mut done: Vec<(usize, PrincipalPattern)> = Vec::new();
        let mut found: Vec<Found> = Vec::new();
        for action in [Class::Use, Class::Administer, Class::Read].into_iter().flat_map(actions) {
            for grantee in allowed_principals(&policy, action, &target) {
                let key = (grantee.statement, grantee.pattern.clone());
                if done.contains(&key) {
                    continue;
                }
                if grantee.certain {
                    done.push(key);
                }
                for who in outsiders(cx, &policy, &grantee) {
                    // Denials may take it back.
                    let lets_in = match &who {
                        _ if grantee.certain && unlimited => Three::Yes,
                        Who::Everyone => lets_in(&policy, None, action, target.clone(), bounds),
                        Who::Account(id) => {
                            let arn = match &grantee.pattern {
                                PrincipalPattern::Arn(arn) => arn.plain(),
                                _ => None,
                            };
                            lets_in(&policy, Some((id, arn)), action, target.clone(), bounds)
                        }
                        Who::Unknown(_) => Three::Maybe,
                    };
                    if !lets_in.is_no() && !found.iter().any(|known| known.lets_in >= lets_in && known.who == who) {
                        found.push(Found { lets_in, who, by: "the key policy", loc: grantee.loc });
                    }
                }
            }
        }
        for (who, loc) in by_grant(cx, &policy, subject) {
            let left = match &who {
                Who::Account(id) => leave_to_account(id, "kms:Decrypt", target.clone(), &policy.account, bounds),
                _ => Three::Yes,
            };
            if !left.is_no() {
                found.push(Found { lets_in: left, who, by: "a grant", loc });
            }
        }
        out.push(verdict(subject, &policy, found));
    }
}

/// Somebody who is let in, or may be.
struct Found {
    lets_in: Three,
    who: Who,
    /// By what.
    by: &'static str,
    loc: Loc,
}

fn verdict(subject: Subject<'_>, policy: &Policy, found: Vec<Found>) -> Judgement {
    let mut foreign: Vec<(String, Loc)> = Vec::new();
    let mut unknown: Vec<(String, Loc)> = Vec::new();
    for Found { lets_in, who, by, loc } in found {
        match who {
            Who::Unknown(why) => unknown.push((why, loc)),
            who if lets_in.is_yes() => foreign.push((format!("{by} admits {who}"), loc)),
            who => unknown.push((format!("whether {by} admits {who} hangs on values known only at deployment"), loc)),
        }
    }
    match (foreign.as_slice(), unknown.as_slice()) {
        ([(who, loc), rest @ ..], _) => {
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            Judgement::fail(subject, format!("{who}{more}, beyond its own account and those trusted")).at(*loc)
        }
        ([], [(why, loc), ..]) => {
            Judgement::unknown(subject, format!("cannot tell which accounts are admitted: {why}")).at(*loc)
        }
        _ => Judgement::pass(subject, "the key policy admits its own and trusted accounts only").at(policy.loc),
    }
}

/// Who of those that a grant lets use the key is an outsider. Grants that a service retires are its own way to the
/// data that it keeps (AWS KMS Developer Guide, "Grants in AWS KMS").
fn by_grant(cx: &Cx<'_>, policy: &Policy, subject: Subject<'_>) -> Vec<(Who, Loc)> {
    let is_service = |name: &str| name.ends_with(".amazonaws.com");
    let mut found = Vec::new();
    for grant in subject.each("Grants.*") {
        let (grant, loc) = match grant {
            Read::Absent(_) => continue,
            Read::Unknown(why, loc) => {
                found.push((Who::Unknown(format!("of its grants, {why}")), loc));
                continue;
            }
            Read::Found(grant, loc) => (grant, loc),
        };
        let retiring = grant.at("RetiringPrincipal").string().found();
        if retiring.is_some_and(|by| is_service(&by)) {
            continue;
        }
        let who = match grant.at("GranteePrincipal") {
            Read::Found(value, _) if cx.inventory.target(value).is_none() => {
                let Some(arn) = value.at("").string().found().filter(|arn| !is_service(arn)) else {
                    continue;
                };
                outsider(cx, &policy.account, account_of_arn(&Text::Plain(arn.into())).unwrap_or(Account::Unknown))
            }
            _ => None,
        };
        found.extend(who.map(|who| (who, loc)));
    }
    found
}

/// Whether an account is another than the key's own and those that are trusted.
fn outsider(cx: &Cx<'_>, own: &Account, account: Account) -> Option<Who> {
    match (&account, account.same_from(own, own)) {
        (_, Three::Yes) => None,
        (Account::Id(id), _) if cx.config.access.trusted_accounts.iter().any(|t| **t == **id) => None,
        (Account::Id(id), Three::No) => Some(Who::Account(id.clone())),
        (Account::Id(id), _) => Some(Who::Unknown(format!("the input does not say whether {id} is the key's own account"))),
        _ => Some(Who::Unknown("the account of a principal is not known".into())),
    }
}

/// Somebody who may be outside the key's account.
#[derive(PartialEq)]
enum Who {
    Everyone,
    Account(Arc<str>),
    Unknown(String),
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Who::Everyone => f.write_str("principals of every account"),
            Who::Account(id) => write!(f, "account {id}"),
            Who::Unknown(why) => f.write_str(why),
        }
    }
}

/// Who of those that a statement admits is outside the key's account and those that are trusted.
fn outsiders(cx: &Cx<'_>, policy: &Policy, grantee: &Grantee) -> Vec<Who> {
    let own = &policy.account;
    let of_account = |account: Account| outsider(cx, own, account);
    // A principal of the input whose account it does not say is one of the key's own.
    let of_resource = |id: ResourceId| {
        let place = &cx.inventory.stack_of(cx.inventory.resource(id)).place;
        let account = place.account.clone().filter(|_| *own != Account::Own)?;
        of_account(Account::Id(account))
    };
    let of_arn = |arn: &Text| match arn.references().next() {
        Some(reference) => of_resource(reference.target),
        // AWS writes the unique id of a role or user that was deleted, and nobody can be it again.
        None if arn.plain().is_some_and(|id| id.starts_with("AROA") || id.starts_with("AIDA")) => None,
        None => of_account(account_of_arn(arn).unwrap_or(Account::Unknown)),
    };
    match grantee.scope() {
        Scope::Anyone | Scope::Network(_) => vec![Who::Everyone],
        Scope::Accounts(accounts) => accounts.into_iter().filter_map(of_account).collect(),
        Scope::Principals(arns) => arns.iter().filter_map(of_arn).collect(),
        Scope::Federated(name) => of_arn(&name).into_iter().collect(),
        Scope::Resource(id) => of_resource(id).into_iter().collect(),
        Scope::Service { .. } => grantee.on_behalf_of().into_iter().filter_map(of_account).collect(),
        Scope::Unknown(why) => vec![Who::Unknown(why.to_string())],
        Scope::CanonicalUser(_) => vec![Who::Unknown("it names a canonical user".into())],
        Scope::Organization(_) | Scope::Nobody => Vec::new(),
    }
}
