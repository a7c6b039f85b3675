//! Good practice.

use crate::control::chapter;

chapter! {
    key_permissions_least_privilege,
    key_permissions_used,
    defence_in_depth,
    events_acted_on,
    key_operations_alerted,
    logs_analysed_daily,
}
