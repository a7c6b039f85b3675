use super::bucket_policy::{Attempt, BucketPolicies, another_key, value};
use crate::prelude::*;
use lockfast_access::ContextValue;

control! {
    /// Amazon S3 encrypts every upload, with the bucket's default when the request says nothing. But
    /// a request may ask for other encryption than the default, and gets it. So where the bucket's
    /// default is a KMS key, its policy is evaluated against uploads over TLS, by an anonymous caller
    /// and by any principal of the account: one that asks for `AES256` instead, one that names
    /// another KMS key and, where the default is a customer managed key, one that asks for `aws:kms`
    /// and names no key, which S3 encrypts with the AWS managed key `aws/s3`. Each must be explicitly
    /// denied (Amazon S3 User Guide, "Protecting data by using server-side encryption").
    ///
    /// Keys that uploads bring along (SSE-C) are refused by S3 itself since April 2026, unless the
    /// bucket's `BlockedEncryptionTypes` is `NONE`: then its policy must refuse them too. Otherwise a
    /// bucket on SSE-S3 prescribes no key of its own and passes: nothing uploaded to it stays
    /// unencrypted. A bucket whose policy stands in no template given has none as far as can be seen,
    /// and fails.
    id: "s3-refuses-wrong-uploads",
    title: "Bucket policies refuse uploads that are not encrypted with the bucket's key",
    clauses: ["S3-3"],
    severity: Medium,
    fix: "Deny s3:PutObject to everyone when s3:x-amz-server-side-encryption-aws-kms-key-id is not the bucket's key. With StringNotEqualsIfExists this also refuses uploads that name no key, those that leave encryption to the bucket's default among them; to let those through, deny three cases instead: another key that is named (StringNotEquals with Null false), AES256, and aws:kms without a key.",
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
const OWN_KEY: &str = "s3:x-amz-server-side-encryption-customer-algorithm";
const BLOCKED: &str =
    "BucketEncryption.ServerSideEncryptionConfiguration.0.BlockedEncryptionTypes.EncryptionType";

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let policies = BucketPolicies::of(cx);
    for store in cx.stores("bucket") {
        let bucket = store.subject(cx.inventory);
        let mut attempts = Vec::new();
        let mut judgements = Vec::new();
        match &store.protection {
            Known::Unknown(why, _) => judgements.push(Judgement::cannot_tell(
                store,
                "which key uploads must use",
                why,
            )),
            Known::Stated(Protection::Customer(_), _) => {
                attempts.extend([other_algorithm(), another_kms_key(bucket), no_key()]);
            }
            Known::Stated(Protection::AwsManaged(_), _) => {
                attempts.extend([other_algorithm(), another_kms_key(bucket)]);
            }
            _ => {}
        }
        match brings_keys(bucket) {
            Read::Found(true, _) => attempts.push(own_key()),
            Read::Unknown(why, loc) => judgements.push(
                Judgement::cannot_tell(store, "whether it takes keys that uploads bring along", &why).at(loc),
            ),
            _ => {}
        }
        if attempts.is_empty() && judgements.is_empty() {
            judgements.push(Judgement::pass(
                store,
                "S3 encrypts every upload, and the bucket prescribes no key of its own",
            ));
        }
        let all = match attempts.as_slice() {
            [only] => only.what.clone(),
            _ => "uploads with another key".to_owned(),
        };
        judgements.extend(policies.judge(cx, store, bucket, &attempts, &all));
        out.extend(judgements.into_iter().map(|judgement| {
            judgement.fact_as("default encryption", &store.protection, |p| {
                p.label(cx.inventory)
            })
        }));
    }
}

/// Whether a bucket takes uploads under keys that they bring along (SSE-C): only where it says so.
fn brings_keys(bucket: Subject<'_>) -> Read<bool> {
    bucket.at(BLOCKED).list().then(|blocked, loc| {
        let blocked: Vec<_> = blocked.iter().map(|item| item.at("").string()).collect();
        if let Some(Read::Unknown(why, loc)) =
            blocked.iter().find(|read| matches!(read, Read::Unknown(..)))
        {
            return Read::Unknown(why.clone(), *loc);
        }
        let none = |read: Read<String>| read.found().is_some_and(|blocked| blocked == "NONE");
        Read::Found(blocked.into_iter().any(none), loc)
    })
}

fn upload(what: &str, context: Vec<(&'static str, Vec<ContextValue>)>) -> Attempt {
    let over_tls = ("aws:SecureTransport", vec![value("true")]);
    Attempt {
        what: what.to_owned(),
        action: "s3:PutObject",
        object: true,
        context: std::iter::once(over_tls).chain(context).collect(),
    }
}

fn other_algorithm() -> Attempt {
    upload(
        "uploads that ask for AES256 instead of the bucket's key",
        vec![
            (ALGORITHM, vec![value("AES256")]),
            (KEY, vec![ContextValue::Absent]),
            (OWN_KEY, vec![ContextValue::Absent]),
        ],
    )
}

fn another_kms_key(bucket: Subject<'_>) -> Attempt {
    upload(
        "uploads that name another KMS key",
        vec![
            (ALGORITHM, vec![value("aws:kms")]),
            (KEY, another_key(bucket.id())),
            (OWN_KEY, vec![ContextValue::Absent]),
        ],
    )
}

/// S3 then takes the AWS managed key, not the bucket's.
fn no_key() -> Attempt {
    upload(
        "uploads that ask for aws:kms and name no key, which get the AWS managed key aws/s3",
        vec![
            (ALGORITHM, vec![value("aws:kms")]),
            (KEY, vec![ContextValue::Absent]),
            (OWN_KEY, vec![ContextValue::Absent]),
        ],
    )
}

fn own_key() -> Attempt {
    upload(
        "uploads that bring a key along (SSE-C)",
        vec![
            (ALGORITHM, vec![ContextValue::Absent]),
            (KEY, vec![ContextValue::Absent]),
            (OWN_KEY, vec![value("AES256")]),
        ],
    )
}
