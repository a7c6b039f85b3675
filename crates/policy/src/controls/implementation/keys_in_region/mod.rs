use super::region::{ArnRegion, of_arn};
use crate::controls::data_at_rest::inherited::effective;
use crate::prelude::*;
use lockfast_facts::nouns::KeyUse;
use lockfast_facts::{StackId, Text};
use lockfast_facts::tables::DefaultProtection;

control! {
    /// Looks at every store with a customer managed key and compares their regions: the stack's for
    /// a key in the templates, the ARN's for one that is only named; for a replica of a global
    /// table the replica's own region. A multi-Region key counts by the ARN or resource named, which
    /// has to be the replica of that region. Where the stack does not say its region, a key of the same
    /// stack or its nested stacks, one that is imported (exports stay within an account and region),
    /// one in `${AWS::Region}` and one that is named without a region lie where the data does; any
    /// other is unknown.
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
                && store.spec.default != DefaultProtection::Unknown
                // What takes its encryption from another store of the input lies where that one does.
                && matches!(effective(cx, store), Known::Unknown(..))
            {
                let judgement = match named_in_own_region(cx, store) {
                    true => Judgement::pass(store, OWN_REGION),
                    false => Judgement::cannot_tell(store, "in which region its key lies", why),
                };
                out.push(judgement.fact_as("key", &store.protection, |p| p.label(cx.inventory)));
            }
            continue;
        };
        let resource = cx.inventory.resource(store.resource);
        let own = match is_replica(cx, store) {
            true => Some(store.part.clone()),
            false => cx.inventory.stack_of(resource).place.region.as_ref().map(|r| r.to_string()),
        };
        let key_stack = key.resource(cx.inventory).map(|k| k.stack).filter(|_| !is_replica(cx, store));
        let judgement = match (own, key_region(cx, key)) {
            (Some(own), Some(region)) if own == region => {
                Judgement::pass(store, format!("data and key lie in {region}"))
            }
            (Some(own), Some(region)) => {
                Judgement::fail(store, format!("the data lies in {own}, its key in {region}"))
            }
            _ if key_stack == Some(resource.stack) => {
                Judgement::pass(store, "data and key lie in one stack, so in one region")
            }
            _ if key_stack.is_some_and(|stack| root(cx, stack) == root(cx, resource.stack)) => {
                Judgement::pass(store, "data and key lie in nested stacks of one stack, so in one region")
            }
            _ if key_stack.is_some() && key.steps.iter().any(|step| step.what.starts_with("export ")) => {
                Judgement::pass(store, "the key is imported, which works within one account and region only")
            }
            _ if named_in_own_region(cx, store) => Judgement::pass(store, OWN_REGION),
            // An alias or id without a region is looked up in the data's own.
            _ if matches!(&key.target, KeyTarget::External(name) if !name.starts_with("arn:")) => {
                Judgement::pass(store, "the key is named without a region, so it is looked up in the data's")
            }
            _ => Judgement::unknown(store, "cannot tell whether data and key lie in one region: the input does not say both"),
        };
        out.push(judgement.key(key).fact_as("key", &store.protection, |p| p.label(cx.inventory)));
    }
}

const OWN_REGION: &str = "the key's ARN names the stack's own region";

/// A replica of a global table, whose region is its part's name.
fn is_replica(cx: &Cx<'_>, store: &Store) -> bool {
    &*cx.inventory.resource(store.resource).kind == "AWS::DynamoDB::GlobalTable" && !store.part.is_empty()
}

/// The outermost stack that nests a stack.
fn root(cx: &Cx<'_>, stack: StackId) -> StackId {
    let around = std::iter::successors(Some(stack), |id| cx.inventory.stack(*id).parent);
    around.take(cx.inventory.stacks().len()).last().unwrap_or(stack)
}

/// True when every key that the store names is written as an ARN in `${AWS::Region}`.
fn named_in_own_region(cx: &Cx<'_>, store: &Store) -> bool {
    if store.spec.key.is_empty() || is_replica(cx, store) {
        return false;
    }
    let path = match store.spec.at.as_str() {
        "" => store.spec.key.clone(),
        at => format!("{at}.{}", store.spec.key),
    };
    let keys = store.subject(cx.inventory).each(&path);
    !keys.is_empty()
        && keys.into_iter().all(|key| match key.text() {
            Read::Found(text, _) => matches!(of_arn(&text), ArnRegion::Own),
            _ => false,
        })
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
            match of_arn(&Text::Plain(arn.as_str().into())) {
                ArnRegion::Named(region) => Some(region),
                _ => None,
            }
        }
        KeyTarget::AwsManaged(_) => None,
    }
}
