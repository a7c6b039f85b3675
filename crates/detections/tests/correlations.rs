//! Correlations, of records in any order.
#![allow(clippy::unwrap_used)]

mod shared;

use lockfast_detections::{Correlator, Rules};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::{good, told};

const BASES: &str = "
title: A
name: a
logsource: {product: aws, service: cloudtrail}
detection: {s: {kind: a}, condition: s}
---
title: B
name: b
logsource: {product: aws, service: cloudtrail}
detection: {s: {kind: b}, condition: s}
---
title: C
id: 11111111-2222-4333-8444-555555555555
logsource: {product: aws, service: cloudtrail}
detection: {s: {kind: c}, condition: s}
---
title: of another log
name: other
logsource: {product: windows}
detection: {s: {kind: c}, condition: s}
---
";

fn with(correlation: &str) -> String {
    format!("{BASES}title: correlated\nname: x\ncorrelation: {correlation}\n")
}

/// `kind second`, with an identifier of its own.
fn record(kind: &str, second: i64, more: Value) -> Value {
    let time = jiff::Timestamp::from_second(1_772_000_000 + second).unwrap();
    let mut record =
        json!({"kind": kind, "eventTime": time.to_string(), "eventID": format!("{kind}{second}")});
    record
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    record
}

/// For each of what is found: second when it was enough, how many events, and their identifiers.
fn found(rules: &Rules, records: &[Value]) -> Vec<(i64, usize, String)> {
    let matcher = rules.matcher();
    let mut correlator = Correlator::new(rules);
    for record in records {
        for rule in matcher.matches(record) {
            correlator.add(rule, record);
        }
    }
    let hits = correlator.hits();
    let hits = hits
        .into_iter()
        .filter(|hit| hit.rule.title == "correlated");
    let hits = hits.map(|hit| {
        let second = hit.time.as_second() - 1_772_000_000;
        (second, hit.events, hit.event_ids.join(" "))
    });
    hits.collect()
}

fn plain(list: &[(&str, i64)]) -> Vec<Value> {
    list.iter()
        .map(|(kind, second)| record(kind, *second, json!({"who": "w"})))
        .collect()
}

#[test]
fn events_are_counted() {
    let rules = good(&with(
        "{type: event_count, rules: a, group-by: who, timespan: 10s, condition: {gte: 3}}",
    ));
    let one = found(
        &rules,
        &plain(&[("a", 20), ("a", 0), ("a", 10), ("b", 5), ("a", 9)]),
    );
    assert_eq!(one, [(10, 3, "a0 a9 a10".to_owned())]);
    assert_eq!(found(&rules, &plain(&[("a", 0), ("a", 11), ("a", 20)])), []);
    // Two bursts are two; one that goes on is one.
    let bursts = found(
        &rules,
        &plain(&[
            ("a", 1),
            ("a", 2),
            ("a", 3),
            ("a", 4),
            ("a", 101),
            ("a", 102),
            ("a", 103),
        ]),
    );
    assert_eq!(
        bursts,
        [
            (3, 4, "a1 a2 a3 a4".to_owned()),
            (103, 3, "a101 a102 a103".to_owned())
        ]
    );
    // A copy of a record is the same event.
    assert_eq!(found(&rules, &plain(&[("a", 1), ("a", 1), ("a", 2)])), []);
    // Groups are apart, and who has no value is in none.
    let mut records = plain(&[("a", 1), ("a", 2)]);
    records.push(record("a", 3, json!({"who": "v"})));
    records.push(record("a", 4, json!({})));
    assert_eq!(found(&rules, &records), []);
    let rules = good(&with(
        "{type: event_count, rules: [a, b], timespan: 1m, condition: {gt: 1, lte: 2}}",
    ));
    assert_eq!(
        found(&rules, &plain(&[("a", 1), ("b", 2)])),
        [(2, 2, "a1 b2".to_owned())]
    );
}

