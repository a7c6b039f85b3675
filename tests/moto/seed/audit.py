"""What watches: CloudWatch Logs and alarms, CloudTrail, Config."""

from __future__ import annotations

import json
from typing import Any

from .shop import DEV, MANAGEMENT_ACCOUNT, PROD_CONFIDENTIAL, PROD_INTERNAL, UNTAGGED, Label, bulk
from .site import Site


def log_groups(site: Site) -> None:
    def make(name: str, label: Label, days: int = 0, key: str = "") -> None:
        site.call("logs.create_log_group", logGroupName=name, tags=label.map(), **({"kmsKeyId": key} if key else {}))
        if days:
            site.attempt("logs.put_retention_policy", logGroupName=name, retentionInDays=days)

    make("/shop/prod/orders", PROD_CONFIDENTIAL, 365, site.key())
    make("/shop/exec", PROD_INTERNAL, 90, site.key("prod", "internal"))
    make("/shop/trail", PROD_INTERNAL, 3653, site.key("prod", "internal"))
    make("/shop/legacy/app", UNTAGGED)  # no key, kept forever
    make("/aws/lambda/payments-api", DEV, 1)
    for name, label, i in bulk(5 * site.scale):
        make(f"/shop/bulk/{name}", label, (0, 30, 90)[i % 3], site.key() if i % 2 else "")


KEY_DELETION = (
    "{ ($.eventSource = kms.amazonaws.com) && (($.eventName = ScheduleKeyDeletion) || ($.eventName = DisableKey)) }"
)


def metric_filters(site: Site) -> None:
    """A filter with its alarm, a filter that nobody listens to, and one that never matches."""
    if site.unwatched:
        return
    for name, pattern in (
        ("key-deletion", KEY_DELETION),
        ("decrypt-refused", '{ ($.eventName = Decrypt) && ($.errorCode = "AccessDenied*") }'),
        ("key-deletion-mistaken", "{ $.eventName = DeleteKey }"),
    ):
        site.attempt(
            "logs.put_metric_filter",
            logGroupName="/shop/trail",
            filterName=name,
            filterPattern=pattern,
            metricTransformations=[{"metricName": name, "metricNamespace": "Shop/Keys", "metricValue": "1"}],
        )
    site.attempt(
        "logs.put_subscription_filter",
        logGroupName="/shop/prod/orders",
        filterName="to-firehose",
        filterPattern="",
        destinationArn=site.arn("lambda", "function:orders-api"),
    )
    site.attempt(
        "logs.put_resource_policy",
        policyName="events",
        policyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}),
    )


def alarms(site: Site) -> None:
    topic = site.arn("sns", "security-alarms")

    def alarm(name: str, namespace: str, metric: str, actions: list[str], **more: Any) -> None:
        site.attempt(
            "cloudwatch.put_metric_alarm",
            AlarmName=name,
            Namespace=namespace,
            MetricName=metric,
            Statistic="Sum",
            Period=300,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            AlarmActions=actions,
            Tags=PROD_INTERNAL.pairs(),
            **more,
        )

    if site.unwatched:
        alarm("no-such-metric", "Shop/Keys", "never-published", [topic])
        return
    alarm("key-deletion", "Shop/Keys", "key-deletion", [topic], TreatMissingData="notBreaching")
    alarm("key-deletion-silent", "Shop/Keys", "decrypt-refused", [])
    alarm("no-such-metric", "Shop/Keys", "never-published", [topic])
    alarm(
        "certificate-expiry",
        "AWS/CertificateManager",
        "DaysToExpiry",
        [topic],
        Dimensions=[{"Name": "CertificateArn", "Value": site.made["certificate"]}],
    )
    alarm("actions-off", "Shop/Keys", "key-deletion", [topic], ActionsEnabled=False)


