//! Where a service's answer and the CloudFormation schema differ by more than names.

use crate::lookup::{get, text, unwrapped};
use crate::shape::{Setting, Shaped, document};
use serde_json::{Map, Value, json};

fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// An object of what there is.
fn object<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
    let entries = entries.into_iter().filter_map(|(name, value)| {
        Some((name.to_owned(), value.filter(|value| !value.is_null())?))
    });
    Value::Object(entries.collect::<Map<_, _>>())
}

/// What is under a name, unless it is null.
fn some(value: &Value, name: &str) -> Option<Value> {
    get(value, name)
        .map(unwrapped)
        .filter(|value| !value.is_null())
        .cloned()
}

/// `api/stage`, since a stage's name says little by itself.
pub(crate) fn stage(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let parts: Vec<&str> = value
        .as_ref()
        .and_then(Value::as_str)
        .unwrap_or_default()
        .split('/')
        .collect();
    let after = |words: [&str; 2]| {
        let at = parts.iter().position(|part| words.contains(part))?;
        parts.get(at + 1).copied()
    };
    Ok(
        match (after(["restapis", "apis"]), after(["stages", "stages"])) {
            (Some(api), Some(stage)) => Some(format!("{api}/{stage}").into()),
            _ => None,
        },
    )
}

/// The volumes of an instance. How they are encrypted, they say themselves.
pub(crate) fn volumes(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let volumes = items(value.as_ref()).filter_map(|mapping| {
        let volume = get(mapping, "ebs").and_then(|ebs| some(ebs, "volumeId"))?;
        Some(object([
            ("Device", some(mapping, "deviceName")),
            ("VolumeId", Some(volume)),
        ]))
    });
    Ok(value.as_ref().map(|_| volumes.collect()))
}

/// Their devices, without what only the volumes know.
pub(crate) fn devices(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let devices =
        items(value.as_ref()).map(|mapping| object([("DeviceName", some(mapping, "deviceName"))]));
    Ok(Some(devices.collect()))
}

pub(crate) fn ingress(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    Ok(Some(rules(value.as_ref(), "Source")))
}

pub(crate) fn egress(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    Ok(Some(rules(value.as_ref(), "Destination")))
}

/// A rule for each range, list and group of a permission. An empty list says that nothing is let through, where a template
/// without the property lets everything out.
fn rules(permissions: Option<&Value>, side: &str) -> Value {
    let mut rules = Vec::new();
    for permission in items(permissions) {
        let mut add = |name: &str, value: Option<Value>, described: &Value| {
            let mut rule = object([
                ("IpProtocol", some(permission, "ipProtocol")),
                ("FromPort", some(permission, "fromPort")),
                ("ToPort", some(permission, "toPort")),
                ("Description", some(described, "description")),
            ]);
            if let (Some(map), Some(value)) = (rule.as_object_mut(), value) {
                map.insert(name.to_owned(), value);
                rules.push(rule);
            }
        };
        let mut ranges = 0;
        for range in items(get(permission, "ipv4Ranges")) {
            ranges += 1;
            add("CidrIp", some(range, "cidrIp"), range);
        }
        if ranges == 0 {
            // Older items have the ranges as text only.
            for range in items(get(permission, "ipRanges")) {
                add("CidrIp", range.as_str().map(Into::into), range);
            }
        }
        for range in items(get(permission, "ipv6Ranges")) {
            add("CidrIpv6", some(range, "cidrIpv6"), range);
        }
        for list in items(get(permission, "prefixListIds")) {
            add(
                &format!("{side}PrefixListId"),
                some(list, "prefixListId"),
                list,
            );
        }
        for pair in items(get(permission, "userIdGroupPairs")) {
            add(
                &format!("{side}SecurityGroupId"),
                some(pair, "groupId"),
                pair,
            );
        }
    }
    Value::Array(rules)
}

/// What a flow log is of, which only the id tells.
pub(crate) fn flow_log_of(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let id = value.as_ref().and_then(Value::as_str).unwrap_or_default();
    let kind = match id.rsplit_once('-').map(|(prefix, _)| prefix) {
        Some("vpc") => "VPC",
        Some("subnet") => "Subnet",
        Some("eni") => "NetworkInterface",
        Some("tgw") => "TransitGateway",
        Some("tgw-attach") => "TransitGatewayAttachment",
        _ => return Err("its id does not tell".into()),
    };
    Ok(Some(kind.into()))
}

