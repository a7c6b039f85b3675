//! Incident response.

use crate::control::chapter;

mod caa;

chapter! {
    compromised_key_replaced,
    data_encrypted_again,
    certificate_issuable_at_once,
    endpoint_name_issuable_at_once,
    no_expired_certificate_in_use,
    endpoint_serves_valid_certificate,
    exposed_data_assessed,
    exposed_keys_watched,
    customer_notified,
    forensic_logs_kept,
}
