//! Every kind of value and every modifier, as the specification of Sigma 2 has them.
#![allow(clippy::unwrap_used)]

mod shared;

use lockfast_detections::Rules;
use serde_json::{Value, json};
use shared::{check, good, item, rule};
use std::collections::BTreeMap;

#[test]
fn values() {
    check(
        "a: b",
        &[
            json!({"a": "B"}),
            json!({"a": ["x", "b"]}),
            json!({"A": "b"}),
        ],
        &[
            json!({"a": "bc"}),
            json!({}),
            json!({"a": null}),
            json!({"a": {"b": "b"}}),
        ],
    );
    check(
        "a: [b, 'c*']",
        &[json!({"a": "b"}), json!({"a": "CC"})],
        &[json!({"a": "bb"})],
    );
    check(
        "a: null",
        &[json!({}), json!({"a": null}), json!({"a": [null]})],
        &[json!({"a": ""}), json!({"a": 0}), json!({"a": [null, 1]})],
    );
    check(
        "a.b: null",
        &[json!({"a": {}}), json!({"a": "b"}), json!({"a": null})],
        &[json!({"a": {"b": 1}})],
    );
    check(
        "a: [null, x]",
        &[json!({}), json!({"a": "x"})],
        &[json!({"a": "y"})],
    );
    check(
        "a: ''",
        &[json!({"a": ""})],
        &[json!({}), json!({"a": "x"})],
    );
    check(
        "a: 7",
        &[json!({"a": 7}), json!({"a": 7.0}), json!({"a": "7"})],
        &[json!({"a": 70}), json!({"a": "07"})],
    );
    check(
        "a: 012345678901",
        &[json!({"a": "012345678901"})],
        &[json!({"a": "12345678901"})],
    );
    check(
        "a: false",
        &[json!({"a": false}), json!({"a": "False"})],
        &[json!({"a": true}), json!({}), json!({"a": 0})],
    );
    check(
        "a: 'true'",
        &[json!({"a": true}), json!({"a": "TRUE"})],
        &[json!({"a": false})],
    );
    check(
        "a: No",
        &[json!({"a": "No"}), json!({"a": "NO"})],
        &[json!({"a": false}), json!({"a": "Yes"})],
    );
    check(
        "a: straße",
        &[json!({"a": "STRAßE"})],
        &[json!({"a": "strasse"})],
    );
    check(
        r"a: 'x\*y\\*z'",
        &[json!({"a": r"x*y\anyz"})],
        &[json!({"a": r"xay\z"})],
    );
    check("a: x?z", &[json!({"a": "xyz"})], &[json!({"a": "xz"})]);
    check(
        "a: '*'",
        &[json!({"a": ""}), json!({"a": "x"})],
        &[json!({}), json!({"a": null})],
    );
    let many = "a: [b1, b2, b3, b4, b5, b6, b7, b8, B9, 'c*', 10]";
    check(
        many,
        &[
            json!({"a": "B1"}),
            json!({"a": "b9"}),
            json!({"a": "cc"}),
            json!({"a": 10}),
        ],
        &[json!({"a": "b"})],
    );
}

