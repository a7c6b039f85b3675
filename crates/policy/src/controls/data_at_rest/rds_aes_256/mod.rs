use crate::prelude::*;

control! {
    /// Where Amazon RDS, DocumentDB and Neptune encrypt storage, they do it with AES-256; there is
    /// no setting to weaken it (Amazon RDS User Guide, "Encrypting Amazon RDS resources"). So the
    /// algorithm follows from whether the storage is encrypted; the service's documented fact is
    /// quoted with each verdict.
    id: "rds-aes-256",
    title: "Database storage is encrypted with AES-256",
    clauses: ["RDS-4"],
    severity: High,
    fix: "Encrypt the storage; RDS then uses AES-256. For a running database: snapshot, encrypted copy, restore.",
    cloudformation: r#"Type: AWS::RDS::DBCluster
Properties:
  StorageEncrypted: true
"#,
    cdk: r#"new rds.DatabaseCluster(this, 'Cluster', { storageEncrypted: true, /* … */ });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    super::aes_256::judge(cx, out, &["database"]);
}
