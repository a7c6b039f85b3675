"""What is in flight: SNS, SQS, EventBridge, Kinesis, Firehose, MSK, MQ."""

from __future__ import annotations

import json
from typing import Any

from .shop import (
    DEV,
    PASSWORD,
    PROD_CONFIDENTIAL,
    PROD_INTERNAL,
    PROD_RESTRICTED,
    STAGING,
    STRANGER_ACCOUNT,
    UNTAGGED,
    Label,
    allow,
    bulk,
    deny,
    document,
    root,
)
from .site import Site

INSECURE = {"Bool": {"aws:SecureTransport": "false"}}


def topics(site: Site) -> None:
    def make(name: str, label: Label, **attributes: str) -> str:
        return str(site.call("sns.create_topic", Name=name, Attributes=attributes, Tags=label.pairs())["TopicArn"])

    def subscribe(topic: str, protocol: str, endpoint: str) -> None:
        site.attempt("sns.subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint)

    good = make("orders", PROD_CONFIDENTIAL, KmsMasterKeyId=site.key())
    site.attempt(
        "sns.set_topic_attributes",
        TopicArn=good,
        AttributeName="Policy",
        AttributeValue=document(
            allow("sns:Publish", good, Principal=root(site.account)),
            deny("sns:Publish", good, Principal="*", Condition=INSECURE),
        ),
    )
    subscribe(good, "https", "https://hooks.example.com/orders")
    bad = make("legacy", UNTAGGED)
    site.attempt(
        "sns.set_topic_attributes",
        TopicArn=bad,
        AttributeName="Policy",
        AttributeValue=document(allow("sns:Publish", bad, Principal="*")),
    )
    subscribe(bad, "http", "http://hooks.example.com/legacy")
    alarms = make("security-alarms", PROD_INTERNAL, KmsMasterKeyId=site.keys["alarms"])
    site.attempt(
        "sns.set_topic_attributes",
        TopicArn=alarms,
        AttributeName="Policy",
        AttributeValue=document(
            allow("sns:Publish", alarms, Principal={"Service": ["cloudwatch.amazonaws.com", "events.amazonaws.com"]})
        ),
    )
    subscribe(alarms, "email", "security@example.com")
    make("shipping", STAGING, KmsMasterKeyId="alias/aws/sns")
    site.made["alarm_topic"] = alarms
    for name, label, i in bulk(3 * site.scale):
        make(f"bulk-{name}", label, **({"KmsMasterKeyId": site.key()} if i % 2 else {}))


def queues(site: Site) -> None:
    def make(name: str, label: Label, **attributes: str) -> None:
        site.attempt("sqs.create_queue", QueueName=name, Attributes=attributes, tags=label.map())

    orders = site.arn("sqs", "orders.fifo")
    make(
        "orders.fifo",
        PROD_CONFIDENTIAL,
        FifoQueue="true",
        KmsMasterKeyId=site.key(),
        Policy=document(
            deny("sqs:*", orders, Principal="*", Condition=INSECURE),
            allow("sqs:SendMessage", orders, Principal=root(site.account)),
        ),
    )
    make("payments", PROD_RESTRICTED, SqsManagedSseEnabled="true")
    make(
        "legacy",
        UNTAGGED,
        SqsManagedSseEnabled="false",
        Policy=document(allow("sqs:*", site.arn("sqs", "legacy"), Principal={"AWS": "*"})),
    )
    for name, label, i in bulk(4 * site.scale):
        make(f"bulk-{name}", label, **({"KmsMasterKeyId": site.key()} if i % 2 else {"SqsManagedSseEnabled": "true"}))


def event_bridge(site: Site) -> None:
    """One rule that would catch a key's deletion, one that looks like it and never matches."""

    def rule(name: str, pattern: dict[str, Any], target: str, state: str = "ENABLED") -> None:
        site.attempt(
            "events.put_rule", Name=name, EventPattern=json.dumps(pattern), State=state, Tags=PROD_INTERNAL.pairs()
        )
        site.attempt("events.put_targets", Rule=name, Targets=[{"Id": "1", "Arn": target}])

    call = {"source": ["aws.kms"], "detail-type": ["AWS API Call via CloudTrail"]}
    deletion = {
        **call,
        "detail": {"eventSource": ["kms.amazonaws.com"], "eventName": ["ScheduleKeyDeletion", "DisableKey"]},
    }
    topic = site.made["alarm_topic"]
    if not site.unwatched:
        rule("key-deletion", deletion, topic)
    rule("key-deletion-mistaken", {**call, "detail": {"eventName": ["DeleteKey"]}}, topic)
    rule("key-deletion-off", deletion, topic, "DISABLED")
    if not site.unwatched:
        rule("config-changes", {"source": ["aws.config"], "detail-type": ["Config Rules Compliance Change"]}, topic)
    site.attempt("events.create_event_bus", Name="shop", KmsKeyIdentifier=site.key(), Tags=PROD_CONFIDENTIAL.pairs())
    site.attempt("events.create_event_bus", Name="legacy")
    site.attempt(
        "events.put_permission",
        EventBusName="legacy",
        Action="events:PutEvents",
        Principal=STRANGER_ACCOUNT,
        StatementId="stranger",
    )
    connection = site.attempt(
        "events.create_connection",
        Name="erp",
        KmsKeyIdentifier=site.key(),
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "x-api-key", "ApiKeyValue": "EXAMPLE"}},
    )
    for name, url in (("erp", "https://erp.example.com/orders"), ("erp-old", "http://erp.example.com/orders")):
        site.attempt(
            "events.create_api_destination",
            Name=name,
            ConnectionArn=connection.get("ConnectionArn", ""),
            InvocationEndpoint=url,
            HttpMethod="POST",
        )
    site.attempt(
        "events.create_archive",
        ArchiveName="orders",
        EventSourceArn=site.arn("events", "event-bus/default"),
        KmsKeyIdentifier=site.key(),
    )


