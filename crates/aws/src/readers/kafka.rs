//! Amazon MSK: clusters with brokers, and serverless ones.

use super::prelude::*;
use aws_sdk_kafka::Client;
use aws_sdk_kafka::types::{
    BrokerNodeGroupInfo, ClientAuthentication, LoggingInfo, Provisioned, Serverless,
};

pub(super) static READER: Reader = Reader {
    service: "kafka",
    scope: Scope::Regional,
    kinds: &["AWS::MSK::Cluster", "AWS::MSK::ServerlessCluster"],
    calls: &["kafka:ListClustersV2"],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let clusters = cx
        .list(
            "kafka:ListClustersV2",
            &["AWS::MSK::Cluster", "AWS::MSK::ServerlessCluster"],
            items!(client.list_clusters_v2()),
        )
        .await;
    for cluster in &clusters {
        let Some(name) = cluster.cluster_name() else {
            continue;
        };
        let props = Props::of("kafka:ListClustersV2")
            .put("ClusterName", name)
            .put("State", cluster.state().map(|state| state.as_str()))
            .put("CreationTime", cluster.creation_time())
            .put("Tags", tag_map(cluster.tags()));
        let (kind, props) = match (cluster.provisioned(), cluster.serverless()) {
            (_, Some(serverless)) => (
                "AWS::MSK::ServerlessCluster",
                of_serverless(props, serverless),
            ),
            (Some(provisioned), None) => ("AWS::MSK::Cluster", of_provisioned(props, provisioned)),
            (None, None) => ("AWS::MSK::Cluster", props),
        };
        cx.emit(kind, name, cluster.cluster_arn(), props);
    }
}

fn of_provisioned(props: Props, cluster: &Provisioned) -> Props {
    let encryption = cluster.encryption_info().map(|info| {
        let at_rest = info.encryption_at_rest().map(|at_rest| {
            Props::new().put("DataVolumeKMSKeyId", at_rest.data_volume_kms_key_id())
        });
        let in_transit = info.encryption_in_transit().map(|in_transit| {
            Props::new()
                .put(
                    "ClientBroker",
                    in_transit.client_broker().map(|mode| mode.as_str()),
                )
                .put("InCluster", in_transit.in_cluster())
        });
        Props::new()
            .put("EncryptionAtRest", at_rest)
            .put("EncryptionInTransit", in_transit)
    });
    let software = cluster.current_broker_software_info();
    let configuration = software.and_then(|software| {
        Some(
            Props::new()
                .put("Arn", software.configuration_arn()?)
                .put("Revision", software.configuration_revision()),
        )
    });
    props
        .put(
            "KafkaVersion",
            software.and_then(|software| software.kafka_version()),
        )
        .put("NumberOfBrokerNodes", cluster.number_of_broker_nodes())
        .put("EncryptionInfo", encryption)
        .put(
            "ClientAuthentication",
            cluster.client_authentication().map(authentication),
        )
        .put(
            "BrokerNodeGroupInfo",
            cluster.broker_node_group_info().map(brokers),
        )
        .put("LoggingInfo", cluster.logging_info().map(logging))
        .put("ConfigurationInfo", configuration)
        .put(
            "StorageMode",
            cluster.storage_mode().map(|mode| mode.as_str()),
        )
}

fn authentication(client: &ClientAuthentication) -> Props {
    let enabled = |on: Option<bool>| Props::new().put("Enabled", on);
    let sasl = client.sasl().map(|sasl| {
        Props::new()
            .put("Scram", sasl.scram().map(|scram| enabled(scram.enabled())))
            .put("Iam", sasl.iam().map(|iam| enabled(iam.enabled())))
    });
    let tls = client.tls().map(|tls| {
        enabled(tls.enabled()).put(
            "CertificateAuthorityArnList",
            tls.certificate_authority_arn_list(),
        )
    });
    Props::new().put("Sasl", sasl).put("Tls", tls).put(
        "Unauthenticated",
        client.unauthenticated().map(|open| enabled(open.enabled())),
    )
}

fn brokers(info: &BrokerNodeGroupInfo) -> Props {
    let public = info
        .connectivity_info()
        .and_then(|connectivity| connectivity.public_access())
        .map(|public| Props::new().put("Type", public.r#type()));
    Props::new()
        .put("InstanceType", info.instance_type())
        .put("ClientSubnets", info.client_subnets())
        .put("SecurityGroups", info.security_groups())
        .put("ConnectivityInfo", Props::new().put("PublicAccess", public))
}

/// A destination that is off names its place all the same, and nothing is written there.
fn logging(info: &LoggingInfo) -> Props {
    let logs = info.broker_logs().map(|logs| {
        let watch = logs.cloud_watch_logs().map(|logs| {
            let on = logs.enabled() == Some(true);
            Props::new()
                .put("Enabled", logs.enabled())
                .put("LogGroup", logs.log_group().filter(|_| on))
        });
        let firehose = logs.firehose().map(|logs| {
            let on = logs.enabled() == Some(true);
            Props::new()
                .put("Enabled", logs.enabled())
                .put("DeliveryStream", logs.delivery_stream().filter(|_| on))
        });
        let s3 = logs.s3().map(|logs| {
            let on = logs.enabled() == Some(true);
            Props::new()
                .put("Enabled", logs.enabled())
                .put("Bucket", logs.bucket().filter(|_| on))
                .put("Prefix", logs.prefix().filter(|_| on))
        });
        Props::new()
            .put("CloudWatchLogs", watch)
            .put("Firehose", firehose)
            .put("S3", s3)
    });
    Props::new().put("BrokerLogs", logs)
}

fn of_serverless(props: Props, cluster: &Serverless) -> Props {
    let vpcs = cluster.vpc_configs().iter().map(|vpc| {
        Props::new()
            .put("SubnetIds", vpc.subnet_ids())
            .put("SecurityGroups", vpc.security_group_ids())
    });
    let iam = cluster
        .client_authentication()
        .and_then(|client| client.sasl())
        .and_then(|sasl| sasl.iam())
        .map(|iam| Props::new().put("Enabled", iam.enabled()));
    let client = iam.map(|iam| Props::new().put("Sasl", Props::new().put("Iam", iam)));
    props
        .put("VpcConfigs", vpcs.collect::<Vec<_>>())
        .put("ClientAuthentication", client)
}
