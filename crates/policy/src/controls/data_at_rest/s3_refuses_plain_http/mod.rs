use super::bucket_policy::{Attempt, BucketPolicies, value};
use crate::prelude::*;
use lockfast_access::ContextValue;

control! {
    /// Evaluates the bucket's policy against requests over plain HTTP (`aws:SecureTransport` false):
    /// reading, writing and deleting an object, and listing the bucket, by an anonymous caller and by
    /// any principal of the account. Each must be explicitly denied, whoever asks and whatever the
    /// object is called. The policy is evaluated as AWS would, not searched for a text: a `Deny` that
    /// covers only the objects and not the bucket, only one prefix or only one role lets the rest
    /// through and fails. A denial that spares AWS services (`aws:PrincipalIsAWSService`) passes,
    /// since they always use TLS.
    ///
    /// A bucket whose policy is in no template given has none as far as can be seen, and fails.
    /// Where a policy hangs on values that are not known before deployment, it is unknown.
    id: "s3-refuses-plain-http",
    title: "Bucket policies refuse plain HTTP",
    clauses: ["S3-3"],
    severity: High,
    fix: "Add a statement that denies s3:* to everyone on the bucket and its objects when aws:SecureTransport is false.",
    cloudformation: r#"Type: AWS::S3::BucketPolicy
Properties:
  Bucket: !Ref Invoices
  PolicyDocument:
    Version: "2012-10-17"
    Statement:
      - Sid: DenyPlainHttp
        Effect: Deny
        Principal: "*"
        Action: s3:*
        Resource: [!GetAtt Invoices.Arn, !Sub "${Invoices.Arn}/*"]
        Condition: {Bool: {"aws:SecureTransport": "false"}}
"#,
    cdk: r#"new s3.Bucket(this, 'Invoices', { enforceSSL: true });
"#,
}

const ACTIONS: [(&str, bool); 4] = [
    ("s3:GetObject", true),
    ("s3:PutObject", true),
    ("s3:DeleteObject", true),
    ("s3:ListBucket", false),
];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let policies = BucketPolicies::of(cx);
    let attempts = ACTIONS.map(|(action, object)| Attempt {
        what: format!("{action} over plain HTTP"),
        action,
        object,
        context: vec![
            ("aws:SecureTransport", vec![value("false")]),
            ("s3:TlsVersion", vec![ContextValue::Absent]),
        ],
    });
    for bucket in cx.subjects(&["AWS::S3::Bucket"]) {
        out.extend(policies.judge(cx, bucket, bucket, &attempts, "plain HTTP"));
    }
}
