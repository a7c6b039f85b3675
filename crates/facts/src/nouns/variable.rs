//! Environment variables of whatever runs code.

use crate::{Inventory, Loc, Read, Subject, Text, Value};
use std::borrow::Cow;

/// An environment variable.
pub struct Variable<'a> {
    /// What runs with it.
    pub subject: Subject<'a>,
    /// The container it belongs to; empty where there is only one.
    pub container: String,
    /// Its name.
    pub name: String,
    /// Its value, perhaps partly unknown.
    pub value: Read<Cow<'a, Text>>,
    /// Where the value stands.
    pub loc: Loc,
}

impl Variable<'_> {
    /// `container/NAME`, or the name alone.
    pub fn part(&self) -> String {
        if self.container.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{}", self.container, self.name)
        }
    }
}

/// Types that carry environment variables: where the list or object of them is, and where the
/// name of the container that has it is.
const PLACES: [(&str, &str, &str); 6] = [
    ("AWS::Lambda::Function", "Environment.Variables", ""),
    (
        "AWS::ECS::TaskDefinition",
        "ContainerDefinitions",
        "Environment",
    ),
    (
        "AWS::CodeBuild::Project",
        "Environment.EnvironmentVariables",
        "",
    ),
    (
        "AWS::AppRunner::Service",
        "SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentVariables",
        "",
    ),
    (
        "AWS::Batch::JobDefinition",
        "ContainerProperties.Environment",
        "",
    ),
    ("AWS::Amplify::App", "EnvironmentVariables", ""),
];

/// Every environment variable in the inventory, resource by resource.
pub fn variables(inventory: &Inventory) -> Vec<Variable<'_>> {
    let mut found = Vec::new();
    for (kind, path, inner) in PLACES {
        for subject in inventory.subjects(&[kind]) {
            let Read::Found(value, _) = subject.at(path) else {
                continue;
            };
            if inner.is_empty() {
                collect(subject, "", value, &mut found);
                continue;
            }
            let Read::Found(containers, _) = value.at("").list() else {
                continue;
            };
            for (i, container) in containers.iter().enumerate() {
                let name = container
                    .at("Name")
                    .string()
                    .found()
                    .unwrap_or_else(|| format!("container {}", i + 1));
                if let Read::Found(list, _) = container.at(inner) {
                    collect(subject, &name, list, &mut found);
                }
            }
        }
    }
    found
}

/// An object of names and values, or a list of `Name` and `Value`.
fn collect<'a>(
    subject: Subject<'a>,
    container: &str,
    value: &'a Value,
    found: &mut Vec<Variable<'a>>,
) {
    let mut add = |name: String, value: &'a Value| {
        found.push(Variable {
            subject,
            container: container.to_owned(),
            name,
            value: value.at("").text(),
            loc: value.loc,
        });
    };
    if let Read::Found(map, _) = value.at("").map_value() {
        for (name, value) in map.iter() {
            add(name.to_string(), value);
        }
    } else if let Read::Found(items, _) = value.at("").list() {
        for item in items {
            // A CodeBuild variable of another type only names a secret or parameter.
            if item
                .at("Type")
                .string()
                .found()
                .is_some_and(|t| t != "PLAINTEXT")
            {
                continue;
            }
            if let (Read::Found(name, _), Read::Found(value, _)) =
                (item.at("Name").string(), item.at("Value"))
            {
                add(name, value);
            }
        }
    }
}
