//! Amazon CloudWatch: alarms and alarms of alarms.

use super::prelude::*;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{
    AlarmType, CompositeAlarm, Dimension, MetricAlarm, MetricDataQuery,
};

pub(super) static READER: Reader = Reader {
    service: "cloudwatch",
    scope: Scope::Regional,
    kinds: &[ALARM, COMPOSITE],
    calls: &["cloudwatch:DescribeAlarms"],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

const ALARM: &str = "AWS::CloudWatch::Alarm";
const COMPOSITE: &str = "AWS::CloudWatch::CompositeAlarm";

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    // Without the types it tells of metric alarms alone.
    let request = client
        .describe_alarms()
        .alarm_types(AlarmType::MetricAlarm)
        .alarm_types(AlarmType::CompositeAlarm)
        .max_records(100);
    let pages = cx
        .list(
            "cloudwatch:DescribeAlarms",
            &[ALARM, COMPOSITE],
            pages!(request),
        )
        .await;
    for page in &pages {
        for alarm in page.metric_alarms() {
            of_alarm(&cx, alarm);
        }
        for alarm in page.composite_alarms() {
            of_composite(&cx, alarm);
        }
    }
}

fn of_alarm(cx: &Cx, alarm: &MetricAlarm) {
    let (Some(name), Some(arn)) = (alarm.alarm_name(), alarm.alarm_arn()) else {
        return;
    };
    let props = Props::of("cloudwatch:DescribeAlarms")
        .put("AlarmName", name)
        .put("AlarmDescription", alarm.alarm_description())
        .put("ActionsEnabled", alarm.actions_enabled())
        .put("AlarmActions", alarm.alarm_actions())
        .put("OKActions", alarm.ok_actions())
        .put("InsufficientDataActions", alarm.insufficient_data_actions())
        .put("Namespace", alarm.namespace())
        .put("MetricName", alarm.metric_name())
        .put("Dimensions", dimensions(alarm.dimensions()))
        .put("Statistic", alarm.statistic().map(|it| it.as_str()))
        .put("ExtendedStatistic", alarm.extended_statistic())
        .put("Period", alarm.period())
        .put("Unit", alarm.unit().map(|it| it.as_str()))
        .put("EvaluationPeriods", alarm.evaluation_periods())
        .put("DatapointsToAlarm", alarm.datapoints_to_alarm())
        .put("Threshold", alarm.threshold())
        .put("ThresholdMetricId", alarm.threshold_metric_id())
        .put(
            "ComparisonOperator",
            alarm.comparison_operator().map(|it| it.as_str()),
        )
        .put("TreatMissingData", alarm.treat_missing_data())
        .put(
            "Metrics",
            alarm.metrics().iter().map(query).collect::<Vec<_>>(),
        )
        .put("StateValue", alarm.state_value().map(|it| it.as_str()))
        .put("StateUpdatedTimestamp", alarm.state_updated_timestamp());
    cx.emit(ALARM, name, Some(arn), props);
}

fn dimensions(of: &[Dimension]) -> Vec<Props> {
    of.iter()
        .map(|dimension| {
            Props::new()
                .put("Name", dimension.name())
                .put("Value", dimension.value())
        })
        .collect()
}

fn query(of: &MetricDataQuery) -> Props {
    let stat = of.metric_stat().map(|stat| {
        let metric = stat.metric().map(|metric| {
            Props::new()
                .put("Namespace", metric.namespace())
                .put("MetricName", metric.metric_name())
                .put("Dimensions", dimensions(metric.dimensions()))
        });
        Props::new()
            .put("Metric", metric)
            .put("Period", stat.period())
            .put("Stat", stat.stat())
            .put("Unit", stat.unit().map(|it| it.as_str()))
    });
    Props::new()
        .put("Id", of.id())
        .put("Expression", of.expression())
        .put("Label", of.label())
        .put("MetricStat", stat)
        .put("Period", of.period())
        .put("ReturnData", of.return_data())
        .put("AccountId", of.account_id())
}

fn of_composite(cx: &Cx, alarm: &CompositeAlarm) {
    let (Some(name), Some(arn)) = (alarm.alarm_name(), alarm.alarm_arn()) else {
        return;
    };
    let props = Props::of("cloudwatch:DescribeAlarms")
        .put("AlarmName", name)
        .put("AlarmDescription", alarm.alarm_description())
        .put("AlarmRule", alarm.alarm_rule())
        .put("ActionsEnabled", alarm.actions_enabled())
        .put("AlarmActions", alarm.alarm_actions())
        .put("OKActions", alarm.ok_actions())
        .put("InsufficientDataActions", alarm.insufficient_data_actions())
        .put("ActionsSuppressor", alarm.actions_suppressor())
        .put("StateValue", alarm.state_value().map(|it| it.as_str()))
        .put("StateUpdatedTimestamp", alarm.state_updated_timestamp());
    cx.emit(COMPOSITE, name, Some(arn), props);
}
