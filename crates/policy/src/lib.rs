//! One policy, judged on facts: clauses, controls, `lockfast.toml`, waivers and evaluation.
//!
//! A [`Control`] is written once and judges whatever source the facts came from. To add one, make a
//! folder under `src/controls/<chapter>/` and name it in that chapter's list; nothing else changes.
#![deny(missing_docs)]

mod access_logs;
mod clause;
mod config;
mod connection;
mod control;
mod controls;
mod coverage;
mod cx;
mod defined;
mod endpoints;
mod evaluate;
mod finding;
mod incidents;
mod judgement;
mod key_users;
mod live;
mod logs;
mod monitors;
mod own_data;
mod patterns;
mod per_resource;
mod rows;
pub mod secrets;
mod snippet;
mod strangers;
mod trails;
mod waiver;
mod wording;

pub use clause::{Clause, Kind as SourceKind, clause, clauses};
pub use config::{
    Approvals, Approver, Asks, Classification, Config, ConfigError, Customer, Drill, Environment,
    EnvironmentKind, Escrow, Evidence, Incident, IncidentKind, KeyAsk, System, TlsVersion, Waiver,
    nearest,
};
pub use control::{Control, Severity, all as controls, find as control};
pub use controls::{Switch, SwitchValue, has_switches, switches};
pub use coverage::{CoverageRow, coverage, fixtures, has_fixtures};
pub use cx::{Cx, EnvironmentName};
pub use evaluate::{Run, evaluate, hash};
pub use finding::{FactView, Finding, FixView, Location, ResourceView, StepView, WaiverView};
pub use judgement::{About, Certainty, Fact, Judgement, Verdict};
pub use monitors::keys_watched;

/// What a control's file needs, in one `use`.
pub(crate) mod prelude {
    #[allow(unused_imports)]
    pub(crate) use crate::config::{Classification, EnvironmentKind};
    pub(crate) use crate::control::{Control, control};
    pub(crate) use crate::cx::Cx;
    pub(crate) use crate::judgement::{Judgement, Out};
    #[allow(unused_imports)]
    pub(crate) use lockfast_facts::Read;
    #[allow(unused_imports)]
    pub(crate) use lockfast_facts::nouns::{KeyTarget, Protection, Store};
    #[allow(unused_imports)]
    pub(crate) use lockfast_facts::{
        Kind, Known, Resource, ResourceId, ServiceDefault, Subject, Value, Why,
    };
    #[allow(unused_imports)]
    pub(crate) use std::sync::Arc;
}
