//! Databases of a snapshot: a key that AWS owns and no encryption both say `StorageEncrypted: false`.

use lockfast_facts::nouns::Protection;
use serde_json::{Value, json};
use std::io::Write;

/// The protections of the stores of one resource.
fn protections(kind: &str, properties: &Value) -> Vec<Option<Protection>> {
    let account = "111111111111";
    let region = "eu-central-1";
    let records = [
        json!({"snapshot": {
            "format": 1, "made_by": "lockfast", "taken": "2026-11-27T00:00:00Z",
            "accounts": [{"id": account}], "regions": [region], "services": ["rds"],
        }}),
        json!({"unit": {"account": account, "region": region, "service": "rds"}}),
        json!({"resource": {"type": kind, "name": "one", "properties": properties}}),
        json!({"end": {"resources": 1}}),
    ];
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    for record in records {
        writeln!(file, "{record}").expect("room on the disk");
    }
    let loaded = lockfast_snapshot::load(file.path()).expect("a snapshot");
    let stores = loaded.inventory.stores().iter();
    stores
        .map(|store| store.protection.value().cloned())
        .collect()
}

#[test]
fn an_aurora_cluster_goes_by_its_type() {
    let cluster = |kind: &str| {
        let properties = json!({
            "Engine": "aurora-mysql", "StorageEncrypted": false, "StorageEncryptionType": kind,
        });
        protections("AWS::RDS::DBCluster", &properties)
    };
    assert_eq!(cluster("none"), [Some(Protection::None)]);
    assert_eq!(cluster("sse-rds"), [Some(Protection::AwsOwned)]);
}

#[test]
fn a_snapshot_goes_by_what_it_says_of_itself() {
    let snapshot = |properties: Value| protections("AWS::RDS::DBSnapshot", &properties);
    let none = json!({"DBInstanceIdentifier": "gone", "Encrypted": false});
    assert_eq!(snapshot(none), [Some(Protection::None)]);
    let owned = json!({
        "DBInstanceIdentifier": "gone", "Encrypted": false, "StorageEncryptionType": "sse-rds",
    });
    assert_eq!(snapshot(owned), [Some(Protection::AwsOwned)]);
    // A template says nothing of it, so its source decides.
    assert_eq!(snapshot(json!({"DBInstanceIdentifier": "gone"})), [None]);
}
