//! Incident response.

use crate::control::chapter;

mod caa;

chapter! {
    compromised_key_replaced,
    data_encrypted_again,
    key_misuse_analysed,
    certificate_issuable_at_once,
    endpoint_name_issuable_at_once,
    no_expired_certificate_in_use,
    endpoint_serves_valid_certificate,
    exposed_data_assessed,
    exposures_in_logs_assessed,
    exposed_keys_watched,
    exposed_keys_analysed_lately,
    customer_notified,
    customer_told_of_key_alerts,
    forensic_logs_kept,
    forensic_logs_at_hand,
}
