//! Under which choices of parameters a fact holds.

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
        let mut guards = minimal(guards.to_vec());
        // Each round is quadratic, and a list this long is shown by its first few only.
        while guards.len() <= MAX_SIMPLIFIED {
            let shorter = guards.iter().find_map(|guard| {
                guard.0.iter().find_map(|(name, _)| {
                    let rest = guard.without(name);
                    let values = values(name);
                    let is_a_case = |value: &Arc<str>| {
                        let case = rest.and(&Guard::new([(name.clone(), value.clone())]));
                        guards.iter().any(|guard| guard.covers(&case))
                    };
                    (!values.is_empty() && values.iter().all(is_a_case)).then_some(rest)
                })
            });
            let Some(shorter) = shorter else { break };
            guards.push(shorter);
            guards = minimal(guards);
        }
        guards
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

/// Without the guards that others cover.
fn minimal(mut guards: Vec<Guard>) -> Vec<Guard> {
    guards.sort_by(|a, b| a.0.len().cmp(&b.0.len()).then_with(|| a.cmp(b)));
    guards.dedup();
    if guards.len() > MAX_SIMPLIFIED {
        return guards;
    }
    let mut kept: Vec<Guard> = Vec::with_capacity(guards.len());
    for guard in guards {
        if !kept.iter().any(|shorter| shorter.covers(&guard)) {
            kept.push(guard);
        }
    }
    kept
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
                Some("") => write!(f, "{name}≠\"\"")?,
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
