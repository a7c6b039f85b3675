use super::certificate_use::{From, uses};
use crate::prelude::*;
use lockfast_facts::Part;

control! {
    /// Looks at every certificate that a template makes and at every property that names the
    /// certificate of a server (load balancers, CloudFront, API Gateway, AppSync, Cognito, OpenSearch,
    /// Client VPN, Transfer Family, IoT, VPC Lattice, Amplify, Network Firewall). A certificate that a
    /// template requests from ACM passes: ACM keeps its key and renews it (AWS Certificate Manager User
    /// Guide, "Managed certificate renewal"). IAM's server certificates fail wherever they are made or
    /// used, and so does a custom resource that calls `acm:ImportCertificate` or
    /// `iam:UploadServerCertificate`.
    ///
    /// An ARN of ACM alone does not say whether the certificate was requested or imported, and an
    /// imported one ACM does not renew: that is unknown.
    id: "certificates-through-acm",
    title: "All certificates are issued and kept by ACM",
    clauses: ["ACM-1"],
    severity: Medium,
    fix: "Request the certificate from ACM with DNS validation, refer to it where the IAM or imported one is used, and delete that.",
    cloudformation: r#"Certificate:
  Type: AWS::CertificateManager::Certificate
  Properties:
    DomainName: shop.example.com
    ValidationMethod: DNS
    DomainValidationOptions: [{DomainName: shop.example.com, HostedZoneId: !Ref Zone}]
"#,
    cdk: r#"const certificate = new acm.Certificate(this, 'Certificate', {
  domainName: 'shop.example.com',
  validation: acm.CertificateValidation.fromDns(zone),
});
"#,
}

/// Calls of an SDK, as `AwsCustomResource` writes them, that bring a certificate from outside.
const IMPORTS: [&str; 2] = ["importcertificate", "uploadservercertificate"];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::CertificateManager::Certificate"]) {
        out.push(match origin(subject) {
            Ok(false) => Judgement::pass(subject, "the certificate is requested from ACM"),
            Ok(true) => Judgement::fail(subject, IMPORTED),
            Err(why) => Judgement::cannot_tell(subject, "whether the certificate was requested from ACM or imported", &why),
        });
    }
    for subject in cx.subjects(&["AWS::IAM::ServerCertificate"]) {
        out.push(Judgement::fail(
            subject,
            "the certificate is uploaded to IAM, which neither renews it nor warns of its expiry",
        ));
    }
    for subject in cx.subjects(&["Custom::AWS", "AWS::CloudFormation::CustomResource"]) {
        out.extend(imports(subject));
    }
    for used in uses(cx) {
        let judgement = match &used.from {
            From::Made(certificate) => {
                let origins = cx.inventory.variants_of(certificate.id).map(origin);
                match origins.max_by_key(|origin| (origin.is_err(), origin.as_ref().is_ok_and(|imported| *imported))) {
                    Some(Ok(true)) => Judgement::fail(used.subject, IMPORTED),
                    Some(Err(why)) => {
                        Judgement::cannot_tell(used.subject, "where its certificate comes from", &why)
                    }
                    _ => Judgement::pass(used.subject, "its certificate is requested from ACM"),
                }
                .step(format!("certificate {}", certificate.name), certificate.loc)
            }
            From::Iam => Judgement::fail(
                used.subject,
                "its certificate lies in IAM, which neither renews it nor warns of its expiry",
            ),
            From::Acm(arn) => Judgement::unknown(
                used.subject,
                format!("cannot tell whether {arn} was requested from ACM or imported: no template given makes it"),
            )
            .note("ACM does not renew imported certificates"),
            From::Unknown(why) => {
                Judgement::cannot_tell(used.subject, "where its certificate comes from", why)
            }
        };
        out.push(judgement.at(used.loc).part(used.part));
    }
}

const IMPORTED: &str = "the certificate is imported into ACM, which does not renew it";

/// Whether a certificate was imported, which only a live one tells: what a template makes is requested.
fn origin(certificate: Subject<'_>) -> Result<bool, Arc<Why>> {
    match certificate.at("Type").string() {
        Read::Found(kind, _) => Ok(kind == "IMPORTED"),
        Read::Absent(_) => Ok(false),
        Read::Unknown(why, _) => Err(why),
    }
}

/// CDK's `AwsCustomResource` writes the call as JSON into `Create`, with tokens joined in.
fn imports(subject: Subject<'_>) -> Option<Judgement> {
    for property in ["Create", "Update"] {
        let Read::Found(call, loc) = subject.at(property).text() else {
            continue;
        };
        let call = call
            .render(|part| match part {
                Part::Literal(s) => s.to_string(),
                _ => String::new(),
            })
            .to_ascii_lowercase();
        if IMPORTS.iter().any(|name| {
            call.contains(&format!("\"{name}\"")) || call.contains(&format!("\"{name}command\""))
        }) {
            return Some(
                Judgement::fail(
                    subject,
                    "it imports a certificate from outside, which AWS does not renew",
                )
                .at(loc),
            );
        }
    }
    None
}
