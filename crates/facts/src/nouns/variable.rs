//! Environment variables of whatever runs code.

use crate::{Inventory, Loc, Part, Read, Subject, Text, Value, Why};
use std::borrow::Cow;
use std::sync::Arc;

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
    /// It is filled from a secret or parameter when the container starts.
    pub from_secret: bool,
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

/// Types that carry environment variables: where the containers are that have them, and where in
/// each (or in the resource itself) the list or object of variables is.
const PLACES: [(&str, &str, &str); 18] = [
    ("AWS::Lambda::Function", "", "Environment.Variables"),
    (
        "AWS::ECS::TaskDefinition",
        "ContainerDefinitions.*",
        "Environment",
    ),
    (
        "AWS::CodeBuild::Project",
        "",
        "Environment.EnvironmentVariables",
    ),
    (
        "AWS::AppRunner::Service",
        "",
        "SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentVariables",
    ),
    (
        "AWS::AppRunner::Service",
        "",
        "SourceConfiguration.CodeRepository.CodeConfiguration.CodeConfigurationValues.RuntimeEnvironmentVariables",
    ),
    (
        "AWS::Batch::JobDefinition",
        "",
        "ContainerProperties.Environment",
    ),
    (
        "AWS::Batch::JobDefinition",
        "NodeProperties.NodeRangeProperties.*.Container",
        "Environment",
    ),
    (
        "AWS::Batch::JobDefinition",
        "EcsProperties.TaskProperties.*.Containers.*",
        "Environment",
    ),
    (
        "AWS::Batch::JobDefinition",
        "EksProperties.PodProperties.Containers.*",
        "Env",
    ),
    ("AWS::Amplify::App", "", "EnvironmentVariables"),
    ("AWS::Amplify::Branch", "", "EnvironmentVariables"),
    ("AWS::ElasticBeanstalk::Environment", "", "OptionSettings"),
    (
        "AWS::ElasticBeanstalk::ConfigurationTemplate",
        "",
        "OptionSettings",
    ),
    (
        "AWS::Synthetics::Canary",
        "",
        "RunConfig.EnvironmentVariables",
    ),
    ("AWS::SageMaker::Model", "PrimaryContainer", "Environment"),
    ("AWS::SageMaker::Model", "Containers.*", "Environment"),
    ("AWS::Glue::Job", "", "DefaultArguments"),
    ("AWS::BedrockAgentCore::Runtime", "", "EnvironmentVariables"),
];

/// Every environment variable in the inventory, resource by resource.
pub fn variables(inventory: &Inventory) -> Vec<Variable<'_>> {
    let mut found = Vec::new();
    for (kind, containers, inner) in PLACES {
        for subject in inventory.subjects(&[kind]) {
            if containers.is_empty() {
                for value in subject.each(inner).into_iter().filter_map(Read::found) {
                    collect(inventory, subject, "", value, &mut found);
                }
                continue;
            }
            let containers = subject.each(containers);
            let several = containers.len() > 1;
            for (i, container) in containers.into_iter().filter_map(Read::found).enumerate() {
                let name = match container.at("Name").string() {
                    Read::Found(name, _) => name,
                    _ if several => format!("container {}", i + 1),
                    _ => String::new(),
                };
                if let Read::Found(list, _) = container.at(inner) {
                    collect(inventory, subject, &name, list, &mut found);
                }
                secrets(
                    inventory,
                    subject,
                    &name,
                    container.at("Secrets"),
                    &mut found,
                );
            }
        }
    }
    for (kind, path) in SECRETS {
        for subject in inventory.subjects(&[kind]) {
            secrets(inventory, subject, "", subject.at(path), &mut found);
        }
    }
    found
}

/// Lists of secrets that are passed to what has only one container.
const SECRETS: [(&str, &str); 3] = [
    ("AWS::Batch::JobDefinition", "ContainerProperties.Secrets"),
    (
        "AWS::AppRunner::Service",
        "SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentSecrets",
    ),
    (
        "AWS::AppRunner::Service",
        "SourceConfiguration.CodeRepository.CodeConfiguration.CodeConfigurationValues.RuntimeEnvironmentSecrets",
    ),
];

/// Variables that are filled from a secret or parameter.
fn secrets<'a>(
    inventory: &'a Inventory,
    subject: Subject<'a>,
    container: &str,
    list: Read<&'a Value>,
    found: &mut Vec<Variable<'a>>,
) {
    for item in list.list().found().unwrap_or_default() {
        let from = match item.at("ValueFrom") {
            // App Runner's name of it.
            Read::Absent(_) => item.at("Value"),
            from => from,
        };
        if let (Read::Found(name, loc), Read::Found(from, _)) = (item.at("Name").string(), from) {
            found.push(Variable {
                subject,
                container: container.to_owned(),
                name,
                value: kept(inventory, from),
                loc,
                from_secret: true,
            });
        }
    }
}

/// What a secret or parameter holds, where the whole of it is passed and its value stands in a
/// template.
fn kept<'a>(inventory: &'a Inventory, from: &'a Value) -> Read<Cow<'a, Text>> {
    let text = match from.at("").text() {
        Read::Found(text, _) => text,
        other => return other,
    };
    let value = text.reference().and_then(|reference| {
        let keeper = inventory.resource(reference.target);
        let value = match &*keeper.kind {
            "AWS::SecretsManager::Secret" => keeper.at("SecretString"),
            "AWS::SSM::Parameter" => keeper.at("Value"),
            _ => return None,
        };
        value.text().found()
    });
    match value {
        Some(value) => Read::Found(value, from.loc),
        None => {
            let name = text.render(|part| match part {
                Part::Reference(reference) => inventory.resource(reference.target).name.to_string(),
                _ => "*".to_owned(),
            });
            Read::Unknown(Arc::new(Why::DynamicReference(name)), from.loc)
        }
    }
}

/// An object of names and values, or a list of `Name` and `Value`.
fn collect<'a>(
    inventory: &'a Inventory,
    subject: Subject<'a>,
    container: &str,
    value: &'a Value,
    found: &mut Vec<Variable<'a>>,
) {
    let mut add = |name: String, value: &'a Value, from_secret: bool| {
        found.push(Variable {
            subject,
            container: container.to_owned(),
            name,
            value: match from_secret {
                true => kept(inventory, value),
                false => value.at("").text(),
            },
            loc: value.loc,
            from_secret,
        });
    };
    if let Read::Found(map, _) = value.at("").map_value() {
        for (name, value) in map.iter() {
            // A job's arguments are named like flags.
            add(name.trim_start_matches('-').to_owned(), value, false);
        }
    } else if let Read::Found(items, _) = value.at("").list() {
        for item in items {
            // Elastic Beanstalk has settings of other kinds in the same list.
            let namespace = item.at("Namespace").string().found();
            if namespace.is_some_and(|n| n != "aws:elasticbeanstalk:application:environment") {
                continue;
            }
            // A CodeBuild variable of another type only names a secret or parameter.
            let kind = item.at("Type").string().found();
            let from_secret = kind.is_some_and(|kind| kind != "PLAINTEXT");
            let name = match item.at("Name").string() {
                Read::Absent(_) => item.at("OptionName").string(),
                name => name,
            };
            if let (Read::Found(name, _), Read::Found(value, _)) = (name, item.at("Value")) {
                add(name, value, from_secret);
            }
        }
    }
}
