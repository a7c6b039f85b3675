use crate::patterns::wildcard;
use crate::prelude::*;
use lockfast_access::kms::{Class, actions};

control! {
    /// Reads the policies of IAM roles, users and groups (inline, `AWS::IAM::Policy`, managed) and of
    /// permission sets for statements that allow KMS actions. Every use of keys (`kms:Decrypt` and the
    /// like) must name the keys, or be narrowed by a condition that says which, such as
    /// `kms:ViaService` or an encryption context; `kms:*` on every key is never least privilege, nor
    /// are AWS's policies for administrators. Reading about keys is no permission on them. Which
    /// permissions go unused, only CloudTrail shows (AWS KMS Developer Guide, "Using IAM policies with
    /// AWS KMS").
    id: "key-permissions-least-privilege",
    title: "Principals hold no more permissions on keys than they need",
    clauses: ["BP-5"],
    severity: High,
    fix: "Name the keys in Resource and the actions needed in Action; where the key is not known, narrow the statement with kms:ViaService or kms:ResourceAliases.",
    cloudformation: r#"- Effect: Allow
  Action: [kms:Decrypt, kms:GenerateDataKey]
  Resource: !GetAtt OrdersKey.Arn
"#,
    cdk: r#"ordersKey.grantEncryptDecrypt(role);
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&[
        "AWS::IAM::Role",
        "AWS::IAM::User",
        "AWS::IAM::Group",
        "AWS::IAM::Policy",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::RolePolicy",
        "AWS::IAM::UserPolicy",
        "AWS::IAM::GroupPolicy",
        "AWS::SSO::PermissionSet",
    ]) {
        let mut worst: Option<Judgement> = None;
        for path in ["PolicyDocument.Statement", "Policies.*.PolicyDocument.Statement", "InlinePolicy.Statement"] {
            for read in subject.each(path) {
                match read {
                    Read::Found(statements, _) => {
                        for statement in items(statements) {
                            worst = worse(worst, judge_statement(subject, statement));
                        }
                    }
                    Read::Unknown(why, loc) => {
                        let unknown = Judgement::cannot_tell(subject, "what the policy allows on keys", &why).at(loc);
                        worst = worse(worst, Some(unknown));
                    }
                    Read::Absent(_) => {}
                }
            }
        }
        for path in ["ManagedPolicyArns.*", "ManagedPolicies.*"] {
            for arn in subject.each(path) {
                worst = worse(worst, managed(subject, arn));
            }
        }
        out.extend(worst);
    }
}

/// Policies of AWS that allow everything, or everything on keys (AWS Managed Policy Reference Guide).
fn managed(subject: Subject<'_>, arn: Read<&Value>) -> Option<Judgement> {
    let Read::Found(text, loc) = arn.text() else { return None };
    let arn = text.render(|_| "*".into());
    let name = arn.rsplit('/').next().unwrap_or_default();
    let of_aws = arn.contains(":iam::aws:policy/");
    (of_aws && matches!(name, "AdministratorAccess" | "PowerUserAccess" | "AWSKeyManagementServicePowerUser")).then(|| {
        Judgement::fail(subject, format!("AWS's policy {name} allows actions on every key"))
            .at(loc)
            .stated("managed policy", name, loc)
    })
}

fn worse(a: Option<Judgement>, b: Option<Judgement>) -> Option<Judgement> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.verdict > a.verdict { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// A statement, or a list of them.
fn items(value: &Value) -> &[Value] {
    match &value.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(value),
    }
}

