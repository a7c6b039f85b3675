//! Templates against snapshots: each kind of difference, and what cannot be told.

use lockfast_drift::{AccessWhat, Drift, Finding, FindingKind, StatementWhat, compare};
use lockfast_iac::ReadOptions;
use std::fmt::Write;
use std::path::Path;

const ACCOUNT: &str = "111111111111";
const REGION: &str = "eu-central-1";

fn drift(snapshot: &Path, templates: &[String], stacks: &[(&str, &str)]) -> Drift {
    let live = lockfast_snapshot::load(snapshot).unwrap_or_else(|error| panic!("{error}"));
    let templates = lockfast_iac::load(templates, &ReadOptions::default());
    assert!(templates.problems.is_empty(), "{:?}", templates.problems);
    let stacks: Vec<(String, String)> = stacks
        .iter()
        .map(|(name, file)| ((*name).to_owned(), (*file).to_owned()))
        .collect();
    compare(&live, &templates.inventory, &stacks)
}

/// The shop: a cloud assembly of three stacks, a file beside it, and the account as it was scanned.
fn shop() -> Drift {
    let input = [
        "tests/fixtures/shop/assembly",
        "tests/fixtures/shop/legacy.yaml",
    ]
    .map(str::to_owned);
    drift(Path::new("tests/fixtures/shop/snapshot.jsonl"), &input, &[])
}

/// A snapshot of resources given as lines, each of the service before it.
fn small(template: &str, services: &[(&str, &[&str])], stacks: &[(&str, &str)]) -> Drift {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let names: Vec<String> = services
        .iter()
        .map(|(service, _)| format!("{service:?}"))
        .collect();
    let mut lines = format!(
        r#"{{"snapshot":{{"format":1,"made_by":"test","taken":"2026-11-27T06:00:00Z","accounts":[{{"id":"{ACCOUNT}"}}],"regions":["{REGION}"],"services":[{}]}}}}"#,
        names.join(",")
    );
    let mut count = 0;
    for (service, resources) in services {
        let region = if *service == "s3" { "global" } else { REGION };
        write!(lines, "\n{{\"unit\":{{\"account\":\"{ACCOUNT}\",\"region\":\"{region}\",\"service\":\"{service}\"}}}}").expect("string");
        for resource in *resources {
            write!(lines, "\n{{\"resource\":{resource}}}").expect("string");
            count += 1;
        }
    }
    write!(lines, "\n{{\"end\":{{\"resources\":{count}}}}}\n").expect("string");
    let snapshot = folder.path().join("account.jsonl");
    std::fs::write(&snapshot, lines).expect("written");
    let file = folder.path().join("app.yaml");
    std::fs::write(&file, template).expect("written");
    drift(&snapshot, &[file.to_string_lossy().into_owned()], stacks)
}

fn about<'d>(drift: &'d Drift, name: &str) -> Vec<&'d Finding> {
    let is_it = |finding: &&Finding| {
        finding
            .template
            .as_ref()
            .is_some_and(|t| t.logical_id == name)
            || finding.live.as_ref().is_some_and(|live| live.name == name)
    };
    drift.findings.iter().filter(is_it).collect()
}

fn only<'d>(drift: &'d Drift, name: &str) -> &'d Finding {
    match about(drift, name).as_slice() {
        [finding] => finding,
        other => panic!("{name}: {other:#?}"),
    }
}

#[test]
fn everything_about_the_shop() {
    let drift = shop();
    let mut text = String::new();
    for stack in &drift.stacks {
        writeln!(text, "{} is {:?}: {}", stack.name, stack.stack, stack.how).expect("string");
    }
    for finding in &drift.findings {
        let template = finding
            .template
            .as_ref()
            .map(|t| format!("{} at {}", t.logical_id, t.place));
        let live = finding
            .live
            .as_ref()
            .map(|l| format!("{} at {}", l.name, l.place));
        let both: Vec<String> = template.into_iter().chain(live).collect();
        writeln!(
            text,
            "{:?} {} {}\n  {}",
            finding.kind,
            finding.clause,
            both.join(" / "),
            finding.message
        )
        .expect("string");
        for change in finding.policy.iter().flat_map(|policy| &policy.statements) {
            writeln!(text, "  {:?} {:?}", change.what, change.sid).expect("string");
        }
        for change in finding.policy.iter().flat_map(|policy| &policy.access) {
            writeln!(text, "  {:?}: {}", change.what, change.message).expect("string");
        }
    }
    writeln!(text, "{:?}", drift.summary).expect("string");
    insta::assert_snapshot!("shop", text);
}

