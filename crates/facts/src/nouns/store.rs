//! Data at rest: what holds it, whether it is encrypted, and with whose key.

mod services;

pub use services::find_database;

use super::{KeyTarget, KeyUse, resolve_key};
use crate::tables::{DefaultProtection, StorageType, storage_parts, storage_type};
use crate::{Guard, Inventory, Kind, Known, Loc, Read, Resource, ResourceId, Subject, Value, Why};
use services::{
    block_devices, bucket, collection, database, emr_security, global_table, queue, rds_storage,
    replication_group, table,
};
use std::sync::Arc;

/// Whose key protects the data.
#[derive(Clone, Debug, PartialEq)]
pub enum Protection {
    /// Nothing does.
    None,
    /// The service's own encryption, outside the account's KMS.
    ServiceEncrypted,
    /// Amazon S3 managed keys (SSE-S3, AES-256).
    SseS3,
    /// A key that AWS owns.
    AwsOwned,
    /// The account's AWS managed key of the service, by alias.
    AwsManaged(String),
    /// A customer managed key.
    Customer(KeyUse),
}

impl Protection {
    /// True when the data is encrypted at all.
    pub fn is_encrypted(&self) -> bool {
        !matches!(self, Protection::None)
    }

    /// The customer managed key, if that is what protects it.
    pub fn customer_key(&self) -> Option<&KeyUse> {
        match self {
            Protection::Customer(key) => Some(key),
            _ => None,
        }
    }

    /// What it is, for people.
    pub fn label(&self, inventory: &Inventory) -> String {
        match self {
            Protection::None => "not encrypted".into(),
            Protection::ServiceEncrypted => "the service's own key".into(),
            Protection::SseS3 => "SSE-S3 (Amazon S3 managed key)".into(),
            Protection::AwsOwned => "AWS owned key".into(),
            Protection::AwsManaged(alias) => format!("AWS managed key {alias}"),
            Protection::Customer(key) => format!("customer managed key {}", key.label(inventory)),
        }
    }
}

