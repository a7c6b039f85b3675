//! One resource meets another under the conditions of both: every case is judged by itself.

use crate::prelude::*;
use lockfast_facts::Guard;

/// The cases into which `when` falls: each with the first of the others that holds in it, or with
/// none where no other does. Of others that hold together, the one that decides comes first.
pub(super) fn cases<T: Clone>(
    cx: &Cx<'_>,
    when: &Guard,
    others: impl IntoIterator<Item = (Guard, T)>,
) -> Vec<(Guard, Option<T>)> {
    let mut open = vec![when.clone()];
    let mut cases = Vec::new();
    for (guard, other) in others {
        if open.is_empty() {
            break;
        }
        let (meets, apart): (Vec<Guard>, Vec<Guard>) =
            open.into_iter().partition(|case| case.compatible(&guard));
        open = apart;
        for case in meets {
            open.extend(without(cx, &case, &guard));
            cases.push((case.and(&guard), Some(other.clone())));
        }
    }
    cases.extend(open.into_iter().map(|case| (case, None)));
    cases
}

/// The stores of a resource in the cases of `when`.
pub(super) fn stores<'a>(
    cx: &Cx<'a>,
    when: &Guard,
    resource: ResourceId,
) -> Vec<(Guard, Option<&'a Store>)> {
    let stores = cx.inventory.stores_of(resource);
    let whole = stores.filter(|store| store.spec.part.is_empty());
    cases(cx, when, whole.map(|store| (store.when.clone(), store)))
}

/// A resource in the cases of `when`.
pub(super) fn variants<'a>(
    cx: &Cx<'a>,
    when: &Guard,
    resource: ResourceId,
) -> Vec<(Guard, Option<Subject<'a>>)> {
    let variants = cx.inventory.variants_of(resource);
    cases(cx, when, variants.map(|v| (v.variant.when.clone(), v)))
}

/// What of a case lies outside a guard, in cases that exclude each other.
fn without(cx: &Cx<'_>, case: &Guard, guard: &Guard) -> Vec<Guard> {
    let mut outside = Vec::new();
    let mut inside = case.clone();
    for choice in guard.choices() {
        if inside.choices().contains(choice) {
            continue;
        }
        let (name, value) = choice;
        let with = |value: &Arc<str>| inside.and(&Guard::new([(name.clone(), value.clone())]));
        let others = cx.inventory.choices(name).iter();
        outside.extend(others.filter(|other| *other != value).map(with));
        inside = with(value);
    }
    outside
}
