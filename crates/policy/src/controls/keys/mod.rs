//! Keys, secrets and certificates.

use crate::control::chapter;

pub(super) mod certificate_facts;
mod certificate_use;
mod key_policy;
pub(super) mod logged;
mod parameter_secret;
mod sharing;

chapter! {
    certificates_through_acm,
    endpoint_certificate_from_acm,
    certificate_expiry_watched,
    certificates_renew,
    certificates_not_expiring,
    endpoint_certificates_not_expiring,
    certificate_key_strength,
    endpoint_chain_key_strength,
    certificate_signature,
    endpoint_chain_signatures,
    certificate_transparency_logged,
    endpoint_certificate_transparency,
    key_use_watched,
    key_deletion_guarded,
    key_deletions_approved,
    trail_logs_key_use,
    logs_hold_key_events,
    database_credentials_rotate,
    secrets_not_in_templates,
    secrets_dedicated_key,
    secret_access_logged,
    secret_reads_in_logs,
    parameters_encrypted,
    parameters_secure_string,
    parameters_limited_by_iam,
    key_policy_authorised_only,
    key_cross_account_access,
    cross_account_uses_trusted,
    key_administrators_apart,
    dedicated_keys,
    key_per_environment,
    key_per_classification,
    key_recoverable,
    key_described,
}
