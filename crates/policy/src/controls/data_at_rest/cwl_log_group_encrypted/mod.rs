use crate::prelude::*;

control! {
    /// Looks at every CloudWatch log group. CloudWatch Logs always encrypts, with a key that the
    /// service keeps to itself (Amazon CloudWatch Logs User Guide, "Encrypt log data in CloudWatch
    /// Logs using AWS KMS"); the policy asks for a KMS key, so a group without `KmsKeyId` fails. So
    /// does one whose key is disabled or lies in another region: CloudWatch Logs then takes no more
    /// events in.
    ///
    /// Groups that services make by themselves at run time stand in no template; which those are is
    /// what `application-logs-encrypted` follows.
    id: "cwl-log-group-encrypted",
    title: "Log groups are encrypted with a KMS key",
    clauses: ["CWL-1"],
    severity: Medium,
    fix: "Set KmsKeyId to the ARN of a key whose policy admits logs.REGION.amazonaws.com for this group. Events stored before keep the earlier encryption until they expire.",
    cloudformation: r#"Type: AWS::Logs::LogGroup
Properties:
  LogGroupName: /shop/checkout
  KmsKeyId: !GetAtt LogKey.Arn
  RetentionInDays: 90
"#,
    cdk: r#"new logs.LogGroup(this, 'Checkout', {
  encryptionKey: logKey,
  retention: logs.RetentionDays.THREE_MONTHS,
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.stores("log-group") {
        let judgements = match &store.protection {
            Known::Unknown(why, _) => {
                vec![Judgement::cannot_tell(store, "the log group's key", why)]
            }
            known => match known.value().and_then(Protection::customer_key) {
                Some(key) => super::working_key::of_key(
                    cx,
                    store,
                    key,
                    "the log group's key",
                    "the log group has a KMS key",
                ),
                None => vec![Judgement::fail(store, "the log group has no KMS key")],
            },
        };
        out.extend(judgements.into_iter().map(|judgement| {
            judgement.fact_as("encryption at rest", &store.protection, |p| {
                p.label(cx.inventory)
            })
        }));
    }
}
