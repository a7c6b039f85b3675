//! Parameters and pseudo parameters as values.

use super::Resolver;
use super::eval::{as_text, part_value, text_value, unknown_value, via};
use super::parameter::{OTHER, Parameter, referred};
use super::text::split;
use super::world::{MAX_WORLDS, World};
use crate::Node;
use lockfast_facts::{Choices, Dynamic, Kind, Loc, Part, StackParameter, Text, Value, Why};
use std::collections::HashMap;
use std::sync::Arc;

/// How many allowed values of a parameter that decides no condition are each tried. Longer lists
/// are instance types, regions and the like, where trying each only repeats the answer.
const MAX_TRIED: usize = 8;

/// What stands for "any other value" while conditions compare: [`is_marked`] tells it apart.
fn mark(t: usize, name: &str) -> Why {
    Why::Parameter(format!("\0{t}\0{name}"))
}

/// The template and parameter of which this is any value that no condition names.
pub(super) fn is_marked(why: &Why) -> Option<(usize, &str)> {
    let Why::Parameter(text) = why else {
        return None;
    };
    let (t, name) = text.strip_prefix('\0')?.split_once('\0')?;
    Some((t.parse().ok()?, name))
}

/// A reason as people may read it.
pub(super) fn plain_why(why: Arc<Why>) -> Arc<Why> {
    match is_marked(&why) {
        Some((_, name)) => Arc::new(Why::Parameter(name.to_owned())),
        None => why,
    }
}

