//! `lockfast drift`, as people and pipelines call it.

use assert_cmd::Command;
use std::path::{Path, PathBuf};

fn shop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../drift/tests/fixtures/shop")
}

fn drift(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("lockfast").expect("the binary is built");
    let output = command
        .env("NO_COLOR", "1")
        .current_dir(folder)
        .arg("drift")
        .args(args)
        .output()
        .expect("it runs");
    (
        output.status.code().expect("an exit code"),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn the_table_is_for_people() {
    let (code, out, err) = drift(&shop(), &["snapshot.jsonl", "assembly", "legacy.yaml"]);
    assert_eq!(code, 1, "{err}");
    let out: Vec<&str> = out.lines().map(str::trim_end).collect();
    insta::assert_snapshot!("drift_of_the_shop", out.join("\n"));
}

#[test]
fn the_json_keeps_its_schema() {
    let (code, out, err) = drift(&shop(), &["snapshot.jsonl", "assembly", "--format", "json"]);
    assert_eq!(code, 1, "{err}");
    let document: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas/drift.json");
    let schema = std::fs::read_to_string(schema).expect("`cargo xtask docs` wrote it");
    let schema = serde_json::from_str(&schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|e| e.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let findings = document["findings"].as_array().expect("findings");
    let clauses = ["IAC-1", "IAC-3"];
    assert!(
        findings
            .iter()
            .all(|f| clauses.contains(&f["clause"].as_str().unwrap_or_default()))
    );
    // A file that is not given leaves its stack's resources open, never undefined.
    let invoices = findings
        .iter()
        .find(|f| f["live"]["name"] == "billing-invoices-1");
    assert_eq!(invoices.map(|f| &f["kind"]), Some(&"unknown".into()));
}

const ACCOUNT: &str = r#"{"snapshot":{"format":1,"made_by":"test","taken":"2026-11-27T06:00:00Z","accounts":[{"id":"111111111111"}],"regions":["eu-central-1"],"services":["cloudformation","sqs"]}}
{"unit":{"account":"111111111111","region":"eu-central-1","service":"cloudformation"}}
{"resource":{"type":"AWS::CloudFormation::Stack","name":"app","properties":{"StackName":"app","StackStatus":"CREATE_COMPLETE","Resources":[{"LogicalResourceId":"Jobs","PhysicalResourceId":"https://sqs.eu-central-1.amazonaws.com/111111111111/jobs","ResourceType":"AWS::SQS::Queue"}]}}}
{"unit":{"account":"111111111111","region":"eu-central-1","service":"sqs"}}
{"resource":{"type":"AWS::SQS::Queue","name":"jobs","arn":"arn:aws:sqs:eu-central-1:111111111111:jobs","properties":{"QueueName":"jobs","SqsManagedSseEnabled":true}}}
{"end":{"resources":2}}
"#;

#[test]
fn exit_codes_say_what_happened() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write =
        |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("account.jsonl", ACCOUNT);
    write("same.yaml", "Resources:\n  Jobs: {Type: AWS::SQS::Queue}\n");
    write(
        "off.yaml",
        "Resources:\n  Jobs: {Type: AWS::SQS::Queue, Properties: {KmsMasterKeyId: alias/aws/sqs}}\n",
    );
    write(
        "open.yaml",
        "Parameters: {Key: {Type: String}}\nResources:\n  Jobs: {Type: AWS::SQS::Queue, Properties: {KmsMasterKeyId: !Ref Key}}\n",
    );
    let code = |args: &[&str]| {
        let (code, out, err) = drift(folder.path(), args);
        (code, format!("{out}{err}"))
    };
    let (kept, said) = code(&["account.jsonl", "same.yaml"]);
    assert!(
        kept == 0 && said.contains("what is live is what the templates say"),
        "{kept} {said}"
    );
    assert_eq!(code(&["account.jsonl", "off.yaml"]).0, 1);
    assert_eq!(code(&["account.jsonl", "open.yaml"]).0, 3);
    assert_eq!(
        code(&[
            "account.jsonl",
            "open.yaml",
            "--parameters",
            "Key=alias/aws/sqs"
        ])
        .0,
        1
    );
    assert_eq!(code(&["account.jsonl", "none.yaml"]).0, 3);
    assert_eq!(code(&["none.jsonl", "same.yaml"]).0, 2);
    assert_eq!(code(&["account.jsonl", "same.yaml", "--stack", "app"]).0, 2);
    assert_eq!(
        code(&["account.jsonl", "same.yaml", "--stack", "app=other.yaml"]).0,
        2
    );
}
