//! CloudFormation templates and CDK cloud assemblies as facts, with exact source positions.
#![deny(missing_docs)]

mod assembly;
mod comments;
mod discover;
mod load;
mod nesting;
mod node;
mod parameters;
mod parse;
mod pool;
mod read;
mod resolve;
mod template;

pub use comments::Comment;
pub use load::{Loaded, load};
pub use node::{Entry, Node, NodeKind};
pub use parse::{ParseError, Parsed, parse};
pub use pool::install;
pub use read::{ReadOptions, ReadResult, read};
pub use resolve::{Resolved, resolve};
pub use template::{Problem, Template};