#[test]
fn what_a_template_refers_to_is_what_it_became() {
    let drift = shop();
    // A bucket whose key is a reference there and an ARN here differs in its policy alone.
    assert_eq!(about(&drift, "Uploads").len(), 0);
    assert_eq!(only(&drift, "UploadsPolicy").kind, FindingKind::Policy);
    // A log group that says nothing is as AWS makes it.
    assert_eq!(about(&drift, "AuditLog").len(), 0);
}

#[test]
fn a_policy_says_who_gained_what() {
    let drift = shop();
    let found = about(&drift, "DataKey");
    let policy = found
        .iter()
        .find_map(|finding| finding.policy.as_ref())
        .expect("a policy");
    let gained: Vec<&str> = policy
        .access
        .iter()
        .filter(|change| change.what == AccessWhat::Gained)
        .map(|change| change.who.as_str())
        .collect();
    assert!(
        gained.contains(&"arn:aws:iam::111111111111:role/intern"),
        "{gained:?}"
    );
    // The role of the template may what it might; its statement has another list, in another order.
    assert!(
        !gained.iter().any(|who| who.contains("AppRole")),
        "{gained:?}"
    );
    let audit = policy
        .statements
        .iter()
        .find(|change| change.sid.as_deref() == Some("Audit"));
    assert_eq!(
        audit.map(|change| change.what),
        Some(StatementWhat::Unknown)
    );
}

const BUCKET: &str = r#"{"type":"AWS::S3::Bucket","name":"invoices-1","arn":"arn:aws:s3:::invoices-1","region":"eu-central-1","properties":{"BucketName":"invoices-1","Tags":[{"Key":"aws:cloudformation:stack-name","Value":"billing"},{"Key":"aws:cloudformation:logical-id","Value":"Invoices"}]}}"#;

fn stack(name: &str, resources: &str) -> String {
    format!(
        r#"{{"type":"AWS::CloudFormation::Stack","name":"{name}","arn":"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/1","properties":{{"StackName":"{name}","StackStatus":"CREATE_COMPLETE","Resources":[{resources}]}}}}"#
    )
}

fn made(logical: &str, physical: &str, kind: &str) -> String {
    format!(
        r#"{{"LogicalResourceId":"{logical}","PhysicalResourceId":"{physical}","ResourceType":"{kind}"}}"#
    )
}

#[test]
fn what_is_as_the_template_says_is_no_drift() {
    let drift = small(
        "Resources:\n  Invoices:\n    Type: AWS::S3::Bucket\n",
        &[
            (
                "cloudformation",
                &[&stack(
                    "billing",
                    &made("Invoices", "invoices-1", "AWS::S3::Bucket"),
                )],
            ),
            ("s3", &[BUCKET]),
        ],
        &[],
    );
    assert!(
        !drift.differs() && !drift.is_partial(),
        "{:#?}",
        drift.findings
    );
    assert_eq!(drift.summary.compared, 1);
}

#[test]
fn tags_join_where_stacks_were_not_read() {
    let template =
        "Resources:\n  Invoices:\n    Type: AWS::S3::Bucket\n  Queue:\n    Type: AWS::SQS::Queue\n";
    let drift = small(template, &[("s3", &[BUCKET]), ("sqs", &[])], &[]);
    assert_eq!(drift.stacks[0].stack.as_deref(), Some("billing"));
    assert_eq!(about(&drift, "Invoices").len(), 0);
    // Of a stack that is known by tags alone nobody can say what it does not have.
    assert_eq!(only(&drift, "Queue").kind, FindingKind::Unknown);
}

