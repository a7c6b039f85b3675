use super::asked_rotation::{Data, by_age, hand_rotated};
use crate::live::listed;
use crate::prelude::*;

control! {
    /// Asymmetric and HMAC keys, keys with imported material and keys in custom key stores never rotate
    /// by themselves (AWS KMS Developer Guide, "Rotate AWS KMS keys"), so people must replace them, or
    /// import new material, as often as what they protect asks: the strictest classification of the key
    /// and of every store that uses it, by `lockfast.toml` or the built-in policy. The age counts from
    /// the last rotation (`LastRotationDate`: on demand, or of imported material), or from the key's
    /// creation, to the day of the run. A key that nothing classifies passes with a note while it is no
    /// older than the laxest classification allows. Keys on their way out (`PendingDeletion`) are not judged.
    id: "hand-rotated-keys-age",
    title: "Keys that do not rotate by themselves are replaced in time",
    clauses: ["ROT-2", "BP-6"],
    sources: [Live],
    severity: High,
    fix: "Make a new key (or import new material and rotate to it), move the alias, encrypt what is stored again, and put the next date into a calendar.",
    cloudformation: r#"NewSigningKey:
  Type: AWS::KMS::Key
  Properties: {KeySpec: ECC_NIST_P256, KeyUsage: SIGN_VERIFY, KeyPolicy: !Ref Policy}
SigningAlias:
  Type: AWS::KMS::Alias
  Properties: {AliasName: alias/signing, TargetKeyId: !Ref NewSigningKey}
"#,
    cdk: r#"const signing = new kms.Key(this, 'Signing2027', { keySpec: kms.KeySpec.ECC_NIST_P256, keyUsage: kms.KeyUsage.SIGN_VERIFY });
new kms.Alias(this, 'SigningAlias', { aliasName: 'alias/signing', targetKey: signing });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let data = Data::of(cx);
    for subject in listed(cx, &["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        let state = subject.at("KeyState").string().found();
        if state.is_some_and(|state| state.starts_with("Pending")) {
            continue;
        }
        // What is not told of spec and origin, the control over automatic rotation says.
        if let Some(kind) = hand_rotated(subject) {
            out.push(by_age(cx, subject, &kind, &data.asked(cx, subject.id())));
        }
    }
}
