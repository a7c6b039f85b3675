//! Data at rest.

use crate::control::chapter;

chapter! {
    rds_storage_encrypted,
}
