//! Operators and statements, by AWS's documentation.

use super::*;
use lockfast_facts::{Loc, Text, Value};

fn policy(json: &str) -> Policy {
    Policy::from_value(&Value::string(json, Loc::default()))
}

fn arbitrary(action: &str) -> Request {
    Request::new(Principal::arbitrary(), action, Resource::any())
}

/// Whether one condition holds for one context value (`None`: the key is missing).
fn check(operator: &str, values: &str, context: Option<&[&str]>) -> Three {
    let policy = policy(&format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*",
            "Condition":{{"{operator}":{{"x:Key":{values}}}}}}}}}"#
    ));
    assert!(policy.problems.is_empty());
    let value = match context {
        None => ContextValue::Absent,
        Some(values) => {
            ContextValue::Known(values.iter().map(|v| Text::Plain((*v).into())).collect())
        }
    };
    denies(
        &policy,
        &arbitrary("s3:GetObject")
            .with_value("X:kEY", value)
            .with("aws:username", "ann"),
    )
}

#[track_caller]
fn yes(operator: &str, values: &str, context: Option<&[&str]>) {
    assert_eq!(
        check(operator, values, context),
        Three::Yes,
        "{operator} {values} {context:?}"
    );
}

#[track_caller]
fn no(operator: &str, values: &str, context: Option<&[&str]>) {
    assert_eq!(
        check(operator, values, context),
        Three::No,
        "{operator} {values} {context:?}"
    );
}

