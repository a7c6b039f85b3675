use crate::config::KeyAsk;
use crate::prelude::*;

control! {
    /// What key a table needs depends on its classification (`lockfast.toml`, or the built-in
    /// policy) and on whether its environment is production. The AWS owned key and the AWS managed
    /// key are enough for public data; confidential and restricted data, and production, need a
    /// customer managed key. Each replica of a global table is judged with its own key.
    ///
    /// A table without a classification, outside production, is unknown: nobody said what it needs.
    id: "dynamodb-key-as-asked",
    title: "DynamoDB tables use the kind of key their classification and environment ask for",
    clauses: ["DDB-2"],
    severity: High,
    fix: "Name a customer managed key of the table's environment and classification in SSESpecification; for a global table, one in every replica's region.",
    cloudformation: r#"Type: AWS::DynamoDB::Table
Properties:
  SSESpecification:
    SSEEnabled: true
    SSEType: KMS
    KMSMasterKeyId: !GetAtt ConfidentialKey.Arn
"#,
    cdk: r#"new dynamodb.TableV2(this, 'Customers', {
  encryption: dynamodb.TableEncryptionV2.customerManagedKey(confidentialKey, {
    'eu-west-1': 'arn:aws:kms:eu-west-1:111111111111:key/…',
  }),
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.stores("table") {
        let classification = cx.classification(store.resource);
        for (environment, when) in cx.environments(store.subject(cx.inventory), &store.when) {
            let environment = environment.map(|e| e.kind);
            out.push(
                decide(cx, store, classification, &environment)
                    .when(&when)
                    .fact_as("key", &store.protection, |p| p.label(cx.inventory))
                    .fact("classification", classification)
                    .fact("environment", &environment),
            );
        }
    }
}

fn decide(
    cx: &Cx<'_>,
    store: &Store,
    classification: &Known<Classification>,
    environment: &Known<EnvironmentKind>,
) -> Judgement {
    let class = classification.value().copied();
    let asked = class.map(|class| cx.config.asks(class).key);
    let production = environment.value() == Some(&EnvironmentKind::Production);
    let protection = match &store.protection {
        Known::Unknown(why, _) => return Judgement::cannot_tell(store, "the table's key", why),
        Known::Stated(p, _) | Known::Default(p, ..) => p,
    };
    if let Protection::Customer(key) = protection {
        return Judgement::pass(store, "the table has a customer managed key").key(key);
    }
    match (class, asked) {
        (Some(class), Some(KeyAsk::Customer | KeyAsk::Dedicated)) => {
            Judgement::fail(store, format!("{class} data needs a customer managed key"))
        }
        (Some(class), Some(KeyAsk::Any)) => {
            Judgement::pass(store, format!("any key is enough for {class} data"))
        }
        _ if production => Judgement::fail(store, "a production table needs a customer managed key"),
        _ => match (classification, environment) {
            // Nothing but the classification could ask for more outside production.
            (Known::Unknown(why, _), _) | (_, Known::Unknown(why, _)) => {
                Judgement::cannot_tell(store, "which key the table needs", why)
            }
            _ => Judgement::pass(store, "any key is enough here"),
        },
    }
}
