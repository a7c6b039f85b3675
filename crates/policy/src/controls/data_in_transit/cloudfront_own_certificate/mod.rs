use crate::prelude::*;

control! {
    /// A distribution with domain names of its own (`Aliases`) must name a certificate for them;
    /// CloudFront's default certificate covers `*.cloudfront.net` only. Certificates of ACM pass
    /// (they must lie in us-east-1; so must those of distribution tenants); IAM's store is a note, since
    /// it does not renew.
    id: "cloudfront-own-certificate",
    title: "Distributions with their own domain names have their own certificates",
    clauses: ["CF-4"],
    severity: Medium,
    fix: "Request a certificate in ACM in us-east-1 for the aliases and name it in ViewerCertificate.",
    cloudformation: r#"Aliases: [www.example.com]
ViewerCertificate:
  AcmCertificateArn: !Ref Certificate
  SslSupportMethod: sni-only
  MinimumProtocolVersion: TLSv1.2_2021
"#,
    cdk: r#"domainNames: ['www.example.com'],
certificate, // from us-east-1
"#,
}

const CERTIFICATE: &str = "DistributionConfig.ViewerCertificate";

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::CloudFront::Distribution"]) {
        let aliases = match subject.at("DistributionConfig.Aliases").list() {
            Read::Found([], _) | Read::Absent(_) => continue,
            Read::Found(aliases, loc) => (aliases.len(), loc),
            Read::Unknown(why, loc) => {
                out.push(Judgement::cannot_tell(subject, "its domain names", &why).at(loc));
                continue;
            }
        };
        let acm = subject.at(&format!("{CERTIFICATE}.AcmCertificateArn"));
        let iam = subject.at(&format!("{CERTIFICATE}.IamCertificateId"));
        let judgement = match (acm, iam) {
            (Read::Found(value, loc), _) => region(cx, subject, value).at(loc),
            (_, Read::Found(_, loc)) => Judgement::pass(subject, "its certificate lies in IAM")
                .at(loc)
                .note("IAM's server certificates neither renew nor warn; move it to ACM"),
            // One that only the deployment knows is one of its own all the same.
            (Read::Unknown(why, loc), _) | (_, Read::Unknown(why, loc)) if is_given(&why) => {
                Judgement::pass(subject, "it has a certificate of its own").at(loc)
            }
            (Read::Unknown(why, loc), _) | (_, Read::Unknown(why, loc)) => {
                Judgement::cannot_tell(subject, "its certificate", &why).at(loc)
            }
            _ => Judgement::fail(subject, "it has domain names of its own, but CloudFront's default certificate").at(aliases.1),
        };
        out.push(judgement.stated("Aliases", aliases.0.to_string(), aliases.1));
    }
    // A tenant without a certificate has its distribution's.
    for subject in cx.subjects(&["AWS::CloudFront::DistributionTenant"]) {
        if let Read::Found(value, loc) = subject.at("Customizations.Certificate.Arn") {
            out.push(region(cx, subject, value).at(loc));
        }
    }
}

/// Whether the value is only not known yet, but certainly one.
fn is_given(why: &Why) -> bool {
    matches!(why, Why::Parameter(_) | Why::Import(_) | Why::Runtime(_) | Why::DynamicReference(_))
}

/// CloudFront takes certificates of us-east-1 only: one that is not known yet must lie there, or the
/// deployment fails.
fn region(cx: &Cx<'_>, subject: Subject<'_>, value: &Value) -> Judgement {
    let region = match cx.inventory.target(value) {
        Some((certificate, _)) => cx.inventory.stack_of(certificate).place.region.as_ref().map(|r| r.to_string()),
        None => value
            .at("")
            .string()
            .found()
            .and_then(|arn| arn.split(':').nth(3).map(str::to_owned)),
    };
    match region {
        Some(region) if region != "us-east-1" && !region.is_empty() => {
            Judgement::fail(subject, format!("its certificate lies in {region}; CloudFront takes those of us-east-1 only"))
        }
        _ => Judgement::pass(subject, "it has a certificate of its own"),
    }
}