#[test]
fn values_are_counted() {
    let rules = good(&with(
        "{type: value_count, rules: [a], group-by: [who], timespan: 10s, condition: {field: what.id, gte: 2}}",
    ));
    let record = |second, id: &str| record("a", second, json!({"who": "w", "what": {"id": id}}));
    assert_eq!(
        found(&rules, &[record(1, "x"), record(2, "x"), record(3, "x")]),
        []
    );
    assert_eq!(
        found(&rules, &[record(3, "y"), record(1, "x"), record(2, "x")]),
        [(3, 3, "a1 a2 a3".to_owned())]
    );
    assert_eq!(found(&rules, &[record(1, "x"), record(12, "y")]), []);
}

#[test]
fn temporal() {
    let rules = good(&with(
        "{type: temporal, rules: [a, b, 11111111-2222-4333-8444-555555555555], group-by: [who], timespan: 10s}",
    ));
    assert_eq!(
        found(&rules, &plain(&[("c", 1), ("a", 9), ("b", 5)])),
        [(9, 3, "c1 b5 a9".to_owned())]
    );
    assert_eq!(found(&rules, &plain(&[("c", 1), ("a", 12), ("b", 5)])), []);
    assert_eq!(found(&rules, &plain(&[("c", 1), ("b", 5), ("b", 6)])), []);
    let rules = good(&with(
        "{type: temporal, rules: [a, b, 11111111-2222-4333-8444-555555555555], timespan: 10s, condition: {gte: 2}}",
    ));
    assert_eq!(
        found(&rules, &plain(&[("c", 1), ("b", 5)])),
        [(5, 2, "c1 b5".to_owned())]
    );
}

#[test]
fn temporal_ordered() {
    let rules = good(&with(
        "{type: temporal_ordered, rules: [a, b], group-by: [who], timespan: 10s}",
    ));
    assert_eq!(
        found(&rules, &plain(&[("b", 5), ("a", 1)])),
        [(5, 2, "a1 b5".to_owned())]
    );
    assert_eq!(found(&rules, &plain(&[("b", 1), ("a", 5)])), []);
    assert_eq!(found(&rules, &plain(&[("a", 1), ("b", 12)])), []);
    // The latest beginning counts, and what was before it is none of it.
    assert_eq!(
        found(&rules, &plain(&[("a", 1), ("b", 12), ("a", 8)])),
        [(12, 2, "a8 b12".to_owned())]
    );
    // In one second, either may have been first.
    assert_eq!(
        found(&rules, &plain(&[("b", 5), ("a", 5)])),
        [(5, 2, "a5 b5".to_owned())]
    );
    let rules = good(&with(
        "{type: temporal_ordered, rules: [a, b, a], timespan: 10s}",
    ));
    assert_eq!(found(&rules, &plain(&[("a", 1), ("b", 2)])), []);
    assert_eq!(
        found(&rules, &plain(&[("a", 1), ("b", 2), ("a", 3)])),
        [(3, 3, "a1 b2 a3".to_owned())]
    );
}

#[test]
fn aliases() {
    let rules = good(&with(
        "{type: temporal, rules: [a, b], group-by: [key], timespan: 10s, aliases: {key: {a: made.key, b: used}}}",
    ));
    let made = record("a", 1, json!({"made": {"key": "k"}}));
    let used = record("b", 2, json!({"used": "k"}));
    assert_eq!(
        found(&rules, &[used, made.clone()]),
        [(2, 2, "a1 b2".to_owned())]
    );
    assert_eq!(
        found(&rules, &[record("b", 2, json!({"used": "l"})), made]),
        []
    );
}

#[test]
fn correlations_of_correlations() {
    let text = with("{type: temporal_ordered, rules: [many, b], group-by: [who], timespan: 1m}")
        + "---\ntitle: many of a\nname: many\ncorrelation: {type: event_count, rules: [a], group-by: [who, where], timespan: 10s, condition: {gte: 2}, generate: true}\n";
    let rules = good(&text);
    let at = |kind: &str, second| record(kind, second, json!({"who": "w", "where": "here"}));
    assert_eq!(
        found(&rules, &[at("b", 20), at("a", 2), at("a", 1)]),
        [(20, 3, "a1 a2 b20".to_owned())]
    );
    assert_eq!(found(&rules, &[at("b", 20), at("a", 2)]), []);
    let alone = rules
        .iter()
        .filter(|rule| rule.alone)
        .map(|rule| rule.title.as_str());
    assert_eq!(alone.collect::<Vec<_>>(), ["A", "C", "correlated"]);
}

