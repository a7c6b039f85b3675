use super::cases::stores;
use super::function_logs::{EXECUTION_LOGS, FunctionLogs, Group, is_helper, unlisted};
use crate::prelude::*;
use lockfast_facts::{Guard, Loc, Origin, Part, Reference, Text};

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
    fix: "Give the log group a KmsKeyId (in a template, make the group there), and name it in the function's LoggingConfig, or in the stage's or state machine's log settings.",
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
            out.extend(of_function(cx, &logs, function));
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
                        out.extend(destination(cx, subject, value, loc, what, part))
                    }
                }
            }
        }
    }
    for stage in cx.subjects(&["AWS::ApiGateway::Stage"]) {
        out.extend(execution_logs(cx, &logs, stage));
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
) -> Vec<Judgement> {
    let (log, loc) = match read.string() {
        Read::Found(log, loc) => (log, loc),
        Read::Absent(_) => return Vec::new(),
        Read::Unknown(why, loc) => {
            return vec![
                Judgement::cannot_tell(database, "which logs it exports", &why)
                    .at(loc)
                    .part("exported logs"),
            ];
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
    match (group, unlisted(cx, database.resource)) {
        (Some(group), _) => in_group(cx, database, group, loc, &part),
        (None, Some(why)) => vec![
            Judgement::cannot_tell(database, &format!("whether the log group of its {part} is encrypted"), &why)
                .at(loc)
                .part(part),
        ],
        (None, None) => vec![
            Judgement::fail(
                database,
                format!("no template given makes the log group of its {part}: the service makes it, without a KMS key"),
            )
            .at(loc)
            .part(part),
        ],
    }
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

fn of_function<'a>(
    cx: &Cx<'a>,
    logs: &FunctionLogs<'a>,
    function: Subject<'_>,
) -> Vec<Judgement> {
    let judgement = match logs.group(cx, function) {
        Group::Given(group, loc) => return in_group(cx, function, group, loc, "log"),
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
    };
    vec![judgement]
}

/// Judges the group for one that logs to it: the group is where the key is missing.
fn in_group(
    cx: &Cx<'_>,
    user: Subject<'_>,
    group: &Resource,
    loc: Loc,
    what: &str,
) -> Vec<Judgement> {
    let name = &user.resource.name;
    let judge = |(case, store): (Guard, Option<&Store>)| {
        let Some(store) = store else {
            let message = format!(
                "cannot tell whether its {what} is encrypted: the log group is not made under the same conditions"
            );
            return Judgement::unknown(user, message)
                .at(loc)
                .part(what.to_owned())
                .when(&case);
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
        judgement
            .when(&case)
            .part(format!("{what} of {name}"))
            .fact_as("encryption at rest", &store.protection, |p| {
                p.label(cx.inventory)
            })
            .step(format!("{} {name}", user.kind()), loc)
    };
    let cases = stores(cx, &user.variant.when, group.id);
    cases.into_iter().map(judge).collect()
}

fn destination(
    cx: &Cx<'_>,
    user: Subject<'_>,
    value: &Value,
    loc: Loc,
    what: &str,
    part: String,
) -> Vec<Judgement> {
    if let Some(group) = super::log_group::find(cx, user.resource, value) {
        return in_group(cx, user, group, loc, what);
    }
    let to = cx.inventory.target(value).map(|(resource, _)| resource);
    if let Some(stream) = to.filter(|to| &*to.kind == "AWS::KinesisFirehose::DeliveryStream") {
        return stores(cx, &user.variant.when, stream.id)
            .into_iter()
            .flat_map(|(case, store)| through_stream(cx, user, stream, case, store, what))
            .map(|judgement| judgement.at(loc).part(part.clone()))
            .collect();
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
    vec![judgement.at(loc).part(part)]
}

/// A log that goes through a delivery stream, in a case and as the stream is then.
fn through_stream(
    cx: &Cx<'_>,
    user: Subject<'_>,
    stream: &Resource,
    case: Guard,
    store: Option<&Store>,
    what: &str,
) -> Vec<Judgement> {
    let Some(store) = store else {
        let message = format!(
            "cannot tell whether its {what} is encrypted: {} is not made under the same conditions",
            stream.name
        );
        return vec![Judgement::unknown(user, message).when(&case)];
    };
    let judge = |(case, protection): (Guard, Known<Protection>)| {
        match &protection {
            Known::Unknown(why, _) if protection.unknown_key().is_none() => Judgement::cannot_tell(
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
        }
        .when(&case)
        .fact_as("stream's encryption", &protection, |p| {
            p.label(cx.inventory)
        })
    };
    let protections = super::inherited::protections(cx, store, &case);
    protections.into_iter().map(judge).collect()
}

/// Execution logs of a REST API's stage go to a group that API Gateway names and makes (Amazon API
/// Gateway Developer Guide, "Set up CloudWatch logging for REST APIs").
fn execution_logs<'a>(
    cx: &Cx<'a>,
    logs: &FunctionLogs<'a>,
    stage: Subject<'a>,
) -> Vec<Judgement> {
    let part = "execution log";
    let mut on = None;
    for read in stage.each("MethodSettings.*.LoggingLevel") {
        match read.string() {
            Read::Found(level, loc) if level != "OFF" => on = Some((level, loc)),
            Read::Unknown(why, loc) => {
                return vec![
                    Judgement::cannot_tell(stage, "whether it keeps execution logs", &why)
                        .at(loc)
                        .part(part),
                ];
            }
            _ => {}
        }
    }
    let Some((level, loc)) = on else {
        return Vec::new();
    };
    let judgement = match execution_group(cx, logs, stage) {
        Made::By(group) => return in_group(cx, stage, group, loc, part),
        Made::Perhaps(why) => Judgement::cannot_tell(
            stage,
            "whether a template given makes the group of its execution logs",
            &why,
        ),
        Made::ByTheService => Judgement::fail(
            stage,
            "it keeps execution logs in a group that API Gateway makes by itself, without a KMS key",
        )
        .fix("Give the log group API-Gateway-Execution-Logs_{api id}/{stage} a KmsKeyId (in a template, make it there, before the stage); or set LoggingLevel to OFF."),
    };
    vec![
        judgement
            .at(loc)
            .part(part)
            .stated("LoggingLevel", level, loc),
    ]
}

/// Who makes the group of a stage's execution logs.
enum Made<'a> {
    By(&'a Resource),
    /// A group of the API has a name that is known in part.
    Perhaps(Arc<Why>),
    ByTheService,
}

fn execution_group<'a>(
    cx: &Cx<'a>,
    logs: &FunctionLogs<'a>,
    stage: Subject<'a>,
) -> Made<'a> {
    let (Read::Found(api, _), Read::Found(name, _)) =
        (stage.at("RestApiId").text(), stage.at("StageName").text())
    else {
        return Made::ByTheService;
    };
    let reference = |target, attribute: Option<&str>| {
        vec![Part::Reference(Reference {
            target,
            attribute: attribute.map(Arc::from),
        })]
    };
    let mut apis = vec![api.parts()];
    let given = stage.at("RestApiId").found();
    let given = given.and_then(|value| cx.inventory.target(value));
    if let Some((api, _)) = given {
        apis.push(reference(api.id, None));
        apis.push(reference(api.id, Some("RestApiId")));
        if cx.inventory.origin() == Origin::Live {
            apis.push(vec![Part::Literal(api.name.clone())]);
        }
    }
    let stages = [name.parts(), reference(stage.id(), None)];
    for api in &apis {
        for name in &stages {
            let parts = [vec![Part::Literal(EXECUTION_LOGS.into())], api.clone()];
            let parts = parts.into_iter().flatten();
            let slash = Part::Literal("/".into());
            let whole = Text::from_parts(parts.chain([slash]).chain(name.clone()));
            if let Some(group) = logs.named(cx, &whole, stage.resource) {
                return Made::By(group);
            }
        }
    }
    if let Some(why) = unlisted(cx, stage.resource) {
        return Made::Perhaps(why);
    }
    // A group whose stage is known only at deployment may be that of this stage.
    let Some((api, _)) = given else {
        return Made::ByTheService;
    };
    let mut groups = cx.inventory.referrers(api.id).filter_map(|group| {
        let group_name = group.at("LogGroupName").text().found()?;
        let of_api = &*group.kind == "AWS::Logs::LogGroup"
            && group_name.known_prefix().starts_with(EXECUTION_LOGS);
        let open = group_name.first_unknown().or_else(|| name.first_unknown());
        open.filter(|_| of_api).cloned()
    });
    groups.next().map_or(Made::ByTheService, Made::Perhaps)
}
