//! Values: what a node comes to in a world.

use super::Resolver;
use super::parameter::{OTHER, Parameter};
use super::text::with_dynamic;
use super::world::{MAX_WORLDS, World};
use crate::{Node, NodeKind};
use lockfast_facts::{Kind, Loc, Map, Part, Reference, Step, Text, Value, Why};
use std::sync::Arc;

/// How deep values nest and references are followed, together.
pub(super) const MAX_DEPTH: usize = 400;

/// The text a value is inside a longer one.
pub(super) fn as_text(value: &Value) -> Text {
    match &value.kind {
        Kind::Text(text) => text.clone(),
        Kind::Number(number) => Text::Plain(number.clone()),
        Kind::Bool(b) => Text::Plain(if *b { "true" } else { "false" }.into()),
        Kind::Null => Text::Plain("".into()),
        Kind::Unknown(why) => Text::Parts(Arc::new([Part::Unknown(why.clone())])),
        Kind::List(_) | Kind::Map(_) => Text::Parts(Arc::new([Part::Unknown(Arc::new(
            Why::WrongType {
                expected: "a string",
                found: value.kind_name(),
            },
        ))])),
    }
}

pub(super) fn text_value(text: Text, loc: Loc) -> Value {
    Value::new(Kind::Text(with_dynamic(text)), loc)
}

fn part_value(part: Part, loc: Loc) -> Value {
    Value::new(Kind::Text(Text::Parts(Arc::new([part]))), loc)
}

