use crate::judgement::Verdict;
use crate::prelude::*;

control! {
    /// Looks at every HTTP listener of a load balancer and at every rule on it: each action must
    /// redirect to HTTPS. A rule that forwards or answers over plain HTTP breaks the clause even
    /// when the default action redirects. Authentication actions are HTTPS only and do not occur
    /// here.
    id: "http-redirects-to-https",
    title: "Every rule of an HTTP listener redirects to HTTPS",
    clauses: ["ALB-2"],
    severity: High,
    fix: "Make the action a redirect to HTTPS, or move the rule to the HTTPS listener.",
    cloudformation: r#"DefaultActions:
  - Type: redirect
    RedirectConfig: {Protocol: HTTPS, Port: "443", StatusCode: HTTP_301}
"#,
    cdk: r#"alb.addRedirect({ sourceProtocol: elbv2.ApplicationProtocol.HTTP, targetPort: 443 });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::ElasticLoadBalancingV2::Listener"]) {
        match subject.at("Protocol").string() {
            Read::Found(protocol, _) if protocol == "HTTP" => {
                out.push(actions(subject, "DefaultActions", "the default action"));
            }
            Read::Unknown(why, loc) => {
                out.push(Judgement::cannot_tell(subject, "the listener's protocol", &why).at(loc));
            }
            _ => {}
        }
    }
    for subject in cx.subjects(&["AWS::ElasticLoadBalancingV2::ListenerRule"]) {
        let listener = match subject.at("ListenerArn") {
            Read::Found(value, _) => cx.inventory.target(value).map(|(listener, _)| listener),
            _ => None,
        };
        let Some(listener) = listener else {
            // A rule that redirects is right on any listener.
            let judgement = actions(subject, "Actions", "the rule");
            if judgement.verdict != Verdict::Pass {
                out.push(Judgement::unknown(
                    subject,
                    "cannot tell whether the rule's listener is plain HTTP: it is not in the input",
                ));
            }
            continue;
        };
        let variants = cx.inventory.variants_of(listener.id);
        for variant in variants.filter(|v| v.variant.when.compatible(&subject.variant.when)) {
            let judgement = match variant.at("Protocol").string() {
                Read::Found(protocol, _) if protocol == "HTTP" => actions(subject, "Actions", "the rule"),
                Read::Unknown(why, loc) => match actions(subject, "Actions", "the rule") {
                    judgement if judgement.verdict == Verdict::Pass => judgement,
                    _ => Judgement::cannot_tell(subject, "whether the rule's listener is plain HTTP", &why).at(loc),
                },
                _ => continue,
            };
            let step = format!("listener {}", listener.name);
            out.push(judgement.when(&variant.variant.when).step(step, listener.loc));
        }
    }
}

fn actions(subject: Subject<'_>, property: &str, what: &str) -> Judgement {
    let items = match subject.at(property).list() {
        Read::Found(items, _) => items,
        Read::Absent(loc) => return Judgement::fail(subject, format!("{what} says nothing")).at(loc),
        Read::Unknown(why, loc) => return Judgement::cannot_tell(subject, &format!("what {what} does"), &why).at(loc),
    };
    for action in items {
        let kind = match action.at("Type").string() {
            Read::Found(kind, _) => kind,
            Read::Unknown(why, loc) => return Judgement::cannot_tell(subject, &format!("what {what} does"), &why).at(loc),
            Read::Absent(_) => continue,
        };
        if kind != "redirect" {
            return Judgement::fail(subject, format!("{what} answers plain HTTP ({kind}) instead of redirecting"))
                .at(action.loc)
                .stated("Type", kind, action.loc);
        }
        match action.at("RedirectConfig.Protocol").string() {
            Read::Found(protocol, _) if protocol == "HTTPS" => {}
            Read::Unknown(why, loc) => {
                return Judgement::cannot_tell(subject, &format!("where {what} redirects to"), &why).at(loc);
            }
            _ => return Judgement::fail(subject, format!("{what} redirects, but not to HTTPS")).at(action.loc),
        }
    }
    Judgement::pass(subject, format!("{what} redirects to HTTPS"))
}
