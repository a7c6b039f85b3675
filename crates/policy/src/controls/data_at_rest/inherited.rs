//! A store that takes its encryption from another (a snapshot, a version, a delivery stream that
//! reads a Kinesis stream) is as encrypted as what the storage table names as its source.

use super::cases::stores;
use crate::prelude::*;
use lockfast_facts::tables::DefaultProtection;
use lockfast_facts::{Guard, Loc};

/// How deep a chain of inheritance is followed.
const DEPTH: usize = 4;

/// Whose key protects a store, taken from its source where its type inherits; the weakest of what
/// it is under different conditions.
pub(in crate::controls) fn effective(cx: &Cx<'_>, store: &Store) -> Known<Protection> {
    let weakness = |protection: &Known<Protection>| match protection.value() {
        Some(Protection::None) => 0,
        None => 1,
        Some(_) => 2,
    };
    protections(cx, store, &store.when)
        .into_iter()
        .map(|(_, protection)| protection)
        .min_by_key(weakness)
        .unwrap_or_else(|| store.protection.clone())
}

/// Whose key protects a store in the cases of `when`.
pub(super) fn protections(
    cx: &Cx<'_>,
    store: &Store,
    when: &Guard,
) -> Vec<(Guard, Known<Protection>)> {
    follow(cx, store, when, DEPTH)
}

fn follow(
    cx: &Cx<'_>,
    store: &Store,
    when: &Guard,
    depth: usize,
) -> Vec<(Guard, Known<Protection>)> {
    let own = &store.protection;
    let named = named_sources(cx, store);
    let inherits = match own {
        Known::Unknown(why, _) => {
            store.spec.default == DefaultProtection::Inherits && matches!(**why, Why::NotGiven(_))
        }
        // A delivery stream that reads another stream stores nothing of its own: encryption cannot be set on it
        // (Amazon Data Firehose Developer Guide, "Data protection in Amazon Data Firehose").
        Known::Default(Protection::None, ..) => !named.is_empty(),
        _ => false,
    };
    if !inherits || depth == 0 {
        return vec![(
            when.clone(),
            follows_account(store).unwrap_or_else(|| own.clone()),
        )];
    }
    let unknown = || {
        let source = match own {
            Known::Default(..) => "the stream it reads, which decides it,",
            _ => "what it takes its encryption from",
        };
        let why = Arc::new(Why::NotGiven(source.into()));
        Known::Unknown(why, named.first().map_or(own.loc(), |(loc, _)| *loc))
    };
    let mut found = Vec::new();
    for (_, source) in &named {
        let Some(source) = source.filter(|id| *id != store.resource) else {
            found.push((when.clone(), unknown()));
            continue;
        };
        for (case, source) in stores(cx, when, source) {
            match source {
                Some(source) => found.extend(follow(cx, source, &case, depth - 1)),
                None => found.push((case, unknown())),
            }
        }
    }
    if found.is_empty() {
        found.push((when.clone(), unknown()));
    }
    found
}

/// What a store names as the source of its encryption: where, and which resource if it is given.
fn named_sources(cx: &Cx<'_>, store: &Store) -> Vec<(Loc, Option<ResourceId>)> {
    let subject = store.subject(cx.inventory);
    let reads = store
        .spec
        .inherits_from
        .iter()
        .flat_map(|path| subject.each(path));
    reads
        .filter_map(|read| match read {
            Read::Absent(_) => None,
            Read::Unknown(_, loc) => Some((loc, None)),
            Read::Found(value, loc) => {
                Some((loc, cx.inventory.target(value).map(|(source, _)| source.id)))
            }
        })
        .collect()
}

/// A volume that says nothing follows the account's setting, like the block devices of an instance
/// (Amazon EBS User Guide, "Enable Amazon EBS encryption by default").
fn follows_account(store: &Store) -> Option<Known<Protection>> {
    let Known::Unknown(why, loc) = &store.protection else {
        return None;
    };
    let silent = store.spec.noun == "volume" && matches!(**why, Why::Unsupported(_));
    silent.then(|| {
        let setting = "whether EBS encryption by default is on in the account, which decides it,";
        Known::Unknown(Arc::new(Why::NotGiven(setting.into())), *loc)
    })
}
