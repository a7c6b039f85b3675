//! x
#![deny(missing_docs)]

pub mod approval;
pub mod canonical;
pub mod clock;
pub mod impact;
pub mod ledger;
pub mod request;
pub mod rules;
