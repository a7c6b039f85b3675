//! From worlds to variants: what does not differ is one.

use lockfast_facts::{Guard, Kind, Value, Variant};
use std::sync::Arc;

/// One variant for each outcome that differs, with no more choices named than decide it.
pub(super) fn merge(mut worlds: Vec<(Guard, Option<Value>)>) -> Vec<Variant> {
    if worlds.len() == 1 {
        return worlds
            .pop()
            .and_then(|(_, value)| value)
            .map(|properties| Variant {
                when: Guard::default(),
                properties,
            })
            .into_iter()
            .collect();
    }
    // Which outcome each world has, by its first world.
    let mut outcomes: Vec<usize> = Vec::new();
    let mut firsts: Vec<usize> = Vec::new();
    for i in 0..worlds.len() {
        let found = firsts.iter().position(|&f| match (&worlds[f].1, &worlds[i].1) {
            (Some(a), Some(b)) => same(a, b),
            (None, None) => true,
            _ => false,
        });
        outcomes.push(found.unwrap_or_else(|| {
            firsts.push(i);
            firsts.len() - 1
        }));
    }
    if firsts.len() == 1 {
        worlds.truncate(1);
        return merge(worlds);
    }
    let mut rows: Vec<(Guard, usize)> = worlds
        .iter()
        .zip(&outcomes)
        .map(|((guard, _), outcome)| (guard.clone(), *outcome))
        .collect();
    let mut names: Vec<Arc<str>> = rows
        .iter()
        .flat_map(|(guard, _)| guard.choices().iter().map(|(name, _)| name.clone()))
        .collect();
    names.sort();
    names.dedup();
    for name in names {
        rows = without_needless(rows, &name);
    }
    rows.into_iter()
        .filter_map(|(when, outcome)| {
            let properties = worlds[firsts[outcome]].1.clone()?;
            Some(Variant { when, properties })
        })
        .collect()
}

/// Drops a choice from the rows that agree whatever its value.
fn without_needless(rows: Vec<(Guard, usize)>, name: &Arc<str>) -> Vec<(Guard, usize)> {
    let rest = |guard: &Guard| Guard::new(guard.choices().iter().filter(|(n, _)| n != name).cloned());
    let mut made: Vec<(Guard, usize)> = Vec::new();
    for (guard, outcome) in &rows {
        let without = rest(guard);
        let agree = guard.choices().iter().any(|(n, _)| n == name)
            && rows
                .iter()
                .filter(|(other, _)| rest(other) == without)
                .all(|(_, o)| o == outcome);
        let row = (if agree { without } else { guard.clone() }, *outcome);
        if !made.contains(&row) {
            made.push(row);
        }
    }
    made
}

/// True when two values say the same, wherever they stand.
fn same(a: &Value, b: &Value) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::Null, Kind::Null) => true,
        (Kind::Bool(a), Kind::Bool(b)) => a == b,
        (Kind::Number(a), Kind::Number(b)) => a == b,
        (Kind::Text(a), Kind::Text(b)) => a == b,
        (Kind::Unknown(a), Kind::Unknown(b)) => a == b,
        (Kind::List(a), Kind::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Kind::Map(a), Kind::Map(b)) => {
            a.0.len() == b.0.len() && a.0.iter().zip(&b.0).all(|((n, a), (m, b))| n == m && same(a, b))
        }
        _ => false,
    }
}
