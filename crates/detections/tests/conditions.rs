//! Selections, conditions, what rules say of themselves, and what is told of those that are wrong.
#![allow(clippy::unwrap_used)]

mod shared;

use lockfast_detections::{Level, Rules, Status};
use serde_json::{Value, json};
use shared::{check, good, load, matches, rule, told};

#[test]
fn selections() {
    let list_of_maps = "    s:\n        - a: 1\n          b: 2\n        - c: 3\n    condition: s";
    assert!(matches(list_of_maps, &json!({"a": 1, "b": 2})));
    assert!(matches(list_of_maps, &json!({"c": 3})));
    assert!(!matches(list_of_maps, &json!({"a": 1})));
    let keywords = "    keywords:\n        - foo\n        - 'b?r'\n    condition: keywords";
    assert!(matches(keywords, &json!({"x": {"y": ["an FOO it"]}})));
    assert!(matches(keywords, &json!({"x": "bar"})));
    assert!(!matches(keywords, &json!({"foo": "x"})));
    let all = "    keywords:\n        '|all': [foo, bar]\n    condition: keywords";
    assert!(matches(all, &json!({"x": "foo", "y": "bar"})));
    assert!(!matches(all, &json!({"x": "foo"})));
    let regex = "    keywords:\n        '|re': '^f.o$'\n    condition: keywords";
    assert!(matches(regex, &json!({"x": ["foo"]})) && !matches(regex, &json!({"x": "food"})));
    let one = "    keywords: foo\n    condition: keywords";
    assert!(matches(one, &json!({"x": "foo"})));
}

#[test]
fn conditions() {
    let held = |condition: &str, record: Value| {
        let selections =
            "    sel_a: {a: 1}\n    sel_b: {b: 1}\n    other: {c: 1}\n    _hidden: {d: 1}\n";
        matches(&format!("{selections}    condition: {condition}"), &record)
    };
    let (a, b, c, d) = (
        json!({"a": 1}),
        json!({"b": 1}),
        json!({"c": 1}),
        json!({"d": 1}),
    );
    let (ab, ac, abc) = (
        json!({"a": 1, "b": 1}),
        json!({"a": 1, "c": 1}),
        json!({"a": 1, "b": 1, "c": 1}),
    );
    for (condition, yes, no) in [
        ("sel_a and sel_b", vec![&ab], vec![&a, &b]),
        ("sel_a or sel_b", vec![&a, &b], vec![&c]),
        ("not sel_a", vec![&b], vec![&a]),
        ("not not sel_a", vec![&a], vec![&b]),
        ("sel_a or sel_b and other", vec![&a], vec![&b, &c]),
        ("(sel_a or sel_b) and other", vec![&ac], vec![&a, &ab]),
        ("(sel_a)and(not(other))", vec![&a], vec![&ac]),
        ("sel_a AND NOT other", vec![&a], vec![&ac]),
        ("1 of sel*", vec![&a, &b], vec![&c]),
        ("1 of sel_*", vec![&a], vec![&c]),
        ("any of sel_*", vec![&a], vec![&c]),
        ("all of sel_*", vec![&ab], vec![&a]),
        ("1 of *_b", vec![&b], vec![&a]),
        ("1 of them", vec![&a, &c], vec![&d]),
        ("all of them", vec![&abc], vec![&ab]),
        ("2 of them", vec![&ab, &ac], vec![&a, &d]),
        ("1 of _*", vec![&d], vec![&a]),
        ("_hidden", vec![&d], vec![&a]),
        ("not 1 of sel_*", vec![&c], vec![&a]),
        (
            "other or not (1 of sel_* and all of sel_*)",
            vec![&a, &abc],
            vec![&ab],
        ),
        ("[sel_a, other]", vec![&a, &c], vec![&b]),
    ] {
        yes.iter()
            .for_each(|record| assert!(held(condition, (*record).clone()), "{condition} {record}"));
        no.iter().for_each(|record| {
            assert!(!held(condition, (*record).clone()), "{condition} {record}")
        });
    }
}

