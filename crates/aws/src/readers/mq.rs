//! Amazon MQ: brokers.

use super::prelude::*;
use aws_sdk_mq::Client;
use aws_sdk_mq::operation::describe_broker::DescribeBrokerOutput;
use aws_sdk_mq::types::EncryptionOptions;

pub(super) static READER: Reader = Reader {
    service: "mq",
    scope: Scope::Regional,
    kinds: &["AWS::AmazonMQ::Broker"],
    calls: &["mq:ListBrokers", "mq:DescribeBroker"],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let brokers = cx
        .list(
            "mq:ListBrokers",
            &["AWS::AmazonMQ::Broker"],
            items!(client.list_brokers()),
        )
        .await;
    cx.each(brokers, |broker| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            let Some(id) = broker.broker_id() else { return };
            let props = Props::of("mq:ListBrokers")
                .put("BrokerName", broker.broker_name())
                .put("EngineType", broker.engine_type().map(|kind| kind.as_str()))
                .put("HostInstanceType", broker.host_instance_type())
                .put(
                    "DeploymentMode",
                    broker.deployment_mode().map(|mode| mode.as_str()),
                )
                .put(
                    "BrokerState",
                    broker.broker_state().map(|state| state.as_str()),
                )
                .put("Created", broker.created())
                .from("mq:DescribeBroker");
            let request = client.describe_broker().broker_id(id);
            let props = match cx.get("mq:DescribeBroker", request.send()).await {
                Ok(described) => of_broker(props, &described),
                Err(failure) => props
                    .put("EncryptionOptions", failure.clone())
                    .put("PubliclyAccessible", failure.clone())
                    .put("Logs", failure.clone())
                    .put("AuthenticationStrategy", failure),
            };
            cx.emit("AWS::AmazonMQ::Broker", id, broker.broker_arn(), props);
        }
    })
    .await;
}

fn of_broker(props: Props, broker: &DescribeBrokerOutput) -> Props {
    let logs = broker.logs().map(|logs| {
        Props::new()
            .put("General", logs.general())
            .put(
                "GeneralLogGroup",
                logs.general_log_group().filter(|group| !group.is_empty()),
            )
            .put("Audit", logs.audit())
            .put(
                "AuditLogGroup",
                logs.audit_log_group().filter(|group| !group.is_empty()),
            )
    });
    let instances = broker.broker_instances().iter().map(|instance| {
        Props::new()
            .put("ConsoleURL", instance.console_url())
            .put("Endpoints", instance.endpoints())
    });
    props
        .put("EngineVersion", broker.engine_version())
        .put(
            "EncryptionOptions",
            broker.encryption_options().map(encryption),
        )
        .put("PubliclyAccessible", broker.publicly_accessible())
        .put(
            "AuthenticationStrategy",
            broker.authentication_strategy().map(|is| is.as_str()),
        )
        .put("Logs", logs)
        .put("SecurityGroups", broker.security_groups())
        .put("SubnetIds", broker.subnet_ids())
        .put(
            "AutoMinorVersionUpgrade",
            broker.auto_minor_version_upgrade(),
        )
        .put(
            "StorageType",
            broker.storage_type().map(|kind| kind.as_str()),
        )
        .put("BrokerInstances", instances.collect::<Vec<_>>())
        .put("Tags", tag_map(broker.tags()))
}

/// Neither a key of the customer nor the one that AWS owns is the account's AWS managed key (Amazon MQ Developer Guide,
/// "Encryption at rest").
fn encryption(options: &EncryptionOptions) -> Props {
    let owned = options.use_aws_owned_key();
    let key = options.kms_key_id().filter(|key| !key.is_empty());
    Props::new().put("UseAwsOwnedKey", owned).put(
        "KmsKeyId",
        key.or((owned == Some(false)).then_some("alias/aws/mq")),
    )
}
