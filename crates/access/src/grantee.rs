//! Whom a resource policy lets do something, and how far conditions narrow that.

use crate::Three;
use crate::condition::{Base, Condition};
use crate::policy::{Effect, Policy, Principals, Statement};
use crate::principal::{Account, Principal, PrincipalPattern, account_of_arn, account_segment};
use crate::request::{ContextValue, Request, Resource};
use lockfast_facts::{Loc, Text, Why};
use std::sync::Arc;

/// A principal that a statement lets do something.
#[derive(Clone, Debug)]
pub struct Grantee {
    /// Whom the statement names. `NotPrincipal` names everyone, see [`Grantee::unless`].
    pub pattern: PrincipalPattern,
    /// Under which conditions: all of them.
    pub conditions: Vec<Condition>,
    /// Denials of the same policy that may apply, and whom `NotPrincipal` leaves out.
    pub unless: Vec<String>,
    /// Index of the statement.
    pub statement: usize,
    /// Its `Sid`.
    pub sid: Option<Arc<str>>,
    /// Where it stands.
    pub loc: Loc,
    /// True when the statement is fully known and no denial may take it back.
    pub certain: bool,
    /// The account of the policy.
    pub home: Account,
}

/// Who that is in the end: the principal that a statement names, narrowed by its conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody, of any account.
    Anyone,
    /// The members of organisations, by id or path.
    Organization(Vec<Text>),
    /// Whoever comes through these networks (addresses, VPCs, endpoints).
    Network(Vec<Text>),
    /// The principals of these accounts.
    Accounts(Vec<Account>),
    /// These principals, by ARN.
    Principals(Vec<Text>),
    /// A role or user of the inventory.
    Resource(lockfast_facts::ResourceId),
    /// An AWS service.
    Service {
        /// Its name.
        name: Text,
        /// Whether conditions tie it to resources or accounts, so that it cannot be used by others
        /// as a confused deputy.
        guarded: Three,
    },
    /// An identity provider.
    Federated(Text),
    /// A canonical user id of Amazon S3.
    CanonicalUser(Text),
    /// Nobody: the principal was deleted.
    Nobody,
    /// Not known, because.
    Unknown(Arc<Why>),
}

/// Who may do an action by a resource policy, less those that it denies it to: an entry for each
/// statement and principal. [`Resource::any`] asks without regard to the statement's `Resource`, as
/// key policies do ("in a key policy, the value of the Resource element is "*", which means this KMS key").
pub fn allowed_principals(policy: &Policy, action: &str, resource: &Resource) -> Vec<Grantee> {
    let mut grantees = Vec::new();
    // Most policies deny nothing; then asking costs nothing.
    let denials = Policy {
        statements: policy
            .statements
            .iter()
            .filter(|s| s.effect != Effect::Allow)
            .cloned()
            .collect(),
        problems: Vec::new(),
        account: policy.account.clone(),
        ..*policy
    };
    for (index, statement) in policy.statements.iter().enumerate() {
        if statement.effect == Effect::Deny {
            continue;
        }
        let anybody = Request::new(Principal::arbitrary(), action, resource.clone());
        let concerns = policy.concerns(statement, &anybody);
        if concerns.is_no() {
            continue;
        }
        let everyone = [PrincipalPattern::Anyone];
        let (patterns, left_out) = match &statement.principals {
            Principals::Holder => continue,
            Principals::These(patterns) => (patterns.as_slice(), Vec::new()),
            Principals::AllBut(patterns) => (
                everyone.as_slice(),
                patterns
                    .iter()
                    .map(|p| format!("unless the caller is {p}"))
                    .collect(),
            ),
        };
        for pattern in patterns {
            let request = asked_by(pattern, statement, action, resource);
            let denied = denials.evaluate(&request);
            if denied.denied.is_yes() {
                continue;
            }
            let mut unless: Vec<String> = left_out.clone();
            unless.extend(denied.unless_denied);
            grantees.push(Grantee {
                pattern: pattern.clone(),
                conditions: statement.conditions.clone(),
                certain: statement.is_certain() && concerns.is_yes() && denied.denied.is_no(),
                unless,
                statement: index,
                sid: statement.sid.clone(),
                loc: statement.loc,
                home: policy.account.clone(),
            });
        }
    }
    grantees
}