fn judge_statement(subject: Subject<'_>, statement: &Value) -> Option<Judgement> {
    if statement.at("Effect").string().found().as_deref() != Some("Allow") {
        return None;
    }
    let actions: Vec<Read<String>> = match statement.at("Action") {
        Read::Found(value, _) => items(value).iter().map(|v| v.at("").string()).collect(),
        Read::Unknown(why, loc) => {
            return Some(Judgement::cannot_tell(subject, "which actions the policy allows", &why).at(loc));
        }
        // NotAction with Allow is everything else, keys included unless they are named.
        Read::Absent(_) => match statement.at("NotAction") {
            Read::Found(value, _) => {
                let spared = items(value)
                    .iter()
                    .any(|v| v.at("").string().found().is_some_and(|a| matches!(a.to_lowercase().as_str(), "kms:*" | "*")));
                vec![if spared { return None } else { Read::Found("*".to_owned(), value.loc) }]
            }
            _ => return None,
        },
    };
    let on_keys: Vec<String> = actions
        .iter()
        .filter_map(|a| a.clone().found())
        .map(|a| a.to_lowercase())
        .filter(|a| reaches(a, |_| true))
        .collect();
    if on_keys.is_empty() {
        return actions.iter().find_map(|a| match a {
            Read::Unknown(why, loc) => Some(Judgement::cannot_tell(subject, "which actions the policy allows", why).at(*loc)),
            _ => None,
        });
    }
    // Use and administration both, whatever the wildcard is.
    let everything = on_keys.iter().any(|a| reaches(a, |of| of == "kms:decrypt") && reaches(a, |of| of == "kms:putkeypolicy"));
    let narrowed = narrows(statement.at("Condition"));
    let resource = match statement.at("Resource") {
        Read::Found(value, loc) => {
            let all = items(value).iter().any(|v| {
                matches!(v.at("").text(), Read::Found(t, _) if is_every_key(&t.render(|_| "x".into())))
            });
            Some((all, loc))
        }
        Read::Unknown(why, loc) => {
            return Some(Judgement::cannot_tell(subject, "on which keys the policy allows actions", &why).at(loc));
        }
        // All but those that are named.
        Read::Absent(_) => match statement.at("NotResource") {
            Read::Absent(_) => None,
            other => Some((true, other.loc())),
        },
    };
    let shown = on_keys.join(", ");
    Some(match resource {
        Some((true, loc)) if everything => Judgement::fail(subject, format!("the policy allows {shown} on every key")).at(loc),
        Some((true, loc)) if !narrowed => {
            Judgement::fail(subject, format!("the policy allows {shown} on every key of the account")).at(loc)
        }
        Some((true, loc)) => {
            Judgement::pass(subject, format!("{shown} is allowed on every key, narrowed by a condition")).at(loc)
        }
        Some((false, loc)) if everything => {
            Judgement::fail(subject, format!("the policy allows {shown} on a key: use and administration in one hand")).at(loc)
        }
        Some((false, loc)) => Judgement::pass(subject, format!("{shown} is allowed on the keys named only")).at(loc),
        None => Judgement::unknown(subject, "cannot tell on which keys the policy allows actions").at(statement.loc),
    })
}

/// Whether a pattern of actions reaches one that uses or administers a key. Reading about keys, and
/// what takes no key, is no permission on one.
fn reaches(pattern: &str, which: impl Fn(&str) -> bool) -> bool {
    const NO_KEY: [&str; 2] = ["kms:createkey", "kms:generaterandom"];
    let pattern = if pattern == "*:*" { "*" } else { pattern };
    [Class::Use, Class::Administer]
        .into_iter()
        .flat_map(actions)
        .map(|action| action.to_ascii_lowercase())
        .filter(|action| !NO_KEY.contains(&action.as_str()) && which(action))
        .any(|action| wildcard(pattern, &action))
}

/// Whether a condition says which keys: by what they are for, or by what they are. That a call uses
/// TLS, or comes from somebody of the account, narrows nothing (AWS KMS Developer Guide, "Condition
/// keys for AWS KMS").
fn narrows(condition: Read<&Value>) -> bool {
    let operators = match condition.map_value() {
        Read::Found(operators, _) => operators,
        // Not known: taken for what it is meant to be.
        Read::Unknown(..) => return true,
        Read::Absent(_) => return false,
    };
    operators.iter().any(|(_, keys)| {
        let Read::Found(keys, _) = keys.at("").map_value() else { return false };
        keys.iter().any(|(key, values)| {
            let key = key.to_ascii_lowercase();
            let about_keys = matches!(
                key.as_str(),
                "kms:viaservice" | "kms:resourcealiases" | "kms:requestalias" | "kms:grantisforawsresource"
                    | "kms:encryptioncontextkeys" | "aws:calledvia" | "aws:calledviafirst" | "aws:calledvialast" | "aws:viaawsservice"
            ) || key.starts_with("kms:encryptioncontext:")
                || key.starts_with("aws:resourcetag/");
            let any = items(values).iter().any(|v| v.at("").string().found().as_deref() == Some("*"));
            about_keys && !any
        })
    })
}

/// Whether an ARN, or what follows its account, is every key, or every multi-Region key.
fn is_every_key(resource: &str) -> bool {
    // Two of each: a pattern that matches both names neither.
    const KEYS: [[&str; 2]; 2] = [
        ["0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "99887766-5544-4332-a110-ffeeddccbbaa"],
        ["mrk-0f1e2d3c4b5a69788796a5b4c3d2e1f0", "mrk-9988776655444332a110ffeeddccbbaa"],
    ];
    let own = match resource.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        // Whose keys is another question.
        [_, _, service, _, _, key] if wildcard(service, "kms") => format!("arn:aws:kms:*:*:{key}"),
        _ => resource.to_owned(),
    };
    let own = own.replace('?', "*");
    KEYS.iter().any(|pair| {
        pair.iter()
            .all(|key| wildcard(&own, &format!("arn:aws:kms:eu-central-1:111122223333:key/{key}")))
    })
}
