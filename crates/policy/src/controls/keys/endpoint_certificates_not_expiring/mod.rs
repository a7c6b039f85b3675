use super::certificate_facts::LATE;
use crate::endpoints::{Certificate, Link, with_own_certificates};
use crate::prelude::*;

control! {
    /// Looks at the certificates that endpoints really show, those of the authorities above them as well: each
    /// must have 30 days left on the day of the run, as `certificates-not-expiring` asks of those that an
    /// account keeps. What only the probe sees counts here: an old certificate that one node still serves, one
    /// that no AWS account holds, an intermediate that runs out before the certificate under it.
    ///
    /// A root that was sent along does not count: clients take their own. A certificate that the way to a root goes
    /// round, such as an old root's signature of a newer one, is a remark.
    id: "endpoint-certificates-not-expiring",
    title: "No endpoint shows a certificate that is about to expire",
    clauses: ["ACM-3", "CER-1"],
    sources: [Probe],
    severity: High,
    fix: "Find out why it was not renewed (validation record, import, a node that was not told), renew or replace it now, and probe again.",
    cloudformation: r#"Type: AWS::CertificateManager::Certificate
Properties:
  DomainName: shop.example.com
  ValidationMethod: DNS
  DomainValidationOptions: [{DomainName: shop.example.com, HostedZoneId: !Ref Zone}]
"#,
    cdk: r#"new acm.Certificate(this, 'Certificate', {
  domainName: 'shop.example.com',
  validation: acm.CertificateValidation.fromDns(zone),
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for endpoint in with_own_certificates(cx, out) {
        out.push(endpoint.each_address(cx, |address| {
            address.each_certificate(WHAT, |certificate| certificate.each_link(WHAT, |link| one(cx, certificate, link)))
        }));
    }
}

const WHAT: &str = "when its certificates expire";

fn one(cx: &Cx<'_>, certificate: Certificate<'_>, link: Link<'_>) -> Option<Judgement> {
    let subject = certificate.subject();
    let root = link.is_root();
    if root.value() == Some(&true) {
        return None;
    }
    let judgement = match (cx.days_since(link.at("NotAfter")).map(|days| -days), root) {
        (Read::Found(..LATE, _), Known::Unknown(why, _)) => {
            Judgement::cannot_tell(subject, "whether a certificate that is about to expire is a root", &why)
        }
        (Read::Found(days @ ..0, _), _) => Judgement::fail(subject, format!("a certificate expired {} days ago", -days)),
        (Read::Found(days @ 0..LATE, _), _) => {
            Judgement::fail(subject, format!("a certificate expires in {days} days, and was not renewed"))
        }
        (Read::Found(days, _), _) => Judgement::pass(subject, format!("it shows a certificate that is valid for {days} days")),
        (Read::Unknown(why, _), _) => Judgement::cannot_tell(subject, "when a certificate expires", &why),
        (Read::Absent(_), _) => Judgement::unknown(subject, "cannot tell when a certificate expires: it does not say"),
    };
    Some(judgement.fact(format!("NotAfter of {}", link.name()), &link.text("NotAfter")))
}
