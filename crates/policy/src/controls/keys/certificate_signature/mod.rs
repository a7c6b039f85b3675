use super::certificate_facts::{ACM, IAM, is_issued, is_strong_signature};
use crate::live::listed_or_unknown;
use crate::prelude::*;

control! {
    /// A certificate's own signature must be made with SHA-256, SHA-384 or SHA-512. Looks at the
    /// `SignatureAlgorithm` that ACM tells of each certificate it issued or was given
    /// (`SHA256WITHRSA`, `SHA384WITHECDSA`). SHA-1 and MD5 fail. Ed25519 brings SHA-512 with it (RFC
    /// 8032). Of IAM's server certificates AWS does not tell the algorithm: unknown, until a probe of the
    /// endpoint sees it. The rest of the chain only a probe sees.
    id: "certificate-signature",
    title: "Certificates are signed with SHA-256 or better",
    clauses: ["CERT-2"],
    sources: [Live],
    severity: High,
    fix: "Request a new certificate from ACM, which signs with SHA-256 or better, and replace the old one.",
    cloudformation: r#"Type: AWS::CertificateManager::Certificate
Properties: {DomainName: shop.example.com, ValidationMethod: DNS}
"#,
    cdk: r#"new acm.Certificate(this, 'Certificate', {
  domainName: 'shop.example.com',
  validation: acm.CertificateValidation.fromDns(zone),
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for certificate in listed_or_unknown(cx, &[ACM, IAM], "how certificates are signed", out) {
        if !is_issued(certificate) {
            continue;
        }
        out.push(match certificate.at("SignatureAlgorithm").string() {
            Read::Found(algorithm, loc) => by_name(certificate, &algorithm).at(loc).stated("SignatureAlgorithm", algorithm, loc),
            Read::Unknown(why, loc) => Judgement::cannot_tell(certificate, "how it is signed", &why).at(loc),
            Read::Absent(loc) => Judgement::unknown(certificate, "cannot tell how it is signed: AWS does not say").at(loc),
        });
    }
}

fn by_name(certificate: Subject<'_>, algorithm: &str) -> Judgement {
    match is_strong_signature(algorithm) {
        Some(true) => Judgement::pass(certificate, format!("it is signed with {algorithm}")),
        Some(false) => Judgement::fail(certificate, format!("it is signed with {algorithm}, less than SHA-256")),
        None => Judgement::unknown(certificate, format!("cannot tell how strong its signature is: {algorithm} is not known here")),
    }
}
