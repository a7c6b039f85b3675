//! What may go wrong between the scanner and AWS: no wrong pass, no hang, no lost data.

use crate::moto::{lockfast, moto, report, scan_args};
use crate::proxy::{self, Fault};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Services of several protocols: JSON, query XML, REST XML, EC2.
const SERVICES: &str = "kms,s3,rds,ec2,dynamodb,lambda";

/// Control and resource of every finding with this verdict.
fn with_verdict(report: &Value, verdict: &str) -> BTreeSet<(String, String)> {
    report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|finding| finding["verdict"] == verdict)
        .map(|finding| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            // A bucket whose region could not be read has another id, and the same ARN.
            let name = match &finding["resource"]["arn"] {
                Value::String(arn) => arn.clone(),
                _ => text(&finding["resource"]["id"]),
            };
            let resource = format!("{name}/{}", text(&finding["resource"]["part"]));
            (text(&finding["control"]), resource)
        })
        .collect()
}

fn scan(url: &str, services: &str, more: &[&str]) -> (Value, std::process::Output) {
    let moto = moto();
    let folder = tempfile::tempdir().expect("a folder");
    let output = lockfast(moto, folder.path(), "management")
        .args(scan_args(url, services, "a.snapshot"))
        .args(["--format", "json", "--today", "2026-11-27"])
        .args(more)
        .timeout(Duration::from_secs(300))
        .output()
        .expect("it runs");
    (report(&output), output)
}

/// What is scanned without faults.
fn sound() -> Value {
    scan(&moto().url, SERVICES, &[]).0
}

#[test]
fn what_is_denied_is_unknown_and_said() {
    let proxy = proxy::start(&moto().url, |asked| {
        let denied = [
            "GetKeyPolicy",
            "GetKeyRotationStatus",
            "DescribeDBInstances",
            "DescribeVolumes",
            "DescribeContinuousBackups",
        ];
        let policy = asked.service == "s3" && asked.operation.contains("?policy");
        match denied.contains(&asked.operation.as_str()) || policy {
            true => Fault::Error(
                403,
                if asked.service == "ec2" {
                    "UnauthorizedOperation"
                } else {
                    "AccessDenied"
                },
            ),
            false => Fault::None,
        }
    });
    let (report, output) = scan(&proxy.url, SERVICES, &["--fail-on", "never"]);
    assert_eq!(output.status.code(), Some(3));
    let passes = with_verdict(&report, "pass");
    let unknown = with_verdict(&report, "unknown");
    assert!(
        !passes
            .iter()
            .any(|(control, resource)| control == "rds-storage-encrypted"
                && resource.contains(":db:"))
    );
    assert!(
        unknown
            .iter()
            .any(|(control, _)| control == "rds-storage-encrypted")
    );
    for control in [
        "s3-refuses-plain-http",
        "key-rotation",
        "key-policy-authorised-only",
    ] {
        assert!(
            !passes.iter().any(|(c, _)| c == control),
            "{control} passes"
        );
        assert!(
            unknown.iter().any(|(c, _)| c == control),
            "{control} is not unknown"
        );
    }
    let problems = report["input"]["problems"].to_string();
    for action in [
        "kms:GetKeyPolicy",
        "rds:DescribeDBInstances",
        "s3:GetBucketPolicy",
        "ec2:DescribeVolumes",
    ] {
        assert!(problems.contains(action), "{action} is not told of");
    }
}

#[test]
fn what_passes_on_the_way_changes_nothing() {
    let wanted = sound();
    // A client that is throttled sends less from then on (the SDK's adaptive retry), half a request a second at
    // worst: so a service whose few requests all stand in one region is throttled, of each protocol one.
    let throttles = AtomicUsize::new(0);
    let proxy = proxy::start(&moto().url, move |asked| match asked.number % 53 {
        // moto forgets a page's token when it is first used, so that asking for the page again fails there.
        _ if asked.operation == "GetResources" => Fault::None,
        _ if asked.region == "eu-west-1"
            && matches!(asked.service.as_str(), "rds" | "ec2" | "lambda")
            && throttles.fetch_add(1, Ordering::Relaxed) < 6 =>
        {
            match asked.service.as_str() {
                "ec2" => Fault::Error(503, "RequestLimitExceeded"),
                "rds" => Fault::Error(400, "Throttling"),
                _ => Fault::Error(429, "TooManyRequestsException"),
            }
        }
        3 | 19 | 31 => Fault::Cut,
        5 | 21 | 37 => Fault::Close,
        7 | 23 | 41 => Fault::Error(500, "InternalError"),
        9 | 25 | 43 => Fault::Delay(Duration::from_millis(30)),
        _ => Fault::None,
    });
    // Faults come by the number of the request, so a call may meet several.
    let (report, _) = scan(&proxy.url, SERVICES, &["--attempts", "12"]);
    for verdict in ["fail", "unknown", "pass"] {
        assert_eq!(
            with_verdict(&report, verdict),
            with_verdict(&wanted, verdict),
            "{verdict}: {}",
            report["input"]["problems"]
        );
    }
    assert!(proxy.requests() > 100);
}

