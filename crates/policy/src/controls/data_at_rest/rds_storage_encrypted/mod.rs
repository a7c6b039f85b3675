use crate::prelude::*;

control! {
    /// Looks at every RDS instance and every Aurora, DocumentDB and Neptune cluster and member. A
    /// member takes its cluster's encryption, a replica in the same region its source's. Any key
    /// will do here; which key it must be is for the classification and environment controls.
    ///
    /// An Aurora cluster that says nothing gets a key that AWS owns (since 18 February 2026), and
    /// passes with a note. One that states `StorageEncrypted: false` fails: it gets the same key at
    /// best, while the policy asks for an AWS managed or a customer managed key, and a cluster made
    /// before that day stays in the clear. Where the engine of an `AWS::RDS::DBCluster` is not known,
    /// neither is what it does by default: a Multi-AZ cluster that is not Aurora's is not encrypted.
    ///
    /// A database restored from a snapshot or to a point in time has its source's encryption, which a template does not
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
                Some(Protection::AwsOwned) if is_told(store.subject(cx.inventory)) => {
                    Judgement::pass(store, "the database's storage is encrypted")
                }
                Some(Protection::AwsOwned) if stated_off(store.subject(cx.inventory)) => Judgement::fail(
                    store,
                    "it states StorageEncrypted: false, so a key that AWS owns encrypts it at best: the policy asks for an AWS managed or a customer managed key",
                ),
                Some(Protection::AwsOwned) if store.spec.name == "AWS::RDS::DBCluster" => {
                    Judgement::pass(store, "the database's storage is encrypted").note(
                        "it says nothing of encryption: a cluster made before 18 February 2026 is not encrypted then",
                    )
                }
                _ => Judgement::pass(store, "the database's storage is encrypted"),
            },
        }));
    }
}

/// A live cluster tells what encrypts it.
fn is_told(subject: Subject<'_>) -> bool {
    matches!(subject.at("StorageEncryptionType"), Read::Found(..))
}

fn stated_off(subject: Subject<'_>) -> bool {
    subject.at("StorageEncrypted").bool().found() == Some(false)
}
