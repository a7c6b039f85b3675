use super::cases::stores;
use super::working_key::{key_region, region_of_arn};
use crate::prelude::*;
use lockfast_facts::nouns::{find_database, resolve_key};
use lockfast_facts::{Guard, Origin};

control! {
    /// Automated backups and snapshots of an encrypted database are encrypted with its key; a read
    /// replica in the same region uses the source's key. A copy in another region needs a key
    /// there: a KMS key does not leave its region (Amazon RDS User Guide, "Encrypting Amazon RDS
    /// resources").
    ///
    /// Looks at read replicas (instances and clusters), secondary clusters of an Aurora global
    /// database and replicated automated backups. A source in another region is one whose ARN or
    /// `SourceRegion` says so, or that stands in a stack of another region. A cluster of a global
    /// database is a secondary one when its `SourceRegion` says so, or when the global cluster names
    /// another as its source.
    id: "rds-copies-keep-encryption",
    title: "Replicas and cross-region copies of a database are encrypted with a key of their region",
    clauses: ["RDS-3"],
    severity: High,
    fix: "Name a KMS key of the copy's own region in KmsKeyId (a multi-Region replica key keeps one key id), and encrypt the source first: an unencrypted source cannot have an encrypted replica.",
    cloudformation: r#"Type: AWS::RDS::DBInstance
Properties:
  SourceDBInstanceIdentifier: arn:aws:rds:eu-central-1:111111111111:db:orders
  SourceRegion: eu-central-1
  KmsKeyId: !GetAtt ReplicaRegionKey.Arn
"#,
    cdk: r#"new rds.DatabaseInstanceReadReplica(this, 'Replica', {
  sourceDatabaseInstance: orders,
  storageEncrypted: true,
  storageEncryptionKey: replicaRegionKey,
});
"#,
}

const SOURCES: [&str; 4] = [
    "SourceDBInstanceIdentifier",
    "SourceDBClusterIdentifier",
    "ReplicationSourceIdentifier",
    "SourceDBInstanceArn",
];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&[
        "AWS::RDS::DBInstance",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstanceAutomatedBackupsReplication",
        "AWS::Neptune::DBCluster",
        "AWS::DocDB::DBCluster",
    ]) {
        for property in SOURCES {
            match subject.at(property) {
                Read::Absent(_) => {}
                Read::Unknown(why, loc) => out.push(
                    Judgement::cannot_tell(subject, "which database it copies", &why).at(loc),
                ),
                Read::Found(value, _) => {
                    let suffix = if property.contains("Cluster") { "DBCluster" } else { "" };
                    let source = find_database(cx.inventory, subject.resource, value, suffix);
                    out.extend(copy(cx, subject, property, value, source));
                }
            }
        }
        if let Some((value, primary)) = primary_of(cx, subject) {
            out.extend(copy(cx, subject, "GlobalClusterIdentifier", value, primary));
        }
        out.extend(replicated_backups(cx, subject));
    }
    databases(cx, out);
}

/// The automated backups and snapshots of a database have its encryption.
fn databases(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.stores("database") {
        let subject = store.subject(cx.inventory);
        if SOURCES.iter().any(|s| !subject.at(s).is_absent()) {
            continue;
        }
        let judgement = match &store.protection {
            known if known.unknown_key().is_some() => {
                Judgement::pass(store, "its backups and snapshots inherit its encryption")
            }
            Known::Unknown(why, _) => {
                Judgement::cannot_tell(store, "what its backups and snapshots inherit", why)
            }
            known if known.value() == Some(&Protection::None) => Judgement::fail(
                store,
                "its automated backups and snapshots are unencrypted, since it is",
            )
            .fix("Encrypt the database (snapshot, encrypted copy, restore); its backups follow. Delete the unencrypted snapshots afterwards."),
            _ => Judgement::pass(store, "its backups and snapshots inherit its encryption"),
        };
        out.push(
            judgement
                .part("backups")
                .fact_as("storage encryption", &store.protection, |p| p.label(cx.inventory)),
        );
    }
}

/// What names the primary of the global database that a cluster joins as a secondary one, and the
/// primary if it is given.
fn primary_of<'a>(
    cx: &Cx<'a>,
    subject: Subject<'a>,
) -> Option<(&'a Value, Option<&'a Resource>)> {
    if SOURCES.iter().any(|source| !subject.at(source).is_absent()) {
        return None;
    }
    let value = subject.at("GlobalClusterIdentifier").found()?;
    let global = find_database(cx.inventory, subject.resource, value, "GlobalCluster");
    let source = global.and_then(|global| global.at("SourceDBClusterIdentifier").found());
    if let (Some(global), Some(source)) = (global, source) {
        let primary = find_database(cx.inventory, global, source, "DBCluster");
        return match primary {
            Some(primary) if primary.id == subject.id() => None,
            _ => Some((source, primary)),
        };
    }
    (!subject.at("SourceRegion").is_absent()).then_some((value, None))
}

