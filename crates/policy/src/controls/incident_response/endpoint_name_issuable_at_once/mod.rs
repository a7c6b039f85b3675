use super::caa::{admit_amazon, relevant};
use crate::endpoints::{Endpoint, asked, with_own_certificates};
use crate::prelude::*;

control! {
    /// In an emergency ACM must be able to issue a certificate for the endpoint's name. Looks at the CAA
    /// records that the probe found (RFC 8659: those of the nearest domain that has any): without one, any
    /// authority may issue; with `issue` records, one of them must name Amazon's authorities (`amazon.com`,
    /// `amazontrust.com`, `awstrust.com`, `amazonaws.com`). Where the endpoint shows a wildcard certificate,
    /// `issuewild` decides. A critical record that no authority understands keeps all of them from issuing.
    ///
    /// AWS's own names (`*.elb.amazonaws.com`, `*.cloudfront.net`, …) come with AWS's own certificate. Whether
    /// the validation record stands is for `certificate-issuable-at-once`.
    id: "endpoint-name-issuable-at-once",
    title: "CAA records let Amazon issue a certificate for every endpoint's name",
    clauses: ["CER-2"],
    sources: [Probe],
    severity: Low,
    fix: "Add a CAA record that admits amazon.com to the nearest domain that has any.",
    cloudformation: r#"Type: AWS::Route53::RecordSet
Properties:
  HostedZoneId: !Ref Zone
  Name: example.com
  Type: CAA
  TTL: "300"
  ResourceRecords: ['0 issue "amazon.com"']
"#,
    cdk: r#"new route53.CaaAmazonRecord(this, 'Caa', { zone });
"#,
}

/// Domains whose names are AWS's own.
const OF_AWS: [&str; 6] =
    ["amazonaws.com", "amazonaws.com.cn", "cloudfront.net", "awsglobalaccelerator.com", "on.aws", "awsapprunner.com"];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for endpoint in with_own_certificates(cx, out).into_iter().filter(|endpoint| !endpoint.is_a_file()) {
        out.push(endpoint.declared(cx, one(endpoint)));
    }
}

fn one(endpoint: Endpoint<'_>) -> Judgement {
    let subject = endpoint.subject;
    let host = match asked(subject.at("Host").string(), "its name") {
        Known::Unknown(why, _) => return Judgement::cannot_tell(subject, "which name it has", &why),
        Known::Stated(host, _) | Known::Default(host, ..) => host.trim_end_matches('.').to_ascii_lowercase(),
    };
    if OF_AWS.iter().any(|domain| host.ends_with(&format!(".{domain}"))) {
        return Judgement::not_applicable(subject, "its name is AWS's own, and so is its certificate");
    }
    if host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok() {
        return Judgement::not_applicable(subject, "it has no name, only an address");
    }
    if !host.contains('.') {
        return Judgement::not_applicable(subject, "no public authority issues for a name of one label");
    }
    let records = match asked(subject.at("Caa").list(), "CAA records") {
        Known::Unknown(why, _) => return Judgement::cannot_tell(subject, "whether Amazon may issue for its name", &why),
        Known::Stated(records, _) | Known::Default(records, ..) => records,
    };
    if records.is_empty() {
        return Judgement::pass(subject, "no CAA record keeps Amazon from issuing for its name");
    }
    let relevant = match relevant(records, &host) {
        Ok(relevant) => relevant,
        Err(why) => return Judgement::cannot_tell(subject, "whether Amazon may issue for its name", &why),
    };
    let (single, wildcard) = (admit_amazon(&relevant, false), admit_amazon(&relevant, true));
    let admitted = match single == wildcard {
        true => Known::Stated(single, subject.at("Caa").loc()),
        false => shows_wildcard(endpoint, &host).map(|shown| if shown { wildcard } else { single }),
    };
    let judgement = match admitted {
        Known::Unknown(why, _) => Judgement::cannot_tell(subject, "whether a wildcard certificate is to be issued", &why),
        known if known.value() == Some(&true) => Judgement::pass(subject, "its CAA records let Amazon issue for its name"),
        _ => Judgement::fail(subject, "its CAA records keep Amazon from issuing for its name"),
    };
    records.iter().fold(judgement, |judgement, record| {
        let text = |field: &str| record.at(field).string().found().unwrap_or_default();
        judgement.stated(format!("CAA of {}", text("Name")), format!("{} \"{}\"", text("Tag"), text("Value")), record.loc)
    })
}

/// Whether the certificate that is shown has the name only by a wildcard.
fn shows_wildcard(endpoint: Endpoint<'_>, host: &str) -> Known<bool> {
    let names = endpoint.subject.each("Addresses.*.Certificates.*.Chain.0.Names.*");
    let loc = endpoint.subject.resource.loc;
    let mut named = false;
    for name in names {
        match asked(name.string(), "the names of its certificate") {
            Known::Unknown(why, loc) => return Known::Unknown(why, loc),
            known => named |= known.value().is_some_and(|name| name.eq_ignore_ascii_case(host)),
        }
    }
    Known::Stated(!named, loc)
}
