//! What actions are about, as its services call it.

use lockfast_respond::plan::{Action, Param};

/// What a store is called by its service, and of which type it is, where one call points it at another key.
pub(super) struct Store<'a> {
    pub(super) kind: &'a str,
    pub(super) resource: &'a str,
    pub(super) from: &'a str,
    pub(super) to: &'a Param,
}

/// The store that an action points elsewhere by one call.
pub(super) fn store(action: &Action) -> Option<Store<'_>> {
    let (kind, resource, from, to) = match action {
        Action::RepointStore {
            kind,
            resource,
            from,
            to,
            ..
        } => (kind.as_str(), resource, from, to),
        Action::ReencryptTable {
            table, from, to, ..
        } => ("AWS::DynamoDB::Table", table, from, to),
        Action::ReencryptQueue { queue, from, to } => ("AWS::SQS::Queue", queue, from, to),
        Action::ReencryptTopic { topic, from, to } => ("AWS::SNS::Topic", topic, from, to),
        Action::ReencryptLogGroup { group, from, to } => ("AWS::Logs::LogGroup", group, from, to),
        Action::ReencryptStream { stream, from, to } => ("AWS::Kinesis::Stream", stream, from, to),
        Action::ReencryptFunction { function, from, to } => {
            ("AWS::Lambda::Function", function, from, to)
        }
        Action::ReencryptSecret {
            secret, from, to, ..
        } => ("AWS::SecretsManager::Secret", secret, from, to),
        _ => return None,
    };
    Some(Store {
        kind,
        resource,
        from,
        to,
    })
}

/// What a service calls something that is named by its ARN.
pub(super) fn name_of<'a>(kind: &str, resource: &'a str) -> &'a str {
    if !resource.starts_with("arn:") {
        return resource;
    }
    let local = resource.splitn(6, ':').nth(5).unwrap_or(resource);
    match kind {
        "AWS::Logs::LogGroup" => local
            .strip_prefix("log-group:")
            .unwrap_or(local)
            .trim_end_matches(":*"),
        "AWS::Lambda::Function" => local.strip_prefix("function:").unwrap_or(local),
        "AWS::SecretsManager::Secret" | "AWS::SNS::Topic" => resource,
        _ => local.rsplit('/').next().unwrap_or(local),
    }
}

/// A parameter's name: of its ARN what follows `parameter`, with its slash where it is a path.
pub(super) fn parameter(name: &str) -> &str {
    match name.split_once(":parameter/") {
        Some((_, rest)) if rest.contains('/') => &name[name.len() - rest.len() - 1..],
        Some((_, rest)) => rest,
        None => name,
    }
}
