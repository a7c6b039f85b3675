//! Amazon SNS: topics with their policies, subscriptions.

use super::prelude::*;
use aws_sdk_sns::Client;
use aws_sdk_sns::types::Subscription;

pub(super) static READER: Reader = Reader {
    service: "sns",
    scope: Scope::Regional,
    kinds: &[TOPIC, POLICY, SUBSCRIPTION],
    calls: &["sns:ListTopics", "sns:GetTopicAttributes"],
    // Addresses of webhooks, which are as good as passwords.
    secret_calls: &["sns:ListSubscriptions"],
    read: |cx| read(cx).boxed(),
};

const TOPIC: &str = "AWS::SNS::Topic";
const POLICY: &str = "AWS::SNS::TopicPolicy";
const SUBSCRIPTION: &str = "AWS::SNS::Subscription";
const ATTRIBUTES: &str = "sns:GetTopicAttributes";

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let topics = cx
        .list(
            "sns:ListTopics",
            &[TOPIC, POLICY],
            items!(client.list_topics()),
        )
        .await;
    cx.each(topics, |topic| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            if let Some(arn) = topic.topic_arn() {
                one(&cx, &client, arn).await;
            }
        }
    })
    .await;
    let subscriptions = cx
        .list(
            "sns:ListSubscriptions",
            &[SUBSCRIPTION],
            items!(client.list_subscriptions()),
        )
        .await;
    for subscription in &subscriptions {
        of_subscription(&cx, subscription);
    }
}

async fn one(cx: &Cx, client: &Client, arn: &str) {
    let name = arn.rsplit(':').next().unwrap_or(arn);
    let answer = cx
        .get(
            ATTRIBUTES,
            client.get_topic_attributes().topic_arn(arn).send(),
        )
        .await;
    let topic = Props::of("sns:ListTopics")
        .put("TopicName", name)
        .from(ATTRIBUTES);
    let policy = Props::of(ATTRIBUTES).put("Topics", vec![arn.to_owned()]);
    let attributes = match answer {
        Ok(answer) => answer.attributes.unwrap_or_default(),
        Err(failure) => {
            cx.emit(
                TOPIC,
                name,
                Some(arn),
                topic.put("KmsMasterKeyId", failure.clone()),
            );
            cx.emit(POLICY, name, None, policy.put("PolicyDocument", failure));
            return;
        }
    };
    let text = |name: &str| {
        attributes
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    };
    let number = |name: &str| text(name).and_then(|text| text.parse::<i64>().ok());
    let topic = topic
        .put("DisplayName", text("DisplayName"))
        .put("KmsMasterKeyId", text("KmsMasterKeyId"))
        .put("FifoTopic", truth(text("FifoTopic")))
        .put("SignatureVersion", text("SignatureVersion"))
        .put("TracingConfig", text("TracingConfig"))
        .put("Owner", text("Owner"))
        .put("SubscriptionsConfirmed", number("SubscriptionsConfirmed"))
        .put("SubscriptionsPending", number("SubscriptionsPending"));
    cx.emit(TOPIC, name, Some(arn), topic);
    if let Some(text) = text("Policy") {
        let document = document(ATTRIBUTES, text);
        if !is_default(&document, cx.account()) {
            cx.emit(POLICY, name, None, policy.put("PolicyDocument", document));
        }
    }
}

fn truth(text: Option<&str>) -> Option<bool> {
    text.and_then(|text| text.parse().ok())
}

/// Whether a topic's policy is the one that AWS gives it, which admits its own account. Such a topic has none for
/// CloudFormation, and controls know what that means. Anybody can change it and keep its id, so it must also say the same.
fn is_default(document: &Value, account: &str) -> bool {
    let is = |at: &str, wanted: &str| document.pointer(at).and_then(Value::as_str) == Some(wanted);
    let statements = document.get("Statement").and_then(Value::as_array);
    let condition = document
        .pointer("/Statement/0/Condition")
        .and_then(Value::as_object)
        .map_or(0, |condition| condition.len());
    is("/Id", "__default_policy_ID")
        && statements.is_some_and(|statements| statements.len() == 1)
        && is("/Statement/0/Sid", "__default_statement_ID")
        && is("/Statement/0/Effect", "Allow")
        && is("/Statement/0/Principal/AWS", "*")
        && condition == 1
        && [
            "StringEquals/AWS:SourceOwner",
            "StringEquals/aws:SourceOwner",
            "StringEquals/AWS:SourceAccount",
        ]
        .iter()
        .any(|key| is(&format!("/Statement/0/Condition/{key}"), account))
}

fn of_subscription(cx: &Cx, subscription: &Subscription) {
    let (Some(arn), Some(topic)) = (subscription.subscription_arn(), subscription.topic_arn())
    else {
        return;
    };
    // Until its receiver says yes, or once it said no, it has a word in place of an ARN.
    let own = arn.starts_with("arn:").then_some(arn);
    let endpoint = subscription.endpoint().map(|it| cx.cover("Endpoint", it));
    let props = Props::of("sns:ListSubscriptions")
        .put("TopicArn", topic)
        .put("Protocol", subscription.protocol())
        .put("Endpoint", endpoint)
        .put("Owner", subscription.owner())
        .put("PendingConfirmation", own.is_none().then_some(true));
    let topic = topic.rsplit(':').next().unwrap_or(topic);
    let name = match own {
        Some(arn) => arn.rsplit(':').next().unwrap_or(arn).to_owned(),
        None => format!("{topic} {arn}"),
    };
    cx.emit(SUBSCRIPTION, &name, own, props);
}

#[cfg(test)]
mod tests {
    use super::is_default;
    use serde_json::{Value, json};

    fn policy(condition: Value) -> Value {
        json!({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [{
            "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"},
            "Action": ["SNS:Publish"], "Resource": "arn:aws:sns:eu-central-1:111111111111:alerts", "Condition": condition,
        }]})
    }

    #[test]
    fn a_default_policy_that_somebody_opened_is_none() {
        let own = policy(json!({"StringEquals": {"AWS:SourceOwner": "111111111111"}}));
        assert!(is_default(&own, "111111111111"));
        assert!(!is_default(&own, "222222222222"));
        assert!(!is_default(&policy(json!({})), "111111111111"));
        let or = json!({"StringEquals": {"AWS:SourceOwner": "111111111111"}, "Bool": {"aws:SecureTransport": "true"}});
        assert!(!is_default(&policy(or), "111111111111"));
    }
}
