//! AWS Database Migration Service: replication instances, endpoints, data providers, serverless replications.
//!
//! Describing data providers and instance profiles takes the action that lists them (AWS DMS API Reference).

use super::prelude::*;
use aws_sdk_databasemigration::Client;
use aws_sdk_databasemigration::types::{DataProviderSettings, Endpoint};

pub(super) static READER: Reader = Reader {
    service: "dms",
    scope: Scope::Regional,
    kinds: &[
        "AWS::DMS::ReplicationInstance",
        "AWS::DMS::Endpoint",
        "AWS::DMS::ReplicationConfig",
        "AWS::DMS::DataProvider",
        "AWS::DMS::InstanceProfile",
    ],
    calls: &[
        "dms:DescribeReplicationInstances",
        "dms:DescribeReplicationConfigs",
        "dms:ListDataProviders",
        "dms:ListInstanceProfiles",
    ],
    // Attributes of connections are free text.
    secret_calls: &["dms:DescribeEndpoints"],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(
        instances(&cx, &client),
        endpoints(&cx, &client),
        replications(&cx, &client),
        providers(&cx, &client),
        profiles(&cx, &client),
    );
}

async fn instances(cx: &Cx, client: &Client) {
    let pages = cx
        .list(
            "dms:DescribeReplicationInstances",
            &["AWS::DMS::ReplicationInstance"],
            pages!(client.describe_replication_instances()),
        )
        .await;
    for instance in pages.iter().flat_map(|page| page.replication_instances()) {
        let Some(id) = instance.replication_instance_identifier() else {
            continue;
        };
        let groups = instance.vpc_security_groups().iter();
        let groups = groups.filter_map(|group| group.vpc_security_group_id().map(str::to_owned));
        let subnets = instance.replication_subnet_group();
        let props = Props::of("dms:DescribeReplicationInstances")
            .put("ReplicationInstanceIdentifier", id)
            .put("KmsKeyId", instance.kms_key_id())
            .put("PubliclyAccessible", instance.publicly_accessible())
            .put("EngineVersion", instance.engine_version())
            .put(
                "ReplicationInstanceClass",
                instance.replication_instance_class(),
            )
            .put("AllocatedStorage", instance.allocated_storage())
            .put("MultiAZ", instance.multi_az())
            .put(
                "ReplicationSubnetGroupIdentifier",
                subnets.and_then(|subnets| subnets.replication_subnet_group_identifier()),
            )
            .put("VpcSecurityGroupIds", groups.collect::<Vec<_>>())
            .put(
                "ReplicationInstanceStatus",
                instance.replication_instance_status(),
            )
            .put("InstanceCreateTime", instance.instance_create_time());
        cx.emit(
            "AWS::DMS::ReplicationInstance",
            id,
            instance.replication_instance_arn(),
            props,
        );
    }
}

async fn endpoints(cx: &Cx, client: &Client) {
    let pages = cx
        .list(
            "dms:DescribeEndpoints",
            &["AWS::DMS::Endpoint"],
            pages!(client.describe_endpoints()),
        )
        .await;
    for endpoint in pages.iter().flat_map(|page| page.endpoints()) {
        let Some(id) = endpoint.endpoint_identifier() else {
            continue;
        };
        let props = with_settings(of_endpoint(cx, endpoint), endpoint);
        cx.emit("AWS::DMS::Endpoint", id, endpoint.endpoint_arn(), props);
    }
}

fn of_endpoint(cx: &Cx, endpoint: &Endpoint) -> Props {
    let attributes = endpoint
        .extra_connection_attributes()
        .filter(|text| !text.is_empty())
        .map(|text| cx.cover("ExtraConnectionAttributes", text));
    // The answer has them in capitals, templates do not.
    let kind = endpoint
        .endpoint_type()
        .map(|kind| kind.as_str().to_ascii_lowercase());
    Props::of("dms:DescribeEndpoints")
        .put("EndpointIdentifier", endpoint.endpoint_identifier())
        .put("EndpointType", kind)
        .put("EngineName", endpoint.engine_name())
        .put("ServerName", endpoint.server_name())
        .put("Port", endpoint.port())
        .put("DatabaseName", endpoint.database_name())
        .put("Username", endpoint.username())
        .put("SslMode", endpoint.ssl_mode().map(|mode| mode.as_str()))
        .put("CertificateArn", endpoint.certificate_arn())
        .put("KmsKeyId", endpoint.kms_key_id())
        .put("ExtraConnectionAttributes", attributes)
        .put("Status", endpoint.status())
}

