//! AWS CloudTrail: trails, event data stores.

use super::prelude::*;
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::types::{AdvancedEventSelector, EventSelector, Trail};

pub(super) static READER: Reader = Reader {
    service: "cloudtrail",
    scope: Scope::Regional,
    kinds: &["AWS::CloudTrail::Trail", "AWS::CloudTrail::EventDataStore"],
    calls: &[
        "cloudtrail:DescribeTrails",
        "cloudtrail:GetTrailStatus",
        "cloudtrail:GetEventSelectors",
        "cloudtrail:GetInsightSelectors",
        "cloudtrail:ListEventDataStores",
        "cloudtrail:GetEventDataStore",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(trails(&cx, &client), stores(&cx, &client));
}

/// With shadows, since an organisation's trail is in a member account nothing but a shadow.
async fn trails(cx: &Cx, client: &Client) {
    let request = client.describe_trails().include_shadow_trails(true);
    let answer = cx.get("cloudtrail:DescribeTrails", request.send()).await;
    let trails = match answer {
        Ok(answer) => answer.trail_list.unwrap_or_default(),
        Err(failure) => return cx.gap(&["AWS::CloudTrail::Trail"], &failure),
    };
    let trails = trails.into_iter().filter(|trail| is_told_here(cx, trail));
    cx.each(trails, |trail| {
        let (cx, client) = (cx.clone(), client.clone());
        async move { one(&cx, &client, &trail).await }
    })
    .await;
}

/// A trail shows in every region that it covers. It is told of where it is at home, or where that is not scanned in
/// the first region that is.
fn is_told_here(cx: &Cx, trail: &Trail) -> bool {
    match trail.home_region() {
        Some(home) if cx.covers(home) => home == cx.endpoint_region(),
        Some(_) => {
            cx.0.regions
                .first()
                .is_some_and(|first| first == cx.endpoint_region())
        }
        None => true,
    }
}

async fn one(cx: &Cx, client: &Client, trail: &Trail) {
    let Some(name) = trail.name() else { return };
    let own = cx.arn("cloudtrail", &format!("trail/{name}"));
    let arn = trail.trail_arn().unwrap_or(&own);
    let mut props = Props::of("cloudtrail:DescribeTrails")
        .put("TrailName", name)
        .put("S3BucketName", trail.s3_bucket_name())
        .put("S3KeyPrefix", trail.s3_key_prefix())
        .put("SnsTopicName", trail.sns_topic_arn())
        .put(
            "IncludeGlobalServiceEvents",
            trail.include_global_service_events(),
        )
        .put("IsMultiRegionTrail", trail.is_multi_region_trail())
        .put("IsOrganizationTrail", trail.is_organization_trail())
        .put("HomeRegion", trail.home_region())
        .put(
            "EnableLogFileValidation",
            trail.log_file_validation_enabled(),
        )
        .put(
            "CloudWatchLogsLogGroupArn",
            trail.cloud_watch_logs_log_group_arn(),
        )
        .put("CloudWatchLogsRoleArn", trail.cloud_watch_logs_role_arn())
        .put("KMSKeyId", trail.kms_key_id())
        .put(
            "HasCustomEventSelectors",
            trail.has_custom_event_selectors(),
        )
        .put("HasInsightSelectors", trail.has_insight_selectors());
    let request = client.get_trail_status().name(arn);
    let status = cx.get("cloudtrail:GetTrailStatus", request.send()).await;
    props = props.from("cloudtrail:GetTrailStatus");
    props = match status {
        Ok(status) => props
            .put("IsLogging", status.is_logging())
            .put("StartLoggingTime", status.start_logging_time())
            .put("StopLoggingTime", status.stop_logging_time())
            .put("LatestDeliveryTime", status.latest_delivery_time())
            .put("LatestDeliveryError", status.latest_delivery_error())
            .put(
                "LatestDigestDeliveryTime",
                status.latest_digest_delivery_time(),
            )
            .put(
                "LatestDigestDeliveryError",
                status.latest_digest_delivery_error(),
            )
            .put(
                "LatestCloudWatchLogsDeliveryTime",
                status.latest_cloud_watch_logs_delivery_time(),
            )
            .put(
                "LatestCloudWatchLogsDeliveryError",
                status.latest_cloud_watch_logs_delivery_error(),
            ),
        Err(failure) => props
            .put("IsLogging", failure.clone())
            .put("LatestDeliveryTime", failure.clone())
            .put("LatestDeliveryError", failure),
    };
    let request = client.get_event_selectors().trail_name(arn);
    let selectors = cx.get("cloudtrail:GetEventSelectors", request.send()).await;
    props = props.from("cloudtrail:GetEventSelectors");
    props = match selectors {
        Ok(found) => props
            .put("EventSelectors", basic(found.event_selectors()))
            .put(
                "AdvancedEventSelectors",
                advanced(found.advanced_event_selectors()),
            ),
        Err(failure) => props
            .put("EventSelectors", failure.clone())
            .put("AdvancedEventSelectors", failure),
    };
    // A trail without any says so in the list.
    if trail.has_insight_selectors() != Some(false) {
        let insights = cx
            .get_unless(
                "cloudtrail:GetInsightSelectors",
                &["InsightNotEnabledException"],
                client.get_insight_selectors().trail_name(arn).send(),
            )
            .await
            .map(|found| {
                found.map(|found| {
                    let selectors = found.insight_selectors().iter();
                    selectors
                        .map(|one| {
                            Props::new()
                                .put("InsightType", one.insight_type().map(|kind| kind.as_str()))
                        })
                        .collect::<Vec<_>>()
                })
            });
        props = props
            .from("cloudtrail:GetInsightSelectors")
            .put("InsightSelectors", insights);
    }
    cx.emit_in(
        trail.home_region(),
        "AWS::CloudTrail::Trail",
        name,
        Some(arn),
        props,
    );
}

fn basic(selectors: &[EventSelector]) -> Vec<Props> {
    selectors
        .iter()
        .map(|selector| {
            let data = selector.data_resources().iter().map(|data| {
                Props::new()
                    .put("Type", data.r#type())
                    .put("Values", data.values())
            });
            Props::new()
                .put(
                    "ReadWriteType",
                    selector.read_write_type().map(|kind| kind.as_str()),
                )
                .put(
                    "IncludeManagementEvents",
                    selector.include_management_events(),
                )
                .put(
                    "ExcludeManagementEventSources",
                    selector.exclude_management_event_sources(),
                )
                .put("DataResources", data.collect::<Vec<_>>())
        })
        .collect()
}

fn advanced(selectors: &[AdvancedEventSelector]) -> Vec<Props> {
    selectors
        .iter()
        .map(|selector| {
            let fields = selector.field_selectors().iter().map(|field| {
                Props::new()
                    .put("Field", field.field())
                    .put("Equals", field.equals())
                    .put("NotEquals", field.not_equals())
                    .put("StartsWith", field.starts_with())
                    .put("NotStartsWith", field.not_starts_with())
                    .put("EndsWith", field.ends_with())
                    .put("NotEndsWith", field.not_ends_with())
            });
            Props::new()
                .put("Name", selector.name())
                .put("FieldSelectors", fields.collect::<Vec<_>>())
        })
        .collect()
}

async fn stores(cx: &Cx, client: &Client) {
    let pages = cx
        .list(
            "cloudtrail:ListEventDataStores",
            &["AWS::CloudTrail::EventDataStore"],
            pages!(client.list_event_data_stores()),
        )
        .await;
    let stores = pages
        .into_iter()
        .flat_map(|page| page.event_data_stores.unwrap_or_default());
    cx.each(stores, |store| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            let (Some(arn), Some(name)) = (store.event_data_store_arn(), store.name()) else {
                return;
            };
            let request = client.get_event_data_store().event_data_store(arn);
            let props = match cx.get("cloudtrail:GetEventDataStore", request.send()).await {
                Ok(found) => Props::of("cloudtrail:GetEventDataStore")
                    .put("Name", name)
                    .put("KmsKeyId", found.kms_key_id())
                    .put("Status", found.status().map(|status| status.as_str()))
                    .put(
                        "AdvancedEventSelectors",
                        advanced(found.advanced_event_selectors()),
                    )
                    .put("MultiRegionEnabled", found.multi_region_enabled())
                    .put("OrganizationEnabled", found.organization_enabled())
                    .put("RetentionPeriod", found.retention_period())
                    .put(
                        "TerminationProtectionEnabled",
                        found.termination_protection_enabled(),
                    )
                    .put(
                        "BillingMode",
                        found.billing_mode().map(|mode| mode.as_str()),
                    ),
                Err(failure) => Props::of("cloudtrail:GetEventDataStore")
                    .put("Name", name)
                    .put("KmsKeyId", failure.clone())
                    .put("Status", failure.clone())
                    .put("AdvancedEventSelectors", failure),
            };
            cx.emit("AWS::CloudTrail::EventDataStore", name, Some(arn), props);
        }
    })
    .await;
}
