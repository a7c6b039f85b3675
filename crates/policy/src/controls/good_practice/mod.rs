//! Good practice.

use crate::control::chapter;

chapter! {
    key_permissions_least_privilege,
    defence_in_depth,
    events_acted_on,
}
