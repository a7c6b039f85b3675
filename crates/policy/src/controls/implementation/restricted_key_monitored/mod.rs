use crate::monitors::KeyWatch;
use crate::prelude::*;

control! {
    /// Restricted data asks for enhanced monitoring of its key (`monitoring` of
    /// `[classification.asks]` in `lockfast.toml`). Something in the stacks given must watch the use or
    /// the management of the key and tell somebody: an enabled EventBridge rule with targets or a
    /// metric filter with an alarm that has actions, which matches any of the events of keys (patterns
    /// are evaluated against sample events), or an alarm on a metric of the key in `AWS/KMS`. A monitor
    /// counts for the keys of its own account and region, under the conditions that it is made under.
    /// Whether it catches each event that matters is for the control of KEY-9.
    ///
    /// Keys that no template given makes are unknown, and so is a rule whose pattern is known only at
    /// deployment.
    id: "restricted-key-monitored",
    title: "Keys of restricted data are watched",
    clauses: ["CLS-4"],
    severity: Medium,
    fix: "Add an EventBridge rule on aws.kms events, or a metric filter with an alarm, in the key's account and region, and send it to somebody.",
    cloudformation: r#"Type: AWS::Events::Rule
Properties:
  EventPattern:
    source: [aws.kms]
    detail-type: [AWS API Call via CloudTrail, KMS CMK Rotation, KMS CMK Deletion]
  Targets: [{Id: security, Arn: !Ref SecurityTopic}]
"#,
    cdk: r#"new events.Rule(this, 'KeyEvents', {
  eventPattern: { source: ['aws.kms'] },
  targets: [new targets.SnsTopic(securityTopic)],
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let mut monitored = None;
    for (key, stores) in crate::key_users::by_key(cx) {
        let Some((store, class)) = stores.iter().find_map(|store| {
            let class = *cx.classification(store.resource).value()?;
            cx.config.asks(class).monitoring.then_some((*store, class))
        }) else {
            continue;
        };
        let id = match key {
            KeyTarget::Resource(id) => id,
            KeyTarget::External(name) => {
                out.push(
                    Judgement::unknown(
                        store,
                        format!("cannot tell whether {name}, the key of this {class} data, is watched: no template given makes it"),
                    )
                    .part(name),
                );
                continue;
            }
            KeyTarget::AwsManaged(_) => continue,
        };
        let watch = monitored.get_or_insert_with(|| KeyWatch::of(cx));
        out.extend(watch.judge(cx, id, &format!("this key of {class} data")));
    }
}
