//! Every key with what is known of it and what hangs on it.

use crate::effect::{Effect, effect_of};
use lockfast_access::{Grant, grants_of};
use lockfast_facts::nouns::{KeyTarget, resolve_key};
use lockfast_facts::tables::{scanned_services, storage_type};
use lockfast_facts::{Inventory, Known, Loc, Read, Resource, ResourceId, Step, Value};
use lockfast_policy::{Classification, Cx, EnvironmentKind};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The keys of an inventory.
pub struct Ring<'a> {
    /// The facts.
    pub inventory: &'a Inventory,
    /// The keys, ordered by account, region and name.
    pub keys: Vec<Key<'a>>,
}

/// A KMS key.
pub struct Key<'a> {
    /// The resource.
    pub resource: &'a Resource,
    /// A name for people: its alias, else its construct path or id.
    pub label: String,
    /// Its aliases.
    pub aliases: Vec<String>,
    /// The account, where it is known.
    pub account: Option<Arc<str>>,
    /// The region, where it is known.
    pub region: Option<Arc<str>>,
    /// The environment's name and kind.
    pub environment: Known<(String, EnvironmentKind)>,
    /// How sensitive what it protects is: its own classification, else the highest of its dependents'.
    pub classification: Known<Classification>,
    /// Whose it is, by its tags.
    pub owner: Option<String>,
    /// What depends on it, ordered by what stops first.
    pub dependents: Vec<Dependent<'a>>,
    /// Its grants; the reason where they could not be read or a template cannot know them.
    pub grants: Known<Vec<Grant>>,
    /// Replicas of it in other regions, and its primary.
    pub family: Vec<&'a Resource>,
    /// Why there may be more that depends on it than is known.
    pub unknowns: Vec<String>,
}

/// Something that needs a key.
#[derive(Clone)]
pub struct Dependent<'a> {
    /// The resource.
    pub resource: &'a Resource,
    /// A name for people.
    pub label: String,
    /// Which of its properties or parts names the key.
    pub part: String,
    /// How that was found, hop by hop.
    pub steps: Vec<Step>,
    /// What happens to it without the key.
    pub effect: &'static Effect,
    /// How sensitive it is.
    pub classification: Option<Classification>,
    /// The environment it belongs to.
    pub environment: Option<String>,
}

/// What is said in tags of whose a thing is, the first that is there.
const OWNER_TAGS: [&str; 6] = [
    "owner",
    "team",
    "contact",
    "cost-center",
    "costcenter",
    "responsible",
];

/// What names a key to administer it, to allow it or to watch it, and stores nothing under it.
const NO_DEPENDENTS: [&str; 5] = [
    "AWS::KMS::",
    "AWS::IAM::",
    "AWS::SSO::",
    "AWS::Organizations::",
    "AWS::CloudFormation::",
];

/// Policies of resources name keys in conditions.
const POLICIES: [&str; 6] = [
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SecretsManager::ResourcePolicy",
    "AWS::Events::Rule",
    "AWS::EC2::VPCEndpoint",
];

impl<'a> Ring<'a> {
    /// Reads the keys of an inventory.
    pub fn new(cx: &Cx<'a>, inventory: &'a Inventory) -> Ring<'a> {
        let mut dependents = dependents(cx, inventory);
        let aliases = aliases(inventory);
        let mut keys = Vec::new();
        for kind in ["AWS::KMS::Key", "AWS::KMS::ReplicaKey"] {
            for resource in inventory.of_kind(kind).filter(|key| &*key.name != "*") {
                let place = &inventory.stack_of(resource).place;
                let mut needs = dependents.remove(&resource.id).unwrap_or_default();
                needs.sort_by(|a, b| {
                    (a.effect.pace, &a.resource.kind, &a.label, &a.part).cmp(&(
                        b.effect.pace,
                        &b.resource.kind,
                        &b.label,
                        &b.part,
                    ))
                });
                let names = aliases.get(&resource.id).cloned().unwrap_or_default();
                let label = match names.first() {
                    Some(alias) => alias.clone(),
                    None => label(resource),
                };
                keys.push(Key {
                    label,
                    aliases: names,
                    account: place.account.clone(),
                    region: place.region.clone(),
                    environment: cx
                        .environment_name(resource.id)
                        .as_ref()
                        .map(|name| (name.name.to_string(), name.kind)),
                    classification: classification(cx, resource, &needs),
                    owner: owner(resource),
                    grants: grants_of(inventory, resource),
                    family: family(inventory, resource),
                    unknowns: unknowns(inventory, resource),
                    dependents: needs,
                    resource,
                });
            }
        }
        keys.sort_by(|a, b| {
            (&a.account, &a.region, &a.label, a.resource.id).cmp(&(
                &b.account,
                &b.region,
                &b.label,
                b.resource.id,
            ))
        });
        Ring { inventory, keys }
    }

    /// The keys that may be meant: by ARN, key id, alias, construct path, logical id, or stack and logical id.
    pub fn find(&self, name: &str) -> Vec<&Key<'a>> {
        let id = name.rsplit_once(":key/").map_or(name, |(_, id)| id);
        let alias = name
            .rsplit_once(":alias/")
            .map(|(_, alias)| format!("alias/{alias}"));
        let region = name.split(':').nth(3);
        self.keys
            .iter()
            .filter(|key| {
                let resource = key.resource;
                let path = resource.written().construct_path.as_deref();
                let in_region = alias.is_none() || region == key.region.as_deref();
                resource.arn.as_deref() == Some(name)
                    || (&*resource.name == id && (id == name || resource.arn.is_none()))
                    || key.aliases.iter().any(|own| {
                        in_region
                            && (own == name
                                || own.strip_prefix("alias/") == Some(name)
                                || Some(own) == alias.as_ref())
                    })
                    || path.is_some_and(|path| {
                        path == name || path.trim_end_matches("/Resource") == name
                    })
                    || format!(
                        "{}/{}",
                        self.inventory.stack_of(resource).path,
                        resource.name
                    ) == name
            })
            .collect()
    }

    /// The key that a resource's data is under, where that is one of the keys.
    pub fn keys_of(&self, id: ResourceId) -> Vec<&Key<'a>> {
        let hangs = |key: &&Key<'a>| key.dependents.iter().any(|on| on.resource.id == id);
        self.keys.iter().filter(hangs).collect()
    }
}

