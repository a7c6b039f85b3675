//! What is known of a compromised key: what a plan is made of. Plain data, so that a plan can be made again from a file.

use lockfast_facts::{Inventory, Kind, Known, Part, Read, Resource, Text, Value};
use lockfast_keys::{Dependent, Key, Ring};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known of a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyFacts {
    /// Its ARN.
    pub arn: String,
    /// A name for people.
    pub label: String,
    /// Its aliases.
    pub aliases: Vec<String>,
    /// Its account.
    pub account: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// Whether it is a multi-Region key.
    pub multi_region: bool,
    /// What it is made for (`SYMMETRIC_DEFAULT`).
    pub spec: String,
    /// `ENCRYPT_DECRYPT`, or what else it is used for.
    pub usage: String,
    /// Where its material is from (`AWS_KMS`).
    pub origin: String,
    /// Its description.
    pub description: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its key policy; nothing where it was not read whole.
    pub policy: Option<serde_json::Value>,
    /// Its grants; nothing where they are not known.
    pub grants: Option<Vec<GrantFacts>>,
    /// What is under it.
    pub dependents: Vec<DependentFacts>,
    /// Why there may be more under it than is known.
    pub unknowns: Vec<String>,
    /// Where templates write it down, as `file:line`; nothing for what was read live alone.
    pub written_at: Vec<String>,
    /// The same key in other regions: with policies, grants and dependents of their own.
    pub family: Vec<KeyFacts>,
}

/// What is known of a grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrantFacts {
    /// Its id.
    pub id: String,
    /// Who holds it.
    pub grantee: String,
    /// What they may; nothing where that is not known.
    pub operations: Option<Vec<String>>,
}

/// What is known of something under a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DependentFacts {
    /// Its CloudFormation type.
    pub kind: String,
    /// Its name, as its service calls it.
    pub name: String,
    /// Its ARN.
    pub arn: Option<String>,
    /// A name for people.
    pub label: String,
    /// Which part of it is under the key; empty for all of it.
    pub part: String,
    /// Its account.
    pub account: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// Why it is not certain that it is there, or under the key.
    pub unsure: Option<String>,
    /// Regions in which it has replicas.
    pub replicas: Vec<String>,
    /// How many things it holds: objects, versions.
    pub count: Option<u64>,
    /// How many bytes.
    pub bytes: Option<u64>,
}

impl KeyFacts {
    /// What a ring tells of a key, and of its family.
    pub fn of(ring: &Ring<'_>, key: &Key<'_>) -> KeyFacts {
        let mut facts = KeyFacts::of_one(ring.inventory, key);
        for other in &key.family {
            let own = ring.keys.iter().find(|own| own.resource.id == other.id);
            match own {
                Some(own) => facts.family.push(KeyFacts::of_one(ring.inventory, own)),
                None => facts.unknowns.push(format!(
                    "what is under {}, which is the same key in another region, was not read",
                    other.arn.as_deref().unwrap_or(&other.name)
                )),
            }
        }
        facts
    }

    fn of_one(inventory: &Inventory, key: &Key<'_>) -> KeyFacts {
        let resource = key.resource;
        let text =
            |property: &str, absent: &str| key.text(property).unwrap_or_else(|| absent.to_owned());
        let policy = match resource.at("KeyPolicy") {
            Read::Found(policy, _) => json(inventory, policy),
            _ => None,
        };
        // A policy that comes as a text is a document all the same.
        let policy = match policy {
            Some(serde_json::Value::String(text)) => serde_json::from_str(&text).ok(),
            other => other,
        };
        let mut unknowns = key.unknowns.clone();
        let grants = match &key.grants {
            Known::Unknown(why, _) => {
                unknowns.push(format!("its grants are not known: {why}"));
                None
            }
            _ => Some(grants(inventory, resource)),
        };
        let tags = resource.variants.first().map(|variant| {
            let names = variant.tag_names("Tags").into_iter();
            let named = names.filter_map(|name| {
                let value = resource.tag(&name).value().cloned().flatten()?;
                Some((name, value))
            });
            named.collect()
        });
        let is_replica = &*resource.kind == "AWS::KMS::ReplicaKey";
        KeyFacts {
            arn: key.arn().to_owned(),
            label: key.label.clone(),
            aliases: key.aliases.clone(),
            account: key.account.as_deref().map(str::to_owned),
            region: key.region.as_deref().map(str::to_owned),
            multi_region: is_replica || resource.at("MultiRegion").bool().found() == Some(true),
            spec: key.spec(),
            usage: text("KeyUsage", "ENCRYPT_DECRYPT"),
            origin: key.origin(),
            description: text("Description", ""),
            tags: tags.unwrap_or_default(),
            policy,
            grants,
            dependents: key
                .dependents
                .iter()
                .map(|on| DependentFacts::of(inventory, on))
                .collect(),
            unknowns,
            written_at: resource
                .written
                .iter()
                .map(|_| inventory.place(resource.loc))
                .collect(),
            family: Vec::new(),
        }
    }
}

