use crate::live::listed_or_unknown;
use crate::monitors::{Violations, groups};
use crate::prelude::*;

control! {
    /// Where the input has Config rules or Security Hub, a violation must reach somebody: an
    /// EventBridge rule that matches a Config compliance change to NON_COMPLIANT, or a failed
    /// Security Hub finding, and has a target. Patterns are evaluated against sample events; a rule
    /// that only matches COMPLIANT does not count.
    id: "violations-alarmed",
    title: "Violations raise an alert",
    clauses: ["MON-2"],
    severity: Low,
    fix: "Add an EventBridge rule for Config Rules Compliance Change with complianceType NON_COMPLIANT and a target that reaches people.",
    cloudformation: r#"Type: AWS::Events::Rule
Properties:
  EventPattern:
    source: [aws.config]
    detail-type: [Config Rules Compliance Change]
    detail: {newEvaluationResult: {complianceType: [NON_COMPLIANT]}}
  Targets: [{Id: security, Arn: !Ref SecurityTopic}]
"#,
    cdk: r#"rule.onComplianceChange('Violation', {
  eventPattern: { detail: { newEvaluationResult: { complianceType: ['NON_COMPLIANT'] } } },
  target: new targets.SnsTopic(securityTopic),
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let kinds = ["AWS::Config::ConfigRule", "AWS::Config::ConformancePack", "AWS::SecurityHub::Hub"];
    let watched = listed_or_unknown(cx, &kinds, "whether violations are told of", out);
    if watched.is_empty() {
        return;
    }
    let violations = Violations::of(cx);
    for group in groups(cx, watched) {
        out.extend(violations.judge(cx, &group));
    }
}