#[test]
fn what_rules_say_of_themselves() {
    let text = "---\ntitle: One\nid: 5bd15d37-1621-43bf-8dfe-f046942bd280\nname: one\nstatus: experimental\nlevel: critical\ndescription: |\n  text\nauthor: me\ntags: [attack.t1485, attack.t9999, cve.2026-1]\nreferences: [a]\nfalsepositives: [b]\nfields: [c]\nmine: {x: y}\nlogsource: {product: AWS, service: CloudTrail, definition: d}\ndetection: {s: {a: 1}, condition: s}\n---\ntitle: Two\nlogsource: {product: windows}\ndetection: nonsense\n---\n";
    let rules = good(text);
    assert_eq!((rules.len(), rules.not_applicable()), (1, 1));
    let one = rules.iter().next().unwrap();
    assert_eq!(one.id, "5bd15d37-1621-43bf-8dfe-f046942bd280");
    assert_eq!(
        (one.title.as_str(), one.name.as_deref()),
        ("One", Some("one"))
    );
    assert_eq!(
        (one.level, one.status),
        (Level::Critical, Some(Status::Experimental))
    );
    assert_eq!(
        (one.description.as_deref(), one.author.as_deref()),
        (Some("text"), Some("me"))
    );
    assert_eq!(
        one.techniques.iter().map(|it| it.name).collect::<Vec<_>>(),
        ["Data Destruction"]
    );
    assert_eq!(
        (
            one.references.len(),
            one.falsepositives.len(),
            one.fields.len()
        ),
        (1, 1, 1)
    );
    assert_eq!((one.line, one.tags.len(), one.alone), (2, 3, true));
    assert!(Level::Informational < Level::Low && Level::High < Level::Critical);
}

#[test]
fn filters() {
    let filter = |rules: &str, of: &str| {
        format!(
            "---\ntitle: ours\nlogsource: {{product: aws, service: cloudtrail}}\nfilter:\n    rules: {rules}\n    deploys: {{who: {of}}}\n    condition: not deploys\n"
        )
    };
    let base = rule("    s: {a: 1}\n    condition: s");
    let hits =
        |rules: &Rules, who: &str| rules.matcher().matches(&json!({"a": 1, "who": who})).len();
    for named in ["any", "[a test]", "a test"] {
        let rules = good(&format!("{base}{}", filter(named, "ci")));
        assert_eq!(
            (rules.len(), hits(&rules, "ci"), hits(&rules, "me")),
            (1, 0, 1),
            "{named}"
        );
    }
    let both = good(&format!(
        "{base}{}{}",
        filter("any", "ci"),
        filter("any", "me")
    ));
    assert_eq!(
        (hits(&both, "ci"), hits(&both, "me"), hits(&both, "you")),
        (0, 0, 1)
    );
    // Our own are narrowed, too, and a second time nothing is told again.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("filter.yml");
    let id = Rules::built_in()
        .iter()
        .find(|rule| rule.title == "A key is disabled")
        .unwrap()
        .id
        .clone();
    std::fs::write(&path, filter(&format!("[{id}, gone]"), "ci")).unwrap();
    let (rules, problems) = Rules::built_in().and_load(&[path]).unwrap();
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0]
            .to_string()
            .ends_with("filter.yml:5: no rule of events has the id or the name `gone`")
    );
    let (rules, problems) = rules.with_values([("allowed_regions".to_owned(), Vec::new())].into());
    assert_eq!(problems, []);
    let record = |who: &str| json!({"eventSource": "kms.amazonaws.com", "eventName": "DisableKey", "who": who});
    assert_eq!(rules.matcher().matches(&record("ci")).len(), 0);
    assert_eq!(rules.matcher().matches(&record("me")).len(), 1);
    let count = "title: many\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s | count() > 1, timeframe: 1m}\n";
    let rules = good(&format!("{count}{}", filter("many", "ci")));
    assert_eq!((hits(&rules, "ci"), hits(&rules, "me")), (0, 1));
    let (rules, _) = load(format!(
        "{base}{}",
        filter("any", "'%who%'").replace("who:", "who|expand:")
    ));
    assert_eq!(hits(&rules, "ci"), 1);
    assert_eq!(
        told(filter("[]", "x").replace("    rules: []\n", "")),
        "a.yml:5: a filter needs `rules`, or `any`"
    );
}

