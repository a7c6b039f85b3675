//! AWS Config: recorders, delivery channels, rules and what they find, conformance packs.
//!
//! Rules that an organisation deploys stand in every account as rules, and are read as such; the lists of them are the
//! management account's alone.

use super::prelude::*;
use aws_sdk_config::Client;
use aws_sdk_config::types::{
    Compliance, ConfigRule, ConfigurationRecorder, ConfigurationRecorderStatus, DeliveryChannel,
    DeliveryChannelStatus,
};
use std::collections::HashMap;

pub(super) static READER: Reader = Reader {
    service: "config",
    scope: Scope::Regional,
    kinds: &[
        "AWS::Config::ConfigurationRecorder",
        "AWS::Config::DeliveryChannel",
        "AWS::Config::ConfigRule",
        "AWS::Config::ConformancePack",
    ],
    calls: &[
        "config:DescribeConfigurationRecorders",
        "config:DescribeConfigurationRecorderStatus",
        "config:DescribeDeliveryChannels",
        "config:DescribeDeliveryChannelStatus",
        "config:DescribeConfigRules",
        "config:DescribeComplianceByConfigRule",
        "config:DescribeConformancePacks",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(
        recorders(&cx, &client),
        channels(&cx, &client),
        rules(&cx, &client),
        packs(&cx, &client),
    );
}

async fn recorders(cx: &Cx, client: &Client) {
    let request = client.describe_configuration_recorders();
    let recorders = match cx
        .get("config:DescribeConfigurationRecorders", request.send())
        .await
    {
        Ok(answer) => answer.configuration_recorders.unwrap_or_default(),
        Err(failure) => return cx.gap(&["AWS::Config::ConfigurationRecorder"], &failure),
    };
    if recorders.is_empty() {
        return;
    }
    let request = client.describe_configuration_recorder_status();
    let status = cx
        .get("config:DescribeConfigurationRecorderStatus", request.send())
        .await
        .map(|answer| answer.configuration_recorders_status.unwrap_or_default());
    for recorder in &recorders {
        let Some(name) = recorder.name() else {
            continue;
        };
        let props = running(of_recorder(recorder), name, &status);
        cx.emit(
            "AWS::Config::ConfigurationRecorder",
            name,
            recorder.arn(),
            props,
        );
    }
}

fn of_recorder(recorder: &ConfigurationRecorder) -> Props {
    let group = recorder.recording_group().map(|group| {
        let without = group
            .exclusion_by_resource_types()
            .map(|without| Props::new().put("ResourceTypes", names!(without.resource_types())));
        let strategy = group.recording_strategy().map(|strategy| {
            Props::new().put("UseOnly", strategy.use_only().map(|only| only.as_str()))
        });
        Props::new()
            .put("AllSupported", group.all_supported())
            .put(
                "IncludeGlobalResourceTypes",
                group.include_global_resource_types(),
            )
            .put("ResourceTypes", names!(group.resource_types()))
            .put("ExclusionByResourceTypes", without)
            .put("RecordingStrategy", strategy)
    });
    let mode = recorder.recording_mode().map(|mode| {
        let overrides = mode.recording_mode_overrides().iter().map(|one| {
            Props::new()
                .put("Description", one.description())
                .put("RecordingFrequency", one.recording_frequency().as_str())
                .put("ResourceTypes", names!(one.resource_types()))
        });
        Props::new()
            .put("RecordingFrequency", mode.recording_frequency().as_str())
            .put("RecordingModeOverrides", overrides.collect::<Vec<_>>())
    });
    Props::of("config:DescribeConfigurationRecorders")
        .put("Name", recorder.name())
        .put("RoleARN", recorder.role_arn())
        .put("RecordingGroup", group)
        .put("RecordingMode", mode)
        .put(
            "RecordingScope",
            recorder.recording_scope().map(|scope| scope.as_str()),
        )
        .put("ServicePrincipal", recorder.service_principal())
}

/// Whether it records, which the schema has no property for.
fn running(
    props: Props,
    name: &str,
    status: &Result<Vec<ConfigurationRecorderStatus>, Failure>,
) -> Props {
    let props = props.from("config:DescribeConfigurationRecorderStatus");
    match status {
        Ok(all) => match all.iter().find(|status| status.name() == Some(name)) {
            Some(status) => props
                .put("Recording", status.recording())
                .put(
                    "LastStatus",
                    status.last_status().map(|status| status.as_str()),
                )
                .put("LastErrorCode", status.last_error_code())
                .put("LastStartTime", status.last_start_time())
                .put("LastStopTime", status.last_stop_time())
                .put("LastStatusChangeTime", status.last_status_change_time()),
            None => props,
        },
        Err(failure) => props
            .put("Recording", failure.clone())
            .put("LastStatus", failure.clone()),
    }
}

async fn channels(cx: &Cx, client: &Client) {
    let request = client.describe_delivery_channels();
    let channels = match cx
        .get("config:DescribeDeliveryChannels", request.send())
        .await
    {
        Ok(answer) => answer.delivery_channels.unwrap_or_default(),
        Err(failure) => return cx.gap(&["AWS::Config::DeliveryChannel"], &failure),
    };
    if channels.is_empty() {
        return;
    }
    let request = client.describe_delivery_channel_status();
    let status = cx
        .get("config:DescribeDeliveryChannelStatus", request.send())
        .await
        .map(|answer| answer.delivery_channels_status.unwrap_or_default());
    for channel in &channels {
        if let Some(name) = channel.name() {
            let props = of_channel(channel, name, &status);
            cx.emit("AWS::Config::DeliveryChannel", name, None, props);
        }
    }
}

fn of_channel(
    channel: &DeliveryChannel,
    name: &str,
    status: &Result<Vec<DeliveryChannelStatus>, Failure>,
) -> Props {
    let snapshots = channel
        .config_snapshot_delivery_properties()
        .map(|snapshots| {
            Props::new().put(
                "DeliveryFrequency",
                snapshots.delivery_frequency().map(|often| often.as_str()),
            )
        });
    let history = match status {
        Ok(all) => Ok(all
            .iter()
            .find(|status| status.name() == Some(name))
            .and_then(|status| status.config_history_delivery_info())
            .map(|info| {
                Props::new()
                    .put(
                        "LastStatus",
                        info.last_status().map(|status| status.as_str()),
                    )
                    .put("LastErrorCode", info.last_error_code())
                    .put("LastAttemptTime", info.last_attempt_time())
                    .put("LastSuccessfulTime", info.last_successful_time())
            })),
        Err(failure) => Err(failure.clone()),
    };
    Props::of("config:DescribeDeliveryChannels")
        .put("Name", name)
        .put("S3BucketName", channel.s3_bucket_name())
        .put("S3KeyPrefix", channel.s3_key_prefix())
        .put("S3KmsKeyArn", channel.s3_kms_key_arn())
        .put("SnsTopicARN", channel.sns_topic_arn())
        .put("ConfigSnapshotDeliveryProperties", snapshots)
        .from("config:DescribeDeliveryChannelStatus")
        .put("ConfigHistoryDeliveryInfo", history)
}

async fn rules(cx: &Cx, client: &Client) {
    let rules = cx
        .list(
            "config:DescribeConfigRules",
            &["AWS::Config::ConfigRule"],
            items!(client.describe_config_rules()),
        )
        .await;
    if rules.is_empty() {
        return;
    }
    let stream = items!(client.describe_compliance_by_config_rule());
    let (found, failure) = cx
        .try_list("config:DescribeComplianceByConfigRule", stream)
        .await;
    let found: HashMap<String, Compliance> = found
        .into_iter()
        .filter_map(|one| Some((one.config_rule_name?, one.compliance?)))
        .collect();
    for rule in &rules {
        let Some(name) = rule.config_rule_name() else {
            continue;
        };
        let compliance = match (found.get(name), &failure) {
            (Some(compliance), _) => Ok(Some(of_compliance(compliance))),
            (None, Some(failure)) => Err(failure.clone()),
            (None, None) => Ok(None),
        };
        let props = of_rule(rule)
            .from("config:DescribeComplianceByConfigRule")
            .put("Compliance", compliance);
        cx.emit(
            "AWS::Config::ConfigRule",
            name,
            rule.config_rule_arn(),
            props,
        );
    }
}

fn of_compliance(compliance: &Compliance) -> Props {
    let count = compliance.compliance_contributor_count().map(|count| {
        Props::new()
            .put("CappedCount", count.capped_count())
            .put("CapExceeded", count.cap_exceeded())
    });
    Props::new()
        .put(
            "Type",
            compliance.compliance_type().map(|kind| kind.as_str()),
        )
        .put("ComplianceContributorCount", count)
}

fn of_rule(rule: &ConfigRule) -> Props {
    let scope = rule.scope().map(|scope| {
        Props::new()
            .put("ComplianceResourceTypes", scope.compliance_resource_types())
            .put("ComplianceResourceId", scope.compliance_resource_id())
            .put("TagKey", scope.tag_key())
            .put("TagValue", scope.tag_value())
    });
    let source = rule.source().map(|source| {
        let details = source.source_details().iter().map(|detail| {
            Props::new()
                .put(
                    "EventSource",
                    detail.event_source().map(|source| source.as_str()),
                )
                .put(
                    "MessageType",
                    detail.message_type().map(|kind| kind.as_str()),
                )
                .put(
                    "MaximumExecutionFrequency",
                    detail
                        .maximum_execution_frequency()
                        .map(|often| often.as_str()),
                )
        });
        Props::new()
            .put("Owner", source.owner().as_str())
            .put("SourceIdentifier", source.source_identifier())
            .put("SourceDetails", details.collect::<Vec<_>>())
    });
    let parameters = rule
        .input_parameters()
        .map(|text| document("config:DescribeConfigRules", text));
    Props::of("config:DescribeConfigRules")
        .put("ConfigRuleName", rule.config_rule_name())
        .put("Description", rule.description())
        .put("Scope", scope)
        .put("Source", source)
        .put("InputParameters", parameters)
        .put(
            "MaximumExecutionFrequency",
            rule.maximum_execution_frequency()
                .map(|often| often.as_str()),
        )
        .put(
            "ConfigRuleState",
            rule.config_rule_state().map(|state| state.as_str()),
        )
        .put("CreatedBy", rule.created_by())
}

async fn packs(cx: &Cx, client: &Client) {
    let packs = cx
        .list(
            "config:DescribeConformancePacks",
            &["AWS::Config::ConformancePack"],
            items!(client.describe_conformance_packs()),
        )
        .await;
    for pack in &packs {
        let name = pack.conformance_pack_name();
        let props = Props::of("config:DescribeConformancePacks")
            .put("ConformancePackName", name)
            .put("DeliveryS3Bucket", pack.delivery_s3_bucket())
            .put("DeliveryS3KeyPrefix", pack.delivery_s3_key_prefix())
            .put("CreatedBy", pack.created_by())
            .put("LastUpdateRequestedTime", pack.last_update_requested_time());
        cx.emit(
            "AWS::Config::ConformancePack",
            name,
            Some(pack.conformance_pack_arn()),
            props,
        );
    }
}
