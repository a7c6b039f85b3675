//! Which values the parameters have that decide conditions: one world per combination.
//!
//! Resources are resolved by re-execution: the first run takes the first candidate of every
//! parameter that turns out to matter and notes it; each further run changes the last choice that
//! has candidates left. So only combinations that make a difference are run, and a resource
//! without conditions is run once.

use lockfast_facts::{Guard, Loc, Value, Why};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How many combinations are run for one resource.
pub(super) const MAX_WORLDS: usize = 64;

/// A parameter that is merely used, and decides no condition, is tried with each value it may
/// have only while the combinations stay below this; conditions have the rest of the bound.
const MAX_WORLDS_OF_USES: usize = 32;

/// How often a run is repeated because a parameter was used before a condition chose its value.
const MAX_RERUNS: usize = 4;

/// What is chosen: a parameter, or a condition that nothing else decides; by template and name.
pub(super) type ChoiceKey = (usize, Arc<str>);

/// The values a choice may take, and how each is shown to people.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidates {
    /// `(value, shown)`: a value that begins with `≠` stands for every other.
    pub values: Arc<[(Arc<str>, Arc<str>)]>,
}

/// A choice that was made.
#[derive(Clone, Debug)]
struct Choice {
    key: ChoiceKey,
    shown: Arc<str>,
    candidates: Candidates,
    index: usize,
}

impl Choice {
    fn guard(&self) -> (Arc<str>, Arc<str>) {
        (
            self.shown.clone(),
            self.candidates.values[self.index].1.clone(),
        )
    }
}

/// What was found before in this run, so that nothing is followed twice; `None` while it is
/// being followed, which is how a circle shows.
type Memo<T> = RefCell<HashMap<(usize, usize, bool), Option<T>>>;

/// One combination.
#[derive(Default)]
pub(super) struct World {
    choices: RefCell<Vec<Choice>>,
    /// A choice fixed from outside; others take their first candidate.
    fixed: Option<(ChoiceKey, usize)>,
    /// True in the run that stands for all combinations that were not run.
    pub undecided: bool,
    /// How deep references are being followed.
    pub depth: Cell<usize>,
    /// How many conditions are being decided right now: parameters are told apart by what they
    /// are compared with then.
    pub in_condition: Cell<usize>,
    /// True when no deployment can be like this.
    pub impossible: Cell<bool>,
    /// Values of parameters and outputs of other stacks.
    pub values: Memo<Option<Value>>,
    /// Conditions.
    pub decisions: Memo<Result<bool, Arc<Why>>>,
    /// How much text was made by joining.
    pub made: Cell<usize>,
    /// What is wrong with the template, where.
    pub notes: RefCell<Vec<(Loc, String)>>,
    /// Parameters whose default was used while nothing had chosen their value.
    used: RefCell<HashSet<ChoiceKey>>,
    /// True when one of them was chosen later.
    stale: Cell<bool>,
}

impl World {
    /// The candidate chosen for a key; chooses the first when it is new.
    pub(super) fn choose(
        &self,
        key: &ChoiceKey,
        shown: &Arc<str>,
        candidates: &Candidates,
    ) -> Arc<str> {
        let mut choices = self.choices.borrow_mut();
        if let Some(choice) = choices.iter().find(|c| c.key == *key) {
            return choice.candidates.values[choice.index].0.clone();
        }
        let last = candidates.values.len().saturating_sub(1);
        let index = match &self.fixed {
            Some((fixed, index)) if fixed == key => (*index).min(last),
            _ => 0,
        };
        let Some((chosen, _)) = candidates.values.get(index) else {
            return "".into();
        };
        if self.used.borrow().contains(key) {
            self.stale.set(true);
        }
        choices.push(Choice {
            key: key.clone(),
            shown: shown.clone(),
            candidates: candidates.clone(),
            index,
        });
        chosen.clone()
    }

    /// The candidate chosen for a key, if it was chosen already.
    pub(super) fn chosen(&self, t: usize, name: &str) -> Option<Arc<str>> {
        let choices = self.choices.borrow();
        let choice = choices.iter().find(|c| c.key.0 == t && *c.key.1 == *name)?;
        Some(choice.candidates.values[choice.index].0.clone())
    }

    /// Whether there is room to try this many values of a parameter that decides no condition.
    pub(super) fn has_room(&self, candidates: usize) -> bool {
        let worlds = |c: &Choice| c.candidates.values.len().max(1);
        let so_far: usize = self
            .choices
            .borrow()
            .iter()
            .map(worlds)
            .fold(1, usize::saturating_mul);
        so_far.saturating_mul(candidates) <= MAX_WORLDS_OF_USES
    }