#[test]
fn which_logs() {
    for (source, ours) in [
        ("{product: aws, service: cloudtrail}", true),
        ("{service: cloudtrail}", true),
        ("{product: aws}", false),
        ("{product: aws, service: s3}", false),
        ("{product: windows, service: cloudtrail}", false),
        ("{category: process_creation}", false),
    ] {
        let text =
            format!("title: x\nlogsource: {source}\ndetection: {{s: {{a: b}}, condition: s}}\n");
        let rules = good(&text);
        let counts = (rules.len(), rules.not_applicable());
        assert_eq!(counts, if ours { (1, 0) } else { (0, 1) }, "{source}");
    }
}

#[test]
fn anchors_and_merges_are_yaml() {
    let text =
        "    base: &base {a: 1, b: 2}\n    s:\n        <<: *base\n        b: 3\n    condition: s";
    assert!(matches(text, &json!({"a": 1, "b": 3})));
    assert!(!matches(text, &json!({"a": 1, "b": 2})));
}

#[test]
fn what_is_not_supported_is_told() {
    let with = |item: &str| told(rule(&format!("    s:\n        {item}\n    condition: s")));
    for (item, wanted) in [
        ("a|bogus: x", "a.yml:5: `|bogus` is no modifier of Sigma's"),
        (
            "a|not: x",
            "a.yml:5: `|not` is no modifier: write `|neq`, or `not` in the condition",
        ),
        (
            "a|re: '(?=x)y'",
            "a.yml:5: the regular expression: look-around, including look-ahead and look-behind, is not supported",
        ),
        (
            "a|cidr: 10.0.0.0/99",
            "a.yml:5: `10.0.0.0/99` is no network",
        ),
        ("a|gte: x", "a.yml:5: `|gte` needs a number"),
        ("a|exists: maybe", "a.yml:5: `|exists` needs true or false"),
        ("a|i: x", "a.yml:5: `|i` stands behind `|re` only"),
        (
            "a|base64: 'x*'",
            "a.yml:5: what is encoded must be a text without wildcards",
        ),
        ("a|contains: null", "a.yml:5: `|contains` needs a text"),
        (
            "a: {b: c}",
            "a.yml:5: a value of `a` must be a text, a number, a boolean or null",
        ),
        ("a: []", "a.yml:5: nothing stands here that could match"),
        (
            "a|contains|re: x",
            "a.yml:5: `|re` does not fit the value or the modifiers before it",
        ),
    ] {
        assert_eq!(with(item), wanted);
    }
    for (condition, wanted) in [
        (
            "nope",
            "the condition has `nope`, which is no selection; there are s",
        ),
        (
            "1 of x*",
            "the condition has `1 of x*`, of which there is none; there are s",
        ),
        (
            "2 of s*",
            "the condition has `2 of s*`: it may be 1, any, all or a number up to 1",
        ),
        (
            "s and",
            "the condition has nothing where a selection is due",
        ),
        ("(s", "the condition has a parenthesis that is not closed"),
        (
            "s s",
            "the condition has `s` where `and`, `or` or the end is due",
        ),
        (
            "s | near x",
            "`|` in a condition: what is counted or near is written as a correlation since Sigma 2",
        ),
    ] {
        let text = rule(&format!("    s: {{a: b}}\n    condition: '{condition}'"));
        assert_eq!(told(text), format!("a.yml:5: {wanted}"));
    }
    for (text, wanted) in [
        (
            "title: x\naction: global\n",
            "a.yml:2: collections with `action` are no more part of Sigma: repeat what is common",
        ),
        ("- x\n", "a.yml:1: a rule must be a map"),
        (
            "title: x\n",
            "a.yml:1: neither `detection` nor `correlation`: this is no Sigma rule",
        ),
        (
            "title: x\ndetection: {s: {a: b}, condition: s}\n",
            "a.yml:1: a rule needs a `logsource`",
        ),
        (
            "title: x\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: b}}\n",
            "a.yml:3: a rule needs a `condition`",
        ),
        (
            "logsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: b}, condition: s}\n",
            "a.yml:1: a rule needs a `title`",
        ),
        (
            "title: x\nlevel: huge\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: b}, condition: s}\n",
            "a.yml:2: `huge` is no level: informational, low, medium, high or critical",
        ),
        (
            "title: x\ntitle: y\n",
            "a.yml:2: `title` stands twice; first in line 1",
        ),
    ] {
        assert_eq!(told(text), wanted);
    }
}

