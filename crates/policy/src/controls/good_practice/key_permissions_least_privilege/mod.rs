use lockfast_access::identities::{HOLDERS, Held, arn, holders, is_of_aws, written};
use crate::judgement::Verdict;
use crate::patterns::wildcard;
use crate::prelude::*;
use crate::strangers::{UNMADE, UNMADE_KEY, UNMADE_MULTI_REGION_KEY};
use lockfast_access::{Account, Base, Condition, Policy, Principal, Request, Resource as Target, Three};
use lockfast_facts::Map;
use lockfast_access::kms::{Class, actions};

control! {
    /// Reads the policies of IAM roles, users and groups (inline, `AWS::IAM::Policy`, managed), of
    /// permission sets and of SAM functions for statements that allow KMS actions. Every use of keys (`kms:Decrypt` and the
    /// like) must name the keys, or be narrowed by a condition that says which, such as
    /// `kms:ViaService` or an encryption context; `kms:*` on every key is never least privilege, nor
    /// are AWS's policies for administrators. What the holder's permissions boundary or the organisation's policies (SCPs)
    /// take back of it is no permission, and a policy that is a boundary only gives none. Reading about keys is no permission on them. Which
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
    for subject in cx.subjects(&HOLDERS) {
        if is_of_aws(subject.resource) {
            continue;
        }
        let holders = holders(cx.inventory, subject.resource);
        if holders.is_empty() {
            continue;
        }
        let mut worst: Option<Judgement> = None;
        for held in written(cx.inventory, subject) {
            match held.document.at("Statement") {
                Read::Found(statements, _) => {
                    for statement in items(statements) {
                        let Some(judgement) = judge_statement(subject, statement) else {
                            continue;
                        };
                        let judgement = limited(cx, subject, statement, &holders, judgement);
                        Judgement::keep_worst(&mut worst, named(&held, judgement));
                    }
                }
                Read::Unknown(why, loc) => {
                    let unknown = Judgement::cannot_tell(subject, "what the policy allows on keys", &why).at(loc);
                    Judgement::keep_worst(&mut worst, unknown);
                }
                Read::Absent(_) => {}
            }
        }
        out.extend(worst);
    }
}

/// What a permissions boundary or an organisation's policies take back is no permission: what a statement allows on every key
/// is put to them for a key of which they say nothing in particular.
fn limited(
    cx: &Cx<'_>,
    subject: Subject<'_>,
    statement: &Value,
    holders: &[Option<ResourceId>],
    judgement: Judgement,
) -> Judgement {
    if judgement.verdict != Verdict::Fail {
        return judgement;
    }
    let policy = Policy::from_value(&Value::new(
        Kind::Map(Map::from_iter([(Arc::from("Statement"), statement.clone())])),
        statement.loc,
    ));
    let account = Account::of(cx.inventory.stack_of(subject.resource).place.account.as_ref());
    let all = || [Class::Use, Class::Administer].into_iter().flat_map(actions);
    let places = cx.reach(subject.resource);
    let somewhere = places.iter().flat_map(|place| [UNMADE_KEY, UNMADE_MULTI_REGION_KEY].map(|key| arn("kms", place, key)));
    let left = Three::any(somewhere.flat_map(|name| {
        let key = Target::id(UNMADE).also(name);
        let left = |action: &String| {
            let caller = Principal::member(account.clone());
            let request = Request::new(caller, action.as_str(), key.clone()).in_account(account.clone());
            match policy.evaluate(&request).allowed {
                Three::No => Three::No,
                _ => cx.bounds().leave(holders, &request),
            }
        };
        all().map(left).collect::<Vec<_>>()
    }));
    match left {
        Three::Yes => judgement,
        Three::Maybe => Judgement {
            verdict: Verdict::Unknown,
            message: format!("{}, and cannot tell whether its permissions boundary or the organisation takes it back", judgement.message).into(),
            ..judgement
        },
        Three::No => Judgement {
            verdict: Verdict::Pass,
            message: format!("{}, which its permissions boundary or the organisation takes back", judgement.message).into(),
            ..judgement
        },
    }
}

/// A policy that the template only names has no text to show.
fn named(held: &Held<'_>, mut judgement: Judgement) -> Judgement {
    let Some(name) = &held.name else {
        return judgement;
    };
    if judgement.verdict == Verdict::Fail {
        judgement.message = format!("the policy {name} allows actions on every key").into();
    }
    judgement.at(held.loc).stated("policy", &**name, held.loc)
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
        Some((true, loc)) if narrowed.is_no() => {
            Judgement::fail(subject, format!("the policy allows {shown} on every key of the account")).at(loc)
        }
        Some((true, loc)) if narrowed == Three::Maybe => {
            Judgement::unknown(subject, format!("cannot tell on which keys the policy allows {shown}: its condition is known only at deployment"))
                .at(loc)
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
/// TLS, or comes from somebody of the account, narrows nothing, nor does a condition that calls without
/// the key pass, or that any value meets (AWS KMS Developer Guide, "Condition keys for AWS KMS").
fn narrows(condition: Read<&Value>) -> Three {
    match condition {
        Read::Found(value, _) => Three::any(Condition::read_all(value).iter().map(says_which)),
        Read::Unknown(..) => Three::Maybe,
        Read::Absent(_) => Three::No,
    }
}

fn says_which(condition: &Condition) -> Three {
    let key = condition.key.to_ascii_lowercase();
    if key.is_empty() {
        return Three::Maybe;
    }
    // What a value that is none looks like.
    let nothing: fn(&str) -> bool = match key.as_str() {
        "kms:grantisforawsresource" | "aws:viaawsservice" => {
            let yes = |value: &lockfast_facts::Text| value.plain().is_some_and(|v| v.eq_ignore_ascii_case("true"));
            let operator = &condition.operator;
            let binds = operator.base == Base::Bool && !operator.if_exists && operator.set.is_none();
            return match &condition.values {
                Some(values) => (binds && values.iter().all(yes)).into(),
                None => Three::Maybe,
            };
        }
        // The name of the service comes first.
        "kms:viaservice" | "aws:calledvia" | "aws:calledviafirst" | "aws:calledvialast" => |value| value.starts_with('*'),
        "kms:resourcealiases" | "kms:requestalias" => |value| is_wild(value.strip_prefix("alias/").unwrap_or(value)),
        "kms:encryptioncontextkeys" => is_wild,
        _ if key.starts_with("kms:encryptioncontext:") || key.starts_with("aws:resourcetag/") => is_wild,
        _ => return Three::No,
    };
    match (condition.binding(), &condition.values) {
        (Some(values), _) => (!values.iter().any(|value| nothing(&value.render(|_| "x".into())))).into(),
        (None, None) => Three::Maybe,
        (None, Some(_)) => Three::No,
    }
}

fn is_wild(value: &str) -> bool {
    value.bytes().all(|b| matches!(b, b'*' | b'?'))
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
