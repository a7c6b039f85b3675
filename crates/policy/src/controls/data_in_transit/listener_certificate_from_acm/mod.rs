use crate::prelude::*;

control! {
    /// Follows the certificates of HTTPS and TLS listeners (also those added by
    /// `ListenerCertificate`) and of Classic Load Balancers to where they are kept: by reference to
    /// a certificate in the templates, or by the service in the ARN. IAM's store fails: it does not
    /// renew.
    id: "listener-certificate-from-acm",
    title: "Load balancer certificates come from ACM",
    clauses: ["ALB-3"],
    severity: Medium,
    fix: "Request the certificate from ACM with DNS validation and name it in the listener.",
    cloudformation: r#"Certificate:
  Type: AWS::CertificateManager::Certificate
  Properties:
    DomainName: shop.example.com
    ValidationMethod: DNS
"#,
    cdk: r#"const certificate = new acm.Certificate(this, 'Certificate', {
  domainName: 'shop.example.com',
  validation: acm.CertificateValidation.fromDns(zone),
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&[
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::ListenerCertificate",
    ]) {
        for (i, read) in subject.each("Certificates.*.CertificateArn").into_iter().enumerate() {
            let judgement = super::certificate::judge(cx, subject, read, "the listener");
            out.extend(judgement.map(|j| j.part(if i == 0 { String::new() } else { format!("certificate {}", i + 1) })));
        }
    }
    for subject in cx.subjects(&["AWS::ElasticLoadBalancing::LoadBalancer"]) {
        for (i, read) in subject.each("Listeners.*.SSLCertificateId").into_iter().enumerate() {
            let judgement = super::certificate::judge(cx, subject, read, "the listener");
            out.extend(judgement.map(|j| j.part(format!("listener {}", i + 1))));
        }
    }
}
