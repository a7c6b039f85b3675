//! Keys deleted in an account, and the ledger of it.

use crate::servers::{ACCOUNT, Account};
use crate::{Ran, run};
use serde_json::{Value, json};

/// Asks for a deletion and gives the request's id.
fn request(account: &Account, key: &str, more: &[&str]) -> Ran {
    run(account
        .lockfast()
        .args([
            "keys",
            "request-deletion",
            key,
            "--reason",
            "nobody needs it",
            "--requester",
            "anna",
        ])
        .args(["--from", "now.snapshot"])
        .args(more))
}

fn id_of(ran: &Ran) -> String {
    let id = ran
        .out
        .strip_prefix("request ")
        .and_then(|rest| rest.split(':').next());
    id.unwrap_or_else(|| panic!("{}{}", ran.out, ran.err))
        .to_owned()
}

fn decide(account: &Account, word: &str, id: &str, who: &str) -> Ran {
    run(account.lockfast().args(["keys", word, id, "--key", who]))
}

fn delete(account: &Account, id: &str) -> Ran {
    run(account
        .lockfast()
        .args([
            "keys",
            "delete",
            id,
            "--apply",
            "--trail-delay",
            "0",
            "--attempts",
            "2",
            "--backoff",
            "20",
        ])
        .args(["--from", "now.snapshot"]))
}

pub fn verify(account: &Account) -> Ran {
    run(account.lockfast().args(["ledger", "verify"]))
}

#[test]
fn a_key_is_deleted_by_two_who_approve_and_comes_back_when_cancelled() {
    let account = Account::start();
    let key = account.key(json!({}));
    account.people(0);
    let asked = request(&account, &key, &[]);
    let id = id_of(&asked);
    // Nobody approved.
    let early = delete(&account, &id);
    assert_eq!(early.code, 4, "{}{}", early.out, early.err);
    assert_eq!(account.state(&key), "Enabled");
    // Who asks does not count, nor does a stranger, nor the same twice.
    assert_eq!(decide(&account, "approve", &id, "anna").code, 2);
    assert_eq!(decide(&account, "approve", &id, "dora").code, 2);
    assert_eq!(decide(&account, "approve", &id, "ben").code, 0);
    assert_eq!(decide(&account, "approve", &id, "ben").code, 2);
    assert_eq!(delete(&account, &id).code, 4);
    assert_eq!(account.count("DisableKey"), 0);
    assert_eq!(decide(&account, "approve", &id, "cleo").code, 0);
    let plan = run(account.lockfast().args(["keys", "delete", &id]));
    assert!(
        plan.out.contains("Nothing was done"),
        "{}{}",
        plan.out,
        plan.err
    );
    assert_eq!(account.state(&key), "Enabled");
    let done = delete(&account, &id);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!(account.state(&key), "PendingDeletion");
    // Again, nothing is done twice.
    assert_eq!(delete(&account, &id).code, 0);
    assert_eq!(
        (
            account.count("DisableKey"),
            account.count("ScheduleKeyDeletion")
        ),
        (1, 1)
    );
    let told = run(account
        .lockfast()
        .args(["keys", "requests", &id, "--format", "json"]))
    .json();
    assert_eq!(told[0]["phase"], "done");
    assert_eq!(told[0]["approvals"].as_array().expect("approvals").len(), 2);
    let cancelled = run(account.lockfast().args([
        "keys",
        "cancel",
        &id,
        "--by",
        "ben",
        "--reason",
        "the wrong key",
    ]));
    assert_eq!(cancelled.code, 0, "{}{}", cancelled.out, cancelled.err);
    assert_eq!(account.state(&key), "Enabled");
    assert_eq!(verify(&account).code, 0);
}

#[test]
fn a_key_that_something_needs_is_not_asked_for() {
    let account = Account::start();
    let key = account.key(json!({}));
    account.call(
        "CreateGrant",
        json!({"KeyId": key, "GranteePrincipal": "arn:aws:iam::111111111111:role/app", "Operations": ["Decrypt"]}),
    );
    account.people(0);
    let refused = request(&account, &key, &[]);
    assert_eq!(refused.code, 2, "{}", refused.out);
    assert!(refused.err.contains("role/app"), "{}", refused.err);
    let id = id_of(&request(
        &account,
        &key,
        &["--override-reason", "the application is gone"],
    ));
    assert_eq!(decide(&account, "approve", &id, "ben").code, 0);
    assert_eq!(decide(&account, "approve", &id, "cleo").code, 0);
    // Somebody else gets a grant meanwhile: what was approved is no longer so.
    account.call(
        "CreateGrant",
        json!({"KeyId": key, "GranteePrincipal": "arn:aws:iam::111111111111:role/new", "Operations": ["Decrypt"]}),
    );
    account.snapshot();
    let voided = delete(&account, &id);
    assert_eq!(voided.code, 1, "{}{}", voided.out, voided.err);
    assert!(voided.out.contains("voided"), "{}", voided.out);
    assert_eq!(account.count("DisableKey"), 0);
}

