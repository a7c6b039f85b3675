use super::outbound::{self, Scheme};
use crate::prelude::*;

control! {
    /// Collects the URLs a system calls: in environment variables (also put together by `Fn::Join`
    /// and `Fn::Sub`, several in a list or inside JSON), EventBridge API destinations and connections,
    /// SNS subscriptions, Firehose, Splunk and AppSync endpoints, sources of builds. Those outside must
    /// be called with TLS (`https://`, `wss://`, `mqtts://`, …); AWS's runtimes then use TLS 1.2 or
    /// later. Loopback and private addresses, names that are no public domains (RFC 6762, appendix G),
    /// names in private hosted zones, Cloud Map namespaces and Service Connect of the input, and internal
    /// load balancers are inside; AWS's own APIs are for LAM-1. Of an address only scheme, host and port
    /// are shown: its path may be a token. Mail and directories may
    /// start TLS later: they are unknown.
    id: "external-calls-encrypted",
    title: "External APIs are called over HTTPS",
    clauses: ["EXT-1"],
    sources: [Iac],
    severity: High,
    fix: "Use the https:// address of the API.",
    cloudformation: r#"Type: AWS::Events::ApiDestination
Properties:
  InvocationEndpoint: https://hooks.partner.example.com/orders
"#,
    cdk: r#"new events.ApiDestination(this, 'Partner', { connection, endpoint: 'https://hooks.partner.example.com/orders' });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for call in outbound::called(cx) {
        let judgement = match &call.url {
            Err(why) => Judgement::cannot_tell(call.subject, "how the address is reached", why),
            Ok(url) => match (url.leads_outside(cx), outbound::scheme(url)) {
                (Some(false), _) | (_, None) => continue,
                (_, Some(Scheme::Encrypted)) => {
                    Judgement::pass(call.subject, format!("{} is called over TLS", url.shown))
                }
                (None, Some(Scheme::Plain)) => Judgement::unknown(
                    call.subject,
                    format!("cannot tell whether {}, which is called in the clear, is outside", url.shown),
                ),
                (_, Some(Scheme::Plain)) if url.scheme == "http" => {
                    Judgement::fail(call.subject, format!("{} is called over plain HTTP", url.shown))
                }
                (_, Some(Scheme::Plain)) => {
                    Judgement::fail(call.subject, format!("{} is called in the clear", url.shown))
                }
                (_, Some(Scheme::Upgradable)) => Judgement::unknown(
                    call.subject,
                    format!("cannot tell whether {} starts TLS before it says anything", url.shown),
                ),
                (_, Some(Scheme::Unknown)) => Judgement::unknown(
                    call.subject,
                    format!("cannot tell how {} is called: its scheme is known only at deployment", url.shown),
                ),
            },
        };
        out.push(judgement.part(call.part).at(call.loc));
    }
}
