//! The key policy that a replacement gets: the old one without those who should not have been in it.

use serde_json::{Map, Value, json};

/// The statement that keeps suspects out whatever else lets them in: a delegation to the account with an identity policy.
pub const DENIAL: &str = "LockfastDenySuspects";
/// The statement that keeps the key from being nobody's.
pub const ADMINISTRATION: &str = "LockfastAdministration";

/// What an administrator may. No use of the key is among it: who administers a key need not read what is under it.
const ADMINISTER: [&str; 15] = [
    "kms:Create*",
    "kms:Describe*",
    "kms:Enable*",
    "kms:List*",
    "kms:Put*",
    "kms:Update*",
    "kms:Revoke*",
    "kms:Disable*",
    "kms:Get*",
    "kms:Delete*",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:ScheduleKeyDeletion",
    "kms:CancelKeyDeletion",
    "kms:ReplicateKey",
];

/// A policy without the suspects, and without everybody (`*`) where no condition narrows that; the rest is as it was. Suspects
/// are denied besides, since a statement for the account lets in whoever the account's own policies let in. When nobody who may
/// administer the key is left, the administrators get a statement. With what was changed, in words.
///
/// ```
/// use lockfast_respond::key_policy::corrected_policy;
/// use serde_json::json;
///
/// let old = json!({"Version": "2012-10-17", "Statement": [
///     {"Sid": "Root", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
///     {"Sid": "Use", "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111122223333:role/App",
///         "arn:aws:iam::111122223333:role/Ci"]}, "Action": "kms:Decrypt", "Resource": "*"},
/// ]});
/// let suspects = ["arn:aws:iam::111122223333:role/Ci".to_owned()];
/// let (new, changes) = corrected_policy(&old, &suspects, &[]);
/// assert_eq!(new["Statement"][1]["Principal"]["AWS"], "arn:aws:iam::111122223333:role/App");
/// assert_eq!(changes[0], "statement Use: arn:aws:iam::111122223333:role/Ci is taken out");
/// ```
pub fn corrected_policy(
    old: &Value,
    suspects: &[String],
    administrators: &[String],
) -> (Value, Vec<String>) {
    let suspects: Vec<String> = suspects.iter().map(|arn| role_of(arn)).collect();
    let mut changes = Vec::new();
    let mut statements = Vec::new();
    let written = match old.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(statement @ Value::Object(_)) => vec![statement.clone()],
        _ => {
            changes.push("the old policy could not be read: a new one is written".to_owned());
            Vec::new()
        }
    };
    for (index, statement) in written.into_iter().enumerate() {
        let name = match statement.get("Sid").and_then(Value::as_str) {
            // Made anew below, for those who are suspects now.
            Some(DENIAL) => continue,
            Some(sid) if !sid.is_empty() => format!("statement {sid}"),
            _ => format!("statement {}", index + 1),
        };
        if let Some(kept) = corrected(statement, &name, &suspects, &mut changes) {
            statements.push(kept);
        }
    }
    if !statements.iter().any(|own| lets_administer(own, &suspects)) {
        let keepers: Vec<&String> = administrators
            .iter()
            .filter(|arn| !suspects.contains(&role_of(arn)))
            .collect();
        match keepers.is_empty() {
            true => changes.push(
                "nobody is left who may administer the key, and no administrator was named: AWS KMS will refuse this policy"
                    .to_owned(),
            ),
            false => {
                changes.push(format!("statement {ADMINISTRATION}: {} may administer the key", list(&keepers)));
                statements.push(json!({
                    "Sid": ADMINISTRATION,
                    "Effect": "Allow",
                    "Principal": {"AWS": keepers},
                    "Action": ADMINISTER,
                    "Resource": "*",
                }));
            }
        }
    }
    deny(&suspects, &mut statements, &mut changes);
    let version = old.get("Version").cloned();
    let mut policy = Map::new();
    policy.insert(
        "Version".into(),
        version.unwrap_or_else(|| json!("2012-10-17")),
    );
    if let Some(id) = old.get("Id") {
        policy.insert("Id".into(), id.clone());
    }
    policy.insert("Statement".into(), Value::Array(statements));
    (Value::Object(policy), changes)
}

