//! The policies of identities: which a template writes or names for a role, a user, a function, and who
//! holds them.

use crate::Policy;
use lockfast_facts::{
    Inventory, Kind, Loc, Map, Part, Place, Read, Resource, ResourceId, StackId, Subject, Text,
    Value, Why,
};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

/// What identity policies are written in.
pub const HOLDERS: [&str; 9] = [
    "AWS::IAM::Role",
    "AWS::IAM::User",
    "AWS::IAM::Group",
    "AWS::IAM::Policy",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::RolePolicy",
    "AWS::IAM::UserPolicy",
    "AWS::IAM::GroupPolicy",
    "AWS::SSO::PermissionSet",
];

/// Those that are policies of others.
const POLICIES: [&str; 5] = [
    "AWS::IAM::Policy",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::RolePolicy",
    "AWS::IAM::UserPolicy",
    "AWS::IAM::GroupPolicy",
];

/// Where they stand in a resource's properties.
const DOCUMENTS: [&str; 3] = [
    "PolicyDocument",
    "Policies.*.PolicyDocument",
    "InlinePolicy",
];

/// Where a resource names policies that stand elsewhere.
const NAMED: [&str; 2] = ["ManagedPolicyArns.*", "ManagedPolicies.*"];

/// A policy of an identity.
pub struct Held<'a> {
    /// The document.
    pub document: Cow<'a, Value>,
    /// The name of AWS's policy that it is.
    pub name: Option<Arc<str>>,
    /// Where it is written or named.
    pub loc: Loc,
    /// The resource that writes or names it.
    pub owner: ResourceId,
}

impl Held<'_> {
    /// The document, evaluated.
    pub fn policy(&self) -> Policy {
        Policy::from_value(&self.document)
    }

    /// A cheap look before a policy is evaluated: whether it may allow actions of a service.
    pub fn mentions(&self, service: &str) -> bool {
        let mut found = matches!(self.document.kind, Kind::Text(_) | Kind::Unknown(_));
        self.document.walk(&mut |path, value| {
            found = found
                || path.contains("NotAction")
                || path.contains("Action")
                    && match &value.kind {
                        Kind::Text(text) => {
                            let known = text.known_prefix();
                            let of_service = known
                                .get(..service.len())
                                .is_some_and(|start| start.eq_ignore_ascii_case(service));
                            of_service || known.is_empty() || known.starts_with('*')
                        }
                        Kind::Unknown(_) => true,
                        _ => false,
                    };
        });
        found
    }
}

/// Where an identity's policies hold: in its account or, where the input does not say which, in its stack.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Home {
    /// The account, by its id.
    Account(Arc<str>),
    /// The stack that is deployed with all that it nests.
    Stack(StackId),
}

impl Home {
    /// Of a resource.
    pub fn of(inventory: &Inventory, resource: &Resource) -> Home {
        let stacks = std::iter::successors(Some(resource.stack), |id| inventory.stack(*id).parent);
        match &inventory.stack_of(resource).place.account {
            Some(account) => Home::Account(account.clone()),
            None => {
                let root = stacks.take(inventory.stacks().len()).last();
                Home::Stack(root.unwrap_or(resource.stack))
            }
        }
    }
}

/// A role that a service made for itself, or a policy that AWS keeps: nobody else can change what it may do (IAM User
/// Guide, "Service-linked roles", "AWS managed policies"). Who attaches such a policy is judged by what it allows.
pub fn is_of_aws(holder: &Resource) -> bool {
    let path = holder.at("Path").string().found();
    is_policy_of_aws(holder) || path.is_some_and(|path| path.starts_with("/aws-service-role/"))
}

fn is_policy_of_aws(holder: &Resource) -> bool {
    let arn = holder.arn.as_deref();
    arn.is_some_and(|arn| arn.contains(":iam::aws:policy/"))
}

/// The policies that a resource writes itself, and those of AWS that it names: as the account tells them, or by the table.
pub fn written<'a>(inventory: &'a Inventory, subject: Subject<'a>) -> Vec<Held<'a>> {
    let mut held: Vec<Held<'a>> = Vec::new();
    let documents = DOCUMENTS.iter().flat_map(|path| subject.each(path));
    held.extend(documents.filter_map(|read| of_read(read, subject.id())));
    for read in NAMED.iter().flat_map(|path| subject.each(path)) {
        let target = read
            .clone()
            .found()
            .and_then(|named| inventory.target(named));
        match (target, read.string()) {
            (Some((policy, _)), read) if is_policy_of_aws(policy) => {
                held.extend(
                    of_read(policy.at("PolicyDocument"), subject.id()).map(|told| Held {
                        name: Some(policy.name.clone()),
                        loc: read.loc(),
                        ..told
                    }),
                );
            }
            (_, Read::Found(arn, loc)) => held.extend(of_aws(&arn, loc, subject.id())),
            _ => {}
        }
    }
    held
}

