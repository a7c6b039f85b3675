use crate::config::KeyAsk;
use crate::prelude::*;

control! {
    /// Looks at every store whose classification asks for a dedicated key (restricted data, unless
    /// `lockfast.toml` says otherwise). It must have a customer managed key that no other such store
    /// uses. The key is followed through aliases, references and exports, so two names of one key
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
    let users = crate::key_users::by_key(cx);
    for store in cx.inventory.stores() {
        // A function or task holds no data of its own classification.
        if matches!(store.spec.noun.as_str(), "function" | "task") {
            continue;
        }
        let Some(classification) = cx.classification(store.resource).value() else {
            continue;
        };
        if cx.config.asks(*classification).key != KeyAsk::Dedicated {
            continue;
        }
        let judgement = match &store.protection {
            Known::Unknown(why, _) => Judgement::cannot_tell(store, "which key it has", why),
            known => match known.value() {
                Some(Protection::Customer(key)) => {
                    let others: Vec<String> = users
                        .get(&key.target)
                        .into_iter()
                        .flatten()
                        .filter(|other| {
                            other.resource != store.resource
                                && !is_copy(cx, store, other)
                                && cx
                                    .classification(other.resource)
                                    .value()
                                    .is_some_and(|c| cx.config.asks(*c).key == KeyAsk::Dedicated)
                        })
                        .map(|other| cx.label(cx.inventory.resource(other.resource)))
                        .collect();
                    match others.as_slice() {
                        [] => Judgement::pass(store, "it has a key of its own").key(key),
                        [other, ..] => Judgement::fail(
                            store,
                            format!("it shares its key with {other}{}", more(others.len() - 1)),
                        )
                        .key(key),
                    }
                }
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

fn more(count: usize) -> String {
    if count == 0 {
        String::new()
    } else {
        format!(" and {count} more")
    }
}

/// A replica or cluster member has the same data as what it refers to, so the same key.
fn is_copy(cx: &Cx<'_>, a: &Store, b: &Store) -> bool {
    let refers = |to: ResourceId, from: ResourceId| cx.inventory.referrers(to).any(|r| r.id == from);
    a.spec.service == b.spec.service
        && (refers(a.resource, b.resource) || refers(b.resource, a.resource))
}
