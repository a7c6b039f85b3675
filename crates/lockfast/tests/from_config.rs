//! What AWS Config recorded, judged by the real binary.

use assert_cmd::Command;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn lockfast() -> Command {
    let mut command = Command::cargo_bin("lockfast").expect("the binary is built");
    command
        .env("NO_COLOR", "1")
        .env_remove("AWS_ACCOUNT_ID")
        .env_remove("AWS_REGION");
    command
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../config-source/tests/fixtures")
        .join(name)
}

fn output(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("it runs");
    (
        output.status.code().expect("an exit code"),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// The report, and the exit code.
fn judged(files: &[PathBuf]) -> (i32, Value) {
    let (code, out, err) = output(
        lockfast()
            .current_dir(std::env::temp_dir())
            .args([
                "judge",
                "-f",
                "json",
                "--today",
                "2026-11-27",
                "--from-config",
            ])
            .args(files),
    );
    (
        code,
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {err}")),
    )
}

/// What a control says of a resource.
fn verdict<'a>(report: &'a Value, control: &str, resource: &str) -> &'a str {
    let findings = report["findings"].as_array().expect("findings");
    let of_control: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding["control"] == control)
        .collect();
    assert!(!of_control.is_empty(), "no finding of {control}");
    let found = of_control.iter().find(|finding| {
        let of = &finding["resource"];
        of["logical_id"] == resource || of["id"].as_str().is_some_and(|id| id.ends_with(resource))
    });
    match found {
        Some(finding) => finding["verdict"].as_str().expect("a verdict"),
        None => "none",
    }
}

#[test]
fn a_configuration_snapshot_is_judged() {
    let (code, report) = judged(&[fixture("snapshot.json")]);
    assert_eq!(code, 1);
    for (control, resource, wanted) in [
        ("rds-storage-encrypted", "legacy", "fail"),
        ("rds-storage-encrypted", "orders", "pass"),
        (
            "key-rotation",
            "11111111-1111-4111-8111-111111111111",
            "unknown",
        ),
        ("rds-storage-encrypted", "catalogue", "unknown"),
        ("every-store-encrypted", "vol-0bbbbbbbbbbbbbbb2", "fail"),
        ("every-store-encrypted", "vol-0aaaaaaaaaaaaaaa1", "pass"),
        ("s3-default-encryption", "shop-images", "pass"),
        ("s3-default-encryption", "shop-orders", "pass"),
        ("s3-default-encryption", "shop-untold", "unknown"),
        ("s3-refuses-plain-http", "shop-orders", "pass"),
        ("s3-refuses-plain-http", "shop-images", "fail"),
        ("s3-refuses-plain-http", "shop-untold", "unknown"),
        // It does not rotate by itself; whether somebody rotates it on demand, Config does not record.
        (
            "key-rotation",
            "22222222-2222-4222-8222-222222222222",
            "unknown",
        ),
    ] {
        assert_eq!(
            verdict(&report, control, resource),
            wanted,
            "{control} {resource}"
        );
    }
    // Types that nothing tells of are not there being none.
    let findings = report["findings"].as_array().expect("findings");
    let gap = findings
        .iter()
        .find(|finding| {
            let of = &finding["resource"];
            of["logical_id"] == "*" && of["type"] == "AWS::Logs::LogGroup"
        })
        .expect("a gap");
    assert_eq!(gap["verdict"], "unknown");
    assert!(!report.to_string().contains("correct-horse-battery"));
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_judged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bad = folder.path().join("bad.json");
    let text = std::fs::read(fixture("snapshot.json")).expect("read");
    std::fs::write(&bad, &text[..400]).expect("written");
    let (code, report) = judged(&[bad.clone(), fixture("aggregate.jsonl")]);
    assert_eq!(code, 1);
    let said = report.to_string();
    assert!(
        said.contains("bad.json") && said.contains("the file ends early"),
        "{said}"
    );
    assert_eq!(verdict(&report, "rds-storage-encrypted", "ledger"), "fail");
    let (code, _, err) = output(lockfast().current_dir(folder.path()).args([
        "judge",
        "--from-config",
        "bad.json",
        "--fail-on",
        "never",
    ]));
    assert_eq!(code, 3, "{err}");
}

#[test]
fn the_snapshot_of_it_says_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (code, _, err) = output(
        lockfast()
            .current_dir(folder.path())
            .args([
                "scan",
                "--no-judge",
                "--snapshot",
                "config.snapshot",
                "--from-config",
            ])
            .arg(fixture("snapshot.json")),
    );
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("wrote config.snapshot"), "{err}");
    let report = |args: &[&str]| {
        let (_, out, err) = output(lockfast().current_dir(folder.path()).args(args).args([
            "-f",
            "json",
            "--today",
            "2026-11-27",
        ]));
        let report: Value =
            serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {err}"));
        report["findings"].clone()
    };
    let fixture = fixture("snapshot.json");
    let fixture = fixture.to_str().expect("a path");
    let kept = report(&["judge", "config.snapshot"]);
    assert_eq!(report(&["judge", "--from-config", fixture]), kept);
    assert_eq!(report(&["scan", "--from-config", fixture]), kept);
    assert_eq!(
        report(&[
            "judge",
            "--snapshot",
            "again.snapshot",
            "--from-config",
            fixture
        ]),
        kept
    );
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).expect("read");
    assert_eq!(bytes("config.snapshot"), bytes("again.snapshot"));
}

#[test]
fn what_is_read_is_not_overwritten() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("snapshot.json");
    std::fs::copy(fixture("snapshot.json"), &file).expect("copied");
    for args in [
        [
            "judge",
            "--from-config",
            "snapshot.json",
            "--snapshot",
            "snapshot.json",
        ],
        ["judge", "--from-config", ".", "--snapshot", "snapshot.json"],
        [
            "judge",
            "--from-config",
            ".",
            "--output",
            "json=snapshot.json",
        ],
    ] {
        let (code, _, err) = output(lockfast().current_dir(folder.path()).args(args));
        assert_eq!(code, 2, "{err}");
        assert!(err.contains("would be overwritten"), "{err}");
    }
    let (code, _, err) =
        output(lockfast().args(["scan", "--from-config", "x.json", "--region", "eu-west-1"]));
    assert_eq!(code, 2, "{err}");
}
