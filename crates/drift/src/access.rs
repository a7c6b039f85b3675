//! What one policy allows and another does not: each principal that either names is asked for, action by action.

use crate::model::{AccessChange, AccessWhat};
use crate::tables::PolicyRow;
use lockfast_access::{
    Account, Decision, Effect, Identity, Policy, Principal, PrincipalPattern, Principals, Request,
    Resource, Scope, Statement, Three, allowed_principals, denies, kms,
};
use lockfast_facts::Text;
use std::collections::BTreeMap;

/// Both policies, and what they are about.
pub(crate) struct Question<'a> {
    pub template: &'a Policy,
    pub live: &'a Policy,
    /// Its account.
    pub account: Account,
    /// Its ARN, where that is known.
    pub arn: Option<&'a str>,
    pub row: &'a PolicyRow,
}

/// Somebody whose access is asked for.
#[derive(Clone)]
struct Probe {
    principal: Principal,
    /// True for an account: then its own policies decide who of it.
    is_account: bool,
}

/// What differs for one principal, and how.
type Group = (AccessWhat, String, String);

/// What the live policy allows and the template does not, and the other way round.
pub(crate) fn differences(question: &Question<'_>) -> Vec<AccessChange> {
    let certain = part(question.template, |s| s.is_certain());
    let open = part(question.template, |s| !s.is_certain());
    let mut groups: BTreeMap<Group, Vec<String>> = BTreeMap::new();
    let actions = actions(question.row);
    for (who, probe) in probes(question, &actions) {
        for action in &actions {
            let request = question.request(&probe, action);
            let (was, is) = (
                Standing::of(&certain, &request, &probe),
                Standing::of(question.live, &request, &probe),
            );
            let Some((what, said)) = was.and_now(&is) else {
                continue;
            };
            // What a statement that is not known may say is not known either.
            let maybe = open.evaluate(&request);
            let (what, said) = match (maybe.allowed, maybe.denied) {
                (Three::No, Three::No) => (what, said),
                _ if what == AccessWhat::Lost => continue,
                _ => (
                    AccessWhat::Unknown,
                    "and whether the template allows it is not known".to_owned(),
                ),
            };
            groups
                .entry((what, who.clone(), said))
                .or_default()
                .push((*action).to_owned());
        }
    }
    let mut changes: Vec<AccessChange> = groups
        .into_iter()
        .map(|((what, who, said), actions)| change(what, who, &said, actions))
        .collect();
    changes.extend(over_http(question, &certain));
    changes.sort_by_key(|change| change.what);
    changes
}

fn change(what: AccessWhat, who: String, said: &str, actions: Vec<String>) -> AccessChange {
    const SHOWN: usize = 5;
    let mut listed = actions
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if actions.len() > SHOWN {
        listed.push_str(&format!(" and {} more", actions.len() - SHOWN));
    }
    let message = match what {
        AccessWhat::Lost => format!("{who} may not {listed}, {said}"),
        _ => format!("{who} may {listed}, {said}"),
    };
    AccessChange {
        what,
        who,
        actions,
        message,
    }
}

/// The actions that matter.
fn actions(row: &PolicyRow) -> Vec<&str> {
    match row.actions.is_empty() {
        true => {
            let classes = [kms::Class::Use, kms::Class::Administer];
            let all = classes.into_iter().flat_map(kms::actions);
            all.map(String::as_str).collect()
        }
        false => row.actions.iter().map(String::as_str).collect(),
    }
}

/// A policy with some of its statements.
fn part(policy: &Policy, keep: impl Fn(&Statement) -> bool) -> Policy {
    let mut part = policy.clone();
    part.statements.retain(|statement| keep(statement));
    part
}

