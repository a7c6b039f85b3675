//! Keys, secrets and certificates.

use crate::control::chapter;

mod sharing;

chapter! {
    dedicated_keys,
    key_per_environment,
    key_per_classification,
    key_recoverable,
    key_described,
}
