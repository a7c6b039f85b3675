use crate::live::listed_or_unknown;
use crate::monitors::groups;
use crate::patterns::rotation;
use crate::prelude::*;

control! {
    /// Where the input has keys, their rotation must be watched: an EventBridge rule or a metric
    /// filter that matches one of the events of rotation ("KMS CMK Rotation", `RotateKey`,
    /// `DisableKeyRotation`) and tells somebody. Patterns are evaluated against sample events. A
    /// Config rule on rotation (`CMK_BACKING_KEY_ROTATION_ENABLED`) counts too.
    id: "rotation-watched",
    title: "Rotation of keys is monitored and raises an alert",
    clauses: ["ROT-3"],
    severity: Low,
    fix: "Add an EventBridge rule for detail-type \"KMS CMK Rotation\" and for DisableKeyRotation, with a target that reaches people.",
    cloudformation: r#"Type: AWS::Events::Rule
Properties:
  EventPattern: {source: [aws.kms], detail-type: [KMS CMK Rotation]}
  Targets: [{Id: security, Arn: !Ref SecurityTopic}]
"#,
    cdk: r#"new events.Rule(this, 'Rotation', {
  eventPattern: { source: ['aws.kms'], detailType: ['KMS CMK Rotation'] },
  targets: [new targets.SnsTopic(securityTopic)],
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let keys = listed_or_unknown(cx, &["AWS::KMS::Key", "AWS::KMS::ReplicaKey"], "whether the rotation of its keys is watched", out);
    if keys.is_empty() {
        return;
    }
    let mut seen = cx.monitors().see(cx, &rotation());
    seen.also_by_config(cx, "CMK_BACKING_KEY_ROTATION_ENABLED");
    for group in groups(cx, keys) {
        out.extend(seen.judge(cx, &group, "the rotation of keys"));
    }
}