/// The policies of an identity: its own, and those that the input attaches to it.
pub fn of_identity<'a>(inventory: &'a Inventory, identity: &'a Resource) -> Vec<Held<'a>> {
    let mut held = Vec::new();
    let mut attached: BTreeSet<_> = BTreeSet::new();
    for subject in inventory.variants_of(identity.id) {
        held.extend(written(inventory, subject));
        for read in NAMED.iter().flat_map(|path| subject.each(path)) {
            if let Read::Found(value, _) = read
                && let Some((policy, _)) = inventory.target(value)
            {
                attached.insert(policy.id);
            }
        }
    }
    let others = inventory.referrers(identity.id);
    attached.extend(
        others
            .filter(|other| is_attached(inventory, other, identity))
            .map(|other| other.id),
    );
    for policy in attached.into_iter().map(|id| inventory.resource(id)) {
        let told = policy.id == identity.id || is_policy_of_aws(policy);
        if !told && POLICIES.contains(&&*policy.kind) {
            let variants = inventory.variants_of(policy.id);
            held.extend(variants.flat_map(|subject| written(inventory, subject)));
        }
    }
    held
}

/// Every identity that has policies: with those of the input's policies that are attached to somebody
/// whom the input only names.
pub fn identities(inventory: &Inventory) -> Vec<&Resource> {
    let mut found: Vec<&Resource> = Vec::new();
    for kind in HOLDERS {
        let is_policy = POLICIES.contains(&kind);
        let of_kind = inventory.of_kind(kind);
        found.extend(
            of_kind
                .filter(|holder| !is_of_aws(holder))
                .filter(|holder| {
                    !is_policy || attachments(inventory, holder).any(|to| to.is_none())
                }),
        );
    }
    found
}

/// Whom a policy resource is attached to.
const ATTACHED: [&str; 6] = [
    "Roles.*",
    "Users.*",
    "Groups.*",
    "RoleName",
    "UserName",
    "GroupName",
];

fn is_attached<'a>(inventory: &'a Inventory, policy: &'a Resource, identity: &Resource) -> bool {
    attachments(inventory, policy).any(|to| to.is_some_and(|to| to.id == identity.id))
}

/// Whom a policy resource is attached to; `None` for an identity that the input only names.
pub fn attachments<'a>(
    inventory: &'a Inventory,
    policy: &'a Resource,
) -> impl Iterator<Item = Option<&'a Resource>> + use<'a> {
    let subjects = inventory.variants_of(policy.id);
    subjects
        .flat_map(|subject| ATTACHED.iter().flat_map(move |path| subject.each(path)))
        .filter(|read| !read.is_absent())
        .map(move |read| Some(inventory.target(read.found()?)?.0))
}

/// Who holds what a resource writes: the resource itself or, of a policy, those it is attached to; `None` for whom the input
/// only names. Nobody holds a policy that is a permissions boundary only: it allows nothing.
pub fn holders(inventory: &Inventory, resource: &Resource) -> Vec<Option<ResourceId>> {
    if !POLICIES.contains(&&*resource.kind) {
        return vec![Some(resource.id)];
    }
    let mut found: Vec<Option<ResourceId>> = attachments(inventory, resource)
        .map(|to| to.map(|to| to.id))
        .collect();
    let mut bounds = false;
    for other in inventory.referrers(resource.id) {
        let means = |read: Read<&Value>| {
            let target = read.found().and_then(|value| inventory.target(value));
            target.is_some_and(|(policy, _)| policy.id == resource.id)
        };
        let mut of_other = inventory.variants_of(other.id);
        if of_other.any(|subject| NAMED.iter().flat_map(|path| subject.each(path)).any(means)) {
            found.push(Some(other.id));
        }
        bounds |= means(other.at("PermissionsBoundary"));
    }
    found.dedup();
    match found.is_empty() && !bounds {
        true => vec![None],
        false => found,
    }
}

fn of_read(read: Read<&Value>, owner: ResourceId) -> Option<Held<'_>> {
    let loc = read.loc();
    let document = match read {
        Read::Absent(_) => return None,
        Read::Found(value, _) => Cow::Borrowed(value),
        Read::Unknown(why, loc) => Cow::Owned(Value::new(Kind::Unknown(why), loc)),
    };
    Some(Held {
        document,
        name: None,
        loc,
        owner,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    aws: BTreeMap<Arc<str>, Vec<String>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../tables/aws-policies.toml"))
        .expect("the embedded table is checked by a test")
});

