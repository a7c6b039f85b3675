use crate::endpoints::{OverHttp, Role, of_roles};
use crate::prelude::*;

control! {
    /// Looks at what an API answers over plain HTTP: nothing, a redirect to HTTPS, or status 426 (Upgrade
    /// Required; RFC 9110, section 15.5.22). Any other answer fails, since a key or token that came with the
    /// call travelled in the clear and was taken for good. Status 403 is unknown: it may refuse plain HTTP, or
    /// a call without a key.
    ///
    /// A redirect does not undo that a client which calls `http://` has sent its key already: a port that
    /// nothing listens on is better, and a remark says so.
    id: "api-refuses-plain-http",
    title: "APIs answer nothing over plain HTTP",
    clauses: ["APIGW-3"],
    sources: [Probe],
    severity: High,
    fix: "Put the API behind API Gateway's own endpoint or a distribution that answers plain HTTP with a redirect or not at all, and replace keys that were sent over it.",
    cloudformation: r#"DefaultCacheBehavior:
  TargetOriginId: api
  ViewerProtocolPolicy: https-only
"#,
    cdk: r#"defaultBehavior: { origin, viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.HTTPS_ONLY },
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for endpoint in of_roles(cx, &[Role::Api], "whether it is an API", out) {
        if endpoint.speaks_no_http() {
            continue;
        }
        out.push(endpoint.each_address_over_http(cx, |address| {
            let over_http = address.over_http();
            let subject = address.subject();
            let judgement = match &over_http {
                Known::Unknown(why, _) => Judgement::cannot_tell(subject, "what it does with plain HTTP", why),
                Known::Stated(OverHttp::Redirects, _) => Judgement::pass(subject, "plain HTTP is only redirected to HTTPS")
                    .note("a client that calls http:// has sent its key before it is redirected"),
                Known::Stated(OverHttp::Answers(status), _) => match status.value() {
                    Some(426) => Judgement::pass(subject, "plain HTTP is refused, with status 426"),
                    Some(403) => Judgement::unknown(
                        subject,
                        "cannot tell whether it refuses plain HTTP or the call without a key: it answers 403",
                    ),
                    Some(status) => Judgement::fail(subject, format!("it answers over plain HTTP, with status {status}")),
                    None => Judgement::unknown(subject, "cannot tell whether it refuses plain HTTP: its answer has no status"),
                },
                _ => Judgement::pass(subject, "nothing listens for plain HTTP"),
            };
            judgement.fact("plain HTTP", &over_http)
        }));
    }
}
