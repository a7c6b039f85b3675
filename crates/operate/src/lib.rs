//! x
#![deny(missing_docs)]

pub mod approval;
pub mod broker;
pub mod canonical;
pub mod clock;
pub mod desk;
pub mod event;
pub mod impact;
pub mod ledger;
pub mod request;
pub mod rules;
pub mod service;
pub mod state;
