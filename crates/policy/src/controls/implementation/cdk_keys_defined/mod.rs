use crate::prelude::*;
use lockfast_access::{Policy, Resource as Target, Scope, allowed_principals};

control! {
    /// In a CDK app, keys must be defined by CDK with a policy that is right: one is stated, it lets
    /// the account administer the key (or nobody could ever change it), and it does not let
    /// everybody in.
    id: "cdk-keys-defined",
    title: "KMS keys are defined in CDK, with policies that are right",
    clauses: ["CDK-2"],
    sources: [Iac],
    severity: High,
    fix: "Let kms.Key write the policy, and add statements with grants; never a wildcard principal without a condition.",
    cloudformation: r#"KeyPolicy:
  Version: "2012-10-17"
  Statement:
    - {Effect: Allow, Principal: {AWS: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}, Action: "kms:*", Resource: "*"}
"#,
    cdk: r#"const key = new kms.Key(this, 'DataKey', { enableKeyRotation: true });
key.grantEncryptDecrypt(role);
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        if subject.resource.written().construct_path.is_none() {
            continue;
        }
        let Some(policy) = Policy::from_read(subject.at("KeyPolicy")) else {
            out.push(Judgement::fail(subject, "the key states no policy"));
            continue;
        };
        let administrators = allowed_principals(&policy, "kms:PutKeyPolicy", &Target::kms_key(subject.id()));
        let anyone = administrators
            .iter()
            .chain(&allowed_principals(&policy, "kms:Decrypt", &Target::kms_key(subject.id())))
            .find(|g| g.certain && g.scope() == Scope::Anyone)
            .map(|g| g.loc);
        let known = administrators.iter().any(|g| !matches!(g.scope(), Scope::Unknown(_)));
        out.push(match (anyone, !known, policy.is_certain()) {
            (Some(loc), ..) => Judgement::fail(subject, "the key's policy lets everybody in").at(loc),
            (None, true, true) => Judgement::fail(subject, "nobody may change the key's policy ever again").at(policy.loc),
            (None, true, false) => Judgement::unknown(subject, "cannot tell who administers the key: parts of its policy are known only at deployment").at(policy.loc),
            _ => Judgement::pass(subject, "the key's policy has an administrator and lets nobody in unbidden").at(policy.loc),
        });
    }
}
