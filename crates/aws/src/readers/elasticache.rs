//! Amazon ElastiCache: replication groups, clusters outside them, serverless caches, global datastores, snapshots.

use super::prelude::*;
use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheCluster, ReplicationGroup};
use std::collections::HashMap;

pub(super) static READER: Reader = Reader {
    service: "elasticache",
    scope: Scope::Regional,
    kinds: &[
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::ElastiCache::CacheCluster",
        "AWS::ElastiCache::ServerlessCache",
        "AWS::ElastiCache::GlobalReplicationGroup",
        "AWS::ElastiCache::Snapshot",
        "AWS::ElastiCache::ServerlessCacheSnapshot",
    ],
    calls: &[
        "elasticache:DescribeReplicationGroups",
        "elasticache:DescribeCacheClusters",
        "elasticache:DescribeServerlessCaches",
        "elasticache:DescribeGlobalReplicationGroups",
        "elasticache:DescribeSnapshots",
        "elasticache:DescribeServerlessCacheSnapshots",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(
        nodes(&cx, &client),
        serverless(&cx, &client),
        global(&cx, &client),
        snapshots(&cx, &client),
        serverless_snapshots(&cx, &client),
    );
}

/// Groups and clusters: what a group's answer leaves out, one of its clusters says.
async fn nodes(cx: &Cx, client: &Client) {
    let groups = cx
        .list(
            "elasticache:DescribeReplicationGroups",
            &["AWS::ElastiCache::ReplicationGroup"],
            items!(client.describe_replication_groups()),
        )
        .await;
    let clusters = cx
        .list(
            "elasticache:DescribeCacheClusters",
            &["AWS::ElastiCache::CacheCluster"],
            items!(client.describe_cache_clusters()),
        )
        .await;
    let mut members: HashMap<&str, &CacheCluster> = HashMap::new();
    for cluster in &clusters {
        let Some(id) = cluster.cache_cluster_id() else {
            continue;
        };
        match cluster.replication_group_id() {
            Some(group) => {
                members.insert(group, cluster);
            }
            None => cx.emit(
                "AWS::ElastiCache::CacheCluster",
                id,
                cluster.arn(),
                of_cluster(cluster),
            ),
        }
    }
    for group in &groups {
        let Some(id) = group.replication_group_id() else {
            continue;
        };
        let props = of_group(group, members.get(id).copied());
        cx.emit("AWS::ElastiCache::ReplicationGroup", id, group.arn(), props);
    }
}

fn of_group(group: &ReplicationGroup, member: Option<&CacheCluster>) -> Props {
    let global = group.global_replication_group_info();
    let engine = group
        .engine()
        .or_else(|| member.and_then(CacheCluster::engine));
    let mut props = Props::of("elasticache:DescribeReplicationGroups")
        .put("ReplicationGroupId", group.replication_group_id())
        .put("ReplicationGroupDescription", group.description())
        .put(
            "AtRestEncryptionEnabled",
            group.at_rest_encryption_enabled(),
        )
        .put("KmsKeyId", group.kms_key_id())
        .put(
            "StorageEncryptionType",
            group.storage_encryption_type().map(|kind| kind.as_str()),
        )
        .put(
            "TransitEncryptionEnabled",
            group.transit_encryption_enabled(),
        )
        .put(
            "TransitEncryptionMode",
            group.transit_encryption_mode().map(|mode| mode.as_str()),
        )
        .put("AuthTokenEnabled", group.auth_token_enabled())
        .put(
            "AuthTokenLastModifiedDate",
            group.auth_token_last_modified_date(),
        )
        .put("UserGroupIds", group.user_group_ids())
        .put("Engine", engine)
        .put("CacheNodeType", group.cache_node_type())
        .put(
            "ClusterMode",
            group.cluster_mode().map(|mode| mode.as_str()),
        )
        .put("SnapshotRetentionLimit", group.snapshot_retention_limit())
        .put(
            "GlobalReplicationGroupId",
            global.and_then(|info| info.global_replication_group_id()),
        )
        .put("Status", group.status())
        .put(
            "ReplicationGroupCreateTime",
            group.replication_group_create_time(),
        );
    if let Some(member) = member {
        props = props
            .from("elasticache:DescribeCacheClusters")
            .put("EngineVersion", member.engine_version())
            .put("CacheSubnetGroupName", member.cache_subnet_group_name())
            .put("CacheParameterGroupName", parameters(member))
            .put("SecurityGroupIds", security_groups(member));
    }
    props
}

fn of_cluster(cluster: &CacheCluster) -> Props {
    Props::of("elasticache:DescribeCacheClusters")
        .put("ClusterName", cluster.cache_cluster_id())
        .put("Engine", cluster.engine())
        .put("EngineVersion", cluster.engine_version())
        .put(
            "TransitEncryptionEnabled",
            cluster.transit_encryption_enabled(),
        )
        .put(
            "TransitEncryptionMode",
            cluster.transit_encryption_mode().map(|mode| mode.as_str()),
        )
        .put(
            "AtRestEncryptionEnabled",
            cluster.at_rest_encryption_enabled(),
        )
        .put("AuthTokenEnabled", cluster.auth_token_enabled())
        .put("CacheNodeType", cluster.cache_node_type())
        .put("NumCacheNodes", cluster.num_cache_nodes())
        .put("CacheSubnetGroupName", cluster.cache_subnet_group_name())
        .put("CacheParameterGroupName", parameters(cluster))
        .put("VpcSecurityGroupIds", security_groups(cluster))
        .put("SnapshotRetentionLimit", cluster.snapshot_retention_limit())
        .put("CacheClusterStatus", cluster.cache_cluster_status())
        .put(
            "CacheClusterCreateTime",
            cluster.cache_cluster_create_time(),
        )
}

fn parameters(cluster: &CacheCluster) -> Option<&str> {
    cluster
        .cache_parameter_group()?
        .cache_parameter_group_name()
}

fn security_groups(cluster: &CacheCluster) -> Vec<String> {
    let groups = cluster.security_groups().iter();
    groups
        .filter_map(|group| group.security_group_id().map(str::to_owned))
        .collect()
}

async fn serverless(cx: &Cx, client: &Client) {
    let caches = cx
        .list(
            "elasticache:DescribeServerlessCaches",
            &["AWS::ElastiCache::ServerlessCache"],
            items!(client.describe_serverless_caches()),
        )
        .await;
    for cache in &caches {
        let Some(name) = cache.serverless_cache_name() else {
            continue;
        };
        let props = Props::of("elasticache:DescribeServerlessCaches")
            .put("ServerlessCacheName", name)
            .put("Description", cache.description())
            .put("Engine", cache.engine())
            .put("MajorEngineVersion", cache.major_engine_version())
            .put("FullEngineVersion", cache.full_engine_version())
            .put("KmsKeyId", cache.kms_key_id())
            .put(
                "StorageEncryptionType",
                cache.storage_encryption_type().map(|kind| kind.as_str()),
            )
            .put("SecurityGroupIds", cache.security_group_ids())
            .put("SubnetIds", cache.subnet_ids())
            .put("UserGroupId", cache.user_group_id())
            .put("SnapshotRetentionLimit", cache.snapshot_retention_limit())
            .put("Status", cache.status())
            .put("CreateTime", cache.create_time());
        cx.emit(
            "AWS::ElastiCache::ServerlessCache",
            name,
            cache.arn(),
            props,
        );
    }
}

async fn global(cx: &Cx, client: &Client) {
    let request = client
        .describe_global_replication_groups()
        .show_member_info(true);
    let groups = cx
        .list(
            "elasticache:DescribeGlobalReplicationGroups",
            &["AWS::ElastiCache::GlobalReplicationGroup"],
            items!(request),
        )
        .await;
    for group in &groups {
        let Some(id) = group.global_replication_group_id() else {
            continue;
        };
        let region = |role: &str| {
            let mut members = group.members().iter();
            let found = members.find(|member| {
                member
                    .role()
                    .is_some_and(|is| is.eq_ignore_ascii_case(role))
            });
            found.and_then(|member| member.replication_group_region())
        };
        // Each region of it tells of it: it is told of where its primary group stands.
        let told_here = match region("PRIMARY") {
            Some(home) if cx.covers(home) => home == cx.endpoint_region(),
            _ => true,
        };
        if !told_here {
            continue;
        }
        let members = group.members().iter().map(|member| {
            Props::new()
                .put("ReplicationGroupId", member.replication_group_id())
                .put("ReplicationGroupRegion", member.replication_group_region())
                .put("Role", member.role())
        });
        let props = Props::of("elasticache:DescribeGlobalReplicationGroups")
            .put(
                "GlobalReplicationGroupDescription",
                group.global_replication_group_description(),
            )
            .put("Engine", group.engine())
            .put("EngineVersion", group.engine_version())
            .put(
                "AtRestEncryptionEnabled",
                group.at_rest_encryption_enabled(),
            )
            .put(
                "TransitEncryptionEnabled",
                group.transit_encryption_enabled(),
            )
            .put("AuthTokenEnabled", group.auth_token_enabled())
            .put("Members", members.collect::<Vec<_>>())
            .put("Status", group.status());
        cx.emit(
            "AWS::ElastiCache::GlobalReplicationGroup",
            id,
            group.arn(),
            props,
        );
    }
}

async fn snapshots(cx: &Cx, client: &Client) {
    let snapshots = cx
        .list(
            "elasticache:DescribeSnapshots",
            &["AWS::ElastiCache::Snapshot"],
            items!(client.describe_snapshots()),
        )
        .await;
    for snapshot in &snapshots {
        let Some(name) = snapshot.snapshot_name() else {
            continue;
        };
        let group = snapshot.replication_group_id();
        // The cluster that a group's snapshot was taken from is nothing of its own.
        let cluster = snapshot.cache_cluster_id().filter(|_| group.is_none());
        let props = Props::of("elasticache:DescribeSnapshots")
            .put("SnapshotName", name)
            .put("KmsKeyId", snapshot.kms_key_id())
            .put("ReplicationGroupId", group)
            .put("CacheClusterId", cluster)
            .put("Engine", snapshot.engine())
            .put("EngineVersion", snapshot.engine_version())
            .put("SnapshotSource", snapshot.snapshot_source())
            .put("SnapshotStatus", snapshot.snapshot_status());
        cx.emit("AWS::ElastiCache::Snapshot", name, snapshot.arn(), props);
    }
}

async fn serverless_snapshots(cx: &Cx, client: &Client) {
    let snapshots = cx
        .list(
            "elasticache:DescribeServerlessCacheSnapshots",
            &["AWS::ElastiCache::ServerlessCacheSnapshot"],
            items!(client.describe_serverless_cache_snapshots()),
        )
        .await;
    for snapshot in &snapshots {
        let Some(name) = snapshot.serverless_cache_snapshot_name() else {
            continue;
        };
        let of = snapshot.serverless_cache_configuration();
        let props = Props::of("elasticache:DescribeServerlessCacheSnapshots")
            .put("ServerlessCacheSnapshotName", name)
            .put("KmsKeyId", snapshot.kms_key_id())
            .put(
                "ServerlessCacheName",
                of.and_then(|of| of.serverless_cache_name()),
            )
            .put("Engine", of.and_then(|of| of.engine()))
            .put("SnapshotType", snapshot.snapshot_type())
            .put("Status", snapshot.status())
            .put("CreateTime", snapshot.create_time())
            .put("ExpiryTime", snapshot.expiry_time());
        cx.emit(
            "AWS::ElastiCache::ServerlessCacheSnapshot",
            name,
            snapshot.arn(),
            props,
        );
    }
}
