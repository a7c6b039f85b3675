//! SAM resources as the CloudFormation resources they become (AWS Serverless Application Model
//! Developer Guide, "Generated AWS CloudFormation resources").

use crate::{Entry, Node, NodeKind};
use lockfast_facts::Loc;
use std::sync::Arc;

/// SAM type, CloudFormation type, and properties whose names differ.
const TYPES: &[(&str, &str, &[(&str, &str)])] = &[
    ("AWS::Serverless::Function", "AWS::Lambda::Function", &[("InlineCode", "Code")]),
    ("AWS::Serverless::Api", "AWS::ApiGateway::RestApi", &[("DefinitionBody", "Body")]),
    ("AWS::Serverless::HttpApi", "AWS::ApiGatewayV2::Api", &[("DefinitionBody", "Body")]),
    (
        "AWS::Serverless::SimpleTable",
        "AWS::DynamoDB::Table",
        &[],
    ),
    ("AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion", &[("ContentUri", "Content")]),
    ("AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine", &[("Logging", "LoggingConfiguration")]),
];

/// Turns the SAM resources of a template into CloudFormation's, with `Globals` merged in.
pub(super) fn expand(root: &mut Node) {
    let globals = root.get("Globals").cloned();
    let Some(resources) = entry_mut(root, "Resources") else {
        return;
    };
    let NodeKind::Map(entries) = &mut resources.value.kind else {
        return;
    };
    let mut added = Vec::new();
    let mut implicit_api: Option<Loc> = None;
    for entry in entries.iter_mut() {
        let Some(kind) = entry.value.get("Type").and_then(Node::scalar).map(str::to_owned) else {
            continue;
        };
        let Some((_, becomes, renames)) = TYPES.iter().find(|(sam, ..)| *sam == kind) else {
            continue;
        };
        if let Some(section) = kind.strip_prefix("AWS::Serverless::")
            && let Some(defaults) = globals.as_ref().and_then(|g| g.get(section))
        {
            with_defaults(&mut entry.value, defaults);
        }
        implicit_api = implicit_api.or_else(|| implicit_event(&entry.value));
        if &*kind == "AWS::Serverless::Api" {
            added.push(stage(entry));
        }
        for (from, to) in *renames {
            rename(&mut entry.value, from, to);
        }
        if let Some(node) = entry_mut(&mut entry.value, "Type") {
            node.value.kind = NodeKind::String((*becomes).into());
        }
    }
    if let Some(loc) = implicit_api {
        added.push(named("ServerlessRestApi", resource("AWS::ApiGateway::RestApi", Vec::new(), loc), loc));
        let api = map(vec![named("Ref", string("ServerlessRestApi", loc), loc)], loc);
        let properties = vec![named("RestApiId", api, loc), named("StageName", string("Prod", loc), loc)];
        added.push(named("ServerlessRestApiProdStage", resource("AWS::ApiGateway::Stage", properties, loc), loc));
    }
    entries.extend(added);
}

fn entry_mut<'n>(node: &'n mut Node, name: &str) -> Option<&'n mut Entry> {
    match &mut node.kind {
        NodeKind::Map(entries) => entries.iter_mut().find(|entry| &*entry.key == name),
        _ => None,
    }
}

/// Merges a section of `Globals` under a resource's own properties: objects merge, lists join, the
/// resource's scalars win.
fn with_defaults(resource: &mut Node, defaults: &Node) {
    if resource.get("Properties").is_none()
        && let NodeKind::Map(entries) = &mut resource.kind
    {
        let loc = defaults.loc;
        entries.push(named("Properties", map(Vec::new(), loc), loc));
    }
    if let Some(properties) = entry_mut(resource, "Properties") {
        merge(&mut properties.value, defaults);
    }
}

fn merge(own: &mut Node, defaults: &Node) {
    match (&mut own.kind, &defaults.kind) {
        (NodeKind::Map(entries), NodeKind::Map(more)) => {
            for entry in more {
                match entries.iter_mut().find(|e| e.key == entry.key) {
                    Some(existing) => merge(&mut existing.value, &entry.value),
                    None => entries.push(entry.clone()),
                }
            }
        }
        (NodeKind::List(items), NodeKind::List(more)) => {
            let own = std::mem::take(items);
            items.extend(more.iter().cloned());
            items.extend(own);
        }
        _ => {}
    }
}

/// An `Api` event without `RestApiId` makes the template's implicit REST API.
fn implicit_event(resource: &Node) -> Option<Loc> {
    let events = resource.get("Properties")?.get("Events")?;
    events.entries().iter().find_map(|event| {
        let is_api = event.value.get("Type").and_then(Node::scalar) == Some("Api");
        let own = event.value.get("Properties").and_then(|p| p.get("RestApiId")).is_some();
        (is_api && !own).then_some(event.key_loc)
    })
}

/// The stage that an `AWS::Serverless::Api` brings.
fn stage(entry: &Entry) -> Entry {
    let loc = entry.key_loc;
    let own = entry.value.get("Properties");
    let mut properties = vec![named(
        "RestApiId",
        map(vec![named("Ref", string(&entry.key, loc), loc)], loc),
        loc,
    )];
    for name in ["StageName", "MethodSettings", "CacheClusterEnabled", "AccessLogSetting", "Tags"] {
        if let Some(found) = own.and_then(|p| p.entry(name)) {
            properties.push(found.clone());
        }
    }
    named(&format!("{}Stage", entry.key), resource("AWS::ApiGateway::Stage", properties, loc), loc)
}

fn rename(resource: &mut Node, from: &str, to: &str) {
    if let Some(properties) = entry_mut(resource, "Properties")
        && let Some(entry) = entry_mut(&mut properties.value, from)
    {
        entry.key = to.into();
    }
}

fn string(text: &str, loc: Loc) -> Node {
    Node {
        kind: NodeKind::String(text.into()),
        loc,
    }
}

fn map(entries: Vec<Entry>, loc: Loc) -> Node {
    Node {
        kind: NodeKind::Map(entries),
        loc,
    }
}

fn named(key: &str, value: Node, key_loc: Loc) -> Entry {
    Entry {
        key: Arc::from(key),
        key_loc,
        value,
    }
}

fn resource(kind: &str, properties: Vec<Entry>, loc: Loc) -> Node {
    map(
        vec![
            named("Type", string(kind, loc), loc),
            named("Properties", map(properties, loc), loc),
        ],
        loc,
    )
}
