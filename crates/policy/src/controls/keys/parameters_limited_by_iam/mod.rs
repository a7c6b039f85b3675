use self::readers::Readers;
use lockfast_access::identities::{HOLDERS, is_of_aws};
use crate::prelude::*;

mod readers;

control! {
    /// Who can read a parameter, effectively: evaluates the identity policies of the templates (of
    /// roles, users, groups, permission sets and SAM functions, and those of AWS that they name) for
    /// every action that gives a parameter's value. An identity that may read every parameter of an
    /// account (`Resource: "*"`, `parameter/*`) may read tomorrow's too, and fails; so does each
    /// parameter that it may read. A parameter that named identities alone may read passes, and so does
    /// one that no identity of the input may.
    ///
    /// Of AWS's managed policies, those are known that allow reading every parameter
    /// (`AmazonSSMManagedInstanceCore` is one). What a permissions boundary of the holder, or the organisation's policies over
    /// the account (SCPs), do not leave open, nobody may read; a policy that is a boundary only lets nobody read anything.
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

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let mut readers = Readers::default();
    for subject in cx.subjects(&HOLDERS) {
        if is_of_aws(subject.resource) {
            continue;
        }
        out.extend(readers.holder(cx, subject));
    }
    for subject in cx.subjects(&["AWS::SSM::Parameter"]) {
        out.push(readers.judge(cx, subject));
    }
}
