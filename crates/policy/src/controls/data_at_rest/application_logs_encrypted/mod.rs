use super::function_logs::{FunctionLogs, Group, is_helper};
use crate::prelude::*;
use lockfast_facts::{Loc, Part, Reference, Text};

control! {
    /// Follows what applications log with to where the logs lie: Lambda functions, access and
    /// execution logs of API stages, Step Functions, pipes, OpenSearch domains and MSK brokers, and the
    /// logs that databases export. (The
    /// containers of task definitions are followed by `ecs-logs-encrypted`; an essential container
    /// without a log configuration fails here.) A log group must have a
    /// KMS key, a delivery stream must be encrypted. What a service makes by itself at run time has no
    /// KMS key: the group of a function that names none, `/aws/lambda/NAME`, the execution logs of an API
    /// stage, `API-Gateway-Execution-Logs_ID/STAGE`, and a database's `/aws/rds/instance/ID/LOG`, unless a template makes the group under
    /// that very name.
    ///
    /// A group that is only named, and made by no template given, is unknown. Functions that CDK
    /// brings along for its own custom resources are not judged: they log nothing of the application.
    /// A stage without access logs is not judged either: what it calls logs for itself.
    id: "application-logs-encrypted",
    title: "Application logs lie in encrypted log groups",
    clauses: ["CWL-2"],
    severity: Medium,
    fix: "Make the log group in the template with KmsKeyId, and name it in the function's LoggingConfig, or in the stage's or state machine's log settings.",
    cloudformation: r#"CheckoutLogs:
  Type: AWS::Logs::LogGroup
  Properties: {KmsKeyId: !GetAtt LogKey.Arn, RetentionInDays: 90}
Checkout:
  Type: AWS::Lambda::Function
  Properties:
    LoggingConfig: {LogGroup: !Ref CheckoutLogs}
"#,
    cdk: r#"new lambda.Function(this, 'Checkout', {
  logGroup: new logs.LogGroup(this, 'CheckoutLogs', { encryptionKey: logKey }),
  /* … */
});
"#,
}

/// Types that name where they log to: the property, and what it holds.
const NAMED: [(&str, &str, &str); 6] = [
    (
        "AWS::ApiGateway::Stage",
        "AccessLogSetting.DestinationArn",
        "access log",
    ),
    (
        "AWS::ApiGatewayV2::Stage",
        "AccessLogSettings.DestinationArn",
        "access log",
    ),
    (
        "AWS::StepFunctions::StateMachine",
        "LoggingConfiguration.Destinations.*.CloudWatchLogsLogGroup.LogGroupArn",
        "execution log",
    ),
    (
        "AWS::Pipes::Pipe",
        "LogConfiguration.CloudwatchLogsLogDestination.LogGroupArn",
        "log",
    ),
    (
        "AWS::OpenSearchService::Domain",
        "LogPublishingOptions.*.CloudWatchLogsLogGroupArn",
        "log",
    ),
    (
        "AWS::MSK::Cluster",
        "LoggingInfo.BrokerLogs.CloudWatchLogs.LogGroup",
        "broker log",
    ),
];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let logs = FunctionLogs::of(cx);
    for function in cx.subjects(&["AWS::Lambda::Function"]) {
        if !is_helper(function.resource) {
            out.push(of_function(cx, &logs, function));
        }
    }
    for (kind, path, what) in NAMED {
        for subject in cx.subjects(&[kind]) {
            for (i, read) in subject.each(path).into_iter().enumerate() {
                let part = if i == 0 {
                    what.to_owned()
                } else {
                    format!("{what} {}", i + 1)
                };
                match read {
                    Read::Absent(_) => {}
                    Read::Unknown(why, loc) => out.push(
                        Judgement::cannot_tell(subject, &format!("where its {what} goes"), &why)
                            .at(loc)
                            .part(part),
                    ),
                    Read::Found(value, loc) => {
                        out.push(destination(cx, subject, value, loc, what, part))
                    }
                }
            }
        }
    }
    for stage in cx.subjects(&["AWS::ApiGateway::Stage"]) {
        out.extend(execution_logs(cx, stage));
    }
    for (kind, name, folder) in DATABASES {
        for database in cx.subjects(&[kind]) {
            for read in database.each("EnableCloudwatchLogsExports.*") {
                out.extend(exported(cx, &logs, database, name, folder, read));
            }
        }
    }
    for task in cx.subjects(&["AWS::ECS::TaskDefinition"]) {
        for container in task
            .each("ContainerDefinitions.*")
            .into_iter()
            .filter_map(Read::found)
        {
            out.extend(without_log(task, container));
        }
    }
}

