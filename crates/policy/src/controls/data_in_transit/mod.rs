//! Data in transit.

use crate::control::chapter;

chapter! {
}
