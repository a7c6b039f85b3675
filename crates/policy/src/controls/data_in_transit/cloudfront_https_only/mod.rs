use crate::prelude::*;
use lockfast_facts::nouns::{ChannelKind, Transport};

control! {
    /// Every cache behaviour must deliver over HTTPS only (`redirect-to-https` or `https-only`), and
    /// every custom origin must be reached over HTTPS only: `http-only` and `match-viewer` send
    /// content in the clear behind the edge (Amazon CloudFront Developer Guide, "Requiring HTTPS
    /// for communication between viewers and CloudFront" and "… between CloudFront and your custom
    /// origin"). S3 origins use HTTPS when viewers must.
    id: "cloudfront-https-only",
    title: "CloudFront delivers over HTTPS only and reaches its origins over HTTPS",
    clauses: ["CF-1"],
    severity: High,
    fix: "Set ViewerProtocolPolicy to redirect-to-https or https-only in every behaviour, and OriginProtocolPolicy to https-only on every custom origin.",
    cloudformation: r#"DefaultCacheBehavior:
  ViewerProtocolPolicy: redirect-to-https
Origins:
  - Id: alb
    CustomOriginConfig: {OriginProtocolPolicy: https-only, OriginSSLProtocols: [TLSv1.2]}
"#,
    cdk: r#"new cloudfront.Distribution(this, 'Cdn', {
  defaultBehavior: {
    origin: new origins.HttpOrigin('shop.example.com', { protocolPolicy: cloudfront.OriginProtocolPolicy.HTTPS_ONLY }),
    viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
  },
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::CloudFront::Distribution"]) {
        for (name, behaviour) in super::behaviours::of(subject) {
            let policy = behaviour.then(|b, _| b.at("ViewerProtocolPolicy")).string();
            let judgement = match policy {
                Read::Found(p, loc) if p == "allow-all" => {
                    Judgement::fail(subject, format!("behaviour {name} delivers over plain HTTP too")).at(loc)
                }
                Read::Found(p, loc) => {
                    Judgement::pass(subject, format!("behaviour {name} delivers over HTTPS only ({p})")).at(loc)
                }
                Read::Unknown(why, loc) => {
                    Judgement::cannot_tell(subject, &format!("how behaviour {name} delivers"), &why).at(loc)
                }
                Read::Absent(loc) => Judgement::fail(subject, format!("behaviour {name} states no ViewerProtocolPolicy")).at(loc),
            };
            out.push(judgement.part(format!("behaviour {name}")));
        }
    }
    for channel in cx.inventory.channels().iter().filter(|c| c.kind == ChannelKind::Origin) {
        let judgement = match &channel.transport {
            Known::Unknown(why, _) => Judgement::cannot_tell(channel, "how the origin is reached", why),
            known if known.value() == Some(&Transport::Plain) => {
                Judgement::fail(channel, format!("origin {} is reached over plain HTTP", channel.part))
            }
            _ => Judgement::pass(channel, format!("origin {} is reached over HTTPS only", channel.part)),
        };
        out.push(judgement.part(format!("origin {}", channel.part)).fact_as("origin's protocol", &channel.transport, Transport::label));
    }
}
