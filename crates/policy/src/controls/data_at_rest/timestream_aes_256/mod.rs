use crate::prelude::*;

control! {
    /// Timestream encrypts with AES-256 under an AES-256 KMS key (Amazon Timestream Developer
    /// Guide, "Encryption at rest"). A key of another KeySpec (RSA, ECC, HMAC, SM4) is no such key.
    id: "timestream-aes-256",
    title: "Timestream data is encrypted with AES-256",
    clauses: ["TS-2"],
    severity: High,
    fix: "Use a symmetric encryption key (KeySpec SYMMETRIC_DEFAULT).",
    cloudformation: r#"Type: AWS::KMS::Key
Properties:
  KeySpec: SYMMETRIC_DEFAULT
  EnableKeyRotation: true
"#,
    cdk: r#"new kms.Key(this, 'TelemetryKey', { keySpec: kms.KeySpec.SYMMETRIC_DEFAULT });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    super::aes_256::judge(cx, out, &["time-series"]);
}
