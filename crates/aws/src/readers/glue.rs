//! AWS Glue: the Data Catalog's encryption, security configurations, jobs, connections, crawlers, transforms,
//! development endpoints.

use super::prelude::*;
use aws_sdk_glue::Client;
use aws_sdk_glue::types::{
    Connection, DataCatalogEncryptionSettings, EncryptionConfiguration, Job,
};
use std::collections::HashMap;

pub(super) static READER: Reader = Reader {
    service: "glue",
    scope: Scope::Regional,
    kinds: &[
        "AWS::Glue::DataCatalogEncryptionSettings",
        "AWS::Glue::SecurityConfiguration",
        "AWS::Glue::Job",
        "AWS::Glue::Connection",
        "AWS::Glue::Crawler",
        "AWS::Glue::MLTransform",
        "AWS::Glue::DevEndpoint",
    ],
    calls: &[
        "glue:GetDatabases",
        "glue:GetDataCatalogEncryptionSettings",
        "glue:GetSecurityConfigurations",
        "glue:GetCrawlers",
        "glue:GetMLTransforms",
    ],
    // Arguments, and properties of connections beside the password, which is not asked for.
    secret_calls: &[
        "glue:GetJobs",
        "glue:GetConnections",
        "glue:GetDevEndpoints",
    ],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(
        catalog(&cx, &client),
        security(&cx, &client),
        jobs(&cx, &client),
        crawlers(&cx, &client),
        transforms(&cx, &client),
        endpoints(&cx, &client),
    );
}

/// The catalog is there in every region; where neither databases nor connections are in it, it keeps nothing.
async fn catalog(cx: &Cx, client: &Client) {
    let request = client.get_databases().max_results(1);
    let databases = cx.get("glue:GetDatabases", request.send()).await;
    let connections = connections(cx, client).await;
    let is_empty =
        databases.is_ok_and(|page| page.database_list().is_empty() && page.next_token().is_none());
    if is_empty && connections == Some(0) {
        return;
    }
    let request = client.get_data_catalog_encryption_settings();
    let settings = cx
        .get("glue:GetDataCatalogEncryptionSettings", request.send())
        .await
        .map(|answer| {
            answer
                .data_catalog_encryption_settings
                .as_ref()
                .map(of_catalog)
        });
    let props = Props::of("glue:GetDataCatalogEncryptionSettings")
        .put("CatalogId", cx.account())
        .put("DataCatalogEncryptionSettings", settings);
    let arn = cx.arn("glue", "catalog");
    cx.emit(
        "AWS::Glue::DataCatalogEncryptionSettings",
        cx.account(),
        Some(&arn),
        props,
    );
}

fn of_catalog(settings: &DataCatalogEncryptionSettings) -> Props {
    let at_rest = settings.encryption_at_rest().map(|at_rest| {
        Props::new()
            .put(
                "CatalogEncryptionMode",
                at_rest.catalog_encryption_mode().as_str(),
            )
            .put("SseAwsKmsKeyId", at_rest.sse_aws_kms_key_id())
            .put(
                "CatalogEncryptionServiceRole",
                at_rest.catalog_encryption_service_role(),
            )
    });
    let passwords = settings.connection_password_encryption().map(|passwords| {
        Props::new()
            .put(
                "ReturnConnectionPasswordEncrypted",
                passwords.return_connection_password_encrypted(),
            )
            .put("KmsKeyId", passwords.aws_kms_key_id())
    });
    Props::new()
        .put("EncryptionAtRest", at_rest)
        .put("ConnectionPasswordEncryption", passwords)
}

/// Reads the connections; how many there are, if that is known.
async fn connections(cx: &Cx, client: &Client) -> Option<usize> {
    const ACTION: &str = "glue:GetConnections";
    let stream = pages!(client.get_connections().hide_password(true));
    let (pages, failure) = cx.try_list(ACTION, stream).await;
    if let Some(failure) = &failure {
        cx.gap(&["AWS::Glue::Connection"], failure);
    }
    let found: Vec<&Connection> = pages
        .iter()
        .flat_map(|page| page.connection_list())
        .collect();
    for connection in &found {
        let Some(name) = connection.name() else {
            continue;
        };
        let props = Props::of(ACTION)
            .put("CatalogId", cx.account())
            .put("ConnectionInput", of_connection(cx, connection))
            .put("CreationTime", connection.creation_time())
            .put("LastUpdatedTime", connection.last_updated_time());
        let arn = cx.arn("glue", &format!("connection/{name}"));
        cx.emit("AWS::Glue::Connection", name, Some(&arn), props);
    }
    failure.is_none().then_some(found.len())
}

