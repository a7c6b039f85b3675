use crate::prelude::*;

control! {
    /// RDS, Aurora, DocumentDB and Neptune fix encryption when the storage is made (Amazon RDS User
    /// Guide, "Limitations of Amazon RDS encrypted DB instances"). So the template must say it at
    /// creation, or make the database from an encrypted source; a database that leaves it out can
    /// only be replaced later.
    ///
    /// A value that a parameter decides is judged in each of its allowed values. A restore whose
    /// snapshot is not in the input is unknown.
    id: "rds-encryption-at-creation",
    title: "A database's encryption is decided when it is created",
    clauses: ["RDS-2"],
    severity: High,
    fix: "Never \"set the flag\" on a running database: CloudFormation would replace it empty. Take a snapshot, copy it with `CopyDBSnapshot` and a KMS key, restore from the copy into a new resource that states StorageEncrypted, switch the traffic, and remove the old one.",
    cloudformation: r#"Type: AWS::RDS::DBInstance
DeletionPolicy: Snapshot
Properties:
  DBSnapshotIdentifier: orders-encrypted-copy
  StorageEncrypted: true
  KmsKeyId: !GetAtt DatabaseKey.Arn
"#,
    cdk: r#"new rds.DatabaseInstanceFromSnapshot(this, 'Orders', {
  snapshotIdentifier: 'orders-encrypted-copy',
  storageEncryptionKey: databaseKey,
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.stores("database") {
        let judgement = match &store.protection {
            known if known.unknown_key().is_some() => {
                Judgement::pass(store, "encryption is decided at creation")
            }
            Known::Unknown(why, _) => {
                Judgement::cannot_tell(store, "with which encryption it is created", why)
            }
            Known::Stated(Protection::None, _) => Judgement::fail(
                store,
                "the template creates it without encryption, which cannot be switched on later",
            ),
            Known::Default(Protection::None, ..) => Judgement::fail(
                store,
                "nothing says encryption at creation, and it cannot be switched on later",
            ),
            _ => Judgement::pass(store, "encryption is decided at creation"),
        };
        out.push(judgement.fact_as("encryption at creation", &store.protection, |p| {
            p.label(cx.inventory)
        }));
    }
}
