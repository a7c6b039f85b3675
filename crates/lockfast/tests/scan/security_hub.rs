//! `--send security-hub`, against a strict fake and against moto.

use crate::fake_hub::{Hub, State};
use crate::moto::{lockfast, moto, scan_args};
use crate::proxy::{self, Fault};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Output;
use std::time::Duration;

const OWN: &str = "111111111111";

/// Everything that a scan of the seeded account gives, judged and sent.
fn judge(folder: &Path, url: &str, snapshot: &str, more: &[&str]) -> Output {
    lockfast(moto(), folder, "management")
        .args(["judge", snapshot, "--today", "2026-11-27", "--quiet"])
        .args(["--send", "security-hub", "--endpoint-url", url])
        .args(["--backoff", "20", "--fail-on", "never"])
        .args(more)
        .timeout(Duration::from_secs(200))
        .output()
        .expect("it runs")
}

fn scan(folder: &Path, url: &str, services: &str, snapshot: &str, more: &[&str]) {
    let output = lockfast(moto(), folder, "management")
        .args(scan_args(url, services, snapshot))
        .arg("--no-judge")
        .args(more)
        .output()
        .expect("it runs");
    assert!(folder.join(snapshot).exists(), "{}", said(&output));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn by_id(findings: &[Value]) -> BTreeMap<String, Value> {
    let id = |finding: &Value| finding["Id"].as_str().expect("an id").to_owned();
    findings.iter().map(|f| (id(f), f.clone())).collect()
}

/// The findings of a report file, without when they were made.
fn reported(folder: &Path, file: &str) -> BTreeMap<String, Value> {
    let text = std::fs::read(folder.join(file)).expect("a report");
    let report: Value = serde_json::from_slice(&text).expect("JSON");
    by_id(report["Findings"].as_array().expect("findings"))
}

#[test]
fn every_finding_arrives_in_its_account_and_region_and_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let hub = Hub::start(State {
        throttles: true,
        ..State::default()
    });
    // As one command, through the role of the second account.
    let output = lockfast(moto(), folder, "management")
        .args(scan_args(&hub.url, "sqs,iam", "a.snapshot"))
        .args(["--organization", "--send", "security-hub", "--yes"])
        .args(["--output", "a.asff.json", "--fail-on", "never"])
        .timeout(Duration::from_secs(300))
        .output()
        .expect("it runs");
    let text = said(&output);
    assert_ne!(output.status.code(), Some(5), "{text}");
    let wanted = reported(folder, "a.asff.json");
    let first = by_id(&hub.active());
    assert!(first.len() > 100, "{}", first.len());
    // Nothing of a finding is lost on the way.
    assert_eq!(first, wanted);
    assert!(hub.state().batches.iter().all(|size| *size <= 100));
    let places: BTreeSet<(String, String)> = hub
        .state()
        .findings
        .keys()
        .map(|(a, r, _)| (a.clone(), r.clone()))
        .collect();
    assert!(places.iter().any(|(account, _)| account == OWN));
    assert!(places.iter().any(|(account, _)| account == "222222222222"));
    // What is global is in the region of global services.
    let roles: Vec<_> = first
        .values()
        .filter(|f| f["Resources"][0]["Details"]["Other"]["Stack"] == format!("{OWN}/global"))
        .collect();
    assert!(!roles.is_empty());
    assert!(
        roles
            .iter()
            .all(|f| f["Resources"][0]["Region"] == "us-east-1")
    );
    assert!(text.contains(&format!("{OWN} us-east-1: ")), "{text}");
    assert!(text.contains(" new, 0 updated, 0 archived"), "{text}");
    assert!(
        text.contains("all of them there as they were sent"),
        "{text}"
    );

    // What customers say of a finding stays; again is an update, and keeps the first day.
    let waved = wanted.keys().next().expect("a finding").clone();
    for ((_, _, id), finding) in &mut hub.state().findings {
        if *id == waved {
            finding["Workflow"] = json!({ "Status": "NOTIFIED" });
        }
    }
    let output = judge(folder, &hub.url, "a.snapshot", &["--yes"]);
    let text = said(&output);
    assert_ne!(output.status.code(), Some(5), "{text}");
    assert!(text.contains(": 0 new, "), "{text}");
    let again = by_id(&hub.active());
    assert_eq!(again.len(), first.len());
    for (id, finding) in &again {
        assert_eq!(finding["CreatedAt"], first[id]["CreatedAt"]);
        assert!(
            finding["UpdatedAt"].as_str() > first[id]["UpdatedAt"].as_str(),
            "{id}"
        );
    }
    assert_eq!(again[&waved]["Workflow"]["Status"], "NOTIFIED");
}

