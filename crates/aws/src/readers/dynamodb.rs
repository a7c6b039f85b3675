//! Amazon DynamoDB: tables and backups.
//!
//! A replica of a global table is a table of its own region, with a key, backups and a policy of its own, so it is given
//! as `AWS::DynamoDB::Table` there: as part of an `AWS::DynamoDB::GlobalTable` it would be judged twice. The other
//! regions stand in `Replicas`, beside the schema, since the scan may not cover them.

use super::prelude::*;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    BackupSummary, BackupTypeFilter, PointInTimeRecoveryDescription, PointInTimeRecoveryStatus,
    SseDescription, SseStatus, TableDescription,
};

pub(super) static READER: Reader = Reader {
    service: "dynamodb",
    scope: Scope::Regional,
    kinds: &[TABLE, BACKUP],
    calls: &[
        "dynamodb:ListTables",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:GetResourcePolicy",
        "dynamodb:ListBackups",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

const TABLE: &str = "AWS::DynamoDB::Table";
const BACKUP: &str = "AWS::DynamoDB::Backup";

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let names = cx
        .list(
            "dynamodb:ListTables",
            &[TABLE],
            items!(client.list_tables()),
        )
        .await;
    cx.each(&names, |name| table(&cx, &client, name)).await;
    backups(&cx, &client).await;
}

async fn table(cx: &Cx, client: &Client, name: &str) {
    let arn = cx.arn("dynamodb", &format!("table/{name}"));
    let props = Props::of("dynamodb:DescribeTable").put("TableName", name);
    let described = cx
        .get(
            "dynamodb:DescribeTable",
            client.describe_table().table_name(name).send(),
        )
        .await
        .map(|answer| answer.table);
    let props = match described {
        Ok(Some(table)) => of_table(props, &table),
        Ok(None) => return,
        Err(failure) => props
            .put("SSESpecification", failure.clone())
            .put("Replicas", failure),
    };
    let backups = cx
        .get(
            "dynamodb:DescribeContinuousBackups",
            client.describe_continuous_backups().table_name(name).send(),
        )
        .await
        .map(|answer| {
            let backups = answer.continuous_backups_description();
            backups
                .and_then(|backups| backups.point_in_time_recovery_description())
                .map(point_in_time)
        });
    let policy = cx
        .get_unless(
            "dynamodb:GetResourcePolicy",
            &["PolicyNotFoundException"],
            client.get_resource_policy().resource_arn(&arn).send(),
        )
        .await
        .map(|answer| {
            let text = answer?.policy?;
            Some(Props::new().put(
                "PolicyDocument",
                document("dynamodb:GetResourcePolicy", &text),
            ))
        });
    let props = props
        .from("dynamodb:DescribeContinuousBackups")
        .put("PointInTimeRecoverySpecification", backups)
        .from("dynamodb:GetResourcePolicy")
        .put("ResourcePolicy", policy);
    cx.emit(TABLE, name, Some(&arn), props);
}

fn of_table(props: Props, table: &TableDescription) -> Props {
    let billing = table
        .billing_mode_summary()
        .and_then(|billing| billing.billing_mode());
    let class = table
        .table_class_summary()
        .and_then(|class| class.table_class());
    let stream = table.stream_specification().map(|stream| {
        Props::new().put(
            "StreamViewType",
            stream.stream_view_type().map(|view| view.as_str()),
        )
    });
    let replicas = table.replicas().iter().map(|replica| {
        Props::new()
            .put("Region", replica.region_name())
            .put(
                "ReplicaStatus",
                replica.replica_status().map(|status| status.as_str()),
            )
            .put("KMSMasterKeyId", replica.kms_master_key_id())
    });
    let witnesses = table
        .global_table_witnesses()
        .iter()
        .map(|witness| Props::new().put("RegionName", witness.region_name()));
    props
        .put("SSESpecification", encryption(table.sse_description()))
        .put(
            "InaccessibleEncryptionDateTime",
            table
                .sse_description()
                .and_then(|sse| sse.inaccessible_encryption_date_time()),
        )
        // Tables that were never on demand have no summary (Amazon DynamoDB API Reference, BillingModeSummary).
        .put(
            "BillingMode",
            billing.map_or("PROVISIONED", |mode| mode.as_str()),
        )
        .put(
            "TableClass",
            class.map_or("STANDARD", |class| class.as_str()),
        )
        .put("StreamSpecification", stream)
        .put(
            "DeletionProtectionEnabled",
            table.deletion_protection_enabled(),
        )
        .put("GlobalTableVersion", table.global_table_version())
        .put("Replicas", replicas.collect::<Vec<_>>())
        .put("GlobalTableWitnesses", witnesses.collect::<Vec<_>>())
        .put(
            "MultiRegionConsistency",
            table
                .multi_region_consistency()
                .map(|consistency| consistency.as_str()),
        )
        .put(
            "TableStatus",
            table.table_status().map(|status| status.as_str()),
        )
        .put("TableId", table.table_id())
        .put("CreationDateTime", table.creation_date_time())
}

/// Without a description the table is under the key that DynamoDB owns (Amazon DynamoDB Developer Guide, "DynamoDB
/// encryption at rest"), which a template says with `SSEEnabled: false`.
fn encryption(sse: Option<&SseDescription>) -> Props {
    let Some(sse) = sse else {
        return Props::new().put("SSEEnabled", false);
    };
    let on = matches!(sse.status(), Some(SseStatus::Enabled | SseStatus::Updating));
    Props::new()
        .put("SSEEnabled", on)
        .put(
            "SSEType",
            sse.sse_type().filter(|_| on).map(|kind| kind.as_str()),
        )
        .put("KMSMasterKeyId", sse.kms_master_key_arn().filter(|_| on))
}

fn point_in_time(recovery: &PointInTimeRecoveryDescription) -> Props {
    let on = recovery.point_in_time_recovery_status() == Some(&PointInTimeRecoveryStatus::Enabled);
    Props::new()
        .put("PointInTimeRecoveryEnabled", on)
        .put("RecoveryPeriodInDays", recovery.recovery_period_in_days())
}

/// The list has no pages of the SDK's own.
async fn backups(cx: &Cx, client: &Client) {
    let mut last = None;
    loop {
        let page = cx
            .get(
                "dynamodb:ListBackups",
                client
                    .list_backups()
                    .backup_type(BackupTypeFilter::All)
                    .set_exclusive_start_backup_arn(last.take())
                    .send(),
            )
            .await;
        let page = match page {
            Ok(page) => page,
            Err(failure) => return cx.gap(&[BACKUP], &failure),
        };
        for summary in page.backup_summaries() {
            backup(cx, summary);
        }
        last = page.last_evaluated_backup_arn;
        if last.is_none() {
            return;
        }
    }
}

fn backup(cx: &Cx, backup: &BackupSummary) {
    let Some(arn) = backup.backup_arn() else {
        return;
    };
    let name = backup.backup_name().unwrap_or(arn);
    let props = Props::of("dynamodb:ListBackups")
        .put("BackupName", backup.backup_name())
        .put("TableName", backup.table_name())
        .put("BackupType", backup.backup_type().map(|kind| kind.as_str()))
        .put(
            "BackupStatus",
            backup.backup_status().map(|status| status.as_str()),
        )
        .put("BackupCreationDateTime", backup.backup_creation_date_time())
        .put("BackupExpiryDateTime", backup.backup_expiry_date_time());
    cx.emit(BACKUP, name, Some(arn), props);
}