impl Resolver<'_> {
    /// What each parameter may be chosen to be, by the name that guards show.
    pub(super) fn choices(&self) -> Choices {
        let mut choices = Choices::new();
        for parameter in self.parameters.iter().flat_map(HashMap::values) {
            let values = &parameter.candidates.values;
            if values.len() > 1 {
                let known = choices.entry(parameter.shown.clone()).or_default();
                for (_, shown) in values.iter() {
                    if !known.contains(shown) {
                        known.push(shown.clone());
                    }
                }
            }
        }
        choices
    }

    /// What the parameters of a template may be, as far as the input tells.
    pub(super) fn stack_parameters(&self, t: usize) -> Vec<StackParameter> {
        let mut found: Vec<StackParameter> = self.parameters[t]
            .iter()
            .filter(|(name, parameter)| !name.starts_with("AWS::") && !parameter.from_ssm)
            .map(|(name, parameter)| {
                let (shown, values) = match parameter.hidden {
                    true => (parameter.shown.clone(), Vec::new()),
                    false => self.parameter_values(t, name, 0),
                };
                StackParameter {
                    name: (*name).into(),
                    shown,
                    values,
                    hidden: parameter.hidden,
                }
            })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// The name that guards show for a parameter, and its values; what a parent passes is followed.
    fn parameter_values(&self, t: usize, name: &str, depth: usize) -> (Arc<str>, Vec<Arc<str>>) {
        let Some(parameter) = self.parameters[t].get(name) else {
            return (name.into(), Vec::new());
        };
        let shown = parameter.shown.clone();
        if parameter.hidden {
            return (shown, Vec::new());
        }
        let template = &self.templates[t];
        if let Some(given) = template.parameters.get(name) {
            return (shown, vec![given.as_str().into()]);
        }
        if let Some(passed) = parameter.passed {
            if let Some(constant) = passed.scalar() {
                return (shown, vec![constant.into()]);
            }
            return match (&template.parent, referred(passed)) {
                (Some((parent, _)), Some(name))
                    if *parent < self.templates.len() && depth < self.templates.len() =>
                {
                    self.parameter_values(*parent, name, depth + 1)
                }
                _ => (shown, Vec::new()),
            };
        }
        let values = parameter.candidates.values.iter();
        let values: Vec<Arc<str>> = values.map(|(_, shown)| shown.clone()).collect();
        match &*values {
            [only] if only.starts_with(OTHER) => (shown, Vec::new()),
            _ => (shown, values),
        }
    }

    /// A pseudo parameter, as far as the input tells it.
    pub(super) fn pseudo(&self, t: usize, name: &str, loc: Loc, world: &World) -> Value {
        let template = &self.templates[t];
        let region = template.place.region.as_deref();
        let partition = region.map(|region| match region.get(..3) {
            Some("cn-") => "aws-cn",
            Some("us-") if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        });
        let known: Option<Arc<str>> = match name {
            "AWS::Region" => template.place.region.clone(),
            "AWS::AccountId" => template.place.account.clone(),
            "AWS::Partition" => partition.map(Arc::from),
            "AWS::URLSuffix" if partition == Some("aws-cn") => Some("amazonaws.com.cn".into()),
            "AWS::URLSuffix" => Some("amazonaws.com".into()),
            "AWS::StackName" => self.contexts[t]
                .named
                .then(|| template.stack_name.as_str().into()),
            _ => None,
        };
        if let Some(text) = known {
            return Value::string(text, loc);
        }
        let home = self.contexts[t].root;
        if let Some(parameter) = self.parameters[home].get(name)
            && let Some(value) = self.chosen(home, parameter, loc, world)
        {
            return value;
        }
        // Without a region the commercial partition is taken: what else differs between
        // partitions only shows in ARNs.
        if name == "AWS::Partition" && world.in_condition.get() == 0 {
            return Value::string("aws", loc);
        }
        unknown_value(Why::Runtime(name.into()), loc)
    }

    /// A parameter: given, passed by the parent, chosen, or its default.
    pub(super) fn parameter(
        &self,
        t: usize,
        parameter: &Parameter<'_>,
        loc: Loc,
        world: &World,
    ) -> Value {
        let name = &parameter.name;
        let given = self.templates[t].parameters.get(&**name);
        let at = parameter.node.loc;
        if parameter.from_ssm {
            let path = given
                .map(String::as_str)
                .or_else(|| parameter.default.and_then(Node::scalar));
            return via(
                self.stored_value(t, from_ssm(path.unwrap_or(name), loc), world),
                format!("parameter {name}"),
                at,
                loc,
            );
        }
        if let Some(given) = given {
            // What `NoEcho` hides decides conditions, and is told nobody.
            if parameter.hidden && world.in_condition.get() == 0 {
                return unknown_value(Why::Parameter(name.to_string()), loc);
            }
            return via(
                listed(given, parameter, loc),
                format!("parameter {name} (given)"),
                at,
                loc,
            );
        }
        if let Some(origin) = self.origins[t].get(&**name)
            && let Some(its) = self.parameters[origin.template].get(origin.name)
        {
            let value = self.parameter(origin.template, its, loc, world);
            return Value {
                via: Some(origin.via.then(value.via)),
                ..value
            };
        }
        if let Some(node) = parameter.passed
            && let Some((parent, _)) = &self.templates[t].parent
            && let Some(value) = self.followed(*parent, node, world, || format!("parameter {name}"))
        {
            let what = format!("parameter {name} (passed by the parent stack)");
            return via(shaped(value, parameter), what, node.loc, loc);
        }
        if let Some(value) = self.chosen(t, parameter, loc, world) {
            return value;
        }
        if parameter.restricted {
            let values = &parameter.candidates.values;
            if let [(only, _)] = &**values {
                return via(
                    listed(only, parameter, loc),
                    format!("parameter {name} (only value allowed)"),
                    at,
                    loc,
                );
            }
            if world.undecided {
                return unknown_value(Why::TooManyConditions(MAX_WORLDS), loc);
            }
            if values.len() <= MAX_TRIED && world.has_room(values.len()) {
                return self.choose(t, parameter, loc, world);
            }
            return unknown_value(Why::Parameter(name.to_string()), loc);
        }
        match parameter.default.and_then(Node::scalar) {
            // Conditions tell several values apart, and this run stands for any of them.
            Some(_) if world.undecided && parameter.candidates.values.len() > 1 => {
                unknown_value(Why::TooManyConditions(MAX_WORLDS), loc)
            }
            Some(default) => {
                world.used_default((t, name.clone()));
                via(
                    listed(default, parameter, loc),
                    format!("parameter {name} (default)"),
                    at,
                    loc,
                )
            }
            None => {
                world.used_default((t, name.clone()));
                unknown_value(Why::Parameter(name.to_string()), loc)
            }
        }
    }

    /// The value already chosen in this world; in a condition, one is chosen now.
    fn chosen(
        &self,
        t: usize,
        parameter: &Parameter<'_>,
        loc: Loc,
        world: &World,
    ) -> Option<Value> {
        if let Some(chosen) = world.chosen(t, &parameter.name) {
            return Some(candidate(t, parameter, &chosen, loc, world));
        }
        if world.in_condition.get() == 0 {
            return None;
        }
        if world.undecided {
            return Some(unknown_value(Why::TooManyConditions(MAX_WORLDS), loc));
        }
        Some(self.choose(t, parameter, loc, world))
    }

    fn choose(&self, t: usize, parameter: &Parameter<'_>, loc: Loc, world: &World) -> Value {
        let key = (t, parameter.name.clone());
        let chosen = world.choose(&key, &parameter.shown, &parameter.candidates);
        candidate(t, parameter, &chosen, loc, world)
    }

    /// A key of `Fn::FindInMap`. A parameter without `AllowedValues` can only have one of the
    /// mapping's keys, so each is tried. True when it is any other value.
    pub(super) fn mapping_key(
        &self,
        t: usize,
        node: &Node,
        world: &World,
    ) -> Option<(Value, bool)> {
        let open = node
            .get("Ref")
            .and_then(Node::scalar)
            .and_then(|name| self.parameters[t].get(name));
        let open = open.filter(|p| {
            !p.restricted
                && !p.from_ssm
                && p.passed.is_none()
                && !self.templates[t].parameters.contains_key(&*p.name)
        });
        let Some(parameter) = open else {
            return Some((self.value(t, node, world)?, false));
        };
        let values = &parameter.candidates.values;
        let chosen = world.chosen(t, &parameter.name);
        if chosen.is_none()
            && !world.undecided
            && values.len() <= MAX_TRIED
            && world.has_room(values.len())
        {
            self.choose(t, parameter, node.loc, world);
        }
        let other = world
            .chosen(t, &parameter.name)
            .is_some_and(|c| c.starts_with(OTHER));
        Some((self.value(t, node, world)?, other))
    }
}

