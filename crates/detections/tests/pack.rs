//! Our own rules: each finds what its `.events.json` says, and passes over what nearly is.
#![allow(clippy::unwrap_used)]

use lockfast_detections::{Correlator, Origin, Rule, Rules};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")
}

fn pack() -> Rules {
    let regions = vec!["eu-west-1".to_owned(), "eu-central-1".to_owned()];
    let values = BTreeMap::from([("allowed_regions".to_owned(), regions)]);
    let (rules, problems) = Rules::built_in().with_values(values);
    assert_eq!(problems, []);
    rules
}

/// True when a rule, or a correlation, finds something in a record, or a list of them.
fn finds(rules: &Rules, rule: &Rule, events: &Value) -> bool {
    let matcher = rules.matcher();
    if !rule.is_correlation() {
        let found = matcher.matches(events);
        return found.iter().any(|found| found.id == rule.id);
    }
    let mut correlator = Correlator::new(rules);
    // The order of logs must not matter.
    for record in events.as_array().unwrap().iter().rev() {
        for found in matcher.matches(record) {
            correlator.add(found, record);
        }
    }
    assert_eq!(correlator.dropped(), 0);
    let hits = correlator.hits();
    let mut hits = hits.iter().filter(|hit| hit.rule.id == rule.id);
    let found = hits.next().is_some();
    assert!(hits.next().is_none(), "{}: one is enough", rule.id);
    found
}

#[test]
fn every_rule_finds_what_it_says_and_no_more() {
    let rules = pack();
    let needles = rules.needles().expect("all of ours have needles");
    let mut seen = BTreeSet::new();
    for rule in rules.iter() {
        let Origin::BuiltIn(name) = rule.origin else {
            panic!("{:?}", rule.origin)
        };
        let path = folder().join(name.replace(".yml", ".events.json"));
        let text = std::fs::read_to_string(&path).unwrap();
        let events: Value = serde_json::from_str(&text).unwrap();
        for (key, wanted) in [("match", true), ("pass", false)] {
            let all = events[key].as_array().unwrap();
            assert!(!all.is_empty(), "{name}: {key}");
            for (at, events) in all.iter().enumerate() {
                assert_eq!(finds(&rules, rule, events), wanted, "{name}: {key} {at}");
                let text = events.to_string();
                let has = needles.iter().any(|needle| {
                    let mut windows = text.as_bytes().windows(needle.len());
                    windows.any(|window| window == needle)
                });
                assert!(has || !wanted, "{name}: {key} {at} has no needle");
            }
        }
        seen.insert(name.to_owned());
    }
    let files = std::fs::read_dir(folder()).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> = files.filter(|name| name.ends_with(".yml")).collect();
    assert_eq!(seen, files);
    assert!(seen.len() >= 40);
}

#[test]
fn every_rule_says_what_rules_say() {
    let rules = pack();
    for rule in rules.iter() {
        let name = &rule.title;
        let parts: Vec<usize> = rule.id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{name}");
        assert_eq!(&rule.id[14..15], "4", "{name}");
        assert_eq!(rule.author.as_deref(), Some("Lockfast"), "{name}");
        assert!(
            rule.description.is_some() && rule.status.is_some(),
            "{name}"
        );
        assert!(!rule.falsepositives.is_empty(), "{name}");
        let docs = |reference: &String| reference.starts_with("https://docs.aws.amazon.com/");
        assert!(
            !rule.references.is_empty() && rule.references.iter().all(docs),
            "{name}"
        );
        // All techniques are in the table, and there is one.
        let tagged = rule.tags.iter().filter(|tag| tag.starts_with("attack.t1"));
        assert_eq!(tagged.count(), rule.techniques.len(), "{name}");
        assert!(!rule.techniques.is_empty(), "{name}");
    }
}

#[test]
fn what_waits_for_values_is_told() {
    let rules = Rules::built_in();
    let waiting = rules.waiting();
    let [waits] = &waiting[..] else {
        panic!("{waiting:?}")
    };
    assert_eq!(
        waits.to_string(),
        "built-in/kms_replica_outside_allowed_regions.yml:22: no values are given for the placeholder `%allowed_regions%`"
    );
    assert!(pack().waiting().is_empty());
    // Without a value, none is allowed.
    let values = BTreeMap::from([("allowed_regions".to_owned(), Vec::new())]);
    let (rules, problems) = Rules::built_in().with_values(values);
    assert_eq!(problems, []);
    let record = serde_json::json!({
        "eventSource": "kms.amazonaws.com", "eventName": "ReplicateKey",
        "requestParameters": {"replicaRegion": "eu-west-1"},
    });
    assert_eq!(rules.matcher().matches(&record).len(), 2);
}

#[test]
fn rules_for_correlations_only_say_so() {
    let rules = pack();
    let silent: BTreeSet<&str> = rules
        .iter()
        .filter(|rule| !rule.alone)
        .filter_map(|rule| rule.name.as_deref())
        .collect();
    assert_eq!(
        silent,
        [
            "console_login_without_mfa",
            "key_used_without_mfa",
            "kms_key_looked_at",
            "kms_request_denied",
            "secret_read",
        ]
        .into()
    );
}
