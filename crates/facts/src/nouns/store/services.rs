//! Services whose encryption the table's two paths do not say in full.

use super::{Protection, by_default, by_table, is_empty, named_key, when_encrypted};
use crate::tables::{DefaultProtection, StorageType, storage_type};
use crate::{Guard, Inventory, Kind, Known, Loc, Origin, Read, Resource, Subject, Value, Why};
use std::sync::Arc;

pub(super) fn bucket(
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
                    whose_key(named_key(inventory, subject.resource, value, loc))
                }
                Read::Unknown(why, loc) => whose_key(Known::Unknown(why, loc)),
                _ => Known::Stated(Protection::AwsManaged("alias/aws/s3".into()), loc),
            }
        }
        Read::Found(_, loc) => Known::Stated(Protection::SseS3, loc),
    }
}

/// What is encrypted in any case: if something is not known, it is the key.
fn whose_key(protection: Known<Protection>) -> Known<Protection> {
    match protection {
        Known::Unknown(why, loc) => Known::Unknown(Arc::new(Why::WhichKey(why)), loc),
        known => known,
    }
}

/// A protection, and the conditions beside the store's own under which it holds.
pub(super) type Case = (Guard, Known<Protection>);

/// How many cases of one source are told apart.
const MAX_CASES: usize = 64;

