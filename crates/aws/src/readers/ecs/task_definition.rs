//! Task definitions of Amazon ECS: those that run, and of each family the one that would be run next.

use super::*;
use aws_sdk_ecs::types::{
    ContainerDefinition, DockerVolumeConfiguration, EfsVolumeConfiguration,
    FSxWindowsFileServerVolumeConfiguration, KeyValuePair, TaskDefinition,
    TaskDefinitionFamilyStatus, Volume,
};

/// Reads them. Of all the other revisions, of which there may be thousands, nothing is asked.
pub(super) async fn all(cx: &Cx, client: &Client, in_use: BTreeSet<String>) {
    let request = client
        .list_task_definition_families()
        .status(TaskDefinitionFamilyStatus::Active);
    let families = cx
        .list(
            "ecs:ListTaskDefinitionFamilies",
            &[TASK_DEFINITION],
            items!(request),
        )
        .await;
    // The name of a family means its latest active revision.
    let seen = InUse::default();
    cx.each(families, |family| {
        let (cx, client, seen) = (cx.clone(), client.clone(), seen.clone());
        async move { one(&cx, &client, &family, &seen).await }
    })
    .await;
    let seen = seen.take();
    let rest = in_use.into_iter().filter(|arn| !seen.contains(arn));
    let again = InUse::default();
    cx.each(rest, |arn| {
        let (cx, client, again) = (cx.clone(), client.clone(), again.clone());
        async move { one(&cx, &client, &arn, &again).await }
    })
    .await;
}

/// Reads the one that an ARN, or the name of a family, means.
async fn one(cx: &Cx, client: &Client, which: &str, seen: &InUse) {
    let request = client.describe_task_definition().task_definition(which);
    let answer = match cx.get("ecs:DescribeTaskDefinition", request.send()).await {
        Ok(answer) => answer,
        Err(failure) => {
            let arn = which.starts_with("arn:").then_some(which);
            let props = Props::of("ecs:ListTaskDefinitionFamilies")
                .put("Family", short(which).split(':').next())
                .from("ecs:DescribeTaskDefinition")
                .put("ContainerDefinitions", failure.clone())
                .put("Volumes", failure);
            cx.emit(TASK_DEFINITION, short(which), arn, props);
            return;
        }
    };
    let Some(task) = answer.task_definition() else {
        return;
    };
    let Some(arn) = task.task_definition_arn() else {
        return;
    };
    seen.add(Some(arn));
    cx.emit(TASK_DEFINITION, short(arn), Some(arn), of_task(cx, task));
}

fn of_task(cx: &Cx, task: &TaskDefinition) -> Props {
    let containers = task
        .container_definitions()
        .iter()
        .map(|it| container(cx, it));
    let platform = task.runtime_platform().map(|platform| {
        Props::new()
            .put(
                "CpuArchitecture",
                platform.cpu_architecture().map(|it| it.as_str()),
            )
            .put(
                "OperatingSystemFamily",
                platform.operating_system_family().map(|it| it.as_str()),
            )
    });
    let storage = task
        .ephemeral_storage()
        .map(|storage| Props::new().put("SizeInGiB", storage.size_in_gib()));
    Props::of("ecs:DescribeTaskDefinition")
        .put("Family", task.family())
        .put("ContainerDefinitions", containers.collect::<Vec<_>>())
        .put(
            "Volumes",
            task.volumes()
                .iter()
                .map(|it| volume(cx, it))
                .collect::<Vec<_>>(),
        )
        .put("TaskRoleArn", task.task_role_arn())
        .put("ExecutionRoleArn", task.execution_role_arn())
        .put("NetworkMode", task.network_mode().map(|it| it.as_str()))
        .put(
            "RequiresCompatibilities",
            names!(task.requires_compatibilities()),
        )
        .put("RuntimePlatform", platform)
        .put("EphemeralStorage", storage)
        .put("Cpu", task.cpu())
        .put("Memory", task.memory())
        .put("Revision", task.revision())
        .put("Status", task.status().map(|it| it.as_str()))
        .put("RegisteredAt", task.registered_at())
}

