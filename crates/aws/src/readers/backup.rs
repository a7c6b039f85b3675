//! AWS Backup: vaults, and plans with the copies they send elsewhere.

use super::prelude::*;
use aws_sdk_backup::Client;
use aws_sdk_backup::types::{
    BackupPlan, BackupRule, BackupVaultListMember, CopyAction, EncryptionKeyType, Lifecycle,
    VaultType,
};

pub(super) static READER: Reader = Reader {
    service: "backup",
    scope: Scope::Regional,
    kinds: &[VAULT, AIR_GAPPED, PLAN],
    calls: &[
        "backup:ListBackupVaults",
        "backup:ListBackupPlans",
        "backup:GetBackupPlan",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

const VAULT: &str = "AWS::Backup::BackupVault";
const AIR_GAPPED: &str = "AWS::Backup::LogicallyAirGappedBackupVault";
const PLAN: &str = "AWS::Backup::BackupPlan";

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let vaults = cx
        .list(
            "backup:ListBackupVaults",
            &[VAULT, AIR_GAPPED],
            items!(client.list_backup_vaults()),
        )
        .await;
    for vault in &vaults {
        // A restore access vault is a view of another account's vault, and holds nothing itself.
        let kind = match vault.vault_type() {
            Some(VaultType::RestoreAccessBackupVault) => continue,
            Some(VaultType::LogicallyAirGappedBackupVault) => AIR_GAPPED,
            _ => VAULT,
        };
        if let Some(name) = vault.backup_vault_name() {
            cx.emit(kind, name, vault.backup_vault_arn(), vault_props(vault));
        }
    }
    let plans = cx
        .list(
            "backup:ListBackupPlans",
            &[PLAN],
            items!(client.list_backup_plans()),
        )
        .await;
    cx.each(plans, |plan| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            let Some(id) = plan.backup_plan_id() else {
                return;
            };
            let document = cx
                .get(
                    "backup:GetBackupPlan",
                    client.get_backup_plan().backup_plan_id(id).send(),
                )
                .await
                .map(|answer| answer.backup_plan.as_ref().map(plan_props));
            let props = Props::of("backup:ListBackupPlans")
                .put("BackupPlanId", id)
                .put("BackupPlanName", plan.backup_plan_name())
                .put("VersionId", plan.version_id())
                .put("CreationDate", plan.creation_date())
                .put("LastExecutionDate", plan.last_execution_date())
                .from("backup:GetBackupPlan")
                .put("BackupPlan", document);
            cx.emit(PLAN, id, plan.backup_plan_arn(), props);
        }
    })
    .await;
}

fn vault_props(vault: &BackupVaultListMember) -> Props {
    let owned = vault.encryption_key_type() == Some(&EncryptionKeyType::AwsOwnedKmsKey);
    let locked = vault.locked().unwrap_or(false);
    let lock = Props::new()
        .put("MinRetentionDays", vault.min_retention_days())
        .put("MaxRetentionDays", vault.max_retention_days());
    Props::of("backup:ListBackupVaults")
        .put("BackupVaultName", vault.backup_vault_name())
        .put("VaultType", vault.vault_type().map(|kind| kind.as_str()))
        .put(
            "EncryptionKeyType",
            vault.encryption_key_type().map(|kind| kind.as_str()),
        )
        // A key that AWS owns is nobody's to name in a template.
        .put(
            "EncryptionKeyArn",
            vault.encryption_key_arn().filter(|_| !owned),
        )
        .put("Locked", locked)
        .put("LockConfiguration", locked.then_some(lock))
        .put("LockDate", vault.lock_date())
        .put("CreationDate", vault.creation_date())
}

fn plan_props(plan: &BackupPlan) -> Props {
    Props::new()
        .put("BackupPlanName", plan.backup_plan_name())
        .put(
            "BackupPlanRule",
            plan.rules().iter().map(rule).collect::<Vec<_>>(),
        )
}

fn rule(rule: &BackupRule) -> Props {
    Props::new()
        .put("RuleName", rule.rule_name())
        .put("TargetBackupVault", rule.target_backup_vault_name())
        .put(
            "TargetLogicallyAirGappedBackupVaultArn",
            rule.target_logically_air_gapped_backup_vault_arn(),
        )
        .put("ScheduleExpression", rule.schedule_expression())
        .put(
            "ScheduleExpressionTimezone",
            rule.schedule_expression_timezone(),
        )
        .put("StartWindowMinutes", rule.start_window_minutes())
        .put("CompletionWindowMinutes", rule.completion_window_minutes())
        .put("EnableContinuousBackup", rule.enable_continuous_backup())
        .put("Lifecycle", rule.lifecycle().map(lifecycle))
        .put(
            "CopyActions",
            rule.copy_actions().iter().map(copy).collect::<Vec<_>>(),
        )
}

fn copy(copy: &CopyAction) -> Props {
    Props::new()
        .put(
            "DestinationBackupVaultArn",
            copy.destination_backup_vault_arn(),
        )
        .put("Lifecycle", copy.lifecycle().map(lifecycle))
}

fn lifecycle(lifecycle: &Lifecycle) -> Props {
    Props::new()
        .put(
            "MoveToColdStorageAfterDays",
            lifecycle.move_to_cold_storage_after_days(),
        )
        .put("DeleteAfterDays", lifecycle.delete_after_days())
        .put(
            "OptInToArchiveForSupportedResources",
            lifecycle.opt_in_to_archive_for_supported_resources(),
        )
}
