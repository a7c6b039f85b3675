use super::behind::behind_listener;
use crate::judgement::About;
use crate::prelude::*;
use lockfast_facts::nouns::{Channel, ChannelKind, Exposure, Transport};

control! {
    /// Looks at the listeners of Application, Network and Classic Load Balancers that face the
    /// internet (`Scheme` absent means it does). HTTPS and TLS listeners are judged by their
    /// security policy: every version it accepts must be high enough. A listener without a policy
    /// gets `ELBSecurityPolicy-2016-08` from CloudFormation, CDK and the API, and that accepts TLS
    /// 1.0; only the console's default is newer (Elastic Load Balancing User Guide, "Security
    /// policies for your Application Load Balancer").
    ///
    /// A plain HTTP listener fails unless it only redirects. A TCP listener passes packets on, so
    /// whether they are encrypted is unknown here.
    id: "public-listener-tls",
    title: "Public load balancer listeners use HTTPS or TLS 1.2 and later",
    clauses: ["ALB-1"],
    severity: High,
    fix: "Use HTTPS (or TLS) and name a policy such as ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09.",
    cloudformation: r#"Type: AWS::ElasticLoadBalancingV2::Listener
Properties:
  Protocol: HTTPS
  Port: 443
  SslPolicy: ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09
  Certificates: [{CertificateArn: !Ref Certificate}]
"#,
    cdk: r#"alb.addListener('Https', {
  port: 443,
  certificates: [certificate],
  sslPolicy: elbv2.SslPolicy.RECOMMENDED_TLS,
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for channel in cx.inventory.channels() {
        if !matches!(channel.kind, ChannelKind::Listener | ChannelKind::ClassicListener) {
            continue;
        }
        match &channel.exposure {
            Known::Unknown(why, _) if !secure(cx, channel) => {
                out.push(Judgement::cannot_tell(channel, "whether the internet reaches it", why));
                continue;
            }
            known if known.value() == Some(&Exposure::Internal) => continue,
            _ => {}
        }
        let judgement = match channel.transport.value() {
            Some(Transport::Plain) => Some(Judgement::fail(channel, "the public listener speaks plain HTTP")),
            Some(Transport::Redirect) => Some(Judgement::pass(channel, "the plain listener only redirects to HTTPS")),
            Some(Transport::PassThrough) if !behind_listener(cx, channel).is_empty() => {
                out.extend(behind_listener(cx, channel).into_iter().filter_map(|inner| passed_on(cx, channel, inner)));
                None
            }
            Some(Transport::PassThrough) => Some(Judgement::unknown(
                channel,
                "the listener passes packets on; whether its targets encrypt, a template does not show",
            )),
            _ => super::tls_minimum::judge(cx, channel, "the listener"),
        };
        out.extend(judgement.map(|j| j.fact_as("protocol", &channel.transport, Transport::label)));
    }
}

/// What the listener that a listener passes packets on to makes of them.
fn passed_on(cx: &Cx<'_>, channel: &Channel, inner: &Channel) -> Option<Judgement> {
    let mut judgement = match inner.transport.value() {
        Some(Transport::Plain) => Judgement::fail(channel, "the listener passes packets on to one that speaks plain HTTP"),
        Some(Transport::Redirect) => Judgement::pass(channel, "the listener behind it only redirects to HTTPS"),
        _ => super::tls_minimum::judge(cx, inner, "the listener behind it")?,
    };
    judgement.about = About::Resource(channel.resource);
    judgement.part = channel.part.clone().into();
    judgement.when = channel.when.and(&inner.when);
    let listener = cx.inventory.resource(inner.resource);
    Some(judgement.step(format!("listener {}", listener.name), listener.loc))
}

fn secure(cx: &Cx<'_>, channel: &Channel) -> bool {
    use crate::judgement::Verdict;
    super::tls_minimum::judge(cx, channel, "").is_some_and(|j| j.verdict == Verdict::Pass)
        || channel.transport.value() == Some(&Transport::Redirect)
}
