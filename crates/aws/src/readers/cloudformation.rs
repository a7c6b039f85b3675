//! AWS CloudFormation: stacks and what stands in them, by which live resources are found in their templates.
//!
//! Parameters and outputs are not read: they may hold secrets.

use super::prelude::*;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{StackStatus, StackSummary};

pub(super) static READER: Reader = Reader {
    service: "cloudformation",
    scope: Scope::Regional,
    kinds: &["AWS::CloudFormation::Stack"],
    calls: &[
        "cloudformation:ListStacks",
        "cloudformation:ListStackResources",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    // Without a filter the list has the stacks deleted in the last 90 days.
    let standing = StackStatus::values()
        .iter()
        .map(|status| StackStatus::from(*status))
        .filter(|status| *status != StackStatus::DeleteComplete);
    let request = client
        .list_stacks()
        .set_stack_status_filter(Some(standing.collect()));
    let stacks = cx
        .list(
            "cloudformation:ListStacks",
            &["AWS::CloudFormation::Stack"],
            items!(request),
        )
        .await;
    cx.each(stacks, |stack| {
        let (cx, client) = (cx.clone(), client.clone());
        async move { one(&cx, &client, &stack).await }
    })
    .await;
}

async fn one(cx: &Cx, client: &Client, stack: &StackSummary) {
    let (Some(name), Some(id)) = (stack.stack_name(), stack.stack_id()) else {
        return;
    };
    let stream = items!(client.list_stack_resources().stack_name(id));
    let (resources, failure) = cx
        .try_list("cloudformation:ListStackResources", stream)
        .await;
    let resources = match failure {
        Some(failure) => Err(failure),
        None => Ok(resources
            .iter()
            .map(|resource| {
                let drift = resource.drift_information();
                let drift = drift.and_then(|drift| drift.stack_resource_drift_status());
                Props::new()
                    .put("LogicalResourceId", resource.logical_resource_id())
                    .put("PhysicalResourceId", resource.physical_resource_id())
                    .put("ResourceType", resource.resource_type())
                    .put(
                        "ResourceStatus",
                        resource.resource_status().map(|status| status.as_str()),
                    )
                    .put(
                        "StackResourceDriftStatus",
                        drift.map(|status| status.as_str()),
                    )
            })
            .collect::<Vec<_>>()),
    };
    let drift = stack.drift_information().map(|drift| {
        Props::new()
            .put(
                "StackDriftStatus",
                drift.stack_drift_status().map(|status| status.as_str()),
            )
            .put("LastCheckTimestamp", drift.last_check_timestamp())
    });
    let props = Props::of("cloudformation:ListStacks")
        .put("StackName", name)
        .put(
            "StackStatus",
            stack.stack_status().map(|status| status.as_str()),
        )
        .put("ParentId", stack.parent_id())
        .put("RootId", stack.root_id())
        .put("DriftInformation", drift)
        .put("CreationTime", stack.creation_time())
        .put("LastUpdatedTime", stack.last_updated_time())
        .from("cloudformation:ListStackResources")
        .put("Resources", resources);
    cx.emit("AWS::CloudFormation::Stack", name, Some(id), props);
}
