use crate::prelude::*;

control! {
    /// No certificate may be kept outside ACM: looks for IAM server certificates and for resources
    /// that name one (`server-certificate` ARNs in load balancers, distributions, domain names). A
    /// certificate that is issued by ACM in the templates passes. Certificates imported into ACM are
    /// not made by CloudFormation and do not show here.
    id: "certificates-through-acm",
    title: "All certificates are issued and kept by ACM",
    clauses: ["ACM-1"],
    severity: Medium,
    fix: "Request the certificate from ACM and name it instead of the IAM server certificate.",
    cloudformation: r#"Type: AWS::CertificateManager::Certificate
Properties: {DomainName: shop.example.com, ValidationMethod: DNS}
"#,
    cdk: r#"new acm.Certificate(this, 'Certificate', { domainName: 'shop.example.com', validation: acm.CertificateValidation.fromDns(zone) });
"#,
}

const NAMED: [(&str, &str); 7] = [
    ("AWS::ElasticLoadBalancingV2::Listener", "Certificates.*.CertificateArn"),
    ("AWS::ElasticLoadBalancing::LoadBalancer", "Listeners.*.SSLCertificateId"),
    ("AWS::CloudFront::Distribution", "DistributionConfig.ViewerCertificate.IamCertificateId"),
    ("AWS::CloudFront::Distribution", "DistributionConfig.ViewerCertificate.AcmCertificateArn"),
    ("AWS::ApiGateway::DomainName", "RegionalCertificateArn"),
    ("AWS::ApiGatewayV2::DomainName", "DomainNameConfigurations.*.CertificateArn"),
    ("AWS::Cognito::UserPoolDomain", "CustomDomainConfig.CertificateArn"),
];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::IAM::ServerCertificate"]) {
        out.push(Judgement::fail(subject, "the certificate is kept in IAM, which neither renews it nor warns of its expiry"));
    }
    for subject in cx.subjects(&["AWS::CertificateManager::Certificate"]) {
        out.push(Judgement::pass(subject, "ACM issues the certificate"));
    }
    for (kind, path) in NAMED {
        for subject in cx.subjects(&[kind]) {
            for read in subject.each(path) {
                let judgement = match read {
                    Read::Absent(_) => continue,
                    Read::Unknown(why, loc) => Judgement::cannot_tell(subject, "where its certificate is kept", &why).at(loc),
                    Read::Found(value, loc) => {
                        let Read::Found(text, _) = value.at("").text() else { continue };
                        let shown = text.render(|_| "*".into());
                        if path.ends_with("IamCertificateId") || shown.contains(":server-certificate/") {
                            Judgement::fail(subject, "its certificate is kept in IAM").at(loc)
                        } else if shown.contains(":acm:") || text.references().next().is_some() {
                            continue;
                        } else if let Some(why) = text.first_unknown() {
                            Judgement::cannot_tell(subject, "where its certificate is kept", why).at(loc)
                        } else {
                            Judgement::fail(subject, "its certificate is not one of ACM").at(loc)
                        }
                    }
                };
                out.push(judgement);
            }
        }
    }
}
