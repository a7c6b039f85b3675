use super::bucket_policy::{Answer, Attempt, BucketPolicies, another_key, value};
use crate::prelude::*;
use lockfast_access::ContextValue;

control! {
    /// Amazon S3 encrypts every upload, with the bucket's default when the request says nothing. But
    /// a request may ask for other encryption than the default, and gets it. So where the bucket's
    /// default is a KMS key, its policy is evaluated against two uploads over TLS, by an anonymous
    /// caller and by any principal of the account: one that asks for `AES256` instead, and one that
    /// names another KMS key. Both must be explicitly denied (Amazon S3 User Guide, "Protecting data
    /// by using server-side encryption").
    ///
    /// A bucket on SSE-S3 prescribes no key of its own and passes: nothing uploaded to it stays
    /// unencrypted. Keys that customers bring along (SSE-C) are refused by S3 itself in new buckets
    /// since April 2026. A bucket whose policy stands in no template given has none as far as can be
    /// seen, and fails.
    id: "s3-refuses-wrong-uploads",
    title: "Bucket policies refuse uploads that are not encrypted with the bucket's key",
    clauses: ["S3-3"],
    severity: Medium,
    fix: "Deny s3:PutObject to everyone when s3:x-amz-server-side-encryption-aws-kms-key-id names another key than the bucket's, and when s3:x-amz-server-side-encryption asks for AES256.",
    cloudformation: r#"- Sid: DenyOtherKeys
  Effect: Deny
  Principal: "*"
  Action: s3:PutObject
  Resource: !Sub "${Invoices.Arn}/*"
  Condition:
    StringNotEqualsIfExists:
      "s3:x-amz-server-side-encryption-aws-kms-key-id": !GetAtt InvoicesKey.Arn
"#,
    cdk: r#"bucket.addToResourcePolicy(new iam.PolicyStatement({
  sid: 'DenyOtherKeys',
  effect: iam.Effect.DENY,
  principals: [new iam.AnyPrincipal()],
  actions: ['s3:PutObject'],
  resources: [bucket.arnForObjects('*')],
  conditions: {
    StringNotEqualsIfExists: { 's3:x-amz-server-side-encryption-aws-kms-key-id': key.keyArn },
  },
}));
"#,
}

const ALGORITHM: &str = "s3:x-amz-server-side-encryption";
const KEY: &str = "s3:x-amz-server-side-encryption-aws-kms-key-id";

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let policies = BucketPolicies::of(cx);
    for store in cx.stores("bucket") {
        let judgement = match &store.protection {
            Known::Unknown(why, _) => {
                Judgement::cannot_tell(store, "which key uploads must use", why)
            }
            known => match known.value() {
                Some(Protection::Customer(_) | Protection::AwsManaged(_)) => {
                    uploads(&policies, store, store.subject(cx.inventory))
                }
                _ => Judgement::pass(
                    store,
                    "S3 encrypts every upload, and the bucket prescribes no key of its own",
                ),
            },
        };
        out.push(
            judgement.fact_as("default encryption", &store.protection, |p| {
                p.label(cx.inventory)
            }),
        );
    }
}

fn uploads(policies: &BucketPolicies<'_>, store: &Store, bucket: Subject<'_>) -> Judgement {
    let attempts = [
        Attempt {
            what: "uploads that ask for AES256 instead of the bucket's key".into(),
            action: "s3:PutObject",
            object: true,
            context: vec![
                ("aws:SecureTransport", vec![value("true")]),
                (ALGORITHM, vec![value("AES256")]),
                (KEY, vec![ContextValue::Absent]),
            ],
        },
        Attempt {
            what: "uploads that name another KMS key".into(),
            action: "s3:PutObject",
            object: true,
            context: vec![
                ("aws:SecureTransport", vec![value("true")]),
                (ALGORITHM, vec![value("aws:kms")]),
                (KEY, another_key(bucket.id())),
            ],
        },
    ];
    let mut unknown = None;
    let mut refused = None;
    for attempt in attempts {
        let what = attempt.what.clone();
        match policies.ask(bucket, &attempt) {
            Answer::Refused(loc) => refused = Some(loc),
            Answer::LetThrough(None) => {
                return Judgement::fail(
                    store,
                    format!("it has no bucket policy, so nothing refuses {what}"),
                );
            }
            Answer::LetThrough(Some(loc)) => {
                return Judgement::fail(store, format!("its policy does not refuse {what}"))
                    .at(loc)
                    .stated("let through", what, loc);
            }
            Answer::Sometimes(loc) => {
                return Judgement::fail(
                    store,
                    format!("its policy refuses {what} under further conditions only"),
                )
                .at(loc)
                .stated("let through", what, loc);
            }
            Answer::Unknown(loc) => unknown = unknown.or(Some((what, loc))),
        }
    }
    match (unknown, refused) {
        (Some((what, loc)), _) => Judgement::unknown(
            store,
            format!("cannot tell whether its policy refuses {what}: it hangs on values known only at deployment"),
        )
        .at(loc),
        (None, Some(loc)) => Judgement::pass(store, "its policy refuses uploads with another key").at(loc),
        (None, None) => Judgement::unknown(store, "cannot tell whether its policy refuses uploads with another key"),
    }
}
