use crate::prelude::*;
use lockfast_facts::nouns::ChannelKind;

control! {
    /// Judges the security policy towards viewers and the protocols towards custom origins. With
    /// CloudFront's default certificate the policy is `TLSv1`, whatever `MinimumProtocolVersion`
    /// says (Amazon CloudFront API Reference, "ViewerCertificate"); so is it when a certificate of
    /// one's own is named without a policy. An origin without `OriginSSLProtocols` is offered
    /// TLS 1.0.
    id: "cloudfront-tls-minimum",
    title: "CloudFront speaks TLS 1.2 and later with viewers and origins",
    clauses: ["CF-3"],
    severity: High,
    fix: "Use a certificate of your own with MinimumProtocolVersion TLSv1.2_2021 or later, and OriginSSLProtocols [TLSv1.2].",
    cloudformation: r#"ViewerCertificate:
  AcmCertificateArn: !Ref Certificate
  SslSupportMethod: sni-only
  MinimumProtocolVersion: TLSv1.2_2021
"#,
    cdk: r#"new cloudfront.Distribution(this, 'Cdn', {
  domainNames: ['www.example.com'],
  certificate,
  minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
  /* … */
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for channel in cx.inventory.channels() {
        let what = match channel.kind {
            ChannelKind::Viewer => "towards viewers CloudFront".to_owned(),
            ChannelKind::Origin => format!("towards origin {} CloudFront", channel.part),
            _ => continue,
        };
        out.extend(super::tls_minimum::judge(cx, channel, &what));
    }
}
