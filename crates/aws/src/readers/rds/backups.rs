//! Snapshots, whom they are shared with, and automated backups that other regions send.

use super::region_of;
use crate::readers::prelude::*;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbClusterSnapshot, DbSnapshot};

const SNAPSHOTS: &str = "rds:DescribeDBSnapshots";
const CLUSTER_SNAPSHOTS: &str = "rds:DescribeDBClusterSnapshots";
const BACKUPS: &str = "rds:DescribeDBInstanceAutomatedBackups";
const REPLICATION: &str = "AWS::RDS::DBInstanceAutomatedBackupsReplication";

/// The attribute that lists the accounts that may restore a snapshot, or `all`.
const RESTORE: &str = "restore";

/// Only manual snapshots can be shared (Amazon RDS User Guide, "Sharing a DB snapshot").
fn is_manual(kind: Option<&str>) -> bool {
    kind == Some("manual")
}

pub(super) async fn snapshots(cx: &Cx, client: &Client) {
    let found = cx
        .list(
            SNAPSHOTS,
            &["AWS::RDS::DBSnapshot"],
            items!(client.describe_db_snapshots()),
        )
        .await;
    cx.each(&found, |snapshot| snapshot_of(cx, client, snapshot))
        .await;
}

async fn snapshot_of(cx: &Cx, client: &Client, snapshot: &DbSnapshot) {
    let Some(name) = snapshot.db_snapshot_identifier() else {
        return;
    };
    let mut props = Props::of(SNAPSHOTS)
        .put("DBSnapshotIdentifier", name)
        .put("DBInstanceIdentifier", snapshot.db_instance_identifier())
        .put("SnapshotType", snapshot.snapshot_type())
        .put("Engine", snapshot.engine())
        .put("EngineVersion", snapshot.engine_version())
        .put("Encrypted", snapshot.encrypted())
        .put(
            "StorageEncryptionType",
            snapshot.storage_encryption_type().map(|kind| kind.as_str()),
        )
        .put("KmsKeyId", snapshot.kms_key_id())
        .put("SourceRegion", snapshot.source_region())
        .put(
            "SourceDBSnapshotIdentifier",
            snapshot.source_db_snapshot_identifier(),
        )
        .put("SnapshotCreateTime", snapshot.snapshot_create_time())
        .put("DbiResourceId", snapshot.dbi_resource_id())
        .put("Status", snapshot.status())
        .put("Tags", tags!(snapshot.tag_list()));
    if is_manual(snapshot.snapshot_type()) {
        let attributes = cx
            .get(
                "rds:DescribeDBSnapshotAttributes",
                client
                    .describe_db_snapshot_attributes()
                    .db_snapshot_identifier(name)
                    .send(),
            )
            .await
            .map(|answer| {
                let result = answer.db_snapshot_attributes_result();
                let attributes = result.map_or(&[][..], |result| result.db_snapshot_attributes());
                shared(
                    attributes
                        .iter()
                        .map(|one| (one.attribute_name(), one.attribute_values())),
                )
            });
        props = props
            .from("rds:DescribeDBSnapshotAttributes")
            .put("SharedWith", attributes);
    }
    cx.emit(
        "AWS::RDS::DBSnapshot",
        name,
        snapshot.db_snapshot_arn(),
        props,
    );
}

pub(super) async fn cluster_snapshots(cx: &Cx, client: &Client) {
    let found = cx
        .list(
            CLUSTER_SNAPSHOTS,
            &["AWS::RDS::ClusterSnapshot"],
            items!(client.describe_db_cluster_snapshots()),
        )
        .await;
    cx.each(&found, |snapshot| cluster_snapshot_of(cx, client, snapshot))
        .await;
}

/// Snapshots of DocumentDB and Neptune clusters too: CloudFormation has no types of theirs, and they are the same.
async fn cluster_snapshot_of(cx: &Cx, client: &Client, snapshot: &DbClusterSnapshot) {
    let Some(name) = snapshot.db_cluster_snapshot_identifier() else {
        return;
    };
    let mut props = Props::of(CLUSTER_SNAPSHOTS)
        .put("DBClusterSnapshotIdentifier", name)
        .put("DBClusterIdentifier", snapshot.db_cluster_identifier())
        .put("SnapshotType", snapshot.snapshot_type())
        .put("Engine", snapshot.engine())
        .put("EngineVersion", snapshot.engine_version())
        .put("StorageEncrypted", snapshot.storage_encrypted())
        .put(
            "StorageEncryptionType",
            snapshot.storage_encryption_type().map(|kind| kind.as_str()),
        )
        .put("KmsKeyId", snapshot.kms_key_id())
        .put(
            "SourceDBClusterSnapshotArn",
            snapshot.source_db_cluster_snapshot_arn(),
        )
        .put("SnapshotCreateTime", snapshot.snapshot_create_time())
        .put("DbClusterResourceId", snapshot.db_cluster_resource_id())
        .put("Status", snapshot.status())
        .put("Tags", tags!(snapshot.tag_list()));
    if is_manual(snapshot.snapshot_type()) {
        let attributes = cx
            .get(
                "rds:DescribeDBClusterSnapshotAttributes",
                client
                    .describe_db_cluster_snapshot_attributes()
                    .db_cluster_snapshot_identifier(name)
                    .send(),
            )
            .await
            .map(|answer| {
                let result = answer.db_cluster_snapshot_attributes_result();
                let attributes =
                    result.map_or(&[][..], |result| result.db_cluster_snapshot_attributes());
                shared(
                    attributes
                        .iter()
                        .map(|one| (one.attribute_name(), one.attribute_values())),
                )
            });
        props = props
            .from("rds:DescribeDBClusterSnapshotAttributes")
            .put("SharedWith", attributes);
    }
    cx.emit(
        "AWS::RDS::ClusterSnapshot",
        name,
        snapshot.db_cluster_snapshot_arn(),
        props,
    );
}

/// Whom a snapshot is shared with: a list also when it is empty, since that says nobody.
fn shared<'a>(attributes: impl Iterator<Item = (Option<&'a str>, &'a [String])>) -> Value {
    let values = attributes
        .filter(|(name, _)| *name == Some(RESTORE))
        .flat_map(|(_, values)| values);
    let mut values: Vec<&String> = values.collect();
    values.sort();
    json!(values)
}

/// Automated backups that instances of other regions replicate to this one.
pub(super) async fn replicated(cx: &Cx, client: &Client) {
    let backups = cx
        .list(
            BACKUPS,
            &[REPLICATION],
            items!(client.describe_db_instance_automated_backups()),
        )
        .await;
    for backup in &backups {
        let (Some(source), Some(arn)) = (
            backup.db_instance_arn(),
            backup.db_instance_automated_backups_arn(),
        ) else {
            continue;
        };
        // Those of the region's own instances are part of the instances.
        if region_of(source).is_none_or(|region| region == cx.endpoint_region()) {
            continue;
        }
        let name = arn.rsplit(':').next().unwrap_or(arn);
        let props = Props::of(BACKUPS)
            .put("SourceDBInstanceArn", source)
            .put("SourceRegion", region_of(source))
            .put("KmsKeyId", backup.kms_key_id())
            .put("Encrypted", backup.encrypted())
            .put(
                "StorageEncryptionType",
                backup.storage_encryption_type().map(|kind| kind.as_str()),
            )
            .put("BackupRetentionPeriod", backup.backup_retention_period())
            .put("Engine", backup.engine())
            .put("Status", backup.status());
        cx.emit(REPLICATION, name, Some(arn), props);
    }
}
