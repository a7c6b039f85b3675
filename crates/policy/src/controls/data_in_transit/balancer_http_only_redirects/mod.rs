use crate::endpoints::{OverHttp, Role, of_roles};
use crate::prelude::*;

control! {
    /// Looks at what port 80 of a load balancer's name answers: the very first answer must be a redirect
    /// to HTTPS, or nothing may listen there. Only the root path was asked for; a rule for another path is
    /// judged where it is declared (`http-redirects-to-https`). A redirect to another host passes with a
    /// remark: browsers then cannot be told by that host's own header to keep to HTTPS.
    ///
    /// A port that answers neither with a refusal nor with a page (a timeout, a reset) is unknown: a
    /// firewall may let others through. An address where nothing listens for HTTPS is judged as well. Load balancers that speak no HTTP are not judged.
    id: "balancer-http-only-redirects",
    title: "Plain HTTP at a load balancer only redirects, as seen from outside",
    clauses: ["ALB-2"],
    sources: [Probe],
    severity: High,
    fix: "Make every action of the port 80 listener a redirect to HTTPS, or remove the listener.",
    cloudformation: r#"Type: AWS::ElasticLoadBalancingV2::Listener
Properties:
  Protocol: HTTP
  Port: 80
  DefaultActions:
    - Type: redirect
      RedirectConfig: {Protocol: HTTPS, Port: "443", StatusCode: HTTP_301}
"#,
    cdk: r#"balancer.addRedirect({ sourceProtocol: elbv2.ApplicationProtocol.HTTP, targetPort: 443 });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for endpoint in of_roles(cx, &[Role::LoadBalancer], "whether it is a load balancer", out) {
        if endpoint.speaks_no_http() {
            continue;
        }
        out.push(endpoint.each_address_over_http(cx, |address| {
            let over_http = address.over_http();
            let subject = address.subject();
            let judgement = match &over_http {
                Known::Unknown(why, _) => Judgement::cannot_tell(subject, "what it does with plain HTTP", why),
                Known::Stated(OverHttp::Silent, _) => Judgement::pass(subject, "nothing listens for plain HTTP"),
                Known::Stated(OverHttp::Redirects, _) => Judgement::pass(subject, "plain HTTP only redirects to HTTPS"),
                _ => Judgement::fail(subject, "it answers over plain HTTP instead of redirecting"),
            };
            let judgement = match address.at("Http.SameHost").bool() {
                Read::Found(false, _) => judgement.note("it redirects to another host at once, not to itself over HTTPS first"),
                _ => judgement,
            };
            address.note_hsts(judgement.fact("plain HTTP", &over_http))
        }));
    }
}
