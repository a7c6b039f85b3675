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
        let environment = cx.environment(store.resource);
        let production = environment.value() == Some(&EnvironmentKind::Production);
        let asked = classification.value().map(|c| cx.config.asks(*c).key);
        let needs_customer = production || asked.is_some_and(|ask| ask >= KeyAsk::Customer);
        let judgement = match (&store.protection, asked) {
            (Known::Unknown(why, _), _) => Judgement::cannot_tell(store, "the table's key", why),
            (known, _) if needs_customer => match known.value() {
                Some(Protection::Customer(key)) => {
                    Judgement::pass(store, "the table has a customer managed key").key(key)
                }
                _ => Judgement::fail(
                    store,
                    match classification.value() {
                        Some(c) if c.is_sensitive() => format!("{c} data needs a customer managed key"),
                        _ => "a production table needs a customer managed key".to_owned(),
                    },
                ),
            },
            (_, Some(_)) => Judgement::pass(store, "any key is enough here"),
            (_, None) => match classification {
                Known::Unknown(why, _) => {
                    Judgement::cannot_tell(store, "which key the table needs", why)
                }
                _ => Judgement::unknown(store, "cannot tell which key the table needs"),
            },
        };
        out.push(
            judgement
                .fact_as("key", &store.protection, |p| p.label(cx.inventory))
                .fact("classification", classification)
                .fact("environment", &environment),
        );
    }
}