impl Resolver<'_> {
    /// What a node comes to; `None` for `AWS::NoValue`.
    pub(super) fn value(&self, t: usize, node: &Node, world: &World) -> Option<Value> {
        let depth = world.depth.get();
        if depth > MAX_DEPTH {
            return Some(Value::unknown(
                Why::Cycle("this value, directly or through others,".into()),
                node.loc,
            ));
        }
        world.depth.set(depth + 1);
        let value = self.value_of(t, node, world);
        world.depth.set(depth);
        value
    }

    fn value_of(&self, t: usize, node: &Node, world: &World) -> Option<Value> {
        let kind = match &node.kind {
            NodeKind::Null => Kind::Null,
            NodeKind::Bool(b) => Kind::Bool(*b),
            NodeKind::Number(n) => Kind::Number(n.clone()),
            NodeKind::String(s) => return Some(text_value(Text::Plain(s.clone()), node.loc)),
            NodeKind::List(items) => Kind::List(
                items
                    .iter()
                    .filter_map(|item| self.value(t, item, world))
                    .collect(),
            ),
            NodeKind::Map(entries) => {
                if let [entry] = entries.as_slice()
                    && is_intrinsic(&entry.key)
                {
                    return self.intrinsic(t, &entry.key, &entry.value, node.loc, world);
                }
                Kind::Map(Map(entries
                    .iter()
                    .filter_map(|entry| {
                        let value = if is_intrinsic(&entry.key) && entry.key.contains("Transform") {
                            self.intrinsic(t, &entry.key, &entry.value, entry.key_loc, world)?
                        } else {
                            self.value(t, &entry.value, world)?
                        };
                        Some((entry.key.clone(), value))
                    })
                    .collect()))
            }
        };
        Some(Value::new(kind, node.loc))
    }

    /// `Ref`, and the variables of `Fn::Sub`.
    pub(super) fn reference(&self, t: usize, name: &str, loc: Loc, world: &World) -> Option<Value> {
        if name == "AWS::NoValue" {
            return None;
        }
        if name.starts_with("AWS::") {
            return Some(self.pseudo(t, name, loc));
        }
        if let Some(parameter) = self.parameters[t].get(name) {
            return Some(self.parameter(t, name, parameter, loc, world));
        }
        if let Some(id) = self.ids[t].get(name) {
            return Some(part_value(
                Part::Reference(Reference {
                    target: *id,
                    attribute: None,
                }),
                loc,
            ));
        }
        Some(Value::unknown(
            Why::NotGiven(format!("`{name}`, which is no parameter or resource of the template,")),
            loc,
        ))
    }

    /// `Fn::GetAtt`.
    pub(super) fn attribute(
        &self,
        t: usize,
        name: &str,
        attribute: &str,
        loc: Loc,
        world: &World,
    ) -> Option<Value> {
        let Some(id) = self.ids[t].get(name) else {
            return Some(Value::unknown(
                Why::NotGiven(format!("`{name}`, which is no resource of the template,")),
                loc,
            ));
        };
        if let Some(output) = attribute.strip_prefix("Outputs.")
            && let Some(child) = self.children.get(&(t, name))
        {
            let value = self.templates[*child]
                .root
                .get("Outputs")
                .and_then(|outputs| outputs.get(output))
                .and_then(|output| output.get("Value"));
            return match value {
                Some(node) => {
                    let found = self.value(*child, node, world)?;
                    Some(via(found, format!("output {output} of nested stack {name}"), node.loc, loc))
                }
                None => Some(Value::unknown(
                    Why::NotGiven(format!("output {output} of nested stack {name}")),
                    loc,
                )),
            };
        }
        Some(part_value(
            Part::Reference(Reference {
                target: *id,
                attribute: Some(attribute.into()),
            }),
            loc,
        ))
    }

    fn pseudo(&self, t: usize, name: &str, loc: Loc) -> Value {
        let template = &self.templates[t];
        let region = template.place.region.as_deref();
        let in_china = region.is_some_and(|r| r.starts_with("cn-"));
        let known: Option<Arc<str>> = match name {
            "AWS::Region" => template.place.region.clone(),
            "AWS::AccountId" => template.place.account.clone(),
            // Without a region the commercial partition is taken: what else differs between
            // partitions only shows in ARNs.
            "AWS::Partition" if in_china => Some("aws-cn".into()),
            "AWS::Partition" if region.is_some_and(|r| r.starts_with("us-gov-")) => Some("aws-us-gov".into()),
            "AWS::Partition" => Some("aws".into()),
            "AWS::URLSuffix" if in_china => Some("amazonaws.com.cn".into()),
            "AWS::URLSuffix" => Some("amazonaws.com".into()),
            "AWS::StackName" if template.place.region.is_some() || template.place.account.is_some() => {
                Some(template.stack_name.as_str().into())
            }
            _ => None,
        };
        match known {
            Some(text) => Value::string(text, loc),
            None => part_value(Part::Unknown(Arc::new(Why::Runtime(name.into()))), loc),
        }
    }

    fn parameter(&self, t: usize, name: &str, parameter: &Parameter<'_>, loc: Loc, world: &World) -> Value {
        let template = &self.templates[t];
        if let Some(given) = template.parameters.get(name) {
            let value = listed(given, parameter, loc);
            return via(value, format!("parameter {name} (given)"), parameter.node.loc, loc);
        }
        if let Some((parent, resource)) = &template.parent {
            let passed = self.templates[*parent]
                .root
                .get("Resources")
                .and_then(|r| r.get(resource))
                .and_then(|r| r.get("Properties"))
                .and_then(|p| p.get("Parameters"))
                .and_then(|p| p.get(name));
            if let Some(node) = passed
                && let Some(value) = self.value(*parent, node, world)
            {
                return via(value, format!("parameter {name}, passed by the parent stack"), node.loc, loc);
            }
        }
        if parameter.from_ssm {
            let path = parameter.default.and_then(Node::scalar).unwrap_or(name);
            return part_value(Part::Unknown(Arc::new(Why::DynamicReference(format!("ssm:{path}")))), loc);
        }
        let key = (t, Arc::from(name));
        let in_condition = world.in_condition.get() > 0;
        // A parameter decides when a condition compares it, or when its allowed values are few
        // enough to try each.
        let decides = in_condition || (!parameter.allowed.is_empty() && parameter.allowed.len() <= 8);
        let chosen = world.chosen(&key).or_else(|| {
            (decides && !world.undecided).then(|| {
                world.choose(&key, || parameter.shown.clone(), || parameter.candidates.clone())
            })
        });
        match chosen {
            Some(other) if other.starts_with(OTHER) => {
                if in_condition {
                    // Unlike every constant it is compared with.
                    Value::string(format!("\u{0}{name}{other}"), loc)
                } else {
                    part_value(Part::Unknown(Arc::new(Why::Parameter(name.into()))), loc)
                }
            }
            Some(value) => via(listed(&value, parameter, loc), format!("parameter {name}"), parameter.node.loc, loc),
            None if decides => part_value(Part::Unknown(Arc::new(Why::TooManyConditions(MAX_WORLDS))), loc),
            None => match parameter.default.and_then(Node::scalar) {
                Some(default) => via(
                    listed(default, parameter, loc),
                    format!("parameter {name} (default)"),
                    parameter.node.loc,
                    loc,
                ),
                None => part_value(Part::Unknown(Arc::new(Why::Parameter(name.into()))), loc),
            },
        }
    }

    /// `Fn::ImportValue`: followed to the stack that exports it, the one of the same account and
    /// region first.
    pub(super) fn import(&self, t: usize, node: &Node, loc: Loc, world: &World) -> Option<Value> {
        let name = self.value(t, node, world)?;
        let text = as_text(&name);
        let Some(name) = text.plain() else {
            let why = text.first_unknown().cloned();
            let why = why.unwrap_or_else(|| Arc::new(Why::Runtime("the name of the export".into())));
            return Some(part_value(Part::Unknown(why), loc));
        };
        let missing = || part_value(Part::Unknown(Arc::new(Why::Import(name.into()))), loc);
        let Some(exports) = self.exports.get(name) else {
            return Some(missing());
        };
        let place = &self.templates[t].place;
        let near: Vec<_> = exports.iter().filter(|(e, _)| self.templates[*e].place == *place).collect();
        let found = match (near.as_slice(), exports.as_slice()) {
            ([one], _) => Some(*one),
            ([], [one]) => Some(one),
            _ => None,
        };
        let Some((exporter, value)) = found else {
            return Some(part_value(
                Part::Unknown(Arc::new(Why::NotGiven(format!(
                    "which of the stacks that export {name} is meant"
                )))),
                loc,
            ));
        };
        match self.value(*exporter, value, world) {
            Some(found) => Some(via(found, format!("export {name}"), value.loc, loc)),
            None => Some(missing()),
        }
    }
}

/// A parameter's text as its type takes it.
fn listed(text: &str, parameter: &Parameter<'_>, loc: Loc) -> Value {
    if parameter.is_list {
        let items = text.split(',').map(|item| Value::string(item.trim(), loc)).collect();
        return Value::new(Kind::List(items), loc);
    }
    text_value(Text::Plain(text.into()), loc)
}

/// The same value, standing at `loc`, with one more hop.
fn via(value: Value, what: String, at: Loc, loc: Loc) -> Value {
    let hop = Step { what, loc: at };
    let steps = std::iter::once(hop).chain(value.via.iter().flat_map(|v| v.iter().cloned()));
    Value {
        kind: value.kind,
        loc,
        via: Some(steps.collect()),
    }
}

fn is_intrinsic(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::") || name.starts_with('!')
}
