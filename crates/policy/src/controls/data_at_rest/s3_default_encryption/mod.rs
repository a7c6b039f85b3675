use crate::prelude::*;
use lockfast_facts::Loc;

control! {
    /// Since 5 January 2023 Amazon S3 encrypts every new object, with S3 managed keys (AES-256)
    /// unless the bucket says otherwise (Amazon S3 User Guide, "Setting default server-side
    /// encryption behavior for Amazon S3 buckets"). So a bucket cannot be without encryption; what
    /// it can have is a default that does not work or does not mean what it says. Looks at every
    /// general purpose, directory, table and vector bucket, and fails one whose key is disabled or
    /// lies in another region (S3 takes only keys of the bucket's own region), and one that names a
    /// KMS key beside `AES256`, which S3 does not use.
    ///
    /// Which key it should be is decided by `s3-key-as-asked`. A bucket that says nothing passes on
    /// the service's default, which is quoted.
    id: "s3-default-encryption",
    title: "Every bucket has a default encryption that works",
    clauses: ["S3-1"],
    severity: High,
    fix: "State BucketEncryption with SSEAlgorithm aws:kms and the ARN of an enabled key in the bucket's own region, or AES256 without a key.",
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

const RULE: &str =
    "BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault";

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let buckets = [
        "bucket",
        "bucket-express",
        "bucket-tables",
        "bucket-vectors",
    ];
    for store in buckets.iter().flat_map(|noun| cx.stores(noun)) {
        let subject = store.subject(cx.inventory);
        let unused_key = unused_key(subject);
        let judgements = match &store.protection {
            Known::Stated(Protection::Customer(key), _) if unused_key.is_none() => super::working_key::of_key(
                cx,
                store,
                key,
                "its default encryption's key",
                "new objects are encrypted with a customer managed key",
            ),
            protection => vec![without_customer_key(cx, store, protection, unused_key)],
        };
        out.extend(judgements.into_iter().map(|judgement| {
            judgement.fact_as("default encryption", &store.protection, |p| {
                p.label(cx.inventory)
            })
        }));
    }
}

fn without_customer_key(
    cx: &Cx<'_>,
    store: &Store,
    protection: &Known<Protection>,
    unused_key: Option<Loc>,
) -> Judgement {
    if let Some(loc) = unused_key {
        let message = "it names a KMS key, but its algorithm is AES256: S3 uses its own key or refuses the setting";
        return Judgement::fail(store, message).at(loc);
    }
    match protection {
        known if let Some(why) = known.unknown_key() => super::working_key::of_unknown_key(
            cx,
            store,
            why,
            "its default encryption's key",
            "new objects are encrypted with a KMS key",
        ),
        Known::Unknown(why, _) => Judgement::cannot_tell(store, "its default encryption", why),
        Known::Default(..) => {
            Judgement::pass(store, "it states nothing, and S3 encrypts new objects by default")
        }
        Known::Stated(Protection::None, _) => Judgement::fail(store, "it is not encrypted"),
        Known::Stated(..) => Judgement::pass(store, "new objects are encrypted by default"),
    }
}

/// Where a key stands that the algorithm does not use.
fn unused_key(subject: Subject<'_>) -> Option<Loc> {
    let algorithm = subject
        .at(&format!("{RULE}.SSEAlgorithm"))
        .string()
        .found()?;
    if algorithm != "AES256" {
        return None;
    }
    match subject.at(&format!("{RULE}.KMSMasterKeyID")) {
        Read::Found(value, loc) => match value.at("").string() {
            Read::Found(name, _) if name.is_empty() => None,
            _ => Some(loc),
        },
        _ => None,
    }
}
