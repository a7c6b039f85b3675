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
    let policy = lockfast_aws::iam_policy(&[], None);
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
    let policy = lockfast_aws::iam_policy(&[], None);
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
