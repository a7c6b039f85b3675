use super::callers_of_dynamodb;
use crate::logs::{Caller, Gaps};
use crate::prelude::*;

control! {
    /// Looks at who called DynamoDB and DAX, as CloudTrail's logs tell (`tlsDetails.tlsVersion` of each
    /// call). A caller with a call over TLS 1.0 or 1.1, or without TLS, fails, named with how often and as
    /// which SDK it called. One of whose calls CloudTrail tells nothing is unknown, and so is one that
    /// passes where the logs lack days or files, or where there are tables but no call. Calls of AWS's
    /// own services are AWS's.
    id: "dynamodb-callers-tls-minimum",
    title: "Every call of DynamoDB uses TLS 1.2 or later",
    clauses: ["DDBL-2"],
    sources: [Trail],
    severity: High,
    fix: "Update the SDK or the runtime that the user agent names (Java 8, Python 3.6 with OpenSSL 1.0.2 or later speak TLS 1.2).",
    cloudformation: r#"Type: AWS::Lambda::Function
Properties:
  Runtime: python3.13
"#,
    cdk: r#"new lambda.Function(this, 'Orders', { runtime: lambda.Runtime.PYTHON_3_13, handler, code });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let gaps = Gaps::of(cx);
    for caller in callers_of_dynamodb::of(cx, "whether it calls DynamoDB over TLS 1.2", out) {
        let weak = [Caller::OLD_TLS, Caller::PLAIN_HTTP];
        out.push(caller.judge(cx, &gaps, &weak, "every call used TLS 1.2 or later"));
    }
}
