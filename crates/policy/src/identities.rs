//! The policies of identities: which a template writes or names for a role, a user, a function, and who
//! holds them.

use crate::cx::Cx;
use lockfast_access::Policy;
use lockfast_facts::{
    Kind, Loc, Map, Part, Place, Read, Resource, StackId, Subject, Text, Value, Why,
};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

/// What identity policies are written in.
pub(crate) const HOLDERS: [&str; 11] = [
    "AWS::IAM::Role",
    "AWS::IAM::User",
    "AWS::IAM::Group",
    "AWS::IAM::Policy",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::RolePolicy",
    "AWS::IAM::UserPolicy",
    "AWS::IAM::GroupPolicy",
    "AWS::SSO::PermissionSet",
    "AWS::Serverless::Function",
    "AWS::Serverless::StateMachine",
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
pub(crate) struct Held<'a> {
    /// The document.
    pub document: Cow<'a, Value>,
    /// The name of AWS's or SAM's policy that it is.
    pub name: Option<Arc<str>>,
    /// Where it is written or named.
    pub loc: Loc,
}

impl Held<'_> {
    /// The document, evaluated.
    pub(crate) fn policy(&self) -> Policy {
        Policy::from_value(&self.document)
    }

    /// A cheap look before a policy is evaluated: whether it may allow actions of a service.
    pub(crate) fn mentions(&self, service: &str) -> bool {
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
pub(crate) enum Home {
    Account(Arc<str>),
    Stack(StackId),
}

impl Home {
    /// Of a resource.
    pub(crate) fn of(cx: &Cx<'_>, resource: &Resource) -> Home {
        let inventory = cx.inventory;
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

/// The policies that a resource writes or names itself.
pub(crate) fn written<'a>(cx: &Cx<'a>, subject: Subject<'a>) -> Vec<Held<'a>> {
    let mut held: Vec<Held<'a>> = Vec::new();
    let serverless = subject.kind().starts_with("AWS::Serverless::");
    let documents = DOCUMENTS.iter().filter(|_| !serverless);
    held.extend(
        documents
            .flat_map(|path| subject.each(path))
            .filter_map(of_read),
    );
    for read in NAMED.iter().flat_map(|path| subject.each(path)) {
        if let Read::Found(arn, loc) = read.string() {
            held.extend(of_aws(&arn, loc));
        }
    }
    if serverless {
        let place = &cx.inventory.stack_of(subject.resource).place;
        match subject.at("Policies") {
            Read::Found(policies, _) => {
                held.extend(
                    items(policies)
                        .iter()
                        .filter_map(|policy| of_sam(place, policy)),
                );
            }
            read => held.extend(of_read(read)),
        }
    }
    held
}

/// The policies of an identity: its own, and those that the input attaches to it.
pub(crate) fn of_identity<'a>(cx: &Cx<'a>, identity: &'a Resource) -> Vec<Held<'a>> {
    let mut held = Vec::new();
    let mut attached: BTreeSet<_> = BTreeSet::new();
    for subject in cx.inventory.variants_of(identity.id) {
        held.extend(written(cx, subject));
        for read in NAMED
            .iter()
            .chain(&["Policies.*"])
            .flat_map(|path| subject.each(path))
        {
            if let Read::Found(value, _) = read
                && let Some((policy, _)) = cx.inventory.target(value)
            {
                attached.insert(policy.id);
            }
        }
    }
    let others = cx.inventory.referrers(identity.id);
    attached.extend(
        others
            .filter(|other| is_attached(cx, other, identity))
            .map(|other| other.id),
    );
    for policy in attached.into_iter().map(|id| cx.inventory.resource(id)) {
        if policy.id != identity.id && POLICIES.contains(&&*policy.kind) {
            held.extend(
                cx.inventory
                    .variants_of(policy.id)
                    .flat_map(|subject| written(cx, subject)),
            );
        }
    }
    held
}

/// Every identity that has policies: with those of the input's policies that are attached to somebody
/// whom the input only names.
pub(crate) fn identities<'a>(cx: &Cx<'a>) -> Vec<&'a Resource> {
    let mut found: Vec<&Resource> = Vec::new();
    for kind in HOLDERS {
        let is_policy = POLICIES.contains(&kind);
        let of_kind = cx.inventory.of_kind(kind);
        found.extend(
            of_kind.filter(|holder| !is_policy || attachments(cx, holder).any(|to| to.is_none())),
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

fn is_attached<'a>(cx: &Cx<'a>, policy: &'a Resource, identity: &Resource) -> bool {
    attachments(cx, policy).any(|to| to.is_some_and(|to| to.id == identity.id))
}

/// Whom a policy resource is attached to; `None` for an identity that the input only names.
pub(crate) fn attachments<'a>(
    cx: &Cx<'a>,
    policy: &'a Resource,
) -> impl Iterator<Item = Option<&'a Resource>> + use<'a> {
    let inventory = cx.inventory;
    let subjects = inventory.variants_of(policy.id);
    subjects
        .flat_map(|subject| ATTACHED.iter().flat_map(move |path| subject.each(path)))
        .filter(|read| !read.is_absent())
        .map(move |read| Some(inventory.target(read.found()?)?.0))
}

/// A statement, or a list of them; likewise SAM's policies.
fn items(value: &Value) -> &[Value] {
    match &value.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(value),
    }
}

fn of_read(read: Read<&Value>) -> Option<Held<'_>> {
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
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    aws: BTreeMap<Arc<str>, Vec<String>>,
    sam: BTreeMap<Arc<str>, Template>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    actions: Vec<String>,
    service: String,
    before: String,
    parameter: String,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("identities/policies.toml"))
        .expect("the table is exercised by the fixtures")
});

