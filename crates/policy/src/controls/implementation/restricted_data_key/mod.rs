use crate::prelude::*;

control! {
    /// Looks at every store that is classified as restricted: it must be encrypted with a customer
    /// managed key that serves no other store, whatever the other's classification. Members of a
    /// cluster, replicas and copies share the key of what they are made of, and count as one with it;
    /// a function that uses the key for its variables does not count. How the key is watched and who
    /// may use it is for `restricted-key-monitored` and `sensitive-key-access-restricted`. What is asked,
    /// `[classification.asks.restricted]` in `lockfast.toml` can change. A key known only at deployment
    /// is unknown.
    id: "restricted-data-key",
    title: "Restricted data has a customer managed key of its own",
    clauses: ["CLS-4"],
    severity: High,
    fix: "Make a key for this store alone, and re-encrypt the store with it.",
    cloudformation: r#"Type: AWS::DynamoDB::Table
Properties:
  SSESpecification:
    SSEEnabled: true
    SSEType: KMS
    KMSMasterKeyId: !GetAtt CustomersKey.Arn
  Tags: [{Key: DataClassification, Value: restricted}]
"#,
    cdk: r#"new dynamodb.TableV2(this, 'Table', {
  encryption: dynamodb.TableEncryptionV2.customerManagedKey(customersKey),
  /* … */
});
"#,
    by_type: true,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    super::by_classification::judge(cx, out, Classification::Restricted);
}
