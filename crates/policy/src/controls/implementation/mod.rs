//! Implementation, monitoring, classification, residency.

use crate::control::chapter;

chapter! {
    transit_tls_minimum,
    keys_in_region,
    keys_replicated_alike,
    allowed_regions,
}
