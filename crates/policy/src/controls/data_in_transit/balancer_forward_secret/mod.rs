use crate::endpoints::{Role, of_roles};
use crate::prelude::*;

control! {
    /// Looks at what the probe got a load balancer to accept when it offered only cipher suites without
    /// an ephemeral key exchange (RSA, static (EC)DH), in every version that the endpoint speaks. One that
    /// is accepted fails: whoever records the traffic can read it once the private key leaks. Cipher
    /// suites of TLS 1.3 are all forward secret (RFC 8446, appendix E.1).
    ///
    /// An endpoint that speaks no TLS has no cipher suites; that it does not is for
    /// `balancer-served-over-tls`.
    id: "balancer-forward-secret",
    title: "Load balancers accept no cipher suite without forward secrecy",
    clauses: ["ALB-4"],
    sources: [Probe],
    severity: Medium,
    fix: "Name a policy without RSA key exchange, such as ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09.",
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
    for endpoint in of_roles(cx, &[Role::LoadBalancer], "whether it is a load balancer", out) {
        if endpoint.is_plain_http() {
            continue;
        }
        out.push(endpoint.each_address(cx, |address| {
            let subject = address.subject();
            let accepted = address.example("Tls.WithoutForwardSecrecy");
            let judgement = match (&accepted, address.speaks_tls()) {
                (Known::Unknown(why, _), _) => {
                    Judgement::cannot_tell(subject, "whether it accepts cipher suites without forward secrecy", why)
                }
                (known, _) if known.value().is_some_and(Option::is_some) => {
                    Judgement::fail(subject, "it accepts a cipher suite without forward secrecy")
                }
                (_, Known::Unknown(why, _)) => Judgement::cannot_tell(subject, "whether it speaks TLS at all", &why),
                (_, speaks) if speaks.value() == Some(&false) => {
                    Judgement::not_applicable(subject, "it speaks no TLS, so it has no cipher suites")
                }
                _ => Judgement::pass(subject, "it accepts forward secret cipher suites only"),
            };
            judgement.fact_as("accepted without forward secrecy", &accepted, |example| match example {
                Some(example) => example.clone(),
                None => "none".into(),
            })
        }));
    }
}
