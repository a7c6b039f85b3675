//! Amazon Data Firehose: delivery streams.

use super::prelude::*;
use aws_sdk_firehose::Client;
use aws_sdk_firehose::types::{
    CloudWatchLoggingOptions, DeliveryStreamDescription, DeliveryStreamEncryptionStatus,
    DestinationDescription, EncryptionConfiguration, S3DestinationDescription,
};

pub(super) static READER: Reader = Reader {
    service: "firehose",
    scope: Scope::Regional,
    kinds: &["AWS::KinesisFirehose::DeliveryStream"],
    calls: &["firehose:ListDeliveryStreams"],
    // URLs of endpoints may hold tokens, and Splunk's token stands beside its endpoint.
    secret_calls: &["firehose:DescribeDeliveryStream"],
    read: |cx| read(cx).boxed(),
};

/// Names that one call gives at most.
const AT_ONCE: i32 = 100;

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let mut last: Option<String> = None;
    loop {
        let request = client
            .list_delivery_streams()
            .limit(AT_ONCE)
            .set_exclusive_start_delivery_stream_name(last.take());
        let page = match cx.get("firehose:ListDeliveryStreams", request.send()).await {
            Ok(page) => page,
            Err(failure) => return cx.gap(&["AWS::KinesisFirehose::DeliveryStream"], &failure),
        };
        // A page without names leads nowhere, whatever it says of more.
        last = page
            .delivery_stream_names
            .last()
            .cloned()
            .filter(|_| page.has_more_delivery_streams);
        cx.each(page.delivery_stream_names, |name| {
            let (cx, client) = (cx.clone(), client.clone());
            async move { one(&cx, &client, &name).await }
        })
        .await;
        if last.is_none() {
            return;
        }
    }
}

async fn one(cx: &Cx, client: &Client, name: &str) {
    const ACTION: &str = "firehose:DescribeDeliveryStream";
    let arn = cx.arn("firehose", &format!("deliverystream/{name}"));
    let request = client.describe_delivery_stream().delivery_stream_name(name);
    let described = cx.get(ACTION, request.send()).await;
    let props = match described.map(|answer| answer.delivery_stream_description) {
        Ok(Some(stream)) => of_stream(cx, &stream),
        Ok(None) => return,
        Err(failure) => {
            let mut props = Props::of(ACTION).put("DeliveryStreamName", name);
            for property in [
                "DeliveryStreamType",
                "DeliveryStreamEncryptionConfigurationInput",
                "KinesisStreamSourceConfiguration",
                "ExtendedS3DestinationConfiguration",
                "HttpEndpointDestinationConfiguration",
                "SplunkDestinationConfiguration",
            ] {
                props.set(property, failure.clone());
            }
            props
        }
    };
    cx.emit(
        "AWS::KinesisFirehose::DeliveryStream",
        name,
        Some(&arn),
        props,
    );
}

fn of_stream(cx: &Cx, stream: &DeliveryStreamDescription) -> Props {
    let encryption = stream.delivery_stream_encryption_configuration();
    let status = encryption.and_then(|encryption| encryption.status());
    // While it is switched on or off, and when that failed, not all that arrives is encrypted.
    let on = encryption.filter(|_| status == Some(&DeliveryStreamEncryptionStatus::Enabled));
    let input = on.map(|encryption| {
        Props::new()
            .put("KeyType", encryption.key_type().map(|kind| kind.as_str()))
            .put("KeyARN", encryption.key_arn())
    });
    let source = stream.source();
    let kinesis = source
        .and_then(|source| source.kinesis_stream_source_description())
        .map(|source| {
            Props::new()
                .put("KinesisStreamARN", source.kinesis_stream_arn())
                .put("RoleARN", source.role_arn())
        });
    let msk = source
        .and_then(|source| source.msk_source_description())
        .map(|source| {
            Props::new()
                .put("MSKClusterARN", source.msk_cluster_arn())
                .put("TopicName", source.topic_name())
        });
    let mut props = Props::of("firehose:DescribeDeliveryStream")
        .put("DeliveryStreamName", stream.delivery_stream_name())
        .put("DeliveryStreamType", stream.delivery_stream_type().as_str())
        .put("DeliveryStreamEncryptionConfigurationInput", input)
        .put(
            "DeliveryStreamEncryptionStatus",
            status.map(|status| status.as_str()),
        )
        .put("KinesisStreamSourceConfiguration", kinesis)
        .put("MSKSourceConfiguration", msk)
        .put(
            "DeliveryStreamStatus",
            stream.delivery_stream_status().as_str(),
        )
        .put("CreateTimestamp", stream.create_timestamp());
    for destination in stream.destinations() {
        props = of_destination(cx, props, destination);
    }
    props
}

