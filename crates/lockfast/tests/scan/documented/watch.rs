//! What watches: CloudTrail, Config, and the topics that alarms are sent to.

use super::template::in_days;
use super::{Call, How, Row, row, xml};
use serde_json::{Value, json};

pub const ROWS: &[Row] = &[
    row(
        "cloudtrail",
        "GetTrailStatus",
        &["Name"],
        How::Json(trail_status),
    ),
    row(
        "cloudtrail",
        "DescribeTrails",
        &["includeShadowTrails", "trailNameList"],
        How::Json(trails),
    ),
    row(
        "cloudtrail",
        "ListEventDataStores",
        &["MaxResults", "NextToken"],
        How::Recorded("ListEventDataStores"),
    ),
    row(
        "cloudtrail",
        "GetEventDataStore",
        &["EventDataStore"],
        How::Recorded("GetEventDataStore"),
    ),
    row(
        "config",
        "DescribeConfigurationRecorders",
        &[],
        How::Json(recorders),
    ),
    row(
        "config",
        "DescribeConfigurationRecorderStatus",
        &[],
        How::Json(recorder_status),
    ),
    row(
        "config",
        "DescribeDeliveryChannelStatus",
        &[],
        How::Recorded("DescribeDeliveryChannelStatus"),
    ),
    row(
        "config",
        "DescribeComplianceByConfigRule",
        &["NextToken"],
        How::Anew(compliance),
    ),
    row(
        "config",
        "DescribeConformancePacks",
        &["NextToken", "Limit"],
        How::Recorded("DescribeConformancePacks"),
    ),
    row("sns", "GetTopicAttributes", &["TopicArn"], How::Text(topic)),
];

/// The shop's trail delivers; the old one of eu-west-1 has lost its bucket.
fn trail_status(call: &Call<'_>, status: &mut Value) {
    let name = call.asked.parameter("Name");
    if status["IsLogging"] != true {
        return;
    }
    // AWS API Reference, GetTrailStatus: the moments are numbers, and what is empty is left out.
    for member in [
        "LatestNotificationAttemptTime",
        "LatestNotificationAttemptSucceeded",
        "TimeLoggingStopped",
    ] {
        status.as_object_mut().map(|status| status.remove(member));
    }
    status["StartLoggingTime"] = json!(in_days(-700));
    if name.contains("legacy") {
        status["LatestDeliveryTime"] = json!(in_days(-40));
        status["LatestDeliveryError"] = json!("NoSuchBucket");
        status["LatestDigestDeliveryError"] = json!("NoSuchBucket");
    } else {
        status["LatestDeliveryTime"] = json!(in_days(0));
        status["LatestDigestDeliveryTime"] = json!(in_days(0));
        status["LatestCloudWatchLogsDeliveryTime"] = json!(in_days(0));
    }
}

fn trails(_: &Call<'_>, answer: &mut Value) {
    for trail in answer["trailList"].as_array_mut().into_iter().flatten() {
        trail["HasCustomEventSelectors"] = json!(true);
    }
}

fn recorders(call: &Call<'_>, answer: &mut Value) {
    for recorder in answer["ConfigurationRecorders"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        let name = recorder["name"].as_str().unwrap_or_default();
        let (region, account) = (&call.asked.region, &call.account);
        recorder["arn"] = json!(format!(
            "arn:aws:config:{region}:{account}:configuration-recorder/{name}/1a2b3c4d5e6f7a8b"
        ));
        recorder["recordingMode"] =
            json!({"recordingFrequency": "CONTINUOUS", "recordingModeOverrides": []});
    }
}

fn recorder_status(_: &Call<'_>, answer: &mut Value) {
    for status in answer["ConfigurationRecordersStatus"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        // One that was never started has no status yet.
        match status["recording"] == true {
            true => status["lastStatus"] = json!("SUCCESS"),
            false => status["lastStatus"] = json!("PENDING"),
        }
    }
}

/// Every rule of moto's with what it found: buckets are right, all else is not.
fn compliance(call: &Call<'_>) -> super::Answer {
    let rules = call.ask(
        "config",
        "StarlingDoveService.DescribeConfigRules",
        &json!({}),
    );
    let rules = rules["ConfigRules"].as_array().cloned().unwrap_or_default();
    let found = rules.iter().map(|rule| {
        let name = rule["ConfigRuleName"].as_str().unwrap_or_default();
        let compliance = match name.starts_with("s3") {
            true => json!({"ComplianceType": "COMPLIANT"}),
            false => json!({
                "ComplianceType": "NON_COMPLIANT",
                "ComplianceContributorCount": {"CappedCount": 25, "CapExceeded": true},
            }),
        };
        json!({"ConfigRuleName": name, "Compliance": compliance})
    });
    let found = json!({"ComplianceByConfigRules": found.collect::<Vec<_>>()});
    super::Answer::of(200, "application/x-amz-json-1.1", found.to_string())
}

/// moto confirms subscriptions and counts none.
fn topic(call: &Call<'_>, text: String) -> String {
    let arn = call.asked.parameter("TopicArn");
    let all = call.ask_query("sns", "Action=ListSubscriptions&Version=2010-03-31");
    let confirmed = all.matches(&format!("<TopicArn>{arn}</TopicArn>")).count();
    xml::each(&text, "entry", |entry| match xml::value(entry, "key") {
        Some("SubscriptionsConfirmed") => xml::set(entry, "value", &confirmed.to_string()),
        _ => entry.to_owned(),
    })
}
