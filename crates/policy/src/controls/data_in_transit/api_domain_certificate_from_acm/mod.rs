use crate::prelude::*;

control! {
    /// Follows the certificate of every custom domain name of REST, HTTP and WebSocket APIs to where
    /// it is kept. API Gateway takes ACM's certificates by ARN; the legacy way to upload a
    /// certificate's body keeps none of ACM's renewal.
    id: "api-domain-certificate-from-acm",
    title: "Custom domain names of APIs use certificates from ACM",
    clauses: ["APIGW-2"],
    severity: Medium,
    fix: "Request the certificate from ACM (in us-east-1 for an edge-optimised domain name) and name its ARN.",
    cloudformation: r#"Type: AWS::ApiGateway::DomainName
Properties:
  DomainName: api.example.com
  RegionalCertificateArn: !Ref Certificate
  SecurityPolicy: TLS_1_2
"#,
    cdk: r#"new apigateway.DomainName(this, 'Domain', { domainName: 'api.example.com', certificate });
"#,
}

const PROPERTIES: [&str; 3] = [
    "CertificateArn",
    "RegionalCertificateArn",
    "DomainNameConfigurations.*.CertificateArn",
];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::ApiGateway::DomainName", "AWS::ApiGateway::DomainNameV2", "AWS::ApiGatewayV2::DomainName"]) {
        let mut any = false;
        for property in PROPERTIES {
            for read in subject.each(property) {
                if let Some(judgement) = super::certificate::judge(cx, subject, read, "the domain name") {
                    any = true;
                    out.push(judgement.part(property.rsplit('.').next().unwrap_or(property)));
                }
            }
        }
        if !any {
            out.push(Judgement::fail(subject, "the domain name names no certificate of ACM"));
        }
    }
}