impl DependentFacts {
    fn of(inventory: &Inventory, on: &Dependent<'_>) -> DependentFacts {
        let resource = on.resource;
        let place = &inventory.stack_of(resource).place;
        let owned = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
        let always = resource.variants.iter().any(|own| own.when.is_always());
        let unsure = match (resource.variants.first(), always) {
            (None, _) => Some("no condition of its template makes it".to_owned()),
            (Some(first), false) => {
                let choices = first.when.choices().iter();
                let choices: Vec<String> = choices
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                Some(format!(
                    "it is there only under a condition ({})",
                    choices.join(" and ")
                ))
            }
            (Some(_), true) => None,
        };
        // A template's own names are not what AWS calls a resource once it is deployed.
        let unsure = unsure.or_else(|| {
            let known = resource.arn.is_some() || resource.written.is_none();
            (!known).then(|| "a template tells of it: whether it is deployed, and under which name, was not read".to_owned())
        });
        let mut replicas: Vec<String> = resource
            .at("Replicas")
            .list()
            .found()
            .into_iter()
            .flatten()
            .filter_map(|replica| replica.at("Region").string().found())
            .filter(|region| Some(region.as_str()) != place.region.as_deref())
            .collect();
        replicas.sort();
        DependentFacts {
            kind: resource.kind.to_string(),
            name: resource.name.to_string(),
            arn: owned(&resource.arn),
            label: on.label.clone(),
            part: on.part.clone(),
            account: owned(&place.account),
            region: owned(&place.region),
            unsure,
            replicas,
            count: None,
            bytes: None,
        }
    }
}

fn grants(inventory: &Inventory, key: &Resource) -> Vec<GrantFacts> {
    let listed = key.at("Grants").list().found().into_iter().flatten();
    listed
        .map(|grant| {
            let text = |property: &str| match grant.at(property) {
                Read::Found(value, _) => match json(inventory, value) {
                    Some(serde_json::Value::String(text)) => text,
                    _ => "not known".to_owned(),
                },
                Read::Absent(_) => String::new(),
                Read::Unknown(..) => "not known".to_owned(),
            };
            let operations = grant.at("Operations").list().found().map(|operations| {
                let texts = operations.iter();
                texts
                    .filter_map(|own| own.at("").string().found())
                    .collect()
            });
            GrantFacts {
                id: text("GrantId"),
                grantee: text("GranteePrincipal"),
                operations,
            }
        })
        .collect()
}

/// A value as JSON, with references to what has an ARN resolved; nothing when some of it is not known.
fn json(inventory: &Inventory, value: &Value) -> Option<serde_json::Value> {
    Some(match &value.kind {
        Kind::Null => serde_json::Value::Null,
        Kind::Bool(own) => serde_json::Value::Bool(*own),
        Kind::Number(own) => serde_json::from_str(own).ok()?,
        Kind::Text(text) => serde_json::Value::String(plain(inventory, text)?),
        Kind::List(items) => {
            let items = items.iter().map(|item| json(inventory, item));
            serde_json::Value::Array(items.collect::<Option<_>>()?)
        }
        Kind::Map(map) => {
            let entries = map.iter().map(|(name, item)| {
                let item = json(inventory, item)?;
                Some((name.to_string(), item))
            });
            serde_json::Value::Object(entries.collect::<Option<_>>()?)
        }
        Kind::Unknown(_) => return None,
    })
}

fn plain(inventory: &Inventory, text: &Text) -> Option<String> {
    let parts = text.parts();
    let parts = parts.iter().map(|part| match part {
        Part::Literal(own) => Some(own.to_string()),
        Part::Reference(reference) if reference.attribute.as_deref() == Some("Arn") => {
            let arn = inventory.resource(reference.target).arn.as_deref();
            arn.map(str::to_owned)
        }
        _ => None,
    });
    parts.collect()
}
