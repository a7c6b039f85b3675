//! Amazon SageMaker AI: domains and their spaces, notebook instances, models and endpoint configurations, feature
//! groups, MLflow tracking servers.

use super::prelude::*;
use aws_sdk_sagemaker::Client;
use aws_sdk_sagemaker::operation::describe_endpoint_config::DescribeEndpointConfigOutput;
use aws_sdk_sagemaker::operation::describe_feature_group::DescribeFeatureGroupOutput;
use aws_sdk_sagemaker::operation::describe_model::DescribeModelOutput;
use aws_sdk_sagemaker::types::ContainerDefinition;

pub(super) static READER: Reader = Reader {
    service: "sagemaker",
    scope: Scope::Regional,
    kinds: &[
        "AWS::SageMaker::Domain",
        "AWS::SageMaker::Space",
        "AWS::SageMaker::NotebookInstance",
        "AWS::SageMaker::Model",
        "AWS::SageMaker::EndpointConfig",
        "AWS::SageMaker::FeatureGroup",
        "AWS::SageMaker::MlflowTrackingServer",
    ],
    calls: &[
        "sagemaker:ListDomains",
        "sagemaker:DescribeDomain",
        "sagemaker:ListSpaces",
        "sagemaker:ListNotebookInstances",
        "sagemaker:DescribeNotebookInstance",
        "sagemaker:ListModels",
        "sagemaker:ListEndpointConfigs",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:ListFeatureGroups",
        "sagemaker:DescribeFeatureGroup",
        "sagemaker:ListMlflowTrackingServers",
    ],
    // Environment variables of containers.
    secret_calls: &["sagemaker:DescribeModel"],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(
        domains(&cx, &client),
        notebooks(&cx, &client),
        models(&cx, &client),
        endpoint_configs(&cx, &client),
        feature_groups(&cx, &client),
        tracking_servers(&cx, &client),
    );
}

async fn domains(cx: &Cx, client: &Client) {
    let domains = cx
        .list(
            "sagemaker:ListDomains",
            &["AWS::SageMaker::Domain"],
            items!(client.list_domains()),
        )
        .await;
    if domains.is_empty() {
        return;
    }
    cx.each(domains, |domain| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            let (Some(id), Some(arn)) = (domain.domain_id(), domain.domain_arn()) else {
                return;
            };
            let request = client.describe_domain().domain_id(id);
            let described = cx.get("sagemaker:DescribeDomain", request.send()).await;
            let props = Props::of("sagemaker:ListDomains")
                .put("DomainName", domain.domain_name())
                .put("Status", domain.status().map(|status| status.as_str()))
                .from("sagemaker:DescribeDomain");
            let props = match described {
                Ok(found) => props
                    .put("KmsKeyId", found.kms_key_id())
                    .put("AuthMode", found.auth_mode().map(|mode| mode.as_str()))
                    .put(
                        "AppNetworkAccessType",
                        found.app_network_access_type().map(|kind| kind.as_str()),
                    )
                    .put("VpcId", found.vpc_id())
                    .put("SubnetIds", found.subnet_ids())
                    .put("HomeEfsFileSystemId", found.home_efs_file_system_id()),
                Err(failure) => props
                    .put("KmsKeyId", failure.clone())
                    .put("AppNetworkAccessType", failure),
            };
            cx.emit("AWS::SageMaker::Domain", id, Some(arn), props);
        }
    })
    .await;
    let spaces = cx
        .list(
            "sagemaker:ListSpaces",
            &["AWS::SageMaker::Space"],
            items!(client.list_spaces()),
        )
        .await;
    for space in &spaces {
        let (Some(name), Some(domain)) = (space.space_name(), space.domain_id()) else {
            continue;
        };
        let props = Props::of("sagemaker:ListSpaces")
            .put("SpaceName", name)
            .put("DomainId", domain)
            .put("Status", space.status().map(|status| status.as_str()));
        let arn = cx.arn("sagemaker", &format!("space/{domain}/{name}"));
        cx.emit("AWS::SageMaker::Space", name, Some(&arn), props);
    }
}

