use crate::config::TlsVersion;
use crate::prelude::*;
use lockfast_facts::nouns::{ChannelKind, Exposure, Transport};

control! {
    /// Looks at everything that accepts or makes connections: load balancer listeners, public and
    /// internal, CloudFront towards viewers and origins, APIs and their domain names, VPC Lattice, Amazon
    /// OpenSearch Service domains.
    /// Whatever encrypts must use the policy's lowest version or a later one, and what the internet
    /// reaches must encrypt at all. A single service's clauses say more about each; this one is the
    /// regulation over all of them.
    id: "transit-tls-minimum",
    title: "Data in transit uses TLS 1.2 or later, everywhere",
    clauses: ["REG-2"],
    severity: High,
    fix: "Name a security policy whose oldest protocol is TLS 1.2 on each listener, distribution and domain name.",
    cloudformation: r#"SslPolicy: ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09
"#,
    cdk: r#"sslPolicy: elbv2.SslPolicy.RECOMMENDED_TLS,
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let minimum = cx.config.tls.minimum;
    for channel in cx.inventory.channels() {
        let part = match channel.kind {
            ChannelKind::Origin => format!("origin {}", channel.part),
            _ => channel.part.clone(),
        };
        let oldest = match &channel.transport {
            Known::Unknown(why, _) => {
                out.push(Judgement::cannot_tell(channel, "what it encrypts with", why).part(part));
                continue;
            }
            known => match known.value() {
                Some(Transport::Plain) => {
                    let judgement = match &channel.exposure {
                        Known::Unknown(why, _) => {
                            Judgement::cannot_tell(channel, "whether the internet reaches it, and it does not encrypt", why)
                        }
                        known if known.value() == Some(&Exposure::Internet) => {
                            Judgement::fail(channel, "it does not encrypt at all")
                        }
                        _ => continue,
                    };
                    out.push(judgement.part(part).fact_as("protocol", &channel.transport, Transport::label));
                    continue;
                }
                Some(Transport::AtLeast(version)) => Some(version.to_string()),
                Some(Transport::Policy(policy)) => policy.row.map(|row| row.oldest().to_owned()),
                _ => continue,
            },
        };
        let judgement = match oldest.as_deref().map(|o| (o, TlsVersion::parse(o))) {
            Some((_, Some(version))) if version >= minimum => {
                Judgement::pass(channel, format!("it uses {version} or later"))
            }
            Some((_, Some(version))) => Judgement::fail(channel, format!("it still accepts {version}")),
            Some((name, None)) => Judgement::unknown(channel, format!("cannot tell which version `{name}` is")),
            None => Judgement::unknown(channel, "its security policy is in none of AWS's lists"),
        };
        out.push(judgement.part(part).fact_as("security policy", &channel.transport, Transport::label));
    }
}
