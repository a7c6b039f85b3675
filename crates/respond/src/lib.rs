//! Responding to incidents: what is to be done, in which order, what was done, and what is left.
//!
//! 1. An [incident](incident::Incident) is opened: what happened, and what got into the wrong hands.
//! 2. A [plan](plan::Plan) is made of what is known ([`key_compromise::plan`]), and shown. What to do with each kind of store
//!    is a [table](stores).
//! 3. The [engine](engine::run) carries it out by [`Hands`](hands::Hands), and writes each step into a
//!    [journal](journal::Journal). It can be killed anywhere and goes on; run twice, it changes nothing.
//! 4. The response is [complete](journal::State::completeness) when every copy is under another key or accounted for, and not
//!    before. A [report] tells it all.
//!
//! Nothing here calls AWS, waits, or asks for the time: the journal's file is all that is read and written.
#![deny(missing_docs)]

pub mod engine;
pub mod hands;
pub mod incident;
pub mod key_compromise;
pub mod key_policy;

pub mod journal;
mod markdown;
pub mod plan;
pub mod report;
pub mod stores;
