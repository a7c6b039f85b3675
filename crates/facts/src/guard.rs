//! Under which choices of parameters a fact holds.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A conjunction of choices, such as `Env=dev and Tier≠gold`. Empty means always.
///
/// The choices are the values of template parameters on which a condition depends; a resource
/// has one [`crate::Variant`] for each combination that makes a difference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guard(Arc<[(Arc<str>, Arc<str>)]>);

impl Guard {
    /// A guard of these `(parameter, value)` choices. A value that starts with `≠` stands for
    /// every value but those that the template compares with.
    pub fn new(choices: impl IntoIterator<Item = (Arc<str>, Arc<str>)>) -> Self {
        let mut choices: Vec<_> = choices.into_iter().collect();
        choices.sort();
        choices.dedup();
        Guard(choices.into())
    }

    /// True when nothing has to be chosen.
    pub fn is_always(&self) -> bool {
        self.0.is_empty()
    }

    /// The choices, sorted by parameter.
    pub fn choices(&self) -> &[(Arc<str>, Arc<str>)] {
        &self.0
    }

    /// True when both can hold at once: no parameter is chosen differently.
    pub fn compatible(&self, other: &Guard) -> bool {
        self.0
            .iter()
            .all(|(name, value)| other.0.iter().all(|(n, v)| n != name || v == value))
    }

    /// True when this holds wherever `other` does.
    pub fn covers(&self, other: &Guard) -> bool {
        self.0.iter().all(|choice| other.0.contains(choice))
    }

    /// This without what it says of a parameter.
    #[must_use]
    pub fn without(&self, parameter: &str) -> Guard {
        Guard(
            self.0
                .iter()
                .filter(|(name, _)| **name != *parameter)
                .cloned()
                .collect(),
        )
    }

    /// The same cases in fewer and shorter guards: a parameter is left out where every value that it
    /// may have is among the cases. `values` gives those of a parameter; none when they are not known.
    pub fn simplified<'v>(guards: &[Guard], values: impl Fn(&str) -> &'v [Arc<str>]) -> Vec<Guard> {
        let cases = Cases::new(guards, values);
        let mut sets = cases.minimal(guards.iter().map(|guard| cases.set(guard)).collect());
        // Each round is quadratic, and a list this long is shown by its first few only.
        while sets.len() <= MAX_SIMPLIFIED {
            let Some(shorter) = cases.shorter(&sets) else {
                break;
            };
            // It covers what it was made from, and nothing covers it, or it would have covered that too.
            sets.retain(|set| !covers(&shorter, set));
            let place = sets.partition_point(|set| before(set, &shorter) == Ordering::Less);
            sets.insert(place, shorter);
        }
        sets.iter().map(|set| cases.guard(set)).collect()
    }

    /// Both at once.
    pub fn and(&self, other: &Guard) -> Guard {
        if other.is_always() {
            return self.clone();
        }
        Guard::new(self.0.iter().chain(other.0.iter()).cloned())
    }
}

/// How many guards are compared with each other before they are left as they are.
const MAX_SIMPLIFIED: usize = 256;

/// Some guards as sets of numbers, since simplifying compares each with each many times over:
/// comparing their texts took a third of all the time that judging AWS's sample templates takes.
struct Cases<'g> {
    /// Every choice that the guards make, sorted; a choice's number is its place.
    choices: Vec<&'g (Arc<str>, Arc<str>)>,
    /// By choice: the numbers of all values of its parameter, none when some value is no choice here.
    alternatives: Vec<Vec<usize>>,
}

/// The numbers of a guard's choices, a bit each.
type Set = Vec<u64>;

