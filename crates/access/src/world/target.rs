//! What is done something to: a resource with its own policy.

use super::actor::{Actor, Attached, Origin as Attachment};
use crate::Three;
use crate::access::{KeyFacts, Trust};
use crate::grant::{Grant, grants_of};
use crate::policy::{Effect, Entry, Policy, Principals, Selection, Statement};
use crate::principal::{Account, PrincipalPattern};
use crate::request::{ContextValue, Resource as Names};
use lockfast_facts::{Inventory, Kind, Known, Loc, Origin, Resource, Subject, Text, Value, Why};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A resource that somebody may do something to.
#[derive(Clone)]
pub struct On<'a> {
    /// The resource among the facts; `None` for an ARN that is not.
    pub of: Option<&'a Resource>,
    /// A name for people.
    pub label: String,
    /// What statements know it by.
    pub resource: Names,
    /// The account it belongs to.
    pub account: Account,
    /// Its own policy; unknown parts match maybe.
    pub policy: Option<Arc<Policy>>,
    /// A name for that policy.
    pub policy_label: String,
    /// How it goes together with identities' policies.
    pub trust: Trust,
    /// Grants, of a KMS key.
    pub grants: Vec<Grant>,
    /// What a KMS key says itself.
    pub key: Option<KeyFacts>,
    /// All of its tags, where all are known.
    pub tags: Option<BTreeMap<String, String>>,
    /// Context keys that follow from it.
    pub context: Vec<(String, ContextValue)>,
}