/// Automated backups that are replicated to another region need a key there.
fn replicated_backups(cx: &Cx<'_>, subject: Subject<'_>) -> Option<Judgement> {
    let (region, loc) = match subject.at("AutomaticBackupReplicationRegion").string() {
        Read::Absent(_) => return None,
        Read::Found(region, loc) => (Ok(region), loc),
        Read::Unknown(why, loc) => (Err(why), loc),
    };
    let unencrypted = cx.inventory.stores_of(subject.id()).any(|store| {
        store.spec.part.is_empty()
            && store.when.covers(&subject.variant.when)
            && store.protection.value() == Some(&Protection::None)
    });
    if unencrypted {
        return None;
    }
    let key = match subject.at("AutomaticBackupReplicationKmsKeyId") {
        Read::Absent(_) => None,
        Read::Unknown(why, _) => Some(Err(why)),
        Read::Found(key, _) => Some(resolve_key(cx.inventory, subject.resource, key)),
    };
    let named = "its replicated backups have a key of their own";
    let judgement = match (region, key) {
        (Ok(region), None) => Judgement::fail(
            subject,
            format!("its automated backups are replicated to {region}, and it names no key of that region"),
        ),
        (Err(_), None) => Judgement::fail(
            subject,
            "its automated backups are replicated to another region, and it names no key of that region",
        ),
        (region, Some(Ok(key))) => match (region, key_region(cx, &key)) {
            (Ok(region), Some(of_key)) if region != of_key => Judgement::fail(
                subject,
                format!("its automated backups are replicated to {region}, and the key for them lies in {of_key}"),
            ),
            (Err(why), Some(_)) => {
                Judgement::cannot_tell(subject, "whether the key lies where its backups are replicated to", &why)
            }
            _ => Judgement::pass(subject, named).key(&key),
        },
        (_, Some(Err(why))) => Judgement::pass_whichever_key(subject, named, &why),
    };
    Some(judgement.at(loc).part("replicated backups"))
}

fn copy(
    cx: &Cx<'_>,
    subject: Subject<'_>,
    property: &'static str,
    value: &Value,
    source: Option<&Resource>,
) -> Vec<Judgement> {
    let judge = |(case, store): (Guard, Option<&Store>)| {
        let judgement = of_copy(cx, subject, value, source, store).when(&case).stated(
            property,
            source.map_or_else(|| "a database outside the input".into(), |s| cx.label(s)),
            value.loc,
        );
        match store {
            Some(store) => judgement.fact_as("source's encryption", &store.protection, |p| {
                p.label(cx.inventory)
            }),
            None => judgement,
        }
    };
    let when = &subject.variant.when;
    let cases = match source {
        Some(source) => stores(cx, when, source.id),
        None => vec![(when.clone(), None)],
    };
    cases.into_iter().map(judge).collect()
}

/// A copy of a source, which has this store if it is given.
fn of_copy(
    cx: &Cx<'_>,
    subject: Subject<'_>,
    value: &Value,
    source: Option<&Resource>,
    store: Option<&Store>,
) -> Judgement {
    if store.is_some_and(|store| store.protection.value() == Some(&Protection::None)) {
        return Judgement::fail(
            subject,
            "it copies an unencrypted database, so it is unencrypted too",
        );
    }
    // A copy that runs tells how it is encrypted itself, wherever its source is.
    if cx.inventory.origin() == Origin::Live && source.is_none() {
        match (subject.at("StorageEncrypted").bool(), subject.at("StorageEncryptionType").string().found()) {
            (Read::Found(true, loc), _) => return Judgement::pass(subject, "the copy is encrypted").at(loc),
            (Read::Found(false, loc), kind) if kind.as_deref() != Some("sse-rds") => {
                return Judgement::fail(subject, "the copy is not encrypted").at(loc);
            }
            _ => {}
        }
    }
    let own_region = cx.inventory.stack_of(subject.resource).place.region.as_deref();
    let stated = subject.at("SourceRegion").string().found();
    let arn = value.at("").string().found();
    let of_source = source.and_then(|s| cx.inventory.stack_of(s).place.region.as_deref());
    let source_region = stated
        .as_deref()
        .or(of_source)
        .or_else(|| region_of_arn(arn.as_deref()?));
    let another_region = match (own_region, source_region) {
        (Some(own), Some(source)) => Some(own != source),
        // Only a copy in another region has to say where its source is.
        _ if stated.is_some() => Some(true),
        _ if source.is_some_and(|s| s.stack == subject.resource.stack) => Some(false),
        _ => None,
    };
    match (another_region, subject.at("KmsKeyId")) {
        (_, Read::Unknown(why, loc)) => {
            Judgement::cannot_tell(subject, "the key of the copy", &why).at(loc)
        }
        (Some(true), Read::Absent(loc)) => Judgement::fail(
            subject,
            format!(
                "it copies a database from {} and names no key of its own region",
                source_region.unwrap_or("another region")
            ),
        )
        .at(loc),
        (Some(true), Read::Found(key, loc)) => {
            let key = resolve_key(cx.inventory, subject.resource, key);
            let key_region = key.as_ref().ok().and_then(|key| key_region(cx, key));
            let wrong = key_region.filter(|region| match own_region {
                Some(own) => own != *region,
                None => source_region == Some(*region),
            });
            match wrong {
                Some(region) => Judgement::fail(
                    subject,
                    format!("its key is in {region}, not in the copy's own region"),
                ),
                None => Judgement::pass(subject, "the cross-region copy names a key of its own"),
            }
            .at(loc)
        }
        (Some(false), _) if store.is_some_and(|s| s.encrypted().value() == Some(&true)) => {
            Judgement::pass(subject, "the copy inherits its source's encryption")
        }
        (None, Read::Found(_, loc)) => {
            Judgement::pass(subject, "the copy names a key of its own").at(loc)
        }
        (Some(false) | None, _) => Judgement::unknown(
            subject,
            "cannot tell whether the source is encrypted, and in which region it is: it is not in the input",
        ),
    }
}
