use crate::prelude::*;

control! {
    /// Automated backups and snapshots of an encrypted database are encrypted with its key; a read
    /// replica in the same region uses the source's key. A copy in another region needs a key
    /// there: a KMS key does not leave its region (Amazon RDS User Guide, "Encrypting Amazon RDS
    /// resources").
    ///
    /// Looks at read replicas (instances and clusters), secondary clusters of an Aurora global
    /// database and replicated automated backups. A source in another region is one whose ARN or
    /// `SourceRegion` says so, or that stands in a stack of another region.
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
                Read::Found(value, _) => out.push(copy(cx, subject, property, value)),
            }
        }
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

fn copy(cx: &Cx<'_>, subject: Subject<'_>, property: &'static str, value: &Value) -> Judgement {
    let own_region = cx.inventory.stack_of(subject.resource).place.region.clone();
    let source = cx.inventory.target(value).map(|(resource, _)| resource);
    let source_region = match subject.at("SourceRegion").string() {
        Read::Found(region, _) => Some(region),
        _ => source
            .and_then(|s| cx.inventory.stack_of(s).place.region.as_ref().map(|r| r.to_string()))
            .or_else(|| region_of_arn(value)),
    };
    let source_protection = source.and_then(|s| {
        cx.inventory
            .stores_of(s.id)
            .find(|store| store.when.compatible(&subject.variant.when))
    });
    let key = subject.at("KmsKeyId");
    let about = |judgement: Judgement| {
        let judgement = judgement.stated(
            property,
            source.map_or_else(|| "a database outside the input".into(), |s| cx.label(s)),
            value.loc,
        );
        match source_protection {
            Some(store) => judgement.fact_as("source's encryption", &store.protection, |p| {
                p.label(cx.inventory)
            }),
            None => judgement,
        }
    };
    if let Some(store) = source_protection
        && store.protection.value() == Some(&Protection::None)
    {
        return about(Judgement::fail(
            subject,
            "it copies an unencrypted database, so it is unencrypted too",
        ));
    }
    let another_region = match (&own_region, &source_region) {
        (Some(own), Some(source)) => Some(**own != **source),
        _ if source.is_some_and(|s| s.stack == subject.resource.stack) => Some(false),
        _ => None,
    };
    about(match (another_region, key) {
        (_, Read::Unknown(why, loc)) => {
            Judgement::cannot_tell(subject, "the key of the copy", &why).at(loc)
        }
        (Some(true), Read::Absent(loc)) => Judgement::fail(
            subject,
            format!(
                "it copies a database from {} and names no key of its own region",
                source_region.unwrap_or_default()
            ),
        )
        .at(loc),
        (Some(true), Read::Found(key, loc)) => match region_of_arn(key) {
            Some(region) if own_region.as_deref() != Some(region.as_str()) => Judgement::fail(
                subject,
                format!("its key is in {region}, not in the copy's own region"),
            )
            .at(loc),
            _ => Judgement::pass(subject, "the cross-region copy names a key of its own").at(loc),
        },
        (Some(false), _) if source_protection.is_some_and(|s| s.encrypted().value() == Some(&true)) => {
            Judgement::pass(subject, "the copy inherits its source's encryption")
        }
        (None, Read::Found(_, loc)) => {
            Judgement::pass(subject, "the copy names a key of its own").at(loc)
        }
        (Some(false) | None, _) => Judgement::unknown(
            subject,
            "cannot tell whether the source is encrypted, and in which region it is: it is not in the input",
        ),
    })
}

/// The region of an ARN, when it is written out.
fn region_of_arn(value: &Value) -> Option<String> {
    let Kind::Text(text) = &value.kind else {
        return None;
    };
    let arn = text.plain()?;
    let region = arn.strip_prefix("arn:")?.split(':').nth(2)?;
    (!region.is_empty()).then(|| region.to_owned())
}
