use crate::endpoints::{Role, of_roles};
use crate::prelude::*;

control! {
    /// Looks at the endpoints of CloudFront distributions that were probed, by each of their names: every
    /// address must accept TLS 1.2 (or `[tls] minimum`) and later only. The distribution's own name under
    /// `cloudfront.net` is judged alike, since it serves the same content. How CloudFront speaks to its
    /// origins a probe of viewers' endpoints does not see.
    id: "distribution-served-over-tls",
    title: "Distributions accept TLS 1.2 or later only, as seen from outside",
    clauses: ["CF-3"],
    sources: [Probe],
    severity: High,
    fix: "Give the distribution a certificate of its own and set MinimumProtocolVersion to TLSv1.2_2021 or later.",
    cloudformation: r#"ViewerCertificate:
  AcmCertificateArn: !Ref Certificate
  SslSupportMethod: sni-only
  MinimumProtocolVersion: TLSv1.2_2021
"#,
    cdk: r#"new cloudfront.Distribution(this, 'Distribution', {
  domainNames: ['www.example.com'],
  certificate,
  minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
  defaultBehavior: { origin },
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let minimum = cx.config.tls.minimum;
    for endpoint in of_roles(cx, &[Role::Distribution], "whether it is a distribution", out) {
        out.push(endpoint.each_address(cx, |address| address.at_least(minimum)));
    }
}