/// A policy of AWS, by its ARN or name.
fn of_aws(name: &str, loc: Loc) -> Option<Held<'static>> {
    let named = match name.split_once(":policy/") {
        Some((head, path)) if head.ends_with(":iam::aws") => path.rsplit('/').next(),
        Some(_) => None,
        None => Some(name),
    };
    let (name, actions) = TABLE.aws.get_key_value(named?)?;
    Some(allowing(name, actions, Text::Plain("*".into()), loc))
}

/// An entry of a SAM function's `Policies`: a name, a document, or a template with its parameter.
fn of_sam<'a>(place: &Place, value: &'a Value) -> Option<Held<'a>> {
    let Kind::Map(map) = &value.kind else {
        return match value.at("").string() {
            Read::Found(name, loc) => of_aws(&name, loc),
            // Another policy's ARN, which the input may hold.
            Read::Unknown(..) if matches!(value.kind, Kind::Text(_)) => None,
            _ => of_read(value.at("")),
        };
    };
    if map.get("Statement").is_some() {
        return of_read(value.at(""));
    }
    let [(name, parameters)] = map.0.as_slice() else {
        return None;
    };
    let (name, template) = TABLE.sam.get_key_value(name)?;
    let given = match parameters.at(&template.parameter).text() {
        Read::Found(text, _) => text.parts(),
        Read::Unknown(why, _) => vec![Part::Unknown(why)],
        Read::Absent(_) => return None,
    };
    let arn = arn(&template.service, place, &template.before)
        .parts()
        .into_iter()
        .chain(given);
    Some(allowing(
        name,
        &template.actions,
        Text::from_parts(arn),
        value.loc,
    ))
}

/// `arn:aws:service:region:account:name` in a place, of which parts may be the stack's own.
pub(crate) fn arn(service: &str, place: &Place, name: &str) -> Text {
    let own = |known: &Option<Arc<str>>, pseudo: &str| match known {
        Some(known) => Part::Literal(known.clone()),
        None => Part::Unknown(Arc::new(Why::Runtime(pseudo.to_owned()))),
    };
    let partition = match place.region.as_deref() {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    Text::from_parts([
        Part::Literal(format!("arn:{partition}:{service}:").into()),
        own(&place.region, "AWS::Region"),
        Part::Literal(":".into()),
        own(&place.account, "AWS::AccountId"),
        Part::Literal(format!(":{name}").into()),
    ])
}

fn allowing(name: &Arc<str>, actions: &[String], resource: Text, loc: Loc) -> Held<'static> {
    let entry = |name: &str, value: Value| (Arc::from(name), value);
    let actions = actions
        .iter()
        .map(|action| Value::string(action.as_str(), loc));
    let statement = Map(vec![
        entry("Effect", Value::string("Allow", loc)),
        entry("Action", Value::new(Kind::List(actions.collect()), loc)),
        entry("Resource", Value::new(Kind::Text(resource), loc)),
    ]);
    let statement = Value::new(Kind::Map(statement), loc);
    Held {
        document: Cow::Owned(Value::new(
            Kind::Map(Map(vec![entry("Statement", statement)])),
            loc,
        )),
        name: Some(name.clone()),
        loc,
    }
}