fn candidate(t: usize, parameter: &Parameter<'_>, chosen: &str, loc: Loc, world: &World) -> Value {
    let name = &parameter.name;
    if !chosen.starts_with(OTHER) {
        return via(
            listed(chosen, parameter, loc),
            format!("parameter {name}"),
            parameter.node.loc,
            loc,
        );
    }
    if world.in_condition.get() > 0 {
        return unknown_value(mark(t, name), loc);
    }
    if name.starts_with("AWS::") {
        return unknown_value(Why::Runtime(name.to_string()), loc);
    }
    unknown_value(Why::Parameter(name.to_string()), loc)
}

fn from_ssm(path: &str, loc: Loc) -> Value {
    let dynamic = Dynamic {
        service: "ssm".into(),
        name: path.into(),
        target: None,
        why: Arc::new(Why::DynamicReference(format!("ssm:{path}"))),
    };
    part_value(Part::Dynamic(Arc::new(dynamic)), loc)
}

/// A parameter's text as its type takes it.
fn listed(text: &str, parameter: &Parameter<'_>, loc: Loc) -> Value {
    if parameter.is_list {
        let items = text
            .split(',')
            .map(|item| text_value(Text::Plain(item.trim().into()), loc))
            .collect();
        return Value::new(Kind::List(items), loc);
    }
    text_value(Text::Plain(text.into()), loc)
}

/// What a parent passes, as the parameter's type takes it.
fn shaped(value: Value, parameter: &Parameter<'_>) -> Value {
    let Value { kind, loc, via } = value;
    let kind = match (kind, parameter.is_list) {
        (Kind::List(items), true) => Kind::List(
            items
                .iter()
                .map(|item| Value {
                    kind: Kind::Text(as_text(item)),
                    ..item.clone()
                })
                .collect(),
        ),
        // Identifiers of other resources hold no comma.
        (Kind::Text(text), true) => Kind::List(
            split(&text, ",")
                .into_iter()
                .map(|item| text_value(item, loc))
                .collect(),
        ),
        (kind @ (Kind::Text(_) | Kind::Unknown(_)), _) => kind,
        (kind, _) => Kind::Text(as_text(&Value::new(kind, loc))),
    };
    Value { kind, loc, via }
}
