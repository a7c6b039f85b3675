use crate::endpoints::{Role, of_roles};
use crate::prelude::*;

control! {
    /// Looks at the endpoints of load balancers that were probed, at each of their addresses: a node that
    /// answers otherwise than the others counts. Only TLS 1.2 (or `[tls] minimum`) and later may be
    /// accepted; a plain HTTP endpoint may only redirect. This is what clients really get, whatever the
    /// listener's security policy promises: `listener-keeps-its-declaration` compares the two.
    id: "balancer-served-over-tls",
    title: "Load balancers accept TLS 1.2 or later only, as seen from outside",
    clauses: ["ALB-1"],
    sources: [Probe],
    severity: High,
    fix: "Use HTTPS (or TLS) and name a policy such as ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09.",
    cloudformation: r#"Type: AWS::ElasticLoadBalancingV2::Listener
Properties:
  Protocol: HTTPS
  Port: 443
  SslPolicy: ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09
  Certificates: [{CertificateArn: !Ref Certificate}]
"#,
    cdk: r#"balancer.addListener('Https', {
  port: 443,
  certificates: [certificate],
  sslPolicy: elbv2.SslPolicy.RECOMMENDED_TLS,
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let minimum = cx.config.tls.minimum;
    for endpoint in of_roles(cx, &[Role::LoadBalancer], "whether it is a load balancer", out) {
        out.push(endpoint.each_address(cx, |address| address.at_least(minimum)));
    }
}
