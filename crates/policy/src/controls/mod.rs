//! The controls, a folder per chapter of the policy, a folder per control.

mod data_at_rest;
mod data_in_transit;
mod good_practice;
mod implementation;
mod incident_response;
mod keys;

use crate::control::Control;
pub use implementation::{Switch, SwitchValue, has_switches, switches};

/// Every chapter's controls, in the policy's order.
pub(crate) static CHAPTERS: &[&[&Control]] = &[
    data_at_rest::CONTROLS,
    data_in_transit::CONTROLS,
    keys::CONTROLS,
    implementation::CONTROLS,
    incident_response::CONTROLS,
    good_practice::CONTROLS,
];
