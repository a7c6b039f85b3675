use crate::live::{listed_or_unknown, unless_unread};
use crate::monitors::{groups, unread_monitors};
use crate::patterns::secret_read;
use crate::prelude::*;
use crate::trails::{SECRETS, in_effect, judge_place};

control! {
    /// Who reads a secret must be on record, and somebody must be told. For each account and region with
    /// secrets two things are asked of what runs there. A trail covers it, runs, delivers its files and
    /// records the management events of Secrets Manager, reads too, since `GetSecretValue` counts as one
    /// (AWS Secrets Manager User Guide, "Log AWS Secrets Manager events with AWS CloudTrail"). And
    /// something watches `GetSecretValue` and tells somebody: a metric filter on the trail's log group with
    /// an alarm, or an EventBridge rule, which must be in the state
    /// `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS` to see reads. Patterns are evaluated against sample
    /// events. Where trails, rules or filters could not be read, what shows nowhere is unknown.
    id: "secret-access-logged",
    title: "Access to secrets is logged and monitored",
    clauses: ["SEC-3"],
    sources: [Live],
    severity: Medium,
    fix: "Keep a multi-region trail with all management events, and add a metric filter on GetSecretValue (refused calls at least) with an alarm that reaches people.",
    cloudformation: r#"Type: AWS::Logs::MetricFilter
Properties:
  LogGroupName: !Ref TrailLogs
  FilterPattern: '{ ($.eventSource = "secretsmanager.amazonaws.com") && ($.eventName = "GetSecretValue") && ($.errorCode = "*") }'
  MetricTransformations: [{MetricNamespace: Security, MetricName: SecretReadsRefused, MetricValue: "1"}]
"#,
    cdk: r#"const refused = new logs.MetricFilter(this, 'SecretReadsRefused', {
  logGroup: trailLogs,
  filterPattern: logs.FilterPattern.literal('{ ($.eventSource = "secretsmanager.amazonaws.com") && ($.eventName = "GetSecretValue") && ($.errorCode = "*") }'),
  metricNamespace: 'Security',
  metricName: 'SecretReadsRefused',
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let secrets = listed_or_unknown(cx, &["AWS::SecretsManager::Secret"], "which secrets there are", out);
    if secrets.is_empty() {
        return;
    }
    let seen = cx.monitors().see(cx, &secret_read());
    for group in groups(cx, secrets) {
        let sound = "a trail records who reads secrets, and delivers its files";
        let place = group.place();
        let logged = judge_place(cx, place, |trail| in_effect(cx, trail, &SECRETS), (sound, "who reads secrets"));
        out.push(logged.part(format!("logging of secrets in {}", group.label)));
        let unread = unread_monitors(cx, place);
        for judgement in seen.judge(cx, &group, "GetSecretValue") {
            out.push(unless_unread(judgement, unread.as_deref(), "whether GetSecretValue is watched"));
        }
    }
}
