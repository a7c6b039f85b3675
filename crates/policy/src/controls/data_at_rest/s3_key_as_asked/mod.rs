use crate::access_logs::ONLY_SSE_S3;
use crate::config::KeyAsk;
use crate::prelude::*;

control! {
    /// SSE-S3, SSE-KMS and DSSE-KMS all keep the clause; which of them a bucket needs depends on its
    /// classification (`lockfast.toml`, or the built-in policy) and on its environment. Public data
    /// may use any of them, in production too. Confidential and restricted data, and everything else
    /// in production, needs a customer managed key. Where one is only recommended, a note says so.
    ///
    /// Default encryption speaks of new objects: what was written before keeps the key it was
    /// written with, which no template shows (Amazon S3 User Guide, "Setting default server-side
    /// encryption behavior for Amazon S3 buckets"). A bucket without a classification outside
    /// production is unknown, unless it has a customer managed key.
    id: "s3-key-as-asked",
    title: "Buckets use the kind of key their classification and environment ask for",
    clauses: ["S3-2"],
    severity: High,
    fix: "Set BucketEncryption to aws:kms with a customer managed key of the bucket's environment and classification, then re-encrypt the objects that were there before (S3 Batch Operations, or UpdateObjectEncryption).",
    cloudformation: r#"Type: AWS::S3::Bucket
Properties:
  BucketEncryption:
    ServerSideEncryptionConfiguration:
      - BucketKeyEnabled: true
        ServerSideEncryptionByDefault:
          SSEAlgorithm: aws:kms
          KMSMasterKeyID: !GetAtt ConfidentialKey.Arn
"#,
    cdk: r#"new s3.Bucket(this, 'Contracts', {
  encryption: s3.BucketEncryption.KMS,
  encryptionKey: confidentialKey,
  bucketKeyEnabled: true,
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in ["bucket", "bucket-express"]
        .iter()
        .flat_map(|noun| cx.stores(noun))
    {
        let classification = cx.classification(store.resource);
        for (environment, when) in cx.environments(store.subject(cx.inventory), &store.when) {
            let environment = environment.map(|e| e.kind);
            out.push(
                decide(cx, store, classification, &environment)
                    .when(&when)
                    .fact_as("default encryption", &store.protection, |p| {
                        p.label(cx.inventory)
                    })
                    .fact("classification", classification)
                    .fact("environment", &environment),
            );
        }
    }
}

fn decide(
    cx: &Cx<'_>,
    store: &Store,
    classification: &Known<Classification>,
    environment: &Known<EnvironmentKind>,
) -> Judgement {
    let class = classification.value().copied();
    let asked = class.map(|c| cx.config.asks(c).key);
    let production = environment.value() == Some(&EnvironmentKind::Production);
    let any_will_do = asked == Some(KeyAsk::Any);
    let protection = match &store.protection {
        Known::Unknown(why, _) => return Judgement::cannot_tell(store, "the bucket's key", why),
        Known::Stated(p, _) | Known::Default(p, ..) => p,
    };
    if let Protection::Customer(key) = protection {
        return Judgement::pass(store, "new objects get a customer managed key")
            .key(key)
            .note("objects written under an earlier setting keep the key they were written with; S3 Inventory lists them");
    }
    if cx.holds_access_logs(store) {
        return Judgement::pass(store, ONLY_SSE_S3);
    }
    let label = protection.label(cx.inventory);
    match (class, asked) {
        (Some(class), Some(KeyAsk::Customer | KeyAsk::Dedicated)) => Judgement::fail(
            store,
            format!("{class} data needs a customer managed key, the bucket uses {label}"),
        ),
        _ if production && !any_will_do => Judgement::fail(
            store,
            format!("production data needs a customer managed key, the bucket uses {label}"),
        ),
        // Only the classification could demand more of what is public; nothing demands more outside production.
        (Some(class), Some(ask)) if any_will_do || environment.value().is_some() => {
            let judgement =
                Judgement::pass(store, format!("{label} is enough for {class} data here"));
            if ask == KeyAsk::CustomerRecommended {
                judgement.note(format!(
                    "a customer managed key is recommended for {class} data"
                ))
            } else {
                judgement
            }
        }
        (None, _) => match classification {
            Known::Unknown(why, _) => {
                Judgement::cannot_tell(store, "which key the bucket needs", why)
            }
            _ => Judgement::unknown(store, "cannot tell which key the bucket needs"),
        },
        _ => match environment {
            Known::Unknown(why, _) => {
                Judgement::cannot_tell(store, "which key the bucket needs", why)
            }
            _ => Judgement::unknown(store, "cannot tell which key the bucket needs"),
        },
    }
}
