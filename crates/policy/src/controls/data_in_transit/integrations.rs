//! What APIs pass requests on to: integrations in resources, and in OpenAPI definitions.

use crate::prelude::*;

/// An integration.
pub(super) struct Integration<'a> {
    /// The method, integration or API that says it.
    pub subject: Subject<'a>,
    /// `GET /orders` in a definition; empty where the resource is the integration.
    pub part: String,
    /// What it says.
    pub value: Read<&'a Value>,
}

/// What an integration says under one of these names: resources and definitions spell them otherwise.
pub(super) fn stated<'a>(integration: &'a Value, names: &[&str]) -> Read<&'a Value> {
    let reads = names.iter().map(|name| integration.at(name));
    reads
        .into_iter()
        .find(|read| !read.is_absent())
        .unwrap_or(Read::Absent(integration.loc))
}

/// Every integration of REST, HTTP and WebSocket APIs.
pub(super) fn all<'a>(cx: &Cx<'a>) -> Vec<Integration<'a>> {
    let mut found = Vec::new();
    for subject in cx.subjects(&["AWS::ApiGateway::Method", "AWS::ApiGatewayV2::Integration"]) {
        let value = match subject.kind() {
            "AWS::ApiGateway::Method" => subject.at("Integration"),
            _ => Read::Found(&subject.variant.properties, subject.resource.loc),
        };
        found.push(Integration {
            subject,
            part: String::new(),
            value,
        });
    }
    for subject in cx.subjects(&["AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"]) {
        in_definition(subject, &mut found);
    }
    found
}

const KEY: &str = "x-amazon-apigateway-integration";

/// The integrations of an OpenAPI definition (Amazon API Gateway Developer Guide,
/// "x-amazon-apigateway-integration object").
fn in_definition<'a>(subject: Subject<'a>, found: &mut Vec<Integration<'a>>) {
    let paths = match subject.at("Body.paths").map_value() {
        Read::Found(paths, _) => paths,
        Read::Absent(_) => return,
        Read::Unknown(why, loc) => {
            found.push(Integration {
                subject,
                part: "definition".to_owned(),
                value: Read::Unknown(why, loc),
            });
            return;
        }
    };
    for (path, methods) in paths.iter() {
        let Read::Found(methods, _) = methods.at("").map_value() else {
            continue;
        };
        for (method, operation) in methods.iter() {
            let Read::Found(operation, _) = operation.at("").map_value() else {
                continue;
            };
            if let Some(integration) = operation.get(KEY) {
                found.push(Integration {
                    subject,
                    part: format!("{} {path}", method.to_uppercase()),
                    value: followed(subject, integration),
                });
            }
        }
    }
}

/// Follows `$ref` to what the same definition holds.
fn followed<'a>(subject: Subject<'a>, integration: &'a Value) -> Read<&'a Value> {
    let pointer = match integration.at("$ref").string() {
        Read::Found(pointer, _) => pointer,
        _ => return integration.at(""),
    };
    let missing = || {
        let why = Why::NotGiven(format!("what {pointer} refers to"));
        Read::Unknown(Arc::new(why), integration.loc)
    };
    let Some(steps) = pointer.strip_prefix("#/") else {
        return missing();
    };
    let body = subject.at("Body");
    let target = steps.split('/').fold(body, |read, step| {
        let step = step.replace("~1", "/").replace("~0", "~");
        read.then(|value, loc| match &value.kind {
            Kind::Map(map) => map
                .get(&step)
                .map_or(Read::Absent(loc), |value| value.at("")),
            _ => value.at("").then(|_, loc| Read::Absent(loc)),
        })
    });
    match target {
        Read::Absent(_) => missing(),
        target => target,
    }
}