async fn notebooks(cx: &Cx, client: &Client) {
    let notebooks = cx
        .list(
            "sagemaker:ListNotebookInstances",
            &["AWS::SageMaker::NotebookInstance"],
            items!(client.list_notebook_instances()),
        )
        .await;
    cx.each(notebooks, |notebook| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            let Some(name) = notebook.notebook_instance_name() else {
                return;
            };
            let request = client
                .describe_notebook_instance()
                .notebook_instance_name(name);
            let described = cx
                .get("sagemaker:DescribeNotebookInstance", request.send())
                .await;
            let props = Props::of("sagemaker:ListNotebookInstances")
                .put("NotebookInstanceName", name)
                .put(
                    "InstanceType",
                    notebook.instance_type().map(|kind| kind.as_str()),
                )
                .put(
                    "NotebookInstanceStatus",
                    notebook
                        .notebook_instance_status()
                        .map(|status| status.as_str()),
                )
                .from("sagemaker:DescribeNotebookInstance");
            let props = match described {
                Ok(found) => props
                    .put("KmsKeyId", found.kms_key_id())
                    .put("RoleArn", found.role_arn())
                    .put("SubnetId", found.subnet_id())
                    .put("SecurityGroupIds", found.security_groups())
                    .put(
                        "RootAccess",
                        found.root_access().map(|access| access.as_str()),
                    )
                    .put(
                        "DirectInternetAccess",
                        found.direct_internet_access().map(|access| access.as_str()),
                    )
                    .put("VolumeSizeInGB", found.volume_size_in_gb()),
                Err(failure) => props
                    .put("KmsKeyId", failure.clone())
                    .put("DirectInternetAccess", failure),
            };
            cx.emit(
                "AWS::SageMaker::NotebookInstance",
                name,
                notebook.notebook_instance_arn(),
                props,
            );
        }
    })
    .await;
}

async fn models(cx: &Cx, client: &Client) {
    let models = cx
        .list(
            "sagemaker:ListModels",
            &["AWS::SageMaker::Model"],
            items!(client.list_models()),
        )
        .await;
    cx.each(models, |model| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            let Some(name) = model.model_name() else {
                return;
            };
            let request = client.describe_model().model_name(name);
            let props = match cx.get("sagemaker:DescribeModel", request.send()).await {
                Ok(found) => of_model(&cx, &found),
                // Where the containers stand is as unknown as they are.
                Err(failure) => Props::of("sagemaker:ListModels")
                    .put("ModelName", name)
                    .from("sagemaker:DescribeModel")
                    .put("PrimaryContainer", failure),
            };
            cx.emit("AWS::SageMaker::Model", name, model.model_arn(), props);
        }
    })
    .await;
}

fn of_model(cx: &Cx, model: &DescribeModelOutput) -> Props {
    let containers = model.containers().iter().map(|one| container(cx, one));
    let vpc = model.vpc_config().map(|vpc| {
        Props::new()
            .put("SecurityGroupIds", vpc.security_group_ids())
            .put("Subnets", vpc.subnets())
    });
    Props::of("sagemaker:DescribeModel")
        .put("ModelName", model.model_name())
        .put("ExecutionRoleArn", model.execution_role_arn())
        .put(
            "PrimaryContainer",
            model.primary_container().map(|one| container(cx, one)),
        )
        .put("Containers", containers.collect::<Vec<_>>())
        .put("VpcConfig", vpc)
        .put("EnableNetworkIsolation", model.enable_network_isolation())
}

fn container(cx: &Cx, container: &ContainerDefinition) -> Props {
    let mut environment = Props::new();
    for (name, value) in container.environment().into_iter().flatten() {
        environment.set(name, cx.cover(name, value));
    }
    Props::new()
        .put("ContainerHostname", container.container_hostname())
        .put("Image", container.image())
        .put("ModelDataUrl", container.model_data_url())
        .put("Environment", environment)
}

async fn endpoint_configs(cx: &Cx, client: &Client) {
    let configs = cx
        .list(
            "sagemaker:ListEndpointConfigs",
            &["AWS::SageMaker::EndpointConfig"],
            items!(client.list_endpoint_configs()),
        )
        .await;
    cx.each(configs, |config| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            let Some(name) = config.endpoint_config_name() else {
                return;
            };
            let request = client.describe_endpoint_config().endpoint_config_name(name);
            let props = match cx
                .get("sagemaker:DescribeEndpointConfig", request.send())
                .await
            {
                Ok(found) => of_config(&found),
                Err(failure) => Props::of("sagemaker:ListEndpointConfigs")
                    .put("EndpointConfigName", name)
                    .from("sagemaker:DescribeEndpointConfig")
                    .put("KmsKeyId", failure.clone())
                    .put("DataCaptureConfig", failure),
            };
            cx.emit(
                "AWS::SageMaker::EndpointConfig",
                name,
                config.endpoint_config_arn(),
                props,
            );
        }
    })
    .await;
}

