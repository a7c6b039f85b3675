//! The intrinsic functions (AWS CloudFormation Template Reference Guide, "Intrinsic functions").

use super::Resolver;
use super::eval::{as_text, text_value, unknown_value, via};
use super::reference::plain_why;
use super::text::{Piece, pieces, split_surely};
use super::world::World;
use crate::Node;
use lockfast_facts::{Kind, Loc, Part, Text, Value, Why};
use std::sync::Arc;

impl Resolver<'_> {
    /// Resolves the function `name` with its argument.
    pub(super) fn intrinsic(
        &self,
        t: usize,
        name: &str,
        argument: &Node,
        loc: Loc,
        world: &World,
    ) -> Option<Value> {
        let unknown = |why: Why| Some(Value::unknown(why, loc));
        let wrong = || {
            Some(Value::unknown(
                Why::Unsupported(format!("{name} with other arguments than it takes")),
                loc,
            ))
        };
        let items = argument.items();
        match name {
            "Ref" => match argument.scalar() {
                Some(target) => self.reference(t, target, loc, world),
                None => wrong(),
            },
            "Fn::GetAtt" => self.get_att(t, argument, loc, world),
            "Fn::Sub" => self.sub(t, argument, loc, world),
            "Fn::Join" => self.join(t, argument, loc, world),
            "Fn::Select" => self.select(t, argument, loc, world),
            "Fn::Split" => match items {
                [delimiter, text] => {
                    let delimiter = as_text(&self.value(t, delimiter, world)?);
                    let text = as_text(&self.value(t, text, world)?);
                    let Some(delimiter) = delimiter.plain() else {
                        return wrong();
                    };
                    let parts = split_surely(&text, delimiter);
                    let items = parts.into_iter().map(|part| match part {
                        Some(text) => text_value(text, loc),
                        None => unknown_value(
                            Why::Runtime("a piece of a string that is not known".into()),
                            loc,
                        ),
                    });
                    Some(Value::new(Kind::List(items.collect()), loc))
                }
                _ => wrong(),
            },
            "Fn::If" => match items {
                [condition, yes, no] => {
                    let decision = match condition.scalar() {
                        Some(name) => self.named_condition(t, name, condition.loc, world),
                        None => self.condition(t, condition, world),
                    };
                    match decision {
                        Ok(true) => self.value(t, yes, world),
                        Ok(false) => self.value(t, no, world),
                        Err(why) => Some(Value::new(Kind::Unknown(plain_why(why)), loc)),
                    }
                }
                _ => wrong(),
            },
            "Fn::FindInMap" => self.find_in_map(t, items, loc, world),
            "Fn::GetStackOutput" => self.stack_output(t, argument, loc, world),
            "Fn::ImportValue" => self.import(t, argument, loc, world),
            // What is encoded is what matters: URLs and secrets in user data.
            "Fn::Base64" => self.value(t, argument, world),
            "Fn::And" | "Fn::Or" | "Fn::Not" | "Fn::Equals" => {
                match self.condition_function(t, name, argument, world) {
                    Ok(decided) => Some(Value::new(Kind::Bool(decided), loc)),
                    Err(why) => Some(Value::new(Kind::Unknown(plain_why(why)), loc)),
                }
            }
            "Fn::Length" => match self.value(t, argument, world)?.kind {
                Kind::List(items) => Some(Value::new(
                    Kind::Number(items.len().to_string().into()),
                    loc,
                )),
                Kind::Unknown(why) => Some(Value::new(Kind::Unknown(why), loc)),
                Kind::Text(text) => unknown(length_unknown(&text)),
                _ => wrong(),
            },
            "Fn::ToJsonString" => {
                let value = self.value(t, argument, world)?;
                let mut parts = Vec::new();
                json(&value, &mut parts);
                Some(self.joined(t, parts, loc, world))
            }
            "Fn::Transform" => unknown(Why::Macro(
                argument
                    .get("Name")
                    .and_then(Node::scalar)
                    .unwrap_or("Fn::Transform")
                    .to_owned(),
            )),
            "Fn::GetAZs" => unknown(Why::Runtime("the region's availability zones".into())),
            "Fn::Cidr" => unknown(Why::Runtime("the address blocks of Fn::Cidr".into())),
            _ if name.starts_with("Fn::ForEach") => unknown(Why::Runtime(format!(
                "what {name} makes, whose collection is not known,"
            ))),
            _ => match name.strip_prefix('!') {
                Some(tag) => unknown(Why::Macro(tag.to_owned())),
                None => unknown(Why::Unsupported(format!(
                    "{name} is no function that Lockfast knows"
                ))),
            },
        }
    }

    fn sub(&self, t: usize, argument: &Node, loc: Loc, world: &World) -> Option<Value> {
        let (template, variables) = match argument.items() {
            [template, variables] => (template.scalar(), Some(variables)),
            [template] => (template.scalar(), None),
            _ => (argument.scalar(), None),
        };
        let Some(template) = template else {
            return Some(Value::unknown(
                Why::Unsupported("Fn::Sub without a string".into()),
                loc,
            ));
        };
        let mut parts = Vec::new();
        for piece in pieces(template) {
            match piece {
                Piece::Literal(text) => parts.push(Part::Literal(text.into())),
                Piece::Variable(name) => {
                    let value = match variables.and_then(|v| v.get(name)) {
                        Some(node) => self.value(t, node, world),
                        None => match name.split_once('.') {
                            Some((resource, attribute)) => {
                                self.attribute(t, resource, attribute, loc, world)
                            }
                            None => self.reference(t, name, loc, world),
                        },
                    };
                    if let Some(value) = value {
                        parts.extend(as_text(&value).parts());
                    }
                }
            }
        }
        Some(self.joined(t, parts, loc, world))
    }

    fn join(&self, t: usize, argument: &Node, loc: Loc, world: &World) -> Option<Value> {
        let [delimiter, list] = argument.items() else {
            return Some(Value::unknown(
                Why::Unsupported("Fn::Join with other arguments than it takes".into()),
                loc,
            ));
        };
        let delimiter = as_text(&self.value(t, delimiter, world)?);
        let items = match self.value(t, list, world)?.kind {
            Kind::List(items) => items,
            Kind::Unknown(why) => return Some(Value::new(Kind::Unknown(why), loc)),
            Kind::Text(text) => return Some(text_value(text, loc)),
            _ => {
                return Some(Value::unknown(
                    Why::Unsupported("Fn::Join of no list".into()),
                    loc,
                ));
            }
        };
        let mut parts = Vec::new();
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                parts.extend(delimiter.parts());
            }
            parts.extend(as_text(item).parts());
        }
        Some(self.joined(t, parts, loc, world))
    }

    fn select(&self, t: usize, argument: &Node, loc: Loc, world: &World) -> Option<Value> {
        let [index, list] = argument.items() else {
            return Some(Value::unknown(
                Why::Unsupported("Fn::Select with other arguments than it takes".into()),
                loc,
            ));
        };
        let index = as_text(&self.value(t, index, world)?);
        let list = self.value(t, list, world)?;
        match (
            index.plain().and_then(|i| i.trim().parse::<usize>().ok()),
            list.kind,
        ) {
            (Some(index), Kind::List(items)) => {
                Some(items.get(index).cloned().unwrap_or_else(|| {
                    Value::unknown(
                        Why::Runtime(format!("item {index} of a list that is shorter here")),
                        loc,
                    )
                }))
            }
            (_, Kind::Unknown(why)) => Some(Value::new(Kind::Unknown(why), loc)),
            (_, Kind::Text(text)) => {
                let why = text.first_unknown().cloned();
                let why = why.unwrap_or_else(|| {
                    Arc::new(Why::Runtime("the list of another resource".into()))
                });
                Some(Value::new(Kind::Unknown(why), loc))
            }
            _ => Some(Value::unknown(
                Why::Runtime("which item is selected".into()),
                loc,
            )),
        }
    }

    fn find_in_map(&self, t: usize, items: &[Node], loc: Loc, world: &World) -> Option<Value> {
        let [map, first, second, options @ ..] = items else {
            return Some(Value::unknown(
                Why::Unsupported("Fn::FindInMap with other arguments than it takes".into()),
                loc,
            ));
        };
        let default = options.first().and_then(|o| o.get("DefaultValue"));
        let map_name = self.value(t, map, world)?;
        let (first, is_other) = self.mapping_key(t, first, world)?;
        let (second, is_other_too) = self.mapping_key(t, second, world)?;
        if default.is_none() && (is_other || is_other_too) {
            // The mapping has no such key: CloudFormation refuses the deployment.
            world.impossible.set(true);
        }
        let mut keys = Vec::with_capacity(3);
        for key in [map_name, first, second] {
            let text = as_text(&key);
            match text.plain() {
                Some(key) => keys.push(key.to_owned()),
                None => {
                    let why = text.first_unknown().cloned();
                    let why = why
                        .unwrap_or_else(|| Arc::new(Why::Runtime("a key of Fn::FindInMap".into())));
                    return Some(Value::new(Kind::Unknown(why), loc));
                }
            }
        }
        let mappings = self.templates[t].root.get("Mappings");
        let mapped = mappings.and_then(|m| keys.iter().try_fold(m, |node, key| node.get(key)));
        let what = || format!("mapping {}", keys.join("."));
        match (mapped, default) {
            // A mapping holds a string or a list, never a function.
            (Some(node), _) => Some(via(self.value(t, node, world)?, what(), node.loc, loc)),
            (None, Some(default)) => self.value(t, default, world),
            (None, None) => {
                if !self.contexts[t].open {
                    world.note(loc, || format!("{} does not exist", what()));
                }
                Some(unknown_value(Why::NotGiven(what()), loc))
            }
        }
    }

    fn get_att(&self, t: usize, argument: &Node, loc: Loc, world: &World) -> Option<Value> {
        let wrong = || {
            Some(Value::unknown(
                Why::Unsupported("Fn::GetAtt with other arguments than it takes".into()),
                loc,
            ))
        };
        if let [resource, attribute @ ..] = argument.items() {
            let resource = as_text(&self.value(t, resource, world)?);
            let mut path = Vec::with_capacity(attribute.len());
            for part in attribute {
                match as_text(&self.value(t, part, world)?).plain() {
                    Some(part) => path.push(part.to_owned()),
                    None => {
                        return Some(unknown_value(
                            Why::Runtime("which attribute is read".into()),
                            loc,
                        ));
                    }
                }
            }
            return match resource.plain() {
                Some(resource) if !path.is_empty() => {
                    self.attribute(t, resource, &path.join("."), loc, world)
                }
                _ => wrong(),
            };
        }
        match argument.scalar().and_then(|text| text.split_once('.')) {
            Some((resource, attribute)) => self.attribute(t, resource, attribute, loc, world),
            None => wrong(),
        }
    }
}

