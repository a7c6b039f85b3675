//! Amazon EFS: file systems, their policies and replicas.

use super::prelude::*;
use aws_sdk_efs::Client;
use aws_sdk_efs::types::{Destination, FileSystemDescription};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) static READER: Reader = Reader {
    service: "elasticfilesystem",
    scope: Scope::Regional,
    kinds: &["AWS::EFS::FileSystem"],
    calls: &[
        "elasticfilesystem:DescribeFileSystems",
        "elasticfilesystem:DescribeFileSystemPolicy",
        "elasticfilesystem:DescribeReplicationConfigurations",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

/// Where each file system is replicated to, or why that is not known.
type Replicas = Result<HashMap<String, Vec<Destination>>, Failure>;

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let systems = cx
        .list(
            "elasticfilesystem:DescribeFileSystems",
            &["AWS::EFS::FileSystem"],
            items!(client.describe_file_systems()),
        )
        .await;
    if systems.is_empty() {
        return;
    }
    let stream = items!(client.describe_replication_configurations());
    let (found, failure) = cx
        .try_list(
            "elasticfilesystem:DescribeReplicationConfigurations",
            stream,
        )
        .await;
    let replicas: Arc<Replicas> = Arc::new(match failure {
        Some(failure) => Err(failure),
        // The region of a replica tells of it too.
        None => Ok(found
            .into_iter()
            .filter(|one| one.source_file_system_region == cx.endpoint_region())
            .map(|one| (one.source_file_system_id, one.destinations))
            .collect()),
    });
    cx.each(systems, |system| {
        let (cx, client, replicas) = (cx.clone(), client.clone(), replicas.clone());
        async move { one(&cx, &client, &system, &replicas).await }
    })
    .await;
}

async fn one(cx: &Cx, client: &Client, system: &FileSystemDescription, replicas: &Replicas) {
    let id = system.file_system_id();
    let protection = system.file_system_protection().map(|protection| {
        let overwrite = protection.replication_overwrite_protection();
        Props::new().put(
            "ReplicationOverwriteProtection",
            overwrite.map(|is| is.as_str()),
        )
    });
    let policy = cx
        .get_unless(
            "elasticfilesystem:DescribeFileSystemPolicy",
            &["PolicyNotFound"],
            client
                .describe_file_system_policy()
                .file_system_id(id)
                .send(),
        )
        .await
        .map(|found| {
            let text = found.and_then(|found| found.policy);
            text.map(|text| document("elasticfilesystem:DescribeFileSystemPolicy", &text))
        });
    let replication = match replicas {
        Err(failure) => Err(failure.clone()),
        Ok(all) => Ok(match all.get(id) {
            Some(destinations) => Some(replication(cx, client, destinations).await),
            None => None,
        }),
    };
    let props = Props::of("elasticfilesystem:DescribeFileSystems")
        .put("FileSystemId", id)
        .put("Encrypted", system.encrypted())
        .put("KmsKeyId", system.kms_key_id())
        .put("PerformanceMode", system.performance_mode().as_str())
        .put(
            "ThroughputMode",
            system.throughput_mode().map(|mode| mode.as_str()),
        )
        .put("AvailabilityZoneName", system.availability_zone_name())
        .put("FileSystemProtection", protection)
        .put("FileSystemTags", tags!(system.tags()))
        .put("CreationTime", system.creation_time())
        .put("LifeCycleState", system.life_cycle_state().as_str())
        .put("NumberOfMountTargets", system.number_of_mount_targets())
        .from("elasticfilesystem:DescribeFileSystemPolicy")
        .put("FileSystemPolicy", policy)
        .from("elasticfilesystem:DescribeReplicationConfigurations")
        .put("ReplicationConfiguration", replication);
    let own = cx.arn("elasticfilesystem", &format!("file-system/{id}"));
    let arn = system.file_system_arn().unwrap_or(&own);
    cx.emit("AWS::EFS::FileSystem", id, Some(arn), props);
}

/// The answer does not say which key a replica has; the replica does, in its region.
async fn replication(cx: &Cx, client: &Client, destinations: &[Destination]) -> Props {
    let mut found = Vec::new();
    for destination in destinations {
        let (id, region) = (destination.file_system_id(), destination.region());
        // A file system of another account is named by its ARN.
        let there = match region == cx.endpoint_region() {
            true => client.clone(),
            false => Client::new(&cx.config_in(region)),
        };
        let key = cx
            .get(
                "elasticfilesystem:DescribeFileSystems",
                there.describe_file_systems().file_system_id(id).send(),
            )
            .await
            .map(|answer| {
                answer
                    .file_systems()
                    .first()?
                    .kms_key_id()
                    .map(str::to_owned)
            });
        found.push(
            Props::new()
                .put("FileSystemId", id)
                .put("Region", region)
                .put("KmsKeyId", key)
                .put("RoleArn", destination.role_arn())
                .put("Status", destination.status().as_str()),
        );
    }
    Props::new().put("Destinations", found)
}
