//! Amazon Athena: work groups.

use super::prelude::*;
use aws_sdk_athena::Client;
use aws_sdk_athena::types::{WorkGroup, WorkGroupConfiguration};

pub(super) static READER: Reader = Reader {
    service: "athena",
    scope: Scope::Regional,
    kinds: &["AWS::Athena::WorkGroup"],
    calls: &["athena:ListWorkGroups", "athena:GetWorkGroup"],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let pages = cx
        .list(
            "athena:ListWorkGroups",
            &["AWS::Athena::WorkGroup"],
            pages!(client.list_work_groups()),
        )
        .await;
    let groups = pages
        .into_iter()
        .flat_map(|page| page.work_groups.unwrap_or_default());
    cx.each(groups.filter_map(|group| group.name), |name| {
        let (cx, client) = (cx.clone(), client.clone());
        async move { one(&cx, &client, &name).await }
    })
    .await;
}

async fn one(cx: &Cx, client: &Client, name: &str) {
    let request = client.get_work_group().work_group(name);
    let found = cx.get("athena:GetWorkGroup", request.send()).await;
    let props = match found.map(|answer| answer.work_group) {
        Ok(Some(group)) if is_untouched(&group) => return,
        Ok(Some(group)) => Props::of("athena:GetWorkGroup")
            .put("Name", name)
            .put("State", group.state().map(|state| state.as_str()))
            .put(
                "WorkGroupConfiguration",
                group.configuration().map(of_group),
            )
            .put("CreationTime", group.creation_time()),
        Ok(None) => return,
        Err(failure) => Props::of("athena:GetWorkGroup")
            .put("Name", name)
            .put("WorkGroupConfiguration", failure),
    };
    let arn = cx.arn("athena", &format!("workgroup/{name}"));
    cx.emit("AWS::Athena::WorkGroup", name, Some(&arn), props);
}

/// Every region has a work group `primary`. As AWS made it, it has no place for results and keeps none.
fn is_untouched(group: &WorkGroup) -> bool {
    let keeps = |config: &WorkGroupConfiguration| {
        let results = config.result_configuration().is_some_and(|results| {
            results.output_location().is_some() || results.encryption_configuration().is_some()
        });
        let managed = config
            .managed_query_results_configuration()
            .is_some_and(|managed| managed.enabled());
        results || managed || config.customer_content_encryption_configuration().is_some()
    };
    group.name() == "primary" && !group.configuration().is_some_and(keeps)
}

fn of_group(config: &WorkGroupConfiguration) -> Props {
    let results = config.result_configuration().map(|results| {
        let encryption = results.encryption_configuration().map(|encryption| {
            Props::new()
                .put("EncryptionOption", encryption.encryption_option().as_str())
                .put("KmsKey", encryption.kms_key())
        });
        Props::new()
            .put("OutputLocation", results.output_location())
            .put("EncryptionConfiguration", encryption)
            .put("ExpectedBucketOwner", results.expected_bucket_owner())
    });
    let managed = config.managed_query_results_configuration().map(|managed| {
        let encryption = managed
            .encryption_configuration()
            .map(|encryption| Props::new().put("KmsKey", encryption.kms_key()));
        Props::new()
            .put("Enabled", managed.enabled())
            .put("EncryptionConfiguration", encryption)
    });
    let content = config
        .customer_content_encryption_configuration()
        .map(|content| Props::new().put("KmsKey", content.kms_key()));
    Props::new()
        .put(
            "EnforceWorkGroupConfiguration",
            config.enforce_work_group_configuration(),
        )
        .put("ResultConfiguration", results)
        .put("ManagedQueryResultsConfiguration", managed)
        .put("CustomerContentEncryptionConfiguration", content)
        .put("ExecutionRole", config.execution_role())
        .put(
            "PublishCloudWatchMetricsEnabled",
            config.publish_cloud_watch_metrics_enabled(),
        )
}
