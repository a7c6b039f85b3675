use super::callers_of_dynamodb;
use crate::logs::{Caller, Gaps};
use crate::prelude::*;

control! {
    /// Looks at who called DynamoDB and DAX, as CloudTrail's logs tell: each call carries `tlsDetails` when
    /// it came over TLS (AWS CloudTrail User Guide, "CloudTrail record contents"). A caller with a call
    /// without TLS fails, named with how often and as what it called. One of whose calls CloudTrail tells
    /// nothing is unknown, and so is one that passes where the logs lack days or files. Reads and writes of
    /// items are data events, which a trail records only where it is told to: where there are tables but no
    /// call in the logs, it is unknown. Which versions of TLS they use, `dynamodb-callers-tls-minimum` asks.
    id: "dynamodb-callers-use-tls",
    title: "Every call of DynamoDB came over HTTPS",
    clauses: ["DDBL-1"],
    sources: [Trail],
    severity: High,
    fix: "Remove the endpoint override of the caller, or write https:// in it; and let an endpoint policy or the role's policy deny calls where aws:SecureTransport is false.",
    cloudformation: r#"- Sid: OverTlsOnly
  Effect: Deny
  Action: dynamodb:*
  Resource: "*"
  Condition: {Bool: {aws:SecureTransport: "false"}}
"#,
    cdk: r#"table.addToResourcePolicy(new iam.PolicyStatement({
  effect: iam.Effect.DENY,
  principals: [new iam.AnyPrincipal()],
  actions: ['dynamodb:*'],
  resources: ['*'],
  conditions: { Bool: { 'aws:SecureTransport': 'false' } },
}));
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let gaps = Gaps::of(cx);
    for caller in callers_of_dynamodb::of(cx, "whether it calls DynamoDB over HTTPS", out) {
        out.push(caller.judge(cx, &gaps, &[Caller::PLAIN_HTTP], "every call came over HTTPS"));
    }
}