fn of_destination(cx: &Cx, props: Props, to: &DestinationDescription) -> Props {
    // The extended form of the same bucket, where there is one, says all of it.
    let plain = to
        .s3_destination_description()
        .filter(|_| to.extended_s3_destination_description().is_none())
        .map(bucket);
    let extended = to.extended_s3_destination_description().map(|to| {
        Props::new()
            .put("BucketARN", to.bucket_arn())
            .put("Prefix", to.prefix())
            .put("RoleARN", to.role_arn())
            .put(
                "EncryptionConfiguration",
                to.encryption_configuration().map(encryption),
            )
            .put(
                "CloudWatchLoggingOptions",
                to.cloud_watch_logging_options().map(logging),
            )
            .put(
                "S3BackupMode",
                to.s3_backup_mode().map(|mode| mode.as_str()),
            )
            .put(
                "S3BackupConfiguration",
                to.s3_backup_description().map(bucket),
            )
    });
    let http = to.http_endpoint_destination_description().map(|to| {
        let endpoint = to.endpoint_configuration().map(|endpoint| {
            Props::new()
                .put("Name", endpoint.name())
                .put("Url", endpoint.url().map(|url| cx.cover("Url", url)))
        });
        Props::new()
            .put("EndpointConfiguration", endpoint)
            .put("RoleARN", to.role_arn())
            .put(
                "CloudWatchLoggingOptions",
                to.cloud_watch_logging_options().map(logging),
            )
            .put(
                "S3Configuration",
                to.s3_destination_description().map(bucket),
            )
    });
    let splunk = to.splunk_destination_description().map(|to| {
        Props::new()
            .put(
                "HECEndpoint",
                to.hec_endpoint().map(|url| cx.cover("HECEndpoint", url)),
            )
            .put(
                "HECEndpointType",
                to.hec_endpoint_type().map(|kind| kind.as_str()),
            )
            .put(
                "CloudWatchLoggingOptions",
                to.cloud_watch_logging_options().map(logging),
            )
            .put(
                "S3Configuration",
                to.s3_destination_description().map(bucket),
            )
    });
    let redshift = to.redshift_destination_description().map(|to| {
        Props::new()
            .put(
                "ClusterJDBCURL",
                cx.cover("ClusterJDBCURL", to.cluster_jdbcurl()),
            )
            .put("RoleARN", to.role_arn())
            .put(
                "CloudWatchLoggingOptions",
                to.cloud_watch_logging_options().map(logging),
            )
            .put(
                "S3Configuration",
                to.s3_destination_description().map(bucket),
            )
    });
    let search = to
        .amazonopensearchservice_destination_description()
        .map(|to| {
            Props::new()
                .put("DomainARN", to.domain_arn())
                .put("ClusterEndpoint", to.cluster_endpoint())
                .put("RoleARN", to.role_arn())
                .put(
                    "CloudWatchLoggingOptions",
                    to.cloud_watch_logging_options().map(logging),
                )
                .put(
                    "S3Configuration",
                    to.s3_destination_description().map(bucket),
                )
        });
    let elastic = to.elasticsearch_destination_description().map(|to| {
        Props::new()
            .put("DomainARN", to.domain_arn())
            .put("ClusterEndpoint", to.cluster_endpoint())
            .put("RoleARN", to.role_arn())
            .put(
                "CloudWatchLoggingOptions",
                to.cloud_watch_logging_options().map(logging),
            )
            .put(
                "S3Configuration",
                to.s3_destination_description().map(bucket),
            )
    });
    let snowflake = to.snowflake_destination_description().map(|to| {
        Props::new()
            .put("AccountUrl", to.account_url())
            .put("RoleARN", to.role_arn())
            .put(
                "S3Configuration",
                to.s3_destination_description().map(bucket),
            )
    });
    let iceberg = to.iceberg_destination_description().map(|to| {
        Props::new().put("RoleARN", to.role_arn()).put(
            "S3Configuration",
            to.s3_destination_description().map(bucket),
        )
    });
    let collection = to
        .amazon_open_search_serverless_destination_description()
        .map(|to| {
            Props::new()
                .put("CollectionEndpoint", to.collection_endpoint())
                .put("RoleARN", to.role_arn())
                .put(
                    "S3Configuration",
                    to.s3_destination_description().map(bucket),
                )
        });
    // Those with a destination of their own tell of its bucket there too.
    let alone = [
        &http,
        &splunk,
        &redshift,
        &search,
        &elastic,
        &snowflake,
        &iceberg,
        &collection,
    ]
    .iter()
    .all(|other| other.is_none());
    props
        .put("S3DestinationConfiguration", plain.filter(|_| alone))
        .put("ExtendedS3DestinationConfiguration", extended)
        .put("HttpEndpointDestinationConfiguration", http)
        .put("SplunkDestinationConfiguration", splunk)
        .put("RedshiftDestinationConfiguration", redshift)
        .put("AmazonopensearchserviceDestinationConfiguration", search)
        .put("ElasticsearchDestinationConfiguration", elastic)
        .put("SnowflakeDestinationConfiguration", snowflake)
        .put("IcebergDestinationConfiguration", iceberg)
        .put(
            "AmazonOpenSearchServerlessDestinationConfiguration",
            collection,
        )
}

fn bucket(to: &S3DestinationDescription) -> Props {
    Props::new()
        .put("BucketARN", to.bucket_arn())
        .put("Prefix", to.prefix())
        .put("RoleARN", to.role_arn())
        .put(
            "EncryptionConfiguration",
            to.encryption_configuration().map(encryption),
        )
        .put(
            "CloudWatchLoggingOptions",
            to.cloud_watch_logging_options().map(logging),
        )
}

fn encryption(config: &EncryptionConfiguration) -> Props {
    let kms = config
        .kms_encryption_config()
        .map(|kms| Props::new().put("AWSKMSKeyARN", kms.awskms_key_arn()));
    Props::new()
        .put(
            "NoEncryptionConfig",
            config.no_encryption_config().map(|none| none.as_str()),
        )
        .put("KMSEncryptionConfig", kms)
}

fn logging(options: &CloudWatchLoggingOptions) -> Props {
    Props::new()
        .put("Enabled", options.enabled())
        .put("LogGroupName", options.log_group_name())
        .put("LogStreamName", options.log_stream_name())
}
