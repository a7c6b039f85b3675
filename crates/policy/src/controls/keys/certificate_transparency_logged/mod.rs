use super::certificate_use::{From, uses};
use crate::prelude::*;

control! {
    /// Looks at every certificate that a template requests from ACM. Public ones are logged in at least
    /// two certificate transparency logs unless the request says
    /// `CertificateTransparencyLoggingPreference: DISABLED` (AWS Certificate Manager User Guide,
    /// "Certificate transparency logging"); browsers then refuse them. Certificates of a private
    /// authority never enter the public logs, so the clause does not speak of them.
    ///
    /// Whether a certificate that only its ARN names is logged shows in the live account, or in the
    /// timestamps that the endpoint presents.
    id: "certificate-transparency-logged",
    title: "Certificates are logged for certificate transparency",
    clauses: ["CERT-3"],
    severity: Medium,
    fix: "Remove CertificateTransparencyLoggingPreference, or set it to ENABLED. A certificate issued while it was disabled stays out of the logs until it is renewed.",
    cloudformation: r#"Type: AWS::CertificateManager::Certificate
Properties:
  DomainName: shop.example.com
  ValidationMethod: DNS
  CertificateTransparencyLoggingPreference: ENABLED
"#,
    cdk: r#"new acm.Certificate(this, 'Certificate', {
  domainName: 'shop.example.com',
  validation: acm.CertificateValidation.fromDns(zone),
  transparencyLoggingEnabled: true,
});
"#,
}

const ENABLED: ServiceDefault = ServiceDefault {
    doc: "AWS Certificate Manager User Guide: Certificate transparency logging",
    since: "2018-04-24",
};

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::CertificateManager::Certificate"]) {
        let private = subject.at("CertificateAuthorityArn");
        if let Read::Found(..) = private {
            continue;
        }
        if subject.at("Type").string().found().as_deref() == Some("IMPORTED") {
            out.push(Judgement::unknown(
                subject,
                "cannot tell whether the certificate is logged for transparency: it is imported, and another authority issued it",
            ));
            continue;
        }
        let preference = subject
            .at("CertificateTransparencyLoggingPreference")
            .string()
            .or_default("ENABLED".to_owned(), ENABLED);
        let judgement = match (&private, preference.value().map(String::as_str)) {
            (Read::Unknown(why, _), _) => Judgement::cannot_tell(
                subject,
                "whether a private authority issues the certificate",
                why,
            ),
            (_, Some("ENABLED")) => Judgement::pass(
                subject,
                "the certificate is logged for certificate transparency",
            ),
            (_, Some("DISABLED")) => Judgement::fail(
                subject,
                "the request keeps the certificate out of the transparency logs",
            ),
            (_, Some(other)) => Judgement::unknown(
                subject,
                format!("`{other}` is no preference that ACM knows"),
            ),
            (_, None) => match preference.why() {
                Some(why) => {
                    Judgement::cannot_tell(subject, "whether the certificate is logged", why)
                }
                None => continue,
            },
        };
        out.push(judgement.fact("CertificateTransparencyLoggingPreference", &preference));
    }
    for used in uses(cx) {
        let judgement = match &used.from {
            From::Made(_) => continue,
            From::Acm(arn) => Judgement::unknown(
                used.subject,
                format!(
                    "cannot tell whether {arn} is logged for transparency: no template given requests it"
                ),
            ),
            From::Iam => Judgement::unknown(
                used.subject,
                "cannot tell whether the certificate in IAM is logged for transparency: another authority issued it",
            ),
            From::Unknown(why) => Judgement::cannot_tell(
                used.subject,
                "whether its certificate is logged for transparency",
                why,
            ),
        };
        out.push(judgement.at(used.loc).part(used.part));
    }
}
