use crate::prelude::*;

control! {
    /// Timestream encrypts every database, and InfluxDB instances too; what can go wrong is the key.
    /// A customer managed key must be enabled and lie in the database's region (Amazon Timestream
    /// Developer Guide, "Encryption at rest").
    id: "timestream-encrypted",
    title: "Timestream databases are encrypted at rest with a key that works",
    clauses: ["TS-1"],
    severity: High,
    fix: "Enable the key, or name another of the same region in KmsKeyId.",
    cloudformation: r#"Type: AWS::Timestream::Database
Properties:
  DatabaseName: telemetry
  KmsKeyId: !GetAtt TelemetryKey.Arn
"#,
    cdk: r#"new timestream.CfnDatabase(this, 'Telemetry', { kmsKeyId: telemetryKey.keyArn });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    super::working_key::judge(cx, out, &["time-series"], "database");
}
