use super::cases::{cases, stores};
use crate::live::{is_gap, unread};
use crate::prelude::*;
use lockfast_facts::{Guard, Loc};
use std::collections::HashMap;

control! {
    /// Every VPC has a flow log, of its own or on each of its subnets, and what flow logs record is
    /// encrypted where it lies: a CloudWatch log group with a KMS key, a bucket (S3 always encrypts;
    /// which key it is, the bucket's own controls decide) or an encrypted delivery stream. Flow logs
    /// of transit gateways and network interfaces are followed in the same way.
    ///
    /// Looks for the flow logs of a VPC in every stack given; a VPC without one fails, unless a flow
    /// log of the input records something that is not known before deployment. A destination that no
    /// template given makes is unknown.
    id: "vpc-flow-logs-encrypted",
    title: "VPC flow logs exist and are encrypted",
    clauses: ["CWL-2"],
    severity: Medium,
    fix: "Add a flow log for the VPC, to a log group with a KMS key or to an encrypted bucket.",
    cloudformation: r#"Type: AWS::EC2::FlowLog
Properties:
  ResourceType: VPC
  ResourceId: !Ref Vpc
  TrafficType: ALL
  LogDestinationType: cloud-watch-logs
  LogGroupName: !Ref FlowLogGroup
  DeliverLogsPermissionArn: !GetAtt FlowLogRole.Arn
"#,
    cdk: r#"vpc.addFlowLog('FlowLog', {
  destination: ec2.FlowLogDestination.toCloudWatchLogs(
    new logs.LogGroup(this, 'FlowLogs', { encryptionKey: logKey }),
  ),
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let mut logs = FlowLogs::default();
    for flow_log in cx.subjects(&["AWS::EC2::FlowLog"]) {
        if is_gap(flow_log.resource) {
            out.extend(destination(cx, flow_log));
            continue;
        }
        if let Some(failed) = undelivered(flow_log) {
            out.push(failed);
            continue;
        }
        match flow_log.at("ResourceId") {
            Read::Found(value, loc) => match cx.inventory.target(value) {
                Some((resource, _)) => logs.of.entry(resource.id).or_default().push(flow_log),
                None if value.at("").string().found().is_none() => logs.unclear = Some(loc),
                None => {}
            },
            read => logs.unclear = Some(read.loc()),
        }
        out.extend(destination(cx, flow_log));
    }
    for vpc in cx.subjects(&["AWS::EC2::VPC"]) {
        for (case, log) in logs.cases(cx, vpc.id(), &vpc.variant.when) {
            let judgement = match log {
                Some(log) => Judgement::pass(vpc, "a flow log records its traffic")
                    .step(format!("flow log {}", log.resource.name), log.resource.loc),
                None => by_subnets(cx, &logs, vpc, &case),
            };
            out.push(judgement.when(&case));
        }
    }
}

/// A flow log that runs, of which nothing arrives (Amazon EC2 API Reference, FlowLog).
fn undelivered(flow_log: Subject<'_>) -> Option<Judgement> {
    let (status, loc) = match flow_log.at("DeliverLogsStatus").string() {
        Read::Found(status, loc) if status == "FAILED" => (status, loc),
        _ => return None,
    };
    let judgement = Judgement::fail(flow_log, "the flow log cannot be delivered, so nothing is recorded")
        .at(loc)
        .part("destination")
        .stated("DeliverLogsStatus", status, loc);
    Some(match flow_log.at("DeliverLogsErrorMessage").string() {
        Read::Found(error, loc) => judgement.stated("DeliverLogsErrorMessage", error, loc),
        _ => judgement,
    })
}

/// The flow logs of each resource.
#[derive(Default)]
struct FlowLogs<'a> {
    of: HashMap<ResourceId, Vec<Subject<'a>>>,
    /// Where a flow log names a resource that is known only at deployment.
    unclear: Option<Loc>,
}

impl<'a> FlowLogs<'a> {
    fn cases(
        &self,
        cx: &Cx<'_>,
        id: ResourceId,
        when: &Guard,
    ) -> Vec<(Guard, Option<Subject<'a>>)> {
        let logs = self.of.get(&id).into_iter().flatten();
        cases(cx, when, logs.map(|log| (log.variant.when.clone(), *log)))
    }
}

/// A VPC in a case in which it has no flow log of its own.
fn by_subnets(cx: &Cx<'_>, logs: &FlowLogs<'_>, vpc: Subject<'_>, case: &Guard) -> Judgement {
    let made = |subnet: &&Resource| {
        let mut variants = subnet.variants.iter();
        &*subnet.kind == "AWS::EC2::Subnet" && variants.any(|v| v.when.compatible(case))
    };
    let subnets: Vec<&Resource> = cx.inventory.referrers(vpc.id()).filter(made).collect();
    let covered = |subnet: &&&Resource| {
        let cases = logs.cases(cx, subnet.id, case);
        cases.iter().all(|(_, log)| log.is_some())
    };
    let count = subnets.iter().filter(covered).count();
    if count > 0 && count == subnets.len() {
        return Judgement::pass(vpc, "flow logs record the traffic of all its subnets");
    }
    let place = &cx.inventory.stack_of(vpc.resource).place;
    if let Some(why) = unread(cx, "ec2", &["AWS::EC2::FlowLog"], place) {
        return Judgement::cannot_tell(vpc, "whether a flow log records its traffic", &why);
    }
    match (count, logs.unclear) {
        (_, Some(loc)) => Judgement::unknown(
            vpc,
            "cannot tell whether a flow log records its traffic: what one of them records is known only at deployment",
        )
        .at(loc),
        (0, None) => Judgement::fail(
            vpc,
            format!("no flow log records its traffic (searched {})", searched(cx)),
        ),
        (n, None) => Judgement::fail(
            vpc,
            format!("flow logs record the traffic of {n} of its {} subnets only", subnets.len()),
        ),
    }
}

