use super::outbound;
use crate::prelude::*;

control! {
    /// Collects the URLs a system calls: in environment variables (also put together by `Fn::Join`
    /// and `Fn::Sub`), EventBridge API destinations and connections, SNS subscriptions, Firehose and
    /// AppSync HTTP endpoints. Those outside must be `https://` or `wss://`; AWS's runtimes then use
    /// TLS 1.2 or later. Loopback, private addresses and `.internal` names are inside.
    id: "external-calls-encrypted",
    title: "External APIs are called over HTTPS",
    clauses: ["EXT-1"],
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
            Ok(url) if !outbound::is_outside(url) => continue,
            Ok(url) if outbound::is_plain(url) => {
                Judgement::fail(call.subject, format!("{} is called over plain HTTP", url.shown))
            }
            Ok(url) => Judgement::pass(call.subject, format!("{} is called over TLS", url.shown)),
        };
        out.push(judgement.part(call.part).at(call.loc));
    }
}
