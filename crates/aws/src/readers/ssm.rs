//! AWS Systems Manager: parameters of Parameter Store, and the values of those that are not encrypted.

use super::prelude::*;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterMetadata, ParameterType};
use std::collections::HashMap;

pub(super) static READER: Reader = Reader {
    service: "ssm",
    scope: Scope::Regional,
    kinds: &[PARAMETER],
    calls: &["ssm:DescribeParameters"],
    secret_calls: &[VALUES],
    read: |cx| read(cx).boxed(),
};

const PARAMETER: &str = "AWS::SSM::Parameter";
const VALUES: &str = "ssm:GetParameters";

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let request = client.describe_parameters().max_results(50);
    let pages = cx
        .list("ssm:DescribeParameters", &[PARAMETER], pages!(request))
        .await;
    let parameters = pages
        .into_iter()
        .flat_map(|page| page.parameters.unwrap_or_default());
    let (encrypted, plain): (Vec<_>, Vec<_>) =
        parameters.partition(|parameter| parameter.r#type() == Some(&ParameterType::SecureString));
    for parameter in &encrypted {
        // Nothing asks for the value of one that is encrypted.
        of_parameter(&cx, parameter, Ok(None));
    }
    // Ten at once are all that it takes (AWS Systems Manager API Reference, GetParameters).
    cx.each(plain.chunks(10), |chunk| values(&cx, &client, chunk))
        .await;
}

async fn values(cx: &Cx, client: &Client, parameters: &[ParameterMetadata]) {
    let names: Vec<String> = parameters
        .iter()
        .filter_map(|it| it.name().map(str::to_owned))
        .collect();
    let values: Result<HashMap<String, String>, Failure> = cx
        .get(
            VALUES,
            client
                .get_parameters()
                .set_names(Some(names))
                .with_decryption(false)
                .send(),
        )
        .await
        .map(|answer| {
            let found = answer.parameters.unwrap_or_default();
            found
                .into_iter()
                .filter_map(|it| Some((it.name?, it.value?)))
                .collect()
        });
    for parameter in parameters {
        let name = parameter.name().unwrap_or_default();
        let value = match &values {
            Ok(values) => match values.get(name) {
                Some(value) => Ok(Some(cx.cover(short(name), value))),
                // Deleted meanwhile, or an answer that left it out.
                None => Err(Failure {
                    call: VALUES.into(),
                    error: "InvalidParameters".into(),
                }),
            },
            Err(failure) => Err(failure.clone()),
        };
        of_parameter(cx, parameter, value);
    }
}

/// The last part of a path, which is what names the value.
fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn of_parameter(cx: &Cx, parameter: &ParameterMetadata, value: Result<Option<String>, Failure>) {
    let Some(name) = parameter.name() else {
        return;
    };
    let arn = match parameter.arn() {
        Some(arn) => arn.to_owned(),
        None => cx.arn(
            "ssm",
            &format!("parameter/{}", name.trim_start_matches('/')),
        ),
    };
    let policies = parameter.policies().iter().map(|policy| {
        Props::new()
            .put("PolicyType", policy.policy_type())
            .put("PolicyStatus", policy.policy_status())
    });
    let props = Props::of("ssm:DescribeParameters")
        .put("Name", name)
        .put("Type", parameter.r#type().map(|it| it.as_str()))
        .put("Tier", parameter.tier().map(|it| it.as_str()))
        .put("DataType", parameter.data_type())
        .put("Description", parameter.description())
        .put("KeyId", parameter.key_id())
        .put("LastModifiedDate", parameter.last_modified_date())
        .put("Version", parameter.version())
        .put("InlinePolicies", policies.collect::<Vec<_>>())
        .from(VALUES)
        .put("Value", value);
    cx.emit(PARAMETER, name, Some(&arn), props);
}
