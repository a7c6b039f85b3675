use crate::judgement::{About, Verdict};
use crate::live::{listed, unless_unread, unread};
use crate::monitors::{Group, Violations, groups, unread_monitors};
use crate::patterns::key_events;
use crate::prelude::*;

control! {
    /// Monitoring is continuous when something acts as events happen, not only when a schedule comes
    /// round. For each account and region with stores or keys one of two must be there: an EventBridge
    /// rule, or a metric filter with an alarm, that matches changes of keys (`DisableKey`,
    /// `ScheduleKeyDeletion`, `PutKeyPolicy`) and tells somebody; or a recorder of AWS Config that runs
    /// continuously (`RecordingMode` is not DAILY), with something that tells of what its rules find.
    /// Patterns are evaluated against sample events. Where rules, alarms or recorders could not be read,
    /// it is unknown what is not seen.
    id: "events-acted-on",
    title: "Compliance is monitored as events happen",
    clauses: ["BP-10"],
    sources: [Live],
    severity: Low,
    fix: "Add an EventBridge rule for changes of keys and for Config Rules Compliance Change, with a target that reaches people, and let AWS Config record continuously.",
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

const RECORDER: &str = "AWS::Config::ConfigurationRecorder";

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let groups = groups(cx, crate::live::of_concern(cx));
    if groups.is_empty() {
        return;
    }
    let events: Vec<_> = key_events().into_iter().map(|(_, event)| event).collect();
    let seen = cx.monitors().see(cx, &events);
    let violations = Violations::of(cx);
    for group in &groups {
        let what = "whether anything acts on events there";
        let unread = unread_monitors(cx, group.place());
        let of_keys = seen.judge(cx, group, "a change of keys");
        let of_config = recorded(cx, group, violations.told_in(cx, group));
        // One of the two is enough; where neither is, the one that comes closer says what is missing.
        let best = of_keys
            .into_iter()
            .map(|judgement| unless_unread(judgement, unread.as_deref(), what))
            .chain([unless_unread(of_config, unread.as_deref(), what)])
            .min_by_key(|judgement| judgement.verdict);
        out.extend(best.map(|judgement| judgement.part(format!("monitoring of {}", group.label))));
    }
}

/// Whether AWS Config records continuously, and somebody is told of what it finds.
fn recorded(cx: &Cx<'_>, group: &Group<'_>, told: Judgement) -> Judgement {
    let here = |subject: &Subject<'_>| {
        // A recorder that an AWS service keeps for itself feeds no rules of others.
        let scope = subject.at("RecordingScope").string().found();
        cx.inventory.stack_of(subject.resource).place == *group.place() && scope.as_deref() != Some("INTERNAL")
    };
    let Some(recorder) = listed(cx, &[RECORDER]).into_iter().find(here) else {
        return match unread(cx, "config", &[RECORDER], group.place()) {
            Some(why) => Judgement::cannot_tell(About::Input, "whether AWS Config records there", &why),
            None => Judgement::fail(About::Input, "AWS Config records nothing there, and nothing else acts on events"),
        };
    };
    let frequency = recorder.at("RecordingMode.RecordingFrequency").string();
    match (recorder.at("Recording").bool(), frequency) {
        (Read::Found(false, loc), _) => {
            Judgement::fail(About::Input, "the recorder of AWS Config is stopped, and nothing else acts on events").at(loc)
        }
        (_, Read::Found(daily, loc)) if daily == "DAILY" => {
            let message = "AWS Config records once a day, and nothing else acts on events";
            Judgement::fail(About::Input, message).at(loc)
        }
        (Read::Found(true, _), Read::Absent(_) | Read::Found(..)) => match told.verdict {
            Verdict::Pass => Judgement {
                message: "AWS Config records continuously, and somebody is told of what it finds".into(),
                ..told
            },
            _ => told,
        },
        (Read::Unknown(why, loc), _) | (_, Read::Unknown(why, loc)) => {
            Judgement::cannot_tell(About::Input, "whether AWS Config records continuously", &why).at(loc)
        }
        (Read::Absent(loc), _) => Judgement::unknown(
            About::Input,
            "cannot tell whether AWS Config records continuously: the account does not say whether its recorder runs",
        )
        .at(loc),
    }
}