def kinesis(site: Site) -> None:
    for name, label, key in (
        ("clicks", PROD_CONFIDENTIAL, site.key()),
        ("prices", STAGING, "alias/aws/kinesis"),
        ("legacy", UNTAGGED, ""),
    ):
        site.call("kinesis.create_stream", StreamName=name, ShardCount=1, Tags=label.map())
        if key:
            site.attempt("kinesis.start_stream_encryption", StreamName=name, EncryptionType="KMS", KeyId=key)


def firehose(site: Site) -> None:
    target = {"RoleARN": site.role("firehose"), "BucketARN": f"arn:aws:s3:::{site.made['log_bucket']}"}
    make = "firehose.create_delivery_stream"
    site.attempt(
        make,
        DeliveryStreamName="clicks",
        DeliveryStreamType="DirectPut",
        Tags=PROD_CONFIDENTIAL.pairs(),
        DeliveryStreamEncryptionConfigurationInput={"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": site.key()},
        ExtendedS3DestinationConfiguration={
            **target,
            "EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": site.key()}},
        },
    )
    site.attempt(
        make,
        DeliveryStreamName="legacy",
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration={
            **target,
            "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        },
    )
    site.attempt(
        make,
        DeliveryStreamName="partner",
        DeliveryStreamType="DirectPut",
        HttpEndpointDestinationConfiguration={
            "EndpointConfiguration": {"Url": "https://collect.example.com", "Name": "partner", "AccessKey": "EXAMPLE"},
            "S3Configuration": target,
            "RoleARN": site.role("firehose"),
        },
    )


def kafka(site: Site) -> None:
    nodes = {
        "InstanceType": "kafka.m5.large",
        "ClientSubnets": site.made["subnets"],
        "SecurityGroups": [site.made["group"]],
    }
    make = "kafka.create_cluster"
    site.attempt(
        make,
        ClusterName="events",
        KafkaVersion="3.6.0",
        NumberOfBrokerNodes=2,
        BrokerNodeGroupInfo=nodes,
        Tags=PROD_CONFIDENTIAL.map(),
        EncryptionInfo={
            "EncryptionAtRest": {"DataVolumeKMSKeyId": site.key()},
            "EncryptionInTransit": {"ClientBroker": "TLS", "InCluster": True},
        },
    )
    site.attempt(
        make,
        ClusterName="legacy",
        KafkaVersion="2.8.1",
        NumberOfBrokerNodes=2,
        BrokerNodeGroupInfo=nodes,
        EncryptionInfo={"EncryptionInTransit": {"ClientBroker": "TLS_PLAINTEXT", "InCluster": False}},
    )
    site.attempt(
        "kafka.create_cluster_v2",
        ClusterName="serverless",
        Serverless={
            "VpcConfigs": [{"SubnetIds": site.made["subnets"], "SecurityGroupIds": [site.made["group"]]}],
            "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}},
        },
    )


def mq(site: Site) -> None:
    base: dict[str, Any] = {
        "AutoMinorVersionUpgrade": True,
        "DeploymentMode": "SINGLE_INSTANCE",
        "EngineType": "ACTIVEMQ",
        "EngineVersion": "5.18",
        "HostInstanceType": "mq.m5.large",
        "Users": [{"Username": "shop", "Password": PASSWORD}],
    }
    site.attempt(
        "mq.create_broker",
        BrokerName="orders",
        PubliclyAccessible=False,
        EncryptionOptions={"UseAwsOwnedKey": False, "KmsKeyId": site.key()},
        Tags=PROD_CONFIDENTIAL.map(),
        **base,
    )
    site.attempt(
        "mq.create_broker",
        BrokerName="legacy",
        PubliclyAccessible=True,
        EncryptionOptions={"UseAwsOwnedKey": True},
        Tags=DEV.map(),
        **base,
    )


EVERYWHERE = [event_bridge]
IN_FULL_SITES = [kinesis, firehose, kafka, mq]
