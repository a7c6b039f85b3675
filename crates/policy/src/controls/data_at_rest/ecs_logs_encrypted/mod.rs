use crate::prelude::*;
use lockfast_facts::Guard;

control! {
    /// Follows each container's log configuration to where its logs go. `awslogs` leads to a
    /// CloudWatch log group, which must have a KMS key of its own; other drivers (FireLens, Splunk,
    /// syslog, …) lead out of what a template shows, which is unknown and named. A group that
    /// `awslogs-create-group` would make has no key. A container without a log configuration keeps
    /// no logs on Fargate and is not judged.
    id: "ecs-logs-encrypted",
    title: "Containers log to a log group that is encrypted with a KMS key",
    clauses: ["ECS-2", "CWL-2"],
    severity: Medium,
    fix: "Give the log group a KmsKeyId (in a template, define the group there) and point awslogs-group at it; let the key's policy admit logs.REGION.amazonaws.com for that group.",
    cloudformation: r#"Type: AWS::Logs::LogGroup
Properties:
  LogGroupName: /shop/checkout
  KmsKeyId: !GetAtt LogKey.Arn
  RetentionInDays: 90
"#,
    cdk: r#"logging: ecs.LogDrivers.awsLogs({
  streamPrefix: 'checkout',
  logGroup: new logs.LogGroup(this, 'CheckoutLogs', { encryptionKey: logKey }),
}),
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::ECS::TaskDefinition"]) {
        let containers = match subject.at("ContainerDefinitions").list() {
            Read::Found(containers, _) => containers,
            Read::Absent(_) => continue,
            Read::Unknown(why, loc) => {
                out.push(Judgement::cannot_tell(subject, "its containers", &why).at(loc));
                continue;
            }
        };
        for (i, container) in containers.iter().enumerate() {
            let name = container.at("Name").string().found().unwrap_or_else(|| format!("container {}", i + 1));
            let driver = match container.at("LogConfiguration.LogDriver").string() {
                Read::Absent(_) => continue,
                Read::Unknown(why, loc) => {
                    out.push(
                        Judgement::cannot_tell(subject, &format!("where {name} logs to"), &why).at(loc).part(name),
                    );
                    continue;
                }
                Read::Found(driver, loc) => (driver, loc),
            };
            let judgements = if driver.0 == "awslogs" {
                to_group(cx, subject, container, &name)
            } else {
                vec![
                    Judgement::unknown(
                        subject,
                        format!("{name} logs through {}: where that keeps them, a template does not show", driver.0),
                    )
                    .at(driver.1),
                ]
            };
            out.extend(judgements.into_iter().map(|judgement| {
                judgement.stated("LogDriver", driver.0.as_str(), driver.1).part(name.clone())
            }));
        }
    }
}

fn to_group(cx: &Cx<'_>, subject: Subject<'_>, container: &Value, name: &str) -> Vec<Judgement> {
    let group = match container.at("LogConfiguration.Options.awslogs-group") {
        Read::Found(value, _) => value,
        Read::Unknown(why, loc) => {
            let what = format!("which group {name} logs to");
            return vec![Judgement::cannot_tell(subject, &what, &why).at(loc)];
        }
        Read::Absent(loc) => {
            return vec![Judgement::fail(subject, format!("{name} names no log group")).at(loc)];
        }
    };
    let creates = container.at("LogConfiguration.Options.awslogs-create-group").bool().found() == Some(true);
    let Some(resource) = super::log_group::find(cx, subject.resource, group) else {
        let judgement = if creates {
            Judgement::fail(
                subject,
                format!("{name}'s log group is made by the driver at run time, without a KMS key"),
            )
        } else {
            Judgement::unknown(
                subject,
                format!("cannot tell whether {name}'s log group is encrypted: it is not in the input"),
            )
        };
        return vec![judgement.at(group.loc)];
    };
    let judge = |(case, store): (Guard, Option<&Store>)| {
        let Some(store) = store else {
            let message = format!("cannot tell whether {name}'s log group is encrypted: it is not made under the same conditions");
            return Judgement::unknown(subject, message).at(group.loc).when(&case);
        };
        match &store.protection {
            Known::Unknown(why, _) => {
                Judgement::cannot_tell(subject, &format!("the key of {name}'s log group"), why)
            }
            known => match known.value() {
                Some(Protection::Customer(key)) => {
                    Judgement::pass(subject, format!("{name} logs to a group with a KMS key")).key(key)
                }
                _ => Judgement::fail(subject, format!("{name} logs to {}, which has no KMS key", cx.label(resource))),
            },
        }
        .at(group.loc)
        .when(&case)
        .step(format!("log group {}", resource.name), resource.loc)
        .fact_as("log group's encryption", &store.protection, |p| p.label(cx.inventory))
    };
    let cases = super::cases::stores(cx, &subject.variant.when, resource.id);
    cases.into_iter().map(judge).collect()
}
