//! Amazon Timestream for InfluxDB: instances, clusters, backups.

use super::prelude::*;
use aws_sdk_timestreaminfluxdb::Client;
use aws_sdk_timestreaminfluxdb::types::{
    DbClusterSummary, DbInstanceSummary, LogDeliveryConfiguration,
};

pub(super) static READER: Reader = Reader {
    service: "timestream-influxdb",
    scope: Scope::Regional,
    kinds: &[INSTANCE, CLUSTER, BACKUP],
    calls: &[
        LIST_INSTANCES,
        GET_INSTANCE,
        LIST_CLUSTERS,
        GET_CLUSTER,
        LIST_BACKUPS,
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

const INSTANCE: &str = "AWS::Timestream::InfluxDBInstance";
const CLUSTER: &str = "AWS::Timestream::InfluxDBCluster";
const BACKUP: &str = "AWS::Timestream::InfluxDBBackup";

const LIST_INSTANCES: &str = "timestream-influxdb:ListDbInstances";
const GET_INSTANCE: &str = "timestream-influxdb:GetDbInstance";
const LIST_CLUSTERS: &str = "timestream-influxdb:ListDbClusters";
const GET_CLUSTER: &str = "timestream-influxdb:GetDbCluster";
const LIST_BACKUPS: &str = "timestream-influxdb:ListDbBackups";

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let instances = cx
        .list(
            LIST_INSTANCES,
            &[INSTANCE],
            items!(client.list_db_instances()),
        )
        .await;
    cx.each(&instances, |summary| instance(&cx, &client, summary))
        .await;
    let clusters = cx
        .list(LIST_CLUSTERS, &[CLUSTER], items!(client.list_db_clusters()))
        .await;
    cx.each(&clusters, |summary| cluster(&cx, &client, summary))
        .await;
    let backups = items!(client.list_db_backups());
    for backup in cx.list(LIST_BACKUPS, &[BACKUP], backups).await {
        let props = Props::of(LIST_BACKUPS)
            .put("Name", backup.name())
            .put("DbInstanceIdentifier", backup.db_resource_id())
            .put("KmsKeyId", backup.kms_key_id())
            .put("Type", backup.r#type().map(|kind| kind.as_str()))
            .put("CreatedAt", backup.created_at())
            .put("Status", backup.status().map(|status| status.as_str()));
        cx.emit(BACKUP, backup.id(), Some(backup.arn()), props);
    }
}

/// The lists do not tell the key, nor who can reach it.
async fn instance(cx: &Cx, client: &Client, summary: &DbInstanceSummary) {
    let props = Props::of(LIST_INSTANCES)
        .put("Name", summary.name())
        .put(
            "DbInstanceType",
            summary.db_instance_type().map(|kind| kind.as_str()),
        )
        .put(
            "DeploymentType",
            summary.deployment_type().map(|kind| kind.as_str()),
        )
        .put("AllocatedStorage", summary.allocated_storage())
        .put("Endpoint", summary.endpoint())
        .put("Port", summary.port())
        .put("Status", summary.status().map(|status| status.as_str()))
        .from(GET_INSTANCE);
    let request = client.get_db_instance().identifier(summary.id());
    let props = match cx.get(GET_INSTANCE, request.send()).await {
        Err(failure) => unread(props, &failure),
        Ok(one) => props
            .put("KmsKeyId", one.kms_key_id())
            .put("PubliclyAccessible", one.publicly_accessible())
            .put("VpcSubnetIds", one.vpc_subnet_ids())
            .put("VpcSecurityGroupIds", one.vpc_security_group_ids())
            .put("DbClusterId", one.db_cluster_id())
            .put(
                "InfluxAuthParametersSecretArn",
                one.influx_auth_parameters_secret_arn(),
            )
            .put(
                "LogDeliveryConfiguration",
                one.log_delivery_configuration().map(logs),
            ),
    };
    cx.emit(INSTANCE, summary.id(), Some(summary.arn()), props);
}

async fn cluster(cx: &Cx, client: &Client, summary: &DbClusterSummary) {
    let props = Props::of(LIST_CLUSTERS)
        .put("Name", summary.name())
        .put(
            "DbInstanceType",
            summary.db_instance_type().map(|kind| kind.as_str()),
        )
        .put(
            "DeploymentType",
            summary.deployment_type().map(|kind| kind.as_str()),
        )
        .put("AllocatedStorage", summary.allocated_storage())
        .put("Endpoint", summary.endpoint())
        .put("Port", summary.port())
        .put("Status", summary.status().map(|status| status.as_str()))
        .from(GET_CLUSTER);
    let request = client.get_db_cluster().db_cluster_id(summary.id());
    let props = match cx.get(GET_CLUSTER, request.send()).await {
        Err(failure) => unread(props, &failure),
        Ok(one) => props
            .put("KmsKeyId", one.kms_key_id())
            .put("PubliclyAccessible", one.publicly_accessible())
            .put("VpcSubnetIds", one.vpc_subnet_ids())
            .put("VpcSecurityGroupIds", one.vpc_security_group_ids())
            .put(
                "InfluxAuthParametersSecretArn",
                one.influx_auth_parameters_secret_arn(),
            )
            .put(
                "LogDeliveryConfiguration",
                one.log_delivery_configuration().map(logs),
            ),
    };
    cx.emit(CLUSTER, summary.id(), Some(summary.arn()), props);
}

fn unread(props: Props, failure: &Failure) -> Props {
    let names = ["KmsKeyId", "PubliclyAccessible", "LogDeliveryConfiguration"];
    names
        .iter()
        .fold(props, |props, name| props.put(name, failure.clone()))
}

fn logs(config: &LogDeliveryConfiguration) -> Props {
    let bucket = config.s3_configuration().map(|bucket| {
        Props::new()
            .put("BucketName", bucket.bucket_name())
            .put("Enabled", bucket.enabled())
    });
    Props::new().put("S3Configuration", bucket)
}
