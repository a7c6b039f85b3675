//! Where a Lambda function logs to: the group it names, or the one Lambda makes for it.

use crate::live::unread;
use crate::prelude::*;
use lockfast_facts::{Loc, Part, Text};
use std::collections::HashMap;

/// A function's log group.
pub(super) enum Group<'a> {
    /// A group of the input.
    Given(&'a Resource, Loc),
    /// No template makes it, so Lambda does on the first call (AWS Lambda Developer Guide, "Sending
    /// Lambda function logs to CloudWatch Logs"). The resource sets its retention, if one does.
    MadeByLambda(Option<&'a Resource>),
    /// Named, but not in the input.
    Elsewhere(Loc),
    /// Not knowable, because.
    Unknown(Arc<Why>, Loc),
}

/// Log groups of the input by name.
pub(super) struct FunctionLogs<'a>(HashMap<String, Vec<&'a Resource>>);

const PREFIX: &str = "/aws/lambda/";

/// How the name of the group of a REST API's execution logs begins.
pub(super) const EXECUTION_LOGS: &str = "API-Gateway-Execution-Logs_";

/// How the names of the groups begin that services make themselves.
const PREFIXES: [&str; 5] = [
    PREFIX,
    EXECUTION_LOGS,
    "/aws/rds/",
    "/aws/docdb/",
    "/aws/neptune/",
];

impl<'a> FunctionLogs<'a> {
    pub(super) fn of(cx: &Cx<'a>) -> Self {
        let mut groups: HashMap<String, Vec<&Resource>> = HashMap::new();
        // A group of the template comes after CDK's retention setter, and so replaces it.
        for kind in ["Custom::LogRetention", "AWS::Logs::LogGroup"] {
            for group in cx.inventory.of_kind(kind) {
                for subject in cx.inventory.variants_of(group.id) {
                    if let Read::Found(name, _) = subject.at("LogGroupName").text()
                        && PREFIXES.iter().any(|p| name.known_prefix().starts_with(p))
                    {
                        let name = cx.inventory.written_name(group.stack, &name);
                        groups
                            .entry(name.unwrap_or_default())
                            .or_default()
                            .push(group);
                    }
                }
            }
        }
        FunctionLogs(groups)
    }

    /// The group that a service would make under a name, if a template makes it.
    pub(super) fn named(&self, cx: &Cx<'a>, name: &Text, user: &Resource) -> Option<&'a Resource> {
        let name = cx.inventory.written_name(user.stack, name)?;
        self.of_name(cx, &name, user)
            .filter(|group| &*group.kind == "AWS::Logs::LogGroup")
    }

    /// The last group of a name that may lie in the account and region of its user; one of the same
    /// stack comes first.
    fn of_name(&self, cx: &Cx<'a>, name: &str, user: &Resource) -> Option<&'a Resource> {
        let place = |resource: &Resource| &cx.inventory.stack_of(resource).place;
        let apart =
            |a: &Option<Arc<str>>, b: &Option<Arc<str>>| a.is_some() && b.is_some() && a != b;
        let (account, region) = (&place(user).account, &place(user).region);
        let groups = self.0.get(name)?.iter().copied();
        groups
            .filter(|group| {
                !apart(&place(group).account, account) && !apart(&place(group).region, region)
            })
            .max_by_key(|group| group.stack == user.stack)
    }

    /// The group of a function.
    pub(super) fn group(&self, cx: &Cx<'a>, function: Subject<'_>) -> Group<'a> {
        match function.at("LoggingConfig.LogGroup") {
            Read::Unknown(why, loc) => return Group::Unknown(why, loc),
            Read::Found(value, loc) => {
                return match super::log_group::find(cx, function.resource, value) {
                    Some(group) => Group::Given(group, loc),
                    None => match value.at("").string() {
                        Read::Unknown(why, loc) => Group::Unknown(why, loc),
                        _ => Group::Elsewhere(loc),
                    },
                };
            }
            Read::Absent(_) => {}
        }
        let of = |name: Vec<Part>| {
            let parts = std::iter::once(Part::Literal(PREFIX.into())).chain(name);
            let name = Text::from_parts(parts);
            let name = cx.inventory.written_name(function.resource.stack, &name)?;
            self.of_name(cx, &name, function.resource)
        };
        let own = Part::Reference(lockfast_facts::Reference {
            target: function.id(),
            attribute: None,
        });
        let found = of(vec![own]).or_else(|| {
            let name = function.at("FunctionName").text().found()?;
            of(name.parts())
        });
        match found {
            Some(group) if &*group.kind == "AWS::Logs::LogGroup" => Group::Given(group, group.loc),
            other => match unlisted(cx, function.resource) {
                Some(why) => Group::Unknown(why, function.resource.loc),
                None => Group::MadeByLambda(other),
            },
        }
    }
}

/// Why a log group may be there though it is not among the facts.
pub(super) fn unlisted(cx: &Cx<'_>, user: &Resource) -> Option<Arc<Why>> {
    let place = &cx.inventory.stack_of(user).place;
    unread(cx, "logs", &["AWS::Logs::LogGroup"], place)
}

/// True for functions that CDK brings along for its own custom resources: they run at deployment
/// and log nothing of the application.
pub(super) fn is_helper(function: &Resource) -> bool {
    const MARKS: [&str; 6] = [
        "Custom::",
        "CustomResourceProvider",
        "AWS679f53fac002430cb0da5b7982bd2287",
        "LogRetentionaae0aa3c5b4d4f87b02d85b201efdd8a",
        "BucketNotificationsHandler",
        "/framework-",
    ];
    let path = function
        .written()
        .construct_path
        .as_deref()
        .unwrap_or_default();
    MARKS
        .iter()
        .any(|mark| path.contains(mark) || function.name.contains(mark))
}
