//! Conditions: true, false, or undecidable with the reason.

use super::Resolver;
use super::eval::{MAX_DEPTH, as_text};
use super::reference::is_marked;
use super::world::{Candidates, MAX_WORLDS, World};
use crate::{Node, NodeKind};
use lockfast_facts::{Loc, Part, Text, Why};
use std::sync::{Arc, LazyLock};

type Decision = Result<bool, Arc<Why>>;

static BOTH: LazyLock<Candidates> = LazyLock::new(|| Candidates {
    values: ["true", "false"]
        .map(|v| (Arc::from(v), Arc::from(v)))
        .into(),
});

impl Resolver<'_> {
    /// Whether something is made, by the condition written at it.
    pub(super) fn is_made(&self, t: usize, condition: Option<&Node>, world: &World) -> bool {
        condition.is_none_or(|node| {
            let decided = node
                .scalar()
                .map(|name| self.named_condition(t, name, node.loc, world));
            decided != Some(Ok(false))
        })
    }

    /// Decides a condition by its name, said at `loc`. What cannot be computed is chosen: both ways are explored.
    pub(super) fn named_condition(
        &self,
        t: usize,
        name: &str,
        loc: Loc,
        world: &World,
    ) -> Decision {
        let node = self.templates[t]
            .root
            .get("Conditions")
            .and_then(|c| c.get(name));
        let Some(node) = node else {
            // A macro may yet make it.
            if !self.contexts[t].open {
                world.note(loc, || format!("condition {name} is not in the template"));
            }
            return Err(Arc::new(Why::NotGiven(format!("condition {name}"))));
        };
        let key = (t, std::ptr::from_ref(node) as usize, true);
        let cycle = || Err(Arc::new(Why::Cycle(format!("condition {name}"))));
        match world.decisions.borrow().get(&key) {
            Some(Some(decided)) => return decided.clone(),
            Some(None) => {
                world.note(node.loc, || format!("condition {name} refers to itself"));
                return cycle();
            }
            None => {}
        }
        let depth = world.depth.get();
        if depth > MAX_DEPTH {
            return cycle();
        }
        world.decisions.borrow_mut().insert(key, None);
        world.depth.set(depth + 1);
        world.in_condition.set(world.in_condition.get() + 1);
        let computed = self.condition(t, node, world);
        world.in_condition.set(world.in_condition.get() - 1);
        world.depth.set(depth);
        let decision = match computed {
            Err(_) if world.undecided => Err(Arc::new(Why::TooManyConditions(MAX_WORLDS))),
            Err(why) if matches!(*why, Why::Cycle(_) | Why::NotGiven(_) | Why::Unsupported(_)) => {
                Err(why)
            }
            Err(_) => {
                let shown = if self.templates.len() > 1 {
                    format!("{}.{name}", self.contexts[t].label)
                } else {
                    name.to_owned()
                };
                let chosen = world.choose(
                    &(t, format!("condition {name}").into()),
                    &shown.into(),
                    &BOTH,
                );
                Ok(&*chosen == "true")
            }
            decided => decided,
        };
        world
            .decisions
            .borrow_mut()
            .insert(key, Some(decision.clone()));
        decision
    }

    /// Decides a condition function.
    pub(super) fn condition(&self, t: usize, node: &Node, world: &World) -> Decision {
        match node.entries() {
            [entry] => self.condition_function(t, &entry.key, &entry.value, world),
            _ => match node.scalar() {
                Some("true") => Ok(true),
                Some("false") => Ok(false),
                _ => unsupported("what stands there"),
            },
        }
    }

    /// Decides the condition function `name` with its argument.
    pub(super) fn condition_function(
        &self,
        t: usize,
        name: &str,
        argument: &Node,
        world: &World,
    ) -> Decision {
        let depth = world.depth.get();
        if depth > MAX_DEPTH {
            return unsupported("a condition nested this deep");
        }
        world.depth.set(depth + 1);
        let decision = self.decide(t, name, argument, world);
        world.depth.set(depth);
        decision
    }

    fn decide(&self, t: usize, name: &str, argument: &Node, world: &World) -> Decision {
        let items = match &argument.kind {
            NodeKind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(argument),
        };
        match name {
            "Condition" => match argument.scalar() {
                Some(name) => self.named_condition(t, name, argument.loc, world),
                None => unsupported("a Condition without a name"),
            },
            "Fn::Not" => match items {
                [one] => self.condition(t, one, world).map(|b| !b),
                _ => unsupported("Fn::Not of several"),
            },
            "Fn::And" => self.any(t, items, world, false).map(|found| !found),
            "Fn::Or" => self.any(t, items, world, true),
            "Fn::Equals" => match items {
                [a, b] => {
                    let (a, b) = (self.compared(t, a, world), self.compared(t, b, world));
                    self.equals(&a, &b)
                }
                _ => unsupported("Fn::Equals of other than two"),
            },
            other => unsupported(other),
        }
    }

    /// Whether any of the conditions is `wanted`; the rest is not asked once one is.
    fn any(&self, t: usize, items: &[Node], world: &World, wanted: bool) -> Decision {
        let mut undecided = None;
        for item in items {
            match self.condition(t, item, world) {
                Ok(found) if found == wanted => return Ok(true),
                Ok(_) => {}
                Err(why) => undecided = Some(why),
            }
        }
        undecided.map_or(Ok(false), Err)
    }

    fn compared(&self, t: usize, node: &Node, world: &World) -> Text {
        let depth = world.in_condition.get();
        world.in_condition.set(depth + 1);
        let value = self.value(t, node, world);
        world.in_condition.set(depth);
        match value {
            Some(value) => as_text(&value),
            None => Text::Plain("".into()),
        }
    }

    fn equals(&self, a: &Text, b: &Text) -> Decision {
        match (a, b) {
            (Text::Plain(a), Text::Plain(b)) => Ok(a == b),
            (Text::Parts(parts), Text::Plain(plain)) | (Text::Plain(plain), Text::Parts(parts)) => {
                if let [Part::Unknown(why)] = &**parts
                    && let Some((t, name)) = is_marked(why)
                    && let Some(parameter) = self.parameters.get(t).and_then(|p| p.get(name))
                    && parameter
                        .candidates
                        .values
                        .iter()
                        .any(|(value, _)| value == plain)
                {
                    // It is unlike every constant that it is known to be compared with.
                    return Ok(false);
                }
                if cannot_be(parts, plain) {
                    Ok(false)
                } else {
                    undecidable(a, b)
                }
            }
            (Text::Parts(x), Text::Parts(y)) => {
                if x == y && x.iter().all(is_the_same_each_time) {
                    Ok(true)
                } else {
                    undecidable(a, b)
                }
            }
        }
    }
}