/// A request that the statement allows, as far as that tells what it is like.
fn asked_by(
    pattern: &PrincipalPattern,
    statement: &Statement,
    action: &str,
    resource: &Resource,
) -> Request {
    let principal = match pattern {
        PrincipalPattern::Account(account) => Principal::member(account.clone()),
        PrincipalPattern::Arn(Text::Plain(arn)) => Principal::arn(arn),
        PrincipalPattern::Arn(arn) => {
            Principal::member(account_of_arn(arn).unwrap_or(Account::Unknown))
        }
        // The role may be another account's.
        PrincipalPattern::Resource(id) => Principal::resource(*id, Account::Unknown),
        PrincipalPattern::Service(Text::Plain(name)) => Principal::service(name.clone()),
        _ => Principal::arbitrary(),
    };
    let mut request = Request::new(principal, action, resource.clone());
    for condition in &statement.conditions {
        let operator = &condition.operator;
        let exact = matches!(operator.base, Base::StringEquals | Base::Bool) && !operator.negated;
        if let Some([only]) = condition.values.as_deref()
            && exact
            && !operator.if_exists
            && operator.set.is_none()
            && !only.known_prefix().contains("${")
        {
            request = request.with_value(&condition.key, ContextValue::Known(vec![only.clone()]));
        }
    }
    request
}

/// Condition keys that tell the account on whose behalf a service asks (IAM User Guide, "The confused
/// deputy problem").
const SOURCE_ACCOUNT: [&str; 2] = ["aws:SourceAccount", "aws:SourceOwner"];
/// Condition keys that tell the caller's account.
const CALLER_ACCOUNT: [&str; 2] = ["aws:PrincipalAccount", "kms:CallerAccount"];
/// Condition keys that tell an organisation.
const ORGANIZATION: [&str; 4] = [
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
];
/// Condition keys that tell a network.
const NETWORK: [&str; 5] = [
    "aws:SourceIp",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:VpcSourceIp",
    "aws:SourceVpcArn",
];

impl Grantee {
    /// Who that is in the end.
    pub fn scope(&self) -> Scope {
        match &self.pattern {
            PrincipalPattern::Anyone => self.narrowed().unwrap_or(Scope::Anyone),
            PrincipalPattern::Account(account) => match self.values_of(&["aws:PrincipalArn"]) {
                Some(arns) if arns.iter().all(has_fixed_owner) => Scope::Principals(arns),
                _ => Scope::Accounts(vec![account.clone()]),
            },
            PrincipalPattern::Arn(arn) => Scope::Principals(vec![arn.clone()]),
            PrincipalPattern::Resource(id) => Scope::Resource(*id),
            PrincipalPattern::Service(name) => Scope::Service {
                name: name.clone(),
                guarded: self.guarded(),
            },
            PrincipalPattern::Federated(name) => Scope::Federated(name.clone()),
            PrincipalPattern::CanonicalUser(id) => Scope::CanonicalUser(id.clone()),
            PrincipalPattern::UniqueId(_) => Scope::Nobody,
            PrincipalPattern::Unknown(why) => match self.narrowed() {
                // Whoever it is, the conditions keep it within bounds.
                Some(scope) => scope,
                None => Scope::Unknown(why.clone()),
            },
        }
    }

    /// Whether it is outside the policy's own account: yes, no, or not knowable. Services are not
    /// accounts and give no; anyone, organisations and networks reach outside.
    pub fn is_foreign(&self) -> Three {
        let outside = |account: &Account| !account.same_from(&Account::Own, &self.home);
        let of_arn = |arn: &Text| match account_of_arn(arn) {
            Some(account) => outside(&account),
            None => Three::Maybe,
        };
        match self.scope() {
            Scope::Anyone | Scope::Organization(_) | Scope::Network(_) | Scope::Federated(_) => {
                Three::Yes
            }
            Scope::Accounts(accounts) => Three::any(accounts.iter().map(outside)),
            Scope::Principals(arns) => Three::any(arns.iter().map(of_arn)),
            Scope::Service { .. } | Scope::Nobody => Three::No,
            Scope::Resource(_) | Scope::CanonicalUser(_) | Scope::Unknown(_) => Three::Maybe,
        }
    }

    /// The accounts on whose behalf a service may ask, by its conditions: empty when none says.
    pub fn on_behalf_of(&self) -> Vec<Account> {
        if let Some(values) = self.values_of(&SOURCE_ACCOUNT) {
            return values.iter().map(account).collect();
        }
        let arns = self.values_of(&["aws:SourceArn"]).unwrap_or_default();
        // One of any account names none.
        let named = arns.iter().filter_map(account_segment);
        named
            .filter(|segment| !is_wild(segment))
            .map(|segment| account(&segment))
            .collect()
    }