/// Databases that export logs: the property that names them, and the folder of their log groups.
const DATABASES: [(&str, &str, &str); 4] = [
    ("AWS::RDS::DBInstance", "DBInstanceIdentifier", "/aws/rds/instance/"),
    ("AWS::RDS::DBCluster", "DBClusterIdentifier", "/aws/rds/cluster/"),
    ("AWS::DocDB::DBCluster", "DBClusterIdentifier", "/aws/docdb/"),
    ("AWS::Neptune::DBCluster", "DBClusterIdentifier", "/aws/neptune/"),
];

/// A log that a database exports: RDS makes the group, without a KMS key, unless a template made it
/// before by its name (Amazon RDS User Guide, "Publishing database logs to Amazon CloudWatch Logs").
fn exported<'a>(
    cx: &Cx<'a>,
    logs: &FunctionLogs<'a>,
    database: Subject<'a>,
    name: &'static str,
    folder: &str,
    read: Read<&'a Value>,
) -> Option<Judgement> {
    let (log, loc) = match read.string() {
        Read::Found(log, loc) => (log, loc),
        Read::Absent(_) => return None,
        Read::Unknown(why, loc) => {
            return Some(
                Judgement::cannot_tell(database, "which logs it exports", &why)
                    .at(loc)
                    .part("exported logs"),
            );
        }
    };
    let part = format!("{log} log");
    let mut names = vec![Text::from_parts([
        Part::Literal(folder.into()),
        Part::Reference(Reference {
            target: database.id(),
            attribute: None,
        }),
        Part::Literal(format!("/{log}").into()),
    ])];
    if let Read::Found(own, _) = database.at(name).text() {
        let parts = std::iter::once(Part::Literal(folder.into()))
            .chain(own.parts())
            .chain([Part::Literal(format!("/{log}").into())]);
        names.push(Text::from_parts(parts));
    }
    let group = names.iter().find_map(|name| logs.named(cx, name, database.resource));
    let judgement = match group {
        Some(group) => in_group(cx, database, group, loc, &part),
        None => Judgement::fail(
            database,
            format!("no template given makes the log group of its {part}: the service makes it, without a KMS key"),
        )
        .at(loc),
    };
    Some(match judgement.about == crate::judgement::About::Resource(database.id()) {
        true => judgement.part(part),
        false => judgement,
    })
}

/// A container that a task cannot do without, and whose output goes nowhere.
fn without_log(task: Subject<'_>, container: &Value) -> Option<Judgement> {
    let Read::Absent(loc) = container.at("LogConfiguration") else {
        return None;
    };
    let name = container.at("Name").string().found()?;
    let essential = container.at("Essential").bool().found() != Some(false);
    essential.then(|| {
        Judgement::fail(
            task,
            format!("container {name} has no log configuration, so its log is kept nowhere"),
        )
        .at(loc)
        .part(name)
    })
}

fn of_function<'a>(cx: &Cx<'a>, logs: &FunctionLogs<'a>, function: Subject<'_>) -> Judgement {
    match logs.group(cx, function) {
        Group::Given(group, loc) => in_group(cx, function, group, loc, "log"),
        Group::MadeByLambda(setter) => {
            let judgement = Judgement::fail(
                function,
                "no template given makes its log group: Lambda makes it on the first call, without a KMS key",
            );
            match setter {
                Some(setter) => judgement.note(format!(
                    "{} sets the group's retention, but no key",
                    setter.name
                )),
                None => judgement,
            }
        }
        Group::Elsewhere(loc) => Judgement::unknown(
            function,
            "cannot tell whether its log group is encrypted: no template given makes it",
        )
        .at(loc),
        Group::Unknown(why, loc) => {
            Judgement::cannot_tell(function, "which group it logs to", &why).at(loc)
        }
    }
}