fn length_unknown(text: &Text) -> Why {
    match text.first_unknown() {
        Some(why) => (**why).clone(),
        None => Why::Runtime("the length of another resource's list".into()),
    }
}

/// Writes a value as JSON, unknown parts staying unknown.
fn json(value: &Value, parts: &mut Vec<Part>) {
    let literal = |text: String| Part::Literal(text.into());
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    match &value.kind {
        Kind::Null => parts.push(literal("null".into())),
        Kind::Bool(b) => parts.push(literal(b.to_string())),
        Kind::Number(n) => parts.push(Part::Literal(n.clone())),
        Kind::Text(text) => {
            parts.push(literal("\"".into()));
            for part in text.parts() {
                parts.push(match part {
                    Part::Literal(s) => {
                        let quoted = quoted(&s);
                        literal(quoted[1..quoted.len() - 1].to_owned())
                    }
                    other => other,
                });
            }
            parts.push(literal("\"".into()));
        }
        Kind::List(items) => {
            for (i, item) in items.iter().enumerate() {
                parts.push(literal(if i == 0 { "[" } else { "," }.into()));
                json(item, parts);
            }
            parts.push(literal(if items.is_empty() { "[]" } else { "]" }.into()));
        }
        Kind::Map(map) => {
            for (i, (name, item)) in map.iter().enumerate() {
                parts.push(literal(format!(
                    "{}{}:",
                    if i == 0 { "{" } else { "," },
                    quoted(name)
                )));
                json(item, parts);
            }
            parts.push(literal(if map.0.is_empty() { "{}" } else { "}" }.into()));
        }
        Kind::Unknown(why) => parts.push(Part::Unknown(why.clone())),
    }
}
