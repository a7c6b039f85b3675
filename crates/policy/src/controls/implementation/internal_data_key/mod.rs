use crate::prelude::*;

control! {
    /// Looks at every store that is classified as internal. A customer managed key is recommended: a
    /// store with an AWS managed or AWS owned key passes with a note that says so, unless
    /// `[classification.asks.internal]` in `lockfast.toml` demands one. A store that nothing encrypts
    /// fails; one whose key is known only at deployment is unknown.
    id: "internal-data-key",
    title: "Internal data is encrypted, with a customer managed key where it can be",
    clauses: ["CLS-2"],
    severity: Medium,
    fix: "Switch encryption at rest on, best with a customer managed key for internal data.",
    cloudformation: r#"Type: AWS::DynamoDB::Table
Properties:
  SSESpecification:
    SSEEnabled: true
    SSEType: KMS
    KMSMasterKeyId: !GetAtt InternalKey.Arn
  Tags: [{Key: DataClassification, Value: internal}]
"#,
    cdk: r#"new dynamodb.TableV2(this, 'Table', {
  encryption: dynamodb.TableEncryptionV2.customerManagedKey(internalKey),
  /* … */
});
"#,
    by_type: true,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    super::by_classification::judge(cx, out, Classification::Internal);
}
