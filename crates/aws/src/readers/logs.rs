//! Amazon CloudWatch Logs: log groups, metric filters.

use super::prelude::*;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::{LogGroup, MetricFilter, MetricTransformation};

pub(super) static READER: Reader = Reader {
    service: "logs",
    scope: Scope::Regional,
    kinds: &["AWS::Logs::LogGroup", "AWS::Logs::MetricFilter"],
    calls: &["logs:DescribeLogGroups", "logs:DescribeMetricFilters"],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

const GROUP: &str = "AWS::Logs::LogGroup";
const FILTER: &str = "AWS::Logs::MetricFilter";

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let groups = cx
        .list(
            "logs:DescribeLogGroups",
            &[GROUP],
            items!(client.describe_log_groups()),
        )
        .await;
    for group in &groups {
        of_group(&cx, group);
    }
    // Without the name of a group it tells those of all.
    let filters = cx
        .list(
            "logs:DescribeMetricFilters",
            &[FILTER],
            items!(client.describe_metric_filters()),
        )
        .await;
    for filter in &filters {
        of_filter(&cx, filter);
    }
}

fn of_group(cx: &Cx, group: &LogGroup) {
    let Some(name) = group.log_group_name() else {
        return;
    };
    // Of its two ARNs that without `:*`, which is the one that has tags (CloudWatch Logs API Reference, LogGroup).
    let arn = match (group.log_group_arn(), group.arn()) {
        (Some(arn), _) => arn.to_owned(),
        (None, Some(arn)) => arn.trim_end_matches(":*").to_owned(),
        (None, None) => cx.arn("logs", &format!("log-group:{name}")),
    };
    let inherited = names!(group.inherited_properties());
    let protection = group.data_protection_status().map(|status| status.as_str());
    let props = Props::of("logs:DescribeLogGroups")
        .put("LogGroupName", name)
        .put("KmsKeyId", group.kms_key_id())
        .put("RetentionInDays", group.retention_in_days())
        .put(
            "LogGroupClass",
            group.log_group_class().map(|class| class.as_str()),
        )
        .put(
            "DeletionProtectionEnabled",
            group.deletion_protection_enabled(),
        )
        .put("DataProtectionStatus", protection)
        .put("InheritedProperties", inherited)
        .put("StoredBytes", group.stored_bytes())
        .put("CreationTime", group.creation_time().map(moment));
    cx.emit(GROUP, name, Some(&arn), props);
}

fn of_filter(cx: &Cx, filter: &MetricFilter) {
    let Some(name) = filter.filter_name() else {
        return;
    };
    let transformations = filter.metric_transformations().iter().map(transformation);
    let props = Props::of("logs:DescribeMetricFilters")
        .put("FilterName", name)
        .put("LogGroupName", filter.log_group_name())
        // The empty pattern matches everything.
        .put("FilterPattern", filter.filter_pattern().unwrap_or_default())
        .put("MetricTransformations", transformations.collect::<Vec<_>>())
        .put("ApplyOnTransformedLogs", filter.apply_on_transformed_logs())
        .put("FieldSelectionCriteria", filter.field_selection_criteria());
    // A metric filter has no ARN.
    cx.emit(FILTER, name, None, props);
}

fn transformation(of: &MetricTransformation) -> Props {
    let mut dimensions: Vec<_> = of.dimensions().into_iter().flatten().collect();
    dimensions.sort();
    let dimensions = dimensions
        .into_iter()
        .map(|(key, value)| Props::new().put("Key", key).put("Value", value));
    Props::new()
        .put("MetricNamespace", of.metric_namespace())
        .put("MetricName", of.metric_name())
        .put("MetricValue", of.metric_value())
        .put("DefaultValue", of.default_value())
        .put("Dimensions", dimensions.collect::<Vec<_>>())
        .put("Unit", of.unit().map(|unit| unit.as_str()))
}

/// From milliseconds since 1970.
fn moment(millis: i64) -> aws_smithy_types::DateTime {
    aws_smithy_types::DateTime::from_millis(millis)
}
