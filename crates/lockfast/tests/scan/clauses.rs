//! Every clause that a live account decides is decided on the seeded accounts each way: it passes somewhere, fails somewhere
//! and is unknown somewhere.

use crate::moto::{lockfast, moto, report, scan_args};
use crate::proxy::{self, Asked, Fault};
use crate::{cbor, documented};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// Verdicts that no scan can come to yet, and why.
const NOT_YET: &[(&str, &str, &str)] = &[];

const VERDICTS: [&str; 3] = ["pass", "fail", "unknown"];

/// Scans both accounts with the shop's policy.
fn scan(url: &str, folder: &Path, snapshot: &str) -> Value {
    let output = lockfast(moto(), folder, "management")
        .args(scan_args(url, "", snapshot))
        .args(["--organization", "--format", "json", "--fail-on", "never"])
        .timeout(Duration::from_secs(300))
        .output()
        .expect("it runs");
    report(&output)
}

/// Whose credentials a profile has.
fn access_key(profile: &str) -> String {
    let text = std::fs::read_to_string(&moto().credentials).expect("the credentials");
    let (_, of_profile) = text
        .split_once(&format!("[{profile}]"))
        .expect("the profile");
    let (_, key) = of_profile
        .split_once("aws_access_key_id = ")
        .expect("a key");
    key.lines().next().unwrap_or_default().to_owned()
}

fn denied(asked: &Asked) -> Fault {
    match asked.service.as_str() {
        // Who one is, and which accounts there are, is asked before anything is scanned.
        "sts" | "organizations" => Fault::None,
        "ec2" => Fault::Error(403, "UnauthorizedOperation"),
        "dynamodb" | "kms" | "logs" | "ssm" | "secretsmanager" => {
            Fault::Error(400, "AccessDeniedException")
        }
        _ => Fault::Error(403, "AccessDenied"),
    }
}

/// Whether an operation tells which resources there are. Those of REST are the paths in which nothing is named, where names have
/// digits or stand in S3's query.
fn is_list(asked: &Asked) -> bool {
    let operation = asked.operation.as_str();
    match operation.split_once(' ') {
        None => {
            operation.starts_with("List")
                || operation == "GetResources"
                || (operation.starts_with("Describe") && operation.ends_with('s'))
        }
        Some((_, url)) if asked.service == "s3" => !url.trim_start_matches("/?").contains('?'),
        Some((_, url)) => {
            let path = url.split('?').next().unwrap_or_default();
            let named = |part: &str| part.bytes().any(|byte| byte.is_ascii_digit());
            // /2015-03-31/…, /v2/…, /api/v2/… are versions.
            path.split('/')
                .filter(|part| !part.starts_with('v') && !part.starts_with("20"))
                .all(|part| !named(part))
        }
    }
}

#[test]
fn every_live_clause_is_decided_in_scanned_accounts() {
    let documented = documented::start(&moto().url);
    let folder = tempfile::tempdir().expect("a folder");
    let policy = documented.fill(include_str!("lockfast.toml"), &access_key("management"))
        + "\n"
        + &documented.fill(
            include_str!("lockfast-member.toml"),
            &access_key("workloads"),
        );
    std::fs::write(folder.path().join("lockfast.toml"), policy).expect("the policy");
    let no_details = proxy::start(documented.url(), |asked| match is_list(asked) {
        true => Fault::None,
        false => denied(asked),
    });
    let nothing = proxy::start(documented.url(), denied);

    let whole = scan(documented.url(), folder.path(), "whole.snapshot");
    documented.assert_complete();
    assert_eq!(
        whole["input"]["problems"],
        Value::Array(Vec::new()),
        "what is documented is understood"
    );
    let reports = [
        whole,
        scan(&no_details.url, folder.path(), "lists.snapshot"),
        scan(&nothing.url, folder.path(), "nothing.snapshot"),
    ];

    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for finding in reports
        .iter()
        .flat_map(|report| report["findings"].as_array().into_iter().flatten())
    {
        for clause in finding["clauses"].as_array().into_iter().flatten() {
            let verdict = finding["verdict"].as_str().unwrap_or_default();
            found
                .entry(clause.as_str().unwrap_or_default())
                .or_default()
                .insert(verdict);
        }
    }
    let coverage = lockfast(moto(), folder.path(), "management")
        .args(["coverage", "--source", "live", "--format", "json"])
        .output()
        .expect("it runs");
    let coverage: Value = serde_json::from_slice(&coverage.stdout).expect("JSON");
    let (mut missing, mut not_missing) = (Vec::new(), Vec::new());
    for row in coverage.as_array().expect("rows") {
        let clause = row["clause"].as_str().unwrap_or_default();
        for verdict in VERDICTS {
            let has = found
                .get(clause)
                .is_some_and(|verdicts| verdicts.contains(verdict));
            let excused = NOT_YET
                .iter()
                .any(|(own, of, _)| (*own, *of) == (clause, verdict));
            match (has, excused) {
                (false, false) => {
                    missing.push(format!("{clause}: no {verdict} by {}", row["controls"]))
                }
                (true, true) => not_missing.push(format!("{clause}: {verdict}")),
                _ => {}
            }
        }
    }
    assert!(
        missing.is_empty(),
        "not decided each way on live accounts:\n  {}",
        missing.join("\n  ")
    );
    assert!(
        not_missing.is_empty(),
        "take out of NOT_YET:\n  {}",
        not_missing.join("\n  ")
    );
}

#[test]
fn what_is_not_documented_is_refused_and_told_of() {
    // Nothing is behind it: neither request gets that far.
    let documented = documented::start("http://127.0.0.1:9");
    let client: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let scope = |service| {
        format!("AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/{service}/aws4_request")
    };
    let unexpected = client
        .post(format!("{}/", documented.url()))
        .header("authorization", scope("kms"))
        .header("x-amz-target", "TrentService.GetKeyRotationStatus")
        .send("{\"KeyId\": \"a\", \"Surprise\": 1}")
        .expect("an answer");
    assert_eq!(unexpected.status().as_u16(), 501);
    let unknown = client
        .post(format!(
            "{}/service/GraniteServiceVersion20100801/operation/ListDashboards",
            documented.url()
        ))
        .header("authorization", scope("monitoring"))
        .send(cbor::encode(&serde_json::json!({})))
        .expect("an answer");
    assert_eq!(unknown.status().as_u16(), 501);
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        documented.assert_complete()
    }));
    let told = told.expect_err("it fails");
    let told = told.downcast_ref::<String>().expect("a message");
    for what in [
        "kms GetKeyRotationStatus",
        "`Surprise`",
        "monitoring ListDashboards",
    ] {
        assert!(told.contains(what), "{told}");
    }
}
