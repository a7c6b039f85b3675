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

    /// Both at once.
    pub fn and(&self, other: &Guard) -> Guard {
        if other.is_always() {
            return self.clone();
        }
        Guard::new(self.0.iter().chain(other.0.iter()).cloned())
    }
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
