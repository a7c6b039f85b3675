//! Keys, secrets and certificates.

use crate::control::chapter;

chapter! {
}
