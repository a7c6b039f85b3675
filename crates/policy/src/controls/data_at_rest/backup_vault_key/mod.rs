use crate::prelude::*;

control! {
    /// DynamoDB's own backups keep the table's key, but backups that AWS Backup makes lie under the
    /// vault's key (AWS Backup Developer Guide, "Encryption for backups in AWS Backup"). So a vault
    /// needs a customer managed key when a table that the input holds has one: otherwise the copy
    /// is weaker than the original.
    id: "backup-vault-key",
    title: "Backup vaults have a customer managed key when the tables they copy have one",
    clauses: ["DDB-3"],
    severity: High,
    fix: "Make a new vault with EncryptionKeyArn set to a key of the data's environment and classification (a vault's key cannot change), point the backup plan at it, and let the old recovery points expire.",
    cloudformation: r#"Type: AWS::Backup::BackupVault
Properties:
  BackupVaultName: orders
  EncryptionKeyArn: !GetAtt BackupKey.Arn
"#,
    cdk: r#"new backup.BackupVault(this, 'Vault', { encryptionKey: backupKey });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let strongest = cx
        .stores("table")
        .find(|s| s.protection.value().is_some_and(|p| p.customer_key().is_some()));
    let any_table = cx.stores("table").next();
    for vault in cx.stores("backup").filter(|s| &*s.spec.name == "AWS::Backup::BackupVault") {
        let judgement = match (&vault.protection, strongest, any_table) {
            (Known::Unknown(why, _), ..) => Judgement::cannot_tell(vault, "the vault's key", why),
            (known, ..) if known.value().is_some_and(|p| p.customer_key().is_some()) => {
                Judgement::pass(vault, "the vault has a customer managed key")
            }
            (_, Some(table), _) => {
                let table = cx.inventory.resource(table.resource);
                Judgement::fail(
                    vault,
                    format!("the vault's copies are under the AWS managed key, while {} has a customer managed key", cx.label(table)),
                )
                .step(format!("table {}", table.name), table.loc)
            }
            (_, None, Some(_)) => Judgement::pass(vault, "no table given has a key of its own"),
            (_, None, None) => continue,
        };
        out.push(judgement.fact_as("vault's key", &vault.protection, |p| p.label(cx.inventory)));
    }
}