/// An Aurora, DocumentDB or Neptune member takes its cluster's encryption; a replica in the same
/// region its source's; a restore its snapshot's (Amazon RDS User Guide, "Encrypting Amazon RDS
/// resources"). Of a source that differs between conditions, every case is given.
pub(super) fn database(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
    depth: usize,
) -> Vec<Case> {
    let always = |protection| vec![(Guard::default(), protection)];
    let own = rds_storage(inventory, subject, spec);
    if depth > 8 {
        return always(Known::Unknown(
            Arc::new(Why::Cycle(subject.resource.name.to_string())),
            subject.resource.loc,
        ));
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
    // AWS says of a cluster under a key that it owns: `StorageEncrypted: false` (Amazon RDS API Reference, DBCluster).
    match (
        subject.at("StorageEncrypted").bool(),
        subject.at("StorageEncryptionType").string(),
    ) {
        (_, Read::Found(kind, loc)) if kind == "sse-rds" => {
            return always(Known::Stated(Protection::AwsOwned, loc));
        }
        (Read::Found(false, loc), _) if inventory.origin() == Origin::Live => {
            return always(Known::Stated(Protection::None, loc));
        }
        _ => {}
    }
    if own.is_stated() {
        return always(own);
    }
    // A Multi-AZ DB cluster is no Aurora cluster: what Aurora does by default it does not.
    let engine = subject.at("Engine").string();
    let own = match (
        subject.kind(),
        engine,
        subject.at("StorageEncrypted").bool(),
    ) {
        ("AWS::RDS::DBCluster", Read::Unknown(why, loc), _) => Known::Unknown(why, loc),
        ("AWS::RDS::DBCluster", Read::Found(engine, _), switch)
            if !engine.to_ascii_lowercase().starts_with("aurora") =>
        {
            match (own, switch) {
                (Known::Default(..), Read::Found(false, loc)) => {
                    Known::Stated(Protection::None, loc)
                }
                (Known::Default(_, default, loc), _) => {
                    Known::Default(Protection::None, default, loc)
                }
                (other, _) => other,
            }
        }
        _ => own,
    };
    for (source, kind_suffix) in [
        ("SourceDBInstanceIdentifier", ""),
        ("SourceDBClusterIdentifier", "DBCluster"),
        ("ReplicationSourceIdentifier", ""),
    ] {
        if let Some(inherited) = inherited(inventory, subject, source, kind_suffix, depth) {
            return inherited;
        }
    }
    always(restored(subject).unwrap_or(own))
}

/// A live database or snapshot under a key that AWS owns says `StorageEncrypted: false`, as one without encryption does:
/// only its type tells them apart (Amazon RDS API Reference, "DBCluster").
pub(super) fn rds_storage(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
) -> Known<Protection> {
    match subject.at("StorageEncryptionType").string() {
        Read::Found(kind, loc) if kind == "none" => Known::Stated(Protection::None, loc),
        Read::Found(kind, loc) if kind == "sse-rds" => Known::Stated(Protection::AwsOwned, loc),
        _ => by_table(
            inventory,
            subject.resource,
            &subject.variant.properties,
            spec,
        ),
    }
}

/// What the backup that a database is restored from decides.
fn restored(subject: Subject<'_>) -> Option<Known<Protection>> {
    for (property, source) in [
        ("DBSnapshotIdentifier", "the snapshot it is restored from"),
        ("SnapshotIdentifier", "the snapshot it is restored from"),
        (
            "DBClusterSnapshotIdentifier",
            "the snapshot it is restored from",
        ),
        ("SourceDbiResourceId", "the database it is restored from"),
        (
            "SourceDBClusterResourceId",
            "the database it is restored from",
        ),
        (
            "SourceDBInstanceAutomatedBackupsArn",
            "the backup it is restored from",
        ),
    ] {
        match subject.at(property) {
            Read::Found(value, _) if is_empty(value) => {}
            Read::Found(value, loc) => {
                return Some(Known::Unknown(
                    Arc::new(Why::NotGiven(source.into())),
                    if matches!(value.kind, Kind::Unknown(_)) {
                        value.loc
                    } else {
                        loc
                    },
                ));
            }
            Read::Unknown(why, loc) => return Some(Known::Unknown(why, loc)),
            Read::Absent(_) => {}
        }
    }
    None
}

fn inherited(
    inventory: &Inventory,
    subject: Subject<'_>,
    property: &str,
    kind_suffix: &str,
    depth: usize,
) -> Option<Vec<Case>> {
    let always = |protection| Some(vec![(Guard::default(), protection)]);
    match subject.at(property) {
        Read::Absent(_) => None,
        Read::Found(value, _) if is_empty(value) => None,
        Read::Unknown(why, loc) => always(Known::Unknown(why, loc)),
        Read::Found(value, loc) => {
            let Some(source) = find_database(inventory, subject.resource, value, kind_suffix)
            else {
                return always(Known::Unknown(
                    Arc::new(Why::NotGiven(format!("the source that {property} names"))),
                    loc,
                ));
            };
            let spec = storage_type(&source.kind)?;
            let cases: Vec<Case> = inventory
                .variants_of(source.id)
                .filter(|s| s.variant.when.compatible(&subject.variant.when))
                .flat_map(|s| {
                    let own = &s.variant.when;
                    database(inventory, s, spec, depth + 1)
                        .into_iter()
                        .map(move |(when, protection)| (own.and(&when), protection))
                })
                .filter(|(when, _)| when.compatible(&subject.variant.when))
                .collect();
            let (_, first) = cases.first()?;
            let alike = cases
                .iter()
                .all(|(_, other)| other.value().is_some() && other.value() == first.value());
            if alike {
                return always(first.clone());
            }
            if cases.len() <= MAX_CASES {
                return Some(cases);
            }
            // Of more cases than anybody would read, the weakest counts.
            let weakness = |(_, protection): &Case| match protection.value() {
                Some(Protection::None) => 0,
                None => 1,
                Some(_) => 2,
            };
            cases
                .into_iter()
                .min_by_key(weakness)
                .map(|case| vec![case])
        }
    }
}

/// The database, cluster or global cluster that a property of `user` names: by reference, by name
/// or by ARN. Its type ends in `kind_suffix`.
pub fn find_database<'a>(
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
    let written = inventory.written_name(user.stack, text)?;
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
    let arn_region = written
        .strip_prefix("arn:")
        .and_then(|arn| arn.split(':').nth(2));
    let place = |resource: &Resource| &inventory.stack_of(resource).place;
    let service = user
        .kind
        .rsplit_once("::")
        .map_or("", |(service, _)| service);
    // A source may be an instance or a cluster; an ARN says which.
    let suffix = match kind_suffix {
        "" if written.contains(":cluster:") => "DBCluster",
        "" if written.contains(":db:") => "DBInstance",
        _ => kind_suffix,
    };
    NAMES
        .iter()
        .filter(|(kind, _)| kind.starts_with(service) && kind.ends_with(suffix))
        .flat_map(|(kind, property)| inventory.named(kind, property, name))
        // A name means one of the same account and region, but for a global cluster's; an ARN says of
        // which region.
        .filter(|candidate| {
            let (own, of_user) = (place(candidate), place(user));
            let apart = |a: Option<&str>, b: Option<&str>| a.is_some() && b.is_some() && a != b;
            let region = arn_region.or(of_user.region.as_deref());
            !apart(own.account.as_deref(), of_user.account.as_deref())
                && (suffix == "GlobalCluster" || !apart(own.region.as_deref(), region))
        })
        .find(|candidate| candidate.id != user.id)
}

