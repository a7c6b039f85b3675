use super::integrations::{self, stated};
use crate::connection::Connection;
use crate::prelude::*;

control! {
    /// An API passes keys and tokens on to its integrations, so an integration that is reached over
    /// plain HTTP sends them in the clear, however well the front is encrypted. Looks at the URI of
    /// every HTTP and HTTP_PROXY integration of REST, HTTP and WebSocket APIs, in resources and in the
    /// OpenAPI definition of an API. A private integration through a VPC link stays inside the VPC but
    /// is plain all the same, unless it has a TLS configuration or goes to an HTTPS listener.
    id: "api-integrations-encrypted",
    title: "APIs pass keys and tokens on over encrypted connections only",
    clauses: ["APIGW-3"],
    severity: High,
    fix: "Use an https:// URI for the integration, with a certificate on the backend.",
    cloudformation: r#"Type: AWS::ApiGateway::Method
Properties:
  Integration:
    Type: HTTP_PROXY
    Uri: https://orders.internal.example.com/{proxy}
"#,
    cdk: r#"new apigateway.HttpIntegration('https://orders.internal.example.com/{proxy}');
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for integration in integrations::all(cx) {
        let subject = integration.subject;
        let judgements = match integration.value {
            Read::Found(value, _) => judged(cx, subject, value),
            Read::Unknown(why, loc) => vec![Judgement::cannot_tell(subject, "how the integration is reached", &why).at(loc)],
            Read::Absent(_) => Vec::new(),
        };
        out.extend(judgements.into_iter().map(|j| j.part(integration.part.clone())));
    }
    for subject in cx.subjects(&["AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"]) {
        let file = subject.at("BodyS3Location");
        if !file.is_absent() {
            out.push(
                Judgement::unknown(subject, "cannot tell how its integrations are reached: its definition is a file in Amazon S3")
                    .part("definition")
                    .at(file.loc()),
            );
        }
    }
}

fn judged(cx: &Cx<'_>, subject: Subject<'_>, integration: &Value) -> Vec<Judgement> {
    let kind = stated(integration, &["Type", "IntegrationType", "type"]).string();
    let uri = stated(integration, &["Uri", "IntegrationUri", "uri"]).text();
    vec![match (&kind, &uri) {
        (Read::Found(t, _), _) if t.eq_ignore_ascii_case("MOCK") => {
            Judgement::pass(subject, "API Gateway answers by itself (MOCK), and passes nothing on")
        }
        (Read::Found(t, _), _) if !t.to_ascii_uppercase().starts_with("HTTP") => {
            Judgement::pass(subject, "the integration calls AWS over HTTPS")
        }
        (Read::Unknown(why, loc), _) | (_, Read::Unknown(why, loc)) => {
            Judgement::cannot_tell(subject, "how the integration is reached", why).at(*loc)
        }
        (_, Read::Absent(_)) => return Vec::new(),
        (_, Read::Found(uri, loc)) => {
            // Paths may hold tokens.
            let shown = match Connection::first(uri) {
                Some(url) => url.shown,
                None => {
                    let text = uri.render(|_| "*".to_owned());
                    text.split('/').next().unwrap_or_default().to_owned()
                }
            };
            let scheme = uri.known_prefix().to_ascii_lowercase();
            let tls = !stated(integration, &["TlsConfig", "tlsConfig"]).is_absent();
            if scheme.starts_with("http://") {
                Judgement::fail(subject, format!("the integration is reached over plain HTTP: {shown}")).at(*loc)
            } else if scheme.starts_with("https://") || scheme.starts_with("arn:aws:apigateway:") {
                Judgement::pass(subject, "the integration is reached over HTTPS").at(*loc)
            } else if tls {
                Judgement::pass(subject, "the private integration is reached over HTTPS: it has a TLS configuration").at(*loc)
            } else if let Some(reference) = uri.references().next() {
                return private(cx, subject, cx.inventory.resource(reference.target));
            } else if scheme.contains(":servicediscovery:") {
                Judgement::fail(subject, NO_TLS).at(*loc)
            } else {
                Judgement::unknown(subject, format!("cannot tell how the integration is reached: {shown}")).at(*loc)
            }
        }
    }]
}

/// API Gateway Developer Guide, "Working with private integrations for HTTP APIs".
const NO_TLS: &str = "the private integration goes to AWS Cloud Map without a TLS configuration, that is over plain HTTP";

/// A VPC link names a listener, whose protocol under each condition is the integration's, or a service
/// of Cloud Map.
fn private(cx: &Cx<'_>, subject: Subject<'_>, target: &Resource) -> Vec<Judgement> {
    if target.kind.starts_with("AWS::ServiceDiscovery::") {
        return vec![Judgement::fail(subject, NO_TLS).step(format!("service {}", target.name), target.loc)];
    }
    let variants = cx.inventory.variants_of(target.id);
    variants
        .filter(|listener| listener.variant.when.compatible(&subject.variant.when))
        .map(|listener| {
            let step = format!("listener {}", target.name);
            match listener.at("Protocol").string() {
                Read::Found(p, _) if p == "HTTPS" || p == "TLS" => {
                    Judgement::pass(subject, "the integration's listener speaks HTTPS").step(step, target.loc)
                }
                Read::Found(p, _) if p == "HTTP" => {
                    Judgement::fail(subject, "the integration's listener speaks plain HTTP").step(step, target.loc)
                }
                _ => Judgement::unknown(subject, format!("cannot tell how {} is reached", target.name)),
            }
            .when(&listener.variant.when)
        })
        .collect()
}