/// Where resources of a type have their policy: in a property, or in a resource of its own that names them.
struct Place {
    kind: &'static str,
    property: &'static str,
    beside: Option<(&'static str, &'static str, &'static str)>,
}

const PLACES: [Place; 11] = [
    Place {
        kind: "AWS::KMS::Key",
        property: "KeyPolicy",
        beside: None,
    },
    Place {
        kind: "AWS::KMS::ReplicaKey",
        property: "KeyPolicy",
        beside: None,
    },
    Place {
        kind: "AWS::S3::Bucket",
        property: "Policy",
        beside: Some(("AWS::S3::BucketPolicy", "Bucket", "PolicyDocument")),
    },
    Place {
        kind: "AWS::SecretsManager::Secret",
        property: "ResourcePolicy",
        beside: Some((
            "AWS::SecretsManager::ResourcePolicy",
            "SecretId",
            "ResourcePolicy",
        )),
    },
    Place {
        kind: "AWS::SQS::Queue",
        property: "Policy",
        beside: Some(("AWS::SQS::QueuePolicy", "Queues.*", "PolicyDocument")),
    },
    Place {
        kind: "AWS::SNS::Topic",
        property: "Policy",
        beside: Some(("AWS::SNS::TopicPolicy", "Topics.*", "PolicyDocument")),
    },
    Place {
        kind: "AWS::DynamoDB::Table",
        property: "ResourcePolicy.PolicyDocument",
        beside: None,
    },
    Place {
        kind: "AWS::ECR::Repository",
        property: "RepositoryPolicyText",
        beside: None,
    },
    Place {
        kind: "AWS::EFS::FileSystem",
        property: "FileSystemPolicy",
        beside: None,
    },
    Place {
        kind: "AWS::Backup::BackupVault",
        property: "AccessPolicy",
        beside: None,
    },
    Place {
        kind: "AWS::IAM::Role",
        property: "AssumeRolePolicyDocument",
        beside: None,
    },
];

/// The policy of a resource, wherever the input keeps it.
pub fn policy_of(inventory: &Inventory, resource: &Resource) -> Option<Policy> {
    let place = PLACES.iter().find(|place| place.kind == &*resource.kind)?;
    if let Some(policy) = Policy::from_read(resource.at(place.property)) {
        return Some(policy);
    }
    let (kind, names, document) = place.beside?;
    inventory.of_kind(kind).find_map(|beside| {
        let subject = Subject {
            resource: beside,
            variant: beside.variants.first()?,
        };
        let is_for = subject.each(names).into_iter().any(|read| {
            let target = read.found().and_then(|value| inventory.target(value));
            target.is_some_and(|(target, _)| target.id == resource.id)
        });
        match is_for {
            true => Policy::from_read(beside.at(document)),
            false => None,
        }
    })
}

/// A policy of which nothing is known.
fn unread(what: &str, loc: Loc) -> Policy {
    let why = Why::NotGiven(what.to_owned());
    Policy::from_value(&Value::new(Kind::Unknown(Arc::new(why)), loc))
}

/// The policy of a resource whose policies could not be listed: it may have one that says anything.
fn unlisted(inventory: &Inventory, resource: &Resource) -> Option<Policy> {
    let place = PLACES.iter().find(|place| place.kind == &*resource.kind)?;
    let (kind, _, _) = place.beside?;
    let own = &inventory.stack_of(resource).place;
    let gap = inventory.gaps().find(|gap| {
        let place = &inventory.stack_of(gap).place;
        &*gap.kind == kind
            && place.account == own.account
            && (place.region.is_none() || own.region.is_none() || place.region == own.region)
    })?;
    Some(unread("its policy, which could not be listed", gap.loc))
}

/// The policy of a VPC endpoint, and what requests through it are known by; `None` is the default policy, which allows
/// everything (Amazon VPC User Guide, "Control access to VPC endpoints using endpoint policies").
pub fn endpoint(
    inventory: &Inventory,
    endpoint: &Resource,
) -> (Option<Attached>, Vec<(String, ContextValue)>) {
    let account = Account::of(inventory.stack_of(endpoint).place.account.as_ref());
    let label = super::actor::label(endpoint);
    let policy = Policy::from_read(endpoint.at("PolicyDocument")).map(|policy| Attached {
        policy: Arc::new(policy.in_account(account)),
        label: format!("policy of VPC endpoint {label}"),
        origin: Attachment::Endpoint,
    });
    let known = |text: Text| ContextValue::Known(vec![text]);
    let mut context = Vec::new();
    if endpoint.name.starts_with("vpce-") {
        let id = Text::Plain(endpoint.name.clone());
        context.push(("aws:SourceVpce".to_owned(), known(id)));
    }
    if let Some(vpc) = endpoint.at("VpcId").string().found() {
        context.push(("aws:SourceVpc".to_owned(), known(Text::Plain(vpc.into()))));
    }
    (policy, context)
}

/// What a key gets whose template writes none: the account's own policies decide (AWS KMS Developer Guide, "Default key policy").
fn default_key_policy(account: &Account, loc: Loc) -> Policy {
    let all = |pattern: &str| Selection::These(vec![Entry::Pattern(Text::Plain(pattern.into()))]);
    Policy {
        statements: vec![Statement {
            sid: Some("the default key policy".into()),
            effect: Effect::Allow,
            principals: Principals::These(vec![PrincipalPattern::Account(account.clone())]),
            actions: all("kms:*"),
            resources: all("*"),
            conditions: Vec::new(),
            loc,
        }],
        variables: Three::Yes,
        account: account.clone(),
        problems: Vec::new(),
        loc,
    }
}

impl<'a> On<'a> {
    /// A resource of the inventory.
    pub fn resource(inventory: &'a Inventory, resource: &'a Resource) -> Self {
        let account = Account::of(inventory.stack_of(resource).place.account.as_ref());
        let is_key = matches!(&*resource.kind, "AWS::KMS::Key" | "AWS::KMS::ReplicaKey");
        let service = resource
            .kind
            .split("::")
            .nth(1)
            .unwrap_or_default()
            .to_lowercase();
        let names = match &resource.arn {
            // Whoever names its ARN means it; so does who refers to it.
            Some(arn) => Names::id(resource.id).also(Text::Plain(arn.clone())),
            None if is_key => Names::kms_key(resource.id),
            None if &*resource.kind == "AWS::S3::Bucket" => {
                let name = resource.at("BucketName").string().found();
                Names::bucket(resource.id, name.as_deref())
            }
            None => Names::of_service(resource.id, &service, ""),
        };
        let policy = match policy_of(inventory, resource) {
            None if is_key && inventory.origin() == Origin::Live => {
                Some(unread("the key policy", resource.loc))
            }
            None if is_key => Some(default_key_policy(&account, resource.loc)),
            None => unlisted(inventory, resource),
            policy => policy,
        };
        let policy = policy.map(|policy| policy.in_account(account.clone()));
        let mut on = On {
            of: Some(resource),
            label: super::actor::label(resource),
            resource: names,
            policy: policy.map(Arc::new),
            policy_label: match is_key {
                true => "key policy".to_owned(),
                false => "resource policy".to_owned(),
            },
            trust: match is_key || &*resource.kind == "AWS::IAM::Role" {
                true => Trust::ResourceFirst,
                false => Trust::Either,
            },
            account,
            grants: Vec::new(),
            key: None,
            tags: None,
            context: Vec::new(),
        };
        on.tags(inventory, resource);
        if is_key {
            on.as_key(inventory, resource);
            on.aliases(inventory, resource);
        }
        on
    }

