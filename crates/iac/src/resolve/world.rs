//! Which values the parameters have that decide conditions: one world per combination.
//!
//! Resources are resolved by re-execution: the first run takes the first candidate of every
//! parameter that turns out to matter and notes it; each further run changes the last choice that
//! has candidates left. So only combinations that make a difference are run, and a resource
//! without conditions is run once.

use lockfast_facts::Guard;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many combinations are run for one resource.
pub(super) const MAX_WORLDS: usize = 64;

/// What has to be chosen: a parameter, or a condition that nothing else decides.
pub(super) type ChoiceKey = (usize, Arc<str>);

/// A choice that was made.
#[derive(Clone, Debug)]
struct Choice {
    key: ChoiceKey,
    shown: Arc<str>,
    candidates: Arc<[Arc<str>]>,
    index: usize,
}

/// One combination.
#[derive(Default)]
pub(super) struct World {
    choices: RefCell<Vec<Choice>>,
    /// Choices fixed from outside, by key; others take their first candidate.
    fixed: Option<BTreeMap<ChoiceKey, usize>>,
    /// True in the run that stands for all combinations that were not run.
    pub undecided: bool,
    /// How deep references are being followed.
    pub depth: Cell<usize>,
    /// How many conditions are being decided right now: parameters are told apart by what they
    /// are compared with then.
    pub in_condition: Cell<usize>,
}

impl World {
    /// The candidate chosen for a key; chooses the first when it is new. `shown` is its name for people.
    pub(super) fn choose(
        &self,
        key: &ChoiceKey,
        shown: impl FnOnce() -> Arc<str>,
        candidates: impl FnOnce() -> Arc<[Arc<str>]>,
    ) -> Arc<str> {
        let mut choices = self.choices.borrow_mut();
        if let Some(choice) = choices.iter().find(|c| c.key == *key) {
            return choice.candidates[choice.index].clone();
        }
        let candidates = candidates();
        let index = self
            .fixed
            .as_ref()
            .and_then(|fixed| fixed.get(key).copied())
            .unwrap_or(0)
            .min(candidates.len().saturating_sub(1));
        let chosen = candidates[index].clone();
        choices.push(Choice {
            key: key.clone(),
            shown: shown(),
            candidates,
            index,
        });
        chosen
    }

    /// The candidate chosen for a key, if it was chosen already.
    pub(super) fn chosen(&self, key: &ChoiceKey) -> Option<Arc<str>> {
        let choices = self.choices.borrow();
        let choice = choices.iter().find(|c| c.key == *key)?;
        Some(choice.candidates[choice.index].clone())
    }

    fn guard(&self) -> Guard {
        Guard::new(
            self.choices
                .borrow()
                .iter()
                .map(|c| (c.shown.clone(), c.candidates[c.index].clone())),
        )
    }

    /// Moves on to the next combination; false when there is none.
    fn advance(&mut self) -> bool {
        let choices = self.choices.get_mut();
        while let Some(last) = choices.last_mut() {
            if last.index + 1 < last.candidates.len() {
                last.index += 1;
                return true;
            }
            choices.pop();
        }
        false
    }
}

/// Runs `resolve` in every world that differs, at most [`MAX_WORLDS`]. When there are more, each
/// choice is run alone with the others at their first candidate, and a last run with
/// `undecided` set stands for the rest.
pub(super) fn explore<T>(resolve: impl Fn(&World) -> T) -> Vec<(Guard, T)> {
    let mut world = World::default();
    let mut found = Vec::new();
    loop {
        let value = resolve(&world);
        found.push((world.guard(), value));
        if !world.advance() {
            return found;
        }
        if found.len() >= MAX_WORLDS {
            return one_by_one(resolve);
        }
    }
}

fn one_by_one<T>(resolve: impl Fn(&World) -> T) -> Vec<(Guard, T)> {
    let first = World {
        fixed: Some(BTreeMap::new()),
        ..World::default()
    };
    let value = resolve(&first);
    let mut found = vec![(first.guard(), value)];
    let choices = first.choices.into_inner();
    'choices: for choice in &choices {
        for index in 1..choice.candidates.len() {
            if found.len() >= MAX_WORLDS {
                break 'choices;
            }
            let world = World {
                fixed: Some(BTreeMap::from([(choice.key.clone(), index)])),
                ..World::default()
            };
            let value = resolve(&world);
            found.push((world.guard(), value));
        }
    }
    let rest = World {
        undecided: true,
        ..World::default()
    };
    let value = resolve(&rest);
    found.push((
        Guard::new([("other parameters".into(), "any other combination".into())]),
        value,
    ));
    found
}
