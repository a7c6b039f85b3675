use super::sharing::Words;
use crate::prelude::*;

control! {
    /// Collects the stores under each customer managed key and their classifications. Data of two
    /// classifications under one key breaks the clause: whoever may decrypt the one may decrypt
    /// the other. A store that nobody classified leaves a shared key undecided.
    id: "key-per-classification",
    title: "Data of different classifications does not share a key",
    clauses: ["KEY-5", "BP-3"],
    severity: Medium,
    fix: "Make a key per classification and re-encrypt the less sensitive data with its own.",
    cloudformation: r#"ConfidentialKey:
  Type: AWS::KMS::Key
  Properties: {EnableKeyRotation: true, Description: confidential data}
InternalKey:
  Type: AWS::KMS::Key
  Properties: {EnableKeyRotation: true, Description: internal data}
"#,
    cdk: r#"const keys = { confidential: new kms.Key(this, 'Confidential'), internal: new kms.Key(this, 'Internal') };
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    super::sharing::judge(
        cx,
        out,
        |store| cx.classification(store.resource).clone(),
        |_| None,
        &Words {
            several: "classifications",
            none: "has no classification (give it a DataClassification tag, or a rule in lockfast.toml)",
        },
    );
}
