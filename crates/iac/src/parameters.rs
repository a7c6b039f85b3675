//! Values for parameters, as the AWS CLI, CodePipeline or a person writes them.

use crate::parse::parse;
use crate::read::bytes_within;
use crate::{Node, NodeKind, Problem, Template};
use lockfast_facts::SourceId;
use std::collections::BTreeMap;
use std::path::Path;

/// A value and the file (or argument) that gives it.
pub(crate) type Given = BTreeMap<String, (String, String)>;

/// Reads `Key=Value` arguments and parameter files: the AWS CLI's list of `ParameterKey` and
/// `ParameterValue` or of `Key=Value`, CodePipeline's `Parameters` object, or a plain object.
pub(crate) fn read(arguments: &[String], problems: &mut Vec<Problem>) -> Given {
    let mut given = Given::new();
    for argument in arguments {
        if let Some((key, value)) = pair(argument)
            && !Path::new(argument).exists()
        {
            given.insert(key, (value, argument.clone()));
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

/// `Key=Value`, or as the AWS CLI takes it: `ParameterKey=Key,ParameterValue=Value`, with or without quotes.
fn pair(text: &str) -> Option<(String, String)> {
    let unquoted = |text: &str| text.trim_matches(['"', '\'']).to_owned();
    if let Some(rest) = text.strip_prefix("ParameterKey=")
        && let Some((key, value)) = rest.split_once(",ParameterValue=")
    {
        // The CLI takes a comma inside a value with a backslash before it.
        return Some((unquoted(key), unquoted(value).replace("\\,", ",")));
    }
    let (key, value) = text.split_once('=')?;
    Some((key.to_owned(), value.to_owned()))
}

/// CloudFormation takes 200 parameters of 4,096 bytes; a file may hold more, but not this much.
const MAX_BYTES: u64 = 8 << 20;

type Failure = (Option<lockfast_facts::Pos>, String);

fn from_file(path: &str) -> Result<Vec<(String, String)>, Failure> {
    let bytes = bytes_within(Path::new(path), MAX_BYTES).map_err(|message| (None, message))?;
    let text = String::from_utf8(bytes).map_err(|_| (None, "not UTF-8 text".to_owned()))?;
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
                if let Some(text) = item.scalar() {
                    values.push(pair(text).ok_or_else(shape)?);
                    continue;
                }
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
                // So does null.
                if matches!(entry.value.kind, NodeKind::Null) {
                    continue;
                }
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

/// Gives each template the values of the parameters it declares. `Stack:Key` means one stack's, as for the
/// CDK's CLI; what names a stack wins.
pub(crate) fn apply(given: &Given, templates: &mut [Template], problems: &mut Vec<Problem>) {
    let of_all = given.iter().filter(|(key, _)| !key.contains(':'));
    let of_one = given.iter().filter(|(key, _)| key.contains(':'));
    for (key, (value, origin)) in of_all.chain(of_one) {
        let (stack, name) = match key.split_once(':') {
            Some((stack, name)) => (Some(stack), name),
            None => (None, key.as_str()),
        };
        let mut declared = false;
        for template in templates.iter_mut().filter(|t| t.parent.is_none()) {
            let meant = stack.is_none_or(|s| s == template.stack_name || s == template.stack_path);
            let declares = template.root.get("Parameters").and_then(|p| p.get(name));
            if meant && declares.is_some() {
                declared = true;
                template.parameters.insert(name.to_owned(), value.clone());
            }
        }
        if !declared {
            problems.push(Problem {
                path: origin.clone(),
                at: None,
                message: match stack {
                    Some(stack) => {
                        format!("parameter {name} is declared by no stack {stack} given")
                    }
                    None => format!("parameter {name} is declared by no template given"),
                },
            });
        }
    }
}
