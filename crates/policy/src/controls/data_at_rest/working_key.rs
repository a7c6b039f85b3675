//! Encryption protects data only while its key can be used: enabled, and in the data's own region.

use crate::prelude::*;

/// Judges every store of these nouns: it is encrypted, and a customer key that the input holds
/// can be used for it.
pub(super) fn judge(cx: &Cx<'_>, out: &mut Out, nouns: &[&str], what: &str) {
    for store in nouns.iter().flat_map(|noun| cx.stores(noun)) {
        let judgement = match &store.protection {
            known if known.unknown_key().is_some() => {
                Judgement::pass(store, format!("the {what} is encrypted with a KMS key"))
                    .note("which key that is, is not known before deployment")
            }
            Known::Unknown(why, _) => {
                Judgement::cannot_tell(store, &format!("how the {what} is encrypted"), why)
            }
            known => match known.value() {
                Some(Protection::None) => {
                    Judgement::fail(store, format!("the {what} is not encrypted"))
                }
                Some(Protection::Customer(key)) if enabled_unknown(cx, key).is_some() => {
                    let why = enabled_unknown(cx, key).unwrap_or_else(|| Arc::new(Why::Conditions));
                    Judgement::cannot_tell(
                        store,
                        &format!("whether the {what}'s key is enabled"),
                        &why,
                    )
                    .key(key)
                }
                Some(Protection::Customer(key)) => match trouble(cx, store, key) {
                    Some(trouble) => {
                        Judgement::fail(store, format!("the {what}'s key {trouble}")).key(key)
                    }
                    None => Judgement::pass(
                        store,
                        format!("the {what} is encrypted with a customer managed key"),
                    )
                    .key(key),
                },
                _ => Judgement::pass(store, format!("the {what} is encrypted by the service")),
            },
        };
        out.push(
            judgement.fact_as("encryption at rest", &store.protection, |p| {
                p.label(cx.inventory)
            }),
        );
    }
}

/// Why it is not known whether a key is enabled.
fn enabled_unknown(cx: &Cx<'_>, key: &lockfast_facts::nouns::KeyUse) -> Option<Arc<Why>> {
    match key.resource(cx.inventory)?.at("Enabled").bool() {
        Read::Unknown(why, _) => Some(why),
        _ => None,
    }
}

/// Why a key cannot protect a store, if it cannot.
pub(super) fn trouble(
    cx: &Cx<'_>,
    store: &Store,
    key: &lockfast_facts::nouns::KeyUse,
) -> Option<String> {
    let resource = key.resource(cx.inventory)?;
    if let Read::Found(false, _) = resource.at("Enabled").bool() {
        return Some("is disabled (Enabled: false)".into());
    }
    // A global table's part is the region of the replica.
    let user = cx.inventory.resource(store.resource);
    let region = if store.part.is_empty() {
        cx.inventory.stack_of(user).place.region.as_deref()
    } else if user.kind.as_ref() == "AWS::DynamoDB::GlobalTable" {
        Some(store.part.as_str())
    } else {
        None
    };
    let key_region = cx.inventory.stack_of(resource).place.region.as_deref();
    match (region, key_region) {
        (Some(region), Some(key_region)) if region != key_region => {
            Some(format!("lies in {key_region}, the data in {region}"))
        }
        _ => None,
    }
}
