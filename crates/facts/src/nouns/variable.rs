//! Environment variables of whatever runs code.

use crate::{Inventory, Kind, Loc, Part, Read, Subject, Text, Value, Why};
use std::borrow::Cow;
use std::collections::HashSet;
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

/// Environment variables of which not even the names can be read.
pub struct Unread<'a> {
    /// What runs with them.
    pub subject: Subject<'a>,
    /// The container they belong to; empty where there is only one.
    pub container: String,
    /// Why they cannot be read.
    pub why: Arc<Why>,
    /// Where they stand.
    pub loc: Loc,
}

/// The environment variables of an inventory.
#[derive(Default)]
pub struct Variables<'a> {
    /// Those that can be read, perhaps without their values.
    pub read: Vec<Variable<'a>>,
    /// Those that cannot.
    pub unread: Vec<Unread<'a>>,
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
pub fn variables(inventory: &Inventory) -> Variables<'_> {
    let mut found = Variables::default();
    for (kind, containers, inner) in PLACES {
        for subject in inventory.subjects(&[kind]) {
            if containers.is_empty() {
                for value in subject.each(inner) {
                    collect(inventory, subject, "", value, &mut found);
                }
                continue;
            }
            let containers = subject.each(containers);
            let several = containers.len() > 1;
            for (i, container) in containers.into_iter().enumerate() {
                let container = match container {
                    Read::Found(container, _) => container,
                    other => {
                        collect(inventory, subject, "", other, &mut found);
                        continue;
                    }
                };
                let name = match container.at("Name").string() {
                    Read::Found(name, _) => name,
                    _ if several => format!("container {}", i + 1),
                    _ => String::new(),
                };
                collect(inventory, subject, &name, container.at(inner), &mut found);
                secrets(
                    inventory,
                    subject,
                    &name,
                    container.at("Secrets"),
                    &mut found.read,
                );
            }
        }
    }
    for (kind, path) in SECRETS {
        for subject in inventory.subjects(&[kind]) {
            secrets(inventory, subject, "", subject.at(path), &mut found.read);
        }
    }
    // A type with several places has none that can be read when its properties cannot.
    let mut seen = HashSet::new();
    found.unread.retain(|unread| {
        let variant = std::ptr::from_ref(unread.subject.variant);
        seen.insert((variant, unread.container.clone(), unread.loc))
    });
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
    read: Read<&'a Value>,
    found: &mut Variables<'a>,
) {
    let Variables {
        read: known,
        unread,
    } = found;
    let mut add = |name: String, value: Read<&'a Value>, from_secret: bool| {
        let loc = value.loc();
        known.push(Variable {
            subject,
            container: container.to_owned(),
            name,
            value: match value {
                Read::Found(value, _) if from_secret => kept(inventory, value),
                value => value.text(),
            },
            loc,
            from_secret,
        });
    };
    let mut cannot = |why: Arc<Why>, loc: Loc| {
        unread.push(Unread {
            subject,
            container: container.to_owned(),
            why,
            loc,
        });
    };
    let (value, loc) = match read {
        Read::Absent(_) => return,
        Read::Unknown(why, loc) => return cannot(why, loc),
        Read::Found(value, loc) => (value, loc),
    };
    match &value.kind {
        Kind::Map(map) => {
            for (name, value) in map.iter() {
                match value.at("") {
                    // A macro, or a loop, makes more of them.
                    Read::Unknown(why, loc) if &**name == "Fn::Transform" => cannot(why, loc),
                    // A job's arguments are named like flags.
                    value => add(name.trim_start_matches('-').to_owned(), value, false),
                }
            }
        }
        Kind::List(items) => {
            for item in items.iter().filter(|item| !is_other(item)) {
                let name = match item.at("Name").string() {
                    Read::Absent(_) => item.at("OptionName").string(),
                    name => name,
                };
                // A CodeBuild variable of another type only names a secret or parameter.
                let kind = item.at("Type").string().found();
                let from_secret = kind.is_some_and(|kind| kind != "PLAINTEXT");
                match (name, item.at("Value")) {
                    (Read::Unknown(why, loc), _) => cannot(why, loc),
                    (Read::Absent(_), _) | (_, Read::Absent(_)) => {}
                    (Read::Found(name, _), value) => add(name, value, from_secret),
                }
            }
        }
        kind => {
            let unknown = match kind {
                Kind::Text(text) => text.first_unknown().cloned(),
                _ => None,
            };
            let wrong = || {
                Arc::new(Why::WrongType {
                    expected: "environment variables",
                    found: value.kind_name(),
                })
            };
            cannot(unknown.unwrap_or_else(wrong), loc);
        }
    }
}

/// A CodeBuild variable of another type only names a secret or parameter, and Elastic Beanstalk has
/// settings of other kinds in the same list.
fn is_other(item: &Value) -> bool {
    let is = |property: &str, wanted: &str| {
        let written = item.at(property).string().found();
        written.is_none_or(|written| written == wanted)
    };
    !is("Type", "PLAINTEXT") || !is("Namespace", "aws:elasticbeanstalk:application:environment")
}
