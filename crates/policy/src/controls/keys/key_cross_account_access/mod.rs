use super::key_policy;
use crate::prelude::*;
use lockfast_access::{Account, Effect, PrincipalPattern, Principals, Three};

control! {
    /// Collects the accounts that a key's policy names in statements that allow something: accounts,
    /// their roots, roles and users. Each must be the key's own or stand in
    /// `access.trusted_accounts` of `lockfast.toml`. `Principal: "*"` without a tie to a caller's
    /// account or organisation names every account. When the input does not say which account the
    /// key lies in, an account id that is not trusted leaves it unknown.
    id: "key-cross-account-access",
    title: "Only trusted accounts may use a key from outside its own",
    clauses: ["KEY-6"],
    severity: High,
    fix: "Take the account out of the key policy, or name it in access.trusted_accounts of lockfast.toml with the reason in review.",
    cloudformation: r#"Principal: {AWS: !Sub "arn:aws:iam::${AWS::AccountId}:root"}
"#,
    cdk: r#"new kms.Key(this, 'Key', { policy: new iam.PolicyDocument({ statements: [/* this account's roles only */] }) });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let trusted = |id: &str| cx.config.access.trusted_accounts.iter().any(|t| t == id);
    for subject in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        let Some(policy) = key_policy::of(cx, subject) else {
            out.push(Judgement::pass(subject, "AWS's default key policy admits no other account"));
            continue;
        };
        let own = key_policy::account(cx, subject);
        let mut foreign: Vec<(String, lockfast_facts::Loc)> = Vec::new();
        let mut unknown: Vec<(String, lockfast_facts::Loc)> = Vec::new();
        for statement in policy.statements.iter().filter(|s| s.effect != Effect::Deny) {
            let tied = statement.conditions.iter().any(|c| {
                !c.operator.negated
                    && ["kms:CallerAccount", "aws:PrincipalAccount", "aws:PrincipalOrgID", "aws:SourceAccount", "aws:PrincipalArn"]
                        .iter()
                        .any(|key| c.is_key(key))
            });
            let patterns = match &statement.principals {
                Principals::These(patterns) => patterns,
                Principals::AllBut(_) if !tied => {
                    foreign.push(("every account (NotPrincipal)".into(), statement.loc));
                    continue;
                }
                _ => continue,
            };
            for pattern in patterns {
                match (pattern, pattern.account()) {
                    (PrincipalPattern::Anyone, _) if !tied => foreign.push(("every account (*)".into(), statement.loc)),
                    (PrincipalPattern::Unknown(why), _) => unknown.push((why.to_string(), statement.loc)),
                    (_, Some(account)) => match (&account, account.same_from(&own, &own)) {
                        (_, Three::Yes) => {}
                        (Account::Id(id), _) if trusted(id) => {}
                        (Account::Id(id), Three::No) => foreign.push((format!("account {id}"), statement.loc)),
                        (Account::Id(id), _) => unknown.push((
                            format!("the input does not say whether {id} is the key's own account"),
                            statement.loc,
                        )),
                        _ => unknown.push(("the account of a principal is not known".into(), statement.loc)),
                    },
                    _ => {}
                }
            }
        }
        out.push(match (foreign.as_slice(), unknown.as_slice()) {
            ([(who, loc), rest @ ..], _) => {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                Judgement::fail(subject, format!("the key policy admits {who}{more}, which nobody trusts")).at(*loc)
            }
            ([], [(why, loc), ..]) => {
                Judgement::unknown(subject, format!("cannot tell which accounts are admitted: {why}")).at(*loc)
            }
            _ => Judgement::pass(subject, "the key policy admits its own and trusted accounts only").at(policy.loc),
        });
    }
}
