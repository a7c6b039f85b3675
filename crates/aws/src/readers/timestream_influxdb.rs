//! Amazon Timestream for InfluxDB: instances, clusters, backups.

use super::prelude::*;
use aws_sdk_timestreaminfluxdb::Client;

pub(super) static READER: Reader = Reader {
    service: "timestream-influxdb",
    scope: Scope::Regional,
    kinds: &[INSTANCE, CLUSTER, BACKUP],
    calls: &[
        "timestream-influxdb:ListDbInstances",
        "timestream-influxdb:ListDbClusters",
        "timestream-influxdb:ListDbBackups",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

const INSTANCE: &str = "AWS::Timestream::InfluxDBInstance";
const CLUSTER: &str = "AWS::Timestream::InfluxDBCluster";
const BACKUP: &str = "AWS::Timestream::InfluxDBBackup";

/// The lists tell all that anybody asks: AWS encrypts every instance itself.
async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    const INSTANCES: &str = "timestream-influxdb:ListDbInstances";
    for instance in cx.list(INSTANCES, &[INSTANCE], items!(client.list_db_instances())).await {
        let props = Props::of(INSTANCES)
            .put("Name", instance.name())
            .put("DbInstanceType", instance.db_instance_type().map(|kind| kind.as_str()))
            .put("DbStorageType", instance.db_storage_type().map(|kind| kind.as_str()))
            .put("AllocatedStorage", instance.allocated_storage())
            .put("DeploymentType", instance.deployment_type().map(|kind| kind.as_str()))
            .put("NetworkType", instance.network_type().map(|kind| kind.as_str()))
            .put("Endpoint", instance.endpoint())
            .put("Port", instance.port())
            .put("Status", instance.status().map(|status| status.as_str()));
        cx.emit(INSTANCE, instance.id(), Some(instance.arn()), props);
    }
    const CLUSTERS: &str = "timestream-influxdb:ListDbClusters";
    for cluster in cx.list(CLUSTERS, &[CLUSTER], items!(client.list_db_clusters())).await {
        let props = Props::of(CLUSTERS)
            .put("Name", cluster.name())
            .put("DbInstanceType", cluster.db_instance_type().map(|kind| kind.as_str()))
            .put("DbStorageType", cluster.db_storage_type().map(|kind| kind.as_str()))
            .put("AllocatedStorage", cluster.allocated_storage())
            .put("DeploymentType", cluster.deployment_type().map(|kind| kind.as_str()))
            .put("NetworkType", cluster.network_type().map(|kind| kind.as_str()))
            .put("Endpoint", cluster.endpoint())
            .put("Port", cluster.port())
            .put("Status", cluster.status().map(|status| status.as_str()));
        cx.emit(CLUSTER, cluster.id(), Some(cluster.arn()), props);
    }
    const BACKUPS: &str = "timestream-influxdb:ListDbBackups";
    for backup in cx.list(BACKUPS, &[BACKUP], items!(client.list_db_backups())).await {
        let props = Props::of(BACKUPS)
            .put("Name", backup.name())
            .put("DbInstanceIdentifier", backup.db_resource_id())
            .put("KmsKeyId", backup.kms_key_id())
            .put("Type", backup.r#type().map(|kind| kind.as_str()))
            .put("CreatedAt", backup.created_at())
            .put("Status", backup.status().map(|status| status.as_str()));
        cx.emit(BACKUP, backup.id(), Some(backup.arn()), props);
    }
}
