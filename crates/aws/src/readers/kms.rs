//! AWS KMS: keys, aliases, grants, key stores.

use super::prelude::*;
use aws_sdk_kms::Client;
use aws_sdk_kms::types::{KeyManagerType, KeyMetadata, KeyState, OriginType};
use lockfast_snapshot::MANAGED_KEY;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) static READER: Reader = Reader {
    service: "kms",
    scope: Scope::Regional,
    kinds: &[
        "AWS::KMS::Key",
        "AWS::KMS::ReplicaKey",
        "AWS::KMS::Alias",
        MANAGED_KEY,
    ],
    calls: &[
        "kms:ListKeys",
        "kms:ListAliases",
        "kms:DescribeKey",
        "kms:GetKeyPolicy",
        "kms:GetKeyRotationStatus",
        "kms:ListKeyRotations",
        "kms:ListGrants",
        "kms:GetKeyLastUsage",
        "kms:DescribeCustomKeyStores",
    ],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let aliases = cx
        .list(
            "kms:ListAliases",
            &["AWS::KMS::Alias"],
            items!(client.list_aliases()),
        )
        .await;
    let mut by_key: HashMap<String, String> = HashMap::new();
    for alias in &aliases {
        let (Some(name), Some(arn)) = (alias.alias_name(), alias.alias_arn()) else {
            continue;
        };
        let Some(key) = alias.target_key_id() else {
            // An AWS managed key's alias stands before the key is first used.
            continue;
        };
        by_key.insert(key.to_owned(), name.to_owned());
        if !name.starts_with("alias/aws/") {
            let props = Props::of("kms:ListAliases")
                .put("AliasName", name)
                .put("TargetKeyId", key)
                .put("CreationDate", alias.creation_date())
                .put("LastUpdatedDate", alias.last_updated_date());
            cx.emit("AWS::KMS::Alias", name, Some(arn), props);
        }
    }
    let keys = cx
        .list(
            "kms:ListKeys",
            &["AWS::KMS::Key", "AWS::KMS::ReplicaKey"],
            items!(client.list_keys()),
        )
        .await;
    let by_key = Arc::new(by_key);
    cx.each(keys, |key| {
        let (cx, client, by_key) = (cx.clone(), client.clone(), by_key.clone());
        async move {
            if let (Some(id), Some(arn)) = (key.key_id(), key.key_arn()) {
                one(&cx, &client, id, arn, by_key.get(id)).await;
            }
        }
    })
    .await;
}

async fn one(cx: &Cx, client: &Client, id: &str, arn: &str, alias: Option<&String>) {
    let described = cx
        .get("kms:DescribeKey", client.describe_key().key_id(arn).send())
        .await
        .map(|answer| answer.key_metadata);
    let key = match described {
        Ok(Some(key)) => key,
        Ok(None) => return,
        Err(failure) => {
            // It may be AWS's own or the customer's.
            let props = Props::of("kms:DescribeKey").put("KeyManager", failure);
            cx.emit(
                "AWS::KMS::Key",
                id,
                Some(arn),
                props.put("AliasName", alias),
            );
            return;
        }
    };
    let mut props = Props::of("kms:DescribeKey")
        .put("KeyManager", key.key_manager().map(KeyManagerType::as_str))
        .put("KeyState", key.key_state().map(KeyState::as_str))
        .put("Enabled", key.enabled())
        .put("Origin", key.origin().map(OriginType::as_str))
        .put("KeySpec", key.key_spec().map(|spec| spec.as_str()))
        .put("KeyUsage", key.key_usage().map(|usage| usage.as_str()))
        .put("MultiRegion", key.multi_region())
        .put("CreationDate", key.creation_date())
        .put("DeletionDate", key.deletion_date())
        .put("ValidTo", key.valid_to())
        .put("CustomKeyStoreId", key.custom_key_store_id())
        .put("Description", key.description())
        .put(
            "PendingDeletionWindowInDays",
            key.pending_deletion_window_in_days(),
        );
    if key.key_manager() == Some(&KeyManagerType::Aws) {
        let props = props.put("AliasName", alias);
        cx.emit(MANAGED_KEY, id, Some(arn), props);
        return;
    }
    props = multi_region(props, &key);
    let policy = cx
        .get(
            "kms:GetKeyPolicy",
            client
                .get_key_policy()
                .key_id(arn)
                .policy_name("default")
                .send(),
        )
        .await
        .map(|answer| {
            answer
                .policy()
                .map(|text| document("kms:GetKeyPolicy", text))
        });
    props = props.from("kms:GetKeyPolicy").put("KeyPolicy", policy);
    props = rotation(cx, client, arn, &key, props).await;
    props = grants(cx, client, arn, props).await;
    if cx.asks_last_use() {
        props = last_use(cx, client, arn, props).await;
    }
    if let Some(store) = key.custom_key_store_id() {
        let store = cx
            .get(
                "kms:DescribeCustomKeyStores",
                client
                    .describe_custom_key_stores()
                    .custom_key_store_id(store)
                    .send(),
            )
            .await
            .map(|answer| {
                let store = answer.custom_key_stores().first()?;
                Some(store.custom_key_store_type()?.as_str().to_owned())
            });
        props = props
            .from("kms:DescribeCustomKeyStores")
            .put("CustomKeyStoreType", store);
    }
    let is_replica = key
        .multi_region_configuration()
        .and_then(|config| config.multi_region_key_type())
        .is_some_and(|kind| kind.as_str() == "REPLICA");
    let kind = match is_replica {
        true => "AWS::KMS::ReplicaKey",
        false => "AWS::KMS::Key",
    };
    cx.emit(kind, id, Some(arn), props);
}

