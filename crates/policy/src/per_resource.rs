//! Facts that many resources share.

use indexmap::IndexSet;
use lockfast_facts::{Known, ResourceId};
use std::hash::Hash;

/// A fact for each resource; those of one stack or account are often the same.
pub(crate) struct PerResource<T> {
    facts: IndexSet<Known<T>>,
    of: Vec<u32>,
}

impl<T: Eq + Hash> PerResource<T> {
    /// The fact of a resource.
    pub(crate) fn of(&self, id: ResourceId) -> &Known<T> {
        &self.facts[self.of[id.0 as usize] as usize]
    }
}

impl<T: Eq + Hash> FromIterator<Known<T>> for PerResource<T> {
    fn from_iter<I: IntoIterator<Item = Known<T>>>(each: I) -> Self {
        let mut facts = IndexSet::new();
        let of = each.into_iter().map(|fact| facts.insert_full(fact).0);
        let of = of.map(crate::rows::index_of).collect();
        PerResource { facts, of }
    }
}
