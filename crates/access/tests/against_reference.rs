//! Generated policies and requests, judged by the evaluator and by a slow second reading of the rules.
#![allow(clippy::unwrap_used)]

mod reference;

use lockfast_access::{ContextValue, Decision, Policy, Principal, Request, Resource, denies};
use lockfast_facts::{Kind, Loc, Part, Text, Value, Why};
use proptest::prelude::*;
use reference::{Answer, Asked, answer};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const PRINCIPALS: [&str; 3] = [
    "arn:aws:iam::111111111111:role/a",
    "arn:aws:iam::111111111111:user/b",
    "arn:aws:iam::222222222222:role/a",
];
const ACTIONS: [&str; 4] = [
    "s3:GetObject",
    "s3:PutObject",
    "kms:Decrypt",
    "kms:PutKeyPolicy",
];
const RESOURCES: [&str; 4] = [
    "arn:aws:s3:::bucket/home/ann/x",
    "arn:aws:s3:::bucket",
    "arn:aws:kms:eu-west-1:111111111111:key/k:1",
    "arn:aws:logs:eu-west-1:111111111111:log-group:é:*",
];
const KEYS: [&str; 5] = [
    "x:String",
    "x:Number",
    "x:Date",
    "x:Address",
    "aws:username",
];
const VALUES: [&str; 16] = [
    "ann",
    "Ann",
    "a*",
    "",
    "true",
    "False",
    "1",
    "1.0",
    "10",
    "2020-01-01",
    "2020-01-01T00:00:00Z",
    "1577836801",
    "10.1.2.3",
    "192.168.0.1",
    "arn:aws:s3:::bucket",
    "arn:aws:sns:eu-west-1:111111111111:topic",
];

fn one(from: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(from).prop_map(str::to_owned)
}

fn some(strategy: impl Strategy<Value = String> + 'static) -> BoxedStrategy<Json> {
    prop_oneof![
        3 => proptest::collection::vec(strategy, 1..3).prop_map(|v| json!(v)),
    ]
    .prop_map(|list| match list.as_array().map(Vec::as_slice) {
        Some([only]) => only.clone(),
        _ => list,
    })
    .boxed()
}

/// A string with some of it made wild.
fn wild(from: &'static [&'static str]) -> impl Strategy<Value = String> {
    (one(from), 0usize..40, 0usize..12, 0u8..5).prop_map(|(s, from, length, how)| {
        let chars: Vec<char> = s.chars().collect();
        let from = from.min(chars.len());
        let to = (from + length).min(chars.len());
        let head: String = chars[..from].iter().collect();
        let tail: String = chars[to..].iter().collect();
        match how {
            0 => s,
            1 => format!("{head}*{tail}"),
            2 => format!("{head}?{tail}"),
            3 => format!("{head}*"),
            _ => "*".to_owned(),
        }
    })
}

fn with_variables(from: &'static [&'static str]) -> BoxedStrategy<String> {
    prop_oneof![
        5 => wild(from),
        1 => one(&["${aws:username}", "${AWS:USERNAME}", "a${*}", "${x:String, 'ann'}", "${x:None}", "${x:None, 'ann'}", "${", "$"]),
        1 => one(&["arn:aws:s3:::bucket/home/${aws:username}/*", "arn:aws:s3:::bucket/*/${x:String}/x", "arn:aws:s3", "arn:*", "a*:b"]),
    ]
    .boxed()
}

fn operator() -> impl Strategy<Value = String> {
    let base = one(&[
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "NotIpAddress",
        "ArnEquals",
        "ArnNotEquals",
        "ArnLike",
        "ArnNotLike",
    ]);
    let set = one(&["", "", "ForAllValues:", "ForAnyValue:"]);
    prop_oneof![
        1 => Just("Null".to_owned()),
        12 => (set, base, any::<bool>()).prop_map(|(set, base, exists)| {
            format!("{set}{base}{}", if exists { "IfExists" } else { "" })
        }),
    ]
}

