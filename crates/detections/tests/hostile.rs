//! Files and records that mean no good: an error, quickly, and never a panic.
#![allow(clippy::unwrap_used)]

mod shared;

use lockfast_detections::{Correlator, Error, Rules};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::{load, rule, told};
use std::fmt::Write;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Much more than anything here takes, without optimisation and on a busy machine; far less than what hangs.
const QUICK: Duration = Duration::from_secs(20);

fn quickly<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    assert!(start.elapsed() < QUICK, "{what} took {:?}", start.elapsed());
    result
}

fn refused(text: impl AsRef<[u8]>, wanted: &str) {
    let said = quickly(wanted, || told(text));
    assert!(said.contains(wanted), "{said}\n{wanted}");
}

#[test]
fn deep_nesting() {
    let deep = |open: &str, close: &str| {
        format!(
            "    s:\n        a: {}x{}\n    condition: s",
            open.repeat(50_000),
            close.repeat(50_000)
        )
    };
    refused(rule(&deep("[", "]")), "a.yml:5: recursion limit exceeded");
    refused(
        rule(&deep("{a: ", "}")),
        "a.yml:5: nested deeper than 32 levels",
    );
    let block: String = (0..1000).fold(String::new(), |mut text, depth| {
        writeln!(text, "{}a:", " ".repeat(depth)).unwrap();
        text
    });
    refused(block, "nested deeper than 32 levels");
    let condition = |text: &str| rule(&format!("    s: {{a: b}}\n    condition: {text}"));
    refused(
        condition(&format!("{}s{}", "(".repeat(4000), ")".repeat(4000))),
        "parentheses deeper than 32 levels",
    );
    refused(
        condition(&"not ".repeat(2000)),
        "nothing where a selection is due",
    );
    refused(
        condition(&"s or ".repeat(10_000)),
        "a condition has at most 10000 characters",
    );
    let (rules, problems) = quickly("many nots", || {
        load(condition(&format!("{}s", "not ".repeat(2000))))
    });
    assert_eq!((rules.len(), problems.len()), (1, 0));
}

#[test]
fn aliases() {
    let mut bomb = String::from("    x0: &a0 [l, l, l, l, l, l, l, l, l, l]\n");
    for level in 1..10 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "    x{level}: &a{level} [{items}]").unwrap();
    }
    refused(rule(&bomb), "expand to more than 50000 values");
    refused(
        rule("    s: &a [*a]\n    condition: s"),
        "a.yml:4: an alias inside the very value it names",
    );
    refused(rule("    s: *nothing\n    condition: s"), "a.yml:4: ");
}

#[test]
fn regular_expressions() {
    let with = |pattern: &str| {
        rule(&format!(
            "    s:\n        a|re: '{pattern}'\n    condition: s"
        ))
    };
    for pattern in ["((a{1000}){1000}){1000}", r"(\w{200}){100}", r"\pL{500}"] {
        refused(with(pattern), "the regular expression: ");
    }
    refused(
        with(&format!("{}a{}", "(".repeat(5000), ")".repeat(5000))),
        "the regular expression: ",
    );
    refused(
        with("(a"),
        "a.yml:5: the regular expression: unclosed group",
    );
    let many: String = (0..400).fold(String::new(), |mut text, at| {
        write!(text, "'a{at}+', ").unwrap();
        text
    });
    refused(
        rule(&format!("    s:\n        a|re: [{many}]\n    condition: s")),
        "at most 300 regular expressions",
    );
    // What makes others go through all ways to divide a text.
    let (rules, problems) = load(with("^(a+)+$"));
    assert_eq!(problems, []);
    let record = json!({"a": "a".repeat(100_000) + "b"});
    assert!(quickly("(a+)+", || rules.matcher().matches(&record)).is_empty());
}

#[test]
fn wildcards() {
    let pattern = "*a".repeat(2000) + "*b";
    let (rules, _) = load(rule(&format!(
        "    s:\n        a: '{pattern}'\n    condition: s"
    )));
    let record = json!({"a": "a".repeat(100_000)});
    assert!(quickly("wildcards", || rules.matcher().matches(&record)).is_empty());
    let many = format!("{}?", "a".repeat(1000));
    refused(
        rule(&format!("    s:\n        a: '*{many}*'\n    condition: s")),
        "more than 500 characters among wildcards",
    );
    let (rules, _) = load(rule(&format!(
        "    s:\n        a: '*{}*'\n    condition: s",
        &many[501..]
    )));
    assert!(quickly("one by one", || rules.matcher().matches(&record)).len() == 1);
}

