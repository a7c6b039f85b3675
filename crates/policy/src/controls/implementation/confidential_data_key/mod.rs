use crate::prelude::*;

control! {
    /// Looks at every store that is classified as confidential: it must be encrypted with a customer
    /// managed key, followed through aliases, imports and what the store inherits from. A store of a
    /// type that takes no such key fails too: the data does not belong there. Who may use the key is
    /// for `sensitive-key-access-restricted`. What is asked, `[classification.asks.confidential]` in
    /// `lockfast.toml` can change. A key known only at deployment is unknown.
    id: "confidential-data-key",
    title: "Confidential data has a customer managed key",
    clauses: ["CLS-3"],
    severity: High,
    fix: "Name a customer managed key, kept for confidential data, in the store's encryption settings.",
    cloudformation: r#"Type: AWS::DynamoDB::Table
Properties:
  SSESpecification:
    SSEEnabled: true
    SSEType: KMS
    KMSMasterKeyId: !GetAtt ConfidentialKey.Arn
  Tags: [{Key: DataClassification, Value: confidential}]
"#,
    cdk: r#"new dynamodb.TableV2(this, 'Table', {
  encryption: dynamodb.TableEncryptionV2.customerManagedKey(confidentialKey),
  /* … */
});
"#,
    by_type: true,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    super::by_classification::judge(cx, out, Classification::Confidential);
}
