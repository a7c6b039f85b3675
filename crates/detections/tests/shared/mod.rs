//! What several tests need.
#![allow(dead_code)]

use lockfast_detections::{Problem, Rules};
use serde_json::Value;

/// A rule with this detection, of which every line is indented already.
pub fn rule(detection: &str) -> String {
    format!(
        "title: a test\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n{detection}\n"
    )
}

/// Loads one file.
pub fn load(text: impl AsRef<[u8]>) -> (Rules, Vec<Problem>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yml"), text).unwrap();
    let (rules, mut problems) = Rules::load(&[folder.path().to_owned()]).unwrap();
    for problem in &mut problems {
        problem.path = problem.path.file_name().unwrap().into();
    }
    (rules, problems)
}

/// Loads one file in which nothing is wrong.
pub fn good(text: &str) -> Rules {
    let (rules, problems) = load(text);
    assert_eq!(problems, [], "{text}");
    rules
}

/// The problem of a file, which has one.
pub fn told(text: impl AsRef<[u8]>) -> String {
    let (rules, problems) = load(text);
    let [problem] = &problems[..] else {
        panic!("{problems:?} {}", rules.len())
    };
    problem.to_string()
}

/// True when the detection matches the record.
pub fn matches(detection: &str, record: &Value) -> bool {
    let rules = good(&rule(detection));
    !rules.matcher().matches(record).is_empty()
}

/// True when one field of this value matches `field: value` of a rule, given as YAML.
pub fn item(item: &str, record: &Value) -> bool {
    matches(
        &format!("    selection:\n        {item}\n    condition: selection"),
        record,
    )
}

/// The item matches all of the first records and none of the others.
pub fn check(item_text: &str, yes: &[Value], no: &[Value]) {
    for value in yes {
        assert!(item(item_text, value), "{item_text} {value}");
    }
    for value in no {
        assert!(!item(item_text, value), "{item_text} {value}");
    }
}