#[test]
fn correlations_in_a_row_and_in_circles() {
    let one = |at: usize, of: usize| {
        format!(
            "title: n{at}\ncorrelation: {{type: temporal, rules: [n{of}], timespan: 1m}}\n---\n"
        )
    };
    let row: String = (0..5000).map(|at| one(at, at + 1)).collect();
    let (rules, problems) = quickly("a row", || load(row));
    assert_eq!((rules.len(), problems.len()), (0, 5000));
    let circles: String = (0..5000).map(|at| one(at, at)).collect();
    let (rules, problems) = quickly("circles", || load(circles));
    assert_eq!((rules.len(), problems.len()), (0, 5000));
}

#[test]
fn much_of_one() {
    let dashes = "- ".repeat(12);
    refused(
        rule(&format!(
            "    s:\n        a|windash|base64: '{dashes}'\n    condition: s"
        )),
        "too many dashes",
    );
    let values = format!("[{}]", "'- - -',".repeat(2_000));
    refused(
        rule(&format!(
            "    s:\n        a|windash|base64: {values}\n    condition: s"
        )),
        "a file has at most 200000 values",
    );
    let selections: String = (0..600).fold(String::new(), |mut text, at| {
        writeln!(text, "    s{at}: {{a: b}}").unwrap();
        text
    });
    refused(
        rule(&format!("{selections}    condition: 1 of them")),
        "a rule has at most 500 selections",
    );
    let names: String = (0..60_000).fold(String::new(), |mut text, at| {
        writeln!(text, "n{at}: 1").unwrap();
        text
    });
    refused(names, "this is no Sigma rule");
    refused(
        rule(&format!(
            "    s:\n        {}: b\n    condition: s",
            "a.".repeat(30)
        )),
        "a field's name has at most 24 parts",
    );
    refused(vec![b'#'; (1 << 20) + 1], "larger than 1048576 bytes");
    let documents = "---\nx\n".repeat(100_000);
    assert_eq!(quickly("documents", || load(documents)).1.len(), 100_000);
}

#[test]
fn what_is_no_text() {
    refused(b"title: x\nlevel: \xff\n", "a.yml:2: this is no UTF-8");
    let (rules, problems) = load(b"\0\x01");
    assert_eq!((rules.len(), problems.len()), (0, 1));
    assert!(
        load("").1.is_empty()
            && load("---\n---\n").1.is_empty()
            && load("# only this\n").1.is_empty()
    );
}

#[test]
fn wrong_types() {
    for text in [
        "title: [x]\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: b}, condition: s}\n",
        "title: x\nlogsource: 3\ndetection: {s: {a: b}, condition: s}\n",
        "title: x\nlogsource: {product: [aws]}\ndetection: {s: {a: b}, condition: s}\n",
        "title: x\ntags: {a: b}\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: b}, condition: s}\n",
        "title: x\nlogsource: {product: aws, service: cloudtrail}\ndetection: 3\n",
        "title: x\nlogsource: {product: aws, service: cloudtrail}\ndetection: []\n",
        "title: x\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {}, condition: s}\n",
        "title: x\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: b}, condition: {s: s}}\n",
        "title: x\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: b}, condition: []}\n",
        "title: x\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: b}, condition: ''}\n",
        "title: x\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: [[b]]}, condition: s}\n",
        "title: x\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: null, condition: s}\n",
        "title: x\ncorrelation: []\n",
        "title: x\n? [a, b]\n: c\n",
        "title: x\n\tb: c\n",
        "title: 'x\n",
        "title: x\n<<: 3\n",
    ] {
        let said = told(text);
        assert!(said.starts_with("a.yml:"), "{text}{said}");
    }
}