fn of_connection(cx: &Cx, connection: &Connection) -> Props {
    let mut properties = Props::new();
    for (key, value) in connection.connection_properties().into_iter().flatten() {
        properties.set(key.as_str(), cx.cover(key.as_str(), value));
    }
    let physical = connection
        .physical_connection_requirements()
        .map(|physical| {
            Props::new()
                .put("SubnetId", physical.subnet_id())
                .put("SecurityGroupIdList", physical.security_group_id_list())
                .put("AvailabilityZone", physical.availability_zone())
        });
    let authentication = connection
        .authentication_configuration()
        .map(|authentication| {
            Props::new()
                .put(
                    "AuthenticationType",
                    authentication
                        .authentication_type()
                        .map(|kind| kind.as_str()),
                )
                .put("SecretArn", authentication.secret_arn())
                .put("KmsKeyArn", authentication.kms_key_arn())
        });
    Props::new()
        .put("Name", connection.name())
        .put(
            "ConnectionType",
            connection.connection_type().map(|kind| kind.as_str()),
        )
        .put("ConnectionProperties", properties)
        .put("PhysicalConnectionRequirements", physical)
        .put("AuthenticationConfiguration", authentication)
}

async fn security(cx: &Cx, client: &Client) {
    let found = cx
        .list(
            "glue:GetSecurityConfigurations",
            &["AWS::Glue::SecurityConfiguration"],
            items!(client.get_security_configurations()),
        )
        .await;
    for security in &found {
        let Some(name) = security.name() else {
            continue;
        };
        let props = Props::of("glue:GetSecurityConfigurations")
            .put("Name", name)
            .put(
                "EncryptionConfiguration",
                security.encryption_configuration().map(encryption),
            )
            .put("CreatedTimeStamp", security.created_time_stamp());
        // The service has no ARN for them.
        cx.emit("AWS::Glue::SecurityConfiguration", name, None, props);
    }
}

fn encryption(config: &EncryptionConfiguration) -> Props {
    let s3 = config.s3_encryption().iter().map(|s3| {
        Props::new()
            .put(
                "S3EncryptionMode",
                s3.s3_encryption_mode().map(|mode| mode.as_str()),
            )
            .put("KmsKeyArn", s3.kms_key_arn())
    });
    let logs = config.cloud_watch_encryption().map(|logs| {
        Props::new()
            .put(
                "CloudWatchEncryptionMode",
                logs.cloud_watch_encryption_mode().map(|mode| mode.as_str()),
            )
            .put("KmsKeyArn", logs.kms_key_arn())
    });
    let bookmarks = config.job_bookmarks_encryption().map(|bookmarks| {
        Props::new()
            .put(
                "JobBookmarksEncryptionMode",
                bookmarks
                    .job_bookmarks_encryption_mode()
                    .map(|mode| mode.as_str()),
            )
            .put("KmsKeyArn", bookmarks.kms_key_arn())
    });
    Props::new()
        .put("S3Encryptions", s3.collect::<Vec<_>>())
        .put("CloudWatchEncryption", logs)
        .put("JobBookmarksEncryption", bookmarks)
}

async fn jobs(cx: &Cx, client: &Client) {
    let jobs = cx
        .list(
            "glue:GetJobs",
            &["AWS::Glue::Job"],
            items!(client.get_jobs()),
        )
        .await;
    for job in &jobs {
        let Some(name) = job.name() else { continue };
        let arn = cx.arn("glue", &format!("job/{name}"));
        cx.emit("AWS::Glue::Job", name, Some(&arn), of_job(cx, job));
    }
}

