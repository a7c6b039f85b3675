use crate::judgement::About;
use crate::logs::{Caller, Gaps, callers};
use crate::prelude::*;

control! {
    /// Looks at what Lambda functions called of AWS, whatever the service, as CloudTrail's logs tell
    /// (`tlsDetails` of each call). A function's role with a call without TLS, or over TLS 1.0 or 1.1, fails
    /// for that service. Where CloudTrail tells nothing of its calls, or not whether they come from a
    /// function, it is unknown; so is a role that passes where the logs lack days or files. What templates
    /// say of endpoints, `aws-calls-encrypted` asks.
    id: "function-calls-use-tls",
    title: "Lambda functions called AWS over TLS 1.2 or later only",
    clauses: ["LAM-1"],
    sources: [Trail],
    severity: High,
    fix: "Remove the endpoint override of the function, or write https:// in it, and move the function to a current runtime and SDK.",
    cloudformation: r#"Type: AWS::Lambda::Function
Properties:
  Runtime: nodejs24.x
  Environment: {Variables: {}}
"#,
    cdk: r#"new lambda.Function(this, 'Orders', { runtime: lambda.Runtime.NODEJS_LATEST, handler, code });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let gaps = Gaps::of(cx);
    let mut any = false;
    for caller in callers(cx) {
        let from_lambda = caller.is_of_lambda();
        any |= from_lambda.value() != Some(&false);
        match from_lambda {
            Known::Unknown(why, _) => out.push(caller.cannot_tell("whether a function called, and how", &why)),
            from if from.value() == Some(&true) => {
                let weak = [Caller::OLD_TLS, Caller::PLAIN_HTTP];
                out.push(caller.judge(cx, &gaps, &weak, "every call of the functions used TLS 1.2 or later"));
            }
            _ => {}
        }
    }
    if !any {
        let functions = cx.inventory.of_kind("AWS::Lambda::Function").next();
        out.push(match functions {
            None => Judgement::not_applicable(About::Input, "the logs hold no call of a Lambda function, and none is known"),
            Some(_) => {
                let why = Why::NotGiven("a call of any of the functions there are".into());
                Judgement::cannot_tell(About::Input, "how functions call AWS", &why)
            }
        });
    }
}
