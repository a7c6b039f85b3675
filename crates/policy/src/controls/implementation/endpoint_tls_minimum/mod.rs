use crate::endpoints;
use crate::prelude::*;

control! {
    /// Looks at every endpoint that was probed, at each address of its name: it must accept the policy's
    /// lowest version of TLS (`[tls] minimum`, 1.2) or a later one, and none that is older. Every older
    /// version was offered to it by itself, so one that it accepts was really spoken. An endpoint of plain
    /// HTTP may only redirect to HTTPS. What a template or account says of the same endpoint does not
    /// count here: something else may stand before it.
    ///
    /// Addresses of the name that were not measured (beyond the first sixteen, or because DNS did not answer) leave it
    /// unknown; those of IPv6 that the machine which probed cannot reach are a remark.
    ///
    /// A version of which no answer came (a reset, a timeout) is unknown, and so is the endpoint then,
    /// unless another version breaks the clause already.
    id: "endpoint-tls-minimum",
    title: "Every endpoint accepts TLS 1.2 or later only",
    clauses: ["REG-2"],
    sources: [Probe],
    severity: High,
    fix: "Give whatever ends TLS there a security policy whose oldest protocol is TLS 1.2, and probe it again.",
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
    out.extend(endpoints::all(cx).map(|endpoint| endpoint.each_address(cx, |address| address.at_least(minimum))));
}