#[test]
fn what_never_recovers_passes_nothing_that_fails() {
    let broken = with_verdict(&sound(), "fail");
    type Spoil = fn(&str) -> Fault;
    // The SDK's adaptive retry sends ever less to a service that goes on throttling, so of those only small ones.
    let spoils: [(&str, &str, Spoil); 5] = [
        ("malformed", SERVICES, |_| {
            Fault::Body(200, "{\"Keys\": [<oops")
        }),
        ("empty", SERVICES, |_| Fault::Body(200, "")),
        ("throttled", "rds,lambda", |_| {
            Fault::Error(400, "ThrottlingException")
        }),
        ("closed", SERVICES, |_| Fault::Close),
        ("broken", SERVICES, |_| Fault::Error(500, "InternalFailure")),
    ];
    for (name, services, spoil) in spoils {
        // A quarter of all operations, always the same ones.
        let proxy = proxy::start(&moto().url, move |asked| {
            let sum: usize = asked.operation.bytes().map(usize::from).sum();
            match (asked.service.as_str(), sum % 4) {
                ("sts", _) => Fault::None,
                (_, 0) => spoil(&asked.service),
                _ => Fault::None,
            }
        });
        let (report, output) = scan(
            &proxy.url,
            services,
            &["--fail-on", "never", "--attempts", "2"],
        );
        assert_eq!(output.status.code(), Some(3), "{name}");
        let passes = with_verdict(&report, "pass");
        let wrong: Vec<_> = passes.intersection(&broken).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
}

#[test]
fn credentials_that_end_in_the_middle_are_told_of() {
    let proxy = proxy::start(&moto().url, |asked| match asked.number {
        0..40 => Fault::None,
        _ => Fault::Error(400, "ExpiredTokenException"),
    });
    let (report, output) = scan(&proxy.url, SERVICES, &["--fail-on", "never"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        report["input"]["problems"]
            .to_string()
            .contains("ExpiredToken")
    );
}

#[test]
fn lists_without_end_end() {
    let same = proxy::start(&moto().url, |asked| match asked.operation.as_str() {
        "ListKeys" => Fault::Body(
            200,
            "{\"Keys\":[],\"Truncated\":true,\"NextMarker\":\"again\"}",
        ),
        _ => Fault::None,
    });
    let begun = Instant::now();
    let (report, _) = scan(&same.url, "kms", &["--fail-on", "never"]);
    assert!(
        report["input"]["problems"]
            .to_string()
            .contains("never ends")
    );
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(
        with_verdict(&report, "pass")
            .iter()
            .all(|(control, _)| control != "key-rotation")
    );
}

/// Everything of a snapshot but the header, which tells the time.
fn records(path: &std::path::Path) -> String {
    let bytes = std::fs::read(path).expect("the snapshot");
    let text =
        String::from_utf8(zstd::stream::decode_all(&*bytes).expect("Zstandard")).expect("UTF-8");
    text.split_once('\n').expect("a header").1.to_owned()
}

#[test]
fn a_scan_that_is_killed_goes_on_where_it_was() {
    let moto = moto();
    let folder = tempfile::tempdir().expect("a folder");
    lockfast(moto, folder.path(), "management")
        .args(scan_args(&moto.url, SERVICES, "whole.snapshot"))
        .arg("--no-judge")
        .output()
        .expect("it runs");
    let whole = records(&folder.path().join("whole.snapshot"));
    let slow = |asked: &proxy::Asked| match asked.number % 3 {
        0 => Fault::Delay(Duration::from_millis(15)),
        _ => Fault::None,
    };
    let uninterrupted = proxy::start(&moto.url, slow);
    lockfast(moto, folder.path(), "management")
        .args(scan_args(&uninterrupted.url, SERVICES, "counted.snapshot"))
        .arg("--no-judge")
        .output()
        .expect("it runs");
    for kill_after in [0.4, 0.9, 1.7] {
        let proxy = proxy::start(&moto.url, slow);
        let name = format!("killed-{kill_after}.snapshot");
        let binary = assert_cmd::cargo::cargo_bin("lockfast");
        let mut child = std::process::Command::new(binary)
            .current_dir(folder.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_SHARED_CREDENTIALS_FILE", &moto.credentials)
            .env("AWS_PROFILE", "management")
            .args(scan_args(&proxy.url, SERVICES, &name))
            .arg("--no-judge")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        std::thread::sleep(Duration::from_secs_f64(kill_after));
        // SIGKILL: nothing of it gets a chance to tidy up.
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        let partial = folder.path().join(format!("{name}.partial"));
        if !partial.exists() {
            // It was done before it was killed, or had not begun.
            continue;
        }
        let before = proxy.requests();
        let mut args = scan_args(&proxy.url, SERVICES, "unused");
        let at = args
            .iter()
            .position(|arg| arg == "--snapshot")
            .expect("an option");
        args[at] = "--resume".into();
        args[at + 1].clone_from(&name);
        let resumed = lockfast(moto, folder.path(), "management")
            .args(args)
            .arg("--no-judge")
            .output()
            .expect("it runs");
        assert!(
            resumed.status.code() != Some(2),
            "{}",
            String::from_utf8_lossy(&resumed.stderr)
        );
        let resumed = records(&folder.path().join(&name));
        if let Some((now, then)) = resumed.lines().zip(whole.lines()).find(|(a, b)| a != b) {
            panic!("killed after {kill_after} s:\n{now}\n{then}");
        }
        assert_eq!(resumed.len(), whole.len(), "killed after {kill_after} s");
        assert!(!partial.exists());
        // Calls under way when it was killed, those that may hold secrets, and those that say who one is are made twice.
        let twice = proxy.requests().saturating_sub(uninterrupted.requests());
        assert!(
            twice <= 64 + before / 2,
            "killed after {before} of {} requests, {twice} were made twice",
            uninterrupted.requests()
        );
    }
}