    /// A role, to become it.
    pub fn role(inventory: &'a Inventory, role: &Actor<'a>) -> Self {
        On {
            policy: role.trust.clone(),
            policy_label: "trust policy".to_owned(),
            ..On::resource(inventory, role.resource)
        }
    }

    /// A resource that is not among the facts, by its ARN: its policy is not known.
    pub fn arn(arn: &str) -> Self {
        let account = crate::account_of_arn(&Text::Plain(arn.into())).unwrap_or(Account::Unknown);
        let is_key = arn.split(':').nth(2) == Some("kms");
        On {
            of: None,
            label: arn.to_owned(),
            resource: Names::arn(arn),
            policy: Some(Arc::new(
                unread(
                    "the policy of a resource that is not among the facts",
                    Loc::default(),
                )
                .in_account(account.clone()),
            )),
            policy_label: "resource policy, which was not read".to_owned(),
            trust: match is_key {
                true => Trust::ResourceFirst,
                false => Trust::Either,
            },
            account,
            grants: Vec::new(),
            key: is_key.then(KeyFacts::default),
            tags: None,
            context: Vec::new(),
        }
    }

    /// Whether it is a KMS key.
    pub fn is_key(&self) -> bool {
        self.key.is_some()
    }

    fn as_key(&mut self, inventory: &Inventory, key: &Resource) {
        let text = |at: &str| key.at(at).string().found();
        self.key = Some(KeyFacts {
            state: text("KeyState").map(Into::into),
            usage: text("KeyUsage").map(Into::into),
            aws_managed: text("KeyManager").as_deref() == Some("AWS"),
        });
        self.grants = match grants_of(inventory, key) {
            // Whoever may hold one, for whatever operation.
            Known::Unknown(why, loc) if inventory.origin() == Origin::Live => {
                vec![Grant::from_value(&Value::new(Kind::Unknown(why), loc))]
            }
            known => known.value().cloned().unwrap_or_default(),
        };
        for (property, key) in [
            ("Origin", "kms:KeyOrigin"),
            ("KeySpec", "kms:KeySpec"),
            ("KeyUsage", "kms:KeyUsage"),
            ("MultiRegion", "kms:MultiRegion"),
        ] {
            if let Some(value) = text(property) {
                self.state(key, &value);
            }
        }
    }

    /// What is told of a live resource are all of its tags; stacks give what they make more than templates write.
    fn tags(&mut self, inventory: &Inventory, resource: &Resource) {
        let tags = super::actor::tags(resource);
        if inventory.origin() == Origin::Live {
            self.tags = tags;
        } else {
            for (key, value) in tags.into_iter().flatten() {
                self.state(&format!("aws:ResourceTag/{key}"), &value);
            }
        }
    }

    /// The aliases of a live key are all there are.
    fn aliases(&mut self, inventory: &Inventory, key: &Resource) {
        if inventory.origin() != Origin::Live {
            return;
        }
        let leads_here = |alias: &&Resource| {
            let target = alias.at("TargetKeyId").found();
            let target = target.and_then(|target| inventory.target(target));
            target.is_some_and(|(target, _)| target.id == key.id)
        };
        let aliases = inventory.of_kind("AWS::KMS::Alias").filter(leads_here);
        let names = aliases.filter_map(|alias| alias.at("AliasName").string().found());
        let names: Vec<Text> = names.map(|name| Text::Plain(name.into())).collect();
        let value = match names.is_empty() {
            true => ContextValue::Absent,
            false => ContextValue::Known(names),
        };
        self.context.push(("kms:ResourceAliases".to_owned(), value));
    }

    fn state(&mut self, key: &str, value: &str) {
        let value = ContextValue::Known(vec![Text::Plain(value.into())]);
        self.context.push((key.to_owned(), value));
    }
}
