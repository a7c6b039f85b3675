//! Facts about an AWS environment: what a source read, how sure it is, and where it stands.
//!
//! A *source* (templates today; a live account, Terraform, endpoints and logs later) turns what it
//! reads into [`Resource`]s in the shape AWS itself publishes for each type (the CloudFormation
//! registry schema, which Cloud Control API uses for live resources too). Everything here is pure:
//! no I/O, no async. Controls read [`Resource`]s and the [`nouns`] derived from them, and never
//! learn which source they came from.
#![deny(missing_docs)]

pub mod certificate_users;
mod guard;
mod inventory;
mod json;
mod known;
mod loc;
pub mod nouns;
mod read;
mod resource;
pub mod tables;
pub mod tls;
pub mod trail;
mod value;

pub use guard::Guard;
pub use inventory::{Choices, ENDPOINT, Inventory, Origin, Subject};
pub use known::{Known, ServiceDefault, Why};
pub use loc::{Loc, Pos, Source, SourceId};
pub use read::Read;
pub use resource::{
    Directive, Instruction, Place, Resource, ResourceId, Stack, StackId, StackParameter, Step,
    Variant, Written,
};
pub use value::{Dynamic, Kind, Map, Part, Reference, Text, Value, Via};
