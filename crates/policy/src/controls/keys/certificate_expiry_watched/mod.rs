use crate::judgement::About;
use crate::monitors::{Watch, rule};
use crate::patterns::expiry_event;
use crate::prelude::*;

control! {
    /// Where the input has certificates, something must tell of their expiry: an EventBridge rule
    /// that matches ACM's "Certificate Approaching Expiration" event and has a target, an alarm on
    /// `AWS/CertificateManager` `DaysToExpiry` with an action, or the Config rule
    /// `ACM_CERTIFICATE_EXPIRATION_CHECK`. Patterns are evaluated against the event.
    id: "certificate-expiry-watched",
    title: "The expiry of certificates is monitored and raises an alert",
    clauses: ["ACM-3"],
    severity: Medium,
    fix: "Add an EventBridge rule for source aws.acm and detail-type \"ACM Certificate Approaching Expiration\" with a target that reaches people.",
    cloudformation: r#"Type: AWS::Events::Rule
Properties:
  EventPattern: {source: [aws.acm], detail-type: [ACM Certificate Approaching Expiration]}
  Targets: [{Id: platform, Arn: !Ref PlatformTopic}]
"#,
    cdk: r#"new events.Rule(this, 'CertificateExpiry', {
  eventPattern: { source: ['aws.acm'], detailType: ['ACM Certificate Approaching Expiration'] },
  targets: [new targets.SnsTopic(platformTopic)],
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let certificates = cx.subjects(&["AWS::CertificateManager::Certificate"]);
    if certificates.is_empty() {
        return;
    }
    let mut best = Watch::No;
    for subject in cx.subjects(&["AWS::Events::Rule"]) {
        best = best.max(rule(subject, &expiry_event()));
    }
    for subject in cx.subjects(&["AWS::CloudWatch::Alarm"]) {
        let metric = subject.at("MetricName").string();
        let ours = metric.clone().found().as_deref() == Some("DaysToExpiry")
            && subject.at("Namespace").string().found().as_deref() == Some("AWS/CertificateManager");
        if ours {
            best = best.max(if subject.at("AlarmActions.0").is_absent() { Watch::Silent } else { Watch::Yes });
        }
    }
    for subject in cx.subjects(&["AWS::Config::ConfigRule"]) {
        if subject.at("Source.SourceIdentifier").string().found().as_deref() == Some("ACM_CERTIFICATE_EXPIRATION_CHECK") {
            best = Watch::Yes;
        }
    }
    let stacks = cx.inventory.stacks().len();
    out.push(match best {
        Watch::Yes => Judgement::pass(About::Input, "somebody is told before a certificate expires"),
        Watch::Silent => Judgement::fail(About::Input, "the expiry of certificates is watched, but nobody is told"),
        Watch::Unknown => Judgement::unknown(About::Input, "cannot tell whether expiry is watched: a rule's pattern is known only at deployment"),
        Watch::No => Judgement::fail(About::Input, format!("{} certificates, and nothing in the {stacks} stacks given watches their expiry", certificates.len())),
    });
}
