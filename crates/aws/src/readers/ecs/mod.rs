//! Amazon ECS: clusters, services and their task sets, task definitions that run or would be run next.

use super::prelude::*;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem, Cluster, ClusterField, ExecuteCommandConfiguration,
    NetworkConfiguration,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

mod service;
mod task_definition;

pub(super) static READER: Reader = Reader {
    service: "ecs",
    scope: Scope::Regional,
    kinds: &[CLUSTER, SERVICE, TASK_SET, TASK_DEFINITION],
    calls: &[
        "ecs:ListClusters",
        "ecs:DescribeClusters",
        "ecs:ListServices",
        "ecs:ListTasks",
        "ecs:ListTaskDefinitionFamilies",
    ],
    secret_calls: &[
        // Environment variables, commands.
        "ecs:DescribeTaskDefinition",
        // Overrides of both.
        "ecs:DescribeTasks",
        // Options of log drivers.
        "ecs:DescribeServices",
    ],
    read: |cx| read(cx).boxed(),
};

const CLUSTER: &str = "AWS::ECS::Cluster";
const SERVICE: &str = "AWS::ECS::Service";
const TASK_SET: &str = "AWS::ECS::TaskSet";
const TASK_DEFINITION: &str = "AWS::ECS::TaskDefinition";

/// ARNs of task definitions that something runs.
#[derive(Clone, Default)]
struct InUse(Arc<Mutex<BTreeSet<String>>>);

impl InUse {
    fn add(&self, arn: Option<&str>) {
        if let Some(arn) = arn {
            let mut arns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            arns.insert(arn.to_owned());
        }
    }

    fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let arns = cx
        .list(
            "ecs:ListClusters",
            READER.kinds,
            items!(client.list_clusters()),
        )
        .await;
    for chunk in arns.chunks(100) {
        clusters(&cx, &client, chunk).await;
    }
    let in_use = InUse::default();
    cx.each(arns, |cluster| {
        let (cx, client, in_use) = (cx.clone(), client.clone(), in_use.clone());
        async move {
            service::services(&cx, &client, &cluster, &in_use).await;
            tasks(&cx, &client, &cluster, &in_use).await;
        }
    })
    .await;
    task_definition::all(&cx, &client, in_use.take()).await;
}

/// The last part of an ARN: `arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/NAME`.
fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

async fn clusters(cx: &Cx, client: &Client, arns: &[String]) {
    let request = client
        .describe_clusters()
        .set_clusters(Some(arns.to_vec()))
        .include(ClusterField::Configurations);
    let answer = match cx.get("ecs:DescribeClusters", request.send()).await {
        Ok(answer) => answer,
        Err(failure) => {
            for arn in arns {
                cx.emit(
                    CLUSTER,
                    short(arn),
                    Some(arn),
                    cluster_unknown(arn, &failure),
                );
            }
            return;
        }
    };
    for cluster in answer.clusters() {
        // A cluster that was deleted is listed for a while.
        if let (Some(name), Some(arn)) = (cluster.cluster_name(), cluster.cluster_arn())
            && cluster.status() != Some("INACTIVE")
        {
            cx.emit(CLUSTER, name, Some(arn), of_cluster(name, cluster));
        }
    }
    for (arn, failure) in failures("ecs:DescribeClusters", answer.failures()) {
        cx.emit(
            CLUSTER,
            short(arn),
            Some(arn),
            cluster_unknown(arn, &failure),
        );
    }
}

fn cluster_unknown(arn: &str, failure: &Failure) -> Props {
    Props::of("ecs:ListClusters")
        .put("ClusterName", short(arn))
        .from("ecs:DescribeClusters")
        .put("Configuration", failure.clone())
        .put("DefaultCapacityProviderStrategy", failure.clone())
        .put("ServiceConnectDefaults", failure.clone())
}

/// What an answer leaves out, and why; what is gone meanwhile is no failure.
fn failures<'a>(
    call: &'static str,
    failures: &'a [aws_sdk_ecs::types::Failure],
) -> impl Iterator<Item = (&'a str, Failure)> {
    failures
        .iter()
        .filter(|failure| failure.reason() != Some("MISSING"))
        .filter_map(move |failure| {
            let error = failure
                .reason()
                .unwrap_or("an error without a code")
                .to_owned();
            Some((
                failure.arn()?,
                Failure {
                    call: call.to_owned(),
                    error,
                },
            ))
        })
}