#[test]
fn strings() {
    yes("StringEquals", r#""a""#, Some(&["a"]));
    no("StringEquals", r#""a""#, Some(&["A"]));
    no("StringEquals", r#""a*""#, Some(&["ab"]));
    yes("StringEquals", r#"["a","b"]"#, Some(&["b"]));
    no("StringNotEquals", r#"["a","b"]"#, Some(&["b"]));
    yes("StringNotEquals", r#"["a","b"]"#, Some(&["c"]));
    yes("StringEqualsIgnoreCase", r#""AbC""#, Some(&["aBc"]));
    no("StringNotEqualsIgnoreCase", r#""AbC""#, Some(&["aBc"]));
    yes("StringLike", r#""a*c?""#, Some(&["abbcd"]));
    no("StringNotLike", r#""a*""#, Some(&["ab"]));
}

#[test]
fn missing_keys() {
    for operator in [
        "StringEquals",
        "NumericLessThan",
        "Bool",
        "ArnLike",
        "IpAddress",
        "DateEquals",
        "BinaryEquals",
    ] {
        no(operator, r#""1""#, None);
        yes(&format!("{operator}IfExists"), r#""1""#, None);
        yes(&format!("ForAllValues:{operator}"), r#""1""#, None);
        no(&format!("ForAnyValue:{operator}"), r#""1""#, None);
    }
    for operator in [
        "StringNotEquals",
        "StringNotLike",
        "NumericNotEquals",
        "ArnNotLike",
        "NotIpAddress",
        "DateNotEquals",
    ] {
        yes(operator, r#""1""#, None);
    }
}

#[test]
fn null() {
    yes("Null", "true", None);
    yes("Null", r#""true""#, None);
    no("Null", "true", Some(&["a"]));
    yes("Null", "false", Some(&["a"]));
    yes("Null", "true", Some(&[]));
}

#[test]
fn numbers() {
    yes("NumericEquals", "10", Some(&["10.0"]));
    yes("NumericLessThan", "1.2", Some(&["1.1"]));
    no("NumericLessThan", "1.2", Some(&["1.2"]));
    yes("NumericLessThanEquals", "1.2", Some(&["1.2"]));
    yes("NumericGreaterThan", r#""3""#, Some(&["4"]));
    yes("NumericGreaterThanEquals", r#""3""#, Some(&["3"]));
    yes("NumericNotEquals", "3", Some(&["4"]));
    no("NumericEquals", "3", Some(&["three"]));
}

#[test]
fn dates() {
    yes(
        "DateLessThan",
        r#""2020-01-01T00:00:01Z""#,
        Some(&["2020-01-01T00:00:00Z"]),
    );
    yes(
        "DateEquals",
        r#""2020-01-01""#,
        Some(&["2020-01-01T00:00:00Z"]),
    );
    yes(
        "DateEquals",
        r#""1577836800""#,
        Some(&["2020-01-01T00:00:00Z"]),
    );
    yes(
        "DateGreaterThan",
        r#""2020-01-01T00:00:00+01:00""#,
        Some(&["2020-01-01T00:00:00Z"]),
    );
    no(
        "DateNotEquals",
        r#""2020-01-01""#,
        Some(&["2020-01-01T00:00:00Z"]),
    );
}

#[test]
fn booleans_and_binary() {
    yes("Bool", r#""false""#, Some(&["false"]));
    yes("Bool", "false", Some(&["False"]));
    no("Bool", "false", Some(&["true"]));
    yes("BinaryEquals", r#""QmluYXJ5""#, Some(&["QmluYXJ5"]));
    no("BinaryEquals", r#""QmluYXJ5""#, Some(&["qmluyxj5"]));
}

#[test]
fn addresses() {
    yes("IpAddress", r#""203.0.113.0/24""#, Some(&["203.0.113.9"]));
    no("IpAddress", r#""203.0.113.0/24""#, Some(&["203.0.114.9"]));
    yes(
        "IpAddress",
        r#""2001:DB8:1234::/48""#,
        Some(&["2001:db8:1234:5678::1"]),
    );
    no("IpAddress", r#""2001:db8::/32""#, Some(&["203.0.113.9"]));
    yes(
        "NotIpAddress",
        r#"["10.0.0.0/8","192.168.0.0/16"]"#,
        Some(&["203.0.113.9"]),
    );
    no("NotIpAddress", r#"["10.0.0.0/8"]"#, Some(&["10.1.1.1"]));
    yes("IpAddress", r#""10.1.1.1""#, Some(&["10.1.1.1"]));
}

#[test]
fn arns() {
    for operator in ["ArnEquals", "ArnLike"] {
        yes(
            operator,
            r#""arn:aws:sns:*:123456789012:t*""#,
            Some(&["arn:aws:sns:eu-west-1:123456789012:topic"]),
        );
        no(
            operator,
            r#""arn:aws:*:topic""#,
            Some(&["arn:aws:sns:eu-west-1:123456789012:topic"]),
        );
    }
    no(
        "ArnNotLike",
        r#""arn:aws:sns:*:*:*""#,
        Some(&["arn:aws:sns:eu-west-1:123456789012:topic"]),
    );
    yes(
        "ArnNotEquals",
        r#""arn:aws:sqs:*:*:*""#,
        Some(&["arn:aws:sns:eu-west-1:123456789012:topic"]),
    );
}

#[test]
fn set_operators() {
    yes(
        "ForAllValues:StringEquals",
        r#"["a","b"]"#,
        Some(&["a", "b"]),
    );
    no(
        "ForAllValues:StringEquals",
        r#"["a","b"]"#,
        Some(&["a", "c"]),
    );
    yes(
        "ForAnyValue:StringEquals",
        r#"["a","b"]"#,
        Some(&["a", "c"]),
    );
    no("ForAnyValue:StringEquals", r#"["a"]"#, Some(&["b", "c"]));
    yes(
        "ForAllValues:StringNotEquals",
        r#"["a"]"#,
        Some(&["b", "c"]),
    );
    no(
        "ForAllValues:StringNotEquals",
        r#"["a"]"#,
        Some(&["a", "c"]),
    );
    yes("ForAnyValue:StringNotEquals", r#"["a"]"#, Some(&["a", "c"]));
    no("ForAnyValue:StringNotEquals", r#"["a"]"#, Some(&["a"]));
}

#[test]
fn variables() {
    yes("StringEquals", r#""${aws:username}""#, Some(&["ann"]));
    yes("StringEquals", r#""${AWS:UserName}""#, Some(&["ann"]));
    yes(
        "StringLike",
        r#""home/${aws:username}/*""#,
        Some(&["home/ann/x"]),
    );
    yes("StringLike", r#""a${*}""#, Some(&["a*"]));
    no("StringLike", r#""a${*}""#, Some(&["ab"]));
    yes("StringEquals", r#""${$}{?}""#, Some(&["${?}"]));
    assert_eq!(
        check(
            "StringEquals",
            r#""${aws:PrincipalTag/team, 'none'}""#,
            Some(&["none"])
        ),
        Three::Maybe
    );
    let old = policy(
        r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*",
            "Condition":{"StringEquals":{"x:Key":"${aws:username}"}}}]}"#,
    );
    let request = arbitrary("s3:GetObject")
        .with("x:key", "ann")
        .with("aws:username", "ann");
    assert_eq!(
        denies(&old, &request),
        Three::No,
        "variables need version 2012-10-17"
    );
    // Which version an unknown one is decides, so it decides nothing.
    let mut either = old.clone();
    either.variables = Three::Maybe;
    assert_eq!(denies(&either, &request), Three::Maybe);
    let request = request.with("x:key", "bob");
    assert_eq!(denies(&either, &request), Three::No, "in either version");
}

#[test]
fn plain_http_is_denied() {
    let denying = policy(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:*","Resource":"*",
            "Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#,
    );
    assert_eq!(
        denies(
            &denying,
            &arbitrary("s3:GetObject").with("aws:SecureTransport", "false")
        ),
        Three::Yes
    );
    assert_eq!(
        denies(
            &denying,
            &arbitrary("s3:GetObject").with("aws:SecureTransport", "true")
        ),
        Three::No
    );
    assert_eq!(denies(&denying, &arbitrary("s3:GetObject")), Three::Maybe);
    let one_role = policy(
        r#"{"Statement":[{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::123456789012:role/r"},"Action":"s3:*","Resource":"*",
            "Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#,
    );
    assert_eq!(
        denies(
            &one_role,
            &arbitrary("s3:GetObject").with("aws:SecureTransport", "false")
        ),
        Three::Maybe
    );
}

#[test]
fn malformed_documents_are_unknown() {
    for json in [
        "",
        "{",
        "[]",
        r#"{"Statement":7}"#,
        r#"{"Statement":[{"Effect":"Permit"}]}"#,
    ] {
        let policy = policy(json);
        let outcome = policy.evaluate(&arbitrary("s3:GetObject"));
        assert!(matches!(outcome.decision, Decision::Possible(_)), "{json}");
        assert!(!policy.is_certain());
    }
}