/// DynamoDB: absent or `SSEEnabled: false` is the AWS owned key, `true` without a key the AWS
/// managed key (Amazon DynamoDB Developer Guide, "DynamoDB encryption at rest").
pub(super) fn table(
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
                whose_key(named_key(inventory, subject.resource, value, loc))
            }
            Read::Unknown(why, loc) => whose_key(Known::Unknown(why, loc)),
            _ => Known::Stated(Protection::AwsManaged("alias/aws/dynamodb".into()), loc),
        },
    }
}

pub(super) fn global_table(
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
                        whose_key(named_key(inventory, subject.resource, value, loc))
                    }
                    Read::Unknown(why, loc) => whose_key(Known::Unknown(why, loc)),
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
pub(super) fn queue(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
) -> Known<Protection> {
    match subject.at("KmsMasterKeyId") {
        Read::Found(value, loc) if !is_empty(value) => {
            return whose_key(named_key(inventory, subject.resource, value, loc));
        }
        Read::Unknown(why, loc) => return whose_key(Known::Unknown(why, loc)),
        _ => {}
    }
    match subject.at("SqsManagedSseEnabled").bool() {
        Read::Found(true, loc) => Known::Stated(Protection::ServiceEncrypted, loc),
        Read::Found(false, loc) => Known::Stated(Protection::None, loc),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(loc) => by_default(spec, DefaultProtection::ServiceEncrypted, loc),
    }
}

/// Valkey is encrypted unless switched off, Redis OSS only when switched on (Amazon ElastiCache API
/// Reference, "CreateReplicationGroup"); a member of a global datastore is as its primary.
pub(super) fn replication_group(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
) -> Known<Protection> {
    let properties = &subject.variant.properties;
    let own = by_table(inventory, subject.resource, properties, spec);
    let Known::Default(Protection::None, _, loc) = own else {
        return own;
    };
    if !subject.at("GlobalReplicationGroupId").is_absent() {
        let why = "the primary replication group of its global datastore";
        return Known::Unknown(Arc::new(Why::NotGiven(why.into())), loc);
    }
    match subject.at("Engine").string() {
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Found(engine, _) if engine.eq_ignore_ascii_case("valkey") => {
            match subject.at("KmsKeyId") {
                Read::Found(key, loc) if !is_empty(key) => {
                    whose_key(named_key(inventory, subject.resource, key, loc))
                }
                Read::Unknown(why, loc) => whose_key(Known::Unknown(why, loc)),
                _ => by_default(spec, DefaultProtection::ServiceEncrypted, loc),
            }
        }
        _ => own,
    }
}