#[test]
fn one_who_rejects_ends_it() {
    let account = Account::start();
    let key = account.key(json!({}));
    account.people(0);
    let id = id_of(&request(&account, &key, &[]));
    assert_eq!(decide(&account, "approve", &id, "ben").code, 0);
    assert_eq!(decide(&account, "reject", &id, "cleo").code, 0);
    let ended = delete(&account, &id);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    assert_eq!(account.count("DisableKey"), 0);
    // What is over stays so, and not everybody may cancel.
    let cancel = |by: &str| {
        let why = ["--by", by, "--reason", "no"];
        run(account.lockfast().args(["keys", "cancel", &id]).args(why))
    };
    let over = cancel("anna");
    assert_eq!(over.code, 2, "{}", over.out);
    assert!(over.err.contains("over already"), "{}", over.err);
    let nobody = cancel("mallory");
    assert!(nobody.err.contains("nobody in the rules"), "{}", nobody.err);
}

#[test]
fn somebody_who_misses_the_key_stops_its_deletion() {
    let account = Account::start();
    let key = account.key(json!({}));
    account.people(1);
    let id = id_of(&request(&account, &key, &[]));
    decide(&account, "approve", &id, "ben");
    decide(&account, "approve", &id, "cleo");
    let waiting = delete(&account, &id);
    assert_eq!(waiting.code, 4, "{}{}", waiting.out, waiting.err);
    assert!(waiting.out.contains("watched until"), "{}", waiting.out);
    assert_eq!(account.state(&key), "Disabled");
    // No time is skipped, however often it is asked.
    assert_eq!(delete(&account, &id).code, 4);
    assert_eq!(account.count("ScheduleKeyDeletion"), 0);
    // Somebody misses it: that stops it, before the time is over.
    let missed = account.call("Encrypt", json!({"KeyId": key, "Plaintext": "b3JkZXI="}));
    assert_eq!(missed["__type"], "DisabledException");
    let stopped = delete(&account, &id);
    assert_eq!(stopped.code, 1, "{}{}", stopped.out, stopped.err);
    assert!(
        stopped.out.contains("the key was missed"),
        "{}",
        stopped.out
    );
    assert_eq!(delete(&account, &id).code, 1);
    assert_eq!(account.count("ScheduleKeyDeletion"), 0);
    let cancelled = run(account.lockfast().args([
        "keys",
        "cancel",
        &id,
        "--by",
        "anna",
        "--reason",
        "it is missed",
    ]));
    assert_eq!(cancelled.code, 0, "{}{}", cancelled.out, cancelled.err);
    assert_eq!(account.state(&key), "Enabled");
}

#[test]
fn an_answer_that_is_lost_and_a_second_broker_delete_nothing_twice() {
    let account = Account::start();
    let key = account.key(json!({}));
    account.people(0);
    let id = id_of(&request(&account, &key, &[]));
    decide(&account, "approve", &id, "ben");
    decide(&account, "approve", &id, "cleo");
    // The deletion is scheduled, and the answer is lost on the way; the SDK asks again.
    account.control(
        "faults",
        Some(json!({"operation": "ScheduleKeyDeletion", "times": 1, "mode": "drop-after"})),
    );
    let brokers: Vec<_> = (0..2)
        .map(|_| {
            let mut command = account.lockfast();
            command
                .args([
                    "keys",
                    "delete",
                    &id,
                    "--apply",
                    "--trail-delay",
                    "0",
                    "--attempts",
                    "2",
                    "--backoff",
                    "20",
                ])
                .args(["--from", "now.snapshot"]);
            std::thread::spawn(move || command.output().expect("it runs").status.code())
        })
        .collect();
    for broker in brokers {
        let code = broker.join().expect("it ends");
        // One does it; the other does too, or says that somebody is about it.
        assert!(matches!(code, Some(0..=4)), "{code:?}");
    }
    assert_eq!(account.count("ScheduleKeyDeletion"), 1);
    assert_eq!(account.count("DisableKey"), 1);
    assert_eq!(account.state(&key), "PendingDeletion");
    assert_eq!(verify(&account).code, 0);
}

