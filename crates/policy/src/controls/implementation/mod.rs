//! Implementation, monitoring, classification, residency.

use crate::control::chapter;

pub use level::{Switch, SwitchValue, has_switches, switches};

mod by_classification;
mod counterpart;
mod level;
mod region;
mod settings;

chapter! {
    rotation_watched,
    rotations_succeed,
    config_rules_watch_encryption,
    violations_alarmed,
    compliance_recorded,
    key_use_recorded,
    logs_unaltered,
    secret_access_analysed,
    unusual_key_use_alerted,
    constructs_encrypted,
    cdk_keys_defined,
    pipeline_validates_encryption,
    data_classified,
    public_data_encrypted,
    internal_data_key,
    confidential_data_key,
    restricted_data_key,
    sensitive_key_access_restricted,
    restricted_key_monitored,
    customer_keys_required,
    other_environments_encrypted,
    environments_alike,
    transit_tls_minimum,
    endpoint_tls_minimum,
    callers_tls_minimum,
    listener_keeps_its_declaration,
    endpoint_without_known_weaknesses,
    keys_in_validated_hsms,
    key_access_analysed_quarterly,
    keys_in_region,
    keys_replicated_alike,
    allowed_regions,
    keys_used_in_allowed_regions,
}