fn of_job(cx: &Cx, job: &Job) -> Props {
    let command = job.command().map(|command| {
        Props::new()
            .put("Name", command.name())
            .put("ScriptLocation", command.script_location())
            .put("PythonVersion", command.python_version())
    });
    let connections = job
        .connections()
        .map(|connections| Props::new().put("Connections", connections.connections()));
    Props::of("glue:GetJobs")
        .put("Name", job.name())
        .put("Role", job.role())
        .put("Command", command)
        .put("Connections", connections)
        .put("SecurityConfiguration", job.security_configuration())
        .put("DefaultArguments", covered(cx, job.default_arguments()))
        .put(
            "NonOverridableArguments",
            covered(cx, job.non_overridable_arguments()),
        )
        .put("GlueVersion", job.glue_version())
        .put("LastModifiedOn", job.last_modified_on())
}

fn covered(cx: &Cx, arguments: Option<&HashMap<String, String>>) -> Option<Value> {
    let arguments = arguments.filter(|arguments| !arguments.is_empty())?;
    let covered = arguments
        .iter()
        .map(|(name, value)| (name.clone(), Value::String(cx.cover(name, value))));
    Some(Value::Object(covered.collect()))
}

async fn crawlers(cx: &Cx, client: &Client) {
    let pages = cx
        .list(
            "glue:GetCrawlers",
            &["AWS::Glue::Crawler"],
            pages!(client.get_crawlers()),
        )
        .await;
    for crawler in pages.iter().flat_map(|page| page.crawlers()) {
        let Some(name) = crawler.name() else { continue };
        let props = Props::of("glue:GetCrawlers")
            .put("Name", name)
            .put("Role", crawler.role())
            .put("DatabaseName", crawler.database_name())
            .put(
                "CrawlerSecurityConfiguration",
                crawler.crawler_security_configuration(),
            )
            .put("State", crawler.state().map(|state| state.as_str()));
        let arn = cx.arn("glue", &format!("crawler/{name}"));
        cx.emit("AWS::Glue::Crawler", name, Some(&arn), props);
    }
}

async fn transforms(cx: &Cx, client: &Client) {
    let pages = cx
        .list(
            "glue:GetMLTransforms",
            &["AWS::Glue::MLTransform"],
            pages!(client.get_ml_transforms()),
        )
        .await;
    for transform in pages.iter().flat_map(|page| page.transforms()) {
        let Some(id) = transform.transform_id() else {
            continue;
        };
        let encryption = transform.transform_encryption().map(|encryption| {
            let data = encryption.ml_user_data_encryption().map(|data| {
                Props::new()
                    .put(
                        "MLUserDataEncryptionMode",
                        data.ml_user_data_encryption_mode().as_str(),
                    )
                    .put("KmsKeyId", data.kms_key_id())
            });
            Props::new().put("MLUserDataEncryption", data).put(
                "TaskRunSecurityConfigurationName",
                encryption.task_run_security_configuration_name(),
            )
        });
        let props = Props::of("glue:GetMLTransforms")
            .put("Name", transform.name())
            .put("Role", transform.role())
            .put("GlueVersion", transform.glue_version())
            .put("TransformEncryption", encryption)
            .put("Status", transform.status().map(|status| status.as_str()));
        let arn = cx.arn("glue", &format!("mlTransform/{id}"));
        cx.emit("AWS::Glue::MLTransform", id, Some(&arn), props);
    }
}

async fn endpoints(cx: &Cx, client: &Client) {
    let pages = cx
        .list(
            "glue:GetDevEndpoints",
            &["AWS::Glue::DevEndpoint"],
            pages!(client.get_dev_endpoints()),
        )
        .await;
    for endpoint in pages.iter().flat_map(|page| page.dev_endpoints()) {
        let Some(name) = endpoint.endpoint_name() else {
            continue;
        };
        let props = Props::of("glue:GetDevEndpoints")
            .put("EndpointName", name)
            .put("RoleArn", endpoint.role_arn())
            .put("SecurityConfiguration", endpoint.security_configuration())
            .put("SecurityGroupIds", endpoint.security_group_ids())
            .put("SubnetId", endpoint.subnet_id())
            .put("PublicAddress", endpoint.public_address())
            .put("Status", endpoint.status());
        let arn = cx.arn("glue", &format!("devEndpoint/{name}"));
        cx.emit("AWS::Glue::DevEndpoint", name, Some(&arn), props);
    }
}
