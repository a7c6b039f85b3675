//! Roles and users, with everything that hangs on them.

use crate::identities::{Held, arn_of, of_identity};
use crate::policy::Policy;
use crate::principal::{Account, Principal};
use lockfast_facts::{Inventory, Kind, Read, Resource, ResourceId, Text, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A role or user.
pub struct Actor<'a> {
    /// The resource that makes it.
    pub resource: &'a Resource,
    /// A name for people: its ARN, or its construct path.
    pub label: String,
    /// As a principal.
    pub principal: Principal,
    /// Its policies and those of its groups.
    pub policies: Vec<Attached>,
    /// Its permissions boundary.
    pub boundary: Option<Attached>,
    /// Who may become it, for a role.
    pub trust: Option<Arc<Policy>>,
}

/// A policy that hangs on something.
#[derive(Clone)]
pub struct Attached {
    /// The policy; the same one on many identities is kept once.
    pub policy: Arc<Policy>,
    /// A name for people.
    pub label: String,
    /// How it came to hang there.
    pub origin: Origin,
}

/// How a policy came to hang on an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Itself, or attached to it.
    Own,
    /// By a group.
    Group,
    /// As a permissions boundary.
    Boundary,
    /// By the organisation.
    Organization,
    /// Passed when a session began.
    Session,
    /// On the VPC endpoint that a request comes through.
    Endpoint,
}

/// Policies by where they stand, read once.
#[derive(Default)]
pub(super) struct Policies(HashMap<*const Value, Arc<Policy>>);

impl Policies {
    /// Only what is borrowed has a place of its own to be known by.
    #[allow(clippy::ptr_arg)]
    pub(super) fn policy(&mut self, document: &Cow<'_, Value>, account: &Account) -> Arc<Policy> {
        let read = |value: &Value| Arc::new(Policy::from_value(value).in_account(account.clone()));
        match document {
            Cow::Borrowed(value) => {
                let known = self.0.entry(std::ptr::from_ref(*value));
                known.or_insert_with(|| read(value)).clone()
            }
            Cow::Owned(value) => read(value),
        }
    }
}

/// Every role and user, in the order read.
pub(super) fn all(inventory: &Inventory) -> Vec<Actor<'_>> {
    let mut reader = Policies::default();
    let groups = groups(inventory);
    let mut of_groups: HashMap<ResourceId, Vec<Attached>> = HashMap::new();
    let mut actors = Vec::new();
    for kind in ["AWS::IAM::Role", "AWS::IAM::User"] {
        for resource in inventory.of_kind(kind) {
            // One that stands for a list that could not be read is nobody.
            if &*resource.name == "*" {
                continue;
            }
            let account = Account::of(inventory.stack_of(resource).place.account.as_ref());
            let mut policies = attached(inventory, resource, &account, Origin::Own, &mut reader);
            for group in member_of(inventory, resource, &groups) {
                let held = of_groups.entry(group.id).or_insert_with(|| {
                    attached(inventory, group, &account, Origin::Group, &mut reader)
                });
                policies.extend(held.iter().cloned());
            }
            actors.push(Actor {
                label: label(resource),
                principal: principal(inventory, resource, &account),
                boundary: boundary(inventory, resource, &account, &mut reader),
                trust: Policy::from_read(resource.at("AssumeRolePolicyDocument"))
                    .map(|policy| Arc::new(policy.in_account(account.clone()))),
                policies,
                resource,
            });
        }
    }
    actors
}

pub(super) fn principal(
    inventory: &Inventory,
    resource: &Resource,
    account: &Account,
) -> Principal {
    let mut principal = Principal::resource(resource.id, account.clone());
    let arn = match &resource.arn {
        Some(arn) => Some(Text::Plain(arn.clone())),
        None => arn_of(inventory, resource),
    };
    if let (Some(text), crate::Identity::Named { arn, .. }) = (arn, &mut principal.identity) {
        *arn = Some(text);
    }
    match tags(resource) {
        Some(tags) => principal.with_tags(tags.iter().map(|(k, v)| (k.as_str(), v.as_str()))),
        None => principal,
    }
}

/// The tags of a resource by name, where all of them are known: as the input writes them, or by key.
pub(super) fn tags(resource: &Resource) -> Option<BTreeMap<String, String>> {
    let found = match resource.at("Tags") {
        Read::Absent(_) => return Some(BTreeMap::new()),
        Read::Unknown(..) => return None,
        Read::Found(found, _) => found,
    };
    match &found.kind {
        Kind::List(items) => items
            .iter()
            .map(|tag| {
                let key = tag.at("Key").string().found()?;
                Some((key, tag.at("Value").string().found()?))
            })
            .collect(),
        Kind::Map(map) => map
            .iter()
            .map(|(key, value)| Some((key.to_string(), value.at("").string().found()?)))
            .collect(),
        _ => None,
    }
}

