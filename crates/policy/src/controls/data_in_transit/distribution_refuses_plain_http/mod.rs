use crate::endpoints::{Address, OverHttp, Role, asked, of_roles};
use crate::prelude::*;

control! {
    /// Looks at what a distribution answers over plain HTTP: a redirect to HTTPS, as `redirect-to-https`
    /// gives, or status 403, as `https-only` does (Amazon CloudFront Developer Guide, "Requiring HTTPS for
    /// communication between viewers and CloudFront"). Any other answer delivers over plain HTTP, and fails.
    ///
    /// Status 403 refuses plain HTTP only where HTTPS gets another answer: an origin (a bucket without a root object) or
    /// a firewall may forbid the call itself, and then it is unknown.
    ///
    /// Only the root path was asked for, and every cache behaviour has a setting of its own: those of
    /// other paths are judged where they are declared (`cloudfront-https-only`,
    /// `cloudfront-redirects-to-https`). How CloudFront reaches its origins a probe does not see.
    id: "distribution-refuses-plain-http",
    title: "Distributions deliver nothing over plain HTTP, as seen from outside",
    clauses: ["CF-1", "CF-2"],
    sources: [Probe],
    severity: High,
    fix: "Set ViewerProtocolPolicy to redirect-to-https (or https-only) on every cache behaviour, and send Strict-Transport-Security.",
    cloudformation: r#"DefaultCacheBehavior:
  TargetOriginId: site
  ViewerProtocolPolicy: redirect-to-https
  ResponseHeadersPolicyId: 67f7725c-6f97-4210-82d7-5512b31e9d03 # Managed-SecurityHeadersPolicy
"#,
    cdk: r#"defaultBehavior: {
  origin,
  viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
  responseHeadersPolicy: cloudfront.ResponseHeadersPolicy.SECURITY_HEADERS,
},
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for endpoint in of_roles(cx, &[Role::Distribution], "whether it is a distribution", out) {
        if endpoint.speaks_no_http() {
            continue;
        }
        out.push(endpoint.each_address_over_http(cx, |address| {
            let over_http = address.over_http();
            let subject = address.subject();
            let judgement = match &over_http {
                Known::Unknown(why, _) => Judgement::cannot_tell(subject, "what it does with plain HTTP", why),
                Known::Stated(OverHttp::Redirects, _) => Judgement::pass(subject, "plain HTTP is redirected to HTTPS"),
                Known::Stated(OverHttp::Answers(status), _) => match status.value() {
                    Some(403) => forbidden(address),
                    Some(status) => Judgement::fail(subject, format!("it delivers over plain HTTP, with status {status}")),
                    None => Judgement::unknown(subject, "cannot tell whether it refuses plain HTTP: its answer has no status"),
                },
                _ => Judgement::pass(subject, "nothing listens for plain HTTP"),
            };
            address.note_hsts(judgement.fact("plain HTTP", &over_http))
        }));
    }
}

/// Status 403 over plain HTTP, held against what HTTPS answers.
fn forbidden(address: Address<'_>) -> Judgement {
    let subject = address.subject();
    let over_https = asked(address.at("HttpsStatus").int(), "the status over HTTPS");
    let judgement = match &over_https {
        Known::Unknown(why, _) => Judgement::cannot_tell(subject, "whether 403 refuses plain HTTP or every call", why),
        known if known.value() == Some(&403) => {
            Judgement::unknown(subject, "cannot tell whether 403 refuses plain HTTP or every call: HTTPS answers 403 too")
        }
        _ => Judgement::pass(subject, "plain HTTP is refused, with status 403"),
    };
    judgement.fact("status over HTTPS", &over_https)
}
