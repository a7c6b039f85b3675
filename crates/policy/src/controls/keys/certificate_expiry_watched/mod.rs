use crate::monitors::Alarms;
use crate::patterns::expiry;
use crate::prelude::*;

control! {
    /// Where the input has certificates, something must tell of their expiry: an EventBridge rule
    /// that matches ACM's "Certificate Approaching Expiration" event and has a target, an alarm on
    /// `AWS/CertificateManager` `DaysToExpiry` that goes off when the days are few and has an action, or the Config rule
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
    let mut seen = cx.monitors().see(cx, &expiry());
    seen.also_by_config(cx, "ACM_CERTIFICATE_EXPIRATION_CHECK");
    let all = Alarms::of(cx);
    let going_off = all.going_off("AWS/CertificateManager", "DaysToExpiry", 1.0, 10_000.0);
    let alarms = Alarms::by_resource(cx, &going_off);
    for certificate in certificates {
        let seen = seen.with_alarms(cx, alarms.get(&certificate.id()));
        out.extend(seen.judge_one(cx, certificate, "its expiry"));
    }
}
