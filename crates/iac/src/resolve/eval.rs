//! Values: what a node comes to in a world.

use super::text::with_dynamic;
use super::world::World;
use super::{Export, Resolver};
use crate::{Node, NodeKind};
use lockfast_facts::{Kind, Loc, Map, Part, Reference, Step, Text, Value, Via, Why};
use std::sync::Arc;

/// How deep values nest and references are followed, together. Templates nest at most 200 levels.
pub(super) const MAX_DEPTH: usize = 300;

/// How long a string may get by joining. CloudFormation takes properties of far less; without a
/// bound, outputs that repeat each other double at every nested stack.
const MAX_TEXT: usize = 4 << 20;
const MAX_PARTS: usize = 50_000;

/// How much text all resources may make by joining: a parameter of 1 MB in every one of them would else
/// fill the memory. Each has its share, so that what is made never depends on which comes first.
const MAX_ALL_TEXT: usize = 256 << 20;
const LEAST_TEXT: usize = 128 << 10;

/// How much text one of so many resources may make.
pub(super) fn share_of_text(resources: usize) -> usize {
    (MAX_ALL_TEXT / resources.max(1)).clamp(LEAST_TEXT, MAX_TEXT)
}

/// The text a value is inside a longer one.
pub(super) fn as_text(value: &Value) -> Text {
    match &value.kind {
        Kind::Text(text) => text.clone(),
        Kind::Number(number) => Text::Plain(number.clone()),
        Kind::Bool(b) => Text::Plain(if *b { "true" } else { "false" }.into()),
        Kind::Null => Text::Plain("".into()),
        Kind::Unknown(why) => unknown_text(why.clone()),
        Kind::List(_) | Kind::Map(_) => unknown_text(Arc::new(not_a_string(value))),
    }
}

fn unknown_text(why: Arc<Why>) -> Text {
    Text::Parts(Arc::new([Part::Unknown(why)]))
}

fn not_a_string(value: &Value) -> Why {
    Why::WrongType {
        expected: "a string",
        found: value.kind_name(),
    }
}

pub(super) fn text_value(text: Text, loc: Loc) -> Value {
    Value::new(Kind::Text(with_dynamic(text)), loc)
}

/// A string of one part.
pub(super) fn part_value(part: Part, loc: Loc) -> Value {
    Value::new(Kind::Text(Text::Parts(Arc::new([part]))), loc)
}

/// A string of which nothing is known.
pub(super) fn unknown_value(why: Why, loc: Loc) -> Value {
    part_value(Part::Unknown(Arc::new(why)), loc)
}

/// The same value, standing at `loc`, with one more hop.
pub(super) fn via(value: Value, what: String, at: Loc, loc: Loc) -> Value {
    let hop = Step { what, loc: at };
    Value {
        kind: value.kind,
        loc,
        via: Some(Via::step(hop, value.via)),
    }
}

/// Only strings pass through outputs and exports.
fn string_only(value: Value) -> Value {
    match &value.kind {
        Kind::List(_) | Kind::Map(_) => {
            let why = not_a_string(&value);
            Value::unknown(why, value.loc)
        }
        _ => value,
    }
}

pub(super) fn is_intrinsic(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::") || name.starts_with('!')
}

/// Entries that stand for others, which are made at deployment.
fn makes_entries(name: &str) -> bool {
    name == "Fn::Transform" || name.starts_with("Fn::ForEach")
}

