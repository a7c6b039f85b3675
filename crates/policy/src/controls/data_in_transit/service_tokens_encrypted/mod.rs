use super::behind;
use crate::prelude::*;

control! {
    /// Services authenticate to each other with tokens, so every hop between them has to encrypt.
    /// Looks at target groups (HTTP behind a TLS listener sends the token on in the clear), at
    /// ECS Service Connect services (which need a `Tls` section) and at VPC Lattice target groups.
    /// A target group over TCP is unknown, unless a listener of VPC Lattice passes TLS through to it.
    id: "service-tokens-encrypted",
    title: "Services pass tokens to each other over encrypted connections",
    clauses: ["VPC-2"],
    severity: Medium,
    fix: "Use protocol HTTPS on the target group with a certificate in the container, or Tls in the Service Connect configuration.",
    cloudformation: r#"ServiceConnectConfiguration:
  Enabled: true
  Services:
    - PortName: http
      Tls:
        IssuerCertificateAuthority: {AwsPcaAuthorityArn: !Ref PrivateCa}
        KmsKey: !GetAtt ServiceKey.Arn
"#,
    cdk: r#"service.enableServiceConnect({
  services: [{ portMappingName: 'http', tls: { awsPcaAuthorityArn: privateCa.attrArn, kmsKey: serviceKey } }],
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::ElasticLoadBalancingV2::TargetGroup"]) {
        // Lambda targets have no protocol: the load balancer calls AWS.
        let judgement = match subject.at("Protocol").string() {
            Read::Absent(_) => continue,
            Read::Unknown(why, loc) => Judgement::cannot_tell(subject, "how its targets are reached", &why).at(loc),
            Read::Found(p, loc) => match p.as_str() {
                "HTTPS" | "TLS" => Judgement::pass(subject, "its targets are reached over TLS"),
                // Packets for an appliance, not tokens of a service.
                "GENEVE" => continue,
                "HTTP" => Judgement::fail(subject, "the load balancer reaches its targets over plain HTTP"),
                _ => match behind::listeners(cx, subject).as_slice() {
                    [] => Judgement::unknown(subject, format!("{p} carries whatever the targets speak")),
                    inner if inner.iter().any(|inner| behind::is_plain(inner)) => {
                        Judgement::fail(subject, "the load balancer behind it takes plain HTTP")
                    }
                    _ => Judgement::pass(subject, "the load balancer behind it takes encrypted connections"),
                },
            }
            .at(loc),
        };
        out.push(judgement);
    }
    for subject in cx.subjects(&["AWS::VpcLattice::TargetGroup"]) {
        let judgement = match subject.at("Config.Protocol").string() {
            Read::Absent(_) => continue,
            Read::Unknown(why, loc) => Judgement::cannot_tell(subject, "how its targets are reached", &why).at(loc),
            Read::Found(p, loc) if p == "HTTPS" => Judgement::pass(subject, "its targets are reached over HTTPS").at(loc),
            Read::Found(p, loc) if p == "TCP" => match passed_through(cx, subject) {
                true => Judgement::pass(subject, "VPC Lattice passes TLS through to its targets").at(loc),
                false => Judgement::unknown(subject, "TCP carries whatever the targets speak").at(loc),
            },
            Read::Found(p, loc) => Judgement::fail(subject, format!("VPC Lattice reaches its targets over {p}")).at(loc),
        };
        out.push(judgement);
    }
    for subject in cx.subjects(&["AWS::ECS::Service"]) {
        if subject.at("ServiceConnectConfiguration.Enabled").bool().found() == Some(false) {
            continue;
        }
        let services = match subject.at("ServiceConnectConfiguration.Services").list() {
            Read::Found(services, _) => services,
            Read::Absent(_) => continue,
            Read::Unknown(why, loc) => {
                out.push(Judgement::cannot_tell(subject, "its Service Connect services", &why).at(loc));
                continue;
            }
        };
        for (i, service) in services.iter().enumerate() {
            let name = service.at("PortName").string().found().unwrap_or_else(|| format!("service {}", i + 1));
            let judgement = match service.at("Tls") {
                Read::Found(_, loc) => Judgement::pass(subject, format!("Service Connect encrypts {name}")).at(loc),
                Read::Absent(loc) => Judgement::fail(subject, format!("Service Connect carries {name} without TLS")).at(loc),
                Read::Unknown(why, loc) => {
                    Judgement::cannot_tell(subject, &format!("whether Service Connect encrypts {name}"), &why).at(loc)
                }
            };
            out.push(judgement.part(name));
        }
    }
}

/// Whether a listener that passes TLS through sends to the target group, itself or by a rule.
fn passed_through(cx: &Cx<'_>, group: Subject<'_>) -> bool {
    let passes = |listener: &Resource| {
        &*listener.kind == "AWS::VpcLattice::Listener"
            && listener.at("Protocol").string().found().as_deref() == Some("TLS_PASSTHROUGH")
    };
    cx.inventory.referrers(group.id()).any(|user| match &*user.kind {
        "AWS::VpcLattice::Rule" => match user.at("ListenerIdentifier") {
            Read::Found(value, _) => cx.inventory.target(value).is_some_and(|(listener, _)| passes(listener)),
            _ => false,
        },
        _ => passes(user),
    })
}
