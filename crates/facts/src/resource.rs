//! Resources and the stacks they belong to.

use crate::{Guard, Kind, Known, Loc, Read, SourceId, Value, Why};
use std::sync::Arc;

/// Index of a [`Resource`] in its inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId(pub u32);

/// Index of a [`Stack`] in its inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId(pub u32);

/// A hop on the way of a value, a fact or a key: what was followed, and where that stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// What was followed, as a phrase: `parameter Env (default)`, `export prod-key`, `alias alias/app`.
    pub what: String,
    /// Where it stands.
    pub loc: Loc,
}

/// Which account and region something is deployed to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// Twelve-digit account id; `None` when the input does not say.
    pub account: Option<Arc<str>>,
    /// Region code; `None` when the input does not say.
    pub region: Option<Arc<str>>,
}

/// A unit of deployment: a template, or a live account and region.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The name a person knows it by: the stack name, or the template's path.
    pub name: String,
    /// Hierarchical display path, such as `Prod/Data`; equals `name` when there is none.
    pub path: String,
    /// Where it is deployed to.
    pub place: Place,
    /// The template.
    pub source: SourceId,
    /// The stack that nests this one.
    pub parent: Option<StackId>,
    /// Tags of the stack itself (CDK's stack tags).
    pub tags: Vec<(String, String)>,
    /// What its parameters may be, as far as the source tells, sorted by name.
    pub parameters: Vec<StackParameter>,
}

/// A parameter of a stack.
#[derive(Clone, Debug)]
pub struct StackParameter {
    /// Its name in the template.
    pub name: Arc<str>,
    /// The name that guards show: with the stack's, when several stacks have a parameter of that name.
    pub shown: Arc<str>,
    /// What it may be, as far as the source tells: one value when it is given or passed; the last
    /// starts with `≠` when it stands for all others.
    pub values: Vec<Arc<str>>,
    /// True when `NoEcho` hides its value, which is then not told.
    pub hidden: bool,
}

/// A resource under one combination of conditions.
#[derive(Clone, Debug)]
pub struct Variant {
    /// When it holds.
    pub when: Guard,
    /// Its properties, in the shape of the type's CloudFormation registry schema.
    pub properties: Value,
}

/// An instruction to Lockfast that somebody wrote beside a resource: a waiver in a comment or in `Metadata`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// What it says.
    pub said: Instruction,
    /// Where it stands.
    pub loc: Loc,
}

/// What an instruction says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// A comment: the text after `lockfast:`, trimmed.
    Comment(String),
    /// An item of `ignore` in `Metadata`: names and their values, `None` for what is not plain text.
    Ignore(Vec<(String, Option<String>)>),
    /// Anything else in the `Lockfast` section of `Metadata`.
    Other(String),
}

/// One AWS resource.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its index.
    pub id: ResourceId,
    /// The stack it belongs to.
    pub stack: StackId,
    /// The CloudFormation type name, such as `AWS::S3::Bucket`.
    pub kind: Arc<str>,
    /// The logical id in its template, or the live resource's name.
    pub name: Arc<str>,
    /// Its Amazon Resource Name, when the source tells.
    pub arn: Option<Arc<str>>,
    /// Where its definition stands (the logical id).
    pub loc: Loc,
    /// Where its whole body stands.
    pub body: Loc,
    /// One for each combination of conditions under which it exists and differs. Empty when
    /// no reachable combination makes it.
    pub variants: Vec<Variant>,
    /// What templates say beside the properties; nothing for a live resource, of which there are many more.
    pub written: Option<Box<Written>>,
}

/// What a template says of a resource beside its properties.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// `aws:cdk:path`, when a CDK app made it.
    pub construct_path: Option<Arc<str>>,
    /// `file:line:column` in the user's CDK source where the construct was made.
    pub creation_site: Option<Arc<str>>,
    /// `DeletionPolicy`, once for each combination of conditions under which it differs; empty when
    /// nobody wrote one.
    pub deletion_policy: Vec<(Guard, Value)>,
    /// `DependsOn`: logical ids in the same stack.
    pub depends_on: Vec<Arc<str>>,
    /// Waivers written beside it.
    pub directives: Vec<Directive>,
}