impl Resolver<'_> {
    /// What a node comes to; `None` for `AWS::NoValue`.
    pub(super) fn value(&self, t: usize, node: &Node, world: &World) -> Option<Value> {
        let depth = world.depth.get();
        if depth > MAX_DEPTH {
            return Some(Value::unknown(
                Why::Unsupported(format!(
                    "a value that leads through more than {MAX_DEPTH} others"
                )),
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
            NodeKind::String(s) => {
                let value = text_value(Text::Plain(s.clone()), node.loc);
                return Some(self.stored_value(t, value, world));
            }
            NodeKind::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                list.extend(items.iter().filter_map(|item| self.value(t, item, world)));
                Kind::List(list.into())
            }
            NodeKind::Map(entries) => {
                if let [entry] = entries.as_slice()
                    && is_intrinsic(&entry.key)
                {
                    return self.intrinsic(t, &entry.key, &entry.value, node.loc, world);
                }
                let mut map = Vec::with_capacity(entries.len());
                for entry in entries {
                    if makes_entries(&entry.key) {
                        // Under this name, absent entries read as unknown.
                        if let Some(value) =
                            self.intrinsic(t, &entry.key, &entry.value, entry.key_loc, world)
                        {
                            map.push(("Fn::Transform".into(), value));
                        }
                    } else if let Some(value) = self.value(t, &entry.value, world) {
                        map.push((entry.key.clone(), value));
                    }
                }
                Kind::Map(Map(map.into()))
            }
        };
        Some(Value::new(kind, node.loc))
    }

    /// A string joined from parts, as long as it stays within bounds.
    pub(super) fn joined(&self, t: usize, parts: Vec<Part>, loc: Loc, world: &World) -> Value {
        let length = |part: &Part| match part {
            Part::Literal(s) => s.len(),
            _ => 0,
        };
        let made = world.made.get() + parts.iter().map(length).sum::<usize>();
        if parts.len() > MAX_PARTS || made > self.share_of_text {
            return unknown_value(
                Why::Unsupported("its text is too long to be put together".into()),
                loc,
            );
        }
        world.made.set(made);
        self.stored_value(t, text_value(Text::from_parts(parts), loc), world)
    }

    /// `Ref`, and the variables of `Fn::Sub`.
    pub(super) fn reference(&self, t: usize, name: &str, loc: Loc, world: &World) -> Option<Value> {
        if name == "AWS::NoValue" {
            return None;
        }
        if name.starts_with("AWS::") {
            return Some(self.pseudo(t, name, loc, world));
        }
        if let Some(parameter) = self.parameters[t].get(name) {
            return Some(self.parameter(t, parameter, loc, world));
        }
        if let Some(id) = self.ids[t].get(name) {
            let reference = Reference {
                target: *id,
                attribute: None,
            };
            return Some(part_value(Part::Reference(reference), loc));
        }
        Some(self.missing(t, name, "parameter or resource", loc, world))
    }

    fn missing(&self, t: usize, name: &str, what: &str, loc: Loc, world: &World) -> Value {
        // A macro may yet make it.
        if !self.contexts[t].open {
            world.note(loc, || format!("`{name}` is no {what} of this template"));
        }
        unknown_value(
            Why::NotGiven(format!("`{name}`, which is no {what} of the template,")),
            loc,
        )
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
            return Some(self.missing(t, name, "resource", loc, world));
        };
        if let Some(output) = attribute.strip_prefix("Outputs.")
            && let Some(child) = self.children.get(&(t, name)).copied()
        {
            let value = self.templates[child]
                .root
                .get("Outputs")
                .and_then(|outputs| outputs.get(output))
                .and_then(|output| output.get("Value"));
            let what = || format!("output {output} of nested stack {name}");
            let Some(node) = value else {
                return Some(unknown_value(Why::NotGiven(what()), loc));
            };
            let found = self.followed(child, node, world, what)?;
            return Some(via(string_only(found), what(), node.loc, loc));
        }
        if let Some(value) = self.cross_region(t, attribute, loc, world) {
            return Some(value);
        }
        let reference = Reference {
            target: *id,
            attribute: Some(attribute.into()),
        };
        Some(part_value(Part::Reference(reference), loc))
    }

    /// What a node of another stack comes to: once per run, and never round in a circle.
    pub(super) fn followed(
        &self,
        t: usize,
        node: &Node,
        world: &World,
        what: impl Fn() -> String,
    ) -> Option<Value> {
        let key = (
            t,
            std::ptr::from_ref(node) as usize,
            world.in_condition.get() > 0,
        );
        match world.values.borrow().get(&key) {
            Some(Some(value)) => return value.clone(),
            Some(None) => {
                world.note(node.loc, || format!("{} refers to itself", what()));
                return Some(unknown_value(Why::Cycle(what()), node.loc));
            }
            None => {}
        }
        world.values.borrow_mut().insert(key, None);
        let value = self.value(t, node, world);
        world.values.borrow_mut().insert(key, Some(value.clone()));
        value
    }

    /// `Fn::ImportValue`: followed to the stack that exports it, the one of the same account and
    /// region first.
    pub(super) fn import(&self, t: usize, node: &Node, loc: Loc, world: &World) -> Option<Value> {
        let name = self.value(t, node, world)?;
        let text = as_text(&name);
        let Some(name) = text.plain() else {
            let shown = text.render(|_| "*".into());
            return Some(unknown_value(Why::Import(shown), loc));
        };
        let missing = || Some(unknown_value(Why::Import(name.into()), loc));
        let Some(exports) = self.exports.get(name) else {
            return missing();
        };
        let place = &self.templates[t].place;
        // Of outputs that share a name, conditions leave one.
        let made: Vec<&Export<'_>> = exports
            .iter()
            .filter(|export| {
                exports.len() == 1 || self.is_made(export.template, export.condition, world)
            })
            .collect();
        let mut near = made
            .iter()
            .filter(|export| self.templates[export.template].place == *place);
        let (exporter, value) = match (near.next(), near.next(), made.as_slice()) {
            (_, _, []) => return missing(),
            (Some(one), None, _) => (one.template, one.value),
            (None, _, [one]) => (one.template, one.value),
            _ => {
                let why = Why::NotGiven(format!("which of the stacks that export {name} is meant"));
                return Some(unknown_value(why, loc));
            }
        };
        let what = || format!("export {name}");
        match self.followed(exporter, value, world, what) {
            Some(found) => Some(via(string_only(found), what(), value.loc, loc)),
            None => missing(),
        }
    }

    /// `Fn::GetStackOutput`: an output of another stack by the stack's name, perhaps in another
    /// region or account (AWS CloudFormation Template Reference Guide, "Fn::GetStackOutput").
    pub(super) fn stack_output(
        &self,
        t: usize,
        argument: &Node,
        loc: Loc,
        world: &World,
    ) -> Option<Value> {
        let argument_of = |name: &str| -> Option<Text> {
            let node = argument.get(name)?;
            Some(as_text(&self.value(t, node, world)?))
        };
        let plain = |name: &str| argument_of(name).and_then(|text| text.plain().map(str::to_owned));
        let (Some(stack), Some(output)) = (plain("StackName"), plain("OutputName")) else {
            return Some(unknown_value(
                Why::Runtime("which output of which stack is read".into()),
                loc,
            ));
        };
        let here = &self.templates[t].place;
        let region = match argument_of("Region") {
            Some(text) => text.plain().map(Arc::from),
            None => here.region.clone(),
        };
        // The role that reads it belongs to the stack's account.
        let account = match argument_of("RoleArn") {
            Some(role) => role
                .plain()
                .and_then(|arn| arn.split(':').nth(4))
                .map(Arc::from),
            None => here.account.clone(),
        };
        let may_be = |wanted: &Option<Arc<str>>, found: &Option<Arc<str>>| {
            wanted.is_none() || found.is_none() || wanted == found
        };
        let mut found = self
            .named
            .get(&*stack)
            .into_iter()
            .flatten()
            .filter(|other| {
                let place = &self.templates[**other].place;
                may_be(&region, &place.region) && may_be(&account, &place.account)
            });
        let what = || format!("output {output} of stack {stack}");
        let (Some(other), None) = (found.next().copied(), found.next()) else {
            return Some(unknown_value(Why::NotGiven(what()), loc));
        };
        let value = self.templates[other]
            .root
            .get("Outputs")
            .and_then(|o| o.get(&output))
            .and_then(|o| o.get("Value"));
        let Some(node) = value else {
            return Some(unknown_value(Why::NotGiven(what()), loc));
        };
        let value = self.followed(other, node, world, what)?;
        Some(via(string_only(value), what(), node.loc, loc))
    }
}
