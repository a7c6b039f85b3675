use crate::own_data::{encrypted_with, has_own_data, takes_a_key};
use crate::controls::data_at_rest::inherited::effective;
use crate::access_logs::ONLY_SSE_S3;
use crate::cx::EnvironmentName;
use crate::prelude::*;

control! {
    /// Looks at every store that belongs to a production environment, by `lockfast.toml`, the stack's
    /// name, an `Environment` tag or the parameter that chooses (`Env=prod`): it must be encrypted with a customer managed key, followed through
    /// aliases, imports and what the store inherits from. Data that is classified as public is left
    /// out, since the policy lets it use any key. Types that take no customer managed key are not
    /// judged, nor are code, tasks and functions without variables.
    ///
    /// A store whose environment nothing tells passes with a customer managed key and is otherwise
    /// unknown; so is one whose key is known only at deployment.
    id: "customer-keys-required",
    title: "Production data is encrypted with customer managed keys",
    clauses: ["ENV-1"],
    severity: High,
    fix: "Name a customer managed key of the production environment in the store's encryption settings.",
    cloudformation: r#"Type: AWS::SQS::Queue
Properties:
  KmsMasterKeyId: !GetAtt ProductionKey.Arn
"#,
    cdk: r#"new sqs.Queue(this, 'Orders', {
  encryption: sqs.QueueEncryption.KMS,
  encryptionMasterKey: productionKey,
});
"#,
    by_type: true,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.inventory.stores() {
        let mut environments = cx.environments(store.subject(cx.inventory), &store.when);
        environments.retain(|(environment, _)| {
            environment
                .value()
                .is_none_or(|e| e.kind == EnvironmentKind::Production)
        });
        if environments.is_empty() || !takes_a_key(store) || !has_own_data(cx, store) {
            continue;
        }
        let protection = effective(cx, store);
        for (environment, when) in environments {
            let judgement = decide(cx, store, &protection, &environment);
            out.push(
                judgement
                    .when(&when)
                    .fact_as("key", &protection, |p| p.label(cx.inventory))
                    .fact_as("environment", &environment, |e| e.kind.to_string()),
            );
        }
    }
}

fn decide(
    cx: &Cx<'_>,
    store: &Store,
    protection: &Known<Protection>,
    environment: &Known<EnvironmentName>,
) -> Judgement {
        let public = cx.classification(store.resource).value() == Some(&Classification::Public);
        match (protection, environment) {
            (known, _) if known.value().and_then(Protection::customer_key).is_some() => {
                let judgement = Judgement::pass(store, "it has a customer managed key");
                match known.value().and_then(Protection::customer_key) {
                    Some(key) => judgement.key(key),
                    None => judgement,
                }
            }
            (_, Known::Unknown(why, _)) => Judgement::cannot_tell(
                store,
                "whether it is production, which needs a customer managed key",
                why,
            ),
            _ if cx.holds_access_logs(store) => Judgement::pass(store, ONLY_SSE_S3),
        (known, _) if public && known.value().is_some_and(Protection::is_encrypted) => {
                Judgement::pass(store, "public data may use any key")
                    .fact("classification", cx.classification(store.resource))
            }
            (Known::Unknown(why, _), _) => {
                Judgement::cannot_tell(store, "which key this production data has", why)
            }
            (known, _) => {
                let has = known.value().map(|p| encrypted_with(cx, p)).unwrap_or_default();
                Judgement::fail(store, format!("production data needs a customer managed key; this {has}"))
            }
        }
}