#[test]
fn nobody_to_ask_is_refused_before_anything_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let hub = Hub::start(State::default());
    let output = lockfast(moto(), folder.path(), "management")
        .args(scan_args(&hub.url, "kms", "a.snapshot"))
        .args(["--send", "security-hub"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--yes"), "{}", said(&output));
    assert!(!folder.path().join("a.snapshot").exists());
    assert_eq!(hub.state().requests, 0);
}

/// A finding as an earlier send left it there.
fn earlier(from: &Value, id: &str, change: impl Fn(&mut Value)) -> Value {
    let mut finding = from.clone();
    finding["Id"] = json!(id);
    finding["CreatedAt"] = json!("2026-01-01T00:00:00.000Z");
    finding["UpdatedAt"] = json!("2026-01-01T00:00:00.000Z");
    finding["ProductFields"]["lockfast/ScanTaken"] = json!("2026-01-01T00:00:00Z");
    change(&mut finding);
    finding
}

#[test]
fn what_is_gone_is_archived_and_what_was_not_read_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let proxy = proxy::start(&moto().url, |asked| {
        let denied = asked.service == "s3" && asked.operation.contains("?encryption");
        match denied || asked.operation == "DescribeDBInstances" {
            true => Fault::Error(403, "AccessDenied"),
            false => Fault::None,
        }
    });
    scan(folder, &proxy.url, "kms,s3,rds,sqs", "a.snapshot", &[]);
    let hub = Hub::start(State::default());
    judge(
        folder,
        &hub.url,
        "a.snapshot",
        &["--yes", "--output", "a.asff.json"],
    );
    let told = reported(folder, "a.asff.json");
    let of = |kind: &str| {
        let is = |f: &&Value| {
            f["Resources"][0]["Details"]["Other"]["Type"] == kind && f["AwsAccountId"] == OWN
        };
        told.values()
            .find(is)
            .unwrap_or_else(|| panic!("no {kind}"))
            .clone()
    };
    let gone = |kind: &str, n: u32, change: &dyn Fn(&mut Value)| {
        let from = of(kind);
        let id = from["Id"].as_str().expect("an id");
        let id = format!("{}{n:04}", &id[..id.len() - 4]);
        hub.put(earlier(&from, &id, |finding| {
            finding["Resources"][0]["Id"] = json!(format!("arn:gone:{n}"));
            change(finding);
        }));
        id
    };
    let key = gone("AWS::KMS::Key", 1, &|_| {});
    let noted = gone("AWS::KMS::Key", 2, &|f| {
        f["Workflow"] = json!({ "Status": "SUPPRESSED" })
    });
    let bucket = gone("AWS::S3::Bucket", 3, &|_| {});
    let queue = gone("AWS::KMS::Key", 4, &|f| {
        f["Resources"][0]["Details"]["Other"]["Type"] = json!("AWS::SNS::Topic");
    });
    let elsewhere = gone("AWS::KMS::Key", 5, &|f| {
        f["Resources"][0]["Details"]["Other"]["Stack"] = json!("template.yaml");
    });
    let foreign = gone("AWS::KMS::Key", 6, &|f| {
        f["GeneratorId"] = json!("other/tool")
    });
    let later = gone("AWS::KMS::Key", 7, &|f| {
        f["ProductFields"]["lockfast/ScanTaken"] = json!("2999-01-01T00:00:00Z");
    });
    let still_there = gone("AWS::KMS::Key", 8, &|f| {
        f["Resources"][0]["Id"] = of("AWS::KMS::Key")["Resources"][0]["Id"].clone();
    });
    let output = judge(folder, &hub.url, "a.snapshot", &["--yes"]);
    let text = said(&output);
    let state = |id: &str| {
        let state = hub.state();
        let mut found = state.findings.iter().filter(|((_, _, own), _)| own == id);
        found.next().expect("it is there").1.clone()
    };
    assert_eq!(state(&key)["RecordState"], "ARCHIVED", "{text}");
    assert_eq!(state(&key)["CreatedAt"], "2026-01-01T00:00:00.000Z");
    assert_eq!(state(&noted)["RecordState"], "ARCHIVED");
    assert_eq!(state(&noted)["Workflow"]["Status"], "SUPPRESSED");
    for (id, why) in [
        (&bucket, "calls to S3 gave no answer"),
        (&queue, "SNS was not scanned"),
        (&elsewhere, "it is of a template"),
        (&foreign, "it is another tool's"),
        (&later, "a later scan told it"),
        (
            &still_there,
            "the resource is there, and not everything was read",
        ),
    ] {
        assert_eq!(state(id)["RecordState"], "ACTIVE", "{why}");
    }
    assert!(text.contains(", 2 archived"), "{text}");
    for id in told.keys() {
        assert_eq!(state(id)["RecordState"], "ACTIVE", "{id}");
    }
    // What a baseline knows stands, and is left as it is.
    let fingerprint = told
        .values()
        .find(|f| {
            f["ProductFields"]["lockfast/Verdict"] == "fail"
                && f["Resources"][0]["Details"]["Other"]["Type"] == "AWS::KMS::Key"
        })
        .expect("a failing key");
    let baseline = json!({ "lockfast_baseline": 1, "fingerprints": [fingerprint["ProductFields"]["lockfast/Fingerprint"]] });
    std::fs::write(folder.join("known.json"), baseline.to_string()).expect("a file");
    let id = fingerprint["Id"].as_str().expect("an id");
    let before = state(id);
    judge(
        folder,
        &hub.url,
        "a.snapshot",
        &["--yes", "--baseline", "known.json"],
    );
    assert_eq!(state(id), before);
    // Controls that are not judged archive nothing.
    let more = gone("AWS::KMS::Key", 9, &|_| {});
    judge(
        folder,
        &hub.url,
        "a.snapshot",
        &["--yes", "--only", "s3-refuses-plain-http"],
    );
    assert_eq!(state(&more)["RecordState"], "ACTIVE");
}

