use crate::controls::data_at_rest::inherited::effective;
use crate::incidents::{self, Keys};
use crate::prelude::*;

control! {
    /// Judges the keys of incidents that `lockfast.toml` declares (`[[incident]]`) in which keys are, or may
    /// be, compromised: no store of the accounts scanned may be under such a key any more. Each store that
    /// is fails. When none is, the key passes, if the key of every store in its region is known and the
    /// services that keep most data (S3, RDS, DynamoDB, EBS, EFS, logs, queues, topics, secrets,
    /// parameters) were scanned; otherwise it is unknown.
    ///
    /// Objects written before a bucket's key changed keep the key they were written with, and so do
    /// backups and snapshots: a note says so. With no such incident declared there is nothing to judge.
    id: "data-encrypted-again",
    title: "Data under a compromised key is encrypted again",
    clauses: ["KCR-2"],
    sources: [Live],
    severity: Critical,
    fix: "Encrypt each store again under the new key: copy buckets in place, restore databases from an encrypted copy, re-create volumes from snapshots copied under it.",
    cloudformation: r#"Type: AWS::S3::Bucket
Properties:
  BucketEncryption:
    ServerSideEncryptionConfiguration:
      - ServerSideEncryptionByDefault: {SSEAlgorithm: aws:kms, KMSMasterKeyID: !GetAtt NewOrdersKey.Arn}
"#,
    cdk: r#"new s3.Bucket(this, 'Orders', { encryption: s3.BucketEncryption.KMS, encryptionKey: newOrdersKey });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let compromised = incidents::compromised(cx, out);
    if compromised.is_empty() {
        return;
    }
    let keys = Keys::of(cx);
    for (incident, arn) in compromised {
        let key = incidents::resource(cx, arn);
        let under = keys.under(cx, arn, effective);
        for store in &under.stores {
            let judgement = Judgement::fail(*store, format!("it is still under the compromised key {arn}"));
            out.push(judgement.part(incident.id.clone()).at(store.protection.loc()));
        }
        if !under.stores.is_empty() {
            continue;
        }
        let about = incidents::about(key);
        let what = "whether all data under the key was encrypted again";
        let unread = incidents::place(cx, arn).and_then(|place| incidents::unread_stores(cx, &place));
        let judgement = match (&under.unknown, unread) {
            (Some((store, why)), _) => {
                let message = format!(
                    "cannot tell {what}: the key of {} is not known: {why}",
                    incidents::store_label(cx, store)
                );
                Judgement::unknown(about, message)
            }
            (None, Some(why)) => Judgement::cannot_tell(about, what, &why),
            (None, None) => Judgement::pass(about, "no store scanned is under the compromised key any more").note(
                "objects, backups and snapshots keep the key they were written with: look through inventories of buckets, and through backups",
            ),
        };
        out.push(judgement.part(incidents::part(incident, arn, key)));
    }
}