#[test]
fn counts_of_sigma_1() {
    let text = |condition: &str, frame: &str| {
        format!(
            "title: correlated\nlevel: high\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n    s: {{kind: a}}\n    f: {{who: root}}\n    condition: {condition}\n{frame}"
        )
    };
    let rules = good(&text(
        "s and not f | count() by who > 1",
        "    timeframe: 10s\n",
    ));
    let alone: Vec<(&str, bool)> = rules
        .iter()
        .map(|rule| (rule.id.as_str(), rule.alone))
        .collect();
    assert_eq!(alone, [("correlated", true), ("correlated/events", false)]);
    assert_eq!(
        found(&rules, &plain(&[("a", 9), ("a", 2), ("b", 3)])),
        [(9, 2, "a2 a9".to_owned())]
    );
    assert_eq!(found(&rules, &plain(&[("a", 2), ("a", 13)])), []);
    let rules = good(&text(
        "s | count(what) by who, where >= 2",
        "timeframe: 10s\n",
    ));
    let at =
        |second, what: &str| record("a", second, json!({"who": "w", "where": "h", "what": what}));
    assert_eq!(
        found(&rules, &[at(1, "x"), at(2, "x"), at(3, "y")]).len(),
        1
    );
    assert_eq!(found(&rules, &[at(1, "x"), at(2, "x")]), []);
    for (condition, frame, wanted) in [
        (
            "s | count() > 1",
            "",
            "a count needs a `timeframe`, as `10m`",
        ),
        (
            "[s | count() > 1, f]",
            "    timeframe: 1m\n",
            "a condition with a count must be the only one",
        ),
        (
            "s | count() > x",
            "    timeframe: 1m\n",
            "`|` in a condition: what is counted or near is written as a correlation since Sigma 2",
        ),
        (
            "nope | count() > 1",
            "    timeframe: 1m\n",
            "the condition has `nope`, which is no selection; there are s, f",
        ),
    ] {
        assert_eq!(told(text(condition, frame)), format!("a.yml:7: {wanted}"));
    }
}

#[test]
fn threads_are_put_together() {
    let rules = good(&with(
        "{type: event_count, rules: a, group-by: who, timespan: 10s, condition: {gte: 2}}",
    ));
    let matcher = rules.matcher();
    let mut all = Correlator::new(&rules);
    for record in plain(&[("a", 1), ("a", 2)]) {
        let mut one = Correlator::new(&rules);
        matcher
            .matches(&record)
            .iter()
            .for_each(|rule| one.add(rule, &record));
        all.merge(one);
    }
    let record = json!({"kind": "a", "who": "w", "eventTime": "yesterday"});
    matcher
        .matches(&record)
        .iter()
        .for_each(|rule| all.add(rule, &record));
    assert_eq!(all.dropped(), 1);
    let hits = all.hits();
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].group, [("who".to_owned(), "w".to_owned())]);
}

