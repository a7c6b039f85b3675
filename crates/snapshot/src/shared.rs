//! One copy of lists and objects that occur often: tags, rules, blocks of settings.

use lockfast_facts::{Kind, Text, Value};
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A list whose items are shared already, so that they are the same only when they are in the same place in memory.
pub(crate) struct Shared<T>(Arc<[T]>);

/// What [`Shared`] compares.
pub(crate) trait Item {
    /// Feeds what it is to a hash.
    fn feed(&self, state: &mut impl Hasher);
    /// True when it is the same, read by the same call.
    fn is(&self, other: &Self) -> bool;
}

/// The copy that is kept of a list.
pub(crate) fn shared<T: Item>(known: &mut HashSet<Shared<T>>, list: Arc<[T]>) -> Arc<[T]> {
    let list = Shared(list);
    if let Some(known) = known.get(&list) {
        return known.0.clone();
    }
    let own = list.0.clone();
    known.insert(list);
    own
}

impl Item for Value {
    fn feed(&self, state: &mut impl Hasher) {
        self.loc.source.hash(state);
        match &self.kind {
            Kind::Bool(b) => b.hash(state),
            Kind::Number(text) | Kind::Text(Text::Plain(text)) => Arc::as_ptr(text).hash(state),
            Kind::List(items) => Arc::as_ptr(items).hash(state),
            Kind::Map(map) => Arc::as_ptr(&map.0).hash(state),
            _ => {}
        }
    }

    fn is(&self, other: &Self) -> bool {
        let same = match (&self.kind, &other.kind) {
            (Kind::Null, Kind::Null) => true,
            (Kind::Bool(a), Kind::Bool(b)) => a == b,
            (Kind::Number(a), Kind::Number(b))
            | (Kind::Text(Text::Plain(a)), Kind::Text(Text::Plain(b))) => Arc::ptr_eq(a, b),
            (Kind::List(a), Kind::List(b)) => Arc::ptr_eq(a, b),
            (Kind::Map(a), Kind::Map(b)) => Arc::ptr_eq(&a.0, &b.0),
            _ => false,
        };
        same && self.loc == other.loc && self.via.is_none() && other.via.is_none()
    }
}

impl Item for (Arc<str>, Value) {
    fn feed(&self, state: &mut impl Hasher) {
        Arc::as_ptr(&self.0).hash(state);
        self.1.feed(state);
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) && self.1.is(&other.1)
    }
}

impl<T: Item> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.len().hash(state);
        for item in &*self.0 {
            item.feed(state);
        }
    }
}

impl<T: Item> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&*other.0).all(|(a, b)| a.is(b))
    }
}

impl<T: Item> Eq for Shared<T> {}
