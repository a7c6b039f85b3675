//! Whether what a monitor sends arrives: topics refuse AWS services that their policy or their key's policy
//! does not admit, and nobody reads a log group.
//!
//! Sources: Amazon EventBridge User Guide, "Using resource-based policies" (a topic must admit
//! `events.amazonaws.com`); Amazon SNS Developer Guide, "Enable compatibility between event sources from AWS
//! services and encrypted topics" (the key must be customer managed, and admit the service).

use super::Watch;
use crate::cx::Cx;
use crate::strangers::allows;
use lockfast_access::{
    Account, ContextValue, Policy, Principal, Request, Resource as Target, Three,
};
use lockfast_facts::nouns::{KeyTarget, Protection, Store};
use lockfast_facts::{Guard, Known, Part, Read, Resource, ResourceId, Subject, Text, Value, Why};
use std::collections::HashMap;
use std::sync::Arc;

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// A rule of EventBridge.
    Rule,
    /// An alarm of CloudWatch.
    Alarm,
}

impl Sender {
    fn service(self) -> &'static str {
        match self {
            Sender::Rule => "events.amazonaws.com",
            Sender::Alarm => "cloudwatch.amazonaws.com",
        }
    }
}

/// The topics of the input, and whom they admit.
#[derive(Default)]
pub(super) struct Topics<'a> {
    /// Policies, by topic.
    policies: HashMap<ResourceId, Vec<(&'a Guard, Policy)>>,
    /// Some policy is on a topic that the input does not tell.
    elsewhere: bool,
    /// What a topic's key lets rules and alarms do.
    keys: HashMap<ResourceId, Vec<(&'a Guard, [Watch; 2])>>,
}

impl<'a> Topics<'a> {
    pub(super) fn of(cx: &Cx<'a>) -> Self {
        let mut topics = Topics::default();
        for store in cx.stores("topic") {
            let watches = [Sender::Rule, Sender::Alarm].map(|sender| key(cx, store, sender));
            let of_topic = topics.keys.entry(store.resource).or_default();
            of_topic.push((&store.when, watches));
        }
        // AWS SAM's connectors make policies.
        topics.elsewhere = !cx.subjects(&["AWS::Serverless::Connector"]).is_empty();
        for (kind, property) in [
            ("AWS::SNS::TopicPolicy", "Topics.*"),
            ("AWS::SNS::TopicInlinePolicy", "TopicArn"),
        ] {
            for subject in cx.subjects(&[kind]) {
                if is_of_aws(subject) {
                    continue;
                }
                let policy = Policy::from_read(subject.at("PolicyDocument"));
                let Some(policy) = policy.map(|p| p.in_account(account(cx, subject.resource)))
                else {
                    continue;
                };
                for topic in subject.each(property) {
                    match topic.found().and_then(|topic| cx.inventory.target(topic)) {
                        Some((topic, _)) => topics
                            .policies
                            .entry(topic.id)
                            .or_default()
                            .push((&subject.variant.when, policy.clone())),
                        None => topics.elsewhere = true,
                    }
                }
            }
        }
        topics
    }

    /// Whether what a monitor sends to this ARN arrives where somebody may be told.
    pub(super) fn arrives(
        &self,
        cx: &Cx<'a>,
        monitor: Subject<'a>,
        sender: Sender,
        to: Read<&Value>,
    ) -> Watch {
        let Read::Found(value, _) = to else {
            return Watch::Unknown("where it sends to is known only at deployment");
        };
        let Some((to, _)) = cx.inventory.target(value) else {
            let written = to.text().found();
            let arn = written.map(|text| text.render(|_| String::new()));
            return match arn {
                Some(arn) if arn.contains(":log-group:") => Watch::Unknown(READ_ELSEWHERE),
                // The rule that EventBridge makes for an archive matches every event of the bus and sends it to no resource
                // (Amazon EventBridge User Guide, "Archiving and replaying events").
                Some(arn) if arn.contains(":events:") && arn.ends_with(":::") => {
                    Watch::Silent("it only archives events")
                }
                _ => Watch::Yes,
            };
        };
        match &*to.kind {
            "AWS::Logs::LogGroup" if is_read(cx, to) => Watch::Unknown(READ_ELSEWHERE),
            "AWS::Logs::LogGroup" => Watch::Silent("it only writes to a log group"),
            "AWS::SNS::Topic" if to.at("SubscriptionsConfirmed").int().found() == Some(0) => {
                Watch::Silent("nobody is subscribed to its topic")
            }
            "AWS::SNS::Topic" => {
                let when = &monitor.variant.when;
                let keys = self.keys.get(&to.id).into_iter().flatten();
                let by_key = keys
                    .filter(|(of, _)| of.compatible(when))
                    .map(|(_, watches)| watches[sender as usize].clone());
                by_key.fold(self.policy(cx, monitor, to, sender), Ord::min)
            }
            _ => Watch::Yes,
        }
    }

    /// Whether the topic's policy lets the sender publish.
    fn policy(
        &self,
        cx: &Cx<'a>,
        monitor: Subject<'a>,
        topic: &'a Resource,
        sender: Sender,
    ) -> Watch {
        let Some(policies) = self.policies.get(&topic.id) else {
            return match sender {
                // The policy that AWS gives a topic, which a written one replaces, admits the alarms
                // of its account.
                Sender::Alarm => Watch::Yes,
                Sender::Rule if self.elsewhere => {
                    Watch::Unknown("the policy of its topic is known only at deployment")
                }
                Sender::Rule => {
                    Watch::Silent("its topic has no policy that lets EventBridge publish")
                }
            };
        };
        let target = Target::of_service(topic.id, "sns", "");
        let publish = request(cx, topic, sender, "sns:Publish", target);
        let by_name = Text::from_parts([Part::Reference(lockfast_facts::Reference {
            target: monitor.id(),
            attribute: Some("Arn".into()),
        })]);
        let by_name = publish
            .clone()
            .with_value("aws:SourceArn", ContextValue::Known(vec![by_name]));
        let admitted = policies
            .iter()
            .filter(|(when, _)| when.compatible(&monitor.variant.when))
            .flat_map(|(_, policy)| [allows(policy, &publish), allows(policy, &by_name)]);
        match Three::any(admitted) {
            Three::Yes => Watch::Yes,
            Three::Maybe => Watch::Unknown("whether its topic lets it publish hangs on conditions"),
            Three::No => Watch::Silent("the policy of its topic does not let it publish"),
        }
    }
}

/// The policy that AWS gives a topic whose owner writes none, which a live topic tells like any other.
fn is_of_aws(policy: Subject<'_>) -> bool {
    let statements = policy.at("PolicyDocument.Statement").list().found();
    matches!(statements, Some([only]) if only.at("Sid").string().found().as_deref() == Some("__default_statement_ID"))
}

const READ_ELSEWHERE: &str = "it writes to a log group, and what reads that decides";

/// Whether the input reads a log group.
fn is_read(cx: &Cx<'_>, group: &Resource) -> bool {
    const READERS: [&str; 2] = ["AWS::Logs::MetricFilter", "AWS::Logs::SubscriptionFilter"];
    let mut referrers = cx.inventory.referrers(group.id);
    let name = group.at("LogGroupName").string().found();
    referrers.any(|r| READERS.contains(&&*r.kind))
        || name.is_some_and(|name| {
            READERS.iter().any(|kind| {
                let mut named = cx.inventory.named(kind, "LogGroupName", &name);
                named.next().is_some()
            })
        })
}

/// Whether the key of a topic lets a service send to it.
fn key(cx: &Cx<'_>, topic: &Store, sender: Sender) -> Watch {
    let key = match &topic.protection {
        Known::Unknown(..) => {
            return Watch::Unknown("the key of its topic is known only at deployment");
        }
        known => match known.value() {
            Some(Protection::AwsManaged(_)) => {
                return Watch::Silent(
                    "its topic is encrypted with alias/aws/sns, a key that admits no other service",
                );
            }
            Some(Protection::Customer(key)) => &key.target,
            _ => return Watch::Yes,
        },
    };
    let KeyTarget::Resource(key) = key else {
        return Watch::Yes;
    };
    let admitted = cx
        .inventory
        .variants_of(*key)
        .filter(|key| key.variant.when.compatible(&topic.when))
        .map(|subject| {
            // AWS's default policy admits the account alone.
            let Some(policy) = Policy::from_read(subject.at("KeyPolicy")) else {
                return Three::No;
            };
            let policy = policy.in_account(account(cx, subject.resource));
            Three::all(["kms:Decrypt", "kms:GenerateDataKey"].map(|action| {
                let target = Target::kms_key(*key);
                allows(
                    &policy,
                    &request(cx, subject.resource, sender, action, target),
                )
            }))
        });
    match (Three::all(admitted), sender) {
        (Three::Yes, _) => Watch::Yes,
        (Three::Maybe, _) => Watch::Unknown(
            "whether the key of its topic admits the service that sends hangs on conditions",
        ),
        (Three::No, Sender::Rule) => {
            Watch::Silent("the policy of its topic's key does not admit EventBridge")
        }
        (Three::No, Sender::Alarm) => {
            Watch::Silent("the policy of its topic's key does not admit CloudWatch")
        }
    }
}

fn account(cx: &Cx<'_>, resource: &Resource) -> Account {
    Account::of(cx.inventory.stack_of(resource).place.account.as_ref())
}

/// A request of a service, for a monitor of the account and region that the resource is in.
fn request(
    cx: &Cx<'_>,
    resource: &Resource,
    sender: Sender,
    action: &str,
    target: Target,
) -> Request {
    let place = &cx.inventory.stack_of(resource).place;
    let part = |known: &Option<Arc<str>>, name: &str| match known {
        Some(known) => Part::Literal(known.clone()),
        None => Part::Unknown(Arc::new(Why::Runtime(name.to_owned()))),
    };
    let own = part(&place.account, "AWS::AccountId");
    let (service, name) = match sender {
        Sender::Rule => ("arn:aws:events:", ":rule/"),
        Sender::Alarm => ("arn:aws:cloudwatch:", ":alarm:"),
    };
    let arn = Text::from_parts([
        Part::Literal(service.into()),
        part(&place.region, "AWS::Region"),
        Part::Literal(":".into()),
        own.clone(),
        Part::Literal(name.into()),
        Part::Unknown(Arc::new(Why::NotGiven("its name".to_owned()))),
    ]);
    let one = |text: Text| ContextValue::Known(vec![text]);
    Request::new(Principal::service(sender.service()), action, target)
        .in_account(account(cx, resource))
        .with("aws:SecureTransport", "true")
        .with_value("aws:SourceAccount", one(Text::from_parts([own])))
        .with_value("aws:SourceArn", one(arn))
}
