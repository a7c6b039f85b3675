use crate::own_data::has_own_data;
use crate::prelude::*;

control! {
    /// Which key data needs follows from how sensitive it is, so every store must be classified as
    /// public, internal, confidential or restricted: by a rule of `lockfast.toml` (tags, construct
    /// paths, names, types), by a `DataClassification` tag on the resource or on its stack, or by a
    /// default of `lockfast.toml`. A store that nothing classifies fails, and so does one whose tag is
    /// none of the four. A tag whose value is known only at deployment is unknown.
    ///
    /// Code, tasks, functions without variables and plain parameters hold no data to classify.
    id: "data-classified",
    title: "Every store of data is classified",
    clauses: ["CLS-4"],
    severity: Low,
    fix: "Tag the resource or its stack with DataClassification (public, internal, confidential or restricted), or write a rule in lockfast.toml.",
    cloudformation: r#"Tags:
  - Key: DataClassification
    Value: confidential
"#,
    cdk: r#"cdk.Tags.of(this).add('DataClassification', 'confidential');
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.inventory.stores() {
        if !has_own_data(cx, store) {
            continue;
        }
        let classification = cx.classification(store.resource);
        let judgement = match classification {
            Known::Unknown(why, _) => match &**why {
                Why::NotGiven(_) => Judgement::fail(store, "nothing classifies the data in it"),
                Why::Unsupported(what) => {
                    Judgement::fail(store, format!("its classification means nothing: {what}"))
                }
                other => Judgement::cannot_tell(store, "its classification", other),
            },
            _ => Judgement::pass(store, "its data is classified"),
        };
        // The parts of one resource share its classification.
        out.push(judgement.part("").fact("classification", classification));
    }
}
