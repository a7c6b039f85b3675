use crate::prelude::*;

control! {
    /// Looks at the key algorithm of certificates requested from ACM and of private CAs and the
    /// certificates they issue: RSA needs 2048 bits, elliptic curves 256. ACM's default is
    /// `RSA_2048` (AWS CloudFormation Template Reference Guide,
    /// "AWS::CertificateManager::Certificate").
    id: "certificate-key-strength",
    title: "Certificate keys have at least 2048 bits (RSA) or 256 bits (ECC)",
    clauses: ["CERT-1"],
    severity: High,
    fix: "Request the certificate with KeyAlgorithm RSA_2048, EC_prime256v1 or stronger.",
    cloudformation: r#"Type: AWS::CertificateManager::Certificate
Properties: {DomainName: shop.example.com, KeyAlgorithm: EC_prime256v1}
"#,
    cdk: r#"new acm.Certificate(this, 'Certificate', { domainName, keyAlgorithm: acm.KeyAlgorithm.EC_PRIME256V1 });
"#,
}

const RSA_2048: ServiceDefault = ServiceDefault {
    doc: "AWS CloudFormation Template Reference Guide: AWS::CertificateManager::Certificate",
    since: "",
};

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::CertificateManager::Certificate", "AWS::ACMPCA::CertificateAuthority"]) {
        let algorithm = subject.at("KeyAlgorithm").string().or_default("RSA_2048".to_owned(), RSA_2048);
        let judgement = match (&algorithm, algorithm.value().map(|a| bits(a))) {
            (Known::Unknown(why, _), _) => Judgement::cannot_tell(subject, "its key algorithm", why),
            (_, Some(Some((rsa, bits)))) if bits >= if rsa { 2048 } else { 256 } => {
                Judgement::pass(subject, format!("its key has {bits} bits"))
            }
            (_, Some(Some((_, bits)))) => Judgement::fail(subject, format!("its key has {bits} bits only")),
            _ => Judgement::unknown(subject, "its key algorithm is none that is known"),
        };
        out.push(judgement.fact("KeyAlgorithm", &algorithm));
    }
}

/// Whether it is RSA, and its bits: `RSA_2048`, `EC_prime256v1`, `EC_secp384r1`.
fn bits(algorithm: &str) -> Option<(bool, u32)> {
    let digits: String = algorithm.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    let bits = digits.parse().ok()?;
    if algorithm.starts_with("RSA") {
        Some((true, bits))
    } else if algorithm.starts_with("EC") {
        Some((false, bits))
    } else {
        None
    }
}
