//! Clusters of every engine, and those that span regions.

use super::parameters::Groups;
use super::{group_ids, kind, master_password, region_of, source_region};
use crate::readers::prelude::*;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, GlobalCluster};

const ACTION: &str = "rds:DescribeDBClusters";
const GLOBAL: &str = "rds:DescribeGlobalClusters";

pub(super) async fn read(cx: &Cx, client: &Client, groups: &Groups) {
    let kinds = [
        "AWS::RDS::DBCluster",
        "AWS::DocDB::DBCluster",
        "AWS::Neptune::DBCluster",
    ];
    let clusters = cx
        .list(ACTION, &kinds, items!(client.describe_db_clusters()))
        .await;
    for cluster in &clusters {
        groups.used(true, cluster.db_cluster_parameter_group(), cluster.engine());
        if let Some(name) = cluster.db_cluster_identifier() {
            cx.emit(
                &kind(cluster.engine(), "DBCluster"),
                name,
                cluster.db_cluster_arn(),
                props(cx, cluster),
            );
        }
    }
}

fn props(cx: &Cx, cluster: &DbCluster) -> Props {
    let endpoint = cluster.endpoint().map(|address| {
        Props::new()
            .put("Address", address)
            .put("Port", cluster.port().map(|port| port.to_string()))
    });
    let reader = cluster
        .reader_endpoint()
        .map(|address| Props::new().put("Address", address));
    let certificate = cluster.certificate_details().map(|details| {
        Props::new()
            .put("CAIdentifier", details.ca_identifier())
            .put("ValidTill", details.valid_till())
    });
    let source = cluster.replication_source_identifier();
    let props = Props::of(ACTION)
        .put("DBClusterIdentifier", cluster.db_cluster_identifier())
        .put("DatabaseName", cluster.database_name())
        .put("Engine", cluster.engine())
        .put("EngineVersion", cluster.engine_version())
        .put("EngineMode", cluster.engine_mode())
        .put(
            "DBClusterInstanceClass",
            cluster.db_cluster_instance_class(),
        )
        .put("MasterUsername", cluster.master_username())
        .put("StorageEncrypted", cluster.storage_encrypted())
        // Under a key that AWS owns the former says false and this sse-rds.
        .put(
            "StorageEncryptionType",
            cluster.storage_encryption_type().map(|kind| kind.as_str()),
        )
        .put("KmsKeyId", cluster.kms_key_id())
        .put("StorageType", cluster.storage_type())
        .put("PubliclyAccessible", cluster.publicly_accessible())
        .put(
            "DBClusterParameterGroupName",
            cluster.db_cluster_parameter_group(),
        )
        .put("DBSubnetGroupName", cluster.db_subnet_group())
        .put(
            "VpcSecurityGroupIds",
            group_ids(cluster.vpc_security_groups()),
        )
        .put("Port", cluster.port())
        .put("Endpoint", endpoint)
        .put("ReadEndpoint", reader)
        .put("MultiAZ", cluster.multi_az())
        .put("AvailabilityZones", cluster.availability_zones())
        .put("BackupRetentionPeriod", cluster.backup_retention_period())
        .put("CopyTagsToSnapshot", cluster.copy_tags_to_snapshot())
        .put("DeletionProtection", cluster.deletion_protection())
        .put(
            "EnableCloudwatchLogsExports",
            cluster.enabled_cloudwatch_logs_exports(),
        )
        .put(
            "EnableIAMDatabaseAuthentication",
            cluster.iam_database_authentication_enabled(),
        )
        .put("EnableHttpEndpoint", cluster.http_endpoint_enabled())
        .put(
            "PerformanceInsightsEnabled",
            cluster.performance_insights_enabled(),
        )
        .put(
            "PerformanceInsightsKmsKeyId",
            cluster.performance_insights_kms_key_id(),
        )
        .put(
            "PerformanceInsightsRetentionPeriod",
            cluster.performance_insights_retention_period(),
        )
        .put("MonitoringInterval", cluster.monitoring_interval())
        .put("MonitoringRoleArn", cluster.monitoring_role_arn())
        .put("CertificateDetails", certificate)
        .put(
            "GlobalClusterIdentifier",
            cluster.global_cluster_identifier(),
        )
        .put("ReplicationSourceIdentifier", source)
        .put("SourceRegion", source_region(cx, source))
        .put("ReadReplicaIdentifiers", cluster.read_replica_identifiers())
        .put(
            "ActivityStreamStatus",
            cluster
                .activity_stream_status()
                .map(|status| status.as_str()),
        )
        .put(
            "ActivityStreamKmsKeyId",
            cluster.activity_stream_kms_key_id(),
        )
        .put("Status", cluster.status())
        .put("ClusterCreateTime", cluster.cluster_create_time())
        .put("DbClusterResourceId", cluster.db_cluster_resource_id())
        .put("Tags", tags!(cluster.tag_list()));
    master_password(props, cluster.master_user_secret())
}

/// Every region where a global cluster has a member tells of it; it is given once, where its primary lies.
pub(super) async fn global(cx: &Cx, client: &Client) {
    let kinds = [
        "AWS::RDS::GlobalCluster",
        "AWS::DocDB::GlobalCluster",
        "AWS::Neptune::GlobalCluster",
    ];
    let found = cx
        .list(GLOBAL, &kinds, items!(client.describe_global_clusters()))
        .await;
    for global in &found {
        let Some(name) = global.global_cluster_identifier() else {
            continue;
        };
        if owner(cx, global).is_none_or(|owner| owner == cx.endpoint_region()) {
            let props = global_props(global);
            cx.emit(
                &kind(global.engine(), "GlobalCluster"),
                name,
                global.global_cluster_arn(),
                props,
            );
        }
    }
}

fn primary(global: &GlobalCluster) -> Option<&str> {
    let mut members = global.global_cluster_members().iter();
    members
        .find(|member| member.is_writer() == Some(true))?
        .db_cluster_arn()
}

/// The region that tells of a global cluster: the primary's, or the first of a member that the scan covers.
fn owner<'a>(cx: &Cx, global: &'a GlobalCluster) -> Option<&'a str> {
    let members = global
        .global_cluster_members()
        .iter()
        .filter_map(|member| member.db_cluster_arn());
    let mut regions: Vec<&str> = members.filter_map(region_of).collect();
    regions.sort_unstable();
    let first = primary(global).and_then(region_of);
    first
        .into_iter()
        .chain(regions)
        .find(|region| cx.covers(region))
}

fn global_props(global: &GlobalCluster) -> Props {
    let members = global.global_cluster_members().iter().map(|member| {
        Props::new()
            .put("DBClusterArn", member.db_cluster_arn())
            .put("IsWriter", member.is_writer())
    });
    Props::of(GLOBAL)
        .put(
            "GlobalClusterIdentifier",
            global.global_cluster_identifier(),
        )
        .put("SourceDBClusterIdentifier", primary(global))
        .put("Engine", global.engine())
        .put("EngineVersion", global.engine_version())
        .put("StorageEncrypted", global.storage_encrypted())
        .put(
            "StorageEncryptionType",
            global.storage_encryption_type().map(|kind| kind.as_str()),
        )
        .put("DeletionProtection", global.deletion_protection())
        .put("GlobalClusterMembers", members.collect::<Vec<_>>())
        .put("Status", global.status())
        .put("Tags", tags!(global.tag_list()))
}
