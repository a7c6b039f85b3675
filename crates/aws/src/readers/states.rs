//! AWS Step Functions: state machines, activities.

use super::prelude::*;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_state_machine::DescribeStateMachineOutput;
use aws_sdk_sfn::types::{EncryptionConfiguration, IncludedData};

pub(super) static READER: Reader = Reader {
    service: "states",
    scope: Scope::Regional,
    kinds: &[
        "AWS::StepFunctions::StateMachine",
        "AWS::StepFunctions::Activity",
    ],
    calls: &[
        "states:ListStateMachines",
        "states:DescribeStateMachine",
        "states:ListActivities",
        "states:DescribeActivity",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    futures::join!(machines(&cx, &client), activities(&cx, &client));
}

/// The definition is left out of the answers: nothing asks for it, it may hold secrets, and reading it would need
/// the machine's key.
async fn machines(cx: &Cx, client: &Client) {
    let machines = cx
        .list(
            "states:ListStateMachines",
            &["AWS::StepFunctions::StateMachine"],
            items!(client.list_state_machines()),
        )
        .await;
    cx.each(machines, |machine| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            let arn = machine.state_machine_arn();
            let request = client
                .describe_state_machine()
                .state_machine_arn(arn)
                .included_data(IncludedData::MetadataOnly);
            let described = cx.get("states:DescribeStateMachine", request.send()).await;
            let props = Props::of("states:ListStateMachines")
                .put("StateMachineName", machine.name())
                .put("StateMachineType", machine.r#type().as_str())
                .put("CreationDate", machine.creation_date())
                .from("states:DescribeStateMachine");
            let props = match described {
                Ok(described) => of_machine(props, &described),
                Err(failure) => props
                    .put("EncryptionConfiguration", failure.clone())
                    .put("LoggingConfiguration", failure),
            };
            cx.emit(
                "AWS::StepFunctions::StateMachine",
                machine.name(),
                Some(arn),
                props,
            );
        }
    })
    .await;
}

fn of_machine(props: Props, machine: &DescribeStateMachineOutput) -> Props {
    let logging = machine.logging_configuration().map(|logging| {
        let destinations = logging.destinations().iter().map(|to| {
            let group = to.cloud_watch_logs_log_group();
            let group = group.map(|group| Props::new().put("LogGroupArn", group.log_group_arn()));
            Props::new().put("CloudWatchLogsLogGroup", group)
        });
        Props::new()
            .put("Level", logging.level().map(|level| level.as_str()))
            .put("IncludeExecutionData", logging.include_execution_data())
            .put("Destinations", destinations.collect::<Vec<_>>())
    });
    let tracing = machine
        .tracing_configuration()
        .map(|tracing| Props::new().put("Enabled", tracing.enabled()));
    props
        .put("RoleArn", machine.role_arn())
        .put(
            "EncryptionConfiguration",
            machine.encryption_configuration().map(encryption),
        )
        .put("LoggingConfiguration", logging)
        .put("TracingConfiguration", tracing)
        .put("Status", machine.status().map(|status| status.as_str()))
}

fn encryption(config: &EncryptionConfiguration) -> Props {
    Props::new()
        .put("Type", config.r#type().as_str())
        .put("KmsKeyId", config.kms_key_id())
        .put(
            "KmsDataKeyReusePeriodSeconds",
            config.kms_data_key_reuse_period_seconds(),
        )
}

async fn activities(cx: &Cx, client: &Client) {
    let activities = cx
        .list(
            "states:ListActivities",
            &["AWS::StepFunctions::Activity"],
            items!(client.list_activities()),
        )
        .await;
    cx.each(activities, |activity| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            let arn = activity.activity_arn();
            let request = client.describe_activity().activity_arn(arn);
            let config = cx
                .get("states:DescribeActivity", request.send())
                .await
                .map(|found| found.encryption_configuration().map(encryption));
            let props = Props::of("states:ListActivities")
                .put("Name", activity.name())
                .put("CreationDate", activity.creation_date())
                .from("states:DescribeActivity")
                .put("EncryptionConfiguration", config);
            cx.emit(
                "AWS::StepFunctions::Activity",
                activity.name(),
                Some(arn),
                props,
            );
        }
    })
    .await;
}
