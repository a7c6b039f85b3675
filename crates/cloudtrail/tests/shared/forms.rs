//! Records, and the same in every other form.
#![allow(dead_code, clippy::unwrap_used)]

use super::shared::{NAMES, record};
use serde_json::{Map, Value, json};

/// A varied dozen and more, as CloudTrail writes them.
pub fn records() -> Vec<Value> {
    let named = NAMES
        .iter()
        .map(|name| serde_json::from_str(&record(name)).unwrap());
    let mut records: Vec<Value> = named.collect();
    records.extend([
        json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": "AROA4EXAMPLEBATCH000:i-0123456789abcdef0",
                "arn": "arn:aws:sts::111122223333:assumed-role/batch/i-0123456789abcdef0",
                "accountId": "111122223333",
                "accessKeyId": "ASIA4EXAMPLEBATCH000",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role",
                        "principalId": "AROA4EXAMPLEBATCH000",
                        "arn": "arn:aws:iam::111122223333:role/batch",
                        "accountId": "111122223333",
                        "userName": "batch"
                    },
                    "attributes": {"creationDate": "2026-03-01T07:00:00Z", "mfaAuthenticated": "true"},
                    "sourceIdentity": "anna",
                    "ec2RoleDelivery": "2.0"
                }
            },
            "eventTime": "2026-03-01T11:59:59Z",
            "eventSource": "s3.amazonaws.com",
            "eventName": "GetObject",
            "awsRegion": "eu-central-1",
            "sourceIPAddress": "10.1.2.3",
            "userAgent": "[aws-sdk-java/2.25.1 \"quoted\", ünïcode 🔑 \\ back/slash]",
            "requestParameters": {"bucketName": "b", "Host": "b.s3.amazonaws.com", "key": "a\tb\n\"c\",d{e}/ü"},
            "responseElements": null,
            "additionalEventData": {"SignatureVersion": "SigV4", "bytesTransferredOut": "12", "x-amz-id-2": "a+b/c="},
            "requestID": "0A1B2C3D4E5F6071",
            "eventID": "7f9d2c1e-0000-4000-8000-00000000d0d0",
            "readOnly": true,
            "resources": [
                {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::b/a"},
                {"accountId": "111122223333", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::b"}
            ],
            "eventType": "AwsApiCall",
            "managementEvent": false,
            "recipientAccountId": "111122223333",
            "vpcEndpointId": "vpce-0123456789abcdef0",
            "eventCategory": "Data",
            "tlsDetails": {
                "tlsVersion": "TLSv1.2",
                "cipherSuite": "ECDHE-RSA-AES128-GCM-SHA256",
                "clientProvidedHostHeader": "b.s3.amazonaws.com"
            }
        }),
        json!({
            "eventVersion": "1.08",
            "userIdentity": {
                "type": "IAMUser", "principalId": "AIDA4EXAMPLEANNA0000", "arn": "arn:aws:iam::111122223333:user/anna",
                "accountId": "111122223333", "userName": "anna"
            },
            "eventTime": "2026-03-01T08:01:00Z",
            "eventSource": "signin.amazonaws.com",
            "eventName": "ConsoleLogin",
            "awsRegion": "us-east-1",
            "sourceIPAddress": "203.0.113.9",
            "userAgent": "Mozilla/5.0",
            "errorMessage": "Failed authentication",
            "requestParameters": null,
            "responseElements": {"ConsoleLogin": "Failure"},
            "additionalEventData": {"MobileVersion": "No", "MFAUsed": "No"},
            "eventID": "7f9d2c1e-0000-4000-8000-00000000d0d1",
            "readOnly": false,
            "eventType": "AwsConsoleSignIn",
            "managementEvent": true,
            "recipientAccountId": "111122223333",
            "eventCategory": "Management"
        }),
        json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "IAMUser", "principalId": "AIDA4EXAMPLEANNA0000", "arn": "arn:aws:iam::111122223333:user/anna",
                "accountId": "111122223333", "accessKeyId": "AKIA4EXAMPLEANNA0000", "userName": "anna",
                "sessionContext": {"attributes": {"creationDate": "2026-03-01T08:00:00Z", "mfaAuthenticated": "true"}}
            },
            "eventTime": "2026-03-01T14:00:00Z",
            "eventSource": "kms.amazonaws.com",
            "eventName": "PutKeyPolicy",
            "awsRegion": "eu-west-1",
            "sourceIPAddress": "203.0.113.9",
            "userAgent": "aws-cli/2.27.2",
            "requestParameters": {
                "keyId": "1a2b3c4d-0000-4000-8000-00000000aaaa",
                "policy": "{\"Version\":\"2012-10-17\",\"Statement\":[]}",
                "policyName": "default"
            },
            "responseElements": null,
            "requestID": "7f9d2c1e-0000-4000-8000-00000000e0e0",
            "eventID": "7f9d2c1e-0000-4000-8000-00000000d0d2",
            "readOnly": false,
            "eventType": "AwsApiCall",
            "apiVersion": "2014-11-01",
            "managementEvent": true,
            "recipientAccountId": "111122223333",
            "eventCategory": "Management",
            "sessionCredentialFromConsole": "true"
        }),
    ]);
    records
}

