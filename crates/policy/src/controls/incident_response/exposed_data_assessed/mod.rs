use crate::config::IncidentKind;
use crate::incidents;
use crate::prelude::*;

control! {
    /// Judges what incidents of kind `data-exposed` in `lockfast.toml` (`[[incident]]`) name as exposed: how
    /// each resource is encrypted must be known. What is encrypted passes, with its key; what is not fails,
    /// since whoever got the data can read it; what was not scanned, or does not tell, is unknown, and so is
    /// a resource that keeps no data that Lockfast knows of.
    ///
    /// With no such incident declared there is nothing to judge.
    id: "exposed-data-assessed",
    title: "How exposed data is encrypted is known",
    clauses: ["DER-1"],
    sources: [Live],
    severity: High,
    fix: "Scan the account of what was exposed with the permissions that the scan asks for; encrypt what is not, and treat what was exposed as read.",
    cloudformation: r#"Type: AWS::S3::Bucket
Properties:
  BucketEncryption:
    ServerSideEncryptionConfiguration:
      - ServerSideEncryptionByDefault: {SSEAlgorithm: aws:kms, KMSMasterKeyID: !GetAtt Key.Arn}
"#,
    cdk: r#"new s3.Bucket(this, 'Exports', { encryption: s3.BucketEncryption.KMS, encryptionKey: key });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let exposed = incidents::that(cx, out, ("of exposed data", |i| i.kind == IncidentKind::DataExposed));
    for incident in exposed {
        for arn in &incident.resources {
            let Some(resource) = incidents::resource(cx, arn) else {
                out.push(incidents::not_scanned(incident, arn, "how what was exposed is encrypted"));
                continue;
            };
            let mut stores = cx.inventory.stores_of(resource.id).peekable();
            if stores.peek().is_none() {
                let message = "cannot tell how it is encrypted: it is no store that Lockfast knows";
                out.push(Judgement::unknown(resource, message).part(incident.id.clone()));
            }
            for store in stores {
                let part = match store.part.is_empty() {
                    true => incident.id.clone(),
                    false => format!("{}: {}", incident.id, store.part),
                };
                let judgement = match &store.protection {
                    Known::Unknown(why, _) => Judgement::cannot_tell(store, "how it is encrypted", why),
                    known if known.value().is_some_and(Protection::is_encrypted) => {
                        Judgement::pass(store, "what was exposed is encrypted, and under which key is known")
                    }
                    _ => Judgement::fail(store, "what was exposed is not encrypted: whoever got it can read it"),
                };
                out.push(
                    judgement
                        .part(part)
                        .fact_as("encryption at rest", &store.protection, |p| p.label(cx.inventory)),
                );
            }
        }
    }
}
