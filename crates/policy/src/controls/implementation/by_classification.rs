//! Whether a store's key is what its classification asks for.

use crate::access_logs::ONLY_SSE_S3;
use crate::config::KeyAsk;
use crate::controls::data_at_rest::inherited::effective;
use crate::key_users::{Sharing, unlisted};
use crate::own_data::{encrypted_with, has_own_data, is_data_store, takes_a_key};
use crate::prelude::*;

/// Judges every store of a classification by what the policy asks of it.
pub(super) fn judge(cx: &Cx<'_>, out: &mut Out, class: Classification) {
    let ask = cx.config.asks(class).key;
    let sharing = (ask == KeyAsk::Dedicated).then(|| {
        Sharing::new(cx, |store| {
            store.spec.noun != "function" && has_own_data(cx, store)
        })
    });
    for store in cx.inventory.stores() {
        if cx.classification(store.resource).value() != Some(&class) || !has_own_data(cx, store) {
            continue;
        }
        if !takes_a_key(store) && !is_data_store(store) {
            continue;
        }
        let protection = effective(cx, store);
        let judgement = match &protection {
            known if ask == KeyAsk::Any && known.unknown_key().is_some() => {
                Judgement::pass(store, format!("any key is enough for {class} data"))
            }
            Known::Unknown(why, _) => {
                Judgement::cannot_tell(store, &format!("the key of this {class} data"), why)
            }
            known => {
                match known.value() {
                    None | Some(Protection::None) => {
                        Judgement::fail(store, format!("{class} data lies here unencrypted"))
                    }
                    Some(Protection::Customer(key)) => {
                        let others = sharing
                            .as_ref()
                            .and_then(|s| s.others(cx, store, &key.target));
                        match others {
                        Some(others) => Judgement::fail(
                            store,
                            format!("{class} data needs a key of its own; this one also serves {others}"),
                        ),
                        None if ask == KeyAsk::Dedicated && unlisted(cx, &key.target).is_some() => {
                            let why = unlisted(cx, &key.target).unwrap_or_default();
                            Judgement::unknown(store, format!("cannot tell whether other data has its key: {why}"))
                        }
                        None if ask == KeyAsk::Dedicated => {
                            Judgement::pass(store, format!("this {class} data has a customer managed key of its own"))
                        }
                        None => Judgement::pass(store, format!("this {class} data has a customer managed key")),
                    }
                    .key(key)
                    }
                    Some(_) if ask > KeyAsk::Any && cx.holds_access_logs(store) => {
                        Judgement::pass(store, ONLY_SSE_S3)
                    }
                    Some(other) => with_aws_key(store, class, ask, &encrypted_with(cx, other)),
                }
            }
        };
        out.push(
            judgement
                .fact_as("key", &protection, |p| p.label(cx.inventory))
                .fact("classification", cx.classification(store.resource)),
        );
    }
}

fn with_aws_key(
    store: &Store,
    class: Classification,
    ask: KeyAsk,
    is_encrypted: &str,
) -> Judgement {
    match ask {
        KeyAsk::Any => Judgement::pass(
            store,
            format!("any key is enough for {class} data, and this {is_encrypted}"),
        ),
        KeyAsk::CustomerRecommended => Judgement::pass(
            store,
            format!("{class} data may use any key, and this {is_encrypted}"),
        )
        .note(format!(
            "a customer managed key is recommended for {class} data"
        )),
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
            format!("{class} data needs a customer managed key of its own; this {is_encrypted}"),
        ),
        KeyAsk::Customer => Judgement::fail(
            store,
            format!("{class} data needs a customer managed key; this {is_encrypted}"),
        ),
    }
}
