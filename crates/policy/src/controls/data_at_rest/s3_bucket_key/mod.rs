use crate::prelude::*;

control! {
    /// With SSE-KMS every object costs a call to KMS when it is written and when it is read; an S3
    /// Bucket Key makes most of them unnecessary (Amazon S3 User Guide, "Reducing the cost of
    /// SSE-KMS with Amazon S3 Bucket Keys"). Looks at buckets whose default encryption is SSE-KMS.
    /// CloudFormation leaves the bucket key off unless `BucketKeyEnabled` is true; the console
    /// switches it on. DSSE-KMS has no bucket keys, SSE-S3 needs none: neither is judged.
    id: "s3-bucket-key",
    title: "Buckets with SSE-KMS use an S3 Bucket Key",
    clauses: ["S3-2"],
    severity: Low,
    fix: "Set BucketKeyEnabled to true. Key policies that match the encryption context aws:s3:arn must then name the bucket's ARN instead of the object's.",
    cloudformation: r#"Type: AWS::S3::Bucket
Properties:
  BucketEncryption:
    ServerSideEncryptionConfiguration:
      - BucketKeyEnabled: true
        ServerSideEncryptionByDefault:
          SSEAlgorithm: aws:kms
          KMSMasterKeyID: !GetAtt BucketKey.Arn
"#,
    cdk: r#"new s3.Bucket(this, 'Invoices', {
  encryption: s3.BucketEncryption.KMS,
  encryptionKey: bucketKey,
  bucketKeyEnabled: true,
});
"#,
}

const OFF: ServiceDefault = ServiceDefault {
    doc: "Amazon S3 User Guide: Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys",
    since: "",
};

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::S3::Bucket"]) {
        let rule = "BucketEncryption.ServerSideEncryptionConfiguration.0";
        let algorithm = subject
            .at(&format!(
                "{rule}.ServerSideEncryptionByDefault.SSEAlgorithm"
            ))
            .string();
        let algorithm = match algorithm {
            Read::Absent(_) => continue,
            Read::Found(name, _) if name != "aws:kms" => continue,
            other => other.optional(),
        };
        let on = subject
            .at(&format!("{rule}.BucketKeyEnabled"))
            .bool()
            .or_default(false, OFF);
        let judgement = match (&algorithm, &on) {
            (Known::Unknown(why, _), _) if on.value() != Some(&true) => {
                Judgement::cannot_tell(subject, "whether the bucket uses SSE-KMS", why)
            }
            (_, Known::Unknown(why, _)) => {
                Judgement::cannot_tell(subject, "whether it has a bucket key", why)
            }
            (_, known) if known.value() == Some(&true) => {
                Judgement::pass(subject, "a bucket key saves it most calls to KMS")
            }
            _ => Judgement::fail(
                subject,
                "every object read or written calls KMS: the bucket key is off",
            ),
        };
        out.push(judgement.fact("BucketKeyEnabled", &on));
    }
}
