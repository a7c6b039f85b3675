//! Whether a monitor's pattern really matches the events it is meant for.

mod events;
mod metric;

pub(crate) use events::matches as event_matches;
pub(crate) use metric::matches as metric_matches;

use lockfast_facts::{Kind, Value};
use serde_json::{Value as Json, json};

/// Events that the policy wants to be told of, as CloudTrail writes them.
pub(crate) fn key_events() -> Vec<(&'static str, Json)> {
    ["ScheduleKeyDeletion", "DisableKey", "PutKeyPolicy"]
        .into_iter()
        .map(|name| (name, trail("kms.amazonaws.com", name)))
        .collect()
}

/// The events of a key's rotation: the service's own and the call on demand.
pub(crate) fn rotation_events() -> Vec<Json> {
    let mut rotate = trail("kms.amazonaws.com", "RotateKey");
    rotate["eventType"] = json!("AwsServiceEvent");
    vec![
        json!({
            "version": "0", "source": "aws.kms", "detail-type": "KMS CMK Rotation", "account": "111111111111",
            "region": "eu-central-1", "resources": ["arn:aws:kms:eu-central-1:111111111111:key/1"],
            "detail": { "key-id": "1" }
        }),
        bridged("aws.kms", &rotate),
        rotate,
        bridged("aws.kms", &trail("kms.amazonaws.com", "DisableKeyRotation")),
        trail("kms.amazonaws.com", "DisableKeyRotation"),
    ]
}

/// Events that a compliance violation makes.
pub(crate) fn violation_events() -> Vec<Json> {
    vec![
        json!({
            "version": "0", "source": "aws.config", "detail-type": "Config Rules Compliance Change",
            "account": "111111111111", "region": "eu-central-1", "resources": [],
            "detail": {
                "messageType": "ComplianceChangeNotification", "configRuleName": "encrypted-volumes",
                "resourceType": "AWS::EC2::Volume", "resourceId": "vol-1",
                "newEvaluationResult": { "complianceType": "NON_COMPLIANT" }
            }
        }),
        json!({
            "version": "0", "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported",
            "account": "111111111111", "region": "eu-central-1", "resources": [],
            "detail": { "findings": [{
                "Compliance": { "Status": "FAILED" }, "RecordState": "ACTIVE", "Workflow": { "Status": "NEW" },
                "Severity": { "Label": "HIGH" }, "ProductName": "Security Hub"
            }] }
        }),
    ]
}

/// The event ACM sends before a certificate expires.
pub(crate) fn expiry_event() -> Json {
    json!({
        "version": "0", "source": "aws.acm", "detail-type": "ACM Certificate Approaching Expiration",
        "account": "111111111111", "region": "eu-central-1",
        "resources": ["arn:aws:acm:eu-central-1:111111111111:certificate/1"],
        "detail": { "DaysToExpiry": 31, "CommonName": "shop.example.com" }
    })
}

/// A CloudTrail record as EventBridge delivers it.
pub(crate) fn bridged(source: &str, record: &Json) -> Json {
    json!({
        "version": "0", "source": source, "detail-type": "AWS API Call via CloudTrail", "account": "111111111111",
        "region": "eu-central-1", "resources": [], "detail": record
    })
}

fn trail(source: &str, name: &str) -> Json {
    json!({
        "eventVersion": "1.11", "eventSource": source, "eventName": name, "awsRegion": "eu-central-1",
        "eventType": "AwsApiCall", "readOnly": false, "managementEvent": true, "eventCategory": "Management",
        "recipientAccountId": "111111111111", "sourceIPAddress": "203.0.113.7", "userAgent": "aws-cli/2",
        "userIdentity": {
            "type": "AssumedRole", "accountId": "111111111111",
            "arn": "arn:aws:sts::111111111111:assumed-role/admin/somebody",
            "sessionContext": { "sessionIssuer": { "type": "Role", "userName": "admin" } }
        },
        "requestParameters": { "keyId": "1" },
        "resources": [{ "ARN": "arn:aws:kms:eu-central-1:111111111111:key/1", "type": "AWS::KMS::Key", "accountId": "111111111111" }]
    })
}

/// A value as JSON; `None` when a part of it is not known.
pub(crate) fn json_of(value: &Value) -> Option<Json> {
    Some(match &value.kind {
        Kind::Null => Json::Null,
        Kind::Bool(b) => json!(b),
        Kind::Number(n) => serde_json::from_str(n).ok()?,
        Kind::Text(text) => match text.plain() {
            Some(s) => json!(s),
            // A reference to a resource is some value no event here has.
            None if text.first_unknown().is_none() => json!("\u{1}reference"),
            None => return None,
        },
        Kind::List(items) => Json::Array(items.iter().map(json_of).collect::<Option<_>>()?),
        Kind::Map(map) => Json::Object(
            map.iter()
                .map(|(n, v)| Some((n.to_string(), json_of(v)?)))
                .collect::<Option<_>>()?,
        ),
        Kind::Unknown(_) => return None,
    })
}
