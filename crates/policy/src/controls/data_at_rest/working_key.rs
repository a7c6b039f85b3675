//! Encryption protects data only while its key can be used: enabled, and in the data's own region.

use super::cases::variants;
use crate::prelude::*;
use lockfast_facts::{Origin, nouns::KeyUse};
use std::borrow::Cow;

/// Judges every store of these nouns: it is encrypted, and its customer key can be used for it.
pub(super) fn judge(cx: &Cx<'_>, out: &mut Out, nouns: &[&str], what: &str) {
    for store in nouns.iter().flat_map(|noun| cx.stores(noun)) {
        let judgements = match &store.protection {
            known if let Some(why) = known.unknown_key() => {
                let works = format!("the {what} is encrypted with a KMS key");
                vec![of_unknown_key(
                    cx,
                    store,
                    why,
                    &format!("the {what}'s key"),
                    works,
                )]
            }
            Known::Unknown(why, _) => vec![Judgement::cannot_tell(
                store,
                &format!("how the {what} is encrypted"),
                why,
            )],
            known => match known.value() {
                Some(Protection::None) => {
                    vec![Judgement::fail(
                        store,
                        format!("the {what} is not encrypted"),
                    )]
                }
                Some(Protection::Customer(key)) => of_key(
                    cx,
                    store,
                    key,
                    &format!("the {what}'s key"),
                    &format!("the {what} is encrypted with a customer managed key"),
                ),
                _ => vec![Judgement::pass(
                    store,
                    format!("the {what} is encrypted by the service"),
                )],
            },
        };
        out.extend(judgements.into_iter().map(|judgement| {
            judgement.fact_as("encryption at rest", &store.protection, |p| {
                p.label(cx.inventory)
            })
        }));
    }
}

/// Judges a store that certainly has a key, of which it is not known which: before deployment that is as it should
/// be; in an account the key may be disabled.
pub(super) fn of_unknown_key(
    cx: &Cx<'_>,
    store: &Store,
    why: &Why,
    what: &str,
    works: impl Into<Cow<'static, str>>,
) -> Judgement {
    match cx.inventory.origin() {
        Origin::Live => Judgement::cannot_tell(store, &format!("whether {what} can be used"), why),
        Origin::Templates | Origin::Network | Origin::Logs => {
            Judgement::pass(store, works).note("which key that is, is not known before deployment")
        }
    }
}

/// Judges whether a store's customer key works, in every case of the key's own; `what` names the
/// key, `works` is said where it does.
pub(super) fn of_key(
    cx: &Cx<'_>,
    store: &Store,
    key: &KeyUse,
    what: &str,
    works: &str,
) -> Vec<Judgement> {
    let in_region = |judgement: Judgement| match (data_region(cx, store), key_region(cx, key)) {
        (Err(why), _) => {
            Judgement::cannot_tell(store, &format!("whether {what} lies in its region"), &why)
        }
        (Ok(Some(region)), Some(key)) if region != key => {
            Judgement::fail(store, format!("{what} lies in {key}, the data in {region}"))
        }
        _ => judgement,
    };
    let pass = || Judgement::pass(store, works.to_owned());
    let Some(resource) = key.resource(cx.inventory) else {
        let judgement = match (&key.target, cx.inventory.origin()) {
            (KeyTarget::External(name), Origin::Live) => Judgement::unknown(
                store,
                format!("cannot tell whether {what} can be used: {name} was not read"),
            )
            .note("scan the account and region of the key too"),
            _ => pass(),
        };
        return vec![in_region(judgement).key(key)];
    };
    variants(cx, &store.when, resource.id)
        .into_iter()
        .map(|(case, variant)| {
            let state = variant.and_then(|variant| variant.at("KeyState").string().found());
            let judgement = match variant.map(|variant| variant.at("Enabled").bool()) {
                Some(Read::Found(false, _))
                    if state.as_deref().is_some_and(|s| s != "Disabled") =>
                {
                    let state = state.unwrap_or_default();
                    Judgement::fail(store, format!("{what} cannot be used (KeyState: {state})"))
                }
                Some(Read::Found(false, _)) => {
                    Judgement::fail(store, format!("{what} is disabled (Enabled: false)"))
                }
                Some(Read::Unknown(why, _)) => {
                    Judgement::cannot_tell(store, &format!("whether {what} is enabled"), &why)
                }
                Some(_) => in_region(pass()),
                None => Judgement::unknown(
                    store,
                    format!(
                        "cannot tell whether {what} works: it is not made under the same conditions"
                    ),
                ),
            };
            judgement.when(&case).key(key)
        })
        .collect()
}

/// The region that a store's data lies in, if the input says; why not, where that decides which key
/// it can have at all.
fn data_region<'a>(cx: &'a Cx<'_>, store: &'a Store) -> Result<Option<&'a str>, Arc<Why>> {
    let user = cx.inventory.resource(store.resource);
    if store.part.is_empty() {
        return Ok(cx.inventory.stack_of(user).place.region.as_deref());
    }
    if &*user.kind != "AWS::DynamoDB::GlobalTable" {
        return Ok(None);
    }
    // A global table's part is the region of the replica, or its number where that is not known.
    match store.part.strip_prefix("replica ") {
        Some(number) => Err(Arc::new(Why::NotGiven(format!(
            "the region of replica {number}"
        )))),
        None => Ok(Some(&store.part)),
    }
}

/// The region of a key: that of its stack, or of the ARN that names it.
pub(super) fn key_region<'a>(cx: &'a Cx<'_>, key: &'a KeyUse) -> Option<&'a str> {
    if let Some(resource) = key.resource(cx.inventory) {
        return cx.inventory.stack_of(resource).place.region.as_deref();
    }
    match &key.target {
        KeyTarget::External(name) => region_of_arn(name),
        _ => None,
    }
}

/// The region of an ARN, where it is written out.
pub(super) fn region_of_arn(arn: &str) -> Option<&str> {
    let region = arn.strip_prefix("arn:")?.split(':').nth(2)?;
    (!region.is_empty() && !region.contains('*')).then_some(region)
}
