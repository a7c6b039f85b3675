use super::cases::cases;
use crate::prelude::*;

control! {
    /// DynamoDB's own backups keep the table's key, but backups that AWS Backup makes lie under the
    /// vault's key (AWS Backup Developer Guide, "Encryption for backups in AWS Backup"). So a vault
    /// needs a customer managed key when a table that the input holds has one: otherwise the copy
    /// is weaker than the original. Where the key of a table is not known, neither is whether the
    /// vault needs one.
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
    // Tables that need a key at the vault come first, then those of which it is not known.
    let mut tables: Vec<&Store> = cx.stores("table").collect();
    tables.sort_by_key(|table| need(table));
    for vault in cx.stores("backup").filter(|s| &*s.spec.name == "AWS::Backup::BackupVault") {
        let has_key = vault.protection.value().is_some_and(|p| p.customer_key().is_some());
        if has_key || vault.protection.value().is_none() {
            let judgement = match &vault.protection {
                Known::Unknown(why, _) => Judgement::cannot_tell(vault, "the vault's key", why),
                _ => Judgement::pass(vault, "the vault has a customer managed key"),
            };
            out.push(shown(cx, vault, judgement));
            continue;
        }
        let with_guard = tables.iter().map(|table| (table.when.clone(), *table));
        for (case, table) in cases(cx, &vault.when, with_guard) {
            let Some(table) = table else { continue };
            let resource = cx.inventory.resource(table.resource);
            let name = cx.label(resource);
            let judgement = match (need(table), &table.protection) {
                (Need::Key, _) => Judgement::fail(
                    vault,
                    format!("the vault's copies are under the AWS managed key, while {name} has a customer managed key"),
                )
                .step(format!("table {}", resource.name), resource.loc),
                (Need::Unknown, Known::Unknown(why, _)) => Judgement::cannot_tell(
                    vault,
                    &format!("whether the AWS managed key is enough for the copies of {name}"),
                    why,
                )
                .step(format!("table {}", resource.name), resource.loc),
                _ => Judgement::pass(vault, "no table given has a key of its own"),
            };
            out.push(shown(cx, vault, judgement.when(&case)));
        }
    }
}

fn shown(cx: &Cx<'_>, vault: &Store, judgement: Judgement) -> Judgement {
    judgement.fact_as("vault's key", &vault.protection, |p| p.label(cx.inventory))
}

/// Whether a table's copies need a customer managed key.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Key,
    Unknown,
    Nothing,
}

fn need(table: &Store) -> Need {
    match table.protection.value() {
        Some(Protection::Customer(_)) => Need::Key,
        None => Need::Unknown,
        Some(_) => Need::Nothing,
    }
}