impl Resource {
    /// What a template says of it beside its properties.
    pub fn written(&self) -> &Written {
        static NOTHING: Written = Written {
            construct_path: None,
            creation_site: None,
            deletion_policy: Vec::new(),
            depends_on: Vec::new(),
            directives: Vec::new(),
        };
        self.written.as_deref().unwrap_or(&NOTHING)
    }

    /// The properties at a path, for questions about all conditions: unknown when variants differ.
    pub fn at(&self, path: &str) -> Read<&Value> {
        let mut reads = self
            .variants
            .iter()
            .map(|variant| variant.properties.at(path));
        let Some(first) = reads.next() else {
            return Read::Absent(self.loc);
        };
        for other in reads {
            let same = match (&first, &other) {
                (Read::Found(a, _), Read::Found(b, _)) => a.same(b),
                (Read::Absent(_), Read::Absent(_)) => true,
                (Read::Unknown(a, _), Read::Unknown(b, _)) => a == b,
                _ => false,
            };
            if !same {
                return Read::Unknown(Arc::new(Why::Conditions), other.loc());
            }
        }
        first
    }

    /// The value of a tag, whichever way the type writes tags (list of `Key`/`Value`, or object).
    /// Absent when there is no such tag; unknown when variants differ.
    pub fn tag(&self, name: &str) -> Known<Option<String>> {
        let mut tags = self.variants.iter().map(|variant| variant.tag(name));
        let Some(first) = tags.next() else {
            return Known::Stated(None, self.loc);
        };
        for other in tags {
            if first.value() != other.value() {
                return Known::Unknown(Arc::new(Why::Conditions), other.loc());
            }
        }
        first
    }
}

impl Variant {
    /// Properties at a path.
    pub fn at(&self, path: &str) -> Read<&Value> {
        self.properties.at(path)
    }

    /// The names of the tags at a path, however the type writes them; none where they are not known.
    pub fn tag_names(&self, path: &str) -> Vec<String> {
        let Read::Found(tags, _) = self.at(path) else {
            return Vec::new();
        };
        match &tags.kind {
            Kind::Map(map) => map.iter().map(|(name, _)| name.to_string()).collect(),
            Kind::List(items) => {
                let name = |tag: &Value| tag.at("Key").string().found();
                items.iter().filter_map(name).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The value of a tag, whichever way the type writes tags. The case of its name does not matter,
    /// since people who tag by hand write both.
    ///
    /// A launch template's are those of the volumes it makes, then those of what else it makes, then its own.
    pub fn tag(&self, name: &str) -> Known<Option<String>> {
        for property in [
            "Tags",
            "HostedZoneTags",
            "FileSystemTags",
            "UserPoolTags",
            "BackupVaultTags",
            "Replicas.0.Tags",
        ] {
            if let Some(found) = tag_in(self.properties.at(property), name) {
                return found;
            }
        }
        for property in ["LaunchTemplateData.TagSpecifications", "TagSpecifications"] {
            let mut specifications = match self.properties.at(property).list() {
                Read::Found(items, _) => items.iter().collect::<Vec<_>>(),
                Read::Unknown(why, loc) => return Known::Unknown(why, loc),
                Read::Absent(_) => continue,
            };
            let of_volumes = |item: &Value| {
                item.at("ResourceType").string().found().as_deref() == Some("volume")
            };
            specifications.sort_by_key(|item| !of_volumes(item));
            let found = specifications
                .into_iter()
                .find_map(|item| tag_in(item.at("Tags"), name));
            if let Some(found) = found {
                return found;
            }
        }
        Known::Stated(None, self.properties.loc)
    }
}

/// A tag among these, if it is there.
fn tag_in(tags: Read<&Value>, name: &str) -> Option<Known<Option<String>>> {
    let tags = match tags {
        Read::Found(tags, _) => tags,
        Read::Unknown(why, loc) => return Some(Known::Unknown(why, loc)),
        Read::Absent(_) => return None,
    };
    let value = match &tags.kind {
        Kind::Map(map) => {
            let mut named = map.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
            named.next()?.1.at("")
        }
        Kind::List(items) => {
            let is_named = |item: &&Value| {
                let key = item.at("Key").string().found();
                key.is_some_and(|key| key.eq_ignore_ascii_case(name))
            };
            items.iter().find(is_named)?.at("Value")
        }
        _ => return None,
    };
    Some(value.string().optional())
}
