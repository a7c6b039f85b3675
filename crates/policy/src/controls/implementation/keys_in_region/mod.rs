use crate::prelude::*;
use lockfast_facts::nouns::KeyUse;

control! {
    /// Looks at every store with a customer managed key and compares their regions: the stack's for
    /// a key in the templates, the ARN's for one that is only named; for a replica of a global
    /// table the replica's own region. A multi-Region key counts by the ARN or resource named, which
    /// has to be the replica of that region. A key named without a region, or stacks that do not
    /// say theirs, leave it unknown.
    id: "keys-in-region",
    title: "Keys lie in the region of the data they encrypt",
    clauses: ["RES-1"],
    severity: High,
    fix: "Use a key of the data's own region: make one there, or replicate a multi-Region key to it.",
    cloudformation: r#"ReplicaKey:
  Type: AWS::KMS::ReplicaKey
  Properties:
    PrimaryKeyArn: arn:aws:kms:eu-central-1:111111111111:key/mrk-…
"#,
    cdk: r#"new kms.CfnReplicaKey(this, 'ReplicaKey', { primaryKeyArn, keyPolicy });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.inventory.stores() {
        let Some(Protection::Customer(key)) = store.protection.value() else {
            if let Known::Unknown(why, _) = &store.protection
                && store.spec.default != lockfast_facts::tables::DefaultProtection::Unknown
            {
                out.push(Judgement::cannot_tell(store, "in which region its key lies", why).fact_as(
                    "key",
                    &store.protection,
                    |p| p.label(cx.inventory),
                ));
            }
            continue;
        };
        let resource = cx.inventory.resource(store.resource);
        let own = if &*resource.kind == "AWS::DynamoDB::GlobalTable" && !store.part.is_empty() {
            Some(store.part.clone())
        } else {
            cx.inventory.stack_of(resource).place.region.as_ref().map(|r| r.to_string())
        };
        let same_stack = key.resource(cx.inventory).is_some_and(|k| k.stack == resource.stack);
        let judgement = match (own, key_region(cx, key)) {
            (Some(own), Some(region)) if own == region => {
                Judgement::pass(store, format!("data and key lie in {region}"))
            }
            (Some(own), Some(region)) => {
                Judgement::fail(store, format!("the data lies in {own}, its key in {region}"))
            }
            _ if same_stack => Judgement::pass(store, "data and key lie in one stack, so in one region"),
            // An alias or id without a region is looked up in the data's own.
            _ if matches!(&key.target, KeyTarget::External(name) if !name.starts_with("arn:")) => {
                Judgement::pass(store, "the key is named without a region, so it is looked up in the data's")
            }
            _ => Judgement::unknown(store, "cannot tell whether data and key lie in one region: the input does not say both"),
        };
        out.push(judgement.key(key).fact_as("key", &store.protection, |p| p.label(cx.inventory)));
    }
}

fn key_region(cx: &Cx<'_>, key: &KeyUse) -> Option<String> {
    match &key.target {
        KeyTarget::Resource(id) => cx
            .inventory
            .stack_of(cx.inventory.resource(*id))
            .place
            .region
            .as_ref()
            .map(|r| r.to_string()),
        KeyTarget::External(arn) => {
            let region = arn.strip_prefix("arn:")?.split(':').nth(2)?;
            (!region.is_empty() && region != "*").then(|| region.to_owned())
        }
        KeyTarget::AwsManaged(_) => None,
    }
}
