use crate::prelude::*;

control! {
    /// Judges every store of the storage table, whatever the service. Keys of AWS KMS that encrypt
    /// data are 256-bit AES keys in GCM mode, whoever owns them (AWS KMS Cryptographic Details,
    /// "Cryptographic primitives"), and the data keys that services ask for are AES-256 too; Amazon
    /// S3's own keys are AES-256. For a service's own encryption outside KMS the storage table quotes
    /// what AWS documents; where AWS documents no algorithm, it is unknown. What nothing encrypts
    /// fails, and so does a store whose key is an asymmetric or HMAC key.
    ///
    /// Parameters of Systems Manager are left to the controls of SSM-1.
    id: "aes-256-at-rest",
    title: "Data at rest is encrypted with AES-256",
    clauses: ["REG-1"],
    severity: High,
    fix: "Encrypt the store; with a KMS key (KeySpec SYMMETRIC_DEFAULT) or SSE-S3 that is AES-256.",
    cloudformation: r#"Type: AWS::ElastiCache::ReplicationGroup
Properties:
  AtRestEncryptionEnabled: true
  KmsKeyId: !GetAtt CacheKey.Arn
"#,
    cdk: r#"new elasticache.CfnReplicationGroup(this, 'Sessions', {
  replicationGroupDescription: 'sessions',
  atRestEncryptionEnabled: true,
  kmsKeyId: cacheKey.keyArn,
});
"#,
    by_type: true,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.inventory.stores() {
        if store.spec.noun != "parameter" {
            for (case, protection) in super::inherited::protections(cx, store, &store.when) {
                out.push(super::aes_256::of_store(cx, store, &protection).when(&case));
            }
        }
    }
}
