use crate::judgement::About;
use crate::monitors::{Watch, filter, rule};
use crate::patterns::rotation_events;
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
    let keys = cx.inventory.of_kind("AWS::KMS::Key").count();
    if keys == 0 {
        return;
    }
    let mut best = Watch::No;
    for event in rotation_events() {
        for subject in cx.subjects(&["AWS::Events::Rule"]) {
            best = best.max(rule(subject, &event));
        }
        for subject in cx.subjects(&["AWS::Logs::MetricFilter"]) {
            best = best.max(filter(cx, subject, &event));
        }
    }
    let by_config = cx.subjects(&["AWS::Config::ConfigRule"]).iter().any(|r| {
        r.at("Source.SourceIdentifier").string().found().as_deref() == Some("CMK_BACKING_KEY_ROTATION_ENABLED")
    });
    if by_config {
        best = Watch::Yes;
    }
    let stacks = cx.inventory.stacks().len();
    out.push(match best {
        Watch::Yes => Judgement::pass(About::Input, "rotation is watched, and somebody is told"),
        Watch::Silent => Judgement::fail(About::Input, "rotation is matched, but nobody is told: no target or alarm with an action"),
        Watch::Unknown => Judgement::unknown(About::Input, "cannot tell whether rotation is watched: a pattern is known only at deployment"),
        Watch::No => Judgement::fail(About::Input, format!("{keys} keys, and nothing in the {stacks} stacks given watches their rotation")),
    });
}
