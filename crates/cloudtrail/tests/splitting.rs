//! Where records begin and end, in every form that a document has.
#![allow(clippy::unwrap_used)]

mod shared;

use lockfast_cloudtrail::split::{Error, records};
use proptest::prelude::*;
use serde_json::{Value, value::RawValue};
use shared::{NAMES, document, record};
use std::collections::HashMap;

/// The records, and the error if there is one.
fn split(text: &[u8]) -> (Vec<&str>, Vec<Error>) {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for range in records(text) {
        match range {
            Ok(range) => found.push(std::str::from_utf8(&text[range]).unwrap()),
            Err(error) => errors.push(error),
        }
    }
    (found, errors)
}

fn whole(text: &str) -> Vec<&str> {
    let (found, errors) = split(text.as_bytes());
    assert_eq!(errors, [], "{text}");
    found
}

const A: &str = r#"{"eventName":"Decrypt","n":1}"#;
const B: &str = r#"{"n":[{"eventVersion":"1"}],"eventName":"Encrypt"}"#;

#[test]
fn as_cloudtrail_writes_it() {
    let all: Vec<String> = NAMES.iter().map(|name| record(name)).collect();
    assert_eq!(whole(&document(&all)), all);
}

#[test]
fn in_every_other_form() {
    for text in [
        format!(r#"{{"Records":[{A},{B}]}}"#),
        format!("\u{feff}{{\"Records\":[{A},{B}]}}"),
        format!(" {{ \"Records\" :\r\n[ {A}\t,\n{B} ] }}\n"),
        format!(
            r#"{{"owner":{{"Records":[1]}},"x":[{{}}],"n":-1.5e3,"t":true,"Records":[{A},{B}],"end":"}}"}}"#
        ),
        format!(r#"{{"Records":[{A}],"Records":[{B}]}}"#),
        format!("[{A},{B}]"),
        format!("{A}\n{B}\n"),
        format!("{A}\r\n\r\n{B}"),
        format!("{A}{B}"),
        format!(r#"{{"Records":[{A}]}}{{"Records":[{B}]}}"#),
        format!(r#"{{"Records":[]}}{{"Records":[{A}]}}{B}"#),
    ] {
        assert_eq!(whole(&text), [A, B], "{text}");
    }
    assert_eq!(whole(A), [A]);
    for none in ["", " \n", "\u{feff}", r#"{"Records":[]}"#, "[ ]"] {
        assert_eq!(whole(none), [""; 0]);
    }
}

#[test]
fn strings_that_imitate_the_end_of_a_record() {
    for inner in [
        r#"},{\"eventVersion\":\"1.09\""#,
        r#"\\"#,
        r#"\\\""#,
        r#"\\\\\"]}"#,
        "]}{[",
        r#"\u0022},{"#,
        "ä€😀}",
    ] {
        let first = format!(r#"{{"eventVersion":"1.09","requestParameters":{{"x":"{inner}"}}}}"#);
        // At every place of a block.
        for pad in 0..70 {
            let text = format!(r#"{{"Records":[{}{first},{B}]}}"#, " ".repeat(pad));
            assert_eq!(whole(&text), [first.as_str(), B]);
        }
    }
}

#[test]
fn cut_off_anywhere_all_whole_records_and_one_error() {
    let text = format!(r#"{{"x":1,"Records":[{A}, {B} ],"y":[2]}}"#);
    let (a, b) = (text.find(A).unwrap(), text.find(B).unwrap());
    for cut in 1..text.len() {
        let (found, errors) = split(&text.as_bytes()[..cut]);
        let expected = [A, B];
        let count = usize::from(cut >= a + A.len()) + usize::from(cut >= b + B.len());
        assert_eq!(found, expected[..count], "{cut}");
        let [Error::Truncated { offset }] = errors[..] else {
            panic!("{cut}: {errors:?}");
        };
        assert!(offset <= cut);
        if cut > a && cut < a + A.len() {
            assert_eq!(offset, a);
        }
        if cut > b && cut < b + B.len() {
            assert_eq!(offset, b);
        }
    }
    let lines = format!("{A}\n{B}");
    let (found, errors) = split(&lines.as_bytes()[..lines.len() - 3]);
    assert_eq!(found, [A]);
    assert_eq!(
        errors,
        [Error::Truncated {
            offset: A.len() + 1
        }]
    );
}

#[test]
fn what_is_no_log_is_said_to_be_none() {
    let none = |offset| Error::NoRecords { offset };
    assert_eq!(split(b"{}").1, [none(0)]);
    assert_eq!(split(br#"{"Records":null}"#).1, [none(0)]);
    let mixed = format!("{{}}\n{A}\n{{\"awsAccountId\":\"1\"}}");
    assert_eq!(
        split(mixed.as_bytes()),
        (vec![A], vec![none(0), none(A.len() + 4)])
    );
    for (text, offset) in [
        ("<html>", 0),
        ("null", 0),
        (r#"{"Records":[{} {}]}"#, 15),
        (r#"{"Records":[{},]}"#, 15),
        (r#"{"Records":[,{}]}"#, 12),
        (r#"{"Records":[{}]]"#, 15),
        (r#"{"Records" [{}]}"#, 11),
        (r#"{Records:[{}]}"#, 1),
        (r#"{"Records":[{}]}x"#, 16),
        (r#"{"a":1,}"#, 7),
    ] {
        let (_, errors) = split(text.as_bytes());
        let [Error::Unexpected { offset: at, .. }] = errors[..] else {
            panic!("{text}: {errors:?}");
        };
        assert_eq!(at, offset, "{text}");
    }
}

#[test]
fn depth_is_no_matter() {
    let deep = format!(
        r#"{{"eventName":"x","requestParameters":{}1{}}}"#,
        "[{\"a\":".repeat(100_000),
        "}]".repeat(100_000)
    );
    let text = format!(r#"{{"Records":[{deep},{A}]}}"#);
    assert_eq!(whole(&text), [deep.as_str(), A]);
    let open = format!(r#"{{"Records":[{}"#, "[".repeat(100_000));
    assert_eq!(split(open.as_bytes()).1, [Error::Truncated { offset: 12 }]);
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        r#"[\\"{}\[\],: a]{0,12}"#,
        any::<String>(),
        Just("},{\"eventVersion\":".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Writes a value with white space wherever it may be.
fn written(value: &Value, spaces: &mut dyn Iterator<Item = &'static str>, out: &mut String) {
    let Value::Array(elements) = value else {
        return out.push_str(&value.to_string());
    };
    out.push('[');
    for (at, element) in elements.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(spaces.next().unwrap());
        written(element, spaces, out);
        out.push_str(spaces.next().unwrap());
    }
    out.push(']');
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_as_serde_json(
        values in prop::collection::vec(any_json(), 0..8),
        before in any_json(),
        after in any_json(),
        spaces in prop::collection::vec(prop::sample::select(vec!["", "", " ", "\n", "\t", "\r\n", "   "]), 1..20),
        form in 0..3,
    ) {
        let mut spaces = spaces.iter().copied().cycle();
        let mut text = String::new();
        let list = Value::from(values.clone());
        match form {
            0 => {
                text.push_str("{\"Records\":");
                written(&list, &mut spaces, &mut text);
                text.push('}');
            }
            1 => {
                text.push_str("{\"before\":");
                written(&before, &mut spaces, &mut text);
                text.push_str(" , \"Records\" : ");
                written(&list, &mut spaces, &mut text);
                text.push_str(", \"after\":");
                written(&after, &mut spaces, &mut text);
                text.push('}');
            }
            _ => written(&list, &mut spaces, &mut text),
        }
        // To the byte, what `serde_json` takes for the elements.
        let elements: Vec<&RawValue> = if form < 2 {
            let keys: HashMap<String, &RawValue> = serde_json::from_str(&text).unwrap();
            serde_json::from_str(keys["Records"].get()).unwrap()
        } else {
            serde_json::from_str(&text).unwrap()
        };
        prop_assert_eq!(elements.len(), values.len());
        let (found, errors) = split(text.as_bytes());
        prop_assert_eq!(errors, vec![]);
        prop_assert_eq!(found, elements.into_iter().map(RawValue::get).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_end_and_stay_within(bytes in prop::collection::vec(prop::sample::select(b"{}[]\",:\\ Records1\xff".to_vec()), 0..200)) {
        let mut last = 0;
        for range in records(&bytes).flatten() {
            prop_assert!(range.start >= last && range.end > range.start && range.end <= bytes.len());
            last = range.end;
        }
    }
}
