use crate::endpoints::{Role, of_roles};
use crate::prelude::*;

control! {
    /// Looks at the endpoints of APIs that were probed, custom domain names and the `execute-api` default
    /// alike: each address must accept TLS 1.2 (or `[tls] minimum`) and later only. A default endpoint
    /// beside a strict custom domain name is an endpoint of its own.
    id: "api-served-over-tls",
    title: "APIs accept TLS 1.2 or later only, as seen from outside",
    clauses: ["APIGW-1"],
    sources: [Probe],
    severity: High,
    fix: "Set SecurityPolicy to TLS_1_2 or a SecurityPolicy_TLS13 one on the domain name and the API, or disable the default endpoint.",
    cloudformation: r#"Type: AWS::ApiGateway::DomainName
Properties:
  DomainName: api.example.com
  RegionalCertificateArn: !Ref Certificate
  EndpointConfiguration: {Types: [REGIONAL]}
  SecurityPolicy: TLS_1_2
"#,
    cdk: r#"new apigateway.DomainName(this, 'Domain', {
  domainName: 'api.example.com',
  certificate,
  securityPolicy: apigateway.SecurityPolicy.TLS_1_2,
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let minimum = cx.config.tls.minimum;
    for endpoint in of_roles(cx, &[Role::Api], "whether it is an API", out) {
        out.push(endpoint.each_address(cx, |address| address.at_least(minimum)));
    }
}
