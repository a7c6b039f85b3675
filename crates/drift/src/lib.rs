//! What differs between templates and the accounts that they are deployed to (IAC-1, IAC-3).
//!
//! Both sides are facts already: templates by `lockfast-iac`, accounts by a snapshot of `lockfast scan`. Here every template
//! resource is joined with the live one that it is, and what concerns encryption is compared: the stores, channels and keys
//! that both sides derive alike, the policy's table of switches, and the policies of keys, buckets, queues and topics. What a
//! template leaves to a parameter is *unknown, because*; what it leaves to AWS is what AWS documents.
//!
//! Pure functions, no I/O: [`compare`] in, [`Drift`] out.
#![deny(missing_docs)]

mod access;
mod findings;
mod join;
mod keys;
mod live;
mod model;
mod policies;
mod settings;
mod stacks;
mod statements;
mod tables;
mod words;

pub use model::{
    AccessChange, AccessWhat, Certainty, Drift, Finding, FindingKind, LiveView, PolicyDiff,
    Problem, SCHEMA_VERSION, Scanned, Setting, Side, StackView, StatementChange, StatementWhat,
    Summary, TemplateView, json_schema,
};

pub use stacks::is_file;

use lockfast_facts::Inventory;
use lockfast_snapshot::Loaded;

/// Compares a snapshot with the templates that should have made what it holds. `stacks` are the pairs of `--stack NAME=FILE`:
/// the live stacks that a template is.
pub fn compare(snapshot: &Loaded, templates: &Inventory, stacks: &[(String, String)]) -> Drift {
    let live = live::Live::new(snapshot);
    let instances = stacks::instances(&live, templates, stacks);
    let join = join::join(&live, templates, instances);
    findings::drift(&live, templates, &join)
}
