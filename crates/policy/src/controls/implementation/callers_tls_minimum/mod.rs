use crate::config::TlsVersion;
use crate::logs::{Caller, Gaps, all_or_unknown, callers};
use crate::judgement::Verdict;
use crate::prelude::*;

control! {
    /// Looks at every caller of every service of AWS in CloudTrail's logs (`tlsDetails` of each call): none
    /// of its calls may come without TLS or over TLS 1.0 or 1.1, and whoever still does is named, with how
    /// often and as what it called. Calls of which CloudTrail does not tell are a remark; a caller with none
    /// but these is unknown, and so is one that passes where the logs lack days or files, or where
    /// `[tls] minimum` of `lockfast.toml` asks for TLS 1.3. Calls with a suite without forward secrecy are a
    /// remark. Calls of AWS's own services are AWS's.
    id: "callers-tls-minimum",
    title: "Every call of AWS uses TLS 1.2 or later",
    clauses: ["REG-2"],
    sources: [Trail],
    severity: High,
    fix: "Update the SDK or runtime that the user agent names, or remove its endpoint override without TLS.",
    cloudformation: r#"Type: AWS::Lambda::Function
Properties:
  Runtime: python3.13
"#,
    cdk: r#"new lambda.Function(this, 'Orders', { runtime: lambda.Runtime.PYTHON_3_13, handler, code });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let what = "how calls of AWS are protected";
    if all_or_unknown(cx, what, out).is_empty() {
        return;
    }
    let gaps = Gaps::of(cx);
    for caller in callers(cx) {
        let weak = [Caller::OLD_TLS, Caller::PLAIN_HTTP];
        let judgement = caller.judge(cx, &gaps, &weak, "every call used TLS 1.2 or later");
        let judgement = match judgement.verdict {
            Verdict::Pass if cx.config.tls.minimum > TlsVersion::Tls12 => Judgement {
                verdict: Verdict::Unknown,
                message: format!("cannot tell whether every call used {}: the logs' counts tell only of TLS 1.2", cx.config.tls.minimum).into(),
                ..judgement
            },
            _ => judgement,
        };
        let without = caller.subject.at("NoForwardSecrecy").int().found().filter(|n| *n > 0);
        out.push(match without {
            Some(n) if cx.config.tls.forward_secrecy => judgement.note(format!("of its calls {n} had no forward secrecy")),
            _ => judgement,
        });
    }
}
