use crate::prelude::*;

control! {
    /// ACM logs public certificates for certificate transparency unless told not to
    /// (`CertificateTransparencyLoggingPreference: DISABLED`; AWS Certificate Manager User Guide,
    /// "Certificate transparency logging"). Certificates of a private CA are exempt: they are for
    /// nobody's browser.
    id: "certificate-transparency-logged",
    title: "Certificates are logged for certificate transparency",
    clauses: ["CERT-3"],
    severity: Medium,
    fix: "Remove CertificateTransparencyLoggingPreference, or set it to ENABLED.",
    cloudformation: r#"Type: AWS::CertificateManager::Certificate
Properties: {DomainName: shop.example.com, CertificateTransparencyLoggingPreference: ENABLED}
"#,
    cdk: r#"new acm.Certificate(this, 'Certificate', { domainName, transparencyLoggingEnabled: true });
"#,
}

const ENABLED: ServiceDefault = ServiceDefault {
    doc: "AWS Certificate Manager User Guide: Certificate transparency logging",
    since: "2018-04-24",
};

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::CertificateManager::Certificate"]) {
        if !subject.at("CertificateAuthorityArn").is_absent() {
            continue;
        }
        let preference = subject
            .at("CertificateTransparencyLoggingPreference")
            .string()
            .or_default("ENABLED".to_owned(), ENABLED);
        let judgement = match (&preference, preference.value().map(String::as_str)) {
            (Known::Unknown(why, _), _) => Judgement::cannot_tell(subject, "whether the certificate is logged", why),
            (_, Some("ENABLED")) => Judgement::pass(subject, "the certificate is logged"),
            _ => Judgement::fail(subject, "the certificate is kept out of the transparency logs"),
        };
        out.push(judgement.fact("CertificateTransparencyLoggingPreference", &preference));
    }
}
