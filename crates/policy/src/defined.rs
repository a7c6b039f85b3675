//! Which code a live resource is defined in: a stack of CloudFormation, or another tool by the tag it puts on.

use crate::cx::{Cx, globs};
use crate::live::{listed, unread};
use globset::GlobSet;
use lockfast_facts::{Known, Loc, Read, Resource, ResourceId, Subject, Why};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

const STACK: &str = "AWS::CloudFormation::Stack";

/// Where a live resource is defined.
pub(crate) enum Definition {
    /// In a stack, by its name.
    Stack(String, Loc),
    /// By another tool, whose tag it has.
    Tagged(String),
    /// An AWS service made it of itself, and nobody defines it.
    ByService(String),
    /// Nowhere, and how that shows.
    Nowhere(String),
    /// Not known, because.
    Unknown(Arc<Why>),
}

/// Account, region, type and physical id.
type Named = (Arc<str>, Arc<str>, String, String);

/// What the stacks of live accounts define.
pub(crate) struct Defined<'a> {
    /// By the resource.
    resources: HashMap<ResourceId, Subject<'a>>,
    names: HashMap<Named, Subject<'a>>,
    /// Stacks whose resources could not be read, by account and region.
    unread: HashMap<(Arc<str>, Arc<str>), Arc<Why>>,
    /// Stacks by account, region and name.
    stacks: HashSet<(Arc<str>, Arc<str>, String)>,
    /// Tags of other tools.
    tags: Vec<(&'a str, GlobSet)>,
}

impl<'a> Defined<'a> {
    /// Reads the stacks, and what the policy file says of other tools.
    pub(crate) fn of(cx: &Cx<'a>) -> Self {
        let tags = &cx.config.iac.managed_tags;
        let mut defined = Defined {
            resources: HashMap::new(),
            names: HashMap::new(),
            unread: HashMap::new(),
            stacks: HashSet::new(),
            tags: tags
                .iter()
                .map(|(name, value)| (name.as_str(), globs([value.as_str()])))
                .collect(),
        };
        for stack in listed(cx, &[STACK]) {
            let Some((account, region)) = place(cx, stack.resource) else {
                continue;
            };
            let name = stack_name(stack);
            defined
                .stacks
                .insert((account.clone(), region.clone(), name));
            for member in stack.each("Resources.*") {
                match member {
                    Read::Found(member, _) => defined.add(cx, stack, (&account, &region), member),
                    Read::Unknown(why, _) => {
                        defined
                            .unread
                            .entry((account.clone(), region.clone()))
                            .or_insert(why);
                    }
                    Read::Absent(_) => {}
                }
            }
        }
        defined
    }

    fn add(
        &mut self,
        cx: &Cx<'a>,
        stack: Subject<'a>,
        (account, region): (&Arc<str>, &Arc<str>),
        member: &'a lockfast_facts::Value,
    ) {
        let Read::Found(id, _) = member.at("PhysicalResourceId") else {
            return;
        };
        let Some(kind) = member.at("ResourceType").string().found() else {
            return;
        };
        if let Some((resource, _)) = cx.inventory.target(id) {
            // What belongs to a resource (a secret's rotation, a bucket's policy) may have its id.
            if own_kind(&resource.kind) == own_kind(&kind) {
                self.resources.insert(resource.id, stack);
            }
        } else if let Some(name) = id.at("").string().found() {
            // The URL that a queue has for an id ends in its name.
            let name = name
                .rsplit('/')
                .next()
                .filter(|_| name.starts_with("https://sqs."))
                .map_or(name.clone(), str::to_owned);
            let kind = own_kind(&kind).to_owned();
            let key = (account.clone(), region.clone(), kind, name);
            self.names.insert(key, stack);
        }
    }

    /// Where a resource is defined; a volume that nothing defines, where the instance is that it was made with.
    pub(crate) fn definition(&self, cx: &Cx<'a>, resource: &Resource) -> Definition {
        let own = self.own_definition(cx, resource);
        if let (Definition::Nowhere(_) | Definition::Unknown(_), "AWS::EC2::Volume") =
            (&own, &*resource.kind)
            && let Read::Found(instance, _) = resource.at("Attachments.0.InstanceId")
            && let Some((instance, _)) = cx.inventory.target(instance)
        {
            return self.own_definition(cx, instance);
        }
        own
    }