/// A policy with a statement that denies a principal everything; the same where it is there already.
pub fn with_denial(old: &Value, principal: &str, sid: &str) -> Value {
    let mut policy = old.clone();
    let denial = denial(sid, &[role_of(principal)]);
    let Some(policy_map) = policy.as_object_mut() else {
        return policy;
    };
    let statements = policy_map.entry("Statement").or_insert_with(|| json!([]));
    if statements.is_object() {
        *statements = json!([statements.clone()]);
    }
    if let Some(statements) = statements.as_array_mut() {
        statements.retain(|own| own.get("Sid").and_then(Value::as_str) != Some(sid));
        statements.push(denial);
    }
    policy
}

/// The role behind a session; anything else is itself.
pub fn role_of(arn: &str) -> String {
    let mut parts = arn.splitn(6, ':');
    let (partition, service) = (parts.nth(1), parts.next());
    let (account, resource) = (parts.nth(1), parts.next());
    if let (Some(partition), Some("sts"), Some(account), Some(resource)) =
        (partition, service, account, resource)
        && let Some(session) = resource.strip_prefix("assumed-role/")
    {
        let role = session.split('/').next().unwrap_or(session);
        return format!("arn:{partition}:iam::{account}:role/{role}");
    }
    arn.to_owned()
}

/// The account that an ARN stands for as a whole.
pub(crate) fn account_of_root(arn: &str) -> Option<&str> {
    let account = match arn.strip_suffix(":root") {
        Some(rest) => rest.rsplit(':').next()?,
        None => arn,
    };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    is_account.then_some(account)
}

/// Whether a principal of a policy is one of these: by ARN, or the account in one of the two ways to write it.
fn is_one_of(principal: &str, suspects: &[String]) -> bool {
    let own = role_of(principal);
    suspects.iter().any(|suspect| {
        let accounts = (account_of_root(suspect), account_of_root(&own));
        *suspect == own
            || matches!(accounts, (Some(one), Some(other)) if one == other)
            // A role is written with its path in IAM and without it in a session.
            || same_role(suspect, &own)
    })
}

fn same_role(one: &str, other: &str) -> bool {
    let split = |arn: &str| {
        let (account, path) = arn.split_once(":role/")?;
        Some((account.to_owned(), path.rsplit('/').next()?.to_owned()))
    };
    split(one).is_some_and(|own| Some(own) == split(other))
}

/// A statement as it may stay; nothing when nobody is left in it.
fn corrected(
    mut statement: Value,
    name: &str,
    suspects: &[String],
    changes: &mut Vec<String>,
) -> Option<Value> {
    let is_allow = statement.get("Effect").and_then(Value::as_str) == Some("Allow");
    if !is_allow {
        return Some(statement);
    }
    let narrowed = statement
        .get("Condition")
        .and_then(Value::as_object)
        .is_some_and(|conditions| !conditions.is_empty());
    if statement.get("NotPrincipal").is_some() && !narrowed {
        changes.push(format!(
            "{name} is taken out: it lets in everybody but a few (NotPrincipal)"
        ));
        return None;
    }
    let map = statement.as_object_mut()?;
    if map.get("Principal").and_then(Value::as_str) == Some("*") {
        if !narrowed {
            changes.push(format!("{name} is taken out: it lets in everybody"));
            return None;
        }
    } else if let Some(Value::Object(kinds)) = map.get_mut("Principal") {
        for (kind, named) in kinds.iter_mut() {
            let all = match named {
                Value::String(one) => vec![one.clone()],
                Value::Array(many) => {
                    let texts = many.iter().filter_map(Value::as_str);
                    texts.map(str::to_owned).collect()
                }
                _ => continue,
            };
            let kept: Vec<&String> = all
                .iter()
                .filter(|own| {
                    let anybody = kind == "AWS" && *own == "*" && !narrowed;
                    let out = anybody || is_one_of(own, suspects);
                    if out {
                        let who = if anybody { "everybody (*)" } else { own };
                        changes.push(format!("{name}: {who} is taken out"));
                    }
                    !out
                })
                .collect();
            if kept.len() == all.len() {
                continue;
            }
            *named = match kept.as_slice() {
                [one] => json!(one),
                kept => json!(kept),
            };
        }
        kinds.retain(|_, named| !named.as_array().is_some_and(Vec::is_empty));
        if kinds.is_empty() {
            changes.push(format!("{name} is taken out: nobody is left in it"));
            return None;
        }
    }
    without_in_conditions(statement, name, suspects, changes)
}

