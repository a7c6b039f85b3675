//! Buckets' settings in CloudFormation's shape.

use crate::props::{Props, names};
use aws_sdk_s3::types::{
    Destination, InventoryConfiguration, InventoryEncryption, LoggingEnabled,
    PublicAccessBlockConfiguration, ReplicationConfiguration, ReplicationRule,
    ReplicationRuleFilter, ReplicationTimeValue, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule, SourceSelectionCriteria, Tag,
};
use serde_json::{Value, json};

pub(super) fn encryption(config: ServerSideEncryptionConfiguration) -> Props {
    let rules: Vec<Props> = config.rules().iter().map(encryption_rule).collect();
    Props::new().put("ServerSideEncryptionConfiguration", rules)
}

fn encryption_rule(rule: &ServerSideEncryptionRule) -> Props {
    let by_default = rule
        .apply_server_side_encryption_by_default()
        .map(|default| {
            Props::new()
                .put("SSEAlgorithm", default.sse_algorithm().as_str())
                .put("KMSMasterKeyID", default.kms_master_key_id())
        });
    // A template that is silent blocks SSE-C, as new buckets do; a bucket that says nothing blocks nothing.
    let blocked = match rule.blocked_encryption_types() {
        Some(blocked) if !blocked.encryption_type().is_empty() => names!(blocked.encryption_type()),
        _ => vec!["NONE".into()],
    };
    Props::new()
        .put("ServerSideEncryptionByDefault", by_default)
        .put(
            "BucketKeyEnabled",
            rule.bucket_key_enabled().unwrap_or(false),
        )
        .put(
            "BlockedEncryptionTypes",
            Props::new().put("EncryptionType", blocked),
        )
}

/// Without a configuration nothing is blocked at the bucket (Amazon S3 User Guide, "Blocking public access").
pub(super) fn public_access(config: Option<PublicAccessBlockConfiguration>) -> Props {
    let flag = |of: fn(&PublicAccessBlockConfiguration) -> Option<bool>| {
        config.as_ref().and_then(of).unwrap_or(false)
    };
    Props::new()
        .put(
            "BlockPublicAcls",
            flag(PublicAccessBlockConfiguration::block_public_acls),
        )
        .put(
            "IgnorePublicAcls",
            flag(PublicAccessBlockConfiguration::ignore_public_acls),
        )
        .put(
            "BlockPublicPolicy",
            flag(PublicAccessBlockConfiguration::block_public_policy),
        )
        .put(
            "RestrictPublicBuckets",
            flag(PublicAccessBlockConfiguration::restrict_public_buckets),
        )
}

pub(super) fn logging(config: LoggingEnabled) -> Props {
    let format = config.target_object_key_format().map(|format| {
        let partitioned = format.partitioned_prefix().map(|prefix| {
            json!({ "PartitionDateSource": prefix.partition_date_source().map(|source| source.as_str()) })
        });
        Props::new()
            .put("SimplePrefix", format.simple_prefix().map(|_| json!({})))
            .put("PartitionedPrefix", partitioned)
    });
    Props::new()
        .put("DestinationBucketName", config.target_bucket())
        .put("LogFilePrefix", config.target_prefix())
        .put("TargetObjectKeyFormat", format)
}

pub(super) fn inventory(config: &InventoryConfiguration) -> Props {
    let destination = config
        .destination()
        .and_then(|destination| destination.s3_bucket_destination())
        .map(|bucket| {
            Props::new()
                .put("BucketArn", bucket.bucket())
                .put("BucketAccountId", bucket.account_id())
                .put("Format", bucket.format().as_str())
                .put("Prefix", bucket.prefix())
                .put("Encryption", bucket.encryption().map(report_encryption))
        });
    Props::new()
        .put("Id", config.id())
        .put("Enabled", config.is_enabled())
        .put(
            "IncludedObjectVersions",
            config.included_object_versions().as_str(),
        )
        .put(
            "ScheduleFrequency",
            config
                .schedule()
                .map(|schedule| schedule.frequency().as_str()),
        )
        .put("Prefix", config.filter().map(|filter| filter.prefix()))
        .put("OptionalFields", names!(config.optional_fields()))
        .put("Destination", destination)
}

fn report_encryption(encryption: &InventoryEncryption) -> Value {
    match encryption.ssekms() {
        Some(kms) => json!({ "SSEKMS": { "KeyId": kms.key_id() } }),
        None => json!({ "SSES3": {} }),
    }
}

pub(super) fn replication(config: ReplicationConfiguration) -> Props {
    let rules: Vec<Props> = config.rules().iter().map(replication_rule).collect();
    Props::new().put("Role", config.role()).put("Rules", rules)
}

fn replication_rule(rule: &ReplicationRule) -> Props {
    // The schema has no more of it, but the API still gives what older rules say.
    #[allow(deprecated)]
    let prefix = rule.prefix();
    Props::new()
        .put("Id", rule.id())
        .put("Priority", rule.priority())
        .put("Status", rule.status().as_str())
        .put("Prefix", prefix)
        .put("Filter", rule.filter().map(filter))
        .put(
            "SourceSelectionCriteria",
            rule.source_selection_criteria().map(criteria),
        )
        .put(
            "DeleteMarkerReplication",
            rule.delete_marker_replication().map(|markers| {
                Props::new().put("Status", markers.status().map(|status| status.as_str()))
            }),
        )
        .put("Destination", rule.destination().map(destination))
}

fn filter(filter: &ReplicationRuleFilter) -> Props {
    let and = filter.and().map(|and| {
        Props::new()
            .put("Prefix", and.prefix())
            .put("TagFilters", and.tags().iter().map(tag).collect::<Vec<_>>())
    });
    Props::new()
        .put("Prefix", filter.prefix())
        .put("TagFilter", filter.tag().map(tag))
        .put("And", and)
}

fn tag(tag: &Tag) -> Props {
    Props::new().put("Key", tag.key()).put("Value", tag.value())
}

fn criteria(criteria: &SourceSelectionCriteria) -> Props {
    let encrypted = criteria
        .sse_kms_encrypted_objects()
        .map(|objects| Props::new().put("Status", objects.status().as_str()));
    let modifications = criteria
        .replica_modifications()
        .map(|modifications| Props::new().put("Status", modifications.status().as_str()));
    Props::new()
        .put("SseKmsEncryptedObjects", encrypted)
        .put("ReplicaModifications", modifications)
}

fn destination(destination: &Destination) -> Props {
    let minutes = |time: Option<&ReplicationTimeValue>| {
        time.map(|time| Props::new().put("Minutes", time.minutes()))
    };
    let time = destination.replication_time().map(|time| {
        Props::new()
            .put("Status", time.status().as_str())
            .put("Time", minutes(time.time()))
    });
    let metrics = destination.metrics().map(|metrics| {
        Props::new()
            .put("Status", metrics.status().as_str())
            .put("EventThreshold", minutes(metrics.event_threshold()))
    });
    let key = destination
        .encryption_configuration()
        .map(|encryption| Props::new().put("ReplicaKmsKeyID", encryption.replica_kms_key_id()));
    let owner = destination
        .access_control_translation()
        .map(|translation| Props::new().put("Owner", translation.owner().as_str()));
    Props::new()
        .put("Bucket", destination.bucket())
        .put("Account", destination.account())
        .put(
            "StorageClass",
            destination.storage_class().map(|class| class.as_str()),
        )
        .put("AccessControlTranslation", owner)
        .put("EncryptionConfiguration", key)
        .put("ReplicationTime", time)
        .put("Metrics", metrics)
}