#[test]
fn what_is_wrong_is_told() {
    for (correlation, wanted) in [
        (
            "{type: event_count, rules: [nope], timespan: 1m, condition: {gte: 1}}",
            "no rule has the id or the name `nope`",
        ),
        (
            "{type: temporal, rules: [x, a], timespan: 1m}",
            "a correlation that refers to itself, by way of others or not",
        ),
        (
            "{type: temporal, rules: [a]}",
            "a correlation needs `timespan`",
        ),
        (
            "{type: temporal, timespan: 1m}",
            "a correlation needs `rules`",
        ),
        (
            "{type: temporal, rules: [], timespan: 1m}",
            "a correlation has 1 to 200 rules",
        ),
        (
            "{type: temporal, rules: [a], timespan: 1q}",
            "a timespan is a number and s, m, h, d, w, M or y, as `10m`, up to ten years",
        ),
        (
            "{type: temporal, rules: [a], timespan: 99999999y}",
            "a timespan is a number and s, m, h, d, w, M or y, as `10m`, up to ten years",
        ),
        (
            "{type: event_count, rules: [a], timespan: 1m}",
            "a correlation that counts needs `condition`",
        ),
        (
            "{type: event_count, rules: [a], timespan: 1m, condition: {gte: x}}",
            "`gte` must be a number",
        ),
        (
            "{type: event_count, rules: [a], timespan: 1m, condition: {ge: 1}}",
            "`ge` is no condition",
        ),
        (
            "{type: event_count, rules: [a], timespan: 1m, condition: {field: b, gte: 1}}",
            "the condition needs a number, as `gte: 10`, and no `field`",
        ),
        (
            "{type: value_count, rules: [a], timespan: 1m, condition: {gte: 1}}",
            "a count of values needs a number, as `gte: 10`, and the `field` that is counted",
        ),
        (
            "{type: value_sum, rules: [a], timespan: 1m}",
            "`value_sum` is no type of correlation that is supported: event_count, value_count, temporal, temporal_ordered",
        ),
        (
            "{type: temporal, rules: [a], timespan: 1m, generate: 3}",
            "`generate` must be true or false",
        ),
        (
            "{type: temporal, rules: [a, b], timespan: 1m, condition: a and b}",
            "the condition of a correlation must be a map, as `gte: 10`",
        ),
        (
            "{type: temporal, rules: [a], timespan: 1m, aliases: 3}",
            "`aliases` must be a map",
        ),
        ("3", "a correlation needs `type`"),
    ] {
        let said = told(with(correlation));
        assert!(
            said.starts_with("a.yml:") && said.ends_with(&format!(": {wanted}")),
            "{said}\n{wanted}"
        );
    }
    // A circle of two, and a third that refers to it.
    let one = |name: &str, of: &str| {
        format!(
            "title: {name}\nname: {name}\ncorrelation: {{type: temporal, rules: [{of}], timespan: 1m}}\n---\n"
        )
    };
    let (rules, problems) = shared::load(one("p", "q") + &one("q", "p") + &one("r", "p") + BASES);
    assert_eq!((rules.len(), problems.len()), (3, 3), "{problems:?}");
    // Of rules about other logs, there is nothing to do here.
    let (rules, problems) = shared::load(with("{type: temporal, rules: [other, a], timespan: 1m}"));
    assert_eq!(
        (rules.len(), rules.not_applicable(), problems.len()),
        (3, 2, 0)
    );
}

proptest! {
    #[test]
    fn the_order_does_not_matter(seed in proptest::collection::vec((0usize..3, 0i64..40), 0..40).prop_shuffle(), asked in 0usize..4) {
        let correlation = [
            "{type: event_count, rules: [a, b], timespan: 7s, condition: {gte: 4}}",
            "{type: value_count, rules: [a, b], timespan: 7s, condition: {field: kind, gte: 2}}",
            "{type: temporal, rules: [a, b, 11111111-2222-4333-8444-555555555555], timespan: 7s}",
            "{type: temporal_ordered, rules: [b, a], timespan: 7s}",
        ][asked];
        let rules = good(&with(correlation));
        let all: Vec<(&str, i64)> = seed.iter().map(|(kind, second)| (["a", "b", "c"][*kind], *second)).collect();
        let mut sorted = all.clone();
        sorted.sort_by_key(|(_, second)| *second);
        let hits = found(&rules, &plain(&all));
        prop_assert_eq!(&hits, &found(&rules, &plain(&sorted)));
        // The order of a pair, by trying every pair.
        if asked == 3 {
            let any = all.iter().any(|b| b.0 == "b" && all.iter().any(|a| a.0 == "a" && (0..=7).contains(&(a.1 - b.1))));
            prop_assert_eq!(any, !hits.is_empty());
        }
    }
}