#[test]
fn a_region_without_security_hub_and_refused_findings_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    scan(folder, &moto().url, "kms,sqs", "a.snapshot", &[]);
    let hub = Hub::start(State {
        disabled: BTreeSet::from(["eu-west-1".to_owned()]),
        ..State::default()
    });
    let output = judge(
        folder,
        &hub.url,
        "a.snapshot",
        &["--yes", "--output", "a.asff.json"],
    );
    let text = said(&output);
    assert_eq!(output.status.code(), Some(5), "{text}");
    assert!(text.contains("eu-west-1: nothing is sent"), "{text}");
    assert!(
        text.contains("aws securityhub enable-security-hub"),
        "{text}"
    );
    let told = reported(folder, "a.asff.json");
    let elsewhere = told
        .values()
        .filter(|f| f["Resources"][0]["Region"] != "eu-west-1");
    let wanted: BTreeSet<_> = elsewhere.map(|f| f["Id"].to_string()).collect();
    let there: BTreeSet<_> = hub.active().iter().map(|f| f["Id"].to_string()).collect();
    assert_eq!(there, wanted);

    for malformed in [false, true] {
        let id = told
            .values()
            .find(|f| f["Resources"][0]["Region"] == "eu-central-1")
            .and_then(|f| f["Id"].as_str())
            .expect("a finding");
        let hub = Hub::start(match malformed {
            true => State {
                malformed: Some(id.into()),
                ..State::default()
            },
            false => State {
                refuses: Some(id.into()),
                ..State::default()
            },
        });
        let output = judge(folder, &hub.url, "a.snapshot", &["--yes"]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(5), "{text}");
        assert!(text.contains(&format!("{id} refused: ")), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert_eq!(hub.active().len(), told.len() - 1, "{text}");
    }
}

#[test]
fn a_send_that_is_cut_off_is_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    scan(folder, &moto().url, "kms,sqs", "a.snapshot", &[]);
    let hub = Hub::start(State {
        takes: Some(2),
        ..State::default()
    });
    let output = judge(
        folder,
        &hub.url,
        "a.snapshot",
        &["--yes", "--attempts", "1", "--output", "a.asff.json"],
    );
    let text = said(&output);
    assert_eq!(output.status.code(), Some(5), "{text}");
    assert!(text.contains("not sent"), "{text}");
    let told = reported(folder, "a.asff.json");
    assert!(hub.active().len() < told.len());
    hub.state().takes = None;
    let output = judge(folder, &hub.url, "a.snapshot", &["--yes"]);
    assert_ne!(output.status.code(), Some(5), "{}", said(&output));
    assert_eq!(by_id(&hub.active()).len(), told.len());
    // Of a scan that told everything, nothing of it is gone.
    assert!(
        hub.state()
            .findings
            .values()
            .all(|f| f["RecordState"] == "ACTIVE")
    );
}

#[test]
fn moto_takes_them_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    scan(folder, &moto().url, "kms", "a.snapshot", &[]);
    for wanted in [" new, 0 updated, 0 archived", ": 0 new, "] {
        let output = judge(folder, &moto().url, "a.snapshot", &["--yes"]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.contains(wanted), "{text}");
        assert!(
            text.contains("all of them there as they were sent"),
            "{text}"
        );
    }
}

#[test]
fn the_policy_asks_for_writing_only_when_it_sends() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = |more: &[&str]| {
        let output = lockfast(moto(), folder.path(), "management")
            .args(["scan", "--print-iam-policy"])
            .args(more)
            .output()
            .expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(!policy(&[]).contains("securityhub"));
    let sends = policy(&["--send", "security-hub"]);
    assert!(sends.contains("securityhub:BatchImportFindings"), "{sends}");
    assert!(sends.contains("securityhub:GetFindings"), "{sends}");
}
