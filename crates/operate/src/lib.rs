//! Deleting keys under several people's approval: nothing is deleted that was not asked for, shown, and approved by enough
//! people who may; and all of it can be checked afterwards.
//!
//! 1. Somebody [asks](request::DeletionRequest) for a key's deletion, with the [impact](impact::Impact) as it is, and hands
//!    that [in](desk::submit).
//! 2. People look at it and sign their [decision](approval::decision_bytes) with their SSH keys
//!    (`ssh-keygen -Y sign -n lockfast-key-deletion`). Who may, and how many it takes, is in the [rules](rules::Rules).
//! 3. A [broker](broker::Broker) carries it out: looks once more whether anything needs the key, disables it, waits, looks
//!    who missed it, has it deleted, and looks whether it is. It can be killed at any point, and there may be several.
//! 4. Anybody may [cancel](broker::Broker::cancel) it, until the key is gone.
//!
//! How a request stands is what its entries in the [ledger](ledger::Ledger) [come to](state::fold), under the rules, the time
//! and the impact of now. There is no other state.
//!
//! # What is trusted
//! - Approvals and rejections are signed: nobody can make one up. What a broker wrote is not. Whoever can write the ledger's
//!   file can have a key observed for a shorter time, or forget a rejection, by writing the chain anew. A head kept elsewhere
//!   ([`ledger::Ledger::verify_against`], [`broker::Broker::against`]) tells, so keep one.
//! - Who asks is taken at the word of whoever hands the request in.
//! - The clock may be wrong. Time by the ledger never goes back; an observation counts from the later of the ledger's time
//!   and the service's, and is over only when the evidence reaches to its end.
//! - A call has to end within the lease. One that takes effect later than that may take effect after a request was cancelled.
//!
//! # Whether a ledger's copy is whole
//! ```
//! use jiff::Timestamp;
//! use lockfast_operate::clock::Clock;
//! use lockfast_operate::ledger::{Ledger, verify_export};
//!
//! struct Noon;
//! impl Clock for Noon {
//!     fn now(&self) -> Timestamp {
//!         Timestamp::from_second(1_800_000_000).expect("a time")
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("ledger.db");
//! let mut ledger = Ledger::open(&path, Noon)?;
//! ledger.append("noted", "a subject", "the first")?;
//! ledger.append("noted", "a subject", "the second")?;
//! let mut copy = Vec::new();
//! let head = ledger.export(&mut copy)?;
//! assert!(verify_export(&copy[..], head.as_ref())?.is_whole());
//!
//! let edited = String::from_utf8(copy)?.replace("the first", "the other");
//! let found = verify_export(edited.as_bytes(), head.as_ref())?;
//! assert_eq!(found.faults[0].to_string(), "entry 1 was altered: what it says is not what was hashed");
//! # Ok(())
//! # }
//! ```
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