/// The secret that a service keeps of a master password.
pub(crate) fn secret_of_master(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    Ok(value.map(|secret| {
        object([
            ("SecretArn", some(&secret, "secretArn")),
            ("KmsKeyId", some(&secret, "kmsKeyId")),
        ])
    }))
}

/// The accounts that may restore a copy; `all` is everybody.
pub(crate) fn shared_with(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let attributes = value
        .as_ref()
        .map(|value| get(value, "dBSnapshotAttributes").unwrap_or(value));
    let restore =
        items(attributes).find(|attribute| text(attribute, "attributeName") == Some("restore"));
    Ok(Some(
        restore
            .and_then(|restore| some(restore, "attributeValues"))
            .unwrap_or_else(|| json!([])),
    ))
}

/// Without a description the table is under the key that DynamoDB owns (Amazon DynamoDB Developer Guide, "DynamoDB
/// encryption at rest"), which a template says with `SSEEnabled: false`.
pub(crate) fn table_encryption(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let Some(described) = value else {
        return Ok(Some(json!({"SSEEnabled": false})));
    };
    match text(&described, "status") {
        Some("ENABLED" | "UPDATING") => Ok(Some(object([
            ("SSEEnabled", Some(true.into())),
            ("SSEType", some(&described, "sseType")),
            ("KMSMasterKeyId", some(&described, "kmsMasterKeyArn")),
        ]))),
        Some(_) => Ok(Some(json!({"SSEEnabled": false}))),
        None => Err("its status is not told".into()),
    }
}

pub(crate) fn replicas(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let replicas = items(value.as_ref()).map(|replica| {
        object([
            ("Region", some(replica, "regionName")),
            ("ReplicaStatus", some(replica, "replicaStatus")),
            ("KMSMasterKeyId", some(replica, "kmsMasterKeyId")),
        ])
    });
    Ok(value.as_ref().map(|_| replicas.collect()))
}

pub(crate) fn point_in_time(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let described = value
        .as_ref()
        .and_then(|value| get(value, "pointInTimeRecoveryDescription"));
    match described.and_then(|described| text(described, "pointInTimeRecoveryStatus")) {
        Some(status) => Ok(Some(
            json!({"PointInTimeRecoveryEnabled": status == "ENABLED"}),
        )),
        None => Err("its status is not told".into()),
    }
}

/// Attributes as CloudFormation has them, a key and a value each.
pub(crate) fn attributes(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let attributes = items(value.as_ref()).map(|attribute| {
        object([
            ("Key", some(attribute, "key")),
            ("Value", some(attribute, "value")),
        ])
    });
    Ok(value.as_ref().map(|_| attributes.collect()))
}

/// Parameters of a group.
pub(crate) fn parameters(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let list = value
        .as_ref()
        .map(|value| get(value, "parameters").unwrap_or(value));
    if !list.is_some_and(Value::is_array) {
        return Err("AWS Config keeps it in another shape".into());
    }
    let parameters = items(list).map(|parameter| {
        object([
            ("ParameterName", some(parameter, "parameterName")),
            ("ParameterValue", some(parameter, "parameterValue")),
        ])
    });
    Ok(Some(parameters.collect()))
}

/// Listeners of a Classic Load Balancer with the policies that say what they negotiate.
pub(crate) fn classic_listeners(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let listeners = items(value.as_ref()).filter_map(|described| {
        let listener = get(described, "listener")?;
        let port = |name| some(listener, name).map(|port| Value::String(port.to_string()));
        Some(object([
            ("LoadBalancerPort", port("loadBalancerPort")),
            ("Protocol", some(listener, "protocol")),
            ("InstancePort", port("instancePort")),
            ("InstanceProtocol", some(listener, "instanceProtocol")),
            ("SSLCertificateId", some(listener, "sslCertificateId")),
            ("PolicyNames", some(described, "policyNames")),
        ]))
    });
    Ok(Some(listeners.collect()))
}

pub(crate) fn classic_policies(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let policies = items(value.as_ref()).map(|policy| {
        let attributes = items(get(policy, "policyAttributeDescriptions")).map(|attribute| {
            object([
                ("Name", some(attribute, "attributeName")),
                ("Value", some(attribute, "attributeValue")),
            ])
        });
        object([
            ("PolicyName", some(policy, "policyName")),
            ("PolicyType", some(policy, "policyTypeName")),
            ("Attributes", Some(attributes.collect())),
        ])
    });
    Ok(Some(policies.collect()))
}