impl Known<Protection> {
    /// Why it is not known which key protects the data, though one certainly does.
    pub fn unknown_key(&self) -> Option<&Why> {
        match self {
            Known::Unknown(why, _) => match &**why {
                Why::WhichKey(why) => Some(why),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A store of data at rest.
#[derive(Clone, Debug)]
pub struct Store {
    /// The resource that holds it.
    pub resource: ResourceId,
    /// Which of the resource's variants.
    pub variant: usize,
    /// When this variant holds.
    pub when: Guard,
    /// The part of the resource, when it holds several (a global table's replica region, a block
    /// device); empty otherwise.
    pub part: String,
    /// The row of the storage table.
    pub spec: &'static StorageType,
    /// Whose key protects it.
    pub protection: Known<Protection>,
}

impl Store {
    /// The resource under this variant.
    pub fn subject<'a>(&self, inventory: &'a Inventory) -> Subject<'a> {
        let resource = inventory.resource(self.resource);
        Subject {
            resource,
            variant: &resource.variants[self.variant],
        }
    }

    /// Whether it is encrypted at all; known also where only the key is not.
    pub fn encrypted(&self) -> Known<bool> {
        match self.protection.unknown_key() {
            Some(_) => Known::Stated(true, self.protection.loc()),
            None => self.protection.as_ref().map(Protection::is_encrypted),
        }
    }
}

/// Finds every store in the inventory, ordered by resource.
pub(crate) fn derive_stores(inventory: &Inventory) -> Vec<Store> {
    let mut stores = Vec::new();
    for resource in inventory.resources() {
        let spec = storage_type(&resource.kind);
        let inside = storage_parts(&resource.kind);
        if spec.is_none() && inside.is_empty() {
            continue;
        }
        for (index, variant) in resource.variants.iter().enumerate() {
            let subject = Subject { resource, variant };
            let mut add = |spec, (part, protection, when): Found| {
                stores.push(Store {
                    resource: resource.id,
                    variant: index,
                    when: variant.when.and(&when),
                    part,
                    spec,
                    protection,
                });
            };
            if let Some(spec) = spec {
                for found in parts(inventory, subject, spec) {
                    add(spec, found);
                }
            }
            for spec in inside {
                for (part, protection) in parts_inside(inventory, subject, spec) {
                    add(spec, (part, protection, Guard::default()));
                }
            }
        }
    }
    stores
}

/// The stores that a row of parts finds inside a resource.
fn parts_inside(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
) -> Vec<(String, Known<Protection>)> {
    if !spec.when.is_empty() {
        match subject.at(&spec.when).bool() {
            Read::Found(true, _) => {}
            Read::Unknown(why, loc) => return vec![(spec.part.clone(), Known::Unknown(why, loc))],
            Read::Found(false, _) | Read::Absent(_) => return Vec::new(),
        }
    }
    let found: Vec<Known<Protection>> = subject
        .each(&spec.at)
        .into_iter()
        .filter_map(|part| match part {
            Read::Found(part, _) => Some(by_table(inventory, subject.resource, part, spec)),
            Read::Unknown(why, loc) => Some(Known::Unknown(why, loc)),
            Read::Absent(_) => None,
        })
        .collect();
    let several = found.len() > 1;
    found
        .into_iter()
        .enumerate()
        .map(|(i, protection)| match several {
            true => (format!("{} {}", spec.part, i + 1), protection),
            false => (spec.part.clone(), protection),
        })
        .collect()
}

/// A part of a resource, its protection, and the conditions beside the variant's own.
type Found = (String, Known<Protection>, Guard);

/// The stores inside one resource.
fn parts(inventory: &Inventory, subject: Subject<'_>, spec: &'static StorageType) -> Vec<Found> {
    let one = |protection| vec![(String::new(), protection, Guard::default())];
    let all = |parts: Vec<(String, Known<Protection>)>| -> Vec<Found> {
        let parts = parts.into_iter();
        parts
            .map(|(part, protection)| (part, protection, Guard::default()))
            .collect()
    };
    match subject.kind() {
        "AWS::S3::Bucket" => one(bucket(inventory, subject, spec)),
        "AWS::RDS::DBInstance"
        | "AWS::RDS::DBCluster"
        | "AWS::DocDB::DBInstance"
        | "AWS::DocDB::DBCluster"
        | "AWS::Neptune::DBInstance"
        | "AWS::Neptune::DBCluster" => database(inventory, subject, spec, 0)
            .into_iter()
            .map(|(when, protection)| (String::new(), protection, when))
            .collect(),
        "AWS::RDS::GlobalCluster"
        | "AWS::DocDB::GlobalCluster"
        | "AWS::Neptune::GlobalCluster"
        | "AWS::RDS::DBSnapshot"
        | "AWS::RDS::ClusterSnapshot" => one(rds_storage(inventory, subject, spec)),
        "AWS::DynamoDB::GlobalTable" => all(global_table(inventory, subject, spec)),
        "AWS::DynamoDB::Table" => one(table(inventory, subject, spec)),
        "AWS::SQS::Queue" => one(queue(inventory, subject, spec)),
        "AWS::ElastiCache::ReplicationGroup" => one(replication_group(inventory, subject, spec)),
        "AWS::OpenSearchServerless::Collection" => one(collection(inventory, subject, spec)),
        "AWS::EMR::SecurityConfiguration" => one(emr_security(inventory, subject, spec)),
        // Its launch template has the disks.
        "AWS::EKS::Nodegroup" if !subject.at("LaunchTemplate").is_absent() => Vec::new(),
        "AWS::EC2::Instance"
        | "AWS::EC2::LaunchTemplate"
        | "AWS::AutoScaling::LaunchConfiguration" => all(block_devices(inventory, subject, spec)),
        _ => one(by_table(
            inventory,
            subject.resource,
            &subject.variant.properties,
            spec,
        )),
    }
}

/// A store as its row in the table says, from any value that has the row's properties.
fn by_table(
    inventory: &Inventory,
    resource: &Resource,
    properties: &Value,
    spec: &'static StorageType,
) -> Known<Protection> {
    for read in spec.disabled.iter().flat_map(|path| properties.each(path)) {
        match read.bool() {
            Read::Found(true, loc) => return Known::Stated(Protection::None, loc),
            Read::Unknown(why, loc) => return Known::Unknown(why, loc),
            Read::Found(false, _) | Read::Absent(_) => {}
        }
    }
    if !spec.key.is_empty() {
        // A key that is named decides, wherever encryption does not need a switch of its own.
        let keys = spec.key.split('|').flat_map(|path| properties.each(path));
        match first(keys.collect()) {
            Read::Found(value, loc) if !is_empty(value) => {
                return match switched_on(properties, spec) {
                    Read::Found(false, loc) => Known::Stated(Protection::None, loc),
                    // A key alone does not switch on what is off by default.
                    Read::Absent(loc)
                        if !spec.encrypted.is_empty()
                            && spec.default == DefaultProtection::Unencrypted =>
                    {
                        by_default(spec, spec.default, loc)
                    }
                    Read::Unknown(why, loc) => Known::Unknown(why, loc),
                    on => {
                        let sure = matches!(on, Read::Found(true, _)) || by_default_encrypted(spec);
                        match named_key(inventory, resource, value, loc) {
                            Known::Unknown(why, loc) if sure => {
                                Known::Unknown(Arc::new(Why::WhichKey(why)), loc)
                            }
                            known => known,
                        }
                    }
                };
            }
            Read::Unknown(why, loc) => {
                return match switched_on(properties, spec) {
                    Read::Found(false, loc) => Known::Stated(Protection::None, loc),
                    // Even without the key it would be encrypted.
                    Read::Found(true, _) => Known::Unknown(Arc::new(Why::WhichKey(why)), loc),
                    Read::Absent(_) if by_default_encrypted(spec) => {
                        Known::Unknown(Arc::new(Why::WhichKey(why)), loc)
                    }
                    _ => Known::Unknown(why, loc),
                };
            }
            _ => {}
        }
    }
    match switched_on(properties, spec) {
        Read::Found(true, loc) => when_encrypted(spec, loc),
        Read::Found(false, loc) => match spec.default {
            DefaultProtection::Unencrypted
            | DefaultProtection::Inherits
            | DefaultProtection::Unknown => Known::Stated(Protection::None, loc),
            // Where AWS always encrypts, switching KMS off falls back to its own key.
            _ => by_default(spec, spec.default, loc),
        },
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(loc) => by_default(spec, spec.default, loc),
    }
}

/// Whether AWS encrypts what nobody asks it to.
fn by_default_encrypted(spec: &StorageType) -> bool {
    !matches!(
        spec.default,
        DefaultProtection::Unencrypted | DefaultProtection::Inherits | DefaultProtection::Unknown
    )
}

fn switched_on(properties: &Value, spec: &'static StorageType) -> Read<bool> {
    if spec.encrypted.is_empty() {
        return Read::Absent(properties.loc);
    }
    let mut answer = None;
    for read in properties.each(&spec.encrypted) {
        let on = if spec.encrypted_values.is_empty() {
            read.bool()
        } else {
            read.string().map(|written| {
                spec.encrypted_values.iter().any(|value| match value {
                    toml::Value::String(s) => s.eq_ignore_ascii_case(&written),
                    other => other.to_string().eq_ignore_ascii_case(&written),
                })
            })
        };
        // Of several, the weakest decides.
        match on {
            Read::Found(false, loc) => return Read::Found(false, loc),
            Read::Unknown(why, loc) => answer = Some(Read::Unknown(why, loc)),
            Read::Absent(loc) if !matches!(answer, Some(Read::Unknown(..))) => {
                answer = Some(Read::Absent(loc));
            }
            on => answer = answer.or(Some(on)),
        }
    }
    answer.unwrap_or(Read::Absent(properties.loc))
}

fn first<T>(reads: Vec<Read<T>>) -> Read<T> {
    let mut reads = reads.into_iter();
    let mut best = reads.next().unwrap_or(Read::Absent(Loc::default()));
    for read in reads {
        if best.is_absent() {
            best = read;
        }
    }
    best
}

fn is_empty(value: &Value) -> bool {
    matches!(&value.kind, Kind::Text(text) if text.plain() == Some(""))
}

fn named_key(
    inventory: &Inventory,
    resource: &Resource,
    value: &Value,
    loc: Loc,
) -> Known<Protection> {
    // Some services take a word for the key that AWS owns.
    if let Kind::Text(text) = &value.kind
        && matches!(text.plain(), Some("AWS_OWNED_KMS_KEY" | "AWS_OWNED_KEY"))
    {
        return Known::Stated(Protection::AwsOwned, loc);
    }
    match resolve_key(inventory, resource, value) {
        Ok(key) => Known::Stated(
            match key.target {
                KeyTarget::AwsManaged(alias) => Protection::AwsManaged(alias),
                _ => Protection::Customer(key),
            },
            loc,
        ),
        Err(why) => Known::Unknown(why, loc),
    }
}

fn when_encrypted(spec: &'static StorageType, loc: Loc) -> Known<Protection> {
    let default = spec.default_when_encrypted.unwrap_or(match spec.default {
        DefaultProtection::Unencrypted | DefaultProtection::Inherits => {
            DefaultProtection::AwsManagedKey
        }
        other => other,
    });
    match by_default(spec, default, loc) {
        Known::Default(protection, _, loc) => Known::Stated(protection, loc),
        other => other,
    }
}

fn by_default(
    spec: &'static StorageType,
    default: DefaultProtection,
    loc: Loc,
) -> Known<Protection> {
    let protection = match default {
        DefaultProtection::Unencrypted => Protection::None,
        DefaultProtection::AwsOwnedKey => Protection::AwsOwned,
        DefaultProtection::AwsManagedKey => Protection::AwsManaged(spec.managed_alias.clone()),
        DefaultProtection::SseS3 => Protection::SseS3,
        DefaultProtection::ServiceEncrypted => Protection::ServiceEncrypted,
        DefaultProtection::Inherits => {
            return Known::Unknown(
                Arc::new(Why::NotGiven("what it takes its encryption from".into())),
                loc,
            );
        }
        DefaultProtection::Unknown => {
            let why = match spec.part.is_empty() {
                true => Why::Unsupported(format!(
                    "AWS documents no default encryption for {}",
                    spec.name
                )),
                false => Why::NotGiven(spec.note.clone()),
            };
            return Known::Unknown(Arc::new(why), loc);
        }
    };
    Known::Default(protection, spec.service_default(), loc)
}
