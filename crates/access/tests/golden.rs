//! The golden cases against the evaluator; golden_reference.rs describes their form.
#![allow(clippy::unwrap_used)]

mod reference;
mod whole;

use lockfast_access::{
    Account, ContextValue, Decision, Grant, KeyFacts, Policy, PolicySet, Principal, Request,
    Resource, Three, Trust, evaluate_access, may,
};
use lockfast_facts::{Loc, Text, Value};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Where the evaluator says "possible" and the case more. It takes each statement's conditions by themselves, and who asks
/// for a role is told of the sessions that the role may have.
const TOO_CAREFUL: [&str; 2] = [
    "unknown-but-both-ways-allowed",
    "key-policy-names-session-asked-for-the-role",
];

fn strings(value: &Json) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.map(|v| v.as_str().unwrap().to_owned()).collect()
}

fn policy(document: &Json, account: &Account) -> Policy {
    let value = Value::string(document.to_string(), Loc::default());
    Policy::from_value(&value).in_account(account.clone())
}

fn policies(documents: &Json, account: &Account) -> Vec<Policy> {
    match documents {
        Json::Null => Vec::new(),
        Json::Array(all) => all
            .iter()
            .map(|document| policy(document, account))
            .collect(),
        one => vec![policy(one, account)],
    }
}

fn principal(name: &str) -> Principal {
    match name.split_once(':') {
        Some(("service", service)) => Principal::service(service),
        _ if name == "anonymous" => Principal::anonymous(),
        _ => Principal::arn(name),
    }
}

fn request(case: &Json) -> Request {
    let asked = &case["request"];
    let arn = asked["resource"].as_str().unwrap();
    let owner = asked["resource_account"].as_str();
    let caller = asked["principal"].as_str().unwrap();
    // What is made is not there yet: it is the caller's.
    let account = |arn: &str| arn.split(':').nth(4).unwrap_or_default().to_owned();
    let owner = match owner {
        Some(owner) => owner.to_owned(),
        None if arn == "*" => account(caller),
        None => account(arn),
    };
    let mut who = principal(caller);
    let tags = asked["principal_tags"].as_object();
    let tags = tags
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.as_str(), v.as_str().unwrap()));
    who = who.with_tags(tags);
    let mut request = Request::new(who, asked["action"].as_str().unwrap(), Resource::arn(arn))
        .in_account(Account::Id(owner.into()))
        .closed();
    for (key, values) in asked["context"].as_object().into_iter().flatten() {
        let values = strings(values).into_iter().map(|v| Text::Plain(v.into()));
        request = request.with_value(key, ContextValue::Known(values.collect()));
    }
    for key in strings(&asked["unknown"]) {
        request = request.with_value(&key, ContextValue::Unknown);
    }
    request
}

/// The answer, and the conditions it names in one text.
fn answer(case: &Json) -> (&'static str, String) {
    let request = request(case);
    let account = &request.resource_account;
    let all = &case["policies"];
    let identity = policies(&all["identity"], account);
    let boundary = policies(&all["boundary"], account);
    let session = policies(&all["session"], account);
    let resource = policies(&all["resource"], account);
    let endpoint = policies(&all["endpoint"], account);
    let levels = |kind: &str| -> Vec<Vec<Policy>> {
        let levels = all[kind].as_array().into_iter().flatten();
        levels.map(|level| policies(level, account)).collect()
    };
    let (scps, rcps) = (levels("scps"), levels("rcps"));
    let grants: Vec<Grant> = all["grants"]
        .as_array()
        .into_iter()
        .flatten()
        .map(grant)
        .collect();
    let is_key = case["request"]["resource"]
        .as_str()
        .unwrap()
        .contains(":kms:");
    let assumes = request.action.starts_with("sts:AssumeRole");
    let set = PolicySet {
        identity: identity.iter().collect(),
        boundary: boundary.first(),
        session: session.iter().collect(),
        resource: resource.first(),
        trust: match is_key || assumes {
            true => Trust::ResourceFirst,
            false => Trust::Either,
        },
        grants: &grants,
        scps: scps.iter().map(|level| level.iter().collect()).collect(),
        rcps: rcps.iter().map(|level| level.iter().collect()).collect(),
        endpoint: endpoint.first(),
        key: is_key.then(|| KeyFacts {
            state: Some(case["key"]["state"].as_str().unwrap_or("Enabled").into()),
            usage: case["key"]["usage"].as_str().map(Into::into),
            aws_managed: case["key"]["aws_managed"] == true,
        }),
    };
    let access = evaluate_access(&request, &set);
    // The short way comes to the same.
    let word = match (&access.refused_by_key, &access.decision) {
        (Some(_), _) | (None, Decision::ExplicitDeny | Decision::ImplicitDeny) => Three::No,
        (None, Decision::Allow) => Three::Yes,
        (None, Decision::Possible(_)) => Three::Maybe,
    };
    assert_eq!(may(&request, &set), word, "{}", case["name"]);
    assert_eq!(
        may(&request.clone().quietly(), &set),
        word,
        "{}",
        case["name"]
    );
    if access.refused_by_key.is_some() {
        return ("key-state", String::new());
    }
    match access.decision {
        Decision::Allow => ("allow", String::new()),
        Decision::ExplicitDeny => ("explicit-deny", String::new()),
        Decision::ImplicitDeny => ("implicit-deny", String::new()),
        Decision::Possible(conditions) => ("possible", conditions.join("; ").to_lowercase()),
    }
}

