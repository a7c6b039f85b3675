//! Services of Amazon ECS, and the task sets of those that deploy by them.

use super::*;
use aws_sdk_ecs::types::{
    LogConfiguration, Service, ServiceConnectConfiguration, ServiceVolumeConfiguration, TaskSet,
};

/// The services of a cluster.
pub(super) async fn services(cx: &Cx, client: &Client, cluster: &str, in_use: &InUse) {
    let arns = cx
        .list(
            "ecs:ListServices",
            &[SERVICE, TASK_SET],
            items!(client.list_services().cluster(cluster).max_results(100)),
        )
        .await;
    for chunk in arns.chunks(10) {
        let request = client
            .describe_services()
            .cluster(cluster)
            .set_services(Some(chunk.to_vec()));
        let answer = match cx.get("ecs:DescribeServices", request.send()).await {
            Ok(answer) => answer,
            Err(failure) => {
                for arn in chunk {
                    cx.emit(
                        SERVICE,
                        short(arn),
                        Some(arn),
                        unknown(arn, cluster, &failure),
                    );
                }
                // Nor is it known what they run.
                cx.gap(&[TASK_SET, TASK_DEFINITION], &failure);
                continue;
            }
        };
        for service in answer.services() {
            of_service(cx, service, cluster, in_use);
        }
        for (arn, failure) in failures("ecs:DescribeServices", answer.failures()) {
            cx.emit(
                SERVICE,
                short(arn),
                Some(arn),
                unknown(arn, cluster, &failure),
            );
            cx.gap(&[TASK_SET, TASK_DEFINITION], &failure);
        }
    }
}

fn unknown(arn: &str, cluster: &str, failure: &Failure) -> Props {
    let mut props = Props::of("ecs:ListServices")
        .put("ServiceName", short(arn))
        .put("Cluster", cluster)
        .from("ecs:DescribeServices");
    for property in [
        "LaunchType",
        "PlatformVersion",
        "TaskDefinition",
        "ServiceConnectConfiguration",
        "VolumeConfigurations",
        "NetworkConfiguration",
    ] {
        props.set(property, failure.clone());
    }
    props
}

