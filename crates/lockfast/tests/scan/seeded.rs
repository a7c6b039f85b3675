//! What a scan of the seeded accounts finds.

use crate::moto::{lockfast, moto, report, scan_args};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn an_account_is_scanned_judged_and_judged_again() {
    let moto = moto();
    let folder = tempfile::tempdir().expect("a folder");
    let scanned = lockfast(moto, folder.path(), "management")
        .args(scan_args(&moto.url, "", "a.snapshot"))
        .args(["--format", "json", "--today", "2026-11-27"])
        .output()
        .expect("it runs");
    let first = report(&scanned);
    // Things are broken in the seed.
    assert_eq!(
        scanned.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&scanned.stderr)
    );
    let again = lockfast(moto, folder.path(), "management")
        .args([
            "judge",
            "a.snapshot",
            "--format",
            "json",
            "--today",
            "2026-11-27",
        ])
        .output()
        .expect("it runs");
    assert_eq!(first, report(&again));
    let compact = std::fs::read(folder.path().join("a.snapshot")).expect("the snapshot");
    let plain = zstd::stream::decode_all(&*compact).expect("Zstandard");
    for secret in ["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI"] {
        assert!(
            !plain.windows(secret.len()).any(|w| w == secret.as_bytes()),
            "{secret} is in the snapshot"
        );
    }
}

#[test]
fn objects_older_than_their_buckets_setting_are_found() {
    let moto = moto();
    let folder = tempfile::tempdir().expect("a folder");
    let scanned = lockfast(moto, folder.path(), "management")
        .args(scan_args(&moto.url, "kms,s3", "a.snapshot"))
        .args(["--sample-objects", "10", "--only", "s3-objects-as-asked"])
        .args(["--format", "json", "--today", "2026-11-27"])
        .output()
        .expect("it runs");
    let report = report(&scanned);
    let verdicts: BTreeMap<&str, &str> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|finding| {
            let name = finding["resource"]["logical_id"].as_str();
            (
                name.unwrap_or_default(),
                finding["message"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    // The seed puts three into it: under the bucket's key, with SSE-S3, and as the bucket asks.
    let of_three = |message: &&str| message.contains("of 3 objects looked at are");
    assert!(verdicts.values().any(of_three), "{verdicts:#?}");
    let compact = std::fs::read(folder.path().join("a.snapshot")).expect("the snapshot");
    let plain = zstd::stream::decode_all(&*compact).expect("Zstandard");
    let plain = String::from_utf8(plain).expect("UTF-8");
    assert!(plain.contains("SampledObjects") && !plain.contains("2026/0.json"));
    assert!(!folder.path().join("a.snapshot.partial").exists());
}

#[test]
fn two_scans_of_the_same_give_the_same_bytes_but_for_their_time() {
    let moto = moto();
    let folder = tempfile::tempdir().expect("a folder");
    let mut snapshots = Vec::new();
    for name in ["one.snapshot", "two.snapshot"] {
        lockfast(moto, folder.path(), "management")
            .args(scan_args(&moto.url, "kms", name))
            .arg("--no-judge")
            .output()
            .expect("it runs");
        let bytes = std::fs::read(folder.path().join(name)).expect("the snapshot");
        let text = zstd::stream::decode_all(&*bytes).expect("Zstandard");
        let text = String::from_utf8(text).expect("UTF-8");
        let (_, rest) = text.split_once('\n').expect("a header");
        snapshots.push(rest.to_owned());
    }
    assert_eq!(snapshots[0], snapshots[1]);
}

#[test]
fn the_organisations_accounts_are_scanned_through_their_roles() {
    let moto = moto();
    let folder = tempfile::tempdir().expect("a folder");
    let scanned = lockfast(moto, folder.path(), "management")
        .args(scan_args(&moto.url, "kms", "org.snapshot"))
        .args(["--organization", "--format", "json"])
        .output()
        .expect("it runs");
    let report = report(&scanned);
    let accounts: BTreeSet<&str> = report["input"]["scan"]["accounts"]
        .as_array()
        .expect("accounts")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(accounts, BTreeSet::from(["111111111111", "222222222222"]));
    let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in report["findings"].as_array().expect("findings") {
        if finding["resource"]["type"] == "AWS::KMS::Key" {
            let account = finding["resource"]["account"].as_str().unwrap_or_default();
            *keys.entry(account).or_default() += 1;
        }
    }
    assert_eq!(keys.len(), 2, "{keys:?}");
}

#[test]
fn a_certificate_of_acm_is_judged_by_its_arn() {
    let moto = moto();
    let folder = tempfile::tempdir().expect("a folder");
    lockfast(moto, folder.path(), "management")
        .args(scan_args(&moto.url, "acm", "a.snapshot"))
        .args(["--no-judge"])
        .assert()
        .success();
    let compact = std::fs::read(folder.path().join("a.snapshot")).expect("the snapshot");
    let plain = zstd::stream::decode_all(&*compact).expect("Zstandard");
    let weak = String::from_utf8_lossy(&plain)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["resource"]["properties"]["KeyAlgorithm"] == "RSA_1024")
        .expect("the seed imports a certificate of 1,024 bits");
    let arn = weak["resource"]["arn"].as_str().expect("an ARN").to_owned();
    let judged = lockfast(moto, folder.path(), "management")
        .args(["cert", &arn, "--endpoint-url", &moto.url, "-f", "json"])
        .output()
        .expect("it runs");
    let verdicts = report(&judged);
    assert_eq!(judged.status.code(), Some(1));
    let weak = verdicts["findings"].as_array().expect("findings").iter();
    let weak = weak.filter(|finding| finding["control"] == "endpoint-chain-key-strength");
    assert!(weak.clone().count() == 1 && weak.clone().all(|f| f["verdict"] == "fail"));
    // One that is not there is told by its ARN.
    let missing = arn[..arn.len() - 4].to_owned() + "0000";
    let judged = lockfast(moto, folder.path(), "management")
        .args(["cert", &missing, "--endpoint-url", &moto.url])
        .output()
        .expect("it runs");
    assert_eq!(judged.status.code(), Some(2));
    let said = String::from_utf8_lossy(&judged.stderr).into_owned();
    assert!(
        said.contains(&missing) && said.contains("ResourceNotFoundException"),
        "{said}"
    );
}
