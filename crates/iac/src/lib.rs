//! CloudFormation templates and CDK cloud assemblies as facts, with exact source positions.
#![deny(missing_docs)]

mod node;
mod template;

pub use node::{Entry, Node, NodeKind};
pub use template::{Problem, Template};
