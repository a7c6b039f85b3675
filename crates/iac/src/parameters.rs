//! Values for parameters, as the AWS CLI, CodePipeline or a person writes them.

use crate::parse::parse;
use crate::{Node, NodeKind, Problem, Template};
use lockfast_facts::SourceId;
use std::collections::BTreeMap;

/// A value and the file (or argument) that gives it.
pub(crate) type Given = BTreeMap<String, (String, String)>;

/// Reads `Key=Value` arguments and parameter files: the AWS CLI's list of `ParameterKey` and
/// `ParameterValue`, CodePipeline's `Parameters` object, or a plain object.
pub(crate) fn read(arguments: &[String], problems: &mut Vec<Problem>) -> Given {
    let mut given = Given::new();
    for argument in arguments {
        if let Some((key, value)) = argument.split_once('=')
            && !std::path::Path::new(argument).exists()
        {
            given.insert(key.to_owned(), (value.to_owned(), argument.clone()));
            continue;
        }
        match from_file(argument) {
            Ok(values) => {
                for (key, value) in values {
                    given.insert(key, (value, argument.clone()));
                }
            }
            Err((at, message)) => problems.push(Problem {
                path: argument.clone(),
                at,
                message,
            }),
        }
    }
    given
}

/// CloudFormation takes 200 parameters of 4,096 bytes; a file may hold more, but not this much.
const MAX_BYTES: u64 = 8 << 20;

type Failure = (Option<lockfast_facts::Pos>, String);

fn from_file(path: &str) -> Result<Vec<(String, String)>, Failure> {
    let length = std::fs::metadata(path).map_or(0, |m| m.len());
    if length > MAX_BYTES {
        return Err((
            None,
            format!("it has {length} bytes, and a parameter file at most {MAX_BYTES}"),
        ));
    }
    let text = std::fs::read_to_string(path).map_err(|e| (None, format!("cannot read it: {e}")))?;
    let root = parse(&text, SourceId(0))
        .map_err(|e| (Some(e.at), e.message))?
        .root;
    let shape = || {
        (
            None,
            "no parameter file: expected a list of ParameterKey and ParameterValue, or an object"
                .to_owned(),
        )
    };
    let mut values = Vec::new();
    match &root.kind {
        NodeKind::List(items) => {
            for item in items {
                let key = item
                    .get("ParameterKey")
                    .and_then(Node::scalar)
                    .ok_or_else(shape)?;
                // `UsePreviousValue` leaves the value unknown.
                if let Some(value) = item.get("ParameterValue").and_then(joined) {
                    values.push((key.to_owned(), value));
                }
            }
        }
        NodeKind::Map(_) => {
            for entry in root.get("Parameters").unwrap_or(&root).entries() {
                let value = joined(&entry.value).ok_or_else(shape)?;
                values.push((entry.key.to_string(), value));
            }
        }
        _ => return Err(shape()),
    }
    Ok(values)
}

/// A scalar, or a list joined by commas as CloudFormation takes it.
fn joined(node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::List(items) => {
            let items: Option<Vec<&str>> = items.iter().map(Node::scalar).collect();
            Some(items?.join(","))
        }
        _ => node.scalar().map(str::to_owned),
    }
}

/// Gives each template the values of the parameters it declares.
pub(crate) fn apply(given: &Given, templates: &mut [Template], problems: &mut Vec<Problem>) {
    for (key, (value, origin)) in given {
        let mut declared = false;
        for template in templates.iter_mut().filter(|t| t.parent.is_none()) {
            if template
                .root
                .get("Parameters")
                .and_then(|p| p.get(key))
                .is_some()
            {
                declared = true;
                template.parameters.insert(key.clone(), value.clone());
            }
        }
        if !declared {
            problems.push(Problem {
                path: origin.clone(),
                at: None,
                message: format!("parameter {key} is declared by no template given"),
            });
        }
    }
}
