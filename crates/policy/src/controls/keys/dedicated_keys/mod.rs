use crate::access_logs::ONLY_SSE_S3;
use crate::config::KeyAsk;
use crate::key_users::{Sharing, unlisted};
use crate::own_data::has_own_data;
use crate::prelude::*;

control! {
    /// Looks at every store whose classification asks for a dedicated key (restricted data, unless
    /// `lockfast.toml` says otherwise). It must have a customer managed key that no other data uses,
    /// copies and members of the same data aside. The key is followed through aliases, references and exports, so two names of one key
    /// count as one.
    id: "dedicated-keys",
    title: "Highly sensitive data has customer managed keys of its own",
    clauses: ["KEY-1"],
    severity: High,
    fix: "Make a key for this store alone and re-encrypt the store with it.",
    cloudformation: r#"CustomersKey:
  Type: AWS::KMS::Key
  Properties:
    Description: customers table only
    EnableKeyRotation: true
    KeyPolicy: !Ref KeyPolicyOfCustomers
"#,
    cdk: r#"const customersKey = new kms.Key(this, 'CustomersKey', { enableKeyRotation: true });
new dynamodb.TableV2(this, 'Customers', {
  encryption: dynamodb.TableEncryptionV2.customerManagedKey(customersKey),
  /* … */
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let sharing = Sharing::new(cx, |store| {
        store.spec.noun != "function" && has_own_data(cx, store)
    });
    for store in cx.inventory.stores() {
        let Some(classification) = asks_for_dedicated(cx, store) else {
            continue;
        };
        let judgement = match &store.protection {
            Known::Unknown(why, _) => Judgement::cannot_tell(store, "which key it has", why),
            known => match known.value() {
                Some(Protection::Customer(key)) => {
                    match sharing.others(cx, store, &key.target) {
                        None => match unlisted(cx, &key.target) {
                            Some(why) => {
                                Judgement::unknown(store, format!("cannot tell whether other data has its key: {why}"))
                            }
                            None => Judgement::pass(store, "it has a key of its own"),
                        },
                        Some(others) => Judgement::fail(store, format!("it shares its key with {others}")),
                    }
                    .key(key)
                }
                _ if cx.holds_access_logs(store) => Judgement::pass(store, ONLY_SSE_S3),
                _ => Judgement::fail(store, format!("{classification} data has no customer managed key")),
            },
        };
        out.push(
            judgement
                .fact_as("key", &store.protection, |p| p.label(cx.inventory))
                .fact("classification", cx.classification(store.resource)),
        );
    }
}

/// A store's classification, if it asks for a key of its own. A function or task holds no data of
/// its own.
fn asks_for_dedicated(cx: &Cx<'_>, store: &Store) -> Option<Classification> {
    if store.spec.noun == "function" || !has_own_data(cx, store) {
        return None;
    }
    let classification = *cx.classification(store.resource).value()?;
    (cx.config.asks(classification).key == KeyAsk::Dedicated).then_some(classification)
}
