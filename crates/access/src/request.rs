//! What is asked: who does what to which resource, in which circumstances.

use crate::principal::{Account, Identity, Principal};
use lockfast_facts::{Part, Reference, ResourceId, Text, Why};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known about a key of the request's context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextValue {
    /// The request has the key, with these values.
    Known(Vec<Text>),
    /// The request does not have the key.
    Absent,
    /// Nothing is known about it: it may be there, with any value.
    Unknown,
}

/// The resource that a request is for. It may go by several names: a reference in a template, and
/// the ARN as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// All names of the one resource; empty for "whatever the statement names".
    names: Vec<Text>,
}

/// One request to AWS.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// The action, such as `kms:Decrypt`.
    pub action: Arc<str>,
    /// For which resource.
    pub resource: Resource,
    /// Account that the resource belongs to.
    pub resource_account: Account,
    /// Context keys in lower case. A key that is neither here nor follows from the principal is
    /// unknown.
    context: BTreeMap<String, ContextValue>,
    /// Whether keys that are neither stated nor follow from the request are absent rather than unknown.
    closed: bool,
    /// All tags of the resource, by their names in lower case, where all are known.
    resource_tags: Option<BTreeMap<String, String>>,
    /// Whether nobody asks for reasons.
    pub(crate) quiet: bool,
}

impl Resource {
    /// Whatever a statement names: the question is not about one resource.
    pub fn any() -> Self {
        Resource::default()
    }

    /// A resource by its ARN.
    pub fn arn(arn: impl Into<Arc<str>>) -> Self {
        Resource::text(Text::Plain(arn.into()))
    }

    /// A resource by an ARN of which parts may be unknown.
    pub fn text(arn: Text) -> Self {
        Resource { names: vec![arn] }
    }

    /// A resource of the inventory. Statements that refer to it match; statements that refer to
    /// another one do not; those with a literal ARN may match, unless [`Resource::also`] says
    /// what its ARN is.
    pub fn id(id: ResourceId) -> Self {
        Resource {
            names: vec![Text::Parts(Arc::new([reference(id)]))],
        }
    }

    /// A bucket of the inventory, with its name where that is known.
    pub fn bucket(id: ResourceId, name: Option<&str>) -> Self {
        let resource = Resource::id(id);
        match name {
            Some(name) => resource.also(Text::Plain(format!("arn:aws:s3:::{name}").into())),
            // A literal ARN may still turn out to be this bucket's.
            None => resource.also(arn_shape("s3", "")),
        }
    }

    /// A key of the inventory.
    pub fn kms_key(id: ResourceId) -> Self {
        Resource::id(id).also(arn_shape("kms", "key/"))
    }

    /// A resource of the inventory of a service, whose ARN's last segment starts with `prefix`,
    /// such as `("ssm", "parameter/")`; so literal ARNs of other services do not match it.
    pub fn of_service(id: ResourceId, service: &str, prefix: &str) -> Self {
        Resource::id(id).also(arn_shape(service, prefix))
    }

    /// The same resource under another name.
    #[must_use]
    pub fn also(mut self, arn: Text) -> Self {
        self.names.push(arn);
        self
    }

    /// Something inside it: `bucket.under("/invoices/1")`.
    #[must_use]
    pub fn under(self, suffix: &str) -> Self {
        self.followed_by(&[Part::Literal(suffix.into())])
    }

    /// Any object inside it: what holds for it holds for every object.
    #[must_use]
    pub fn any_object(self) -> Self {
        let any = Why::NotGiven("the object".to_owned());
        self.followed_by(&[Part::Literal("/".into()), Part::Unknown(Arc::new(any))])
    }

    fn followed_by(mut self, more: &[Part]) -> Self {
        for name in &mut self.names {
            *name = Text::from_parts(name.parts().into_iter().chain(more.iter().cloned()));
        }
        self
    }

    pub(crate) fn names(&self) -> &[Text] {
        &self.names
    }
}

fn reference(id: ResourceId) -> Part {
    Part::Reference(Reference {
        target: id,
        attribute: None,
    })
}

fn arn_shape(service: &str, prefix: &str) -> Text {
    let unknown = |what: &str| Part::Unknown(Arc::new(Why::Runtime(what.to_owned())));
    if service == "s3" {
        return Text::from_parts([
            Part::Literal("arn:aws:s3:::".into()),
            unknown("the bucket's name"),
        ]);
    }
    Text::from_parts([
        Part::Literal("arn:".into()),
        unknown("the partition"),
        Part::Literal(format!(":{service}:").into()),
        unknown("the region"),
        Part::Literal(":".into()),
        unknown("the account"),
        Part::Literal(format!(":{prefix}").into()),
        unknown("the name"),
    ])
}