    fn own_definition(&self, cx: &Cx<'a>, resource: &Resource) -> Definition {
        let Some((account, region)) = place(cx, resource) else {
            return Definition::Unknown(Arc::new(Why::NotGiven("its account".into())));
        };
        if let Some(stack) = self.stack(resource, (&account, &region)) {
            return Definition::Stack(stack_name(stack), stack.resource.loc);
        }
        let of_place = &cx.inventory.stack_of(resource).place;
        let untold = unread(cx, "cloudformation", &[STACK], of_place);
        let mut unknown = self.unread.get(&(account.clone(), region.clone())).cloned();
        match resource.tag("aws:cloudformation:stack-name") {
            Known::Stated(Some(name), loc) | Known::Default(Some(name), _, loc) => {
                // What has no region may be of a stack in any.
                let stands = match &*region {
                    "global" => self
                        .stacks
                        .iter()
                        .any(|(of, _, own)| *of == account && *own == name),
                    _ => self.stacks.contains(&(account, region, name.clone())),
                };
                return match stands || untold.is_some() {
                    true => Definition::Stack(name, loc),
                    false => Definition::Nowhere(format!("stack {name}, which made it, is gone")),
                };
            }
            Known::Unknown(why, _) => unknown = Some(why),
            _ => {}
        }
        for (tag, wanted) in &self.tags {
            if let Known::Stated(Some(value), _) = resource.tag(tag)
                && wanted.is_match(&value)
            {
                return Definition::Tagged(format!("{tag}={value}"));
            }
        }
        if let Some(why) = by_service(resource) {
            return Definition::ByService(why);
        }
        match unknown.or(untold) {
            Some(why) => Definition::Unknown(why),
            None => Definition::Nowhere(
                "no stack of its account and region has it, and it has no tag of another tool"
                    .into(),
            ),
        }
    }

    fn stack(
        &self,
        resource: &Resource,
        (account, region): (&Arc<str>, &Arc<str>),
    ) -> Option<Subject<'a>> {
        let of_name = |name: &str| {
            let key = (
                account.clone(),
                region.clone(),
                own_kind(&resource.kind).to_owned(),
                name.to_owned(),
            );
            match &**region {
                "global" => self
                    .names
                    .iter()
                    .find_map(|((of, _, service, own), stack)| {
                        let same = *of == key.0 && *service == key.2 && *own == key.3;
                        same.then_some(*stack)
                    }),
                _ => self.names.get(&key).copied(),
            }
        };
        self.resources
            .get(&resource.id)
            .copied()
            .or_else(|| of_name(&resource.name))
            .or_else(|| of_name(resource.arn.as_deref()?))
    }
}

fn stack_name(stack: Subject<'_>) -> String {
    let name = stack.at("StackName").string().found();
    name.unwrap_or_else(|| stack.resource.name.to_string())
}

fn place(cx: &Cx<'_>, resource: &Resource) -> Option<(Arc<str>, Arc<str>)> {
    let place = &cx.inventory.stack_of(resource).place;
    let region = place.region.clone();
    Some((
        place.account.clone()?,
        region.unwrap_or_else(|| "global".into()),
    ))
}

/// The type that a live resource has, of two that code may write for it.
fn own_kind(kind: &str) -> &str {
    match kind {
        "AWS::DynamoDB::GlobalTable" => "AWS::DynamoDB::Table",
        "AWS::KMS::ReplicaKey" => "AWS::KMS::Key",
        kind => kind,
    }
}

/// What AWS services make of themselves, by type and the start of its name, and which service it is.
const BY_SERVICE: [(&str, &str, &str); 10] = [
    (
        "AWS::Logs::LogGroup",
        "/aws/",
        "the service whose log it is",
    ),
    (
        "AWS::Logs::LogGroup",
        "API-Gateway-Execution-Logs_",
        "API Gateway",
    ),
    ("AWS::Logs::LogGroup", "RDSOSMetrics", "Amazon RDS"),
    (
        "AWS::S3::Bucket",
        "cf-templates-",
        "CloudFormation's console",
    ),
    ("AWS::S3::Bucket", "elasticbeanstalk-", "Elastic Beanstalk"),
    ("AWS::S3::Bucket", "aws-glue-assets-", "AWS Glue"),
    ("AWS::Athena::WorkGroup", "primary", "Amazon Athena"),
    ("AWS::Backup::BackupVault", "Default", "AWS Backup"),
    ("AWS::Backup::BackupVault", "aws/", "AWS Backup"),
    ("AWS::Events::EventBus", "default", "EventBridge"),
];

/// Which AWS service made a resource of itself: one that AWS makes in every account, or one with a tag that only
/// AWS can put on (`aws:autoscaling:groupName`, `aws:backup:source-resource`, `aws:secretsmanager:owningService`).
fn by_service(resource: &Resource) -> Option<String> {
    let row = BY_SERVICE
        .iter()
        .find(|(kind, start, _)| *kind == &*resource.kind && resource.name.starts_with(start));
    if let Some((_, _, maker)) = row {
        return Some(format!("{maker} made it"));
    }
    let tag = resource
        .variants
        .first()?
        .tag_names("Tags")
        .into_iter()
        .find(|name| name.starts_with("aws:") && !name.starts_with("aws:cloudformation:"))?;
    Some(format!("an AWS service made it, as its tag {tag} says"))
}