fn container(cx: &Cx, of: &ContainerDefinition) -> Props {
    let ports = of.port_mappings().iter().map(|port| {
        Props::new()
            .put("Name", port.name())
            .put("ContainerPort", port.container_port())
            .put("HostPort", port.host_port())
            .put("Protocol", port.protocol().map(|it| it.as_str()))
            .put("AppProtocol", port.app_protocol().map(|it| it.as_str()))
    });
    let secrets = of.secrets().iter().map(|secret| {
        Props::new()
            .put("Name", secret.name())
            .put("ValueFrom", secret.value_from())
    });
    let files = of.environment_files().iter().map(|file| {
        Props::new()
            .put("Value", file.value())
            .put("Type", file.r#type().as_str())
    });
    let mounts = of.mount_points().iter().map(|mount| {
        Props::new()
            .put("SourceVolume", mount.source_volume())
            .put("ContainerPath", mount.container_path())
            .put("ReadOnly", mount.read_only())
    });
    let credentials = of
        .repository_credentials()
        .map(|it| Props::new().put("CredentialsParameter", it.credentials_parameter()));
    let health = of
        .health_check()
        .map(|check| Props::new().put("Command", commands(cx, check.command())));
    let firelens = of.firelens_configuration().map(|firelens| {
        Props::new()
            .put("Type", firelens.r#type().as_str())
            .put("Options", covered(cx, firelens.options()))
    });
    Props::new()
        .put("Name", of.name())
        .put("Image", of.image())
        .put("Essential", of.essential())
        .put("Environment", environment(cx, of.environment()))
        .put("EnvironmentFiles", files.collect::<Vec<_>>())
        .put("Secrets", secrets.collect::<Vec<_>>())
        .put("Command", commands(cx, of.command()))
        .put("EntryPoint", commands(cx, of.entry_point()))
        .put("HealthCheck", health)
        .put(
            "LogConfiguration",
            of.log_configuration().map(|it| service::log(cx, it)),
        )
        .put("FirelensConfiguration", firelens)
        .put("PortMappings", ports.collect::<Vec<_>>())
        .put("MountPoints", mounts.collect::<Vec<_>>())
        .put("RepositoryCredentials", credentials)
        .put("Privileged", of.privileged())
        .put("ReadonlyRootFilesystem", of.readonly_root_filesystem())
}

fn environment(cx: &Cx, variables: &[KeyValuePair]) -> Vec<Props> {
    variables
        .iter()
        .map(|variable| {
            let name = variable.name().unwrap_or_default();
            let value = variable.value().map(|value| cx.cover(name, value));
            Props::new().put("Name", name).put("Value", value)
        })
        .collect()
}

/// Commands may hold passwords. One that follows a flag (`--password`, `hunter2`) is named by it.
fn commands(cx: &Cx, words: &[String]) -> Vec<String> {
    let before = std::iter::once("Command").chain(words.iter().map(String::as_str));
    words
        .iter()
        .zip(before)
        .map(|(word, before)| {
            let name = match before.starts_with('-') && !word.starts_with('-') {
                true => before.trim_start_matches('-'),
                false => "Command",
            };
            cx.cover(name, word)
        })
        .collect()
}

fn volume(cx: &Cx, of: &Volume) -> Props {
    let host = of
        .host()
        .map(|host| Props::new().put("SourcePath", host.source_path()));
    let s3 = of.s3files_volume_configuration().map(|files| {
        Props::new()
            .put("FileSystemArn", files.file_system_arn())
            .put("RootDirectory", files.root_directory())
            .put("TransitEncryptionPort", files.transit_encryption_port())
            .put("AccessPointArn", files.access_point_arn())
    });
    Props::new()
        .put("Name", of.name())
        .put("Host", host)
        .put(
            "EFSVolumeConfiguration",
            of.efs_volume_configuration().map(efs),
        )
        .put("S3FilesVolumeConfiguration", s3)
        .put(
            "FSxWindowsFileServerVolumeConfiguration",
            of.fsx_windows_file_server_volume_configuration().map(fsx),
        )
        .put(
            "DockerVolumeConfiguration",
            of.docker_volume_configuration().map(|it| docker(cx, it)),
        )
        .put("ConfiguredAtLaunch", of.configured_at_launch())
}

fn efs(of: &EfsVolumeConfiguration) -> Props {
    let authorization = of.authorization_config().map(|it| {
        Props::new()
            .put("AccessPointId", it.access_point_id())
            .put("IAM", it.iam().map(|iam| iam.as_str()))
    });
    Props::new()
        .put("FilesystemId", of.file_system_id())
        .put("RootDirectory", of.root_directory())
        .put(
            "TransitEncryption",
            of.transit_encryption().map(|it| it.as_str()),
        )
        .put("TransitEncryptionPort", of.transit_encryption_port())
        .put("AuthorizationConfig", authorization)
}

fn fsx(of: &FSxWindowsFileServerVolumeConfiguration) -> Props {
    let authorization = of.authorization_config().map(|it| {
        Props::new()
            .put("CredentialsParameter", it.credentials_parameter())
            .put("Domain", it.domain())
    });
    Props::new()
        .put("FileSystemId", of.file_system_id())
        .put("RootDirectory", of.root_directory())
        .put("AuthorizationConfig", authorization)
}

/// Options of a driver, such as those of `mount`, may hold a password.
fn docker(cx: &Cx, of: &DockerVolumeConfiguration) -> Props {
    Props::new()
        .put("Scope", of.scope().map(|it| it.as_str()))
        .put("Autoprovision", of.autoprovision())
        .put("Driver", of.driver())
        .put("DriverOpts", covered(cx, of.driver_opts()))
}