#[test]
fn a_broker_that_is_killed_is_followed_by_another() {
    let account = Account::start();
    let key = account.key(json!({}));
    account.people(0);
    let id = id_of(&request(&account, &key, &[]));
    decide(&account, "approve", &id, "ben");
    decide(&account, "approve", &id, "cleo");
    let binary = assert_cmd::cargo::cargo_bin("lockfast");
    let mut killed = 0;
    // Killed later and later, until one gets through.
    for millis in (0..).map(|turn| 40 * turn) {
        let mut command = std::process::Command::new(&binary);
        let model = account.lockfast();
        command.envs(
            model
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let mut child = command
            .current_dir(account.path())
            .args([
                "keys",
                "delete",
                &id,
                "--apply",
                "--trail-delay",
                "0",
                "--from",
                "now.snapshot",
            ])
            .args(["--attempts", "2", "--backoff", "20"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        std::thread::sleep(std::time::Duration::from_millis(millis));
        match child.try_wait().expect("it is asked") {
            // Somebody's intent may still hold for its lease: that it is respected is as it should be.
            Some(_) => break,
            None => {
                child.kill().expect("killed");
                child.wait().expect("it ended");
                killed += 1;
            }
        }
        assert!(millis < 20_000, "it never ended");
    }
    assert!(killed > 0);
    assert!(account.count("ScheduleKeyDeletion") <= 1);
    assert!(account.count("DisableKey") <= 1);
    let whole = verify(&account);
    assert_eq!(whole.code, 0, "{}", whole.out);
}

#[test]
fn a_ledger_that_somebody_edited_is_found() {
    let account = Account::start();
    let key = account.key(json!({}));
    account.people(0);
    request(&account, &key, &[]);
    let head = run(account.lockfast().args(["ledger", "head"])).out;
    std::fs::write(account.path().join("head.json"), head).expect("written");
    let exported = run(account
        .lockfast()
        .args(["ledger", "export", "--output", "copy.jsonl"]));
    assert_eq!(exported.code, 0, "{}", exported.err);
    let check = || {
        run(account
            .lockfast()
            .args(["ledger", "verify", "copy.jsonl", "--head", "head.json"]))
    };
    assert_eq!(check().code, 0);
    let copy = std::fs::read_to_string(account.path().join("copy.jsonl")).expect("the copy");
    std::fs::write(
        account.path().join("copy.jsonl"),
        copy.replace("nobody needs it", "everybody needs"),
    )
    .expect("written");
    let edited = check();
    assert_eq!(edited.code, 1, "{}", edited.out);
    assert!(edited.out.contains("entry 1 was altered"), "{}", edited.out);
    std::fs::write(account.path().join("copy.jsonl"), "").expect("written");
    assert_eq!(check().code, 1);
}

#[test]
fn grants_that_could_not_be_read_leave_it_possible() {
    let account = Account::start();
    let key = account.key(json!({}));
    account.people(0);
    let can = || {
        run(account.lockfast().args([
            "can",
            "arn:aws:iam::111111111111:role/app",
            "kms:Decrypt",
            &key,
            "--from",
            "now.snapshot",
            "--format",
            "json",
        ]))
    };
    let because = |ran: &Ran| ran.json()["because"].to_string();
    assert!(!because(&can()).contains("\"grant "));
    let statement =
        |effect: &str, action: &str| json!({"Effect": effect, "Action": action, "Resource": "*"});
    let denies = [statement("Allow", "*"), statement("Deny", "kms:ListGrants")];
    let policy = json!({"Version": "2012-10-17", "Statement": denies});
    account.control("scps", Some(json!({ACCOUNT: [policy]})));
    let denied = run(account
        .lockfast()
        .args([
            "scan",
            "--region",
            "eu-central-1",
            "--service",
            "kms,iam",
            "--attempts",
            "2",
        ])
        .args([
            "--backoff",
            "20",
            "--no-judge",
            "--snapshot",
            "now.snapshot",
        ]));
    assert_eq!(denied.code, 3, "{}", denied.err);
    let open = can();
    assert_eq!(open.code, 4, "{}{}", open.out, open.err);
    assert!(because(&open).contains("\"grant "), "{}", open.out);
    // Nor is a deletion asked for on a guess.
    let refused = request(&account, &key, &[]);
    assert_eq!(refused.code, 2, "{}", refused.out);
    assert!(refused.err.contains("grants"), "{}", refused.err);
}

#[test]
fn the_head_of_the_ledger_is_locked_in_a_bucket_and_finds_what_was_cut_off() {
    let account = Account::start();
    let key = account.key(json!({}));
    account.people(0);
    let toml = account.path().join("lockfast.toml");
    let text = std::fs::read_to_string(&toml).expect("the policy file");
    let bucket = "[approvals]\nanchor_bucket = \"anchors\"\nanchor_region = \"eu-central-1\"\n";
    std::fs::write(&toml, text.replacen("[approvals]\n", bucket, 1)).expect("written");
    account.python(
        "import boto3
client = boto3.client('s3')
client.create_bucket(Bucket='anchors', ObjectLockEnabledForBucket=True, CreateBucketConfiguration={'LocationConstraint': 'eu-central-1'})",
        &[],
    );
    let id = id_of(&request(&account, &key, &[]));
    assert_eq!(decide(&account, "approve", &id, "ben").code, 0);
    let anchor = run(account
        .lockfast()
        .args(["ledger", "anchor", "--days", "400"]));
    assert_eq!(anchor.code, 0, "{}{}", anchor.out, anchor.err);
    let told = account.python(
        "import boto3, json
client = boto3.client('s3')
name = client.list_objects_v2(Bucket='anchors')['Contents'][0]['Key']
found = client.get_object(Bucket='anchors', Key=name)
print(json.dumps([found['ObjectLockMode'], found['Body'].read().decode()]))",
        &[],
    );
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told[0], "COMPLIANCE");
    let head = account.path().join("head.json");
    std::fs::write(&head, told[1].as_str().expect("a head")).expect("written");
    let against = || {
        run(account
            .lockfast()
            .args(["ledger", "verify", "--head", "head.json"]))
    };
    let whole = against();
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    // A ledger that ends before the anchor was cut off.
    let export = account.path().join("cut.jsonl");
    let all = run(account.lockfast().args(["ledger", "export"]));
    let first = all.out.lines().next().expect("an entry");
    std::fs::write(&export, format!("{first}\n")).expect("written");
    let cut =
        run(account
            .lockfast()
            .args(["ledger", "verify", "cut.jsonl", "--head", "head.json"]));
    assert_eq!(cut.code, 1, "{}{}", cut.out, cut.err);
    // Somebody takes back what was cancelled by putting an older copy in the ledger's place: the bucket tells.
    assert_eq!(decide(&account, "approve", &id, "cleo").code, 0);
    let database = account.path().join("lockfast-ledger.db");
    let older = std::fs::read(&database).expect("the ledger");
    let cancelled = run(account.lockfast().args(["keys", "cancel", &id]).args([
        "--reason",
        "we need it",
        "--by",
        "anna",
    ]));
    assert_eq!(cancelled.code, 0, "{}{}", cancelled.out, cancelled.err);
    let anchored = run(account
        .lockfast()
        .args(["ledger", "anchor", "--days", "400"]));
    assert_eq!(anchored.code, 0, "{}", anchored.err);
    std::fs::write(&database, older).expect("written");
    let refused = run(account
        .lockfast()
        .args(["keys", "delete", &id, "--apply", "--trail-delay", "0"])
        .args(["--from", "now.snapshot"]));
    assert_ne!(refused.code, 0, "{}{}", refused.out, refused.err);
    assert_eq!(account.count("DisableKey"), 0);
}

#[test]
fn a_ledger_that_is_locked_or_full_loses_nothing_and_lets_nothing_through() {
    let account = Account::start();
    let key = account.key(json!({}));
    account.people(0);
    let id = id_of(&request(&account, &key, &[]));
    assert_eq!(decide(&account, "approve", &id, "ben").code, 0);
    let before = account.path().join("lockfast-ledger.db");
    let whole = std::fs::read(&before).expect("the ledger");
    // The file may not grow: the second approval is not written, and does not count.
    let full = std::process::Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f $1; shift; exec \"$@\"")
        .arg("sh")
        .arg((whole.len() / 512).to_string())
        .arg(assert_cmd::cargo::cargo_bin!("lockfast"))
        .args(["keys", "approve", &id, "--key", "cleo"])
        .current_dir(account.path())
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&full.stderr);
    assert_ne!(full.status.code(), Some(0), "{said}");
    assert!(
        full.status.code().is_some() && said.contains("lockfast-ledger.db"),
        "{said}"
    );
    assert_eq!(verify(&account).code, 0);
    let blocked = delete(&account, &id);
    assert_ne!(blocked.code, 0, "{}", blocked.out);
    assert_eq!(account.count("DisableKey"), 0);
    // Somebody's shell holds the ledger: that is said after a while, and nothing is half done.
    let mut holder = std::process::Command::new("python3")
        .args([
            "-c",
            "import sqlite3, sys
held = sqlite3.connect('lockfast-ledger.db', isolation_level=None)
held.execute('BEGIN EXCLUSIVE')
print('held', flush=True)
sys.stdin.read()",
        ])
        .current_dir(account.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("Python");
    let mut line = String::new();
    let out = holder.stdout.take().expect("its output");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).expect("a line");
    let locked = decide(&account, "approve", &id, "cleo");
    drop(holder.stdin.take());
    holder.wait().expect("it ends");
    assert_ne!(locked.code, 0, "{}", locked.out);
    assert!(locked.err.contains("held the ledger"), "{}", locked.err);
    assert_eq!(decide(&account, "approve", &id, "cleo").code, 0);
    let deleted = delete(&account, &id);
    assert_eq!(deleted.code, 0, "{}{}", deleted.out, deleted.err);
    assert_eq!(account.count("ScheduleKeyDeletion"), 1);
    assert_eq!(verify(&account).code, 0);
}
