//! Logs of elsewhere: in a bucket of moto, in the event history of this project's fake, on standard input.

use crate::servers::Account;
use crate::{files, lockfast, path, run, trail};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const UPLOAD: &str = "import boto3, os, sys
s3 = boto3.client('s3', region_name='eu-central-1')
s3.create_bucket(Bucket='trail-logs', CreateBucketConfiguration={'LocationConstraint': 'eu-central-1'})
root = sys.argv[1]
count = 0
for folder, _, names in os.walk(root):
    for name in names:
        if not name.endswith('.json.gz'):
            continue
        path = os.path.join(folder, name)
        beside = path + '.sig'
        metadata = {'signature': open(beside).read()} if os.path.exists(beside) else {}
        s3.upload_file(path, 'trail-logs', 'own/' + os.path.relpath(path, root), ExtraArgs={'Metadata': metadata})
        count += 1
print(count)";

#[test]
fn logs_of_a_bucket_are_fetched_once_and_only_those_that_are_needed() {
    let account = Account::start();
    // Digests are as many as hours: those of a few days are enough.
    let made = run(account.lockfast().args([
        "trail",
        "generate",
        "few",
        "--events",
        "600",
        "--files",
        "10",
        "--accounts",
        "2",
        "--days",
        "2",
        "--quiet-days",
        "--digests",
    ]));
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    let few = account.path().join("few");
    let count: usize = account
        .python(UPLOAD, &[few.to_str().expect("a name")])
        .trim()
        .parse()
        .expect("a count");
    let ask = |args: &[&str]| {
        let mut command = account.lockfast();
        command
            .env("LOCKFAST_LOG_CACHE", account.path().join("cache"))
            .arg("trail")
            .args(args);
        run(&mut command)
    };
    let narrow = [
        "usage",
        "s3://trail-logs/own",
        "--region",
        "eu-central-1",
        "--all",
        "-f",
        "json",
    ];
    let one_region = ask(&narrow);
    assert_eq!(one_region.code, 0, "{}", one_region.err);
    let local = run(account.lockfast().args([
        "trail",
        "usage",
        "few",
        "--region",
        "eu-central-1",
        "--all",
        "-f",
        "json",
    ]));
    assert_eq!(one_region.out, local.out);
    let number = |text: &str| -> usize {
        let (_, rest) = text.split_once("own: ").expect("what was fetched");
        rest.split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .expect("a count")
    };
    assert!(number(&one_region.err) < count, "{}", one_region.err);
    // The signatures of digests come along.
    let whole = ask(&[
        "verify",
        "s3://trail-logs/own/",
        "--public-keys",
        "few/public-keys",
        "-f",
        "json",
    ]);
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    assert_eq!(number(&whole.err.replace("own/: ", "own: ")), count);
    let again = ask(&narrow);
    assert!(again.err.contains(" 0 of them fetched"), "{}", again.err);
    let none = ask(&["usage", "s3://trail-logs/other"]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("no log file"), "{}", none.err);
    let missing = ask(&["usage", "s3://no-such-bucket-of-ours/"]);
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("NoSuchBucket"), "{}", missing.err);
}

/// How often each operation was asked for, by an answer of `trail usage --by operation`.
fn operations(answer: &Value) -> BTreeMap<String, u64> {
    let rows = answer.as_array().expect("rows").iter();
    rows.map(|row| {
        let name = row["operation"].as_str().expect("a name").to_owned();
        (name, row["uses"].as_u64().expect("a count"))
    })
    .collect()
}

