//! Any text as a file of rules: loading it never panics, and what was loaded can be matched with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockfast_detections::{Correlator, Rules};
use serde_json::json;

fuzz_target!(|text: &str| {
    // Rules are read from files alone; each fuzzing process has its own.
    let path = std::env::temp_dir().join(format!("lockfast-fuzz-sigma-{}.yml", std::process::id()));
    std::fs::write(&path, text).expect("a temporary file");
    let (rules, problems) = Rules::load(&[path]).expect("the file is there");
    let lines = text.split(['\n', '\r']).count() as u32;
    assert!(
        problems
            .iter()
            .all(|problem| problem.line.is_none_or(|line| line <= lines + 1))
    );
    let record = json!({
        "eventVersion": "1.11", "eventTime": "2026-03-01T12:00:00Z", "eventSource": "kms.amazonaws.com", "eventName": "Decrypt",
        "awsRegion": "eu-west-1", "sourceIPAddress": "203.0.113.9", "userIdentity": {"type": "IAMUser", "userName": "anna"},
        "requestParameters": {"keyId": "alias/a", "list": [1, "two", null, true]}
    });
    let matcher = rules.matcher();
    let _ = rules.needles();
    let mut correlator = Correlator::new(&rules);
    for rule in matcher.matches(&record) {
        correlator.add(rule, &record);
    }
    let _ = correlator.hits();
});