/// Without what says nothing: null, and objects of nothing. Fields in the order of their names.
pub fn bare(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), bare(value)));
            let fields = fields.filter(|(_, value)| {
                !value.is_null() && value.as_object().is_none_or(|object| !object.is_empty())
            });
            let sorted: std::collections::BTreeMap<String, Value> = fields.collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(elements) => elements.iter().map(bare).collect(),
        other => other.clone(),
    }
}

/// The answer of `LookupEvents` of these records.
pub fn lookup(records: &[Value]) -> String {
    let events = records.iter().map(|record| {
        json!({
            "EventId": record["eventID"], "EventName": record["eventName"], "EventTime": 1772359200.0, "Username": "anna",
            "Resources": [{"ResourceType": "AWS::KMS::Key", "ResourceName": "x"}], "CloudTrailEvent": record.to_string()
        })
    });
    json!({"Events": events.collect::<Vec<_>>(), "NextToken": "x"}).to_string()
}

/// One record's envelope of EventBridge.
pub fn envelope(record: &Value) -> String {
    json!({
        "version": "0", "id": "a", "detail-type": "AWS API Call via CloudTrail", "source": "aws.kms", "account": "111122223333",
        "time": record["eventTime"], "region": record["awsRegion"], "resources": [], "detail": record
    })
    .to_string()
}

/// What CloudWatch Logs hands on.
pub fn logs(records: &[Value]) -> String {
    let events = records.iter().map(
        |record| json!({"id": "1", "timestamp": 1772359200000_i64, "message": record.to_string()}),
    );
    json!({
        "messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "CloudTrail", "logStream": "s", "subscriptionFilters": ["f"],
        "logEvents": events.collect::<Vec<_>>()
    })
    .to_string()
}

/// What `get-query-results` prints.
pub fn query_results(records: &[Value]) -> String {
    let rows = records.iter().map(
        |record| json!([{"eventName": record["eventName"]}, {"eventJson": record.to_string()}]),
    );
    json!({"QueryStatus": "FINISHED", "QueryStatistics": {"ResultsCount": 1}, "QueryResultRows": rows.collect::<Vec<_>>()}).to_string()
}

/// A saved result of CloudTrail Lake.
pub fn csv(records: &[Value]) -> String {
    let mut csv = String::from("\"eventName\",\"EVENTJSON\",\"userIdentity\"\n");
    for record in records {
        let json = record.to_string().replace('"', "\"\"");
        csv += &format!(
            "\"{}\",\"{json}\",\"{{type=IAMUser, arn=null}}\"\n",
            record["eventName"].as_str().unwrap()
        );
    }
    csv
}