/// True when the known characters at either end, or the length, rule the text out. What a
/// reference stands for is never empty.
fn cannot_be(parts: &[Part], plain: &str) -> bool {
    let known = |part: Option<&Part>| match part {
        Some(Part::Literal(s)) => s.clone(),
        _ => "".into(),
    };
    let least: usize = parts
        .iter()
        .map(|part| match part {
            Part::Literal(s) => s.len(),
            Part::Reference(_) => 1,
            _ => 0,
        })
        .sum();
    plain.len() < least
        || !plain.starts_with(&*known(parts.first()))
        || !plain.ends_with(&*known(parts.last()))
}

fn is_the_same_each_time(part: &Part) -> bool {
    match part {
        Part::Literal(_) | Part::Reference(_) => true,
        Part::Unknown(why) => match &**why {
            Why::Import(_) => true,
            Why::Runtime(what) => what.starts_with("AWS::"),
            why => is_marked(why).is_some(),
        },
        Part::Dynamic(_) => false,
    }
}

fn undecidable(a: &Text, b: &Text) -> Decision {
    let why = a.first_unknown().or_else(|| b.first_unknown()).cloned();
    Err(why.unwrap_or_else(|| Arc::new(Why::Runtime("the attribute of another resource".into()))))
}

fn unsupported(what: &str) -> Decision {
    Err(Arc::new(Why::Unsupported(format!(
        "{what} is no condition"
    ))))
}