fn attached(
    inventory: &Inventory,
    holder: &Resource,
    account: &Account,
    origin: Origin,
    reader: &mut Policies,
) -> Vec<Attached> {
    let held = of_identity(inventory, holder);
    held.iter()
        .map(|held| Attached {
            policy: reader.policy(&held.document, account),
            label: said(inventory, held, holder, origin),
            origin,
        })
        .collect()
}

fn said(inventory: &Inventory, held: &Held<'_>, holder: &Resource, origin: Origin) -> String {
    let by = match origin {
        Origin::Group => format!(" of group {}", holder.name),
        _ => String::new(),
    };
    match &held.name {
        Some(name) => format!("policy {name}{by}"),
        None if held.owner == holder.id => format!("inline policy{by}"),
        None => format!("policy {}{by}", inventory.resource(held.owner).name),
    }
}

/// The permissions boundary of a role or user, or of what makes roles (a permission set, a SAM function).
pub(super) fn boundary(
    inventory: &Inventory,
    resource: &Resource,
    account: &Account,
    reader: &mut Policies,
) -> Option<Attached> {
    // A permission set names a policy of AWS's, or one of the account by its name.
    let own = match resource.at("PermissionsBoundary.ManagedPolicyArn") {
        Read::Found(named, loc) => Read::Found(named, loc),
        _ => resource.at("PermissionsBoundary"),
    };
    let document = match own {
        Read::Absent(_) => return None,
        Read::Unknown(why, loc) => Cow::Owned(Value::new(Kind::Unknown(why), loc)),
        Read::Found(value, loc) => match inventory.target(value) {
            Some((policy, _)) => match policy.at("PolicyDocument") {
                Read::Found(document, _) => Cow::Borrowed(document),
                _ => Cow::Owned(unread(policy.name.as_ref(), loc)),
            },
            None => match crate::identities::of_aws_by_name(value) {
                Some(document) => Cow::Owned(document),
                None => Cow::Owned(unread("its permissions boundary", loc)),
            },
        },
    };
    Some(Attached {
        policy: reader.policy(&document, account),
        label: "permissions boundary".to_owned(),
        origin: Origin::Boundary,
    })
}

fn unread(what: &str, loc: lockfast_facts::Loc) -> Value {
    let why = lockfast_facts::Why::NotGiven(what.to_owned());
    Value::new(Kind::Unknown(Arc::new(why)), loc)
}

pub(super) type Groups<'a> = HashMap<(Option<Arc<str>>, String), &'a Resource>;

/// The groups by account and name.
pub(super) fn groups(inventory: &Inventory) -> Groups<'_> {
    let mut groups = HashMap::new();
    for group in inventory.of_kind("AWS::IAM::Group") {
        let account = inventory.stack_of(group).place.account.clone();
        if let Some(name) = group.at("GroupName").string().found() {
            groups.insert((account, name), group);
        }
    }
    groups
}

pub(super) fn member_of<'a>(
    inventory: &'a Inventory,
    user: &Resource,
    groups: &Groups<'a>,
) -> Vec<&'a Resource> {
    let account = &inventory.stack_of(user).place.account;
    let mut found: Vec<&Resource> = Vec::new();
    let mut take = |value: &Value| {
        let group = match inventory.target(value) {
            Some((group, _)) if &*group.kind == "AWS::IAM::Group" => Some(group),
            _ => match &value.kind {
                Kind::Text(Text::Plain(name)) => {
                    groups.get(&(account.clone(), name.to_string())).copied()
                }
                _ => None,
            },
        };
        if let Some(group) = group
            && !found.iter().any(|known| known.id == group.id)
        {
            found.push(group);
        }
    };
    for group in user.at("Groups").list().found().unwrap_or_default() {
        take(group);
    }
    let additions = inventory.referrers(user.id);
    for addition in additions.filter(|other| &*other.kind == "AWS::IAM::UserToGroupAddition") {
        if let Read::Found(group, _) = addition.at("GroupName") {
            take(group);
        }
    }
    found
}

/// Its ARN, or its construct path or name where the input does not give one.
pub(super) fn label(resource: &Resource) -> String {
    if let Some(arn) = &resource.arn {
        return arn.to_string();
    }
    match &resource.written().construct_path {
        Some(path) => path.trim_end_matches("/Resource").to_owned(),
        None => resource.name.to_string(),
    }
}