fn statement() -> impl Strategy<Value = Json> {
    let condition = proptest::collection::vec(
        (
            operator(),
            one(&KEYS),
            some(prop_oneof![4 => with_variables(&VALUES), 1 => one(&["10.0.0.0/8", "true", "2019-12-31", "0.5"])].boxed()),
        ),
        0..3,
    );
    (
        one(&["Allow", "Allow", "Deny"]),
        prop_oneof![
            Just(json!("*")),
            some(one(&[
                "*",
                "111111111111",
                "arn:aws:iam::222222222222:root",
                PRINCIPALS[0],
                PRINCIPALS[1]
            ]))
            .prop_map(|p| json!({ "AWS": p })),
        ],
        (
            one(&["Action", "Action", "NotAction"]),
            some(wild(&ACTIONS)),
        ),
        (
            one(&["Resource", "Resource", "NotResource"]),
            some(with_variables(&RESOURCES)),
        ),
        condition,
    )
        .prop_map(|(effect, principal, action, resource, conditions)| {
            let mut condition = json!({});
            for (operator, key, values) in conditions {
                condition[operator][key] = values;
            }
            json!({
                "Effect": effect,
                "Principal": principal,
                action.0: action.1,
                resource.0: resource.1,
                "Condition": condition,
            })
        })
}

fn document() -> impl Strategy<Value = Json> {
    (
        proptest::collection::vec(statement(), 1..4),
        one(&["2012-10-17", "2012-10-17", "2008-10-17"]),
    )
        .prop_map(|(statements, version)| json!({ "Version": version, "Statement": statements }))
}

fn asked() -> impl Strategy<Value = Asked> {
    let context = proptest::collection::btree_map(
        one(&KEYS),
        proptest::collection::vec(one(&VALUES), 0..3),
        0..5,
    );
    (one(&PRINCIPALS), one(&ACTIONS), one(&RESOURCES), context).prop_map(
        |(principal, action, resource, context)| Asked {
            principal,
            action,
            resource,
            context,
        },
    )
}

fn read(document: &Json) -> Policy {
    let policy = Policy::from_value(&Value::string(document.to_string(), Loc::default()));
    assert!(policy.problems.is_empty(), "{:?}", policy.problems);
    policy
}

/// The request, with the keys in `unknown` left open.
fn request(asked: &Asked, unknown: &[&str]) -> Request {
    let mut request = Request::new(
        Principal::arn(&asked.principal),
        asked.action.as_str(),
        Resource::arn(asked.resource.as_str()),
    );
    for key in KEYS
        .iter()
        .chain(&["x:None"])
        .filter(|k| !unknown.contains(k))
    {
        let value = match asked.context.get(*key) {
            None => ContextValue::Absent,
            Some(values) => ContextValue::Known(
                values
                    .iter()
                    .map(|v| Text::Plain(v.as_str().into()))
                    .collect(),
            ),
        };
        request = request.with_value(key, value);
    }
    request
}

fn agrees(decision: &Decision, answer: Answer) -> bool {
    match decision {
        Decision::ExplicitDeny => answer == Answer::Deny,
        Decision::Allow => answer == Answer::Allow,
        Decision::ImplicitDeny => answer != Answer::Allow,
        Decision::Possible(_) => true,
    }
}

/// The document with one string, the `n`th, replaced by something unknown; a whole or a half of it.
fn blurred(value: &Value, n: &mut usize, whole: bool) -> Value {
    let unknown = || Arc::new(Why::Parameter("P".into()));
    let kind = match &value.kind {
        Kind::Text(text) => {
            *n = n.wrapping_sub(1);
            let plain = text.plain().unwrap();
            match *n == usize::MAX {
                false => value.kind.clone(),
                true if whole => Kind::Unknown(unknown()),
                true => {
                    let half: String = plain.chars().take(plain.chars().count() / 2).collect();
                    Kind::Text(Text::from_parts([
                        Part::Literal(half.into()),
                        Part::Unknown(unknown()),
                    ]))
                }
            }
        }
        Kind::List(items) => Kind::List(items.iter().map(|i| blurred(i, n, whole)).collect()),
        Kind::Map(map) => Kind::Map(lockfast_facts::Map(
            map.iter()
                .map(|(k, v)| (k.clone(), blurred(v, n, whole)))
                .collect(),
        )),
        other => other.clone(),
    };
    Value::new(kind, value.loc)
}

