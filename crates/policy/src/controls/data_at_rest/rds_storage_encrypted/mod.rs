use crate::prelude::*;

control! {
    /// Looks at every RDS instance and every Aurora, DocumentDB and Neptune cluster and member. A
    /// member takes its cluster's encryption, a replica in the same region its source's. Any key
    /// will do here; which key it must be is for the classification and environment controls.
    ///
    /// A database restored from a snapshot has the snapshot's encryption, which a template does not
    /// show: that is unknown unless the template states encryption itself.
    id: "rds-storage-encrypted",
    title: "RDS, Aurora, DocumentDB and Neptune storage is encrypted at rest",
    clauses: ["RDS-1"],
    severity: Critical,
    fix: "Encryption is set when a database is created and cannot be switched on later: take a snapshot, copy it with a KMS key, restore from the copy, move the traffic, then delete the old database.",
    cloudformation: r#"Type: AWS::RDS::DBInstance
Properties:
  StorageEncrypted: true
  KmsKeyId: !GetAtt DatabaseKey.Arn
"#,
    cdk: r#"new rds.DatabaseInstance(this, 'Database', {
  storageEncrypted: true,
  storageEncryptionKey: databaseKey,
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.stores("database") {
        let shown = |j: Judgement| {
            j.fact_as("storage encryption", &store.protection, |p| p.label(cx.inventory))
        };
        if let Some(why) = store.protection.unknown_key() {
            let message = "the database's storage is encrypted";
            out.push(shown(Judgement::pass_whichever_key(store, message, why)));
            continue;
        }
        out.push(shown(match &store.protection {
            Known::Unknown(why, _) => {
                Judgement::cannot_tell(store, "whether the storage is encrypted", why)
            }
            known => match known.value() {
                Some(Protection::None) => {
                    Judgement::fail(store, "the database's storage is not encrypted")
                }
                _ => Judgement::pass(store, "the database's storage is encrypted"),
            },
        }));
    }
}