#[test]
fn fields() {
    let record = json!({
        "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::1:role/a"}}},
        "requestParameters": {"encryptionContext": {"aws:s3:arn": "arn:aws:s3:::b", "my.app.name": "x"}, "policy": "{\"Effect\":\"Allow\"}"},
        "resources": [{"ARN": "one"}, {"ARN": "two"}],
    });
    for (text, wanted) in [
        (
            "userIdentity.sessionContext.sessionIssuer.arn: '*:role/a'",
            true,
        ),
        (
            "requestParameters.encryptionContext.aws:s3:arn: arn:aws:s3:::b",
            true,
        ),
        ("requestParameters.encryptionContext.my.app.name: x", true),
        ("resources.ARN: TWO", true),
        ("resources.ARN: three", false),
        ("requestParameters|contains: 'aws:s3:arn'", true),
        // The quotes of a policy, which is text in JSON.
        (r#"requestParameters|contains: '"Allow"'"#, true),
        (r#"requestParameters|re: '"Al{2}ow"'"#, true),
        (r#"requestParameters: '*"Allow"*'"#, true),
        ("requestParameters|contains: Deny", false),
        ("requestParameters: x", false),
        ("requestParameters|startswith: x", false),
    ] {
        assert_eq!(item(text, &record), wanted, "{text}");
    }
}

#[test]
fn text_modifiers() {
    check(
        "a|contains: BC",
        &[json!({"a": "abcd"})],
        &[json!({"a": "ac"})],
    );
    check(
        "a|startswith: ab",
        &[json!({"a": "ABc"})],
        &[json!({"a": "cab"})],
    );
    check(
        "a|endswith: bc",
        &[json!({"a": "aBC"})],
        &[json!({"a": "bca"})],
    );
    check(
        "a|contains|all: [x, y]",
        &[json!({"a": "y-x"}), json!({"a": ["x", "y"]})],
        &[json!({"a": "x"})],
    );
    check("a|cased: Ab", &[json!({"a": "Ab"})], &[json!({"a": "ab"})]);
    check(
        "a|contains|cased: B*d",
        &[json!({"a": "aBcde"})],
        &[json!({"a": "abcde"})],
    );
    check(
        "a|neq: x",
        &[json!({"a": "y"}), json!({})],
        &[json!({"a": "X"})],
    );
    check("a|neq: [x, y]", &[json!({"a": "z"})], &[json!({"a": "y"})]);
    check(
        "a|exists: true",
        &[json!({"a": ""}), json!({"a": []})],
        &[json!({}), json!({"a": null})],
    );
    check(
        "a.b|exists: false",
        &[json!({"a": {}}), json!({})],
        &[json!({"a": {"b": 0}})],
    );
    check(
        "a|windash|contains: ' -x'",
        &[
            json!({"a": "run /X"}),
            json!({"a": "run \u{2014}x"}),
            json!({"a": "run -x"}),
        ],
        &[json!({"a": "run +x"}), json!({"a": "runx"})],
    );
}

#[test]
fn regular_expressions() {
    check(
        "a|re: 'b+$'",
        &[json!({"a": "abb"}), json!({"a": ["x", "b"]})],
        &[json!({"a": "ABB"}), json!({"a": "ba"})],
    );
    check(
        "a|re|i: 'b+$'",
        &[json!({"a": "aBB"})],
        &[json!({"a": "ba"})],
    );
    check(
        "a|re|m: '^b$'",
        &[json!({"a": "a\nb\nc"})],
        &[json!({"a": "ab"})],
    );
    check(
        "a|re|s: '^a.c$'",
        &[json!({"a": "a\nc"})],
        &[json!({"a": "ac"})],
    );
    check(
        "a|re|i|m|s: '^B.c$'",
        &[json!({"a": "x\nb\nC"})],
        &[json!({"a": "xb\nc"})],
    );
    check("a|re: '^5'", &[json!({"a": 55})], &[json!({"a": 6})]);
}

#[test]
fn numbers_networks_and_times() {
    check(
        "a|gte: 5",
        &[json!({"a": 5}), json!({"a": "6.5"})],
        &[json!({"a": 4}), json!({"a": "x"}), json!({})],
    );
    check("a|gt: 5", &[json!({"a": 6})], &[json!({"a": 5})]);
    check("a|lt: -1", &[json!({"a": -2})], &[json!({"a": -1})]);
    check("a|lte: 1.5", &[json!({"a": 1.5})], &[json!({"a": 2})]);
    check(
        "a|cidr: 10.0.0.0/8",
        &[json!({"a": "10.1.2.3"})],
        &[
            json!({"a": "11.1.2.3"}),
            json!({"a": "kms.amazonaws.com"}),
            json!({"a": "::1"}),
        ],
    );
    check(
        "a|cidr: ['2001:db8::/32', 192.0.2.1]",
        &[json!({"a": "2001:db8::1"}), json!({"a": "192.0.2.1"})],
        &[json!({"a": "192.0.2.2"})],
    );
    let noon = |text: &str| json!({"a": text});
    check(
        "a|hour: 12",
        &[noon("2026-03-01T12:30:00Z")],
        &[noon("2026-03-01T13:30:00Z"), noon("x")],
    );
    check(
        "a|hour|gte: 22",
        &[noon("2026-03-01T23:00:00Z")],
        &[noon("2026-03-01T21:00:00Z")],
    );
    check(
        "a|minute: 30",
        &[noon("2026-03-01T12:30:00Z")],
        &[noon("2026-03-01T12:31:00Z")],
    );
    check(
        "a|day: 1",
        &[noon("2026-03-01T12:30:00Z")],
        &[noon("2026-03-02T12:30:00Z")],
    );
    check(
        "a|week: 9",
        &[noon("2026-03-01T12:30:00Z")],
        &[noon("2026-03-02T12:30:00Z")],
    );
    check(
        "a|month: 3",
        &[noon("2026-03-01T12:30:00Z")],
        &[noon("2026-04-01T12:30:00Z")],
    );
    check(
        "a|year: 2026",
        &[noon("2026-03-01T12:30:00Z")],
        &[noon("2025-03-01T12:30:00Z")],
    );
}

#[test]
fn other_fields() {
    check(
        "a|fieldref: b",
        &[
            json!({"a": "x", "b": "X"}),
            json!({"a": ["y", "x"], "b": ["z", "x"]}),
        ],
        &[json!({"a": "x", "b": "y"}), json!({"a": "x"}), json!({})],
    );
    check(
        "a|fieldref|startswith: b.c",
        &[json!({"a": "xyz", "b": {"c": "xy"}})],
        &[json!({"a": "xyz", "b": {"c": "yz"}})],
    );
    check(
        "a|fieldref|endswith: b",
        &[json!({"a": "xyz", "b": "yz"})],
        &[json!({"a": "xyz", "b": "xy"})],
    );
    check(
        "a|fieldref|contains: b",
        &[json!({"a": "xyz", "b": "Y"})],
        &[json!({"a": "xyz", "b": "q"})],
    );
    check(
        "a|fieldref|cased: b",
        &[json!({"a": "x", "b": "x"})],
        &[json!({"a": "x", "b": "X"})],
    );
}

#[test]
fn encodings() {
    check(
        "a|base64: foo",
        &[json!({"a": "Zm9v"})],
        &[json!({"a": "foo"})],
    );
    // foo bar, behind nothing, one byte and two.
    for text in ["Zm9vIGJhcg==", "eGZvbyBiYXJ4", "eHhmb28gYmFyeHg="] {
        assert!(
            item("a|base64offset|contains: foo bar", &json!({"a": text})),
            "{text}"
        );
    }
    check(
        "a|wide|base64: ab",
        &[json!({"a": "YQBiAA=="})],
        &[json!({"a": "YWI="})],
    );
    check("a|utf16le|base64: ab", &[json!({"a": "YQBiAA=="})], &[]);
    check("a|utf16be|base64: ab", &[json!({"a": "AGEAYg=="})], &[]);
    check("a|utf16|base64: ab", &[json!({"a": "//5hAGIA"})], &[]);
    check(
        "a|windash|base64: '-a'",
        &[json!({"a": "LWE="}), json!({"a": "L2E="})],
        &[json!({"a": "K2E="})],
    );
    // All of the values, each in any of its forms.
    check(
        "a|base64offset|contains|all: [foo, bar]",
        &[json!({"a": "Zm9vIGJhcg=="})],
        &[json!({"a": "Zm9v"})],
    );
}

#[test]
fn placeholders() {
    let text = rule(
        "    s:\n        a|expand: '%env%-%color%'\n        b|contains|expand: ['%env%', 'x']\n    condition: s",
    );
    let values = |env: &[&str]| {
        let list = |list: &[&str]| {
            list.iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        BTreeMap::from([
            ("env".to_owned(), list(env)),
            ("color".to_owned(), list(&["red", "blue"])),
        ])
    };
    let rules = good(&text);
    assert_eq!(rules.waiting().len(), 1);
    assert!(
        rules.waiting()[0]
            .to_string()
            .ends_with("a.yml:5: no values are given for the placeholder `%env%`")
    );
    let (rules, problems) = rules.with_values(values(&["dev", "prod*"]));
    assert_eq!(problems, []);
    let hits = |record: Value| rules.matcher().matches(&record).len();
    assert_eq!(hits(json!({"a": "dev-blue", "b": "a dev b"})), 1);
    assert_eq!(hits(json!({"a": "prod1-red", "b": "axb"})), 1);
    assert_eq!(hits(json!({"a": "test-red", "b": "x"})), 0);
    // Without the modifier, and with a backslash, it is a text.
    check("a: '%env%'", &[json!({"a": "%env%"})], &[]);
    check(r"a|expand: '\%env%'", &[json!({"a": "%env%"})], &[]);
    // Rules that are loaded later have them, too.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("b.yaml"), text).unwrap();
    let (empty, _) = Rules::default().with_values(values(&["dev"]));
    let (rules, problems) = empty.and_load(&[folder.path().to_owned()]).unwrap();
    assert_eq!(
        (problems.len(), rules.waiting().len(), rules.len()),
        (0, 0, 1)
    );
}
