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
    for subject in cx.subjects(&["AWS::DMS::Endpoint", "AWS::DMS::DataProvider"]) {
        out.push(migration(subject));
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

/// An end of a migration: each engine has its own setting, and AWS's own stores are reached by their
/// APIs over HTTPS (AWS DMS User Guide, "Using SSL with AWS Database Migration Service").
fn migration(subject: Subject<'_>) -> Judgement {
    let engine = match (subject.at("EngineName").string(), subject.at("Engine").string()) {
        (Read::Found(engine, _), _) | (_, Read::Found(engine, _)) => engine.to_ascii_lowercase(),
        (Read::Unknown(why, loc), _) | (_, Read::Unknown(why, loc)) => {
            return Judgement::cannot_tell(subject, "its engine", &why).at(loc);
        }
        _ => String::new(),
    };
    let default = |doc| ServiceDefault { doc, since: "" };
    const SSL: &str = "AWS DMS User Guide: Using SSL with AWS Database Migration Service";
    let (name, setting, on): (&str, _, &[&str]) = match engine.as_str() {
        "s3" | "dynamodb" | "kinesis" | "opensearch" | "elasticsearch" | "neptune" | "timestream" => {
            return Judgement::pass(subject, format!("{engine} is reached by its API over HTTPS"));
        }
        // Its endpoints use an SSL connection of their own.
        "redshift" => return Judgement::pass(subject, "AWS DMS always connects to Amazon Redshift over SSL"),
        "kafka" => (
            "SecurityProtocol",
            subject
                .at("KafkaSettings.SecurityProtocol")
                .string()
                .or_default("plaintext".into(), default("AWS DMS User Guide: Using Apache Kafka as a target")),
            &["ssl-encryption", "ssl-authentication", "sasl-ssl"],
        ),
        "redis" => (
            "SslSecurityProtocol",
            subject
                .at("RedisSettings.SslSecurityProtocol")
                .string()
                .or_default("ssl-encryption".into(), default("AWS DMS User Guide: Using Redis as a target")),
            &["ssl-encryption"],
        ),
        _ if subject.kind() == "AWS::DMS::DataProvider" => (
            "SslMode",
            match subject.each("Settings.*.SslMode").into_iter().next() {
                Some(read) => read.string(),
                None => Read::Absent(subject.resource.loc),
            }
            .or_default("none".into(), default(SSL)),
            &["require", "verify-ca", "verify-full"],
        ),
        _ => (
            "SslMode",
            subject.at("SslMode").string().or_default("none".into(), default(SSL)),
            &["require", "verify-ca", "verify-full"],
        ),
    };
    match &setting {
        Known::Unknown(why, _) => Judgement::cannot_tell(subject, "whether the migration is encrypted", why),
        known if known.value().is_some_and(|v| on.iter().any(|on| on.eq_ignore_ascii_case(v))) => {
            Judgement::pass(subject, "data moves to and from it encrypted")
        }
        _ => Judgement::fail(subject, "data moves to and from it in the clear"),
    }
    .part(name)
    .fact(name, &setting)
}