/// A collection of OpenSearch Serverless has the key that the encryption policy with the longest
/// matching pattern names (Amazon OpenSearch Service Developer Guide, "Encryption in Amazon
/// OpenSearch Serverless").
pub(super) fn collection(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
) -> Known<Protection> {
    let properties = &subject.variant.properties;
    let own = by_table(inventory, subject.resource, properties, spec);
    let Known::Default(_, _, loc) = own else {
        return own;
    };
    let not_given = || {
        let why = Why::NotGiven("the encryption security policy that matches its name".into());
        whose_key(Known::Unknown(Arc::new(why), loc))
    };
    let name = subject.at("Name").text().found();
    let stack = subject.resource.stack;
    let Some(name) = name.and_then(|name| inventory.written_name(stack, &name)) else {
        return not_given();
    };
    let wanted = format!("collection/{name}");
    let mut best: Option<(usize, Known<Protection>)> = None;
    for policy in inventory.subjects(&["AWS::OpenSearchServerless::SecurityPolicy"]) {
        let when = &policy.variant.when;
        let encrypts = policy.at("Type").string().found().as_deref() == Some("encryption");
        if !encrypts
            || !when.compatible(&subject.variant.when)
            || inventory.same_place(subject.resource, policy.resource) == Some(false)
        {
            continue;
        }
        let document = match policy.at("Policy").text() {
            Read::Found(text, loc) => text.json(loc, "an encryption policy"),
            Read::Unknown(why, _) => Err(why),
            Read::Absent(_) => continue,
        };
        let document = match document {
            Ok(document) => document,
            Err(why) => return whose_key(Known::Unknown(why, loc)),
        };
        let patterns = document.each("Rules.*.Resource");
        let patterns = patterns.into_iter().filter_map(Read::found);
        let matching = patterns
            .flat_map(|list| list.each("*"))
            .filter_map(|pattern| {
                let pattern = pattern.text().found()?;
                let pattern = inventory.written_name(policy.resource.stack, &pattern)?;
                let matches = match pattern.strip_suffix('*') {
                    Some(prefix) => wanted.starts_with(prefix),
                    None => wanted == pattern,
                };
                matches.then_some(pattern.len())
            });
        let Some(length) = matching.max() else {
            continue;
        };
        let protection = match document.at("KmsARN") {
            _ if !when.covers(&subject.variant.when) => {
                Known::Unknown(Arc::new(Why::Conditions), policy.resource.loc)
            }
            Read::Found(key, loc) => named_key(inventory, policy.resource, key, loc),
            Read::Unknown(why, loc) => Known::Unknown(why, loc),
            Read::Absent(loc) => Known::Stated(Protection::AwsOwned, loc),
        };
        if best.as_ref().is_none_or(|(longest, _)| length > *longest) {
            best = Some((length, whose_key(protection)));
        }
    }
    best.map_or_else(not_given, |(_, protection)| protection)
}

/// The document of an EMR security configuration may be written as JSON text.
pub(super) fn emr_security(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
) -> Known<Protection> {
    const DOCUMENT: &str = "SecurityConfiguration";
    let properties = &subject.variant.properties;
    let Read::Found(
        Value {
            kind: Kind::Text(text),
            ..
        },
        loc,
    ) = subject.at(DOCUMENT)
    else {
        return by_table(inventory, subject.resource, properties, spec);
    };
    match text.json(loc, "a security configuration") {
        Ok(document) => {
            let properties = Kind::Map(crate::Map([(DOCUMENT.into(), document)].into()));
            let properties = Value::new(properties, loc);
            by_table(inventory, subject.resource, &properties, spec)
        }
        Err(why) => Known::Unknown(why, loc),
    }
}

pub(super) fn block_devices(
    inventory: &Inventory,
    subject: Subject<'_>,
    spec: &'static StorageType,
) -> Vec<(String, Known<Protection>)> {
    let path = match subject.kind() {
        "AWS::EC2::LaunchTemplate" => "LaunchTemplateData.BlockDeviceMappings",
        _ => "BlockDeviceMappings",
    };
    // The volumes of an instance that runs are judged themselves, and tell what the instance does not.
    if subject.kind() == "AWS::EC2::Instance" && inventory.origin() == Origin::Live {
        return Vec::new();
    }
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
                    whose_key(named_key(inventory, subject.resource, key, loc))
                }
                (Read::Found(true, _), Read::Unknown(why, loc)) => {
                    whose_key(Known::Unknown(why, loc))
                }
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