fn of_service(cx: &Cx, service: &Service, cluster: &str, in_use: &InUse) {
    let (Some(name), Some(arn)) = (service.service_name(), service.service_arn()) else {
        return;
    };
    if service.status() == Some("INACTIVE") {
        return;
    }
    in_use.add(service.task_definition());
    // What CloudFormation has on the service, the API has on its deployments, of which the primary is the one wanted.
    let primary = service
        .deployments()
        .iter()
        .find(|deployment| deployment.status() == Some("PRIMARY"));
    for deployment in service.deployments() {
        in_use.add(deployment.task_definition());
    }
    let volumes = primary
        .map(|deployment| deployment.volume_configurations())
        .unwrap_or_default();
    let connect = primary.and_then(|deployment| deployment.service_connect_configuration());
    let ephemeral_key = primary
        .and_then(|deployment| deployment.fargate_ephemeral_storage())
        .and_then(|storage| storage.kms_key_id());
    let balancers = service.load_balancers().iter().map(|balancer| {
        Props::new()
            .put("TargetGroupArn", balancer.target_group_arn())
            .put("LoadBalancerName", balancer.load_balancer_name())
            .put("ContainerName", balancer.container_name())
            .put("ContainerPort", balancer.container_port())
    });
    let controller = service
        .deployment_controller()
        .map(|controller| Props::new().put("Type", controller.r#type().as_str()));
    let props = Props::of("ecs:DescribeServices")
        .put("ServiceName", name)
        .put("Cluster", service.cluster_arn().unwrap_or(cluster))
        .put("TaskDefinition", service.task_definition())
        .put("LaunchType", service.launch_type().map(|it| it.as_str()))
        .put(
            "CapacityProviderStrategy",
            strategy(service.capacity_provider_strategy()),
        )
        .put("PlatformVersion", service.platform_version())
        .put(
            "SchedulingStrategy",
            service.scheduling_strategy().map(|it| it.as_str()),
        )
        .put("DeploymentController", controller)
        .put("DesiredCount", service.desired_count())
        .put(
            "NetworkConfiguration",
            network(service.network_configuration()),
        )
        .put("LoadBalancers", balancers.collect::<Vec<_>>())
        .put(
            "ServiceConnectConfiguration",
            connect.map(|it| service_connect(cx, it)),
        )
        .put(
            "VolumeConfigurations",
            volumes.iter().map(volume).collect::<Vec<_>>(),
        )
        .put("EnableExecuteCommand", service.enable_execute_command())
        .put("Status", service.status())
        .put("RunningCount", service.running_count())
        .put("PlatformFamily", service.platform_family())
        .put(
            "RunningPlatformVersion",
            primary.and_then(|it| it.platform_version()),
        )
        .put("FargateEphemeralStorageKmsKeyId", ephemeral_key);
    cx.emit(SERVICE, name, Some(arn), props);
    for set in service.task_sets() {
        of_task_set(cx, set, in_use);
    }
}

fn of_task_set(cx: &Cx, set: &TaskSet, in_use: &InUse) {
    let (Some(id), Some(arn)) = (set.id(), set.task_set_arn()) else {
        return;
    };
    in_use.add(set.task_definition());
    let props = Props::of("ecs:DescribeServices")
        .put("Id", id)
        .put("Cluster", set.cluster_arn())
        .put("Service", set.service_arn())
        .put("TaskDefinition", set.task_definition())
        .put("LaunchType", set.launch_type().map(|it| it.as_str()))
        .put(
            "CapacityProviderStrategy",
            strategy(set.capacity_provider_strategy()),
        )
        .put("PlatformVersion", set.platform_version())
        .put("NetworkConfiguration", network(set.network_configuration()))
        .put("Status", set.status());
    cx.emit(TASK_SET, id, Some(arn), props);
}

fn service_connect(cx: &Cx, of: &ServiceConnectConfiguration) -> Props {
    let services = of.services().iter().map(|service| {
        let aliases = service.client_aliases().iter().map(|alias| {
            Props::new()
                .put("Port", alias.port())
                .put("DnsName", alias.dns_name())
        });
        let tls = service.tls().map(|tls| {
            let authority = tls
                .issuer_certificate_authority()
                .map(|it| Props::new().put("AwsPcaAuthorityArn", it.aws_pca_authority_arn()));
            Props::new()
                .put("IssuerCertificateAuthority", authority)
                .put("KmsKey", tls.kms_key())
                .put("RoleArn", tls.role_arn())
        });
        Props::new()
            .put("PortName", service.port_name())
            .put("DiscoveryName", service.discovery_name())
            .put("ClientAliases", aliases.collect::<Vec<_>>())
            .put("IngressPortOverride", service.ingress_port_override())
            .put("Tls", tls)
    });
    Props::new()
        .put("Enabled", of.enabled())
        .put("Namespace", of.namespace())
        .put("Services", services.collect::<Vec<_>>())
        .put(
            "LogConfiguration",
            of.log_configuration().map(|it| log(cx, it)),
        )
}

/// Where a container logs to. Options of some drivers are tokens.
pub(super) fn log(cx: &Cx, of: &LogConfiguration) -> Props {
    let secrets = of.secret_options().iter().map(|secret| {
        Props::new()
            .put("Name", secret.name())
            .put("ValueFrom", secret.value_from())
    });
    Props::new()
        .put("LogDriver", of.log_driver().as_str())
        .put("Options", covered(cx, of.options()))
        .put("SecretOptions", secrets.collect::<Vec<_>>())
}

fn volume(of: &ServiceVolumeConfiguration) -> Props {
    let ebs = of.managed_ebs_volume().map(|ebs| {
        Props::new()
            .put("Encrypted", ebs.encrypted())
            .put("KmsKeyId", ebs.kms_key_id())
            .put("VolumeType", ebs.volume_type())
            .put("SizeInGiB", ebs.size_in_gib())
            .put("SnapshotId", ebs.snapshot_id())
            .put("RoleArn", ebs.role_arn())
    });
    Props::new()
        .put("Name", of.name())
        .put("ManagedEBSVolume", ebs)
}