/// Judges the group for one that logs to it: the group is where the key is missing.
fn in_group(cx: &Cx<'_>, user: Subject<'_>, group: &Resource, loc: Loc, what: &str) -> Judgement {
    let name = &user.resource.name;
    let Some(store) = cx
        .inventory
        .stores_of(group.id)
        .find(|s| s.when.compatible(&user.variant.when))
    else {
        return Judgement::unknown(
            user,
            format!("the log group of its {what} is not made under the same conditions"),
        )
        .at(loc);
    };
    let judgement = match &store.protection {
        Known::Unknown(why, _) => {
            Judgement::cannot_tell(store, &format!("the key of the {what} of {name}"), why)
        }
        known => match known.value().and_then(Protection::customer_key) {
            Some(key) => {
                Judgement::pass(store, format!("the {what} of {name} lies under a KMS key"))
                    .key(key)
            }
            None => Judgement::fail(
                store,
                format!("the {what} of {name} lies in this group, which has no KMS key"),
            ),
        },
    };
    let mut judgement = judgement
        .part(format!("{what} of {name}"))
        .fact_as("encryption at rest", &store.protection, |p| {
            p.label(cx.inventory)
        })
        .step(format!("{} {name}", user.kind()), loc);
    judgement.when = store.when.and(&user.variant.when);
    judgement
}

fn destination(
    cx: &Cx<'_>,
    user: Subject<'_>,
    value: &Value,
    loc: Loc,
    what: &str,
    part: String,
) -> Judgement {
    if let Some(group) = super::log_group::find(cx, user.resource, value) {
        return in_group(cx, user, group, loc, what);
    }
    if let Some((stream, _)) = cx.inventory.target(value)
        && &*stream.kind == "AWS::KinesisFirehose::DeliveryStream"
        && let Some(store) = cx
            .inventory
            .stores_of(stream.id)
            .find(|s| s.when.compatible(&user.variant.when))
    {
        let protection = super::inherited::effective(cx, store);
        let judgement = match &protection {
            Known::Unknown(why, _) => Judgement::cannot_tell(
                user,
                &format!("whether the stream of its {what} is encrypted"),
                why,
            ),
            known if known.value() == Some(&Protection::None) => Judgement::fail(
                user,
                format!(
                    "its {what} goes through {}, which is not encrypted",
                    stream.name
                ),
            ),
            _ => Judgement::pass(
                user,
                format!("its {what} goes through an encrypted delivery stream"),
            ),
        };
        return judgement
            .at(loc)
            .part(part)
            .fact_as("stream's encryption", &protection, |p| {
                p.label(cx.inventory)
            });
    }
    let judgement = match value.at("").text() {
        Read::Found(text, _) => match text.first_unknown() {
            Some(why) => Judgement::cannot_tell(user, &format!("where its {what} goes"), why),
            None => Judgement::unknown(
                user,
                format!(
                    "cannot tell whether its {what} is encrypted: no template given makes {}",
                    text.render(|_| "…".to_owned())
                ),
            ),
        },
        _ => Judgement::unknown(user, format!("cannot tell where its {what} goes")),
    };
    judgement.at(loc).part(part)
}

/// Execution logs of a REST API's stage go to a group that API Gateway names and makes (Amazon API
/// Gateway Developer Guide, "Set up CloudWatch logging for REST APIs").
fn execution_logs(cx: &Cx<'_>, stage: Subject<'_>) -> Option<Judgement> {
    let part = "execution log";
    let mut on = None;
    for read in stage.each("MethodSettings.*.LoggingLevel") {
        match read.string() {
            Read::Found(level, loc) if level != "OFF" => on = Some((level, loc)),
            Read::Unknown(why, loc) => {
                return Some(
                    Judgement::cannot_tell(stage, "whether it keeps execution logs", &why)
                        .at(loc)
                        .part(part),
                );
            }
            _ => {}
        }
    }
    let (level, loc) = on?;
    let api = match stage.at("RestApiId") {
        Read::Found(value, _) => cx.inventory.target(value).map(|(api, _)| api),
        _ => None,
    };
    let made = api.and_then(|api| {
        cx.inventory.referrers(api.id).find(|group| {
            &*group.kind == "AWS::Logs::LogGroup"
                && matches!(group.at("LogGroupName").text(), Read::Found(name, _)
                    if name.known_prefix().starts_with("API-Gateway-Execution-Logs_"))
        })
    });
    Some(match made {
        Some(group) => in_group(cx, stage, group, loc, part),
        None => Judgement::fail(
            stage,
            "it keeps execution logs in a group that API Gateway makes by itself, without a KMS key",
        )
        .at(loc)
        .part(part)
        .stated("LoggingLevel", level, loc)
        .fix("Make the log group API-Gateway-Execution-Logs_{api id}/{stage} in the template, with KmsKeyId, before the stage; or set LoggingLevel to OFF."),
    })
}
