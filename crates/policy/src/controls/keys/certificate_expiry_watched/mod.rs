use crate::monitors::{Alarms, Violations};
use crate::patterns::expiry;
use crate::prelude::*;
use std::collections::HashMap;

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
    let mut seen = cx.monitors().see(cx, &expiry());
    let violations = Violations::of(cx);
    for rule in cx.subjects(&["AWS::Config::ConfigRule"]) {
        let identifier = rule.at("Source.SourceIdentifier").string().found();
        if identifier.as_deref() == Some("ACM_CERTIFICATE_EXPIRATION_CHECK") {
            seen.also(cx, rule, violations.told_of(cx, rule));
        }
    }
    let mut alarms: HashMap<ResourceId, Vec<_>> = HashMap::new();
    for (alarm, told) in Alarms::of(cx).on("AWS/CertificateManager", "DaysToExpiry") {
        for arn in alarm.each("Dimensions.*.Value").into_iter().filter_map(Read::found) {
            if let Some((certificate, _)) = cx.inventory.target(arn) {
                alarms.entry(certificate.id).or_default().push((*alarm, told.clone()));
            }
        }
    }
    for certificate in certificates {
        let own = alarms.get(&certificate.id()).map(|alarms| {
            let mut seen = seen.clone();
            for (alarm, told) in alarms {
                seen.also(cx, *alarm, told.clone());
            }
            seen
        });
        let seen = own.as_ref().unwrap_or(&seen);
        out.extend(seen.judge_one(cx, certificate, "its expiry"));
    }
}
