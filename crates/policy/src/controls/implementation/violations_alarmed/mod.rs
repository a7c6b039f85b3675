use crate::judgement::About;
use crate::monitors::{Watch, rule};
use crate::patterns::violation_events;
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
    let watched = ["AWS::Config::ConfigRule", "AWS::Config::ConformancePack", "AWS::SecurityHub::Hub"]
        .iter()
        .any(|kind| cx.inventory.of_kind(kind).next().is_some());
    if !watched {
        return;
    }
    let mut best = Watch::No;
    for event in violation_events() {
        for subject in cx.subjects(&["AWS::Events::Rule"]) {
            best = best.max(rule(subject, &event));
        }
    }
    let stacks = cx.inventory.stacks().len();
    out.push(match best {
        Watch::Yes => Judgement::pass(About::Input, "violations are matched, and somebody is told"),
        Watch::Silent => Judgement::fail(About::Input, "violations are matched, but nobody is told"),
        Watch::Unknown => Judgement::unknown(About::Input, "cannot tell whether violations raise an alert: a rule's pattern is known only at deployment"),
        Watch::No => Judgement::fail(About::Input, format!("nothing in the {stacks} stacks given tells of violations that Config finds")),
    });
}
