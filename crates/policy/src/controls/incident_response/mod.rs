//! Incident response.

use crate::control::chapter;

chapter! {
    compromised_key_replaced,
    data_encrypted_again,
    certificate_issuable_at_once,
    no_expired_certificate_in_use,
    exposed_data_assessed,
    exposed_keys_watched,
    customer_notified,
    forensic_logs_kept,
}