impl Request {
    /// A request in the resource's own account, of which only this much is known.
    pub fn new(principal: Principal, action: impl Into<Arc<str>>, resource: Resource) -> Self {
        Request {
            principal,
            action: action.into(),
            resource,
            resource_account: Account::Own,
            context: BTreeMap::new(),
            closed: false,
            resource_tags: None,
            quiet: false,
        }
    }

    /// The same request with a context key of one value.
    #[must_use]
    pub fn with(self, key: &str, value: impl Into<Arc<str>>) -> Self {
        self.with_value(key, ContextValue::Known(vec![Text::Plain(value.into())]))
    }

    /// The same request without a context key.
    #[must_use]
    pub fn without(self, key: &str) -> Self {
        self.with_value(key, ContextValue::Absent)
    }

    /// The same request with a context key as given. Keys are compared without regard to case.
    #[must_use]
    pub fn with_value(mut self, key: &str, value: ContextValue) -> Self {
        self.context.insert(key.to_lowercase(), value);
        self
    }

    /// The same request, of which all is known: a key that is neither stated nor follows from it, it does not have.
    #[must_use]
    pub fn closed(mut self) -> Self {
        self.closed = true;
        self
    }

    /// The same request for a resource that has these tags and no others.
    #[must_use]
    pub fn with_resource_tags(mut self, tags: &BTreeMap<String, String>) -> Self {
        let lower = tags.iter().map(|(k, v)| (k.to_lowercase(), v.clone()));
        self.resource_tags = Some(lower.collect());
        self
    }

    /// The same request, of which only the answer is wanted: conditions and statements are not told.
    #[must_use]
    pub fn quietly(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// The context keys that are stated, in lower case.
    pub(crate) fn stated(&self) -> impl Iterator<Item = (&str, &ContextValue)> {
        self.context.iter().map(|(key, value)| (&**key, value))
    }

    /// The same request for a resource of this account.
    #[must_use]
    pub fn in_account(mut self, account: Account) -> Self {
        self.resource_account = account;
        self
    }

    /// The value of a context key, given in lower case: as stated, or as it follows from the
    /// principal (IAM User Guide, "AWS global condition context keys"; AWS KMS Developer Guide,
    /// "AWS KMS condition keys").
    pub(crate) fn lookup(&self, key: &str) -> ContextValue {
        match self.known(key) {
            ContextValue::Unknown if self.closed && !self.context.contains_key(key) => {
                ContextValue::Absent
            }
            value => value,
        }
    }

    fn known(&self, key: &str) -> ContextValue {
        if let Some(value) = self.context.get(key) {
            return value.clone();
        }
        let principal = &self.principal;
        let one = |text: Text| ContextValue::Known(vec![text]);
        if let (Some(tag), Some(tags)) = (key.strip_prefix("aws:resourcetag/"), &self.resource_tags)
        {
            return match tags.get(tag) {
                Some(value) => one(Text::Plain(value.as_str().into())),
                None => ContextValue::Absent,
            };
        }
        let plain = |s: &str| one(Text::Plain(s.into()));
        let service = match &principal.identity {
            Identity::Arbitrary => return ContextValue::Unknown,
            Identity::Service(name) => Some(name),
            _ => None,
        };
        let signed = !matches!(
            principal.identity,
            Identity::Anonymous | Identity::Service(_)
        );
        match key {
            "aws:principalisawsservice" => plain(if service.is_some() { "true" } else { "false" }),
            "aws:principalservicename" => match service {
                Some(name) => plain(name),
                None => ContextValue::Absent,
            },
            "aws:principalaccount"
            | "kms:calleraccount"
            | "aws:principalarn"
            | "aws:principalorgid"
            | "aws:principalorgpaths"
                if !signed =>
            {
                ContextValue::Absent
            }
            "aws:principalaccount" | "kms:calleraccount" => match principal.account.text() {
                Some(account) => one(account),
                None => ContextValue::Unknown,
            },
            "aws:resourceaccount" => match self.resource_account.text() {
                Some(account) => one(account),
                None => ContextValue::Unknown,
            },
            "aws:principaltype" => match principal.type_name() {
                Some(name) => plain(name),
                None => ContextValue::Unknown,
            },
            "aws:principalarn" => match principal.arn_text() {
                Some(arn) => one(arn),
                None => ContextValue::Unknown,
            },
            _ => match key.strip_prefix("aws:principaltag/") {
                Some(_) if !signed => ContextValue::Absent,
                Some(tag) => principal.tag(tag),
                None => ContextValue::Unknown,
            },
        }
    }
}