    /// The condition on one of these keys that every request must meet, if there is one.
    fn values_of(&self, keys: &[&str]) -> Option<Vec<Text>> {
        self.conditions.iter().find_map(|condition| {
            let found = keys.iter().any(|key| condition.is_key(key));
            let values = condition.binding().filter(|_| found)?;
            Some(values.to_vec())
        })
    }

    fn narrowed(&self) -> Option<Scope> {
        if let Some(arns) = self.values_of(&["aws:PrincipalArn"])
            && arns.iter().all(has_fixed_owner)
        {
            return Some(Scope::Principals(arns));
        }
        for keys in [&CALLER_ACCOUNT, &SOURCE_ACCOUNT] {
            if let Some(values) = self.values_of(keys)
                && !values.iter().any(is_wild)
            {
                return Some(Scope::Accounts(values.iter().map(account).collect()));
            }
        }
        if let Some(ids) = self.values_of(&ORGANIZATION)
            && !ids.iter().any(is_any_organization)
        {
            return Some(Scope::Organization(ids));
        }
        if let Some(arns) = self.values_of(&["aws:SourceArn"])
            && arns.iter().all(has_fixed_owner)
        {
            return Some(Scope::Principals(arns));
        }
        match self.values_of(&NETWORK) {
            Some(places) if !places.iter().any(is_whole_internet) => Some(Scope::Network(places)),
            _ => None,
        }
    }

    /// Whether a service can only be made to ask on behalf of somebody in particular.
    fn guarded(&self) -> Three {
        let by_condition = |condition: &Condition| {
            let key = condition.key.to_ascii_lowercase();
            // ECS names the cluster's account in the encryption context.
            let account = SOURCE_ACCOUNT.iter().any(|k| condition.is_key(k))
                || (key.starts_with("kms:encryptioncontext:") && key.ends_with("account"));
            let organization = ["aws:SourceOrgID", "aws:SourceOrgPaths"]
                .iter()
                .any(|k| condition.is_key(k));
            // CloudTrail and CloudWatch Logs name the trail or log group in the encryption context.
            let arn = key == "aws:sourcearn"
                || (key.starts_with("kms:encryptioncontext:") && key.ends_with("arn"));
            if !account && !organization && !arn {
                return Three::No;
            }
            let Some(values) = self.values_of(&[&condition.key]) else {
                return match condition.values {
                    None => Three::Maybe,
                    Some(_) => Three::No,
                };
            };
            Three::all(values.iter().map(|value| match value {
                _ if arn => owner(value),
                _ if organization => (!is_any_organization(value)).into(),
                _ if is_wild(value) => Three::No,
                Text::Parts(_) if Account::from_text(value).is_none() => Three::Maybe,
                _ => Three::Yes,
            }))
        };
        Three::any(self.conditions.iter().map(by_condition))
    }
}

/// True when known parts of it are wildcards.
fn is_wild(text: &Text) -> bool {
    text.render(|_| String::new()).contains(['*', '?'])
}

/// True for an organisation's id, or a path in it, that is any organisation's.
fn is_any_organization(text: &Text) -> bool {
    let known = text.render(|_| "x".to_owned());
    let id = known.split('/').next().unwrap_or_default();
    id.is_empty() || id.contains(['*', '?'])
}

/// The account that a condition's value names; `${aws:ResourceAccount}` is the resource's own.
fn account(text: &Text) -> Account {
    match text.plain() {
        Some("${aws:ResourceAccount}") => Account::Own,
        _ => Account::from_text(text).unwrap_or(Account::Unknown),
    }
}

fn is_whole_internet(text: &Text) -> bool {
    matches!(text.plain(), Some("0.0.0.0/0" | "::/0"))
}

fn has_fixed_owner(arn: &Text) -> bool {
    owner(arn).is_yes()
}

/// Whether the ARN tells whose it is: by its account, by a reference, or by a bucket's name.
fn owner(arn: &Text) -> Three {
    if arn.references().next().is_some() {
        return Three::Yes;
    }
    match account_segment(arn) {
        Some(segment) if Account::from_text(&segment).is_some() => Three::Yes,
        Some(segment) if is_wild(&segment) || segment.plain().is_some() => Three::No,
        Some(_) => Three::Maybe,
        None => {
            let bucket = arn
                .known_prefix()
                .split_once(":s3:::")
                .map(|(_, name)| name);
            match bucket {
                Some(name) => (!name.is_empty() && !name.starts_with(['*', '?'])).into(),
                None if arn.plain().is_some() => Three::No,
                None => Three::Maybe,
            }
        }
    }
}