#[test]
fn a_chosen_name_joins_without_any_stack() {
    let template = "Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: plain}\n  Gone:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: gone}\n";
    let bucket = r#"{"type":"AWS::S3::Bucket","name":"plain","arn":"arn:aws:s3:::plain","region":"eu-central-1","properties":{"BucketName":"plain"}}"#;
    let drift = small(template, &[("s3", &[bucket])], &[]);
    assert_eq!(about(&drift, "Bucket").len(), 0);
    assert_eq!(only(&drift, "Gone").kind, FindingKind::Missing);
}

#[test]
fn one_of_two_stacks_is_taken_only_when_it_is_named() {
    let template = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n";
    let queue = |name: &str| {
        format!(
            r#"{{"type":"AWS::SQS::Queue","name":"{name}","arn":"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}","properties":{{"QueueName":"{name}"}}}}"#
        )
    };
    let url = |name: &str| format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}");
    let (dev, prod) = (
        stack("dev", &made("Queue", &url("d"), "AWS::SQS::Queue")),
        stack("prod", &made("Queue", &url("p"), "AWS::SQS::Queue")),
    );
    let (d, p) = (queue("d"), queue("p"));
    let services: [(&str, &[&str]); 2] = [("cloudformation", &[&dev, &prod]), ("sqs", &[&d, &p])];
    let open = small(template, &services, &[]);
    assert_eq!(only(&open, "Queue").kind, FindingKind::Unknown);
    assert!(
        open.stacks[0].how.contains("--stack dev="),
        "{}",
        open.stacks[0].how
    );
    // One file may be both.
    let both = small(
        template,
        &services,
        &[("dev", "app.yaml"), ("prod", "app.yaml")],
    );
    assert_eq!(both.summary.compared, 2);
    assert!(both.findings.is_empty(), "{:#?}", both.findings);
}

#[test]
fn what_no_scan_reads_is_never_missing() {
    let template = "Resources:\n  Workspace:\n    Type: AWS::APS::Workspace\n  Cache:\n    Type: AWS::ElastiCache::ReplicationGroup\n    Properties: {ReplicationGroupDescription: c}\n";
    let made = [
        made("Workspace", "ws-1", "AWS::APS::Workspace"),
        made("Cache", "c1", "AWS::ElastiCache::ReplicationGroup"),
    ]
    .join(",");
    let drift = small(
        template,
        &[("cloudformation", &[&stack("obs", &made)])],
        &[],
    );
    assert!(!drift.differs(), "{:#?}", drift.findings);
    assert_eq!(drift.summary.unknown, 2);
}

#[test]
fn a_denial_that_is_gone_is_access_gained() {
    let template = r#"
Resources:
  Key:
    Type: AWS::KMS::Key
    Properties:
      KeyPolicy:
        Version: "2012-10-17"
        Statement:
          - {Sid: Root, Effect: Allow, Principal: {AWS: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}, Action: "kms:*", Resource: "*"}
          - {Sid: NotOps, Effect: Deny, Principal: {AWS: "arn:aws:iam::111111111111:role/ops"}, Action: "kms:ScheduleKeyDeletion", Resource: "*"}
"#;
    let key = r#"{"type":"AWS::KMS::Key","name":"cccccccc-3333-4333-8333-000000000003","arn":"arn:aws:kms:eu-central-1:111111111111:key/cccccccc-3333-4333-8333-000000000003","properties":{"Enabled":true,"KeyPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"Root","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"kms:*","Resource":"*"}]}}}"#;
    let stack = stack(
        "keys",
        &made(
            "Key",
            "cccccccc-3333-4333-8333-000000000003",
            "AWS::KMS::Key",
        ),
    );
    let drift = small(
        template,
        &[("cloudformation", &[&stack]), ("kms", &[key])],
        &[],
    );
    let finding = only(&drift, "Key");
    assert_eq!(
        (finding.kind, finding.clause.as_str()),
        (FindingKind::Policy, "IAC-3")
    );
    let policy = finding.policy.as_ref().expect("a policy");
    // The root statement is the same: the pseudo parameters are the account's.
    assert_eq!(policy.statements.len(), 1);
    let [change] = policy.access.as_slice() else {
        panic!("{:#?}", policy.access);
    };
    assert_eq!(
        (change.what, change.who.as_str()),
        (AccessWhat::Gained, "arn:aws:iam::111111111111:role/ops")
    );
    assert_eq!(change.actions, ["kms:ScheduleKeyDeletion"]);
}