/// As the API tells it, and a scan records it.
fn grant(case: &Json) -> Grant {
    let recorded = json!({
        "GrantId": case["id"], "GranteePrincipal": case["grantee"], "RetiringPrincipal": case["retiring"],
        "Operations": case["operations"],
        "Constraints": {"EncryptionContextEquals": case["equals"], "EncryptionContextSubset": case["subset"]},
    });
    let text = Text::Plain(without_nulls(&recorded).to_string().into());
    Grant::from_value(&text.json(Loc::default(), "a grant").unwrap())
}

fn without_nulls(value: &Json) -> Json {
    match value {
        Json::Object(map) => map
            .iter()
            .filter(|(_, v)| !v.is_null())
            .map(|(k, v)| (k.clone(), without_nulls(v)))
            .collect(),
        other => other.clone(),
    }
}

fn cases() -> Vec<Json> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let cases = files.iter().flat_map(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        let file: Json = serde_json::from_str(&text).unwrap();
        file["cases"].as_array().unwrap().clone()
    });
    cases.collect()
}

#[test]
fn the_evaluator_agrees_with_the_golden_cases() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for case in cases() {
        count += 1;
        let name = case["name"].as_str().unwrap();
        let (found, conditions) = answer(&case);
        let expected = case["expect"].as_str().unwrap();
        if TOO_CAREFUL.contains(&name) {
            assert_eq!(found, "possible", "{name}");
            continue;
        }
        let unnamed: BTreeSet<String> = strings(&case["if"])
            .into_iter()
            .filter(|key| !conditions.contains(key.as_str()))
            .collect();
        if expected != found || !unnamed.is_empty() {
            wrong.push(format!(
                "{name}: {expected}, but {found} ({conditions}); not named {unnamed:?}"
            ));
        }
    }
    assert!(count > 450, "{count} cases");
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The kinds of policies of a case.
const KINDS: [&str; 8] = [
    "identity", "boundary", "session", "resource", "scps", "rcps", "endpoint", "grants",
];

/// What the second reading leaves open, or reads in another way on purpose: see golden_reference.rs.
fn is_left_out(case: &Json) -> bool {
    let all = &case["policies"];
    let is = |kind: &str| !all[kind].is_null();
    let who = case["request"]["principal"].as_str().unwrap();
    let action = case["request"]["action"].as_str().unwrap();
    let text = case.to_string();
    let foreign = !who.contains(":111111111111:");
    is("grants") && (is("boundary") || is("session") || foreign)
        || action.ends_with("RetireGrant")
        || text.contains("NotPrincipal")
        || !who.starts_with("arn:aws:iam::")
        || who.ends_with(":root")
        // A role may have the session that a policy names.
        || text.contains(":assumed-role/")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Parts of the golden cases, put together anew.
    #[test]
    fn parts_put_together_anew_are_read_alike(
        request in any::<Index>(),
        parts in proptest::array::uniform8(proptest::option::weighted(0.45, any::<Index>())),
        keep in proptest::array::uniform8(any::<bool>()),
    ) {
        static CASES: std::sync::LazyLock<Vec<Json>> = std::sync::LazyLock::new(cases);
        let mut case = CASES[request.index(CASES.len())].clone();
        // What is known of the request is all there is.
        if let Some(request) = case["request"].as_object_mut() {
            request.remove("unknown");
        }
        for ((kind, part), keep) in KINDS.iter().zip(parts).zip(keep) {
            match part {
                Some(part) => {
                    let with: Vec<&Json> =
                        CASES.iter().filter(|case| !case["policies"][kind].is_null()).collect();
                    case["policies"][kind] = with[part.index(with.len())]["policies"][kind].clone();
                }
                None if !keep => {
                    case["policies"].as_object_mut().unwrap().remove(*kind);
                }
                None => {}
            }
        }
        if is_left_out(&case) {
            return Ok(());
        }
        let expected = match whole::whole(&case) {
            whole::Answer::Allow => "allow",
            whole::Answer::ExplicitDeny => "explicit-deny",
            whole::Answer::ImplicitDeny => "implicit-deny",
            whole::Answer::KeyState => "key-state",
        };
        let (found, conditions) = answer(&case);
        prop_assert_eq!(expected, found, "{}\n{:#}", conditions, case);
    }
}
