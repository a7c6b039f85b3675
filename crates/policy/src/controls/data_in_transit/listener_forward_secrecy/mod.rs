use crate::prelude::*;
use lockfast_facts::nouns::{ChannelKind, Transport};

control! {
    /// Every cipher suite that a listener's security policy offers must exchange keys by (EC)DHE;
    /// TLS 1.3 suites always do. A policy that still offers one RSA key exchange fails, since the
    /// client may choose it. The policies are a table (Elastic Load Balancing User Guide, "Security
    /// policies for your Application Load Balancer"); a listener without one gets
    /// `ELBSecurityPolicy-2016-08`, which offers RSA.
    id: "listener-forward-secrecy",
    title: "Every connection a listener accepts has forward secrecy",
    clauses: ["ALB-4"],
    severity: Medium,
    fix: "Name a policy without RSA key exchange, such as ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09.",
    cloudformation: r#"SslPolicy: ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09
"#,
    cdk: r#"sslPolicy: elbv2.SslPolicy.RECOMMENDED_TLS,
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for channel in cx.inventory.channels() {
        if !matches!(channel.kind, ChannelKind::Listener | ChannelKind::ClassicListener) {
            continue;
        }
        let judgement = match &channel.transport {
            // A redirect that may not be one: it has no cipher suites in either case.
            Known::Unknown(..) if channel.subject(cx.inventory).at("Protocol").string().found().as_deref() == Some("HTTP") => {
                continue;
            }
            Known::Unknown(why, _) => Judgement::cannot_tell(channel, "which cipher suites the listener offers", why),
            known => match known.value() {
                Some(Transport::Policy(policy)) => match policy.row {
                    None => Judgement::unknown(
                        channel,
                        format!("security policy {} is in none of AWS's lists", policy.name),
                    ),
                    Some(row) if row.forward_secrecy => {
                        Judgement::pass(channel, format!("{} offers forward secret cipher suites only", row.name))
                    }
                    Some(row) => {
                        let weak: Vec<&str> = row.without_forward_secrecy().take(2).collect();
                        Judgement::fail(
                            channel,
                            format!("{} offers cipher suites without forward secrecy ({}, …)", row.name, weak.join(", ")),
                        )
                    }
                },
                // Of Classic Load Balancers: a policy of one's own lists its cipher suites.
                Some(Transport::AtLeast(_)) => {
                    Judgement::unknown(channel, "the listener's own negotiation policy lists cipher suites one by one, which are not judged")
                }
                _ => continue,
            },
        };
        out.push(judgement.fact_as("security policy", &channel.transport, Transport::label));
    }
}