fn of_config(config: &DescribeEndpointConfigOutput) -> Props {
    let variants = config.production_variants().iter().map(|variant| {
        Props::new()
            .put("VariantName", variant.variant_name())
            .put("ModelName", variant.model_name())
            .put(
                "InstanceType",
                variant.instance_type().map(|kind| kind.as_str()),
            )
    });
    let capture = config.data_capture_config().map(|capture| {
        Props::new()
            .put("EnableCapture", capture.enable_capture())
            .put("DestinationS3Uri", capture.destination_s3_uri())
            .put("KmsKeyId", capture.kms_key_id())
    });
    let output = config
        .async_inference_config()
        .and_then(|config| config.output_config())
        .map(|output| {
            Props::new()
                .put("S3OutputPath", output.s3_output_path())
                .put("KmsKeyId", output.kms_key_id())
        });
    Props::of("sagemaker:DescribeEndpointConfig")
        .put("EndpointConfigName", config.endpoint_config_name())
        .put("KmsKeyId", config.kms_key_id())
        .put("ProductionVariants", variants.collect::<Vec<_>>())
        .put("DataCaptureConfig", capture)
        .put(
            "AsyncInferenceConfig",
            Props::new().put("OutputConfig", output),
        )
        .put("EnableNetworkIsolation", config.enable_network_isolation())
}

async fn feature_groups(cx: &Cx, client: &Client) {
    let groups = cx
        .list(
            "sagemaker:ListFeatureGroups",
            &["AWS::SageMaker::FeatureGroup"],
            items!(client.list_feature_groups()),
        )
        .await;
    cx.each(groups, |group| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            let Some(name) = group.feature_group_name() else {
                return;
            };
            let request = client.describe_feature_group().feature_group_name(name);
            let props = match cx
                .get("sagemaker:DescribeFeatureGroup", request.send())
                .await
            {
                Ok(found) => of_features(&found),
                Err(failure) => Props::of("sagemaker:ListFeatureGroups")
                    .put("FeatureGroupName", name)
                    .from("sagemaker:DescribeFeatureGroup")
                    .put("OnlineStoreConfig", failure.clone())
                    .put("OfflineStoreConfig", failure),
            };
            cx.emit(
                "AWS::SageMaker::FeatureGroup",
                name,
                group.feature_group_arn(),
                props,
            );
        }
    })
    .await;
}

fn of_features(group: &DescribeFeatureGroupOutput) -> Props {
    let online = group.online_store_config().map(|online| {
        let security = online
            .security_config()
            .map(|security| Props::new().put("KmsKeyId", security.kms_key_id()));
        Props::new()
            .put("EnableOnlineStore", online.enable_online_store())
            .put("SecurityConfig", security)
    });
    let offline = group.offline_store_config().map(|offline| {
        let s3 = offline.s3_storage_config().map(|s3| {
            Props::new()
                .put("S3Uri", s3.s3_uri())
                .put("KmsKeyId", s3.kms_key_id())
        });
        Props::new().put("S3StorageConfig", s3)
    });
    Props::of("sagemaker:DescribeFeatureGroup")
        .put("FeatureGroupName", group.feature_group_name())
        .put("OnlineStoreConfig", online)
        .put("OfflineStoreConfig", offline)
        .put("RoleArn", group.role_arn())
        .put(
            "FeatureGroupStatus",
            group.feature_group_status().map(|status| status.as_str()),
        )
        .put("CreationTime", group.creation_time())
}

async fn tracking_servers(cx: &Cx, client: &Client) {
    let servers = cx
        .list(
            "sagemaker:ListMlflowTrackingServers",
            &["AWS::SageMaker::MlflowTrackingServer"],
            items!(client.list_mlflow_tracking_servers()),
        )
        .await;
    for server in &servers {
        let Some(name) = server.tracking_server_name() else {
            continue;
        };
        let props = Props::of("sagemaker:ListMlflowTrackingServers")
            .put("TrackingServerName", name)
            .put("MlflowVersion", server.mlflow_version())
            .put(
                "TrackingServerStatus",
                server
                    .tracking_server_status()
                    .map(|status| status.as_str()),
            );
        cx.emit(
            "AWS::SageMaker::MlflowTrackingServer",
            name,
            server.tracking_server_arn(),
            props,
        );
    }
}