/// Everybody that either policy lets do something, or denies something by name.
fn probes(question: &Question<'_>, actions: &[&str]) -> BTreeMap<String, Probe> {
    let mut probes = BTreeMap::new();
    for policy in [question.template, question.live] {
        for action in actions {
            for grantee in allowed_principals(policy, action, &Resource::any()) {
                for (who, probe) in of_scope(&grantee.scope(), &question.account) {
                    probes.entry(who).or_insert(probe);
                }
            }
        }
        for statement in policy
            .statements
            .iter()
            .filter(|s| s.effect == Effect::Deny)
        {
            if let Principals::These(patterns) = &statement.principals {
                for pattern in patterns {
                    if let PrincipalPattern::Arn(Text::Plain(arn)) = pattern {
                        probes.entry(arn.to_string()).or_insert(Probe {
                            principal: Principal::arn(arn),
                            is_account: false,
                        });
                    }
                }
            }
        }
    }
    probes
}

fn of_scope(scope: &Scope, home: &Account) -> Vec<(String, Probe)> {
    // An account that there is not stands for any that no statement names.
    let stranger = || Probe {
        principal: Principal::arn("arn:aws:iam::000000000000:role/anyone"),
        is_account: false,
    };
    let one = |who: &str, probe| vec![(who.to_owned(), probe)];
    let known = |text: &Text| text.plain().map(str::to_owned);
    match scope {
        Scope::Anyone => one("anyone", stranger()),
        Scope::Organization(_) => one("anyone of an organization", stranger()),
        Scope::Network(_) => one("anyone of a network", stranger()),
        Scope::Accounts(accounts) => accounts
            .iter()
            .map(|account| {
                let account = match account {
                    Account::Own => home.clone(),
                    other => other.clone(),
                };
                let probe = Probe {
                    principal: Principal::member(account.clone()),
                    is_account: true,
                };
                (
                    format!("principals of {account} (whom its own policies let)"),
                    probe,
                )
            })
            .collect(),
        Scope::Principals(arns) => arns
            .iter()
            .filter_map(|arn| {
                let arn = known(arn)?;
                let principal = Principal::arn(&arn);
                let probe = Probe {
                    principal,
                    is_account: false,
                };
                Some((arn, probe))
            })
            .collect(),
        Scope::Service { name, .. } => known(name)
            .map(|name| {
                let principal = Principal::service(name.as_str());
                let probe = Probe {
                    principal,
                    is_account: false,
                };
                (format!("the service {name}"), probe)
            })
            .into_iter()
            .collect(),
        Scope::Federated(name) => known(name)
            .map(|name| {
                let principal = Principal {
                    identity: Identity::Federated(name.as_str().into()),
                    account: Account::Unknown,
                    tags: None,
                };
                let probe = Probe {
                    principal,
                    is_account: false,
                };
                (format!("who signs in through {name}"), probe)
            })
            .into_iter()
            .collect(),
        Scope::Resource(_) | Scope::CanonicalUser(_) | Scope::Nobody | Scope::Unknown(_) => {
            Vec::new()
        }
    }
}

impl Question<'_> {
    fn request(&self, probe: &Probe, action: &str) -> Request {
        let resource = match (self.arn, action.split_once(':')) {
            (Some(arn), Some(("s3", name))) if name.contains("Object") => {
                Resource::arn(arn).any_object()
            }
            (Some(arn), Some(("s3", _))) => Resource::arn(arn),
            // Their policies are about the one thing that they are attached to.
            _ => Resource::any(),
        };
        let request = Request::new(probe.principal.clone(), action, resource)
            .in_account(self.account.clone());
        match self.row.over_http.is_empty() {
            true => request,
            // Plain HTTP is asked for by itself.
            false => request.with("aws:SecureTransport", "true"),
        }
    }
}

/// How a policy stands to a request.
struct Standing {
    decision: Decision,
    denied: Three,
}

impl Standing {
    /// An account is asked for as such. For all others only what names them counts: what an account may hand on, its
    /// own policies decide.
    fn of(policy: &Policy, request: &Request, probe: &Probe) -> Standing {
        let outcome = policy.evaluate(request);
        if probe.is_account {
            let mut to_accounts = narrowed(policy, |pattern| {
                matches!(pattern, PrincipalPattern::Account(_))
            });
            // Whom a denial names is asked for by name.
            to_accounts
                .statements
                .retain(|statement| !denies_by_name(statement));
            let decision = to_accounts.evaluate(request).decision;
            return Standing {
                decision,
                denied: Three::No,
            };
        }
        let named = narrowed(policy, |pattern| {
            !matches!(pattern, PrincipalPattern::Account(_))
        });
        Standing {
            decision: named.evaluate(request).decision,
            denied: outcome.denied,
        }
    }

