//! The golden cases against the slow second reading of the rules: checks the cases, not the evaluator.
//!
//! A case is a request, the state of the key where it is one, the policies, and what AWS's documents say
//! that comes of it. A context key that is neither in `context` nor in `unknown` is not in the request, but
//! for those that follow from it: `aws:PrincipalArn` (of a session: its role's), `aws:PrincipalAccount`,
//! `aws:PrincipalType`, `aws:PrincipalTag/…`, `kms:CallerAccount`, `aws:ResourceAccount`. The encryption
//! context is the `kms:EncryptionContext:…` keys. Without `scps` or `rcps` there is no organisation. The
//! constraint of a grant that is being made is in the request's context, as KMS has it for conditions.
//! `if` names the unknown keys, in lower case, that the answer depends on.
//!
//! Left out, as the documents are silent or disagree: a boundary or session policy that is silent about
//! what a grant gives to a role, a grantee of another account without identity policy, who retires a grant
//! by a permission alone, an incomplete `NotPrincipal`, a deny for an account's root as principal, and
//! which comes first of a key's state and a denial.
#![allow(clippy::unwrap_used)]

mod reference;
mod whole;

use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::path::Path;
use whole::{Answer, whole};

/// The cases with the file that they are in.
fn cases() -> Vec<(String, Json)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let file: Json =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            file["doc"].is_string(),
            "{name} does not say what it covers"
        );
        for case in file["cases"].as_array().unwrap() {
            found.push((name.clone(), case.clone()));
        }
    }
    found
}

fn list(value: &Json) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.map(|v| v.as_str().unwrap().to_owned()).collect()
}

