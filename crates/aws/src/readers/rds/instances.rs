//! Instances of every engine.

use super::parameters::Groups;
use super::{group_ids, kind, master_password, region_of, source_region};
use crate::readers::prelude::*;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbInstance;

const ACTION: &str = "rds:DescribeDBInstances";

pub(super) async fn read(cx: &Cx, client: &Client, groups: &Groups) {
    let kinds = [
        "AWS::RDS::DBInstance",
        "AWS::DocDB::DBInstance",
        "AWS::Neptune::DBInstance",
    ];
    let instances = cx
        .list(ACTION, &kinds, items!(client.describe_db_instances()))
        .await;
    for instance in &instances {
        // A member of a cluster has a group too, but what forces TLS is in its cluster's.
        if instance.db_cluster_identifier().is_some() {
            continue;
        }
        for group in instance.db_parameter_groups() {
            groups.used(false, group.db_parameter_group_name(), instance.engine());
        }
    }
    cx.each(&instances, |instance| one(cx, instance)).await;
}

async fn one(cx: &Cx, instance: &DbInstance) {
    let Some(name) = instance.db_instance_identifier() else {
        return;
    };
    let props = props(cx, instance);
    let props = replicated_backups(cx, instance, props).await;
    cx.emit(
        &kind(instance.engine(), "DBInstance"),
        name,
        instance.db_instance_arn(),
        props,
    );
}

fn props(cx: &Cx, instance: &DbInstance) -> Props {
    let group = instance.db_parameter_groups().first();
    let options = instance.option_group_memberships().first();
    let subnets = instance.db_subnet_group();
    let endpoint = instance.endpoint().map(|endpoint| {
        Props::new()
            .put("Address", endpoint.address())
            .put("Port", endpoint.port().map(|port| port.to_string()))
            .put("HostedZoneId", endpoint.hosted_zone_id())
    });
    let certificate = instance.certificate_details().map(|details| {
        Props::new()
            .put("CAIdentifier", details.ca_identifier())
            .put("ValidTill", details.valid_till())
    });
    let source = instance.read_replica_source_db_instance_identifier();
    let source_cluster = instance.read_replica_source_db_cluster_identifier();
    let props = Props::of(ACTION)
        .put("DBInstanceIdentifier", instance.db_instance_identifier())
        .put("DBInstanceClass", instance.db_instance_class())
        .put("DBName", instance.db_name())
        .put("Engine", instance.engine())
        .put("EngineVersion", instance.engine_version())
        .put("LicenseModel", instance.license_model())
        .put("MasterUsername", instance.master_username())
        .put("StorageEncrypted", instance.storage_encrypted())
        .put(
            "StorageEncryptionType",
            instance.storage_encryption_type().map(|kind| kind.as_str()),
        )
        .put("KmsKeyId", instance.kms_key_id())
        .put("StorageType", instance.storage_type())
        .put(
            "AllocatedStorage",
            instance.allocated_storage().map(|size| size.to_string()),
        )
        .put("TdeCredentialArn", instance.tde_credential_arn())
        .put("PubliclyAccessible", instance.publicly_accessible())
        .put("DBClusterIdentifier", instance.db_cluster_identifier())
        .put(
            "DBParameterGroupName",
            group.and_then(|group| group.db_parameter_group_name()),
        )
        .put(
            "ParameterApplyStatus",
            group.and_then(|group| group.parameter_apply_status()),
        )
        .put(
            "OptionGroupName",
            options.and_then(|group| group.option_group_name()),
        )
        .put(
            "DBSubnetGroupName",
            subnets.and_then(|group| group.db_subnet_group_name()),
        )
        .put("VpcId", subnets.and_then(|group| group.vpc_id()))
        .put(
            "VPCSecurityGroups",
            group_ids(instance.vpc_security_groups()),
        )
        .put("Endpoint", endpoint)
        .put("MultiAZ", instance.multi_az())
        .put("AvailabilityZone", instance.availability_zone())
        .put("BackupRetentionPeriod", instance.backup_retention_period())
        .put("CopyTagsToSnapshot", instance.copy_tags_to_snapshot())
        .put("DeletionProtection", instance.deletion_protection())
        .put(
            "AutoMinorVersionUpgrade",
            instance.auto_minor_version_upgrade(),
        )
        .put(
            "EnableCloudwatchLogsExports",
            instance.enabled_cloudwatch_logs_exports(),
        )
        .put(
            "EnableIAMDatabaseAuthentication",
            instance.iam_database_authentication_enabled(),
        )
        // The API leaves it out where the engine has no Performance Insights.
        .put(
            "EnablePerformanceInsights",
            instance.performance_insights_enabled(),
        )
        .put(
            "PerformanceInsightsKMSKeyId",
            instance.performance_insights_kms_key_id(),
        )
        .put(
            "PerformanceInsightsRetentionPeriod",
            instance.performance_insights_retention_period(),
        )
        .put("MonitoringInterval", instance.monitoring_interval())
        .put("MonitoringRoleArn", instance.monitoring_role_arn())
        .put(
            "CACertificateIdentifier",
            instance.ca_certificate_identifier(),
        )
        .put("CertificateDetails", certificate)
        .put("SourceDBInstanceIdentifier", source)
        .put("SourceDBClusterIdentifier", source_cluster)
        .put("SourceRegion", source_region(cx, source.or(source_cluster)))
        .put(
            "ReadReplicaDBInstanceIdentifiers",
            instance.read_replica_db_instance_identifiers(),
        )
        .put(
            "ActivityStreamStatus",
            instance
                .activity_stream_status()
                .map(|status| status.as_str()),
        )
        .put(
            "ActivityStreamKmsKeyId",
            instance.activity_stream_kms_key_id(),
        )
        .put("DBInstanceStatus", instance.db_instance_status())
        .put("InstanceCreateTime", instance.instance_create_time())
        .put("DbiResourceId", instance.dbi_resource_id())
        .put("Tags", tags!(instance.tag_list()));
    master_password(props, instance.master_user_secret())
}

/// Automated backups that are replicated elsewhere. The instance names them only; their key is told where they lie.
async fn replicated_backups(cx: &Cx, instance: &DbInstance, props: Props) -> Props {
    let backups = instance.db_instance_automated_backups_replications();
    let arn = backups
        .iter()
        .find_map(|backup| backup.db_instance_automated_backups_arn());
    let Some((arn, region)) = arn.and_then(|arn| Some((arn, region_of(arn)?))) else {
        return props;
    };
    let there = Client::new(&cx.config_in(region));
    let key = cx
        .get(
            "rds:DescribeDBInstanceAutomatedBackups",
            there
                .describe_db_instance_automated_backups()
                .db_instance_automated_backups_arn(arn)
                .send(),
        )
        .await
        .map(|answer| {
            let backup = answer.db_instance_automated_backups().first();
            backup
                .and_then(|backup| backup.kms_key_id())
                .map(str::to_owned)
        });
    props
        .put("AutomaticBackupReplicationRegion", region)
        .from("rds:DescribeDBInstanceAutomatedBackups")
        .put("AutomaticBackupReplicationKmsKeyId", key)
}
