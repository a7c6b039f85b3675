use super::certificate_facts::is_strong_signature;
use crate::endpoints::{self, Certificate, Link, with_own_certificates};
use crate::prelude::*;

control! {
    /// Looks at the signature of every certificate that an endpoint sends, by its hash: SHA-256, SHA-384,
    /// SHA-512 or SHA-3, or an algorithm that brings one of them (Ed25519, Ed448, ML-DSA). SHA-1 and MD5 fail.
    /// A root's own signature proves nothing, so one that was sent along does not count; a certificate that the way
    /// to a root goes round is a remark.
    id: "endpoint-chain-signatures",
    title: "Every certificate in an endpoint's chain is signed with SHA-256 or better",
    clauses: ["CERT-2"],
    sources: [Probe],
    severity: High,
    fix: "Request a new certificate from ACM, whose authorities sign with SHA-256 or better, and serve its chain.",
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
            address.each_certificate(WHAT, |certificate| certificate.each_link(WHAT, |link| one(certificate, link)))
        }));
    }
}

const WHAT: &str = "how its chain is signed";

fn one(certificate: Certificate<'_>, link: Link<'_>) -> Option<Judgement> {
    let subject = certificate.subject();
    let root = link.is_root();
    if root.value() == Some(&true) {
        return None;
    }
    // Some algorithms name no hash, and bring their own.
    let signature = match link.at("SignatureHash").string() {
        Read::Absent(_) => link.text("SignatureAlgorithm"),
        read => endpoints::asked(read, "SignatureHash"),
    };
    let judgement = match (&signature, &root) {
        (Known::Unknown(why, _), _) => Judgement::cannot_tell(subject, WHAT, why),
        (known, root) => {
            let name = known.value().map_or("", String::as_str);
            match (is_strong_signature(name), root) {
                (Some(true), _) => Judgement::pass(subject, "its chain is signed with SHA-256 or better"),
                (Some(false), Known::Unknown(why, _)) => Judgement::cannot_tell(subject, "whether a weak signature is a root's own", why),
                (Some(false), _) => Judgement::fail(subject, format!("a certificate is signed with {name}, less than SHA-256")),
                (None, _) => Judgement::unknown(subject, format!("cannot tell how strong a signature is: {name} is not known here")),
            }
        }
    };
    Some(judgement.fact(format!("signature of {}", link.name()), &signature))
}