#[test]
fn the_event_history_is_brought_by_day_and_only_once() {
    let account = Account::start();
    let key = account.key(json!({}));
    for _ in 0..70 {
        account.call("DescribeKey", json!({"KeyId": key}));
    }
    for _ in 0..3 {
        account.call(
            "GenerateDataKey",
            json!({"KeyId": key, "KeySpec": "AES_256"}),
        );
    }
    let ask = |path: &str, more: &[&str]| {
        let mut command = account.lockfast();
        command
            .env("LOCKFAST_LOG_CACHE", account.path().join("cache"))
            .args([
                "trail",
                "usage",
                path,
                "--all",
                "--by",
                "operation",
                "-f",
                "json",
            ])
            .args(more);
        run(&mut command)
    };
    let first = ask("cloudtrail://eu-central-1", &[]);
    assert_eq!(first.code, 0, "{}", first.err);
    let counts = operations(&first.json());
    let expected = [
        ("CreateKey", 1),
        ("DescribeKey", 70),
        ("GenerateDataKey", 3),
    ];
    assert_eq!(
        counts,
        expected
            .map(|(name, count)| (name.to_owned(), count))
            .into()
    );
    assert!(
        first.err.contains("74 events brought") && first.err.contains("; 0 days were"),
        "{}",
        first.err
    );
    // What may still grow is asked for again, and nothing is counted twice.
    account.call("Encrypt", json!({"KeyId": key, "Plaintext": "aGFsbG8="}));
    let again = ask("cloudtrail://eu-central-1,eu-west-1", &[]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(operations(&again.json())["DescribeKey"], 70);
    assert_eq!(operations(&again.json())["Encrypt"], 1);
    assert!(
        again.err.contains("; 87 days were there already"),
        "{}",
        again.err
    );
    let empty = ask("cloudtrail://eu-west-1", &["--since", "2020-01-01"]);
    assert_eq!((empty.code, empty.json()), (0, json!([])), "{}", empty.err);
    account.control(
        "faults",
        Some(json!({"operation": "LookupEvents", "times": 9, "mode": "throttle"})),
    );
    let refused = ask("cloudtrail://eu-central-1", &[]);
    assert_eq!(refused.code, 2, "{}{}", refused.out, refused.err);
    assert!(
        refused
            .err
            .contains("cloudtrail:LookupEvents gave no answer: ThrottlingException"),
        "{}",
        refused.err
    );
    let nowhere = ask("cloudtrail://", &[]);
    assert_eq!(nowhere.code, 2);
    assert!(
        nowhere.err.contains("write cloudtrail://REGION"),
        "{}",
        nowhere.err
    );
}

#[test]
fn public_keys_are_asked_of_cloudtrail() {
    let account = Account::start();
    let text = std::fs::read_to_string(path().join("logs/public-keys")).expect("keys");
    let keys: Value = serde_json::from_str(&text).expect("JSON");
    let keys: Vec<Value> = keys["PublicKeyList"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|key| json!({"Fingerprint": key["Fingerprint"], "Value": key["Value"]}))
        .collect();
    let verify = || {
        let mut command = account.lockfast();
        command.current_dir(path()).args([
            "trail",
            "verify",
            "logs",
            "--list-public-keys",
            "-f",
            "json",
        ]);
        run(&mut command)
    };
    let by_file = trail(&[
        "verify",
        "logs",
        "--public-keys",
        "logs/public-keys",
        "-f",
        "json",
    ])
    .json();
    assert!(by_file["signed"].as_u64() > Some(0), "{by_file}");
    // Keys of one region verify no digest of another.
    account.control("public-keys", Some(json!({"eu-central-1": []})));
    assert_eq!(verify().json()["signed"], 0);
    let digests = files(&path().join("logs"), "_CloudTrail-Digest_");
    let region = |file: &std::path::PathBuf| {
        let name = file
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        name.split('_').nth(2).expect("a region").to_owned()
    };
    let all: BTreeMap<String, &Vec<Value>> =
        digests.iter().map(|file| (region(file), &keys)).collect();
    account.control("public-keys", Some(json!(all)));
    let listed = verify();
    assert_eq!((listed.code, listed.json()), (0, by_file), "{}", listed.err);
}

#[test]
fn events_come_from_standard_input() {
    let file = files(&path().join("logs"), "_CloudTrail_").swap_remove(0);
    let by_name = trail(&[
        "sql",
        "SELECT count(*) AS events FROM events",
        file.to_str().expect("a name"),
        "-f",
        "json",
    ]);
    let bytes = std::fs::read(&file).expect("a file");
    let mut command = lockfast(&path());
    command
        .args([
            "trail",
            "sql",
            "SELECT count(*) AS events FROM events",
            "-",
            "-f",
            "json",
        ])
        .write_stdin(bytes.clone());
    let piped = run(&mut command);
    assert_eq!((piped.code, &piped.out), (0, &by_name.out), "{}", piped.err);
    assert!(piped.json()[0]["events"].as_u64() > Some(0));
    let mut command = lockfast(&path());
    command
        .args(["trail", "usage", "-"])
        .write_stdin(bytes[..bytes.len() / 2].to_vec());
    let cut = run(&mut command);
    assert_eq!(cut.code, 3);
    assert!(
        cut.err.contains("standard-input: ") && cut.err.contains("cut off"),
        "{}",
        cut.err
    );
    let mut command = lockfast(&path());
    command.args(["trail", "usage", "-", "-"]).write_stdin("");
    let twice = run(&mut command);
    assert_eq!(twice.code, 2);
    assert!(twice.err.contains("name `-` once"), "{}", twice.err);
}
