use crate::judgement::About;
use crate::monitors::{Watch, best, filter};
use crate::patterns::{bridged, key_events};
use crate::prelude::*;

control! {
    /// Where the input has keys, something must watch their disabling, deletion and policy changes
    /// and tell somebody: an EventBridge rule with a target, or a metric filter on the trail's log
    /// group with an alarm that has an action. Patterns are evaluated against sample events, so a
    /// filter with a misspelt event source does not count; each metric filter that speaks of KMS and
    /// matches nothing is a finding of its own.
    id: "key-use-watched",
    title: "Use and administration of keys is watched by alarms that really match",
    clauses: ["KEY-9", "BP-7"],
    severity: Medium,
    fix: "Add an EventBridge rule for aws.kms with DisableKey, ScheduleKeyDeletion and PutKeyPolicy, and a target that reaches people.",
    cloudformation: r#"Type: AWS::Events::Rule
Properties:
  EventPattern:
    source: [aws.kms]
    detail-type: [AWS API Call via CloudTrail]
    detail: {eventName: [DisableKey, ScheduleKeyDeletion, PutKeyPolicy]}
  Targets: [{Id: security, Arn: !Ref SecurityTopic}]
"#,
    cdk: r#"new events.Rule(this, 'KeyEvents', {
  eventPattern: { source: ['aws.kms'], detail: { eventName: ['DisableKey', 'ScheduleKeyDeletion', 'PutKeyPolicy'] } },
  targets: [new targets.SnsTopic(securityTopic)],
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    if cx.inventory.of_kind("AWS::KMS::Key").next().is_none() {
        return;
    }
    for (name, record) in key_events() {
        let (watch, who) = best(cx, &record, &bridged("aws.kms", &record));
        let judgement = match watch {
            Watch::Yes => Judgement::pass(About::Input, format!("{name} is watched, and somebody is told")),
            Watch::Silent => Judgement::fail(About::Input, format!("{name} is matched, but nobody is told: no target or alarm with an action")),
            Watch::Unknown => Judgement::unknown(About::Input, format!("cannot tell whether {name} is watched: a pattern is known only at deployment")),
            Watch::No => Judgement::fail(
                About::Input,
                format!("nothing in the {} stacks given watches {name}", cx.inventory.stacks().len()),
            ),
        };
        let judgement = match who {
            Some(resource) => judgement.step(format!("{} {}", resource.kind, resource.name), resource.loc),
            None => judgement,
        };
        out.push(judgement.part(name));
    }
    for subject in cx.subjects(&["AWS::Logs::MetricFilter"]) {
        let Read::Found(pattern, loc) = subject.at("FilterPattern").string() else { continue };
        if !pattern.to_ascii_lowercase().contains("kms") {
            continue;
        }
        let sees = key_events().iter().any(|(_, record)| filter(cx, subject, record) != Watch::No)
            || crate::patterns::metric_matches(&pattern, &decrypt_denied()) == Some(true);
        let judgement = if sees {
            Judgement::pass(subject, "the filter matches events of keys")
        } else {
            Judgement::fail(subject, "the filter speaks of KMS, but matches none of its events")
        };
        out.push(judgement.at(loc).stated("FilterPattern", pattern, loc));
    }
}

/// A use that was refused, which filters look for too.
fn decrypt_denied() -> serde_json::Value {
    let mut record = key_events().remove(0).1;
    record["eventName"] = "Decrypt".into();
    record["errorCode"] = "AccessDenied".into();
    record
}