    /// Notes that a parameter's default was taken though a condition may choose its value later.
    pub(super) fn used_default(&self, key: ChoiceKey) {
        self.used.borrow_mut().insert(key);
    }

    /// Notes what is wrong with the template.
    pub(super) fn note(&self, loc: Loc, message: impl FnOnce() -> String) {
        let note = (loc, message());
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    fn guard(&self) -> Guard {
        Guard::new(self.choices.borrow().iter().map(Choice::guard))
    }

    /// Runs once, and again when a choice came too late for a value that rests on it.
    fn run<T>(&mut self, resolve: &impl Fn(&World) -> T) -> T {
        let mut value = resolve(self);
        for _ in 0..MAX_RERUNS {
            if !self.stale.get() {
                break;
            }
            self.forget();
            value = resolve(self);
        }
        value
    }

    /// Forgets what the last run found, but not what it chose.
    fn forget(&mut self) {
        self.values.get_mut().clear();
        self.decisions.get_mut().clear();
        self.used.get_mut().clear();
        self.stale.set(false);
        self.impossible.set(false);
        self.made.set(0);
    }

    /// Moves on to the next combination; false when there is none.
    fn advance(&mut self) -> bool {
        self.forget();
        let choices = self.choices.get_mut();
        while let Some(last) = choices.last_mut() {
            if last.index + 1 < last.candidates.values.len() {
                last.index += 1;
                return true;
            }
            choices.pop();
        }
        false
    }
}

/// What the worlds came to.
pub(super) struct Explored<T> {
    /// Each world that was run.
    pub worlds: Vec<(Guard, T)>,
    /// False when there are combinations that were not run: then the first world has everything
    /// at its first value, and the last stands for the rest.
    pub complete: bool,
    /// What is wrong with the template.
    pub notes: Vec<(Loc, String)>,
}

/// Runs `resolve` in every world that differs, at most [`MAX_WORLDS`]. When there are more, each
/// choice is run alone with the others at their first candidate, and a last run with
/// `undecided` set stands for the rest. `name` is what is resolved, for guards.
pub(super) fn explore<T>(name: &str, resolve: impl Fn(&World) -> T) -> Explored<T> {
    let mut world = World::default();
    let mut worlds = Vec::new();
    let mut ruled_out = Vec::new();
    let mut runs = 0;
    let complete = loop {
        let value = world.run(&resolve);
        let found = if world.impossible.get() {
            &mut ruled_out
        } else {
            &mut worlds
        };
        found.push((world.guard(), value));
        runs += 1;
        if !world.advance() {
            break true;
        }
        if runs >= MAX_WORLDS {
            break false;
        }
    };
    let notes = world.notes.take();
    if !complete {
        worlds = one_by_one(name, &resolve);
    } else if worlds.is_empty() {
        // A template that no deployment can use is wrong; its resources are still judged.
        worlds = ruled_out;
    }
    Explored {
        worlds,
        complete,
        notes,
    }
}

/// A run that stands for everything that is not known, without trying anything.
pub(super) fn undecided<T>(resolve: impl Fn(&World) -> T) -> Explored<T> {
    let mut world = World {
        undecided: true,
        ..World::default()
    };
    let value = world.run(&resolve);
    Explored {
        worlds: vec![(Guard::default(), value)],
        complete: true,
        notes: world.notes.take(),
    }
}

fn one_by_one<T>(name: &str, resolve: &impl Fn(&World) -> T) -> Vec<(Guard, T)> {
    // Named after the resource: what is "other" to one resource is not to the next, and guards
    // that share a name must mean the same.
    let others: Arc<str> = format!("other parameters of {name}").into();
    let standing = (others.clone(), Arc::from("their first values"));
    let mut first = World {
        fixed: Some(((usize::MAX, "".into()), 0)),
        ..World::default()
    };
    let value = first.run(resolve);
    let mut found = vec![(Guard::new([standing.clone()]), value)];
    let choices = first.choices.take();
    'choices: for choice in &choices {
        for index in 1..choice.candidates.values.len() {
            if found.len() >= MAX_WORLDS {
                break 'choices;
            }
            let mut world = World {
                fixed: Some((choice.key.clone(), index)),
                ..World::default()
            };
            let value = world.run(resolve);
            if !world.impossible.get() {
                let changed = (
                    choice.shown.clone(),
                    choice.candidates.values[index].1.clone(),
                );
                found.push((Guard::new([changed, standing.clone()]), value));
            }
        }
    }
    let rest = undecided(resolve).worlds;
    let any = Guard::new([(others, Arc::from("any other combination"))]);
    found.extend(rest.into_iter().map(|(_, value)| (any.clone(), value)));
    found
}