/// Suspects that a condition names.
fn without_in_conditions(
    mut statement: Value,
    name: &str,
    suspects: &[String],
    changes: &mut Vec<String>,
) -> Option<Value> {
    let Some(conditions) = statement
        .get_mut("Condition")
        .and_then(Value::as_object_mut)
    else {
        return Some(statement);
    };
    for (operator, keys) in conditions.iter_mut() {
        let operator = operator.to_ascii_lowercase();
        let positive = ["arnequals", "arnlike", "stringequals", "stringlike"];
        if !positive.iter().any(|own| operator.starts_with(own)) {
            continue;
        }
        for (key, values) in keys.as_object_mut().into_iter().flatten() {
            if !key.eq_ignore_ascii_case("aws:PrincipalArn") {
                continue;
            }
            let all = match &*values {
                Value::String(one) => vec![one.clone()],
                Value::Array(many) => {
                    let texts = many.iter().filter_map(Value::as_str);
                    texts.map(str::to_owned).collect()
                }
                _ => continue,
            };
            let kept: Vec<&String> = all.iter().filter(|own| !is_one_of(own, suspects)).collect();
            if kept.len() == all.len() {
                continue;
            }
            if kept.is_empty() {
                changes.push(format!(
                    "{name} is taken out: its condition lets in suspects only"
                ));
                return None;
            }
            changes.push(format!("{name}: suspects are taken out of its condition"));
            *values = json!(kept);
        }
    }
    Some(statement)
}

