//! x
#![deny(missing_docs)]

pub mod canonical;
pub mod clock;
pub mod ledger;
