use crate::controls::data_at_rest::inherited::effective;
use crate::prelude::*;

control! {
    /// In a CDK app (resources with `aws:cdk:path`), a storage construct must come out encrypted:
    /// judged by what the construct synthesises, so that a construct which forgets encryption is
    /// found whoever instantiates it. Encryption by the service's own default passes with a note
    /// that the construct leaves it to AWS.
    id: "constructs-encrypted",
    title: "Storage constructs come out encrypted",
    clauses: ["CDK-1"],
    sources: [Iac],
    severity: Medium,
    fix: "Set encryption in the construct itself, so that nobody who uses it has to think of it.",
    cloudformation: r#"# the construct's output
Type: AWS::SQS::Queue
Properties: {KmsMasterKeyId: !Ref QueueKey}
"#,
    cdk: r#"export class ShopQueue extends sqs.Queue {
  constructor(scope: Construct, id: string, key: kms.IKey, props: sqs.QueueProps = {}) {
    super(scope, id, { encryption: sqs.QueueEncryption.KMS, encryptionMasterKey: key, ...props });
  }
}
"#,
    by_type: true,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.inventory.stores() {
        let resource = cx.inventory.resource(store.resource);
        if resource.written().construct_path.is_none() || matches!(store.spec.noun.as_str(), "function" | "task" | "parameter" | "other") {
            continue;
        }
        let protection = effective(cx, store);
        let judgement = match &protection {
            known if known.unknown_key().is_some() => Judgement::pass(store, "the construct encrypts"),
            Known::Unknown(why, _) => Judgement::cannot_tell(store, "whether the construct encrypts", why),
            known if known.value() == Some(&Protection::None) => {
                Judgement::fail(store, "the construct comes out unencrypted")
            }
            Known::Default(..) => Judgement::pass(store, "the construct comes out encrypted")
                .note("by the service's default; the construct itself says nothing"),
            _ => Judgement::pass(store, "the construct encrypts"),
        };
        out.push(judgement.fact_as("encryption", &protection, |p| p.label(cx.inventory)));
    }
}