fn multi_region(props: Props, key: &KeyMetadata) -> Props {
    let Some(config) = key.multi_region_configuration() else {
        return props;
    };
    let primary = config.primary_key().and_then(|key| key.arn());
    let replicas = config.replica_keys().iter().map(|key| {
        Props::new()
            .put("Arn", key.arn())
            .put("Region", key.region())
    });
    props
        .put("PrimaryKeyArn", primary)
        .put("ReplicaKeys", replicas.collect::<Vec<_>>())
}

/// Whether and how often the key rotates. Keys that never rotate by themselves have no status (AWS KMS API Reference,
/// GetKeyRotationStatus: `UnsupportedOperationException`), nor have keys about to be deleted.
async fn rotation(cx: &Cx, client: &Client, arn: &str, key: &KeyMetadata, props: Props) -> Props {
    let symmetric = key
        .key_spec()
        .is_some_and(|spec| spec.as_str() == "SYMMETRIC_DEFAULT");
    let by_aws = key.origin() == Some(&OriginType::AwsKms);
    let usable = matches!(
        key.key_state(),
        Some(KeyState::Enabled | KeyState::Disabled)
    );
    if !symmetric || !usable {
        return props.put("EnableKeyRotation", (!symmetric).then_some(false));
    }
    let props = match by_aws {
        true => {
            let status = cx
                .get(
                    "kms:GetKeyRotationStatus",
                    client.get_key_rotation_status().key_id(arn).send(),
                )
                .await;
            let props = props.from("kms:GetKeyRotationStatus");
            match status {
                Ok(status) => props
                    .put("EnableKeyRotation", status.key_rotation_enabled())
                    .put("RotationPeriodInDays", status.rotation_period_in_days())
                    .put("NextRotationDate", status.next_rotation_date()),
                Err(failure) => props
                    .put("EnableKeyRotation", failure.clone())
                    .put("RotationPeriodInDays", failure),
            }
        }
        false => props.put("EnableKeyRotation", false),
    };
    // On-demand rotations and those of imported material count for the age of what encrypts today.
    let stream = items!(client.list_key_rotations().key_id(arn));
    let (rotations, failure) = cx.try_list("kms:ListKeyRotations", stream).await;
    let last = rotations
        .iter()
        .filter_map(|rotation| rotation.rotation_date())
        .max_by_key(|at| at.secs());
    let last = match failure {
        Some(failure) => Err(failure),
        None => Ok(last.copied()),
    };
    props
        .from("kms:ListKeyRotations")
        .put("LastRotationDate", last)
}

async fn grants(cx: &Cx, client: &Client, arn: &str, props: Props) -> Props {
    let stream = items!(client.list_grants().key_id(arn));
    let (grants, failure) = cx.try_list("kms:ListGrants", stream).await;
    let grants: Vec<Props> = grants
        .iter()
        .map(|grant| {
            let constraints = grant.constraints().map(|c| {
                Props::new()
                    .put("EncryptionContextSubset", c.encryption_context_subset())
                    .put("EncryptionContextEquals", c.encryption_context_equals())
            });
            Props::new()
                .put("GrantId", grant.grant_id())
                .put("Name", grant.name())
                .put("GranteePrincipal", grant.grantee_principal())
                .put("RetiringPrincipal", grant.retiring_principal())
                .put("IssuingAccount", grant.issuing_account())
                .put("Operations", names!(grant.operations()))
                .put("Constraints", constraints)
                .put("CreationDate", grant.creation_date())
        })
        .collect();
    let grants = match failure {
        Some(failure) => Err(failure),
        None => Ok(grants),
    };
    props.from("kms:ListGrants").put("Grants", grants)
}

/// When the key was last used, as far back as AWS KMS kept it (AWS KMS API Reference, GetKeyLastUsage). An empty usage is none
/// since the tracking began.
async fn last_use(cx: &Cx, client: &Client, arn: &str, props: Props) -> Props {
    const CALL: &str = "kms:GetKeyLastUsage";
    let answer = cx
        .get(CALL, client.get_key_last_usage().key_id(arn).send())
        .await;
    let usage = answer.map(|answer| {
        let last = answer.key_last_usage();
        Props::new()
            .put("Timestamp", last.and_then(|last| last.timestamp()))
            .put(
                "Operation",
                last.and_then(|last| Some(last.operation()?.as_str())),
            )
            .put("TrackingStartDate", answer.tracking_start_date())
    });
    props.from(CALL).put("LastUsage", usage)
}