fn to_value(json: &Json) -> Value {
    let kind = match json {
        Json::Null => Kind::Null,
        Json::Bool(b) => Kind::Bool(*b),
        Json::Number(n) => Kind::Number(n.to_string().into()),
        Json::String(s) => Kind::Text(Text::Plain(s.as_str().into())),
        Json::Array(items) => Kind::List(items.iter().map(to_value).collect()),
        Json::Object(map) => Kind::Map(lockfast_facts::Map(
            map.iter()
                .map(|(k, v)| (k.as_str().into(), to_value(v)))
                .collect(),
        )),
    };
    Value::new(kind, Loc::default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn known_requests_get_the_reference_answer(document in document(), asked in asked()) {
        let outcome = read(&document).evaluate(&request(&asked, &[]));
        let expected = match answer(&document, &asked) {
            Answer::Deny => Decision::ExplicitDeny,
            Answer::Allow => Decision::Allow,
            Answer::Neither => Decision::ImplicitDeny,
        };
        prop_assert_eq!(outcome.decision, expected);
    }

    #[test]
    fn leaving_keys_open_never_gives_a_wrong_certain_answer(
        document in document(),
        asked in asked(),
        open in proptest::sample::subsequence(&KEYS[..], 0..=KEYS.len()),
        guesses in proptest::collection::vec(proptest::option::of(proptest::collection::vec(one(&VALUES), 0..3)), KEYS.len()),
    ) {
        let decision = read(&document).evaluate(&request(&asked, &open)).decision;
        prop_assert!(agrees(&decision, answer(&document, &asked)), "{decision:?}");
        // Whatever the open keys turn out to be, the answer stands.
        let mut other = asked.clone();
        for (key, guess) in open.iter().zip(guesses) {
            let values: Option<Vec<String>> = guess;
            match values {
                Some(values) => other.context.insert((*key).to_owned(), values),
                None => other.context.remove(*key),
            };
        }
        prop_assert!(agrees(&decision, answer(&document, &other)), "{decision:?} {other:?}");
    }

    #[test]
    fn unknown_parts_never_give_a_wrong_certain_answer(
        document in document(), asked in asked(), n in 0usize..30, whole in any::<bool>(),
    ) {
        let blurred = Policy::from_value(&blurred(&to_value(&document), &mut { n }, whole));
        let decision = blurred.evaluate(&request(&asked, &[])).decision;
        prop_assert!(agrees(&decision, answer(&document, &asked)), "{decision:?}");
    }

    #[test]
    fn a_denial_never_allows(document in document(), mut extra in statement(), asked in asked()) {
        let before = read(&document).evaluate(&request(&asked, &[]));
        extra["Effect"] = json!("Deny");
        let mut more = document.clone();
        more["Statement"].as_array_mut().unwrap().push(extra);
        let after = read(&more).evaluate(&request(&asked, &[]));
        if before.decision != Decision::Allow {
            prop_assert_ne!(after.decision, Decision::Allow);
        }
        prop_assert!(after.denied >= before.denied);
    }

    #[test]
    fn what_is_denied_to_anybody_is_denied_to_everybody(document in document(), asked in asked()) {
        let mut anybody = request(&asked, &[]);
        anybody.principal = Principal::arbitrary();
        let general = denies(&read(&document), &anybody);
        for principal in PRINCIPALS {
            let mut asked = asked.clone();
            asked.principal = principal.to_owned();
            let denied = answer(&document, &asked) == Answer::Deny;
            prop_assert!(denied || !general.is_yes());
            prop_assert!(!denied || !general.is_no());
        }
    }

    #[test]
    fn json_text_and_object_read_alike(document in document(), asked in asked()) {
        let _: &BTreeMap<_, _> = &asked.context;
        let request = request(&asked, &[]);
        let object = Policy::from_value(&to_value(&document)).evaluate(&request).decision;
        prop_assert_eq!(object, read(&document).evaluate(&request).decision);
    }
}
