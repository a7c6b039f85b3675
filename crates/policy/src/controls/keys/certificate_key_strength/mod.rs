use super::certificate_use::{From, uses};
use crate::prelude::*;

control! {
    /// Looks at the key of every certificate that a template requests (`KeyAlgorithm`, RSA 2048 when
    /// absent; AWS Certificate Manager User Guide, "Certificate characteristics") and of every private
    /// authority, and goes up the chain: from the certificate to the authority it names, from a
    /// subordinate authority to the one that signed it. RSA keys need 2048 bits, elliptic curves 256;
    /// ML-DSA keys, which AWS Private CA offers too, are stronger than both. Public certificates of ACM
    /// are issued under Amazon Trust Services, whose authorities all keep to that.
    ///
    /// The key of a certificate that only its ARN names, and the authorities that are not in the
    /// templates, are unknown here: the live account and the endpoint show them.
    id: "certificate-key-strength",
    title: "Certificate keys have at least 2048 bits (RSA) or 256 bits (ECC)",
    clauses: ["CERT-1"],
    severity: High,
    fix: "Set KeyAlgorithm to RSA_2048 or stronger, or EC_prime256v1; it cannot be changed later, so the certificate is replaced.",
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

const RSA_2048: ServiceDefault = ServiceDefault {
    doc: "AWS Certificate Manager User Guide: Certificate characteristics",
    since: "",
};

/// No chain is longer; one that is goes in a circle.
const LONGEST_CHAIN: usize = 8;

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::CertificateManager::Certificate"]) {
        let algorithm = subject
            .at("KeyAlgorithm")
            .string()
            .or_default("RSA_2048".to_owned(), RSA_2048);
        let mut chain = vec![Link::new("the certificate", algorithm)];
        match subject.at("CertificateAuthorityArn") {
            Read::Absent(_) => {}
            Read::Unknown(why, loc) => chain.push(Link::unseen("its authority", why, loc)),
            Read::Found(value, _) => up(cx, subject, value, &mut chain),
        }
        let judgement = verdict(subject, chain);
        out.push(match subject.at("Type").string().found().as_deref() {
            Some("IMPORTED") => judgement.note("the certificate is imported: the authorities above it show at the endpoint only"),
            _ => judgement,
        });
    }
    for subject in cx.subjects(&["AWS::ACMPCA::CertificateAuthority"]) {
        let mut chain = Vec::new();
        authority(cx, subject, &mut chain);
        out.push(verdict(subject, chain));
    }
    for used in uses(cx) {
        let judgement = match &used.from {
            From::Made(_) => continue,
            From::Acm(arn) => Judgement::unknown(
                used.subject,
                format!("cannot tell how strong the key of {arn} is: no template given makes it"),
            ),
            From::Iam => Judgement::unknown(
                used.subject,
                "cannot tell how strong the key of the certificate in IAM is: it was made elsewhere",
            ),
            From::Unknown(why) => {
                Judgement::cannot_tell(used.subject, "how strong its certificate's key is", why)
            }
        };
        out.push(judgement.at(used.loc).part(used.part));
    }
}

/// A certificate of a chain and the algorithm of its key.
struct Link {
    what: String,
    algorithm: Known<String>,
}

impl Link {
    fn new(what: impl Into<String>, algorithm: Known<String>) -> Self {
        Link {
            what: what.into(),
            algorithm,
        }
    }

    fn unseen(what: impl Into<String>, why: Arc<Why>, loc: lockfast_facts::Loc) -> Self {
        Link::new(what, Known::Unknown(why, loc))
    }
}

/// Adds the authority that a property names, and those above it.
fn up(cx: &Cx<'_>, from: Subject<'_>, value: &Value, chain: &mut Vec<Link>) {
    match cx.inventory.target(value) {
        Some((resource, _)) if &*resource.kind == "AWS::ACMPCA::CertificateAuthority" => {
            match cx
                .inventory
                .variants_of(resource.id)
                .find(|ca| ca.variant.when.compatible(&from.variant.when))
            {
                Some(ca) => authority(cx, ca, chain),
                None => chain.push(Link::unseen(
                    format!("authority {}", resource.name),
                    Arc::new(Why::NotGiven(
                        "an authority under the same conditions".into(),
                    )),
                    value.loc,
                )),
            }
        }
        _ => chain.push(Link::unseen(
            "its authority",
            Arc::new(Why::NotGiven("the authority that issues it".into())),
            value.loc,
        )),
    }
}

