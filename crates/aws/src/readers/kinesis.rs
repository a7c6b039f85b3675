//! Amazon Kinesis Data Streams: streams and their policies.

use super::prelude::*;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::StreamDescriptionSummary;

pub(super) static READER: Reader = Reader {
    service: "kinesis",
    scope: Scope::Regional,
    kinds: &["AWS::Kinesis::Stream", "AWS::Kinesis::ResourcePolicy"],
    calls: &[
        "kinesis:ListStreams",
        "kinesis:DescribeStreamSummary",
        "kinesis:GetResourcePolicy",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let pages = cx
        .list(
            "kinesis:ListStreams",
            &["AWS::Kinesis::Stream"],
            pages!(client.list_streams()),
        )
        .await;
    let names = pages.into_iter().flat_map(|page| page.stream_names);
    cx.each(names, |name| {
        let (cx, client) = (cx.clone(), client.clone());
        async move { one(&cx, &client, &name).await }
    })
    .await;
}

async fn one(cx: &Cx, client: &Client, name: &str) {
    let arn = cx.arn("kinesis", &format!("stream/{name}"));
    let request = client.describe_stream_summary().stream_name(name);
    let described = cx
        .get("kinesis:DescribeStreamSummary", request.send())
        .await;
    let props = match described.map(|answer| answer.stream_description_summary) {
        Ok(Some(stream)) => of_stream(&stream),
        Ok(None) => return,
        Err(failure) => Props::of("kinesis:DescribeStreamSummary")
            .put("Name", name)
            .put("StreamEncryption", failure),
    };
    cx.emit("AWS::Kinesis::Stream", name, Some(&arn), props);
    policy(cx, client, name, &arn).await;
}

fn of_stream(stream: &StreamDescriptionSummary) -> Props {
    let encryption = Props::new()
        .put(
            "EncryptionType",
            stream.encryption_type().map(|kind| kind.as_str()),
        )
        .put("KeyId", stream.key_id());
    let mode = stream
        .stream_mode_details()
        .map(|mode| Props::new().put("StreamMode", mode.stream_mode().as_str()));
    Props::of("kinesis:DescribeStreamSummary")
        .put("Name", stream.stream_name())
        .put("StreamEncryption", encryption)
        .put("RetentionPeriodHours", stream.retention_period_hours())
        .put("ShardCount", stream.open_shard_count())
        .put("StreamModeDetails", mode)
        .put("StreamStatus", stream.stream_status().as_str())
        .put(
            "StreamCreationTimestamp",
            stream.stream_creation_timestamp(),
        )
}

/// A stream without a policy answers with an empty one.
async fn policy(cx: &Cx, client: &Client, name: &str, arn: &str) {
    const ACTION: &str = "kinesis:GetResourcePolicy";
    let request = client.get_resource_policy().resource_arn(arn);
    let policy = cx
        .get(ACTION, request.send())
        .await
        .map(|answer| document(ACTION, answer.policy()));
    if let Ok(Value::Object(map)) = &policy
        && map.is_empty()
    {
        return;
    }
    let props = Props::of(ACTION)
        .put("ResourceArn", arn)
        .put("ResourcePolicy", policy);
    cx.emit("AWS::Kinesis::ResourcePolicy", name, None, props);
}
