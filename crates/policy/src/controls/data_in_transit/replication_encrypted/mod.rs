use crate::prelude::*;
use serde::Deserialize;
use std::sync::OnceLock;

control! {
    /// Looks at data stores that replicate between nodes or copy to others (ElastiCache, MemoryDB,
    /// OpenSearch, MSK, DAX, DMS endpoints) and at the property that encrypts this traffic; the
    /// table beside this file says which, and what holds without it. RDS and Aurora replicate over
    /// encrypted channels of their own when their storage is encrypted (Amazon RDS User Guide,
    /// "Working with DB instance read replicas").
    id: "replication-encrypted",
    title: "Replication between the nodes of a data store is encrypted",
    clauses: ["VPC-3"],
    severity: High,
    fix: "Switch encryption in transit on; for ElastiCache and OpenSearch this needs a new cluster or a staged change.",
    cloudformation: r#"Type: AWS::ElastiCache::ReplicationGroup
Properties:
  TransitEncryptionEnabled: true
  AtRestEncryptionEnabled: true
"#,
    cdk: r#"new elasticache.CfnReplicationGroup(this, 'Sessions', { transitEncryptionEnabled: true, /* … */ });
"#,
}

#[derive(Deserialize)]
struct File {
    store: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    r#type: String,
    property: String,
    on: Vec<String>,
    default: String,
    doc: String,
}

fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let file: File = toml::from_str(include_str!("stores.toml")).expect("stores.toml is exercised by the fixtures");
        file.store
    })
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for row in rows() {
        for subject in cx.subjects(&[&row.r#type]) {
            let setting = subject.at(&row.property).string().or_default(
                row.default.clone(),
                ServiceDefault {
                    doc: &row.doc,
                    since: "",
                },
            );
            let judgement = match &setting {
                Known::Unknown(why, _) => Judgement::cannot_tell(subject, "whether its replication is encrypted", why),
                known => match known.value() {
                    Some(value) if row.on.iter().any(|on| on.eq_ignore_ascii_case(value)) => {
                        Judgement::pass(subject, "traffic between its nodes is encrypted")
                    }
                    _ => Judgement::fail(subject, "traffic between its nodes is not encrypted"),
                },
            };
            let part = row.property.rsplit('.').next().unwrap_or_default();
            out.push(judgement.part(part).fact(part, &setting));
        }
    }
    for subject in cx.subjects(&["AWS::RDS::DBInstance"]) {
        if subject.at("SourceDBInstanceIdentifier").is_absent() {
            continue;
        }
        let store = cx.inventory.stores_of(subject.id()).find(|s| s.when == subject.variant.when);
        let Some(store) = store else { continue };
        out.push(
            match store.encrypted().value() {
                Some(true) => Judgement::pass(subject, "RDS encrypts the replication of an encrypted database"),
                Some(false) => Judgement::fail(subject, "the database is not encrypted, so its replication need not be either"),
                None => Judgement::unknown(subject, "cannot tell whether the replica's source is encrypted"),
            }
            .part("replication")
            .fact_as("storage encryption", &store.protection, |p| p.label(cx.inventory)),
        );
    }
}