impl Key<'_> {
    /// A property of it as text.
    pub fn text(&self, property: &str) -> Option<String> {
        self.resource.at(property).string().found()
    }

    /// Its ARN, or its name where the input does not give one.
    pub fn arn(&self) -> &str {
        self.resource.arn.as_deref().unwrap_or(&self.label)
    }

    /// The state, for a live key.
    pub fn state(&self) -> Option<String> {
        self.text("KeyState")
    }

    /// Whether its material was imported or lies elsewhere, so that AWS KMS does not rotate it.
    pub fn origin(&self) -> String {
        self.text("Origin").unwrap_or_else(|| "AWS_KMS".to_owned())
    }

    /// What it is made for.
    pub fn spec(&self) -> String {
        self.text("KeySpec")
            .unwrap_or_else(|| "SYMMETRIC_DEFAULT".to_owned())
    }
}

/// A name for people: the construct path, or what the input calls it.
pub(crate) fn label(resource: &Resource) -> String {
    match &resource.written().construct_path {
        Some(path) => path.trim_end_matches("/Resource").to_owned(),
        None => resource.name.to_string(),
    }
}

fn owner(resource: &Resource) -> Option<String> {
    let variant = resource.variants.first()?;
    let names = variant.tag_names("Tags");
    OWNER_TAGS.iter().find_map(|wanted| {
        let name = names
            .iter()
            .find(|name| name.eq_ignore_ascii_case(wanted))?;
        resource.tag(name).value().cloned().flatten()
    })
}

fn classification(
    cx: &Cx<'_>,
    key: &Resource,
    dependents: &[Dependent<'_>],
) -> Known<Classification> {
    let own = cx.classification(key.id);
    match (
        own,
        dependents.iter().filter_map(|on| on.classification).max(),
    ) {
        (Known::Unknown(..), Some(highest)) => Known::Stated(highest, key.loc),
        _ => own.clone(),
    }
}

fn aliases(inventory: &Inventory) -> HashMap<ResourceId, Vec<String>> {
    let mut found: HashMap<ResourceId, BTreeSet<String>> = HashMap::new();
    for alias in inventory.of_kind("AWS::KMS::Alias") {
        let Read::Found(target, _) = alias.at("TargetKeyId") else {
            continue;
        };
        if let (Some((key, _)), Some(name)) = (
            inventory.target(target),
            alias.at("AliasName").string().found(),
        ) {
            found.entry(key.id).or_default().insert(name);
        }
    }
    found
        .into_iter()
        .map(|(key, names)| (key, names.into_iter().collect()))
        .collect()
}

/// The primary of a replica, and the replicas of a primary.
fn family<'a>(inventory: &'a Inventory, key: &'a Resource) -> Vec<&'a Resource> {
    let mut found: Vec<&Resource> = Vec::new();
    let mut take = |other: &'a Resource| {
        if other.id != key.id && !found.iter().any(|known| known.id == other.id) {
            found.push(other);
        }
    };
    let primary = |replica: &'a Resource| {
        let value = replica.at("PrimaryKeyArn").found()?;
        Some(inventory.target(value)?.0)
    };
    let own_primary = match &*key.kind {
        "AWS::KMS::ReplicaKey" => primary(key),
        _ => Some(key),
    };
    if let Some(own) = own_primary {
        take(own);
        for replica in inventory.of_kind("AWS::KMS::ReplicaKey") {
            if primary(replica).is_some_and(|primary| primary.id == own.id) {
                take(replica);
            }
        }
    }
    // A live primary names its replicas, which may lie in regions that were not scanned.
    found
}

