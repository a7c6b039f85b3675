use crate::prelude::*;

control! {
    /// A viewer that asks over HTTP must be redirected to HTTPS, in every cache behaviour.
    /// `https-only` refuses the viewer instead, which keeps the clause too: nothing is delivered in
    /// the clear; it is noted, since people who type an address without a scheme are turned away.
    id: "cloudfront-redirects-to-https",
    title: "Every cache behaviour redirects HTTP to HTTPS",
    clauses: ["CF-2"],
    severity: Medium,
    fix: "Set ViewerProtocolPolicy to redirect-to-https.",
    cloudformation: r#"DefaultCacheBehavior:
  ViewerProtocolPolicy: redirect-to-https
"#,
    cdk: r#"viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::CloudFront::Distribution"]) {
        for (name, behaviour) in super::behaviours::of(subject) {
            let judgement = match behaviour.then(|b, _| b.at("ViewerProtocolPolicy")).string() {
                Read::Found(p, loc) if p == "redirect-to-https" => {
                    Judgement::pass(subject, format!("behaviour {name} redirects to HTTPS")).at(loc)
                }
                Read::Found(p, loc) if p == "https-only" => {
                    Judgement::pass(subject, format!("behaviour {name} refuses plain HTTP"))
                        .at(loc)
                        .note("https-only turns viewers away who ask over HTTP; redirect-to-https sends them on")
                }
                Read::Unknown(why, loc) => {
                    Judgement::cannot_tell(subject, &format!("whether behaviour {name} redirects"), &why).at(loc)
                }
                Read::Found(_, loc) | Read::Absent(loc) => {
                    Judgement::fail(subject, format!("behaviour {name} answers plain HTTP without redirecting")).at(loc)
                }
            };
            out.push(judgement.part(name));
        }
    }
}
