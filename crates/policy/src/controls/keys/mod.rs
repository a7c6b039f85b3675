//! Keys, secrets and certificates.

use crate::control::chapter;

mod key_policy;
mod sharing;

chapter! {
    key_policy_authorised_only,
    key_cross_account_access,
    key_administrators_apart,
    dedicated_keys,
    key_per_environment,
    key_per_classification,
    key_recoverable,
    key_described,
}