fn searched(cx: &Cx<'_>) -> String {
    match cx.inventory.deployments() {
        1 => "the one stack given".to_owned(),
        n => format!("all {n} stacks given"),
    }
}

const CLOUDWATCH: ServiceDefault = ServiceDefault {
    doc: "AWS CloudFormation Template Reference: AWS::EC2::FlowLog",
    since: "",
};

fn destination(cx: &Cx<'_>, flow_log: Subject<'_>) -> Vec<Judgement> {
    let kind = flow_log
        .at("LogDestinationType")
        .string()
        .or_default("cloud-watch-logs".into(), CLOUDWATCH);
    let to = match kind.value().map(String::as_str) {
        Some("cloud-watch-logs") => match flow_log.at("LogGroupName") {
            Read::Absent(_) => flow_log.at("LogDestination"),
            found => found,
        },
        _ => flow_log.at("LogDestination"),
    };
    let judgements = match (&kind, to) {
        (Known::Unknown(why, _), _) => {
            vec![Judgement::cannot_tell(flow_log, "where the flow log goes", why)]
        }
        (_, Read::Unknown(why, loc)) => {
            vec![Judgement::cannot_tell(flow_log, "where the flow log goes", &why).at(loc)]
        }
        (_, Read::Absent(loc)) => {
            vec![Judgement::fail(flow_log, "the flow log names no destination").at(loc)]
        }
        (_, Read::Found(value, loc)) => match target(cx, flow_log, value) {
            Some(target) => stores(cx, &flow_log.variant.when, target.id)
                .into_iter()
                .flat_map(|(case, store)| stored(cx, flow_log, target, case, store))
                .map(|judgement| judgement.at(loc))
                .collect(),
            None => vec![elsewhere(flow_log, value, loc)],
        },
    };
    judgements
        .into_iter()
        .map(|judgement| {
            judgement
                .part("destination")
                .fact("LogDestinationType", &kind)
        })
        .collect()
}

/// A destination that no template given makes, or that is not known.
fn elsewhere(flow_log: Subject<'_>, value: &Value, loc: Loc) -> Judgement {
    let text = value.at("").text().found();
    let judgement = match text.as_ref().and_then(|text| text.first_unknown()) {
        Some(why) => Judgement::cannot_tell(flow_log, "where the flow log goes", why),
        None => Judgement::unknown(
            flow_log,
            "cannot tell whether the flow log is encrypted: no template given makes its destination",
        ),
    };
    judgement.at(loc)
}

fn target<'a>(cx: &Cx<'a>, flow_log: Subject<'_>, value: &Value) -> Option<&'a Resource> {
    if let Some(group) = super::log_group::find(cx, flow_log.resource, value) {
        return Some(group);
    }
    if let Some((resource, _)) = cx.inventory.target(value) {
        return matches!(
            &*resource.kind,
            "AWS::S3::Bucket" | "AWS::KinesisFirehose::DeliveryStream"
        )
        .then_some(resource);
    }
    let text = value.at("").text().found()?;
    let written = cx.inventory.written_name(flow_log.resource.stack, &text)?;
    let (_, name) = written.split_once(":s3:::")?;
    cx.inventory
        .named("AWS::S3::Bucket", "BucketName", name.split('/').next()?)
        .next()
}

/// A flow log in a case, and the store that it goes to then.
fn stored(
    cx: &Cx<'_>,
    flow_log: Subject<'_>,
    target: &Resource,
    case: Guard,
    store: Option<&Store>,
) -> Vec<Judgement> {
    let Some(store) = store else {
        let message = "cannot tell whether the flow log is encrypted: its destination is not made under the same conditions";
        return vec![Judgement::unknown(flow_log, message).when(&case)];
    };
    let name = &target.name;
    let judge = |(guard, protection): (Guard, Known<Protection>)| {
        let judgement = match &protection {
            Known::Unknown(why, _) => Judgement::cannot_tell(
                flow_log,
                "the encryption of the flow log's destination",
                why,
            ),
            known => match known.value() {
                Some(Protection::Customer(key)) => Judgement::pass(
                    flow_log,
                    "the flow log is stored under a customer managed key",
                )
                .key(key),
                Some(Protection::None) => Judgement::fail(
                    flow_log,
                    format!("the flow log goes to {name}, which is not encrypted"),
                ),
                _ if store.spec.noun == "log-group" => Judgement::fail(
                    flow_log,
                    format!("the flow log goes to {name}, which has no KMS key"),
                ),
                _ => Judgement::pass(flow_log, "the flow log is stored encrypted"),
            },
        };
        judgement
            .when(&guard)
            .step(format!("{} {}", target.kind, target.name), target.loc)
            .fact_as("destination's encryption", &protection, |p| {
                p.label(cx.inventory)
            })
    };
    let protections = super::inherited::protections(cx, store, &case);
    protections.into_iter().map(judge).collect()
}
