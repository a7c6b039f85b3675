//! What runs and what flows: Lambda, Kafka, Firehose, SageMaker, AppSync, OpenSearch.

use super::{Answer, Call, How, Row, row, template};
use serde_json::{Value, json};

pub const ROWS: &[Row] = &[
    row(
        "lambda",
        "GET /2015-03-31/functions",
        &["MaxItems", "Marker", "FunctionVersion"],
        How::Json(functions),
    ),
    row(
        "lambda",
        "GET /2021-10-31/functions/*/urls",
        &["MaxItems", "Marker"],
        How::Anew(urls),
    ),
    row(
        "kafka",
        "GET /api/v2/clusters",
        &["maxResults", "nextToken"],
        How::Json(clusters),
    ),
    row(
        "firehose",
        "DescribeDeliveryStream",
        &["DeliveryStreamName"],
        How::Json(stream),
    ),
    row(
        "sagemaker",
        "ListFeatureGroups",
        &["MaxResults", "NextToken"],
        How::Recorded("ListFeatureGroups"),
    ),
    row(
        "sagemaker",
        "ListMlflowTrackingServers",
        &["MaxResults", "NextToken"],
        How::Recorded("ListMlflowTrackingServers"),
    ),
    row(
        "sagemaker",
        "ListSpaces",
        &["MaxResults", "NextToken", "DomainIdEquals"],
        How::Recorded("ListSpaces"),
    ),
    row(
        "appsync",
        "GET /v1/apis/*/datasources",
        &["maxResults", "nextToken"],
        How::Recorded("ListDataSources"),
    ),
    row(
        "appsync",
        "GET /v1/domainnames",
        &["maxResults", "nextToken"],
        How::Recorded("ListDomainNames"),
    ),
    row(
        "es",
        "GET /2021-01-01/opensearch/list-applications",
        &["maxResults", "nextToken"],
        How::Recorded("ListApplications"),
    ),
];

/// Every function has a log group, its own unless it was given one.
fn functions(_: &Call<'_>, answer: &mut Value) {
    for function in answer["Functions"].as_array_mut().into_iter().flatten() {
        let name = function["FunctionName"].as_str().unwrap_or_default();
        let group = match name {
            "orders-api" => "/shop/prod/orders".to_owned(),
            name => format!("/aws/lambda/{name}"),
        };
        function["LoggingConfig"] = json!({"LogFormat": "Text", "LogGroup": group});
    }
}

/// The URL of a function, which moto tells of by itself only.
fn urls(call: &Call<'_>) -> Answer {
    let (path, _) = call
        .asked
        .url
        .split_once('?')
        .unwrap_or((&call.asked.url, ""));
    let path = path.trim_end_matches('/').trim_end_matches('s');
    let headers = call
        .asked
        .headers
        .iter()
        .map(|(name, value)| (&**name, &**value));
    let answer = call.upstream.send("GET", path, headers, b"");
    let url = answer.filter(|answer| answer.status == 200);
    let url = url.and_then(|answer| serde_json::from_slice::<Value>(&answer.body).ok());
    let urls: Vec<Value> = url
        .into_iter()
        .map(|mut url| {
            url["InvokeMode"] = json!("BUFFERED");
            if let Some(url) = url.as_object_mut() {
                url.retain(|_, value| !value.is_null());
            }
            url
        })
        .collect();
    Answer::of(
        200,
        "application/json",
        json!({"FunctionUrlConfigs": urls}).to_string(),
    )
}

/// Moments with their zone, the key of AWS where none was named, and no placeholders.
fn clusters(call: &Call<'_>, answer: &mut Value) {
    for cluster in answer["clusterInfoList"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        cluster["creationTime"] = json!(template::written(template::in_days(-30)));
        cluster["state"] = json!("ACTIVE");
        for placeholder in ["activeOperationArn", "stateInfo"] {
            cluster
                .as_object_mut()
                .map(|cluster| cluster.remove(placeholder));
        }
        let Some(provisioned) = cluster["provisioned"].as_object_mut() else {
            continue;
        };
        provisioned.retain(|_, value| !value.is_null());
        if let Some(software) = provisioned["currentBrokerSoftwareInfo"].as_object_mut() {
            software.retain(|name, _| name == "kafkaVersion");
        }
        let encryption = &mut provisioned["encryptionInfo"];
        if encryption["encryptionAtRest"].is_null() {
            encryption["encryptionAtRest"] = json!({"dataVolumeKMSKeyId": call.key("aws/kafka")});
        }
        provisioned.insert("storageMode".to_owned(), json!("LOCAL"));
    }
}

/// What the reference calls required, and the status of the stream's own encryption.
fn stream(_: &Call<'_>, answer: &mut Value) {
    let stream = &mut answer["DeliveryStreamDescription"];
    stream["DeliveryStreamEncryptionConfiguration"]["Status"] =
        match stream["DeliveryStreamEncryptionConfiguration"]["KeyType"].is_string() {
            true => json!("ENABLED"),
            false => json!("DISABLED"),
        };
    for destination in stream["Destinations"].as_array_mut().into_iter().flatten() {
        for (name, kind) in destination.as_object_mut().into_iter().flatten() {
            let bucket = match &**name {
                "S3DestinationDescription" | "ExtendedS3DestinationDescription" => kind,
                "HttpEndpointDestinationDescription" => &mut kind["S3DestinationDescription"],
                _ => continue,
            };
            for (member, value) in [
                (
                    "BufferingHints",
                    json!({"SizeInMBs": 5, "IntervalInSeconds": 300}),
                ),
                ("CompressionFormat", json!("UNCOMPRESSED")),
                (
                    "EncryptionConfiguration",
                    json!({"NoEncryptionConfig": "NoEncryption"}),
                ),
            ] {
                if bucket[member].is_null() {
                    bucket[member] = value;
                }
            }
        }
    }
}
