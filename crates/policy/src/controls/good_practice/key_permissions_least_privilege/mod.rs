use crate::prelude::*;

control! {
    /// Reads the policies of IAM roles, users and groups (inline, `AWS::IAM::Policy`, managed) for
    /// statements that allow KMS actions. Every use of keys (`kms:Decrypt` and the like) must name
    /// the keys, or be narrowed by a condition such as `kms:ViaService` or an encryption context;
    /// `kms:*` on every key is never least privilege. Which permissions go unused, only CloudTrail
    /// shows (AWS KMS Developer Guide, "Using IAM policies with AWS KMS").
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
    ]) {
        let mut worst: Option<Judgement> = None;
        for path in ["PolicyDocument.Statement", "Policies.*.PolicyDocument.Statement"] {
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
        out.extend(worst);
    }
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
                    .any(|v| v.at("").string().found().is_some_and(|a| a.to_lowercase().starts_with("kms:")));
                vec![if spared { return None } else { Read::Found("*".to_owned(), value.loc) }]
            }
            _ => return None,
        },
    };
    let on_keys: Vec<String> = actions
        .iter()
        .filter_map(|a| a.clone().found())
        .map(|a| a.to_lowercase())
        .filter(|a| a == "*" || a.starts_with("kms:"))
        // These take no key, or reveal nothing of one.
        .filter(|a| !matches!(a.as_str(), "kms:listkeys" | "kms:listaliases" | "kms:createkey" | "kms:describekey" | "kms:generaterandom"))
        .collect();
    if on_keys.is_empty() {
        return actions.iter().find_map(|a| match a {
            Read::Unknown(why, loc) => Some(Judgement::cannot_tell(subject, "which actions the policy allows", why).at(*loc)),
            _ => None,
        });
    }
    let everything = on_keys.iter().any(|a| a == "*" || a == "kms:*");
    let narrowed = !statement.at("Condition").is_absent();
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
        Read::Absent(_) => None,
    };
    let shown = on_keys.join(", ");
    Some(match resource {
        Some((true, loc)) if everything && !narrowed => {
            Judgement::fail(subject, format!("the policy allows {shown} on every key")).at(loc)
        }
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

/// `*`, or an ARN of every key.
fn is_every_key(resource: &str) -> bool {
    resource == "*" || resource.ends_with(":key/*") || resource.ends_with(":kms:*")
}
