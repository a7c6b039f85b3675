use crate::prelude::*;

control! {
    /// DynamoDB encrypts every table; what can go wrong is the key. Looks at tables and at each
    /// replica of a global table: a customer managed key must be enabled and lie in the replica's
    /// own region (Amazon DynamoDB Developer Guide, "DynamoDB encryption at rest"). DynamoDB
    /// archives a table that cannot reach its key for seven days.
    id: "dynamodb-encrypted",
    title: "DynamoDB tables are encrypted at rest with a key that works",
    clauses: ["DDB-1"],
    severity: Critical,
    fix: "Enable the key, or name one of the table's own region in SSESpecification. DynamoDB re-wraps the table without downtime.",
    cloudformation: r#"Type: AWS::DynamoDB::Table
Properties:
  SSESpecification:
    SSEEnabled: true
    SSEType: KMS
    KMSMasterKeyId: !GetAtt TableKey.Arn
"#,
    cdk: r#"new dynamodb.TableV2(this, 'Orders', {
  encryption: dynamodb.TableEncryptionV2.customerManagedKey(tableKey),
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    super::working_key::judge(cx, out, &["table"], "table");
}
