use super::certificate_facts::{ACM, shown_of_acm};
use crate::endpoints::{Certificate, Endpoint, Link, Role, asked, of_roles};
use crate::live::unread;
use crate::prelude::*;
use lockfast_facts::Place;

control! {
    /// Looks at the certificate that front doors (load balancers, distributions, APIs) really show. One that
    /// Amazon's public authority issued comes from ACM, or is AWS's own for its default names
    /// (`*.cloudfront.net`, `*.execute-api…`, `*.elb…`). Any other is looked for among the certificates of
    /// the accounts given beside the probe, by its serial number, end and domain: what ACM issued there (of a private
    /// authority, for example) passes, and what was imported into it fails, since ACM does not renew it.
    ///
    /// One that is not in ACM of the account that declares the endpoint fails, when all of it was read; without
    /// the account it is unknown.
    id: "endpoint-certificate-from-acm",
    title: "Front doors show certificates that ACM issued",
    clauses: ["ACM-1"],
    sources: [Probe],
    severity: Medium,
    fix: "Request the certificate from ACM with DNS validation and attach it in place of the one from outside; if something else answers in front, find out what.",
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

const FRONT_DOORS: [Role; 3] = [Role::LoadBalancer, Role::Distribution, Role::Api];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for endpoint in of_roles(cx, &FRONT_DOORS, "whether it is a front door of AWS", out) {
        if !endpoint.is_plain_http() {
            out.push(endpoint.each_address(cx, |address| {
                address.each_certificate(WHAT, |certificate| one(cx, endpoint, certificate))
            }));
        }
    }
}

const WHAT: &str = "where its certificate comes from";

fn one(cx: &Cx<'_>, endpoint: Endpoint<'_>, certificate: Certificate<'_>) -> Judgement {
    let subject = certificate.subject();
    let leaf = match certificate.leaf() {
        Ok(leaf) => leaf,
        Err(why) => return Judgement::cannot_tell(subject, WHAT, &why),
    };
    let issuer = leaf.text("Issuer");
    let authority = asked(certificate.at("Authority").string(), "its authority");
    let serial = leaf.text("SerialNumber");
    let judgement = match (&issuer, &authority) {
        (Known::Unknown(why, _), _) | (_, Known::Unknown(why, _)) => Judgement::cannot_tell(subject, WHAT, why),
        // A private authority may call itself anything.
        (issuer, authority) if is(authority, |name| name == "public") && is(issuer, is_amazon) => {
            Judgement::pass(subject, "its certificate is issued by Amazon")
        }
        _ => in_acm(cx, endpoint, certificate, leaf),
    };
    judgement.fact("Issuer", &issuer).fact("SerialNumber", &serial)
}

fn is(known: &Known<String>, wanted: impl Fn(&str) -> bool) -> bool {
    known.value().is_some_and(|text| wanted(text))
}

/// The organisation of a distinguished name is Amazon.
fn is_amazon(issuer: &str) -> bool {
    issuer.split(',').any(|part| part.trim() == "O=Amazon")
}

/// Looks for a certificate that Amazon did not issue in the accounts given.
fn in_acm(cx: &Cx<'_>, endpoint: Endpoint<'_>, certificate: Certificate<'_>, leaf: Link<'_>) -> Judgement {
    let subject = certificate.subject();
    let found = shown_of_acm(cx, leaf).and_then(|found| match (found, whole_of_acm(cx, endpoint)) {
        (None, Err(why)) => Known::Unknown(why, certificate.loc()),
        (found, _) => Known::Stated(found, certificate.loc()),
    });
    let found = match found {
        Known::Stated(Some(found), _) => found,
        Known::Unknown(why, _) => {
            return Judgement::cannot_tell(subject, "whether its certificate, which Amazon did not issue, is in ACM", &why);
        }
        _ => return Judgement::fail(subject, "its certificate is neither issued by Amazon nor in ACM"),
    };
    let judgement = match found.at("Type").string() {
        Read::Found(kind, _) if kind == "IMPORTED" => {
            Judgement::fail(subject, "its certificate was imported into ACM, which does not renew it")
        }
        Read::Found(..) => Judgement::pass(subject, "its certificate is issued by ACM"),
        Read::Unknown(why, _) => Judgement::cannot_tell(subject, "whether ACM issued its certificate", &why),
        Read::Absent(_) => Judgement::unknown(subject, "cannot tell whether ACM issued its certificate: the account does not say"),
    };
    judgement.step(format!("certificate {}", found.resource.name), found.resource.loc)
}

/// Whether all certificates of the account that declares an endpoint were read; those of CloudFront and of APIs at the
/// edge lie in us-east-1.
fn whole_of_acm(cx: &Cx<'_>, endpoint: Endpoint<'_>) -> Result<(), Arc<Why>> {
    let not_given = || Arc::new(Why::NotGiven("ACM of the account that declares it".into()));
    let arn = match endpoint.subject.at("Of.Arn").string() {
        Read::Found(arn, _) => arn,
        Read::Unknown(why, _) => return Err(why),
        Read::Absent(_) => return Err(not_given()),
    };
    let mut parts = arn.split(':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_scanned = |place: &Place| place.account.as_deref() == Some(account);
    if !cx.inventory.stacks().iter().any(|stack| is_scanned(&stack.place)) {
        return Err(not_given());
    }
    let mut regions = vec![if region.is_empty() { "us-east-1" } else { region }];
    if endpoint.role().found() == Some(Role::Api) {
        regions.push("us-east-1");
    }
    let gap = regions.into_iter().find_map(|region| {
        let place = Place {
            account: Some(account.into()),
            region: Some(region.into()),
        };
        unread(cx, "acm", &[ACM], &place)
    });
    gap.map_or(Ok(()), Err)
}