impl<'g> Cases<'g> {
    fn new<'v>(guards: &'g [Guard], values: impl Fn(&str) -> &'v [Arc<str>]) -> Self {
        let mut choices: Vec<_> = guards.iter().flat_map(|guard| guard.0.iter()).collect();
        choices.sort();
        choices.dedup();
        let number = |name: &Arc<str>, value: &Arc<str>| {
            choices
                .binary_search_by(|(n, v)| (n, v).cmp(&(name, value)))
                .ok()
        };
        let alternatives = choices
            .iter()
            .map(|(name, _)| {
                values(name)
                    .iter()
                    .map(|value| number(name, value))
                    .collect::<Option<Vec<_>>>()
                    .unwrap_or_default()
            })
            .collect();
        Cases {
            choices,
            alternatives,
        }
    }

    fn set(&self, guard: &Guard) -> Set {
        let mut set = vec![0; self.choices.len().div_ceil(64)];
        for choice in guard.choices() {
            if let Ok(number) = self.choices.binary_search(&choice) {
                set[number / 64] |= 1 << (number % 64);
            }
        }
        set
    }

    fn guard(&self, set: &Set) -> Guard {
        Guard(
            numbers(set)
                .map(|number| self.choices[number].clone())
                .collect(),
        )
    }

    /// Without the sets that others cover; the shortest first, then by their choices.
    fn minimal(&self, mut sets: Vec<Set>) -> Vec<Set> {
        sets.sort_unstable_by(before);
        sets.dedup();
        if sets.len() > MAX_SIMPLIFIED {
            return sets;
        }
        let mut kept: Vec<Set> = Vec::with_capacity(sets.len());
        for set in sets {
            if !kept.iter().any(|shorter| covers(shorter, &set)) {
                kept.push(set);
            }
        }
        kept
    }

    /// A set without a choice that makes no difference: whatever else its parameter is, it is among
    /// the cases.
    fn shorter(&self, sets: &[Set]) -> Option<Set> {
        sets.iter().find_map(|set| {
            numbers(set).find_map(|number| {
                let mut rest = set.clone();
                rest[number / 64] &= !(1 << (number % 64));
                let is_a_case = |&value: &usize| {
                    let mut case = rest.clone();
                    case[value / 64] |= 1 << (value % 64);
                    sets.iter().any(|set| covers(set, &case))
                };
                let values = &self.alternatives[number];
                (!values.is_empty() && values.iter().all(is_a_case)).then_some(rest)
            })
        })
    }
}

/// True when every number of `set` is in `other`.
fn covers(set: &Set, other: &Set) -> bool {
    set.iter().zip(other).all(|(a, b)| a & !b == 0)
}

/// How many numbers are in a set.
fn size(set: &Set) -> u32 {
    set.iter().map(|bits| bits.count_ones()).sum()
}

/// The shorter set first; of two of one size, the one whose numbers are smaller.
fn before(set: &Set, other: &Set) -> Ordering {
    size(set).cmp(&size(other)).then_with(|| {
        let others = other.iter().map(|bits| bits.reverse_bits());
        others.cmp(set.iter().map(|bits| bits.reverse_bits()))
    })
}

/// The numbers in a set, ascending.
fn numbers(set: &Set) -> impl Iterator<Item = usize> {
    set.iter().enumerate().flat_map(|(place, &bits)| {
        std::iter::successors((bits != 0).then_some(bits), |bits| {
            let rest = bits & (bits - 1);
            (rest != 0).then_some(rest)
        })
        .map(move |bits| place * 64 + bits.trailing_zeros() as usize)
    })
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("always");
        }
        for (i, (name, value)) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" and ")?;
            }
            match value.strip_prefix('≠') {
                Some(rest) => write!(f, "{name}≠{rest}")?,
                None if value.is_empty() => write!(f, "{name}=\"\"")?,
                None => write!(f, "{name}={value}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(text: &str) -> Guard {
        Guard::new(text.split_whitespace().map(|choice| {
            let (name, value) = choice.split_once('=').expect("a choice");
            (name.into(), value.into())
        }))
    }

    fn simplified(guards: &[&str]) -> Vec<String> {
        let values: [Arc<str>; 3] = ["1".into(), "2".into(), "≠1,2".into()];
        let guards: Vec<Guard> = guards.iter().map(|text| guard(text)).collect();
        let known = |name: &str| match name {
            "A" => &values[..2],
            "B" => &values[..],
            _ => &[],
        };
        let simple = Guard::simplified(&guards, known);
        simple.iter().map(Guard::to_string).collect()
    }

    #[test]
    fn what_every_value_shares_needs_no_value() {
        assert_eq!(simplified(&["A=1 B=1", "A=2 B=1"]), ["B=1"]);
        assert_eq!(
            simplified(&["A=1 B=1", "A=1 B=2"]),
            ["A=1 and B=1", "A=1 and B=2"]
        );
        assert_eq!(
            simplified(&["A=1", "A=2 B=1", "A=2 B=2", "A=2 B=≠1,2"]),
            ["always"]
        );
        assert_eq!(simplified(&["A=1", "A=2 B=1"]), ["A=1", "B=1"]);
        assert_eq!(simplified(&["C=1", "C=2"]), ["C=1", "C=2"]);
        assert_eq!(simplified(&["A=1", "A=1 B=2"]), ["A=1"]);
        assert_eq!(simplified(&[]), Vec::<String>::new());
    }
}
