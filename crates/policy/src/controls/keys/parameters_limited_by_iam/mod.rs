use crate::prelude::*;
use lockfast_access::{Decision, Policy, Resource as Target, identity_allows};

control! {
    /// Who can read a parameter, effectively: evaluates the policies of every role in the templates
    /// for `ssm:GetParameter` on each parameter the templates define. A role that may read every
    /// parameter of the account (`Resource: "*"`, `parameter/*`) may read them all, also tomorrow's.
    id: "parameters-limited-by-iam",
    title: "Only those who need a parameter can read it",
    clauses: ["SSM-3"],
    severity: Medium,
    fix: "Name the parameters, or the path of the application, in Resource.",
    cloudformation: r#"- Effect: Allow
  Action: [ssm:GetParameter, ssm:GetParametersByPath]
  Resource: !Sub "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/shop/*"
"#,
    cdk: r#"parameter.grantRead(role);
"#,
}

/// A parameter that no application has: who may read it may read any.
const ANY: &str = "arn:aws:ssm:eu-central-1:999999999999:parameter/lockfast/of-nobody";

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"]) {
        let documents: Vec<Read<&Value>> = subject
            .each("Policies.*.PolicyDocument")
            .into_iter()
            .chain([subject.at("PolicyDocument")])
            .filter(|read| !read.is_absent())
            .collect();
        let mut verdict: Option<Judgement> = None;
        for read in documents {
            let loc = read.loc();
            let Some(policy) = Policy::from_read(read.clone()) else { continue };
            let reads = |target: &Target| identity_allows(&[&policy], "ssm:GetParameter", target);
            let judgement = match (reads(&Target::arn(ANY)), reads(&Target::any())) {
                (Decision::Allow, _) => Judgement::fail(subject, "it may read every parameter of the account").at(loc),
                (Decision::Possible(_), _) if mentions(&read, "ssm:") || !policy.is_certain() && policy.statements.is_empty() => {
                    Judgement::unknown(subject, "cannot tell which parameters it may read: parts of the policy are known only at deployment").at(loc)
                }
                (_, Decision::Allow) => Judgement::pass(subject, "it may read the parameters named only").at(loc),
                _ => continue,
            };
            if verdict.as_ref().is_none_or(|v| judgement.verdict > v.verdict) {
                verdict = Some(judgement);
            }
        }
        out.extend(verdict);
    }
}

/// Whether the document speaks of Systems Manager at all.
fn mentions(read: &Read<&Value>, prefix: &str) -> bool {
    let Read::Found(document, _) = read else { return true };
    let mut found = false;
    document.walk(&mut |path, value| {
        if path.contains("Action") {
            match &value.kind {
                Kind::Text(text) => found |= text.known_prefix().starts_with(prefix) || text.plain() == Some("*"),
                Kind::Unknown(_) => found = true,
                _ => {}
            }
        }
    });
    found
}