/// What each engine has for itself, without names of users and passwords.
fn with_settings(props: Props, endpoint: &Endpoint) -> Props {
    let kafka = endpoint.kafka_settings().map(|kafka| {
        Props::new()
            .put("Broker", kafka.broker())
            .put("Topic", kafka.topic())
            .put(
                "SecurityProtocol",
                kafka.security_protocol().map(|is| is.as_str()),
            )
            .put("SslCaCertificateArn", kafka.ssl_ca_certificate_arn())
            .put(
                "SslEndpointIdentificationAlgorithm",
                kafka
                    .ssl_endpoint_identification_algorithm()
                    .map(|is| is.as_str()),
            )
    });
    let redis = endpoint.redis_settings().map(|redis| {
        Props::new()
            .put("ServerName", redis.server_name())
            .put("Port", redis.port())
            .put(
                "SslSecurityProtocol",
                redis.ssl_security_protocol().map(|is| is.as_str()),
            )
            .put("SslCaCertificateArn", redis.ssl_ca_certificate_arn())
            .put("AuthType", redis.auth_type().map(|is| is.as_str()))
    });
    let s3 = endpoint.s3_settings().map(|s3| {
        Props::new()
            .put("BucketName", s3.bucket_name())
            .put("BucketFolder", s3.bucket_folder())
            .put(
                "EncryptionMode",
                s3.encryption_mode().map(|mode| mode.as_str()),
            )
            .put(
                "ServerSideEncryptionKmsKeyId",
                s3.server_side_encryption_kms_key_id(),
            )
    });
    let redshift = endpoint.redshift_settings().map(|redshift| {
        Props::new()
            .put("ServerName", redshift.server_name())
            .put("BucketName", redshift.bucket_name())
            .put(
                "EncryptionMode",
                redshift.encryption_mode().map(|mode| mode.as_str()),
            )
            .put(
                "ServerSideEncryptionKmsKeyId",
                redshift.server_side_encryption_kms_key_id(),
            )
    });
    let mongo = endpoint.mongo_db_settings().map(|mongo| {
        Props::new()
            .put("ServerName", mongo.server_name())
            .put("Port", mongo.port())
            .put("DatabaseName", mongo.database_name())
            .put("AuthType", mongo.auth_type().map(|is| is.as_str()))
            .put("KmsKeyId", mongo.kms_key_id())
    });
    let kinesis = endpoint
        .kinesis_settings()
        .map(|kinesis| Props::new().put("StreamArn", kinesis.stream_arn()));
    props
        .put("KafkaSettings", kafka)
        .put("RedisSettings", redis)
        .put("S3Settings", s3)
        .put("RedshiftSettings", redshift)
        .put("MongoDbSettings", mongo)
        .put("KinesisSettings", kinesis)
}

async fn replications(cx: &Cx, client: &Client) {
    let pages = cx
        .list(
            "dms:DescribeReplicationConfigs",
            &["AWS::DMS::ReplicationConfig"],
            pages!(client.describe_replication_configs()),
        )
        .await;
    for config in pages.iter().flat_map(|page| page.replication_configs()) {
        let Some(id) = config.replication_config_identifier() else {
            continue;
        };
        let compute = config.compute_config().map(|compute| {
            Props::new()
                .put("KmsKeyId", compute.kms_key_id())
                .put("MultiAZ", compute.multi_az())
                .put(
                    "ReplicationSubnetGroupId",
                    compute.replication_subnet_group_id(),
                )
                .put("VpcSecurityGroupIds", compute.vpc_security_group_ids())
        });
        let props = Props::of("dms:DescribeReplicationConfigs")
            .put("ReplicationConfigIdentifier", id)
            .put(
                "ReplicationType",
                config.replication_type().map(|kind| kind.as_str()),
            )
            .put("SourceEndpointArn", config.source_endpoint_arn())
            .put("TargetEndpointArn", config.target_endpoint_arn())
            .put("ComputeConfig", compute);
        cx.emit(
            "AWS::DMS::ReplicationConfig",
            id,
            config.replication_config_arn(),
            props,
        );
    }
}

