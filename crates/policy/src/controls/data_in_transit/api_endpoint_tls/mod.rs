use crate::prelude::*;
use lockfast_facts::nouns::ChannelKind;

control! {
    /// Looks at REST APIs' default endpoints, HTTP and WebSocket APIs, and custom domain names. HTTP
    /// and WebSocket APIs accept TLS 1.2 and later whatever is stated. A regional or edge-optimised
    /// REST API that states no `SecurityPolicy` gets `TLS_1_0` on its default endpoint, a domain
    /// name `TLS_1_2` (Amazon API Gateway Developer Guide, "Supported security policies"). An API
    /// whose default endpoint is disabled is reached by its domain names alone.
    id: "api-endpoint-tls",
    title: "API endpoints and their domain names accept TLS 1.2 and later only",
    clauses: ["APIGW-1"],
    severity: High,
    fix: "State a SecurityPolicy of TLS 1.2 or later on the API and on its domain names, or disable the default endpoint.",
    cloudformation: r#"Type: AWS::ApiGateway::RestApi
Properties:
  EndpointConfiguration: {Types: [REGIONAL]}
  SecurityPolicy: SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09
  EndpointAccessMode: STRICT
"#,
    cdk: r#"const api = new apigateway.RestApi(this, 'Api', { disableExecuteApiEndpoint: true });
api.addDomainName('Domain', {
  domainName: 'api.example.com',
  certificate,
  securityPolicy: apigateway.SecurityPolicy.TLS_1_2,
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for channel in cx.inventory.channels() {
        let what = match channel.kind {
            ChannelKind::ApiEndpoint => "the default endpoint",
            ChannelKind::ApiDomain => "the domain name",
            _ => continue,
        };
        let judgement = super::tls_minimum::judge(cx, channel, what);
        out.extend(judgement);
    }
}
