use crate::endpoints::{Certificate, Role, of_roles, worst_of};
use crate::judgement::Verdict;
use crate::prelude::*;

control! {
    /// Looks at the APIs of others that the system calls (the URLs that `external-calls-encrypted` finds in
    /// templates and accounts, and those named to the probe): each must speak TLS 1.2 (or `[tls] minimum`) or a
    /// later version, and show a certificate that is valid for its name. That it still speaks older versions
    /// too is a remark: the caller chooses the version, and the endpoint is not one's own to mend.
    ///
    /// Whether the caller checks the certificate is for `certificate-validation-enforced`.
    id: "outside-endpoint-tls",
    title: "External APIs that are called speak TLS 1.2 and show a valid certificate",
    clauses: ["EXT-1"],
    sources: [Probe],
    severity: High,
    fix: "Call another endpoint of the same provider, or ask the provider to mend it; until then keep data that matters from it.",
    cloudformation: r#"Type: AWS::Events::ApiDestination
Properties:
  ConnectionArn: !GetAtt Connection.Arn
  HttpMethod: POST
  InvocationEndpoint: https://api.example.net/v2/orders
"#,
    cdk: r#"new events.ApiDestination(this, 'Orders', { connection, endpoint: 'https://api.example.net/v2/orders' });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let minimum = cx.config.tls.minimum;
    for endpoint in of_roles(cx, &[Role::Outside], "whether it is an endpoint of others", out) {
        if endpoint.is_plain_http() {
            let judgement = Judgement::fail(endpoint.subject, "it is called over plain HTTP");
            out.push(endpoint.declared(cx, judgement.fact("Protocol", &endpoint.protocol())));
            continue;
        }
        let judgement = endpoint.each_address(cx, |address| {
            let certificates = address.each_certificate("whether its certificate is valid", valid);
            let parts = vec![("TLS".to_owned(), address.speaks_at_least(minimum)), ("certificate".to_owned(), certificates)];
            worst_of(parts).unwrap_or_else(|| Judgement::unknown(address.subject(), "nothing was asked of it"))
        });
        out.push(match judgement.verdict {
            Verdict::Pass => Judgement {
                message: format!("it speaks {minimum} or later and shows a valid certificate").into(),
                ..judgement
            },
            _ => judgement,
        });
    }
}

fn valid(certificate: Certificate<'_>) -> Judgement {
    let subject = certificate.subject();
    let judgement = match certificate.problems() {
        Known::Unknown(why, _) => Judgement::cannot_tell(subject, "whether its certificate is valid", &why),
        known => match known.value().and_then(|problems| problems.first()) {
            Some(problem) => Judgement::fail(subject, format!("its certificate is not valid: {}", problem.message)),
            None => Judgement::pass(subject, "its certificate is valid"),
        },
    };
    match certificate.leaf() {
        Ok(leaf) => judgement.stated("certificate", leaf.name(), certificate.loc()),
        Err(_) => judgement,
    }
}