/// Adds an authority and the chain above it.
fn authority(cx: &Cx<'_>, ca: Subject<'_>, chain: &mut Vec<Link>) {
    let what = format!("authority {}", ca.resource.name);
    let algorithm = match ca.at("KeyAlgorithm").string() {
        Read::Found(name, loc) => Known::Stated(name, loc),
        Read::Unknown(why, loc) => Known::Unknown(why, loc),
        Read::Absent(loc) => Known::Unknown(
            Arc::new(Why::NotGiven("KeyAlgorithm, which is required,".into())),
            loc,
        ),
    };
    chain.push(Link::new(what, algorithm));
    if chain.len() > LONGEST_CHAIN
        || ca.at("Type").string().found().as_deref() != Some("SUBORDINATE")
    {
        return;
    }
    // The certificate made for its signing request names the authority that signed it.
    let signed = cx
        .inventory
        .referrers(ca.id())
        .filter(|r| &*r.kind == "AWS::ACMPCA::Certificate")
        .flat_map(|r| cx.inventory.variants_of(r.id))
        .find(|certificate| {
            let request = certificate.at("CertificateSigningRequest");
            matches!(request, Read::Found(value, _)
                if cx.inventory.target(value).is_some_and(|(target, _)| target.id == ca.id()))
                && certificate.variant.when.compatible(&ca.variant.when)
        });
    match signed.map(|certificate| certificate.at("CertificateAuthorityArn")) {
        Some(Read::Found(issuer, _)) => up(cx, ca, issuer, chain),
        _ => chain.push(Link::unseen(
            "the authority above it",
            Arc::new(Why::NotGiven("the authority that signs it".into())),
            ca.resource.loc,
        )),
    }
}

/// The weakest link decides.
fn verdict(subject: Subject<'_>, chain: Vec<Link>) -> Judgement {
    let weak = chain
        .iter()
        .find(|link| link.algorithm.value().and_then(|a| strong(a)) == Some(false));
    let open = chain
        .iter()
        .find(|link| link.algorithm.value().and_then(|a| strong(a)).is_none());
    let judgement = match (weak, open) {
        (Some(link), _) => Judgement::fail(
            subject,
            format!(
                "{} has a weak key: {}",
                link.what,
                link.algorithm.value().map_or("", String::as_str)
            ),
        )
        .at(link.algorithm.loc()),
        (_, Some(link)) => match link.algorithm.why() {
            Some(why) => Judgement::cannot_tell(subject, &format!("how strong the key of {} is", link.what), why),
            None => Judgement::unknown(
                subject,
                format!(
                    "cannot tell how strong {}'s key is: {} is an algorithm that Lockfast does not know",
                    link.what,
                    link.algorithm.value().map_or("", String::as_str)
                ),
            ),
        }
        .at(link.algorithm.loc()),
        (None, None) => Judgement::pass(subject, "every key of the chain that AWS keeps here is strong enough"),
    };
    chain.iter().fold(judgement, |judgement, link| {
        judgement.fact(format!("KeyAlgorithm of {}", link.what), &link.algorithm)
    })
}

/// Whether an algorithm is strong enough; `None` for one that is not known. ACM and Private CA write
/// them alike: `RSA_2048`, `EC_prime256v1`, `EC_secp384r1`, `ML_DSA_65`.
fn strong(algorithm: &str) -> Option<bool> {
    let digits = |text: &str| -> Option<u32> {
        let digits: String = text
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse().ok()
    };
    if let Some(bits) = algorithm.strip_prefix("RSA_") {
        Some(digits(bits)? >= 2048)
    } else if let Some(curve) = algorithm.strip_prefix("EC_") {
        Some(digits(curve)? >= 256)
    } else if algorithm.starts_with("ML_DSA_") || algorithm == "SM2" {
        // SM2 is a 256-bit curve, offered in the China regions.
        Some(true)
    } else {
        None
    }
}
