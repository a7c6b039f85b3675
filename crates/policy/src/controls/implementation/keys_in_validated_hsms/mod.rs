use crate::live::listed_or_unknown;
use crate::prelude::*;

control! {
    /// Keys must be made and kept in hardware security modules validated to FIPS 140 Level 3. The HSMs of
    /// AWS KMS are validated to FIPS 140-3 Security Level 3 (AWS KMS Developer Guide, "AWS KMS internal
    /// operations"; NIST CMVP certificate 4884, read 2026-11-27), which replaces the FIPS 140-2 that the
    /// policy names. So a key passes whose material KMS made (`Origin` AWS_KMS)
    /// or an AWS CloudHSM key store keeps (AWS_CLOUDHSM; AWS CloudHSM User Guide, "Compliance validation"). A key
    /// whose material was imported (EXTERNAL) was made elsewhere, and one of an external key store
    /// (EXTERNAL_KEY_STORE) is kept elsewhere: both need an explanation, so they fail until a waiver
    /// gives it. In the regions of China KMS has HSMs that the State Cryptography Administration
    /// certified, not NIST: keys there fail too.
    id: "keys-in-validated-hsms",
    title: "Keys are made and kept in HSMs validated to FIPS 140 Level 3",
    clauses: ["REG-3"],
    sources: [Live],
    severity: Medium,
    fix: "Make a key with KMS's own material and move the data to it, or explain in a waiver who validated the module that made or keeps this one.",
    cloudformation: r#"Type: AWS::KMS::Key
Properties: {Origin: AWS_KMS, EnableKeyRotation: true}
"#,
    cdk: r#"new kms.Key(this, 'Key', { enableKeyRotation: true });
"#,
}

const LEVEL: &str = "the HSMs of AWS KMS are validated to FIPS 140-3 Security Level 3 (NIST CMVP certificate 4884)";
const CLOUDHSM: &str = "of AWS CloudHSM, hsm2m.medium in FIPS mode is validated to FIPS 140-3 Level 3 (NIST CMVP certificate 4703); the certificate of hsm1.medium is historical since 2026-01-04. Which of them the cluster has is not told";

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let kinds = ["AWS::KMS::Key", "AWS::KMS::ReplicaKey"];
    for key in listed_or_unknown(cx, &kinds, "which keys there are, and what keeps them", out) {
        if key.at("KeyState").string().found().as_deref() == Some("PendingDeletion") {
            continue;
        }
        let region = &cx.inventory.stack_of(key.resource).place.region;
        let in_china = region.as_deref().is_some_and(|region| region.starts_with("cn-"));
        let origin = match key.at("Origin").string() {
            Read::Found(origin, loc) => Known::Stated(origin, loc),
            Read::Unknown(why, loc) => Known::Unknown(why, loc),
            // A key that could not be described has not even this.
            Read::Absent(loc) => match key.at("KeyManager") {
                Read::Unknown(why, loc) => Known::Unknown(why, loc),
                _ => Known::Unknown(Arc::new(Why::NotGiven("its Origin".into())), loc),
            },
        };
        let judgement = match &origin {
            Known::Unknown(why, _) => Judgement::cannot_tell(key, "where its material comes from", why),
            known => match known.value().map(String::as_str).unwrap_or_default() {
                "EXTERNAL" => Judgement::fail(key, "its material was made outside AWS and imported: nothing says in which module"),
                "EXTERNAL_KEY_STORE" => Judgement::fail(key, "an external key store keeps it, outside AWS's validated HSMs"),
                "AWS_KMS" if in_china => {
                    Judgement::fail(key, "the HSMs of AWS KMS in China are not validated to FIPS 140")
                }
                "AWS_KMS" => Judgement::pass(key, "AWS KMS made it in its validated HSMs, and keeps it there").note(LEVEL),
                "AWS_CLOUDHSM" => Judgement::pass(key, "an AWS CloudHSM key store keeps it").note(CLOUDHSM),
                other => Judgement::unknown(key, format!("cannot tell what keeps it: its origin {other} is not known here")),
            },
        };
        out.push(judgement.fact("Origin", &origin));
    }
}
