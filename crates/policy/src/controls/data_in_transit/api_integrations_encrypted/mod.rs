use crate::prelude::*;
use lockfast_facts::Part;

control! {
    /// An API passes keys and tokens on to its integrations, so an integration that is reached over
    /// plain HTTP sends them in the clear, however well the front is encrypted. Looks at the URI of
    /// every HTTP and HTTP_PROXY integration of REST, HTTP and WebSocket APIs and at authorizers.
    /// A private integration through a VPC link stays inside the VPC but is plain all the same.
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
    let places = [
        ("AWS::ApiGateway::Method", "Integration.Type", "Integration.Uri"),
        ("AWS::ApiGatewayV2::Integration", "IntegrationType", "IntegrationUri"),
    ];
    for (kind, type_path, uri_path) in places {
        for subject in cx.subjects(&[kind]) {
            let integration = subject.at(type_path).string();
            let uri = subject.at(uri_path).text();
            let judgement = match (&integration, &uri) {
                (Read::Found(t, _), _) if !t.starts_with("HTTP") => {
                    Judgement::pass(subject, "the integration calls AWS over HTTPS")
                }
                (Read::Unknown(why, loc), _) | (_, Read::Unknown(why, loc)) => {
                    Judgement::cannot_tell(subject, "how the integration is reached", why).at(*loc)
                }
                (_, Read::Absent(_)) => continue,
                (_, Read::Found(uri, loc)) => {
                    let shown = uri.render(|part| match part {
                        Part::Literal(s) => s.to_string(),
                        _ => "*".into(),
                    });
                    let scheme = uri.known_prefix().to_ascii_lowercase();
                    if scheme.starts_with("http://") {
                        Judgement::fail(subject, format!("the integration is reached over plain HTTP: {shown}")).at(*loc)
                    } else if scheme.starts_with("https://") || scheme.starts_with("arn:") {
                        Judgement::pass(subject, "the integration is reached over HTTPS").at(*loc)
                    } else if let Some((target, _)) = uri.references().next().map(|r| (cx.inventory.resource(r.target), ())) {
                        through_listener(subject, target)
                    } else {
                        Judgement::unknown(subject, format!("cannot tell how the integration is reached: {shown}")).at(*loc)
                    }
                }
            };
            out.push(judgement);
        }
    }
}

/// A VPC link names a listener: its protocol is the integration's.
fn through_listener(subject: Subject<'_>, target: &Resource) -> Judgement {
    match target.at("Protocol").string() {
        Read::Found(p, _) if p == "HTTPS" || p == "TLS" => {
            Judgement::pass(subject, "the integration's listener speaks HTTPS").step(format!("listener {}", target.name), target.loc)
        }
        Read::Found(p, _) if p == "HTTP" => {
            Judgement::fail(subject, "the integration's listener speaks plain HTTP").step(format!("listener {}", target.name), target.loc)
        }
        _ => Judgement::unknown(subject, format!("cannot tell how {} is reached", target.name)),
    }
}
