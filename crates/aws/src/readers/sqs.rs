//! Amazon SQS: queues with their policies.

use super::prelude::*;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

pub(super) static READER: Reader = Reader {
    service: "sqs",
    scope: Scope::Regional,
    kinds: &[QUEUE, POLICY],
    calls: &["sqs:ListQueues", "sqs:GetQueueAttributes"],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

const QUEUE: &str = "AWS::SQS::Queue";
const POLICY: &str = "AWS::SQS::QueuePolicy";
const ATTRIBUTES: &str = "sqs:GetQueueAttributes";

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    // Without a page size it ends after a thousand, with nothing that says so.
    let request = client.list_queues().max_results(1000);
    let urls = cx
        .list("sqs:ListQueues", &[QUEUE, POLICY], items!(request))
        .await;
    cx.each(urls, |url| {
        let (cx, client) = (cx.clone(), client.clone());
        async move { one(&cx, &client, &url).await }
    })
    .await;
}

/// `Ref` gives the URL, but people know a queue by the name, which is as unique and stands at the end of it.
async fn one(cx: &Cx, client: &Client, url: &str) {
    let name = url.rsplit('/').next().unwrap_or(url);
    let request = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(QueueAttributeName::All);
    let gone = [
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
    ];
    let answer = cx.get_unless(ATTRIBUTES, &gone, request.send()).await;
    let queue = Props::of("sqs:ListQueues")
        .put("QueueName", name)
        .put("QueueUrl", url)
        .from(ATTRIBUTES);
    let policy = Props::of(ATTRIBUTES).put("Queues", vec![name.to_owned()]);
    let attributes = match answer {
        Ok(Some(answer)) => answer.attributes.unwrap_or_default(),
        // Deleted since it was listed.
        Ok(None) => return,
        Err(failure) => {
            let queue = queue
                .put("KmsMasterKeyId", failure.clone())
                .put("SqsManagedSseEnabled", failure.clone());
            cx.emit(QUEUE, name, Some(&cx.arn("sqs", name)), queue);
            cx.emit(POLICY, name, None, policy.put("PolicyDocument", failure));
            return;
        }
    };
    let text = |name: QueueAttributeName| {
        attributes
            .get(&name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    };
    let number = |name| text(name).and_then(|text| text.parse::<i64>().ok());
    let truth = |name| text(name).and_then(|text| text.parse::<bool>().ok());
    let json = |name| text(name).map(|text| document(ATTRIBUTES, text));
    let arn = text(QueueAttributeName::QueueArn).map_or_else(|| cx.arn("sqs", name), str::to_owned);
    let queue = queue
        .put("KmsMasterKeyId", text(QueueAttributeName::KmsMasterKeyId))
        .put(
            "KmsDataKeyReusePeriodSeconds",
            number(QueueAttributeName::KmsDataKeyReusePeriodSeconds),
        )
        .put(
            "SqsManagedSseEnabled",
            truth(QueueAttributeName::SqsManagedSseEnabled),
        )
        .put("FifoQueue", truth(QueueAttributeName::FifoQueue))
        .put(
            "MessageRetentionPeriod",
            number(QueueAttributeName::MessageRetentionPeriod),
        )
        .put("RedrivePolicy", json(QueueAttributeName::RedrivePolicy))
        .put(
            "RedriveAllowPolicy",
            json(QueueAttributeName::RedriveAllowPolicy),
        )
        .put(
            "ApproximateNumberOfMessages",
            number(QueueAttributeName::ApproximateNumberOfMessages),
        )
        .put(
            "CreatedTimestamp",
            number(QueueAttributeName::CreatedTimestamp).map(aws_smithy_types::DateTime::from_secs),
        );
    cx.emit(QUEUE, name, Some(&arn), queue);
    if let Some(document) = json(QueueAttributeName::Policy) {
        cx.emit(POLICY, name, None, policy.put("PolicyDocument", document));
    }
}