/// Whether a statement lets somebody who is no suspect set the key's policy.
fn lets_administer(statement: &Value, suspects: &[String]) -> bool {
    let is_allow = statement.get("Effect").and_then(Value::as_str) == Some("Allow");
    let texts = |value: Option<&Value>| -> Vec<String> {
        match value {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => {
                let texts = many.iter().filter_map(Value::as_str);
                texts.map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    };
    let may = texts(statement.get("Action")).iter().any(|action| {
        matches!(
            action.to_ascii_lowercase().as_str(),
            "*" | "kms:*" | "kms:put*" | "kms:putkeypolicy"
        )
    });
    let who = statement
        .get("Principal")
        .and_then(|named| named.get("AWS"));
    let somebody = texts(who)
        .iter()
        .any(|own| own != "*" && !is_one_of(own, suspects));
    is_allow && may && somebody && statement.get("Condition").is_none()
}

fn deny(suspects: &[String], statements: &mut Vec<Value>, changes: &mut Vec<String>) {
    // An account that administers the key by its root cannot be denied as a whole: nobody could use the key.
    let (accounts, principals): (Vec<&String>, Vec<&String>) = suspects
        .iter()
        .partition(|suspect| account_of_root(suspect).is_some());
    if !principals.is_empty() {
        let named: Vec<String> = principals.iter().map(|own| (*own).clone()).collect();
        statements.push(denial(DENIAL, &named));
        changes.push(format!(
            "statement {DENIAL}: {} is denied everything",
            list(&principals)
        ));
    }
    for account in accounts {
        changes.push(format!(
            "{account} is an account: it is taken out, and its principals are not denied one by one"
        ));
    }
}

/// By a condition, not by principal: sessions are denied too, and a principal that was deleted does not spoil the policy.
fn denial(sid: &str, principals: &[String]) -> Value {
    json!({
        "Sid": sid,
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "kms:*",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": principals}},
    })
}

fn list(names: &[&String]) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "arn:aws:iam::111122223333:root";
    const APP: &str = "arn:aws:iam::111122223333:role/App";
    const CI: &str = "arn:aws:iam::111122223333:role/Ci";

    fn policy(statements: Value) -> Value {
        json!({"Version": "2012-10-17", "Id": "own", "Statement": statements})
    }

    fn root() -> Value {
        json!({"Sid": "Root", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"})
    }

    fn sids(policy: &Value) -> Vec<&str> {
        let statements = policy["Statement"].as_array().expect("statements");
        statements
            .iter()
            .map(|own| own["Sid"].as_str().unwrap_or("-"))
            .collect()
    }

    #[test]
    fn suspects_go_and_the_rest_stays() {
        let denial = json!({"Sid": "NoDelete", "Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*"});
        let service = json!({"Sid": "Logs", "Effect": "Allow", "Principal": {"Service": "logs.eu-central-1.amazonaws.com"}, "Action": "kms:Encrypt*", "Resource": "*"});
        let use_it = json!({"Sid": "Use", "Effect": "Allow", "Principal": {"AWS": [APP, CI]}, "Action": "kms:Decrypt", "Resource": "*"});
        let own = json!({"Sid": "Ci", "Effect": "Allow", "Principal": {"AWS": CI}, "Action": "kms:*", "Resource": "*"});
        let old = policy(json!([root(), denial, service, use_it, own]));
        // A session's ARN stands for its role.
        let session = "arn:aws:sts::111122223333:assumed-role/Ci/build-7".to_owned();
        let (new, changes) = corrected_policy(&old, &[session], &[]);
        assert_eq!(sids(&new), ["Root", "NoDelete", "Logs", "Use", DENIAL]);
        assert_eq!(new["Id"], "own");
        assert_eq!(new["Statement"][1], denial);
        assert_eq!(new["Statement"][2], service);
        assert_eq!(new["Statement"][3]["Principal"]["AWS"], APP);
        assert_eq!(
            new["Statement"][4]["Condition"]["ArnEquals"]["aws:PrincipalArn"],
            json!([CI])
        );
        assert_eq!(changes.len(), 4, "{changes:?}");
        // Corrected again, it is the same.
        assert_eq!(corrected_policy(&new, &[CI.to_owned()], &[]).0, new);
    }

    #[test]
    fn everybody_goes_unless_a_condition_narrows_it() {
        let open = json!({"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"});
        let too = json!({"Sid": "Too", "Effect": "Allow", "Principal": {"AWS": ["*", APP]}, "Action": "kms:Decrypt", "Resource": "*"});
        let all_but = json!({"Sid": "But", "Effect": "Allow", "NotPrincipal": {"AWS": CI}, "Action": "kms:Decrypt", "Resource": "*"});
        let narrow = json!({"Sid": "Via", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com", "kms:CallerAccount": "111122223333"}}});
        let old = policy(json!([root(), open, too, all_but, narrow]));
        let (new, changes) = corrected_policy(&old, &[], &[]);
        assert_eq!(sids(&new), ["Root", "Too", "Via"]);
        assert_eq!(new["Statement"][1]["Principal"]["AWS"], APP);
        assert_eq!(new["Statement"][2], narrow);
        assert_eq!(changes.len(), 3, "{changes:?}");
    }

    #[test]
    fn somebody_can_always_administer_it() {
        let old = policy(
            json!({"Sid": "Ci", "Effect": "Allow", "Principal": {"AWS": CI}, "Action": "kms:*", "Resource": "*"}),
        );
        let (new, _) = corrected_policy(&old, &[CI.to_owned()], &[CI.to_owned(), APP.to_owned()]);
        assert_eq!(sids(&new), [ADMINISTRATION, DENIAL]);
        assert_eq!(new["Statement"][0]["Principal"]["AWS"], json!([APP]));
        let (_, changes) = corrected_policy(&old, &[CI.to_owned()], &[]);
        assert!(
            changes
                .iter()
                .any(|change| change.contains("nobody is left")),
            "{changes:?}"
        );
        let (new, changes) = corrected_policy(&Value::Null, &[], &[ROOT.to_owned()]);
        assert_eq!(sids(&new), [ADMINISTRATION]);
        assert!(changes[0].contains("could not be read"));
    }

    #[test]
    fn an_account_is_known_in_both_its_ways() {
        let foreign = json!({"Sid": "Foreign", "Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "kms:Decrypt", "Resource": "*"});
        let (new, _) = corrected_policy(
            &policy(json!([root(), foreign])),
            &["arn:aws:iam::444455556666:root".to_owned()],
            &[],
        );
        assert_eq!(sids(&new), ["Root"]);
    }

    #[test]
    fn suspects_go_from_conditions_too() {
        let by_condition = |arns: Value| {
            json!({"Sid": "Via", "Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"ArnLike": {"aws:PrincipalArn": arns}}})
        };
        let old = policy(json!([
            root(),
            by_condition(json!([APP, CI])),
            by_condition(json!(CI))
        ]));
        let (new, _) = corrected_policy(&old, &[CI.to_owned()], &[]);
        assert_eq!(sids(&new), ["Root", "Via", DENIAL]);
        assert_eq!(
            new["Statement"][1]["Condition"]["ArnLike"]["aws:PrincipalArn"],
            json!([APP])
        );
    }

    #[test]
    fn a_denial_is_added_once() {
        let old = policy(json!([root()]));
        let once = with_denial(&old, CI, "LockfastDeny1");
        assert_eq!(sids(&once), ["Root", "LockfastDeny1"]);
        assert_eq!(with_denial(&once, CI, "LockfastDeny1"), once);
        let session = "arn:aws:sts::111122223333:assumed-role/Ci/x";
        assert_eq!(with_denial(&once, session, "LockfastDeny1"), once);
    }
}
