//! Data at rest: what holds it, whether it is encrypted, and with whose key.

use super::{KeyTarget, KeyUse, resolve_key};
use crate::tables::{DefaultProtection, StorageType, storage_type};
use crate::{Guard, Inventory, Kind, Known, Loc, Read, Resource, ResourceId, Subject, Value, Why};
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

    /// Whether it is encrypted at all.
    pub fn encrypted(&self) -> Known<bool> {
        self.protection.as_ref().map(Protection::is_encrypted)
    }
}

/// Finds every store in the inventory, ordered by resource.
pub(crate) fn derive_stores(inventory: &Inventory) -> Vec<Store> {
    let mut stores = Vec::new();
    for resource in inventory.resources() {
        let Some(spec) = storage_type(&resource.kind) else {
            continue;
        };
        for (index, variant) in resource.variants.iter().enumerate() {
            let subject = Subject { resource, variant };
            for (part, protection) in parts(inventory, subject, spec) {
                stores.push(Store {
                    resource: resource.id,
                    variant: index,
                    when: variant.when.clone(),
                    part,
                    spec,
                    protection,
                });
            }
        }
    }
    stores
}

/// The stores inside one resource.
fn parts(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
) -> Vec<(String, Known<Protection>)> {
    let one = |protection| vec![(String::new(), protection)];
    match subject.kind() {
        "AWS::S3::Bucket" => one(bucket(inventory, subject, spec)),
        "AWS::RDS::DBInstance"
        | "AWS::RDS::DBCluster"
        | "AWS::DocDB::DBInstance"
        | "AWS::DocDB::DBCluster"
        | "AWS::Neptune::DBInstance"
        | "AWS::Neptune::DBCluster" => one(database(inventory, subject, spec, 0)),
        "AWS::DynamoDB::GlobalTable" => global_table(inventory, subject, spec),
        "AWS::DynamoDB::Table" => one(table(inventory, subject, spec)),
        "AWS::SQS::Queue" => one(queue(inventory, subject, spec)),
        "AWS::EC2::Instance"
        | "AWS::EC2::LaunchTemplate"
        | "AWS::AutoScaling::LaunchConfiguration" => block_devices(inventory, subject, spec),
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
    if !spec.key.is_empty() {
        // A key that is named decides, wherever encryption does not need a switch of its own.
        match first(properties.each(&spec.key)) {
            Read::Found(value, loc) if !is_empty(value) => {
                if let Read::Found(false, loc) = switched_on(properties, spec) {
                    return Known::Stated(Protection::None, loc);
                }
                return named_key(inventory, resource, value, loc);
            }
            Read::Unknown(why, loc) => {
                return match switched_on(properties, spec) {
                    Read::Found(false, loc) => Known::Stated(Protection::None, loc),
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

fn switched_on(properties: &Value, spec: &'static StorageType) -> Read<bool> {
    if spec.encrypted.is_empty() {
        return Read::Absent(properties.loc);
    }
    let mut answer = Read::Absent(properties.loc);
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
        match on {
            Read::Found(false, loc) => return Read::Found(false, loc),
            other if answer.is_absent() => answer = other,
            _ => {}
        }
    }
    answer
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
            return Known::Unknown(
                Arc::new(Why::Unsupported(format!(
                    "AWS documents no default encryption for {}",
                    spec.name
                ))),
                loc,
            );
        }
    };
    Known::Default(protection, spec.service_default(), loc)
}

fn bucket(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
) -> Known<Protection> {
    let rule = "BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault";
    let algorithm = subject.at(&format!("{rule}.SSEAlgorithm")).string();
    match algorithm {
        Read::Absent(loc) => by_default(spec, DefaultProtection::SseS3, loc),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Found(algorithm, loc) if algorithm.starts_with("aws:kms") => {
            match subject.at(&format!("{rule}.KMSMasterKeyID")) {
                Read::Found(value, loc) if !is_empty(value) => {
                    named_key(inventory, subject.resource, value, loc)
                }
                Read::Unknown(why, loc) => Known::Unknown(why, loc),
                _ => Known::Stated(Protection::AwsManaged("alias/aws/s3".into()), loc),
            }
        }
        Read::Found(_, loc) => Known::Stated(Protection::SseS3, loc),
    }
}

/// An Aurora, DocumentDB or Neptune member takes its cluster's encryption; a replica in the same
/// region its source's; a restore its snapshot's (Amazon RDS User Guide, "Encrypting Amazon RDS
/// resources").
fn database(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
    depth: usize,
) -> Known<Protection> {
    let own = by_table(
        inventory,
        subject.resource,
        &subject.variant.properties,
        spec,
    );
    if depth > 8 {
        return Known::Unknown(
            Arc::new(Why::Cycle(subject.resource.name.to_string())),
            subject.resource.loc,
        );
    }
    if subject.kind().ends_with("DBInstance")
        && let Some(inherited) = inherited(
            inventory,
            subject,
            "DBClusterIdentifier",
            "DBCluster",
            depth,
        )
    {
        return inherited;
    }
    if own.is_stated() {
        return own;
    }
    // A Multi-AZ DB cluster is no Aurora cluster: what Aurora does by default it does not.
    let own = match (subject.kind(), subject.at("Engine").string()) {
        ("AWS::RDS::DBCluster", Read::Found(engine, _)) if !engine.starts_with("aurora") => {
            match own {
                Known::Default(_, default, loc) => Known::Default(Protection::None, default, loc),
                other => other,
            }
        }
        _ => own,
    };
    for source in [
        "SourceDBInstanceIdentifier",
        "SourceDBClusterIdentifier",
        "ReplicationSourceIdentifier",
    ] {
        if let Some(inherited) = inherited(inventory, subject, source, "", depth) {
            return inherited;
        }
    }
    for snapshot in [
        "DBSnapshotIdentifier",
        "SnapshotIdentifier",
        "DBClusterSnapshotIdentifier",
    ] {
        match subject.at(snapshot) {
            Read::Found(value, _) if is_empty(value) => {}
            Read::Found(value, loc) => {
                return Known::Unknown(
                    Arc::new(Why::NotGiven("the snapshot it is restored from".into())),
                    if matches!(value.kind, Kind::Unknown(_)) {
                        value.loc
                    } else {
                        loc
                    },
                );
            }
            Read::Unknown(why, loc) => return Known::Unknown(why, loc),
            Read::Absent(_) => {}
        }
    }
    own
}

fn inherited(
    inventory: &Inventory,
    subject: Subject<'_>,
    property: &str,
    kind_suffix: &str,
    depth: usize,
) -> Option<Known<Protection>> {
    match subject.at(property) {
        Read::Absent(_) => None,
        Read::Found(value, _) if is_empty(value) => None,
        Read::Unknown(why, loc) => Some(Known::Unknown(why, loc)),
        Read::Found(value, loc) => {
            let Some(source) = find_database(inventory, subject.resource, value, kind_suffix)
            else {
                return Some(Known::Unknown(
                    Arc::new(Why::NotGiven(format!("the source that {property} names"))),
                    loc,
                ));
            };
            let spec = storage_type(&source.kind)?;
            let source_subject = inventory
                .variants_of(source.id)
                .find(|s| s.variant.when.compatible(&subject.variant.when))?;
            Some(database(inventory, source_subject, spec, depth + 1))
        }
    }
}

fn find_database<'a>(
    inventory: &'a Inventory,
    user: &Resource,
    value: &Value,
    kind_suffix: &str,
) -> Option<&'a Resource> {
    if let Some((target, _)) = inventory.target(value) {
        return (target.id != user.id && target.kind.ends_with(kind_suffix)).then_some(target);
    }
    let Kind::Text(text) = &value.kind else {
        return None;
    };
    let written = text.plain()?;
    let name = written.rsplit(':').next()?;
    const NAMES: [(&str, &str); 7] = [
        ("AWS::RDS::DBInstance", "DBInstanceIdentifier"),
        ("AWS::DocDB::DBInstance", "DBInstanceIdentifier"),
        ("AWS::Neptune::DBInstance", "DBInstanceIdentifier"),
        ("AWS::RDS::DBCluster", "DBClusterIdentifier"),
        ("AWS::DocDB::DBCluster", "DBClusterIdentifier"),
        ("AWS::Neptune::DBCluster", "DBClusterIdentifier"),
        ("AWS::RDS::GlobalCluster", "GlobalClusterIdentifier"),
    ];
    let suffix = if kind_suffix.is_empty() {
        "DBInstance"
    } else {
        kind_suffix
    };
    NAMES
        .iter()
        .filter(|(kind, _)| kind.ends_with(suffix))
        .flat_map(|(kind, property)| inventory.named(kind, property, name))
        .find(|candidate| candidate.id != user.id)
}

/// DynamoDB: absent or `SSEEnabled: false` is the AWS owned key, `true` without a key the AWS
/// managed key (Amazon DynamoDB Developer Guide, "DynamoDB encryption at rest").
fn table(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
) -> Known<Protection> {
    match subject.at("SSESpecification.SSEEnabled").bool() {
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(loc) => by_default(spec, DefaultProtection::AwsOwnedKey, loc),
        Read::Found(false, loc) => Known::Stated(Protection::AwsOwned, loc),
        Read::Found(true, loc) => match subject.at("SSESpecification.KMSMasterKeyId") {
            Read::Found(value, loc) if !is_empty(value) => {
                named_key(inventory, subject.resource, value, loc)
            }
            Read::Unknown(why, loc) => Known::Unknown(why, loc),
            _ => Known::Stated(Protection::AwsManaged("alias/aws/dynamodb".into()), loc),
        },
    }
}

fn global_table(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
) -> Vec<(String, Known<Protection>)> {
    let replicas = match subject.at("Replicas").list() {
        Read::Found(items, _) => items,
        Read::Absent(loc) => return vec![(String::new(), by_default(spec, spec.default, loc))],
        Read::Unknown(why, loc) => return vec![(String::new(), Known::Unknown(why, loc))],
    };
    let enabled = subject.at("SSESpecification.SSEEnabled").bool();
    replicas
        .iter()
        .enumerate()
        .map(|(i, replica)| {
            let region = replica
                .at("Region")
                .string()
                .found()
                .unwrap_or_else(|| format!("replica {}", i + 1));
            let protection = match &enabled {
                Read::Unknown(why, loc) => Known::Unknown(why.clone(), *loc),
                Read::Absent(loc) => by_default(spec, DefaultProtection::AwsOwnedKey, *loc),
                Read::Found(false, loc) => Known::Stated(Protection::AwsOwned, *loc),
                Read::Found(true, _) => match replica.at("SSESpecification.KMSMasterKeyId") {
                    Read::Found(value, loc) if !is_empty(value) => {
                        named_key(inventory, subject.resource, value, loc)
                    }
                    Read::Unknown(why, loc) => Known::Unknown(why, loc),
                    read => Known::Stated(
                        Protection::AwsManaged("alias/aws/dynamodb".into()),
                        read.loc(),
                    ),
                },
            };
            (region, protection)
        })
        .collect()
}

/// SQS: a named key wins; otherwise SSE-SQS is on unless switched off (Amazon SQS Developer Guide,
/// "Encryption at rest in Amazon SQS").
fn queue(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
) -> Known<Protection> {
    match subject.at("KmsMasterKeyId") {
        Read::Found(value, loc) if !is_empty(value) => {
            return named_key(inventory, subject.resource, value, loc);
        }
        Read::Unknown(why, loc) => return Known::Unknown(why, loc),
        _ => {}
    }
    match subject.at("SqsManagedSseEnabled").bool() {
        Read::Found(true, loc) => Known::Stated(Protection::ServiceEncrypted, loc),
        Read::Found(false, loc) => Known::Stated(Protection::None, loc),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(loc) => by_default(spec, DefaultProtection::ServiceEncrypted, loc),
    }
}

fn block_devices(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
) -> Vec<(String, Known<Protection>)> {
    let path = match subject.kind() {
        "AWS::EC2::LaunchTemplate" => "LaunchTemplateData.BlockDeviceMappings",
        _ => "BlockDeviceMappings",
    };
    let devices = match subject.at(path).list() {
        Read::Found(items, _) => items,
        Read::Absent(loc) => return vec![(String::new(), ebs_default(loc))],
        Read::Unknown(why, loc) => return vec![(String::new(), Known::Unknown(why, loc))],
    };
    devices
        .iter()
        .filter_map(|device| {
            let name = device.at("DeviceName").string().found().unwrap_or_default();
            let ebs = match device.at("Ebs") {
                Read::Found(ebs, _) => ebs,
                Read::Absent(_) => return None,
                Read::Unknown(why, loc) => return Some((name, Known::Unknown(why, loc))),
            };
            let protection = match (ebs.at("Encrypted").bool(), ebs.at("KmsKeyId")) {
                (Read::Unknown(why, loc), _) => Known::Unknown(why, loc),
                (Read::Found(false, loc), _) => Known::Stated(Protection::None, loc),
                (Read::Found(true, _), Read::Found(key, loc)) => {
                    named_key(inventory, subject.resource, key, loc)
                }
                (Read::Found(true, _), Read::Unknown(why, loc)) => Known::Unknown(why, loc),
                (Read::Found(true, loc), Read::Absent(_)) => when_encrypted(spec, loc),
                (Read::Absent(loc), _) => ebs_default(loc),
            };
            Some((name, protection))
        })
        .collect()
}

/// Without a setting, the account's EBS encryption by default and the snapshot decide.
fn ebs_default(loc: Loc) -> Known<Protection> {
    Known::Unknown(
        Arc::new(Why::NotGiven(
            "whether EBS encryption by default is on in the account, which decides it,".into(),
        )),
        loc,
    )
}
