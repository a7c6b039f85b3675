use crate::live::listed_or_unknown;
use crate::monitors::groups;
use crate::patterns::{any, decrypt_denied, key_events, metric_matches, rotation};
use crate::prelude::*;
use serde_json::Value as Json;

control! {
    /// Where the input has keys, something must watch their disabling, deletion and policy changes
    /// and tell somebody: an EventBridge rule with a target, or a metric filter on the trail's log
    /// group with an alarm that has an action and that one event sets off. What is sent must arrive: a
    /// log group that nothing reads tells nobody, nor does a topic of the input whose policy does not
    /// admit EventBridge, whose key policy does not admit the service that sends, or whose key is
    /// `alias/aws/sns`. Patterns are evaluated against sample events, so a
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
    let keys = listed_or_unknown(cx, &["AWS::KMS::Key", "AWS::KMS::ReplicaKey"], "whether its keys are watched", out);
    if keys.is_empty() {
        return;
    }
    let groups = groups(cx, keys);
    for (name, event) in key_events() {
        let seen = cx.monitors().see(cx, &[event]);
        for group in &groups {
            out.extend(seen.judge(cx, group, name));
        }
    }
    for subject in cx.subjects(&["AWS::Logs::MetricFilter"]) {
        let Read::Found(pattern, loc) = subject.at("FilterPattern").string() else {
            continue;
        };
        if !pattern.to_ascii_lowercase().contains("kms") {
            continue;
        }
        let records: Vec<Json> = key_events()
            .into_iter()
            .map(|(_, event)| event)
            .chain(rotation())
            .filter_map(|event| event.record)
            .chain([decrypt_denied()])
            .collect();
        let sees = |pattern: &str| any(records.iter().map(|record| metric_matches(pattern, record)));
        let judgement = match sees(&pattern) {
            Some(true) => Judgement::pass(subject, "the filter matches events of keys"),
            Some(false) => {
                let source = source(&pattern).filter(|source| sees(&pattern.replace(source, SOURCE)) == Some(true));
                let message = match source {
                    Some(source) => format!("the filter looks for events of {source}, but the source of KMS's events is {SOURCE}"),
                    None => "the filter speaks of KMS, but matches none of its events".to_owned(),
                };
                Judgement::fail(subject, message)
            }
            None => Judgement::unknown(
                subject,
                "cannot tell whether the filter matches events of keys: its pattern is not understood",
            ),
        };
        out.push(judgement.at(loc).stated("FilterPattern", pattern, loc));
    }
}

/// The event source of AWS KMS.
const SOURCE: &str = "kms.amazonaws.com";

/// The event source that a filter pattern looks for.
fn source(pattern: &str) -> Option<&str> {
    let (_, after) = pattern.split_once("eventSource")?;
    let after = after.trim_start().strip_prefix('=')?.trim_start().trim_start_matches('"');
    let end = after.find(|c: char| c == '"' || c == ')' || c == '}' || c == '&' || c == '|' || c.is_whitespace())?;
    Some(&after[..end]).filter(|source| !source.is_empty() && *source != SOURCE)
}
