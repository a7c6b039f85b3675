//! The algorithm a service encrypts with is the service's documented fact.

use crate::prelude::*;

/// Judges every store of these nouns: encrypted means AES-256 where the storage table says so.
pub(super) fn judge(cx: &Cx<'_>, out: &mut Out, nouns: &[&str]) {
    for store in nouns.iter().flat_map(|noun| cx.stores(noun)) {
        let algorithm = Known::Default(
            store.spec.algorithm.as_str(),
            ServiceDefault {
                doc: &store.spec.doc,
                since: "",
            },
            store.protection.loc(),
        );
        let judgement = match &store.protection {
            Known::Unknown(why, _) => Judgement::cannot_tell(store, "whether it is encrypted", why),
            known if known.value() == Some(&Protection::None) => {
                Judgement::fail(store, "nothing encrypts it, so no AES-256 either")
            }
            known if other_key_spec(cx, known).is_some() => Judgement::fail(
                store,
                format!(
                    "its key has KeySpec {}, which is no AES-256 key",
                    other_key_spec(cx, known).unwrap_or_default()
                ),
            ),
            _ if store.spec.algorithm.contains("256") => {
                Judgement::pass(store, "the service encrypts it with AES-256").fact("algorithm", &algorithm)
            }
            _ => Judgement::unknown(
                store,
                format!("{} encrypts it, but AWS documents no algorithm", store.spec.service),
            ),
        };
        out.push(judgement.fact_as("encryption at rest", &store.protection, |p| {
            p.label(cx.inventory)
        }));
    }
}

/// The `KeySpec` of the store's own key, when it is another than AES-256 (`SYMMETRIC_DEFAULT`; AWS
/// KMS Developer Guide, "Key spec reference").
fn other_key_spec(cx: &Cx<'_>, protection: &Known<Protection>) -> Option<String> {
    let key = protection.value()?.customer_key()?.resource(cx.inventory)?;
    let spec = key.at("KeySpec").string().found()?;
    (spec != "SYMMETRIC_DEFAULT").then_some(spec)
}
