//! Amazon MemoryDB: clusters, snapshots.

use super::prelude::*;
use aws_sdk_memorydb::Client;

pub(super) static READER: Reader = Reader {
    service: "memorydb",
    scope: Scope::Regional,
    kinds: &["AWS::MemoryDB::Cluster", "AWS::MemoryDB::Snapshot"],
    calls: &["memorydb:DescribeClusters", "memorydb:DescribeSnapshots"],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(clusters(&cx, &client), snapshots(&cx, &client));
}

async fn clusters(cx: &Cx, client: &Client) {
    let clusters = cx
        .list(
            "memorydb:DescribeClusters",
            &["AWS::MemoryDB::Cluster"],
            items!(client.describe_clusters()),
        )
        .await;
    for cluster in &clusters {
        let Some(name) = cluster.name() else { continue };
        let groups = cluster.security_groups().iter();
        let groups = groups.filter_map(|group| group.security_group_id().map(str::to_owned));
        let props = Props::of("memorydb:DescribeClusters")
            .put("ClusterName", name)
            .put("Description", cluster.description())
            .put("TLSEnabled", cluster.tls_enabled())
            .put("KmsKeyId", cluster.kms_key_id())
            .put("ACLName", cluster.acl_name())
            .put("Engine", cluster.engine())
            .put("EngineVersion", cluster.engine_version())
            .put("NodeType", cluster.node_type())
            .put("ParameterGroupName", cluster.parameter_group_name())
            .put("SubnetGroupName", cluster.subnet_group_name())
            .put("SecurityGroupIds", groups.collect::<Vec<_>>())
            .put("SnapshotRetentionLimit", cluster.snapshot_retention_limit())
            .put(
                "MultiRegionClusterName",
                cluster.multi_region_cluster_name(),
            )
            .put("Status", cluster.status());
        cx.emit("AWS::MemoryDB::Cluster", name, cluster.arn(), props);
    }
}

async fn snapshots(cx: &Cx, client: &Client) {
    let snapshots = cx
        .list(
            "memorydb:DescribeSnapshots",
            &["AWS::MemoryDB::Snapshot"],
            items!(client.describe_snapshots()),
        )
        .await;
    for snapshot in &snapshots {
        let Some(name) = snapshot.name() else {
            continue;
        };
        let of = snapshot.cluster_configuration();
        let props = Props::of("memorydb:DescribeSnapshots")
            .put("SnapshotName", name)
            .put("KmsKeyId", snapshot.kms_key_id())
            .put("ClusterName", of.and_then(|of| of.name()))
            .put("Engine", of.and_then(|of| of.engine()))
            .put("Source", snapshot.source())
            .put("Status", snapshot.status());
        cx.emit("AWS::MemoryDB::Snapshot", name, snapshot.arn(), props);
    }
}
