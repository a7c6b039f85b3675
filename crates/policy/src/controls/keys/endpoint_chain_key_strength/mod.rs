use crate::endpoints::{self, Certificate, Link, with_own_certificates};
use crate::prelude::*;

control! {
    /// Looks at the key of every certificate that an endpoint sends, from its own up to the last authority:
    /// RSA keys need 2048 bits, elliptic curves 256. Ed25519 and Ed448 (RFC 8410) and ML-DSA (FIPS 204) are
    /// stronger than both. This is the whole chain, of which templates and accounts know the first
    /// certificate only (`certificate-key-strength`). One that the way to a root goes round is a remark.
    id: "endpoint-chain-key-strength",
    title: "Every key in an endpoint's certificate chain is strong enough",
    clauses: ["CERT-1"],
    sources: [Probe],
    severity: High,
    fix: "Request a certificate with KeyAlgorithm RSA_2048 or EC_prime256v1; where an authority's key is weak, take another authority.",
    cloudformation: r#"Type: AWS::CertificateManager::Certificate
Properties:
  DomainName: shop.example.com
  ValidationMethod: DNS
  KeyAlgorithm: EC_prime256v1
"#,
    cdk: r#"new acm.Certificate(this, 'Certificate', {
  domainName: 'shop.example.com',
  keyAlgorithm: acm.KeyAlgorithm.EC_PRIME256V1,
  validation: acm.CertificateValidation.fromDns(zone),
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for endpoint in with_own_certificates(cx, out) {
        out.push(endpoint.each_address(cx, |address| {
            address.each_certificate(WHAT, |certificate| certificate.each_link(WHAT, |link| Some(one(certificate, link))))
        }));
    }
}

const WHAT: &str = "how strong the keys of its chain are";

fn one(certificate: Certificate<'_>, link: Link<'_>) -> Judgement {
    let subject = certificate.subject();
    let kind = link.text("KeyType");
    let size = endpoints::asked(link.at("KeySize").int(), "KeySize");
    let least = match &kind {
        Known::Unknown(why, _) => Err(why.clone()),
        known => least_size(known.value().map_or("", String::as_str)),
    };
    let judgement = match (least, &size) {
        (Err(why), _) => Judgement::cannot_tell(subject, WHAT, &why),
        (Ok(0), _) => Judgement::pass(subject, "every key of its chain is strong enough"),
        (Ok(_), Known::Unknown(why, _)) => Judgement::cannot_tell(subject, WHAT, why),
        (Ok(least), known) => match known.value() {
            Some(size) if *size >= least => Judgement::pass(subject, "every key of its chain is strong enough"),
            _ => Judgement::fail(subject, format!("a key of its chain has less than {least} bits")),
        },
    };
    let key = match link.at("KeySize").is_absent() {
        true => kind,
        false => kind.and_then(|kind| size.map(|size| format!("{kind}, {size} bits"))),
    };
    judgement.fact(format!("key of {}", link.name()), &key)
}

/// How many bits a kind of key needs; none where every key of the kind is strong enough.
fn least_size(kind: &str) -> Result<i64, Arc<Why>> {
    match kind {
        "RSA" | "DSA" => Ok(2048),
        "EC" | "ECDSA" => Ok(256),
        "Ed25519" | "Ed448" => Ok(0),
        kind if kind.starts_with("ML-DSA") => Ok(0),
        kind => Err(endpoints::unsupported(format!("`{kind}` is a kind of key that is not known here"))),
    }
}
