//! A template that was read, and what its surroundings say of it.

use crate::{Comment, Node};
use lockfast_facts::{Place, SourceId};
use std::collections::HashMap;
use std::sync::Arc;

/// A template with its deployment context: one per stack.
#[derive(Clone, Debug)]
pub struct Template {
    /// The stack's name: from the assembly, or the file's path.
    pub stack_name: String,
    /// Hierarchical path for people (`Prod/Data`); equals the name when there is none.
    pub stack_path: String,
    /// Account and region, when the assembly says.
    pub place: Place,
    /// The file.
    pub source: SourceId,
    /// The parsed file, shared when several stacks use one file.
    pub root: Arc<Node>,
    /// Index of the template whose `AWS::CloudFormation::Stack` resource nests this one, with
    /// that resource's logical id.
    pub parent: Option<(usize, Arc<str>)>,
    /// Stack tags.
    pub tags: Vec<(String, String)>,
    /// Values given for parameters (`--parameters` files, assembly). They win over defaults.
    pub parameters: HashMap<String, String>,
    /// `file:line:column` in the user's source for a construct path.
    pub creation_sites: Arc<HashMap<Arc<str>, Arc<str>>>,
    /// Construct paths by logical id, for assemblies whose templates lack `aws:cdk:path`.
    pub construct_paths: Arc<HashMap<Arc<str>, Arc<str>>>,
    /// `# lockfast: …` comments in the file, in order.
    pub directives: Vec<Comment>,
}

/// Something that could not be read, or only in part. The run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path of the file or folder, as the user would type it.
    pub path: String,
    /// Line and column, when the trouble is at a place in the file.
    pub at: Option<lockfast_facts::Pos>,
    /// One sentence: what is wrong and, where there is one, what to do.
    pub message: String,
}
