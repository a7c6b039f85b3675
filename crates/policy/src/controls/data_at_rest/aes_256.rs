//! The algorithm a service encrypts with is the service's documented fact.

use crate::prelude::*;

/// Judges every store of these nouns: encrypted means AES-256 where the storage table says so.
pub(super) fn judge(cx: &Cx<'_>, out: &mut Out, nouns: &[&str]) {
    for store in nouns.iter().flat_map(|noun| cx.stores(noun)) {
        out.push(of_store(cx, store, &store.protection));
    }
}

/// Symmetric KMS keys are AES-256, whoever owns them.
const KMS: ServiceDefault = ServiceDefault {
    doc: "AWS KMS Cryptographic Details: Cryptographic primitives",
    since: "",
};

/// Judges one store by what protects it.
pub(super) fn of_store(cx: &Cx<'_>, store: &Store, protection: &Known<Protection>) -> Judgement {
    // Where a KMS key protects it, whichever: services take symmetric keys only.
    let whichever = protection.unknown_key().is_some();
    let by_kms = whichever
        || matches!(
            protection.value(),
            Some(Protection::Customer(_) | Protection::AwsManaged(_) | Protection::AwsOwned)
        );
    let (algorithm, source) = if store.spec.algorithm.is_empty() && by_kms {
        ("AES-256", KMS)
    } else {
        let doc = ServiceDefault {
            doc: &store.spec.doc,
            since: "",
        };
        (store.spec.algorithm.as_str(), doc)
    };
    let judgement = match protection {
        Known::Unknown(why, _) if !whichever => {
            Judgement::cannot_tell(store, "whether it is encrypted", why)
        }
        known if known.value() == Some(&Protection::None) => {
            Judgement::fail(store, "nothing encrypts it, so no AES-256 either")
        }
        known if key_spec_unknown(cx, known).is_some() => {
            let why = key_spec_unknown(cx, known).unwrap_or_else(|| Arc::new(Why::Conditions));
            Judgement::cannot_tell(store, "what kind of key encrypts it", &why)
        }
        known if other_key_spec(cx, known).is_some() => Judgement::fail(
            store,
            format!(
                "its key has KeySpec {}, which is no AES-256 key",
                other_key_spec(cx, known).unwrap_or_default()
            ),
        ),
        _ if algorithm.contains("256") || protection.value() == Some(&Protection::SseS3) => {
            Judgement::pass(store, "the service encrypts it with AES-256").fact(
                "algorithm",
                &Known::Default(
                    if algorithm.is_empty() {
                        "AES-256"
                    } else {
                        algorithm
                    },
                    source,
                    protection.loc(),
                ),
            )
        }
        _ => Judgement::unknown(
            store,
            format!(
                "{} encrypts it, but AWS documents no algorithm",
                store.spec.service
            ),
        ),
    };
    judgement.fact_as("encryption at rest", protection, |p| p.label(cx.inventory))
}

/// Why the `KeySpec` of the store's own key is not known.
fn key_spec_unknown(cx: &Cx<'_>, protection: &Known<Protection>) -> Option<Arc<Why>> {
    let key = protection.value()?.customer_key()?.resource(cx.inventory)?;
    match key.at("KeySpec").string() {
        Read::Unknown(why, _) => Some(why),
        _ => None,
    }
}

/// The `KeySpec` of the store's own key, when it is another than AES-256 (`SYMMETRIC_DEFAULT`; AWS
/// KMS Developer Guide, "Key spec reference").
fn other_key_spec(cx: &Cx<'_>, protection: &Known<Protection>) -> Option<String> {
    let key = protection.value()?.customer_key()?.resource(cx.inventory)?;
    let spec = key.at("KeySpec").string().found()?;
    (spec != "SYMMETRIC_DEFAULT").then_some(spec)
}