fn of_cluster(name: &str, cluster: &Cluster) -> Props {
    let configuration = cluster.configuration().map(|configuration| {
        let storage = configuration
            .managed_storage_configuration()
            .map(|storage| {
                Props::new().put("KmsKeyId", storage.kms_key_id()).put(
                    "FargateEphemeralStorageKmsKeyId",
                    storage.fargate_ephemeral_storage_kms_key_id(),
                )
            });
        Props::new()
            .put("ManagedStorageConfiguration", storage)
            .put(
                "ExecuteCommandConfiguration",
                configuration
                    .execute_command_configuration()
                    .map(execute_command),
            )
    });
    let namespace = cluster
        .service_connect_defaults()
        .map(|defaults| Props::new().put("Namespace", defaults.namespace()));
    Props::of("ecs:DescribeClusters")
        .put("ClusterName", name)
        .put("Configuration", configuration)
        .put("CapacityProviders", cluster.capacity_providers())
        .put(
            "DefaultCapacityProviderStrategy",
            strategy(cluster.default_capacity_provider_strategy()),
        )
        .put("ServiceConnectDefaults", namespace)
        .put("Status", cluster.status())
        .put("RunningTasksCount", cluster.running_tasks_count())
        .put("ActiveServicesCount", cluster.active_services_count())
}

fn execute_command(of: &ExecuteCommandConfiguration) -> Props {
    let log = of.log_configuration().map(|log| {
        Props::new()
            .put("CloudWatchLogGroupName", log.cloud_watch_log_group_name())
            .put(
                "CloudWatchEncryptionEnabled",
                log.cloud_watch_encryption_enabled(),
            )
            .put("S3BucketName", log.s3_bucket_name())
            .put("S3EncryptionEnabled", log.s3_encryption_enabled())
            .put("S3KeyPrefix", log.s3_key_prefix())
    });
    Props::new()
        .put("KmsKeyId", of.kms_key_id())
        .put("Logging", of.logging().map(|logging| logging.as_str()))
        .put("LogConfiguration", log)
}

fn strategy(items: &[CapacityProviderStrategyItem]) -> Vec<Props> {
    items
        .iter()
        .map(|item| {
            Props::new()
                .put("CapacityProvider", item.capacity_provider())
                .put("Weight", item.weight())
                .put("Base", item.base())
        })
        .collect()
}

fn network(network: Option<&NetworkConfiguration>) -> Option<Props> {
    let vpc = network?.awsvpc_configuration()?;
    let vpc = Props::new()
        .put("Subnets", vpc.subnets())
        .put("SecurityGroups", vpc.security_groups())
        .put(
            "AssignPublicIp",
            vpc.assign_public_ip().map(|it| it.as_str()),
        );
    Some(Props::new().put("AwsvpcConfiguration", vpc))
}

/// Options that may hold secrets, sorted.
fn covered(cx: &Cx, options: Option<&HashMap<String, String>>) -> Props {
    let sorted: BTreeMap<_, _> = options.into_iter().flatten().collect();
    let mut props = Props::new();
    for (name, value) in sorted {
        props.set(name, cx.cover(name, value));
    }
    props
}

/// Adds the task definitions of running tasks: those of services stand in the services, those of others nowhere else.
async fn tasks(cx: &Cx, client: &Client, cluster: &str, in_use: &InUse) {
    let arns = cx
        .list(
            "ecs:ListTasks",
            &[TASK_DEFINITION],
            items!(client.list_tasks().cluster(cluster)),
        )
        .await;
    for chunk in arns.chunks(100) {
        let request = client
            .describe_tasks()
            .cluster(cluster)
            .set_tasks(Some(chunk.to_vec()));
        match cx.get("ecs:DescribeTasks", request.send()).await {
            Ok(answer) => {
                for task in answer.tasks() {
                    in_use.add(task.task_definition_arn());
                }
                if let Some((_, failure)) = failures("ecs:DescribeTasks", answer.failures()).next()
                {
                    cx.gap(&[TASK_DEFINITION], &failure);
                }
            }
            Err(failure) => cx.gap(&[TASK_DEFINITION], &failure),
        }
    }
}