async fn providers(cx: &Cx, client: &Client) {
    let pages = cx
        .list(
            "dms:ListDataProviders",
            &["AWS::DMS::DataProvider"],
            pages!(client.describe_data_providers()),
        )
        .await;
    for provider in pages.iter().flat_map(|page| page.data_providers()) {
        let (Some(name), arn) = (provider.data_provider_name(), provider.data_provider_arn())
        else {
            continue;
        };
        let props = Props::of("dms:ListDataProviders")
            .put("DataProviderName", name)
            .put("Engine", provider.engine())
            .put("Settings", provider.settings().and_then(of_provider));
        cx.emit("AWS::DMS::DataProvider", name, arn, props);
    }
}

/// The settings of a provider stand under its engine's name.
fn of_provider(settings: &DataProviderSettings) -> Option<Props> {
    macro_rules! tls {
        ($settings:expr) => {
            tls!($settings, no database).put("DatabaseName", $settings.database_name())
        };
        ($settings:expr, no database) => {
            Props::new()
                .put("ServerName", $settings.server_name())
                .put("Port", $settings.port())
                .put("SslMode", $settings.ssl_mode().map(|mode| mode.as_str()))
                .put("CertificateArn", $settings.certificate_arn())
        };
    }
    let (name, inner) = match settings {
        DataProviderSettings::DocDbSettings(it) => ("DocDbSettings", tls!(it)),
        DataProviderSettings::IbmDb2LuwSettings(it) => ("IbmDb2LuwSettings", tls!(it)),
        DataProviderSettings::IbmDb2zOsSettings(it) => ("IbmDb2zOsSettings", tls!(it)),
        DataProviderSettings::MicrosoftSqlServerSettings(it) => {
            ("MicrosoftSqlServerSettings", tls!(it))
        }
        DataProviderSettings::MongoDbSettings(it) => ("MongoDbSettings", tls!(it)),
        DataProviderSettings::OracleSettings(it) => ("OracleSettings", tls!(it)),
        DataProviderSettings::PostgreSqlSettings(it) => ("PostgreSqlSettings", tls!(it)),
        DataProviderSettings::SybaseAseSettings(it) => ("SybaseAseSettings", tls!(it)),
        DataProviderSettings::MySqlSettings(it) => ("MySqlSettings", tls!(it, no database)),
        DataProviderSettings::MariaDbSettings(it) => ("MariaDbSettings", tls!(it, no database)),
        DataProviderSettings::RedshiftSettings(it) => (
            "RedshiftSettings",
            Props::new()
                .put("ServerName", it.server_name())
                .put("Port", it.port()),
        ),
        _ => return None,
    };
    Some(Props::new().put(name, inner))
}

async fn profiles(cx: &Cx, client: &Client) {
    let pages = cx
        .list(
            "dms:ListInstanceProfiles",
            &["AWS::DMS::InstanceProfile"],
            pages!(client.describe_instance_profiles()),
        )
        .await;
    for profile in pages.iter().flat_map(|page| page.instance_profiles()) {
        let Some(name) = profile.instance_profile_name() else {
            continue;
        };
        let props = Props::of("dms:ListInstanceProfiles")
            .put("InstanceProfileName", name)
            .put("KmsKeyArn", profile.kms_key_arn())
            .put("PubliclyAccessible", profile.publicly_accessible())
            .put("SubnetGroupIdentifier", profile.subnet_group_identifier())
            .put("VpcSecurityGroups", profile.vpc_security_groups());
        cx.emit(
            "AWS::DMS::InstanceProfile",
            name,
            profile.instance_profile_arn(),
            props,
        );
    }
}
