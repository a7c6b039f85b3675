//! CloudWatch, which the SDK speaks to in `rpc-v2-cbor`; moto knows its older protocols only.

use super::template::in_days;
use super::{Answer, Call, How, Row, row};
use crate::cbor;
use serde_json::{Value, json};

pub const ROWS: &[Row] = &[row(
    "monitoring",
    "DescribeAlarms",
    &["AlarmTypes", "MaxRecords", "NextToken"],
    How::Anew(alarms),
)];

/// moto's own alarms, and beside them a composite one, which moto cannot hold.
fn alarms(call: &Call<'_>) -> Answer {
    let mut found = call.ask(
        "monitoring",
        "GraniteServiceVersion20100801.DescribeAlarms",
        &json!({}),
    );
    for alarm in found["MetricAlarms"].as_array_mut().into_iter().flatten() {
        alarm["StateTransitionedTimestamp"] = alarm["StateUpdatedTimestamp"].clone();
        for name in [
            "AlarmConfigurationUpdatedTimestamp",
            "StateUpdatedTimestamp",
            "StateTransitionedTimestamp",
        ] {
            alarm[name] = json!({"$time": alarm[name]});
        }
    }
    let types = call.asked.parameter("AlarmTypes");
    found["CompositeAlarms"] = json!([]);
    if types.contains("CompositeAlarm") && call.asked.region == "eu-central-1" {
        found["CompositeAlarms"] = json!([{
            "AlarmName": "keys",
            "AlarmArn": format!("arn:aws:cloudwatch:{}:{}:alarm:keys", call.asked.region, call.account),
            "AlarmRule": "ALARM(key-deletion) OR ALARM(key-deletion-silent)",
            "ActionsEnabled": true,
            "AlarmActions": [format!("arn:aws:sns:{}:{}:security-alarms", call.asked.region, call.account)],
            "OKActions": [],
            "InsufficientDataActions": [],
            "StateValue": "OK",
            "StateUpdatedTimestamp": {"$time": in_days(-1)},
        }]);
    }
    if let Some(members) = found.as_object_mut() {
        members.retain(|name, value| !value.is_null() && name != "ResponseMetadata");
    }
    answer(&found)
}

fn answer(value: &Value) -> Answer {
    let mut answer = Answer::of(200, "application/cbor", cbor::encode(value));
    answer.set("smithy-protocol", "rpc-v2-cbor");
    answer
}