    fn rank(&self) -> u8 {
        match self.decision {
            Decision::Allow => 2,
            Decision::Possible(_) => 1,
            Decision::ExplicitDeny | Decision::ImplicitDeny => 0,
        }
    }

    fn conditions(&self) -> String {
        match &self.decision {
            Decision::Possible(conditions) if !conditions.is_empty() => conditions.join(", "),
            _ => String::new(),
        }
    }

    /// How this, of the template, becomes what is live.
    fn and_now(&self, live: &Standing) -> Option<(AccessWhat, String)> {
        let (was, is) = (self.conditions(), live.conditions());
        let under = |conditions: &str| match conditions {
            "" => String::new(),
            some => format!("{some}, "),
        };
        match (self.rank(), live.rank()) {
            (0, 0) if self.denied == Three::Yes && live.denied == Three::No => Some((
                AccessWhat::Gained,
                "if the account's own policies allow it, which the template denies".into(),
            )),
            (0, 0) if self.denied == Three::No && live.denied == Three::Yes => Some((
                AccessWhat::Lost,
                "whatever the account's own policies allow, since the live policy alone denies it"
                    .into(),
            )),
            (0, 1 | 2) => Some((
                AccessWhat::Gained,
                format!("{}which the template does not allow", under(&is)),
            )),
            (1, 2) => Some((
                AccessWhat::Gained,
                format!("which the template allows only {was}"),
            )),
            (1 | 2, 0) => Some((
                AccessWhat::Lost,
                format!("which the template allows{}", spaced(&was)),
            )),
            (2, 1) => Some((
                AccessWhat::Lost,
                format!("except {is}; the template always allows it"),
            )),
            (1, 1) if was != is => Some((
                AccessWhat::Otherwise,
                format!("{is}; by the template {was}"),
            )),
            _ => None,
        }
    }
}

fn spaced(text: &str) -> String {
    match text {
        "" => String::new(),
        some => format!(" {some}"),
    }
}

/// True for a denial to certain roles or users.
fn denies_by_name(statement: &Statement) -> bool {
    let is_named = |pattern: &PrincipalPattern| matches!(pattern, PrincipalPattern::Arn(_));
    match &statement.principals {
        Principals::These(patterns) => {
            statement.effect == Effect::Deny && patterns.iter().all(is_named)
        }
        _ => false,
    }
}

/// A policy whose statements that allow are about some principals only.
fn narrowed(policy: &Policy, keep: impl Fn(&PrincipalPattern) -> bool) -> Policy {
    let mut narrowed = policy.clone();
    narrowed.statements.retain_mut(|statement| {
        match (&mut statement.principals, statement.effect) {
            (_, Effect::Deny) => true,
            (Principals::These(patterns), _) => {
                patterns.retain(&keep);
                !patterns.is_empty()
            }
            _ => true,
        }
    });
    narrowed
}

/// Whether requests over plain HTTP are refused on both sides.
fn over_http(question: &Question<'_>, template: &Policy) -> Option<AccessChange> {
    let action = question.row.over_http.as_str();
    if action.is_empty() {
        return None;
    }
    let probe = Probe {
        principal: Principal::arbitrary(),
        is_account: false,
    };
    let request = question
        .request(&probe, action)
        .with("aws:SecureTransport", "false");
    let (was, is) = (denies(template, &request), denies(question.live, &request));
    let (what, message) = match (was, is) {
        (Three::Yes, Three::No | Three::Maybe) => (
            AccessWhat::Gained,
            "requests over plain HTTP are not refused to everyone, as they are by the template",
        ),
        (Three::No | Three::Maybe, Three::Yes) => (
            AccessWhat::Lost,
            "requests over plain HTTP are refused, as they are not by the template",
        ),
        _ => return None,
    };
    Some(AccessChange {
        what,
        who: "everyone".into(),
        actions: vec![format!("{action} over plain HTTP")],
        message: message.into(),
    })
}
