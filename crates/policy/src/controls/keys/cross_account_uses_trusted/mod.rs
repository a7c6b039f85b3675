use crate::logs::{Gaps, list, named, told};
use crate::prelude::*;
use lockfast_facts::trail::KEY;

control! {
    /// Looks at who used each key that CloudTrail's logs name: a principal of another account than the key's
    /// own must be of one that `access.trusted_accounts` of `lockfast.toml` names. Services of AWS are left
    /// aside: they use keys on behalf of an account, as key policies let them. Tries that were refused are
    /// no uses, and a remark. Where the account of a principal or of the key was not told, or the logs lack
    /// days or files, it is unknown. Whom key policies would let in, `key-cross-account-access` asks.
    id: "cross-account-uses-trusted",
    title: "Only trusted accounts used a key from outside its own",
    clauses: ["KEY-6"],
    sources: [Trail],
    severity: High,
    fix: "Take the account out of the key policy and revoke its grants, or name it in access.trusted_accounts of lockfast.toml with the reason in review.",
    cloudformation: r#"Principal: {AWS: !Sub "arn:aws:iam::${AWS::AccountId}:root"}
"#,
    cdk: r#"new kms.Key(this, 'Key', { policy: new iam.PolicyDocument({ statements: [/* this account's roles only */] }) });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let gaps = Gaps::of(cx);
    let trusted = &cx.config.access.trusted_accounts;
    for key in cx.subjects(&[KEY]) {
        let what = "which accounts used the key";
        let owner = told(key.at("KeyAccount").string(), "the key's account");
        let principals = list(key, "Principals");
        let judgement = match &principals {
            Known::Unknown(why, _) => Judgement::cannot_tell(key, what, why),
            known => {
                let mut strangers = Vec::new();
                let mut known_others = Vec::new();
                let mut shown_uses = Vec::new();
                let mut refused = Vec::new();
                let mut unknown = None;
                for principal in known.value().copied().unwrap_or_default() {
                    match user(principal, &owner) {
                        Ok(User::Own) => {}
                        Ok(User::Other { shown, account, used: false }) => refused.push(format!("{shown} of {account}")),
                        Ok(User::Other { shown, account, used: true }) => {
                            shown_uses.push(uses_of(principal, &shown));
                            match trusted.contains(&account) {
                                true => known_others.push(account),
                                false => strangers.push(format!("{shown} of {account}")),
                            }
                        }
                        Err(why) => unknown = unknown.or(Some(why)),
                    }
                }
                let judgement = match (strangers.is_empty(), unknown) {
                    (false, _) => Judgement::fail(
                        key,
                        format!("the key was used from accounts that are not trusted: {}", named(strangers)),
                    ),
                    (true, Some(why)) => Judgement::cannot_tell(key, what, &why),
                    (true, None) if known_others.is_empty() => Judgement::pass(key, "only its own account used the key"),
                    (true, None) => Judgement::pass(key, format!("only trusted accounts used the key: {}", named(known_others))),
                };
                let judgement = match shown_uses.is_empty() {
                    true => judgement,
                    false => judgement.stated("cross-account uses", named(shown_uses), principals.loc()),
                };
                match refused.is_empty() {
                    true => judgement,
                    false => judgement.note(format!("tried, and was refused: {}", named(refused))),
                }
            }
        };
        out.push(
            gaps.unless(cx, key.resource, judgement, what)
                .fact("KeyAccount", &owner)
                .fact_as("Principals", &principals, |all| all.len().to_string()),
        );
    }
}

/// `arn:aws:iam::222222222222:role/partner 40 times, last at 2026-11-22T23:58:40Z`.
fn uses_of(principal: &Value, shown: &str) -> String {
    let of = |property: &str| principal.at(property).string().found();
    let uses = of("Uses").unwrap_or_else(|| "?".into());
    let last = of("Last").map(|last| format!(", last at {last}"));
    format!("{shown} {uses} times{}", last.unwrap_or_default())
}

enum User {
    /// Of the key's own account, or a service of AWS.
    Own,
    Other { shown: String, account: String, used: bool },
}

fn user(principal: &Value, owner: &Known<String>) -> Result<User, Arc<Why>> {
    fn of<T>(known: Known<T>) -> Result<T, Arc<Why>> {
        match known {
            Known::Stated(value, _) | Known::Default(value, ..) => Ok(value),
            Known::Unknown(why, _) => Err(why),
        }
    }
    if of(told(principal.at("Service").bool(), "whether a service of AWS used it"))? {
        return Ok(User::Own);
    }
    let account = of(told(principal.at("Account").string(), "the account of who used it"))?;
    let owner = of(owner.clone())?;
    if account == owner {
        return Ok(User::Own);
    }
    let uses = of(told(principal.at("Uses").int(), "how often it was used"))?;
    let refused = of(told(principal.at("Refused").int(), "how often that was refused"))?;
    let shown = principal.at("Principal").string().found();
    Ok(User::Other { shown: shown.unwrap_or_else(|| "somebody".into()), account, used: uses > refused })
}
