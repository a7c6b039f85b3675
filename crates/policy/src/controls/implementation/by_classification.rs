//! Whether a store's key is what its classification asks for.

use super::own_data::{has_own_data, is_data_store, takes_a_key};
use crate::config::KeyAsk;
use crate::controls::data_at_rest::inherited::effective;
use crate::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Judges every store of a classification by what the policy asks of it.
pub(super) fn judge(cx: &Cx<'_>, out: &mut Out, class: Classification) {
    let ask = cx.config.asks(class).key;
    let users = (ask == KeyAsk::Dedicated).then(|| crate::key_users::by_key(cx));
    for store in cx.inventory.stores() {
        if cx.classification(store.resource).value() != Some(&class) || !has_own_data(cx, store) {
            continue;
        }
        if !takes_a_key(store) && !is_data_store(store) {
            continue;
        }
        let protection = effective(cx, store);
        let judgement = match &protection {
            Known::Unknown(why, _) => {
                Judgement::cannot_tell(store, &format!("the key of this {class} data"), why)
            }
            known => match known.value() {
                None | Some(Protection::None) => {
                    Judgement::fail(store, format!("{class} data lies here unencrypted"))
                }
                Some(Protection::Customer(key)) => {
                    let others = users
                        .as_ref()
                        .map(|users| sharers(cx, store, &key.target, users))
                        .unwrap_or_default();
                    match others.first() {
                        Some(other) => Judgement::fail(
                            store,
                            format!("{class} data needs a key of its own, this one also serves {other}{}", and_more(&others)),
                        ),
                        None if ask == KeyAsk::Dedicated => {
                            Judgement::pass(store, format!("this {class} data has a customer managed key of its own"))
                        }
                        None => Judgement::pass(store, format!("this {class} data has a customer managed key")),
                    }
                    .key(key)
                }
                Some(other) => with_aws_key(store, class, ask, &other.label(cx.inventory)),
            },
        };
        out.push(
            judgement
                .fact_as("key", &protection, |p| p.label(cx.inventory))
                .fact("classification", cx.classification(store.resource)),
        );
    }
}

fn with_aws_key(store: &Store, class: Classification, ask: KeyAsk, label: &str) -> Judgement {
    match ask {
        KeyAsk::Any => Judgement::pass(store, format!("{label} is enough for {class} data")),
        KeyAsk::CustomerRecommended => {
            Judgement::pass(store, format!("{class} data may use {label}")).note(format!(
                "a customer managed key is recommended for {class} data"
            ))
        }
        _ if !takes_a_key(store) => Judgement::fail(
            store,
            format!(
                "{class} data needs a customer managed key, and {} takes none here",
                store.spec.service
            ),
        )
        .fix("Keep this data in a store that takes a customer managed key."),
        KeyAsk::Dedicated => Judgement::fail(
            store,
            format!("{class} data needs a customer managed key of its own, this uses {label}"),
        ),
        KeyAsk::Customer => Judgement::fail(
            store,
            format!("{class} data needs a customer managed key, this uses {label}"),
        ),
    }
}

/// The other data under a store's key, copies and members of the same data aside.
fn sharers(
    cx: &Cx<'_>,
    store: &Store,
    key: &KeyTarget,
    users: &BTreeMap<KeyTarget, Vec<&Store>>,
) -> Vec<String> {
    let own = origin(cx, store.resource);
    let names: BTreeSet<String> = users
        .get(key)
        .into_iter()
        .flatten()
        .filter(|other| {
            other.resource != store.resource
                && has_own_data(cx, other)
                && other.spec.noun != "function"
                && origin(cx, other.resource) != own
        })
        .map(|other| cx.label(cx.inventory.resource(other.resource)))
        .collect();
    names.into_iter().collect()
}

/// What a member of a cluster, a replica or a copy is made of; they share its key by nature.
fn origin(cx: &Cx<'_>, id: ResourceId) -> ResourceId {
    const SOURCES: [&str; 6] = [
        "DBClusterIdentifier",
        "SourceDBInstanceIdentifier",
        "SourceDBClusterIdentifier",
        "ReplicationSourceIdentifier",
        "SourceTableArn",
        "FileSystemId",
    ];
    let mut at = id;
    for _ in 0..8 {
        let resource = cx.inventory.resource(at);
        let next = SOURCES
            .iter()
            .find_map(|property| match resource.at(property) {
                Read::Found(value, _) => cx.inventory.target(value).map(|(source, _)| source.id),
                _ => None,
            });
        match next {
            Some(next) if next != at => at = next,
            _ => break,
        }
    }
    at
}

fn and_more(others: &[String]) -> String {
    match others.len() {
        0 | 1 => String::new(),
        n => format!(" and {} more", n - 1),
    }
}