def trails(site: Site) -> None:
    """Good in the main region; in the others a trail that misses something in each."""
    bucket = site.made["log_bucket"]
    make = "cloudtrail.create_trail"
    if site.main:
        site.call(
            make,
            Name="shop-audit",
            S3BucketName=bucket,
            # The other regions of the member account are left out.
            IsMultiRegionTrail=site.account == MANAGEMENT_ACCOUNT,
            IncludeGlobalServiceEvents=True,
            EnableLogFileValidation=True,
            KmsKeyId=site.key("prod", "internal"),
            CloudWatchLogsLogGroupArn=site.arn("logs", "log-group:/shop/trail:*"),
            CloudWatchLogsRoleArn=site.role("trail"),
            TagsList=PROD_INTERNAL.pairs(),
        )
        site.attempt(
            "cloudtrail.put_event_selectors",
            TrailName="shop-audit",
            EventSelectors=[
                {
                    "ReadWriteType": "All",
                    "IncludeManagementEvents": True,
                    "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}],
                }
            ],
        )
        site.attempt("cloudtrail.start_logging", Name="shop-audit")
    name = f"legacy-{site.region}"
    site.call(make, Name=name, S3BucketName=bucket, IsMultiRegionTrail=False, EnableLogFileValidation=False)
    site.attempt(
        "cloudtrail.put_event_selectors",
        TrailName=name,
        EventSelectors=[
            {
                "ReadWriteType": "WriteOnly",
                "IncludeManagementEvents": True,
                "ExcludeManagementEventSources": ["kms.amazonaws.com"],
            }
        ],
    )
    if site.region == "eu-west-1":
        site.attempt("cloudtrail.start_logging", Name=name)
    if site.region == "us-east-1":
        site.attempt(
            "cloudtrail.put_event_selectors",
            TrailName=name,
            AdvancedEventSelectors=[
                {
                    "Name": "management",
                    "FieldSelectors": [
                        {"Field": "eventCategory", "Equals": ["Management"]},
                        {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]},
                    ],
                }
            ],
        )


def lake(site: Site) -> None:
    site.call("cloudtrail.create_event_data_store", Name="shop", MultiRegionEnabled=True, KmsKeyId=site.key())


def config(site: Site) -> None:
    group = (
        {"allSupported": True, "includeGlobalResourceTypes": True}
        if site.main
        else {"allSupported": False, "includeGlobalResourceTypes": False, "resourceTypes": ["AWS::S3::Bucket"]}
    )
    site.call(
        "config.put_configuration_recorder",
        ConfigurationRecorder={"name": "default", "roleARN": site.role("config"), "recordingGroup": group},
    )
    site.attempt(
        "config.put_delivery_channel", DeliveryChannel={"name": "default", "s3BucketName": site.made["log_bucket"]}
    )
    if site.main:
        site.attempt("config.start_configuration_recorder", ConfigurationRecorderName="default")
    for identifier in (
        "S3_BUCKET_SERVER_SIDE_ENCRYPTION_ENABLED",
        "RDS_STORAGE_ENCRYPTED",
        "ENCRYPTED_VOLUMES",
        "CMK_BACKING_KEY_ROTATION_ENABLED",
    )[: 4 if site.main else 1]:
        site.attempt(
            "config.put_config_rule",
            ConfigRule={
                "ConfigRuleName": identifier.lower().replace("_", "-"),
                "Source": {"Owner": "AWS", "SourceIdentifier": identifier},
            },
        )


def conformance_pack(site: Site) -> None:
    site.call("config.put_conformance_pack", ConformancePackName="encryption", TemplateBody="Resources: {}")


def aggregator(site: Site) -> None:
    site.attempt(
        "config.put_configuration_aggregator",
        ConfigurationAggregatorName="shop",
        AccountAggregationSources=[{"AccountIds": [site.account], "AllAwsRegions": True}],
    )


EVERYWHERE = [alarms, trails, config]
LOGS = [log_groups, metric_filters]
PER_ACCOUNT = [lake, conformance_pack, aggregator]