/// A policy of AWS, by its ARN or name.
fn of_aws(name: &str, loc: Loc, owner: ResourceId) -> Option<Held<'static>> {
    let named = match name.split_once(":policy/") {
        Some((head, path)) if head.ends_with(":iam::aws") => path.rsplit('/').next(),
        Some(_) => None,
        None => Some(name),
    };
    let (name, actions) = TABLE.aws.get_key_value(named?)?;
    Some(allowing(name, actions, loc, owner))
}

/// The document of a policy of AWS that a value names, as far as the table knows it.
pub(crate) fn of_aws_by_name(value: &Value) -> Option<Value> {
    let Kind::Text(Text::Plain(name)) = &value.kind else {
        return None;
    };
    let held = of_aws(name, value.loc, ResourceId(0))?;
    Some(held.document.into_owned())
}

/// `arn:aws:service:region:account:name` in a place, of which parts may be the stack's own.
pub fn arn(service: &str, place: &Place, name: &str) -> Text {
    let own = |known: &Option<Arc<str>>, pseudo: &str| match known {
        Some(known) => Part::Literal(known.clone()),
        None => Part::Unknown(Arc::new(Why::Runtime(pseudo.to_owned()))),
    };
    Text::from_parts([
        Part::Literal(format!("arn:{}:{service}:", partition(place)).into()),
        own(&place.region, "AWS::Region"),
        Part::Literal(":".into()),
        own(&place.account, "AWS::AccountId"),
        Part::Literal(format!(":{name}").into()),
    ])
}

fn partition(place: &Place) -> &'static str {
    match place.region.as_deref() {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// How much of a logical id a generated name surely holds.
const KEPT: usize = 20;

/// The ARN of a role or user, as far as its template tells. Without a name of its own it gets one that
/// holds its logical id: `stack-LogicalId-RANDOM` (AWS CloudFormation User Guide, "Name type").
pub fn arn_of(inventory: &Inventory, identity: &Resource) -> Option<Text> {
    let (kind, property) = match &*identity.kind {
        "AWS::IAM::Role" => (":role", "RoleName"),
        "AWS::IAM::User" => (":user", "UserName"),
        _ => return None,
    };
    let place = &inventory.stack_of(identity).place;
    let runtime = |what: &str| Part::Unknown(Arc::new(Why::Runtime(what.to_owned())));
    let account = match &place.account {
        Some(account) => Part::Literal(account.clone()),
        None => runtime("AWS::AccountId"),
    };
    let path = match identity.at("Path").text() {
        Read::Found(path, _) => path.parts(),
        Read::Absent(_) => vec![Part::Literal("/".into())],
        Read::Unknown(why, _) => vec![Part::Unknown(why)],
    };
    let name = match identity.at(property).text() {
        Read::Found(name, _) => name.parts(),
        Read::Absent(_) => {
            let kept: String = identity.name.chars().take(KEPT).collect();
            let own = Part::Literal(format!("-{kept}").into());
            vec![
                runtime("AWS::StackName"),
                own,
                runtime("the name that CloudFormation gives it"),
            ]
        }
        Read::Unknown(why, _) => vec![Part::Unknown(why)],
    };
    let literal = |text: &str| Part::Literal(text.into());
    let head = [
        literal(&format!("arn:{}:iam::", partition(place))),
        account,
        literal(kind),
    ];
    Some(Text::from_parts(head.into_iter().chain(path).chain(name)))
}

/// A policy that allows these on everything.
fn allowing(name: &Arc<str>, actions: &[String], loc: Loc, owner: ResourceId) -> Held<'static> {
    let entry = |name: &str, value: Value| (Arc::from(name), value);
    let actions = actions
        .iter()
        .map(|action| Value::string(action.as_str(), loc));
    let statement = Map::from_iter([
        entry("Effect", Value::string("Allow", loc)),
        entry("Action", Value::new(Kind::List(actions.collect()), loc)),
        entry("Resource", Value::string("*", loc)),
    ]);
    let statement = Value::new(Kind::Map(statement), loc);
    Held {
        document: Cow::Owned(Value::new(
            Kind::Map(Map::from_iter([entry("Statement", statement)])),
            loc,
        )),
        name: Some(name.clone()),
        loc,
        owner,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_policies_names_actions() {
        let actions = TABLE.aws.values().flatten();
        assert!(actions.clone().count() > 10);
        assert!(
            actions
                .clone()
                .all(|action| action == "*" || action.contains(':'))
        );
    }
}
