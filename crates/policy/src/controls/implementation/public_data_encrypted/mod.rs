use crate::prelude::*;

control! {
    /// Looks at every store that is classified as public. AWS managed and AWS owned keys are enough for
    /// it, in every environment, and so is any other; only a store that nothing encrypts fails. What
    /// the built-in policy asks of public data, `[classification.asks.public]` in `lockfast.toml` can
    /// change. A store whose encryption is known only at deployment is unknown.
    id: "public-data-encrypted",
    title: "Public data is encrypted, with any key",
    clauses: ["CLS-1"],
    severity: Low,
    fix: "Switch encryption at rest on; an AWS managed key will do for public data.",
    cloudformation: r#"Type: AWS::DynamoDB::Table
Properties:
  SSESpecification:
    SSEEnabled: true
    SSEType: KMS
    KMSMasterKeyId: !GetAtt PublicKey.Arn
  Tags: [{Key: DataClassification, Value: public}]
"#,
    cdk: r#"new dynamodb.TableV2(this, 'Table', {
  encryption: dynamodb.TableEncryptionV2.customerManagedKey(publicKey),
  /* … */
});
"#,
    by_type: true,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    super::by_classification::judge(cx, out, Classification::Public);
}
