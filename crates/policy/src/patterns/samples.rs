//! The events that the policy wants somebody to be told of, as AWS writes them.

use super::{ACCOUNT, REGION, reference, rewritten};
use lockfast_facts::{ResourceId, Subject};
use serde_json::{Value as Json, json};

/// Something that happens, in the forms in which monitors see it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Event {
    /// What EventBridge delivers.
    pub bridged: Option<Json>,
    /// What CloudTrail writes into its log group.
    pub record: Option<Json>,
}

/// What may happen to a key that somebody must hear of: it is disabled, deleted, or its policy changes.
pub(crate) fn key_events() -> Vec<(&'static str, Event)> {
    ["ScheduleKeyDeletion", "DisableKey", "PutKeyPolicy"]
        .into_iter()
        .map(|name| (name, call(trail("kms.amazonaws.com", name))))
        .collect()
}

/// The events of a key's rotation: the service's own, the call on demand, and its end.
pub(crate) fn rotation() -> Vec<Event> {
    let mut rotate = trail("kms.amazonaws.com", "RotateKey");
    rotate["eventType"] = json!("AwsServiceEvent");
    let rotated = json!({
        "version": "0", "source": "aws.kms", "detail-type": "KMS CMK Rotation", "account": ACCOUNT,
        "region": REGION, "resources": [key()],
        "detail": { "key-id": "1" }
    });
    vec![
        service(rotated),
        call(rotate),
        call(trail("kms.amazonaws.com", "DisableKeyRotation")),
    ]
}

/// An event of keys, as it is when it happens to one of the inventory's.
pub(crate) fn of_key(event: &Event, id: ResourceId) -> Event {
    let of_key = |json: &Json| {
        rewritten(json, &|text| match text == key() {
            true => reference(id),
            false => text.to_owned(),
        })
    };
    Event {
        bridged: event.bridged.as_ref().map(of_key),
        record: event.record.as_ref().map(of_key),
    }
}

/// What AWS Config sends when a rule finds a violation, and Security Hub when a check fails. Of
/// one rule, where it is given.
pub(crate) fn violation(rule: Option<Subject<'_>>) -> Vec<Event> {
    let name = match rule {
        None => json!("encrypted-volumes"),
        // A pattern may name the rule or refer to it.
        Some(rule) => {
            let mut names = vec![reference(rule.id())];
            names.extend(rule.at("ConfigRuleName").string().found());
            json!(names)
        }
    };
    let config = json!({
        "version": "0", "source": "aws.config", "detail-type": "Config Rules Compliance Change",
        "account": ACCOUNT, "region": REGION, "resources": [],
        "detail": {
            "messageType": "ComplianceChangeNotification", "configRuleName": name,
            "awsAccountId": ACCOUNT, "awsRegion": REGION,
            "resourceType": "AWS::EC2::Volume", "resourceId": "vol-1",
            "newEvaluationResult": { "complianceType": "NON_COMPLIANT" }
        }
    });
    let hub = json!({
        "version": "0", "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported",
        "account": ACCOUNT, "region": REGION, "resources": [],
        "detail": { "findings": [{
            "Compliance": { "Status": "FAILED" }, "RecordState": "ACTIVE", "Workflow": { "Status": "NEW" },
            "Severity": { "Label": "HIGH" }, "ProductName": "Security Hub", "AwsAccountId": ACCOUNT
        }] }
    });
    vec![service(config), service(hub)]
}

/// What ACM sends before a certificate expires, and AWS Health when its renewal needs somebody.
pub(crate) fn expiry() -> Vec<Event> {
    let certificate = format!("arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1");
    let approaching = json!({
        "version": "0", "source": "aws.acm", "detail-type": "ACM Certificate Approaching Expiration",
        "account": ACCOUNT, "region": REGION, "resources": [certificate],
        "detail": { "DaysToExpiry": 31, "CommonName": "shop.example.com" }
    });
    let health = json!({
        "version": "0", "source": "aws.health", "detail-type": "AWS Health Event",
        "account": ACCOUNT, "region": REGION, "resources": [certificate],
        "detail": {
            "service": "ACM", "eventTypeCategory": "scheduledChange",
            "eventTypeCode": "AWS_ACM_RENEWAL_STATE_CHANGE", "statusCode": "open"
        }
    });
    vec![service(approaching), service(health)]
}

/// A use of a key.
pub(crate) fn key_use() -> Event {
    let mut record = trail("kms.amazonaws.com", "Decrypt");
    record["readOnly"] = true.into();
    call(record)
}

/// What AWS KMS sends when a key was deleted.
pub(crate) fn key_deleted() -> Event {
    service(json!({
        "version": "0", "source": "aws.kms", "detail-type": "KMS CMK Deletion", "account": ACCOUNT,
        "region": REGION, "resources": [key()],
        "detail": { "key-id": "1" }
    }))
}

/// A secret is read, with and without success.
pub(crate) fn secret_read() -> Vec<Event> {
    let mut read = trail("secretsmanager.amazonaws.com", "GetSecretValue");
    read["readOnly"] = true.into();
    read["requestParameters"] = json!({ "secretId": "prod/orders/db" });
    let mut refused = read.clone();
    refused["errorCode"] = "AccessDenied".into();
    [read, refused].map(call).into()
}

/// A use of a key that was refused, which metric filters look for too.
pub(crate) fn decrypt_denied() -> Json {
    let mut record = trail("kms.amazonaws.com", "Decrypt");
    record["errorCode"] = "AccessDenied".into();
    record
}

/// What a service itself sends.
fn service(bridged: Json) -> Event {
    Event {
        bridged: Some(bridged),
        record: None,
    }
}

/// A call of an AWS service: CloudTrail writes it down, and EventBridge delivers that.
fn call(record: Json) -> Event {
    let host = record["eventSource"].as_str().unwrap_or_default();
    let source = format!("aws.{}", host.trim_end_matches(".amazonaws.com"));
    let bridged = json!({
        "version": "0", "source": source, "detail-type": "AWS API Call via CloudTrail", "account": ACCOUNT,
        "region": REGION, "resources": [], "detail": record
    });
    Event {
        bridged: Some(bridged),
        record: Some(record),
    }
}

/// The key's ARN, which CloudTrail writes where a call names the key so.
fn key() -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/1")
}

fn trail(source: &str, name: &str) -> Json {
    json!({
        "eventVersion": "1.11", "eventSource": source, "eventName": name, "awsRegion": REGION,
        "eventType": "AwsApiCall", "readOnly": false, "managementEvent": true, "eventCategory": "Management",
        "recipientAccountId": ACCOUNT, "sourceIPAddress": "203.0.113.7", "userAgent": "aws-cli/2",
        "userIdentity": {
            "type": "AssumedRole", "accountId": ACCOUNT,
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/admin/somebody"),
            "sessionContext": { "sessionIssuer": { "type": "Role", "userName": "admin" } }
        },
        "requestParameters": { "keyId": key() },
        "resources": [{ "ARN": key(), "type": "AWS::KMS::Key", "accountId": ACCOUNT }]
    })
}
