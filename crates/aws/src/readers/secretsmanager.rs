//! AWS Secrets Manager: secrets with their rotation and policies. Never their values.

use super::prelude::*;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::SecretListEntry;

pub(super) static READER: Reader = Reader {
    service: "secretsmanager",
    scope: Scope::Regional,
    kinds: &[SECRET, SCHEDULE, POLICY],
    calls: &[
        "secretsmanager:ListSecrets",
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetResourcePolicy",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

const SECRET: &str = "AWS::SecretsManager::Secret";
const SCHEDULE: &str = "AWS::SecretsManager::RotationSchedule";
const POLICY: &str = "AWS::SecretsManager::ResourcePolicy";

/// The key that an absent one means (AWS Secrets Manager API Reference, SecretListEntry: `KmsKeyId`).
const KEY_OF_AWS: &str = "alias/aws/secretsmanager";

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let request = client.list_secrets().max_results(100);
    let pages = cx
        .list("secretsmanager:ListSecrets", READER.kinds, pages!(request))
        .await;
    let secrets = pages
        .into_iter()
        .flat_map(|page| page.secret_list.unwrap_or_default());
    cx.each(secrets, |secret| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            if let (Some(name), Some(arn)) = (secret.name(), secret.arn()) {
                one(&cx, &client, &secret, name, arn).await;
            }
        }
    })
    .await;
}

async fn one(cx: &Cx, client: &Client, secret: &SecretListEntry, name: &str, arn: &str) {
    let mut props = Props::of("secretsmanager:ListSecrets")
        .put("Name", name)
        .put(
            "Description",
            secret.description().filter(|text| !text.is_empty()),
        )
        .put(
            "KmsKeyId",
            secret
                .kms_key_id()
                .filter(|id| !id.is_empty())
                .unwrap_or(KEY_OF_AWS),
        )
        .put(
            "RotationEnabled",
            secret.rotation_enabled().unwrap_or(false),
        )
        // It stays when the rotation is turned off, and is what turns on again.
        .put(
            "RotationLambdaARN",
            secret.rotation_lambda_arn().filter(|arn| !arn.is_empty()),
        )
        .put("OwningService", secret.owning_service())
        .put("PrimaryRegion", secret.primary_region())
        .put("CreatedDate", secret.created_date())
        .put("LastChangedDate", secret.last_changed_date())
        .put("LastAccessedDate", secret.last_accessed_date())
        .put("LastRotatedDate", secret.last_rotated_date())
        .put("NextRotationDate", secret.next_rotation_date());
    // The list has the tags.
    let tags: Vec<Value> = tags!(secret.tags())
        .into_iter()
        .filter_map(Put::json)
        .collect();
    props.map.insert("Tags".into(), Value::Array(tags));
    // It leaves out the replicas.
    let described = cx
        .get(
            "secretsmanager:DescribeSecret",
            client.describe_secret().secret_id(arn).send(),
        )
        .await
        .map(|answer| {
            let replicas = answer.replication_status().iter().map(|replica| {
                Props::new()
                    .put("Region", replica.region())
                    .put("KmsKeyId", replica.kms_key_id().unwrap_or(KEY_OF_AWS))
                    .put("Status", replica.status().map(|status| status.as_str()))
            });
            replicas.collect::<Vec<_>>()
        });
    props = props
        .from("secretsmanager:DescribeSecret")
        .put("ReplicaRegions", described);
    cx.emit(SECRET, name, Some(arn), props);
    if secret.rotation_enabled() == Some(true) {
        schedule(cx, secret, name, arn);
    }
    policy(cx, client, name, arn).await;
}

fn schedule(cx: &Cx, secret: &SecretListEntry, name: &str, arn: &str) {
    let rules = secret.rotation_rules().map(|rules| {
        Props::new()
            .put("AutomaticallyAfterDays", rules.automatically_after_days())
            .put("Duration", rules.duration())
            .put("ScheduleExpression", rules.schedule_expression())
    });
    let props = Props::of("secretsmanager:ListSecrets")
        .put("SecretId", arn)
        .put("RotationLambdaARN", secret.rotation_lambda_arn())
        .put(
            "ExternalSecretRotationRoleArn",
            secret.external_secret_rotation_role_arn(),
        )
        .put("RotationRules", rules)
        .put("OwningService", secret.owning_service())
        .put("LastRotatedDate", secret.last_rotated_date())
        .put("NextRotationDate", secret.next_rotation_date());
    cx.emit(SCHEDULE, name, None, props);
}

async fn policy(cx: &Cx, client: &Client, name: &str, arn: &str) {
    const CALL: &str = "secretsmanager:GetResourcePolicy";
    // A secret without a policy answers, and leaves it out.
    let policy = cx
        .get(CALL, client.get_resource_policy().secret_id(arn).send())
        .await
        .map(|answer| answer.resource_policy().map(|text| document(CALL, text)));
    if matches!(policy, Ok(None)) {
        return;
    }
    let props = Props::of(CALL)
        .put("SecretId", arn)
        .put("ResourcePolicy", policy);
    cx.emit(POLICY, name, None, props);
}
