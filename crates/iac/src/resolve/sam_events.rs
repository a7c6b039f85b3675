//! What the events of a SAM function become (AWS SAM Developer Guide, "EventSource").

use super::build::{attribute, list, map, named, reference, resource, string};
use super::sam::Sam;
use crate::{Entry, Node};
use lockfast_facts::Loc;

/// An event of this kind that names no API makes the template's implicit one.
pub(super) fn implicit_api(function: &Node, kind: &str) -> Option<Loc> {
    let own = if kind == "Api" { "RestApiId" } else { "ApiId" };
    let events = function.get("Properties")?.get("Events")?;
    events.entries().iter().find_map(|event| {
        let is_one = event.value.get("Type").and_then(Node::scalar) == Some(kind);
        let named = event
            .value
            .get("Properties")
            .is_some_and(|p| p.get(own).is_some());
        (is_one && !named).then_some(event.key_loc)
    })
}

/// Adds the resources that a function's events become.
pub(super) fn expand(function: &Sam, events: &Node, added: &mut Vec<Entry>) {
    for event in events.entries() {
        let Some(kind) = event.value.get("Type").and_then(Node::scalar) else {
            continue;
        };
        let properties = event
            .value
            .get("Properties")
            .map(Node::entries)
            .unwrap_or_default();
        let loc = event.key_loc;
        let id = format!("{}{}", function.name, event.key);
        match kind {
            "SQS" | "Kinesis" | "DynamoDB" | "MSK" | "MQ" | "SelfManagedKafka" | "DocumentDB" => {
                let mut made = with_names(
                    properties,
                    &[
                        ("Queue", "EventSourceArn"),
                        ("Stream", "EventSourceArn"),
                        ("Broker", "EventSourceArn"),
                        ("Cluster", "EventSourceArn"),
                    ],
                );
                made.push(named("FunctionName", reference(&function.name, loc), loc));
                added.push(resource(&id, "AWS::Lambda::EventSourceMapping", made, loc));
            }
            "SNS" => {
                let mut made = with_names(properties, &[("Topic", "TopicArn")]);
                made.push(named("Protocol", string("lambda", loc), loc));
                made.push(named(
                    "Endpoint",
                    attribute(&function.name, "Arn", loc),
                    loc,
                ));
                added.push(resource(&id, "AWS::SNS::Subscription", made, loc));
            }
            "Schedule" | "EventBridgeRule" | "CloudWatchEvent" => {
                let mut made = with_names(
                    properties,
                    &[
                        ("Schedule", "ScheduleExpression"),
                        ("Pattern", "EventPattern"),
                    ],
                );
                let target = vec![
                    named("Arn", attribute(&function.name, "Arn", loc), loc),
                    named("Id", string(&format!("{id}LambdaTarget"), loc), loc),
                ];
                made.push(named("Targets", list(vec![map(target, loc)], loc), loc));
                added.push(resource(&id, "AWS::Events::Rule", made, loc));
            }
            _ => {}
        }
    }
}

fn with_names(properties: &[Entry], names: &[(&str, &str)]) -> Vec<Entry> {
    let renamed = |entry: &Entry| {
        let mut entry = entry.clone();
        if let Some((_, to)) = names.iter().find(|(from, _)| **from == *entry.key) {
            entry.key = (*to).into();
        }
        entry
    };
    properties.iter().map(renamed).collect()
}
