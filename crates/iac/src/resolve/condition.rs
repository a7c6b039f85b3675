//! Conditions: true, false, or undecidable with the reason.

use super::Resolver;
use super::eval::as_text;
use super::world::{MAX_WORLDS, World};
use crate::{Node, NodeKind};
use lockfast_facts::{Text, Why};
use std::sync::Arc;

type Decision = Result<bool, Arc<Why>>;

impl Resolver<'_> {
    /// Decides a condition by its name. What cannot be computed is chosen: both ways are explored.
    pub(super) fn named_condition(&self, t: usize, name: &str, world: &World) -> Decision {
        let key = (t, Arc::from(format!("condition {name}")));
        if let Some(chosen) = world.chosen(&key) {
            return Ok(&*chosen == "true");
        }
        let node = self.templates[t].root.get("Conditions").and_then(|c| c.get(name));
        let depth = world.depth.get();
        let decision = match node {
            None => Err(Arc::new(Why::NotGiven(format!("condition {name}")))),
            Some(_) if depth > super::eval::MAX_DEPTH => Err(Arc::new(Why::Cycle(format!("condition {name}")))),
            Some(node) => {
                world.depth.set(depth + 8);
                world.in_condition.set(world.in_condition.get() + 1);
                let decision = self.condition(t, node, world);
                world.in_condition.set(world.in_condition.get() - 1);
                world.depth.set(depth);
                decision
            }
        };
        match decision {
            Err(why) if world.undecided || matches!(*why, Why::Cycle(_) | Why::NotGiven(_)) => {
                if world.undecided {
                    Err(Arc::new(Why::TooManyConditions(MAX_WORLDS)))
                } else {
                    Err(why)
                }
            }
            Err(_) => {
                let chosen = world.choose(
                    &key,
                    || name.into(),
                    || Arc::from([Arc::from("true"), Arc::from("false")]),
                );
                Ok(&*chosen == "true")
            }
            decided => decided,
        }
    }

    /// Decides a condition function.
    pub(super) fn condition(&self, t: usize, node: &Node, world: &World) -> Decision {
        let unsupported = |what: &str| Err(Arc::new(Why::Unsupported(format!("{what} is no condition"))));
        let [entry] = node.entries() else {
            return match node.scalar() {
                Some("true") => Ok(true),
                Some("false") => Ok(false),
                _ => unsupported("this"),
            };
        };
        let items = match &entry.value.kind {
            NodeKind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&entry.value),
        };
        match &*entry.key {
            "Condition" => match entry.value.scalar() {
                Some(name) => self.named_condition(t, name, world),
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
                    equals(&a, &b)
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
}

fn equals(a: &Text, b: &Text) -> Decision {
    match (a, b) {
        (Text::Plain(a), Text::Plain(b)) => Ok(a == b),
        // The same unknown twice is equal, but only references are surely the same each time.
        _ if a == b && a.first_unknown().is_none() => Ok(true),
        _ => {
            let why = a.first_unknown().or_else(|| b.first_unknown()).cloned();
            Err(why.unwrap_or_else(|| {
                Arc::new(Why::Runtime("the attribute of another resource".into()))
            }))
        }
    }
}