#[test]
fn needles_are_what_aws_writes() {
    let needles = |item: &str| {
        let text = rule(&format!(
            "    s:\n        {item}\n    f:\n        x: y\n    condition: s and not f"
        ));
        let needles = good(&text).needles()?;
        Some(
            needles
                .into_iter()
                .map(|needle| String::from_utf8(needle).unwrap())
                .collect::<Vec<_>>(),
        )
    };
    let some = |texts: &[&str]| {
        Some(
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        needles("eventName: ScheduleKeyDeletion"),
        some(&["ScheduleKeyDeletion"])
    );
    assert_eq!(
        needles("eventName: schedulekeydeletion"),
        some(&["ScheduleKeyDeletion"])
    );
    assert_eq!(
        needles("eventSource: KMS.amazonaws.com"),
        some(&["kms.amazonaws.com"])
    );
    assert_eq!(
        needles("eventName: [Decrypt, Encrypt]"),
        some(&["Decrypt", "Encrypt"])
    );
    // Another field, a name that we do not know, a wildcard, no value, whatever is not it.
    for item in [
        "eventname: Decrypt",
        "eventName: Frobnicate",
        "eventName: 'Dec*'",
        "eventName: [Decrypt, null]",
        "eventName|neq: Decrypt",
        "a: b",
        "eventSource: aws",
    ] {
        assert_eq!(needles(item), None, "{item}");
    }
    assert_eq!(Rules::default().needles(), Some(Vec::new()));
    // They match all the same.
    check(
        "eventname: schedulekeydeletion",
        &[json!({"eventName": "ScheduleKeyDeletion", "eventSource": "kms.amazonaws.com"})],
        &[],
    );
    check(
        "eventName: 'schedule*'",
        &[json!({"eventName": "ScheduleKeyDeletion", "eventSource": "kms.amazonaws.com"})],
        &[],
    );
    check(
        "eventName: decrypt",
        &[
            json!({"eventName": ["x", "Decrypt"]}),
            json!({"EventName": "Decrypt"}),
        ],
        &[],
    );
    // A service's needle finds its events, too.
    let text = format!(
        "{}---\n{}",
        rule("    s: {eventSource: kms.amazonaws.com, eventName: Decrypt}\n    condition: s"),
        rule("    s: {eventSource: kms.amazonaws.com}\n    condition: s").replace("a test", "b")
    );
    assert_eq!(
        good(&text).needles(),
        Some(vec![b"kms.amazonaws.com".to_vec()])
    );
}

#[test]
fn twins_are_told() {
    let text = format!(
        "{}---\n{}",
        rule("    s: {a: 1}\n    condition: s"),
        rule("    s: {a: 2}\n    condition: s")
    );
    let (rules, problems) = load(&text);
    assert_eq!(rules.len(), 1);
    let said = problems[0].to_string();
    assert!(
        said.contains("a.yml:7: a second rule `a test`; the first is in ")
            && said.ends_with("a.yml:1"),
        "{said}"
    );
}
