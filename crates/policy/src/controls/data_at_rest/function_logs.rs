//! Where a Lambda function logs to: the group it names, or the one Lambda makes for it.

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
pub(super) struct FunctionLogs<'a>(HashMap<String, &'a Resource>);

/// Two texts have the same key when they are the same text.
fn key(text: &Text) -> String {
    text.render(|part| match part {
        Part::Reference(r) => format!("\u{1}{}\u{1}", r.target.0),
        other => format!("\u{1}{other:?}\u{1}"),
    })
}

const PREFIX: &str = "/aws/lambda/";

impl<'a> FunctionLogs<'a> {
    pub(super) fn of(cx: &Cx<'a>) -> Self {
        let mut groups = HashMap::new();
        // A group of the template comes after CDK's retention setter, and so replaces it.
        for kind in ["Custom::LogRetention", "AWS::Logs::LogGroup"] {
            for group in cx.inventory.of_kind(kind) {
                for subject in cx.inventory.variants_of(group.id) {
                    if let Read::Found(name, _) = subject.at("LogGroupName").text()
                        && name.known_prefix().starts_with(PREFIX)
                    {
                        groups.insert(key(&name), group);
                    }
                }
            }
        }
        FunctionLogs(groups)
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
        let own = key(&Text::from_parts([
            Part::Literal(PREFIX.into()),
            Part::Reference(lockfast_facts::Reference {
                target: function.id(),
                attribute: None,
            }),
        ]));
        let found = self.0.get(&own).copied().or_else(|| {
            let name = function.at("FunctionName").text().found()?;
            let parts = std::iter::once(Part::Literal(PREFIX.into())).chain(name.parts());
            self.0.get(&key(&Text::from_parts(parts))).copied()
        });
        match found {
            Some(group) if &*group.kind == "AWS::Logs::LogGroup" => Group::Given(group, group.loc),
            other => Group::MadeByLambda(other),
        }
    }
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
    let path = function.construct_path.as_deref().unwrap_or_default();
    MARKS
        .iter()
        .any(|mark| path.contains(mark) || function.name.contains(mark))
}