/// A record by the mappings of OCSF 1.1.0 and later, which Security Lake calls its version 2.
pub fn ocsf(record: &Value) -> Value {
    let mut rest = bare(record);
    let mut take = |path: &str| -> Value {
        let (within, last) = path.rsplit_once('/').unwrap_or(("", path));
        let within = if within.is_empty() {
            String::new()
        } else {
            format!("/{within}")
        };
        let object = rest.pointer_mut(&within).and_then(Value::as_object_mut);
        object
            .and_then(|object| object.remove(last))
            .unwrap_or_default()
    };
    let text = |value: Value| {
        if value.is_null() {
            value
        } else {
            Value::String(value.to_string())
        }
    };
    let time = |value: Value| {
        let time: Option<jiff::Timestamp> = value.as_str().map(|time| time.parse().unwrap());
        time.map(|time| time.as_millisecond())
    };
    let from = take("sourceIPAddress");
    let is_ip = from
        .as_str()
        .is_some_and(|from| from.parse::<std::net::IpAddr>().is_ok());
    let login = record["eventName"] == "ConsoleLogin";
    let resources = take("resources");
    let resources = resources.as_array().map(|resources| {
        let told = resources.iter().map(|one| json!({"uid": one["ARN"], "owner": {"account": {"uid": one["accountId"]}}, "type": one["type"]}));
        told.collect::<Vec<_>>()
    });
    let mfa = take("userIdentity/sessionContext/attributes/mfaAuthenticated");
    let used = if login {
        take("additionalEventData/MFAUsed")
    } else {
        Value::Null
    };
    let tls = bare(&json!({
        "version": take("tlsDetails/tlsVersion"), "cipher": take("tlsDetails/cipherSuite"), "sni": take("tlsDetails/clientProvidedHostHeader")
    }));
    let event_time = take("eventTime");
    let status = if login {
        record["responseElements"]["ConsoleLogin"].clone()
    } else {
        json!("Success")
    };
    let mapped = json!({
        "metadata": {
            "product": {
                "version": take("eventVersion"), "name": "CloudTrail", "vendor_name": "AWS", "feature": {"name": take("eventCategory")}
            },
            "event_code": take("eventType"), "uid": take("eventID"), "profiles": ["cloud", "datetime"], "version": "1.1.0"
        },
        "time": time(event_time.clone()),
        "time_dt": event_time.as_str().map(|time| time.replace('Z', "-05:00")),
        "cloud": {"region": take("awsRegion"), "account": {"uid": take("recipientAccountId")}, "provider": "AWS"},
        "api": {
            "response": {"error": take("errorCode"), "message": take("errorMessage"), "data": text(take("responseElements"))},
            "operation": take("eventName"), "version": take("apiVersion"), "service": {"name": take("eventSource")},
            "request": {"data": text(take("requestParameters")), "uid": take("requestID")}
        },
        "actor": {
            "user": {
                "type": take("userIdentity/type"), "name": take("userIdentity/userName"), "uid_alt": take("userIdentity/principalId"),
                "uid": take("userIdentity/arn"), "account": {"uid": take("userIdentity/accountId")},
                "credential_uid": take("userIdentity/accessKeyId")
            },
            "session": {
                "created_time_dt": take("userIdentity/sessionContext/attributes/creationDate"),
                "is_mfa": mfa.as_str().map(|mfa| mfa == "true"),
                "issuer": take("userIdentity/sessionContext/sessionIssuer/arn")
            },
            "invoked_by": take("userIdentity/invokedBy")
        },
        "src_endpoint": {"uid": take("vpcEndpointId"), if is_ip { "ip" } else { "domain" }: from},
        "http_request": {"user_agent": take("userAgent")},
        "resources": resources,
        "tls": tls,
        "class_name": if login { "Authentication" } else { "API Activity" },
        "class_uid": if login { 3002 } else { 6003 },
        "severity_id": 1,
        "is_mfa": used.as_str().map(|used| used == "Yes"),
        "status": status,
        "dst_endpoint": {"svc_name": if login { take("additionalEventData/LoginTo") } else { Value::Null }}
    });
    let mut mapped = bare(&mapped);
    let mut unmapped = Map::new();
    flatten("", &rest, &mut unmapped);
    mapped["unmapped"] = unmapped.into();
    mapped
}

/// The same by 1.0.0-rc.2, which has no place for what was sent and answered.
pub fn ocsf_first(record: &Value) -> Value {
    let mut event = ocsf(record);
    let user = &event["actor"]["user"];
    let first = json!({
        "type": user["type"], "name": user["name"], "uid": user["uid_alt"], "uuid": user["uid"],
        "account_uid": user["account"]["uid"], "credential_uid": user["credential_uid"]
    });
    event["actor"]["user"] = bare(&first);
    if let Some(session) = event["actor"]
        .get_mut("session")
        .and_then(Value::as_object_mut)
    {
        let created = session.remove("created_time_dt");
        let created = created.map(|time| {
            time.as_str()
                .unwrap()
                .parse::<jiff::Timestamp>()
                .unwrap()
                .as_millisecond()
        });
        session.insert("created_time".into(), created.into());
        let mfa = session.remove("is_mfa").unwrap_or_default();
        session.insert("mfa".into(), mfa);
    }
    for (side, name) in [
        ("request", "requestParameters"),
        ("response", "responseElements"),
    ] {
        if let Some(side) = event["api"].get_mut(side).and_then(Value::as_object_mut) {
            side.remove("data");
        }
        let fields = event["unmapped"].as_object_mut().unwrap();
        flatten(&format!("{name}."), &bare(&record[name]), fields);
    }
    let resources = event.get_mut("resources").and_then(Value::as_array_mut);
    for one in resources.into_iter().flatten() {
        *one = bare(
            &json!({"uid": one["uid"], "account_uid": one["owner"]["account"]["uid"], "type": one["type"]}),
        );
    }
    for (was, is) in [("is_mfa", "mfa")] {
        if let Some(value) = event.as_object_mut().unwrap().remove(was) {
            event[is] = value;
        }
    }
    event["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("event_code");
    event["unmapped"]["eventType"] = record["eventType"].clone();
    event["cloud"].as_object_mut().unwrap().remove("account");
    event["unmapped"]["recipientAccountId"] = record["recipientAccountId"].clone();
    event["metadata"]["version"] = "1.0.0-rc.2".into();
    event
}

fn flatten(path: &str, value: &Value, into: &mut Map<String, Value>) {
    let Some(fields) = value.as_object() else {
        return;
    };
    for (key, value) in fields {
        let path = format!("{path}{key}");
        match value {
            Value::Object(_) => flatten(&format!("{path}."), value, into),
            Value::String(text) => {
                into.insert(path, text.clone().into());
            }
            other => {
                into.insert(path, other.to_string().into());
            }
        }
    }
}
