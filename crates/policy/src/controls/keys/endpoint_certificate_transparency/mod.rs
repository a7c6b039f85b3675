use crate::endpoints::{Certificate, asked, with_own_certificates};
use crate::prelude::*;

control! {
    /// Looks at the signed certificate timestamps (RFC 6962) that came with each certificate, in it, in the
    /// handshake or with the OCSP answer. They are verified, not counted: each must be signed by a log that is
    /// trusted, and there must be as many, of as many operators, as browsers ask for. Certificates of private
    /// authorities are logged nowhere, so the clause does not speak of them. A timestamp of a log that the
    /// pinned list does not have is unknown.
    id: "endpoint-certificate-transparency",
    title: "Certificates that endpoints show are logged for transparency, and their timestamps verify",
    clauses: ["CERT-3"],
    sources: [Probe],
    severity: Medium,
    fix: "Request a certificate with CertificateTransparencyLoggingPreference ENABLED, and serve it instead.",
    cloudformation: r#"Type: AWS::CertificateManager::Certificate
Properties:
  DomainName: shop.example.com
  ValidationMethod: DNS
  CertificateTransparencyLoggingPreference: ENABLED
"#,
    cdk: r#"new acm.Certificate(this, 'Certificate', {
  domainName: 'shop.example.com',
  transparencyLoggingEnabled: true,
  validation: acm.CertificateValidation.fromDns(zone),
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for endpoint in with_own_certificates(cx, out) {
        out.push(endpoint.each_address(cx, |address| address.each_certificate(WHAT, one)));
    }
}

const WHAT: &str = "whether its certificate is logged";

fn one(certificate: Certificate<'_>) -> Judgement {
    let subject = certificate.subject();
    let required = asked(certificate.at("Transparency.Required").bool(), "whether it must be logged");
    let kept = asked(certificate.at("Transparency.Kept").bool(), "whether it is logged");
    let judgement = match (&required, &kept) {
        (Known::Unknown(why, _), _) => Judgement::cannot_tell(subject, "whether its certificate must be logged", why),
        (Known::Stated(false, _), _) => {
            return Judgement::not_applicable(subject, "its authority is not public, and logs nothing");
        }
        (_, Known::Unknown(why, _)) => Judgement::cannot_tell(subject, WHAT, why),
        (_, Known::Stated(true, _)) => Judgement::pass(subject, "its certificate is logged, and the timestamps verify"),
        _ => Judgement::fail(subject, "its certificate is not logged as browsers ask"),
    };
    let judgement = judgement.fact("transparency kept", &kept);
    match certificate.at("Transparency.Why").string() {
        Read::Found(why, loc) => judgement.stated("timestamps", why, loc),
        _ => judgement,
    }
}
