//! Good practice.

use crate::control::chapter;

chapter! {
}
