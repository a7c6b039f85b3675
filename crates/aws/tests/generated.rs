//! The policy and the role template in docs/ are what the readers' table comes to. `UPDATE_DOCS=1` writes them.

use std::path::Path;

fn same(file: &str, wanted: &str) {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference")).join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, wanted).expect("docs/reference can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == wanted,
        "docs/reference/{file} is stale: run UPDATE_DOCS=1 cargo test -p lockfast-aws --test generated"
    );
}

#[test]
fn the_iam_policy_is_the_readers() {
    let policy = lockfast_aws::iam_policy(&[], None, false, false);
    let text = serde_json::to_string_pretty(&policy).expect("JSON");
    same("scan-iam-policy.json", &format!("{text}\n"));
}

#[test]
fn the_role_template_is_the_readers() {
    same(
        "scan-role.template.yaml",
        &lockfast_aws::stack_set_template("lockfast-audit"),
    );
}

/// A scan reads, and reads no data: no action may write, decrypt, or read what customers store.
#[test]
fn the_policy_reads_settings_only() {
    let policy = lockfast_aws::iam_policy(&[], None, false, false);
    for action in policy["Statement"][0]["Action"].as_array().expect("a list") {
        let action = action.as_str().expect("a text");
        let (_, name) = action.split_once(':').expect("service:Action");
        let reads = ["Describe", "Get", "List", "BatchGet", "GET"]
            .iter()
            .any(|verb| name.starts_with(verb));
        assert!(reads, "{action}");
        let data = [
            "secretsmanager:GetSecretValue",
            "s3:GetObject",
            "dynamodb:GetItem",
            "kinesis:GetRecords",
            "sqs:ReceiveMessage",
            "logs:GetLogEvents",
        ];
        assert!(!data.contains(&action), "{action}");
    }
}

/// What writes is asked for only by who sends.
#[test]
fn sending_adds_its_two_actions_and_nothing_else() {
    let reads = lockfast_aws::iam_policy(&[], None, false, false);
    let sends = lockfast_aws::iam_policy(&[], None, false, true);
    assert!(!reads.to_string().contains("securityhub"));
    let statements = |policy: &serde_json::Value| policy["Statement"].as_array().cloned();
    let (reads, sends) = (statements(&reads), statements(&sends));
    let (reads, sends) = reads.zip(sends).expect("statements");
    assert_eq!(sends[..reads.len()], reads);
    let more: Vec<_> = sends[reads.len()..]
        .iter()
        .filter_map(|statement| statement["Action"].as_str())
        .collect();
    assert_eq!(
        more,
        ["securityhub:BatchImportFindings", "securityhub:GetFindings"]
    );
    assert!(!lockfast_aws::stack_set_template("r").contains("securityhub"));
}

#[test]
fn only_looking_at_objects_needs_to_read_data() {
    let reads = lockfast_aws::iam_policy(&[], None, false, false).to_string();
    assert!(!reads.contains("s3:GetObject") && !reads.contains("s3:ListBucket\""));
    let samples = lockfast_aws::iam_policy(&[], None, true, false);
    let statement = &samples["Statement"][1];
    assert_eq!(
        statement["Action"],
        serde_json::json!(["s3:ListBucket", "s3:GetObject"])
    );
    assert!(!lockfast_aws::stack_set_template("r").contains("s3:GetObject"));
}