#[test]
fn files_that_are_not_there_or_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.yml");
    assert!(matches!(Rules::load(&[missing]), Err(Error::Io { .. })));
    std::fs::write(folder.path().join("readme.txt"), "not a rule").unwrap();
    std::fs::write(folder.path().join("bad.yml"), "x").unwrap();
    std::fs::create_dir(folder.path().join("in.yml")).unwrap();
    std::fs::write(
        folder.path().join("in.yml/good.YAML"),
        rule("    s: {a: b}\n    condition: s"),
    )
    .unwrap();
    let paths = [
        folder.path().to_owned(),
        folder.path().join("in.yml/good.YAML"),
    ];
    let (rules, problems) = Rules::load(&paths).unwrap();
    assert_eq!((rules.len(), problems.len()), (1, 1));
    // By its name, a file is read whatever its name.
    let (_, problems) = Rules::load(&[folder.path().join("readme.txt")]).unwrap();
    assert_eq!(problems.len(), 1);
    #[cfg(unix)]
    {
        // A link that leads back is not followed for ever, and what is no file is not read.
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
        quickly("links", || {
            Rules::load(&[folder.path().to_owned()]).unwrap()
        });
        let (_, problems) = quickly("devices", || Rules::load(&["/dev/zero".into()]).unwrap());
        assert_eq!(problems[0].what, "this is no file");
    }
}

/// JSON of every kind, with the names that rules ask for.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c*?/ .éΣ-]{0,6}".prop_map(Value::from),
        prop::sample::select(vec![
            "kms.amazonaws.com",
            "Decrypt",
            "PutKeyPolicy",
            "10.0.0.1",
            "2026-03-01T12:00:00Z"
        ])
        .prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "a",
        "b",
        "a.b",
        "A",
        "eventName",
        "eventSource",
        "eventTime",
        "requestParameters",
        "policy",
        "userIdentity",
    ]);
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(name.clone(), inner, 0..5).prop_map(|map| map
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

fn piece() -> impl Strategy<Value = String> {
    let field = "(a|b|a\\.b|a\\.b\\.a|eventName|eventSource|)";
    let modifier = "(\\|(contains|startswith|endswith|all|cased|re|i|m|s|cidr|gt|lte|exists|fieldref|expand|windash|base64|base64offset|wide|utf16|neq|hour|week)){0,3}";
    let value = "('[a-c*?/ .%\\\\()+é-]{0,6}'|[0-9]{1,3}|true|null|\\[x, 'a*', null, 1\\]|Decrypt|10\\.0\\.0\\.0/8|\\[\\]|\\{a: b\\})";
    (field, modifier, value)
        .prop_map(|(field, modifier, value)| format!("'{field}{modifier}': {value}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_rule_and_no_record_panics(
        items in prop::collection::vec(piece(), 1..4),
        condition in "(not )?(s|t|1 of [st]\\*|all of them|\\(s or t\\)|2 of them)( (and|or) (not )?(s|t|1 of them))?",
        records in prop::collection::vec(json_value(), 1..8),
    ) {
        let all = |items: &[String]| items.iter().map(|item| format!("        {item}\n")).collect::<String>();
        let text = rule(&format!("    s:\n{}    t:\n{}    condition: {condition}", all(&items[..1]), all(&items[items.len() - 1..])));
        let (rules, problems) = load(&text);
        prop_assert!(rules.len() + problems.len() == 1, "{text}");
        let needles = rules.needles();
        let matcher = rules.matcher();
        for record in &records {
            let matched = matcher.matches(record);
            if let Some(name) = record.get("eventName").and_then(Value::as_str) {
                // A name in a list is as good, and rules are then asked without the index.
                let mut listed = record.clone();
                listed["eventName"] = json!([name]);
                prop_assert_eq!(matched.len(), matcher.matches(&listed).len(), "{}{}", text, record);
                if matched.is_empty() {
                    continue;
                }
                let source = record.get("eventSource").and_then(Value::as_str).unwrap_or_default();
                if let Some(needles) = &needles {
                    prop_assert!(needles.iter().any(|needle| needle == name.as_bytes() || needle == source.as_bytes()), "{text}{record}");
                }
            }
        }
    }

    #[test]
    fn no_record_panics_the_pack(records in prop::collection::vec(json_value(), 1..20)) {
        static PACK: LazyLock<Rules> = LazyLock::new(Rules::built_in);
        let rules: &Rules = &PACK;
        let matcher = rules.matcher();
        let mut correlator = Correlator::new(rules);
        for record in &records {
            matcher.matches(record);
            rules.iter().for_each(|rule| correlator.add(rule, record));
        }
        correlator.hits();
    }

    #[test]
    fn no_text_panics(text in "(title: x\n)?[a-c:\\-\\[\\]{}&*!|>'\"#%@` \n\t?,0-9é]{0,120}") {
        load(text);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        load(bytes);
    }
}