/// What could not be listed where the key is, and may be under it.
fn unknowns(inventory: &Inventory, key: &Resource) -> Vec<String> {
    let own = &inventory.stack_of(key).place;
    let mut found: Vec<String> = inventory
        .gaps()
        .filter_map(|gap| {
            let place = &inventory.stack_of(gap).place;
            let near = place.account == own.account
                && (place.region.is_none() || own.region.is_none() || place.region == own.region);
            let takes_a_key = storage_type(&gap.kind).is_some_and(|spec| !spec.key.is_empty());
            match gap.at("") {
                Read::Unknown(why, _) if near && takes_a_key => {
                    Some(format!("{} could not be listed: {why}", gap.kind))
                }
                _ => None,
            }
        })
        .collect();
    // What was not asked may keep anything under the key.
    let unasked: Vec<&str> = scanned_services()
        .iter()
        .filter(|service| {
            let mut types = service.types.iter();
            let keeps = |kind: &String| storage_type(kind).is_some_and(|spec| !spec.key.is_empty());
            types.any(keeps) && !inventory.was_asked(&service.name, own)
        })
        .map(|service| service.name.as_str())
        .collect();
    if !unasked.is_empty() {
        found.push(format!(
            "not asked what they keep under it: {}",
            unasked.join(", ")
        ));
    }
    found.sort();
    found.dedup();
    found
}

/// What hangs on each key: stores under it, and whatever else refers to it or to its alias.
fn dependents<'a>(
    cx: &Cx<'a>,
    inventory: &'a Inventory,
) -> BTreeMap<ResourceId, Vec<Dependent<'a>>> {
    let mut found: BTreeMap<ResourceId, Vec<Dependent<'a>>> = BTreeMap::new();
    let mut seen: BTreeSet<(ResourceId, ResourceId, String)> = BTreeSet::new();
    let mut add = |key: ResourceId, resource: &'a Resource, part: String, steps: Vec<Step>| {
        if !seen.insert((key, resource.id, part.clone())) {
            return;
        }
        found.entry(key).or_default().push(Dependent {
            resource,
            label: cx.label(resource),
            part,
            steps,
            effect: effect_of(&resource.kind),
            classification: cx.classification(resource.id).value().copied(),
            environment: cx
                .environment_name(resource.id)
                .value()
                .map(|name| name.name.to_string()),
        });
    };
    let mut stored: BTreeSet<(ResourceId, ResourceId)> = BTreeSet::new();
    for store in inventory.stores() {
        let Some(used) = store.protection.value().and_then(|p| p.customer_key()) else {
            continue;
        };
        if let KeyTarget::Resource(key) = used.target {
            stored.insert((key, store.resource));
            add(
                key,
                inventory.resource(store.resource),
                store.part.clone(),
                used.steps.clone(),
            );
        }
    }
    for resource in inventory.resources() {
        let is_none = NO_DEPENDENTS
            .iter()
            .any(|prefix| resource.kind.starts_with(prefix))
            || POLICIES.contains(&&*resource.kind);
        if is_none {
            continue;
        }
        for variant in &resource.variants {
            variant.properties.walk(&mut |path, value| {
                let Some(property) = names_a_key(path) else {
                    return;
                };
                if let Some(key) = key_of(inventory, resource, value)
                    && !stored.contains(&(key, resource.id))
                {
                    add(key, resource, property.to_owned(), Vec::new());
                }
            });
        }
    }
    found
}

/// The property that a value stands under, where such a property names a key for the resource to use. Keys in policies and
/// in environment variables are named by whoever may use them.
fn names_a_key(path: &str) -> Option<&str> {
    const NOT_UNDER: [&str; 8] = [
        "Policy",
        "Environment",
        "Statement",
        "Tags",
        "Variables",
        "Condition",
        "Parameters",
        "Metadata",
    ];
    let mut segments = path
        .split(['.', '['])
        .filter(|s| !s.is_empty() && !s.ends_with(']'));
    if segments
        .clone()
        .any(|segment| NOT_UNDER.iter().any(|not| segment.contains(not)))
    {
        return None;
    }
    let last = segments.next_back()?;
    let lower = last.to_ascii_lowercase();
    (lower.contains("kms") || lower.contains("encryptionkey") || lower.contains("cmk"))
        .then_some(last)
}

fn key_of(inventory: &Inventory, user: &Resource, value: &Value) -> Option<ResourceId> {
    match resolve_key(inventory, user, value).ok()?.target {
        KeyTarget::Resource(id) => Some(id),
        _ => None,
    }
}

/// A dependent in a report.
#[derive(Serialize)]
pub struct DependentView {
    /// The CloudFormation type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The part of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub part: String,
    /// Where it was read.
    pub place: String,
    /// What happens without the key.
    pub effect: String,
    /// When.
    pub pace: crate::Pace,
    /// AWS's document that says so.
    pub source: String,
}

impl Dependent<'_> {
    /// For a report.
    pub fn view(&self, inventory: &Inventory) -> DependentView {
        DependentView {
            kind: self.resource.kind.to_string(),
            name: self.label.clone(),
            arn: self.resource.arn.as_deref().map(str::to_owned),
            part: self.part.clone(),
            place: inventory.place(self.loc()),
            effect: self.effect.text.clone(),
            pace: self.effect.pace,
            source: self.effect.doc.clone(),
        }
    }

    /// Where the resource stands.
    pub fn loc(&self) -> Loc {
        self.resource.loc
    }
}
