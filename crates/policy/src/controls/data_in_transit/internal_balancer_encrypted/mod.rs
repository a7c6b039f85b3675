use crate::prelude::*;
use lockfast_facts::nouns::{ChannelKind, Exposure, Transport};

control! {
    /// Looks at listeners of internal load balancers and of VPC Lattice. Plain HTTP breaks the clause
    /// when the data is confidential or restricted, by the classification of the listener or its
    /// load balancer. What nobody classified is unknown: whether plain HTTP is allowed there depends
    /// on it.
    id: "internal-balancer-encrypted",
    title: "Internal load balancers encrypt sensitive traffic",
    clauses: ["VPC-1"],
    severity: Medium,
    fix: "Use an HTTPS listener with a certificate of ACM or of a private CA, also inside the VPC.",
    cloudformation: r#"Type: AWS::ElasticLoadBalancingV2::Listener
Properties:
  Protocol: HTTPS
  Port: 443
  SslPolicy: ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09
  Certificates: [{CertificateArn: !Ref PrivateCertificate}]
"#,
    cdk: r#"internalAlb.addListener('Https', { port: 443, certificates: [privateCertificate], sslPolicy: elbv2.SslPolicy.RECOMMENDED_TLS });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for channel in cx.inventory.channels() {
        if !matches!(
            channel.kind,
            ChannelKind::Listener | ChannelKind::ClassicListener | ChannelKind::LatticeListener
        ) || channel.exposure.value() != Some(&Exposure::Internal)
        {
            continue;
        }
        let subject = channel.subject(cx.inventory);
        let balancer = match subject.at("LoadBalancerArn") {
            Read::Found(value, _) => cx.inventory.target(value).map(|(r, _)| r.id),
            _ => None,
        };
        let own = cx.classification(channel.resource);
        let classification = match (own.value(), balancer) {
            (None, Some(balancer)) => cx.classification(balancer),
            _ => own,
        };
        let judgement = match (&channel.transport, classification.value()) {
            (Known::Unknown(why, _), _) => Judgement::cannot_tell(channel, "whether the listener encrypts", why),
            (known, class) => match (known.value(), class) {
                (Some(Transport::Plain), Some(c)) if c.is_sensitive() => {
                    Judgement::fail(channel, format!("the internal listener carries {c} data over plain HTTP"))
                }
                (Some(Transport::Plain), Some(c)) => {
                    Judgement::pass(channel, format!("plain HTTP is acceptable for {c} data inside the VPC"))
                }
                (Some(Transport::Plain), None) => Judgement::unknown(
                    channel,
                    "the internal listener is plain HTTP, and nobody said how sensitive its data is",
                ),
                (Some(Transport::PassThrough), _) => Judgement::unknown(
                    channel,
                    "the listener passes packets on; whether its targets encrypt, a template does not show",
                ),
                _ => Judgement::pass(channel, "the internal listener encrypts"),
            },
        };
        out.push(
            judgement
                .fact_as("protocol", &channel.transport, Transport::label)
                .fact("classification", classification),
        );
    }
}
