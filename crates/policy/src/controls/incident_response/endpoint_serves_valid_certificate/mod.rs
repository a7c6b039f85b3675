use crate::endpoints::{Certificate, Endpoint, with_own_certificates};
use crate::prelude::*;

control! {
    /// Service is restored when clients trust what they are shown again. Looks at every certificate that an
    /// endpoint shows, at each address: it must be in time, for this name, for servers, not revoked, and lead
    /// to a trusted root by what was sent with it. What is wrong is named. Clients that fetch a missing
    /// intermediate by themselves hide that from their users; others fail.
    ///
    /// Of a certificate that was read from a file without saying for which name, a remark says that names were not
    /// looked at.
    ///
    /// A database or mail server whose certificate is right but for an authority that the probe was not given
    /// (Amazon RDS has its own) is unknown: `--roots` gives it. Endpoints of others are for
    /// `outside-endpoint-tls`.
    id: "endpoint-serves-valid-certificate",
    title: "Endpoints serve valid certificates, as seen from outside",
    clauses: ["CER-3"],
    sources: [Probe],
    severity: Critical,
    fix: "Attach a valid certificate for this name with its whole chain wherever the endpoint ends TLS, and probe it again.",
    cloudformation: r#"Type: AWS::ElasticLoadBalancingV2::Listener
Properties:
  Protocol: HTTPS
  Certificates: [{CertificateArn: !Ref NewCertificate}]
"#,
    cdk: r#"balancer.addListener('Https', { port: 443, certificates: [newCertificate] });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for endpoint in with_own_certificates(cx, out) {
        out.push(endpoint.each_address(cx, |address| {
            address.each_certificate("whether its certificate is valid", |certificate| one(endpoint, certificate))
        }));
    }
}

fn one(endpoint: Endpoint<'_>, certificate: Certificate<'_>) -> Judgement {
    let subject = certificate.subject();
    let problems = match certificate.problems() {
        Known::Unknown(why, _) => return Judgement::cannot_tell(subject, "whether its certificate is valid", &why),
        Known::Stated(problems, _) | Known::Default(problems, ..) => problems,
    };
    let only_authority = || problems.iter().all(|problem| matches!(problem.name.as_str(), "" | "unknown-issuer"));
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    let judgement = if problems.is_empty() {
        Judgement::pass(subject, "its certificate is valid")
    } else if endpoint.protocol().value().is_none_or(|name| name != "https") && only_authority() {
        Judgement::unknown(subject, "cannot tell whether its authority is trusted: the probe was not given it")
            .note("give the probe the authority's root with --roots")
    } else {
        Judgement::fail(subject, format!("its certificate is not valid: {}", messages.join("; ")))
    };
    let judgement = match subject.at("NameAsked").bool() {
        Read::Found(false, _) => judgement.note("for which names it is was not looked at, since none was asked for"),
        _ => judgement,
    };
    let name = certificate.leaf().map(|leaf| leaf.name());
    judgement.stated("certificate", name.unwrap_or_else(|_| "its subject is not known".into()), certificate.loc())
}
