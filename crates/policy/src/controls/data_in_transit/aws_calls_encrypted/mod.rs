use crate::prelude::*;
use std::collections::HashSet;

control! {
    /// Lambda functions and containers call AWS over HTTPS unless an endpoint override says
    /// otherwise: `AWS_ENDPOINT_URL` and its kind must be `https://` (AWS SDKs and Tools Reference
    /// Guide, "Service-specific endpoints"). Functions without an override pass;
    /// those whose variables cannot be read, since a macro adds to them or they depend on the region, are unknown.
    id: "aws-calls-encrypted",
    title: "AWS is called over HTTPS; no endpoint override says otherwise",
    clauses: ["LAM-1"],
    sources: [Iac],
    severity: High,
    fix: "Remove the override, or write https://.",
    cloudformation: r#"AWS_ENDPOINT_URL: https://vpce-0a1b.s3.eu-central-1.vpce.amazonaws.com
"#,
    cdk: r#"environment: {}, // the SDK's own endpoints
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    super::endpoints::judge(cx, out, "", "AWS");
    let mut overridden: HashSet<ResourceId> = super::endpoints::overrides(cx, "").iter().map(|o| o.subject.id()).collect();
    overridden.extend(super::environment::unread(cx, out, &["AWS::Lambda::Function"], "how AWS is reached"));
    for subject in cx.subjects(&["AWS::Lambda::Function"]) {
        if !overridden.contains(&subject.id()) {
            out.push(Judgement::pass(subject, "nothing overrides the SDK's HTTPS endpoints"));
        }
    }
}
