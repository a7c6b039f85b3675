//! From worlds to variants: what does not differ is one.

use super::world::Explored;
use lockfast_facts::{Guard, Value, Variant};
use std::sync::Arc;

/// One variant for each outcome that differs, with no more choices named than decide it.
pub(super) fn merge(explored: Explored<Option<Value>>) -> Vec<Variant> {
    let Explored {
        mut worlds,
        complete,
        ..
    } = explored;
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
    // Which outcome each world has, by the first world that has it.
    let mut outcomes: Vec<usize> = Vec::new();
    let mut firsts: Vec<usize> = Vec::new();
    for i in 0..worlds.len() {
        let found = firsts
            .iter()
            .position(|&f| match (&worlds[f].1, &worlds[i].1) {
                (Some(a), Some(b)) => a.same(b),
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
        return merge(Explored {
            worlds,
            complete,
            notes: Vec::new(),
        });
    }
    let mut rows: Vec<(Guard, usize)> = worlds
        .iter()
        .zip(&outcomes)
        .map(|((guard, _), outcome)| (guard.clone(), *outcome))
        .collect();
    if complete {
        simplify(&mut rows);
    } else {
        // Rows say what one changed value does; those that change nothing say nothing.
        let last = rows.len() - 1;
        let base = rows[0].1;
        let mut index = 0;
        rows.retain(|(_, outcome)| {
            index += 1;
            index == 1 || index - 1 == last || *outcome != base
        });
    }
    rows.into_iter()
        .filter_map(|(when, outcome)| {
            let properties = worlds[firsts[outcome]].1.clone()?;
            Some(Variant { when, properties })
        })
        .collect()
}

/// Drops from each row the choices without which it says the same. The rows cover every
/// combination, so a choice is needless when all rows that could hold without it agree.
fn simplify(rows: &mut Vec<(Guard, usize)>) {
    let mut names: Vec<Arc<str>> = rows
        .iter()
        .flat_map(|(guard, _)| guard.choices().iter().map(|(name, _)| name.clone()))
        .collect();
    names.sort();
    names.dedup();
    let all = rows.clone();
    for (guard, outcome) in rows.iter_mut() {
        for name in &names {
            let without = Guard::new(guard.choices().iter().filter(|(n, _)| n != name).cloned());
            if without.choices().len() < guard.choices().len()
                && all
                    .iter()
                    .filter(|(other, _)| other.compatible(&without))
                    .all(|(_, o)| o == outcome)
            {
                *guard = without;
            }
        }
    }
    let mut made: Vec<(Guard, usize)> = Vec::with_capacity(rows.len());
    for row in rows.drain(..) {
        if !made.contains(&row) {
            made.push(row);
        }
    }
    *rows = made;
}