/// The document of the version of a managed policy that counts.
pub(crate) fn default_version(value: Option<Value>, setting: &Setting<'_>) -> Shaped {
    let default = items(value.as_ref())
        .find(|version| some(version, "isDefaultVersion") == Some(Value::Bool(true)))
        .and_then(|version| some(version, "document"));
    match default {
        Some(text) => document(Some(text), setting),
        None => Err("no version is the default one".into()),
    }
}

pub(crate) fn rotation_rules(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    Ok(value.map(|rules| {
        object([
            (
                "AutomaticallyAfterDays",
                some(&rules, "automaticallyAfterDays"),
            ),
            (
                "Duration",
                some(&rules, "rotationDuration").or_else(|| some(&rules, "duration")),
            ),
            (
                "ScheduleExpression",
                some(&rules, "rotationScheduleExpression")
                    .or_else(|| some(&rules, "scheduleExpression")),
            ),
        ])
    }))
}

/// No properties where nothing is logged.
pub(crate) fn redshift_logging(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let Some(status) = value else {
        return Ok(None);
    };
    match some(&status, "loggingEnabled") {
        Some(Value::Bool(true)) => Ok(Some(object([
            ("BucketName", some(&status, "bucketName")),
            ("S3KeyPrefix", some(&status, "s3KeyPrefix")),
            ("LogDestinationType", some(&status, "logDestinationType")),
            ("LogExports", some(&status, "logExports")),
        ]))),
        Some(Value::Bool(false)) => Ok(None),
        _ => Err("whether it logs is not told".into()),
    }
}

/// The API keys settings by path and method (`~1orders/GET`, `*/*`), CloudFormation has them beside the settings.
pub(crate) fn method_settings(value: Option<Value>, _: &Setting<'_>) -> Shaped {
    let map = match &value {
        None => return Ok(Some(json!([]))),
        Some(value) => value
            .as_object()
            .ok_or("AWS Config keeps it in another shape")?,
    };
    let settings = map.iter().map(|(key, setting)| {
        let (path, method) = key.rsplit_once('/').unwrap_or((key, "*"));
        object([
            (
                "ResourcePath",
                Some(format!("/{}", path.trim_start_matches('/').trim_start_matches("~1")).into()),
            ),
            ("HttpMethod", Some(method.into())),
            ("LoggingLevel", some(setting, "loggingLevel")),
            ("DataTraceEnabled", some(setting, "dataTraceEnabled")),
            ("MetricsEnabled", some(setting, "metricsEnabled")),
            ("CachingEnabled", some(setting, "cachingEnabled")),
            ("CacheDataEncrypted", some(setting, "cacheDataEncrypted")),
        ])
    });
    Ok(Some(settings.collect()))
}

/// The policy of a topic, unless it is the one that AWS gives a new topic, which CloudFormation does not count as one. It is
/// known by its words; anybody may keep its id and change the rest.
pub(crate) fn topic_policy(value: Option<Value>, setting: &Setting<'_>) -> Shaped {
    let Some(policy) = document(value, setting)? else {
        return Ok(None);
    };
    let word = |at: &str| policy.pointer(at).and_then(Value::as_str);
    let conditions = policy
        .pointer("/Statement/0/Condition")
        .and_then(Value::as_object);
    let only_own_account = conditions.is_some_and(|conditions| conditions.len() == 1)
        && policy
            .pointer("/Statement/0/Condition/StringEquals")
            .and_then(Value::as_object)
            .is_some_and(|keys| {
                keys.len() == 1
                    && keys.iter().all(|(key, value)| {
                        (key.eq_ignore_ascii_case("aws:SourceOwner")
                            || key.eq_ignore_ascii_case("aws:SourceAccount"))
                            && value.as_str() == Some(setting.account)
                    })
            });
    let is_default = word("/Id") == Some("__default_policy_ID")
        && items(policy.get("Statement")).count() == 1
        && word("/Statement/0/Sid") == Some("__default_statement_ID")
        && word("/Statement/0/Effect") == Some("Allow")
        && word("/Statement/0/Principal/AWS") == Some("*")
        && only_own_account;
    Ok((!is_default).then_some(policy))
}
