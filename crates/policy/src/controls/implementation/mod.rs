//! Implementation, monitoring, classification, residency.

use crate::control::chapter;

chapter! {
}