#[test]
fn cases_agree_with_the_reference() {
    let mut wrong = Vec::new();
    for (file, case) in cases() {
        let (expected, conditions) = (&case["expect"], list(&case["if"]));
        let (found, named) = answer(&case);
        if *expected != found || conditions != named {
            let name = &case["name"];
            wrong.push(format!(
                "{file} {name}: {expected} if {conditions:?}, but {found} if {named:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The answer in the words of the cases, and the keys that it depends on.
fn answer(case: &Json) -> (String, Vec<String>) {
    let unknown = list(&case["request"]["unknown"]);
    let tried: Vec<Vec<Option<Vec<String>>>> = unknown.iter().map(|k| values(case, k)).collect();
    // One answer for each way to choose a value of every unknown key.
    let mut choices: Vec<Vec<usize>> = vec![Vec::new()];
    for values in &tried {
        choices = choices
            .iter()
            .flat_map(|choice| (0..values.len()).map(move |n| [choice.clone(), vec![n]].concat()))
            .collect();
    }
    let answers: Vec<Answer> = choices
        .iter()
        .map(|choice| {
            let mut known = case.clone();
            for ((key, values), n) in unknown.iter().zip(&tried).zip(choice) {
                if let Some(value) = &values[*n] {
                    known["request"]["context"][key] = json!(value);
                }
            }
            whole(&known)
        })
        .collect();
    let different: BTreeSet<Answer> = answers.iter().copied().collect();
    if let [one] = different.iter().copied().collect::<Vec<_>>()[..] {
        let word = match one {
            Answer::Allow => "allow",
            Answer::ExplicitDeny => "explicit-deny",
            Answer::ImplicitDeny => "implicit-deny",
            Answer::KeyState => "key-state",
        };
        return (word.to_owned(), Vec::new());
    }
    if !different.contains(&Answer::Allow) {
        // A no in each case, of two kinds: no case should ask for that.
        return ("no".to_owned(), Vec::new());
    }
    // A key matters if changing it alone changes the answer somewhere.
    let matters = |at: usize| {
        let others = |choice: &[usize]| [&choice[..at], &choice[at + 1..]].concat();
        let mut seen: std::collections::BTreeMap<Vec<usize>, Answer> = Default::default();
        choices
            .iter()
            .zip(&answers)
            .any(|(choice, answer)| seen.entry(others(choice)).or_insert(*answer) != answer)
    };
    let named = (0..unknown.len())
        .filter(|at| matters(*at))
        .map(|at| unknown[at].to_lowercase())
        .collect();
    ("possible".to_owned(), named)
}

/// What an unknown key may be: absent, what the policies compare it with, near to that, and others.
fn values(case: &Json, key: &str) -> Vec<Option<Vec<String>>> {
    let mut compared = Vec::new();
    let mut several = false;
    mentions(&case["policies"], key, &mut compared, &mut several);
    if let Some(name) = key.strip_prefix("kms:EncryptionContext:") {
        for grant in case["policies"]["grants"].as_array().into_iter().flatten() {
            for constraint in ["equals", "subset"] {
                for (k, v) in grant[constraint].as_object().into_iter().flatten() {
                    if k.eq_ignore_ascii_case(name) {
                        compared.push(v.as_str().unwrap().to_owned());
                    }
                }
            }
        }
    }
    // What it may be compared with through a variable.
    for at in ["principal", "resource", "resource_account"] {
        compared.extend(case["request"][at].as_str().map(str::to_owned));
    }
    for at in ["context", "principal_tags"] {
        for value in case["request"][at].as_object().into_iter().flatten() {
            compared.extend(value.1.as_str().map(str::to_owned));
            compared.extend(list(value.1));
        }
    }
    let mut tried: BTreeSet<String> = [
        "something-else",
        "true",
        "false",
        "0",
        "2000-01-01T00:00:00Z",
        "2099-01-01T00:00:00Z",
        "198.51.100.99",
    ]
    .map(str::to_owned)
    .into();
    for value in compared {
        tried.insert(value.replace(['*', '?'], "x"));
        tried.extend(value.split('/').map(str::to_owned));
        tried.insert(value.to_uppercase());
        if let Ok(number) = value.parse::<i64>() {
            tried.insert((number - 1).to_string());
            tried.insert((number + 1).to_string());
        }
        tried.insert(value);
    }
    let tried: Vec<String> = tried.into_iter().collect();
    let mut values = vec![None];
    values.extend(tried.iter().map(|v| Some(vec![v.clone()])));
    if several {
        for a in &tried {
            values.extend(tried.iter().map(|b| Some(vec![a.clone(), b.clone()])));
        }
    }
    values
}

/// The values that conditions compare a key with; `several` if one of them takes it for a list.
fn mentions(at: &Json, key: &str, found: &mut Vec<String>, several: &mut bool) {
    match at {
        Json::Array(items) => items.iter().for_each(|i| mentions(i, key, found, several)),
        Json::Object(entries) => {
            for (name, inside) in entries {
                if name != "Condition" {
                    mentions(inside, key, found, several);
                    continue;
                }
                for (operator, keys) in inside.as_object().unwrap() {
                    for (k, v) in keys.as_object().unwrap() {
                        if k.eq_ignore_ascii_case(key) {
                            *several |= operator.starts_with("For");
                            found.extend(v.as_str().map(str::to_owned));
                            found.extend(list(v));
                        }
                    }
                }
            }
        }
        _ => {}
    }
}

/// A misspelt member would silently be no member.
#[test]
fn cases_are_well_formed() {
    let mut names = BTreeSet::new();
    for (file, case) in cases() {
        let name = case["name"].as_str().unwrap().to_owned();
        let only = |at: &Json, allowed: &[&str]| {
            for member in at.as_object().into_iter().flatten() {
                assert!(
                    allowed.contains(&&**member.0),
                    "{file} {name}: {}",
                    member.0
                );
            }
        };
        only(
            &case,
            &[
                "name", "why", "source", "request", "key", "policies", "expect", "if",
            ],
        );
        let request = &case["request"];
        only(
            request,
            &[
                "principal",
                "principal_tags",
                "action",
                "resource",
                "resource_account",
                "context",
                "unknown",
            ],
        );
        only(&case["key"], &["state", "aws_managed"]);
        let policies = &case["policies"];
        only(
            policies,
            &[
                "identity", "boundary", "session", "resource", "scps", "rcps", "endpoint", "grants",
            ],
        );
        for grant in policies["grants"].as_array().into_iter().flatten() {
            only(
                grant,
                &[
                    "id",
                    "grantee",
                    "retiring",
                    "operations",
                    "equals",
                    "subset",
                ],
            );
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(name.chars().all(plain), "{name}");
        assert!(!case["why"].as_str().unwrap().is_empty(), "{name}");
        assert!(case["source"].as_str().unwrap().contains(", \""), "{name}");
        let key = request["resource"].as_str().unwrap().contains(":key/");
        assert_eq!(key, case.get("key").is_some(), "{name}");
        let conditional = case["expect"] == "possible";
        assert_eq!(conditional, case.get("if").is_some(), "{name}");
        for unknown in list(&request["unknown"]) {
            assert!(request["context"].get(&unknown).is_none(), "{name}");
        }
        // The names of an encryption context's pairs are a key of their own, in step with the pairs.
        let context = request["context"].as_object();
        let pairs: BTreeSet<String> = context
            .into_iter()
            .flatten()
            .filter_map(|(k, _)| k.strip_prefix("kms:EncryptionContext:"))
            .map(str::to_owned)
            .collect();
        let keys: BTreeSet<String> = list(&request["context"]["kms:EncryptionContextKeys"])
            .into_iter()
            .collect();
        assert_eq!(pairs, keys, "{name}");
        assert!(names.insert(name.clone()), "{name} twice");
    }
    assert!(names.len() >= 400, "{} cases", names.len());
}
