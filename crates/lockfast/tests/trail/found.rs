//! What is looked for: attacks, what is unusual, and files that are not as they were.

use crate::{copied, files, lockfast, path, run, trail};
use serde_json::Value;

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn labels() -> Vec<Value> {
    let text = std::fs::read_to_string(path().join("logs").join("labels")).expect("labels");
    let labels: Value = serde_json::from_str(&text).expect("JSON");
    list(&labels).to_vec()
}

#[test]
fn files_are_held_against_digests() {
    let keys = ["--public-keys", "logs/public-keys"];
    let whole = trail(&[&["verify", "logs", "-f", "json"], &keys[..]].concat());
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    let told = whole.json();
    assert_eq!(told["digests"], told["signed"]);
    assert_eq!(told["findings"], serde_json::json!([]));
    // Without keys nothing is wrong, and not all is verified.
    assert_eq!(trail(&["verify", "logs"]).code, 3);
    let own = copied();
    let logs = files(&own.path().join("logs"), "_CloudTrail_");
    std::fs::remove_file(&logs[5]).expect("removed");
    let text = std::fs::read(&logs[8]).expect("a file");
    std::fs::write(&logs[9], text).expect("written");
    let added = logs[12].with_file_name(
        logs[12]
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .replace(".json.gz", "x.json.gz"),
    );
    std::fs::copy(&logs[12], &added).expect("copied");
    let digests = files(&own.path().join("logs"), "_CloudTrail-Digest_");
    let digest = digests
        .iter()
        .find(|path| path.to_string_lossy().ends_with(".json.gz"))
        .expect("a digest");
    std::fs::remove_file(digest).expect("removed");
    let last = digests
        .iter()
        .rfind(|path| path.to_string_lossy().ends_with(".sig"))
        .expect("a signature");
    std::fs::write(last, "00".repeat(256)).expect("written");
    let ran = run(lockfast(own.path())
        .args(["trail", "verify", "logs", "-f", "json"])
        .args(keys));
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let told = ran.json();
    let wrong: Vec<&str> = list(&told["findings"])
        .iter()
        .filter_map(|f| f["wrong"].as_str())
        .collect();
    for kind in ["log-missing", "log-altered", "log-added", "digest-altered"] {
        assert!(wrong.contains(&kind), "{kind}: {}", ran.out);
    }
}

#[test]
fn attacks_on_keys_and_trails_are_detected() {
    let ran = trail(&["detections", "logs", "-f", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let found = ran.json();
    let ids: Vec<&str> = list(&found)
        .iter()
        .flat_map(|one| list(&one["event_ids"]))
        .filter_map(Value::as_str)
        .collect();
    let changes = [
        "key-deletion",
        "key-disabled",
        "policy-opened",
        "outside-grant",
        "material-deleted",
        "rotation-disabled",
        "trail-stopped",
        "ransomware",
        "login-without-mfa",
    ];
    for label in labels() {
        let scenario = label["scenario"].as_str().expect("a name");
        if changes.contains(&scenario) {
            let own = list(&label["event_ids"]);
            assert!(
                own.iter()
                    .filter_map(Value::as_str)
                    .any(|id| ids.contains(&id)),
                "{scenario} is not found"
            );
        }
    }
    let ocsf = trail(&["detections", "logs", "-f", "ocsf"]).json();
    assert_eq!(list(&ocsf).len(), list(&found).len());
    assert!(
        list(&ocsf)
            .iter()
            .all(|one| one["class_uid"] == 2004 && one["finding_info"]["uid"].is_string())
    );
    // A team's own rule.
    std::fs::write(
        path().join("own.yml"),
        "title: Somebody assumes a role\nid: 5b3c5b8e-2f1e-4f3c-9f0a-0f4f6a7b8c9d\nlogsource:\n    product: aws\n    service: cloudtrail\ndetection:\n    selection:\n        eventName|startswith: assumerole\n    condition: selection\nlevel: low\n",
    )
    .expect("written");
    let own = trail(&[
        "detections",
        "logs",
        "--only",
        "--rules",
        "own.yml",
        "-f",
        "json",
    ])
    .json();
    assert!(
        list(&own)
            .iter()
            .all(|one| one["title"] == "Somebody assumes a role")
            && !list(&own).is_empty()
    );
    std::fs::write(path().join("wrong.yml"), "title: x\ndetection:\n  a: b\n  condition: a and\nlogsource: {product: aws, service: cloudtrail}\n").expect("written");
    let wrong = trail(&["detections", "logs", "--rules", "wrong.yml"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("wrong.yml"), "{}", wrong.err);
}

#[test]
fn what_is_unusual_is_told_until_somebody_says_it_is_not() {
    let ran = trail(&["anomalies", "logs", "-f", "json", "--feedback", "said.toml"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let report = ran.json();
    let alert = &list(&report["alerts"])[0];
    assert!(
        alert["why"]
            .as_str()
            .is_some_and(|why| why.contains(|c: char| c.is_ascii_digit())),
        "{alert}"
    );
    let id = alert["id"].as_str().expect("an id");
    let said = trail(&[
        "feedback",
        id,
        "--reason",
        "a test of ours",
        "--by",
        "anna",
        "--feedback",
        "said.toml",
        "logs",
    ]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let after = trail(&["anomalies", "logs", "-f", "json", "--feedback", "said.toml"]).json();
    let still = list(&after["alerts"])
        .iter()
        .any(|own| own["id"] == alert["id"]);
    assert!(!still && list(&after["alerts"]).len() < list(&report["alerts"]).len());
    assert_eq!(
        trail(&["feedback", "0", "--reason", "x", "--by", "y", "logs"]).code,
        2
    );
    let tuning = trail(&["anomalies", "--print-tuning"]);
    std::fs::write(path().join("tuning.toml"), &tuning.out).expect("written");
    let same = trail(&["anomalies", "logs", "-f", "json", "--tuning", "tuning.toml"]).json();
    assert_eq!(list(&same["alerts"]).len(), list(&report["alerts"]).len());
}

#[test]
fn a_thief_is_followed_through_what_they_did() {
    let label = labels()
        .into_iter()
        .find(|label| label["scenario"] == "ransomware")
        .expect("an attack");
    let who = label["principal"].as_str().expect("a principal");
    let ran = trail(&[
        "forensics",
        "--principal",
        who,
        "--since",
        "2026-06-20",
        "logs",
        "-f",
        "json",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let told = ran.json();
    let seen: Vec<&str> = list(&told["timeline"])
        .iter()
        .filter_map(|step| step["event_id"].as_str())
        .collect();
    for id in list(&label["event_ids"]).iter().filter_map(Value::as_str) {
        assert!(seen.contains(&id), "{id} is not in the timeline");
    }
    let text = trail(&["forensics", "--principal", who, "logs"]);
    assert!(text.out.contains("Timeline"), "{}", text.out);
    assert_eq!(trail(&["forensics", "logs"]).code, 2);
    assert_eq!(
        trail(&["forensics", "--ip", "203.0.113.250", "logs"]).code,
        2
    );
}

#[test]
fn the_quarter_is_reported_recorded_and_judged() {
    let own = copied();
    std::fs::write(
        own.path().join("lockfast.toml"),
        "[residency]\nregions = [\"eu-central-1\", \"eu-west-1\", \"us-east-1\"]\n",
    )
    .expect("written");
    let say = |args: &[&str]| run(lockfast(own.path()).arg("trail").args(args));
    let made = say(&["report", "quarterly", "logs", "-o", "q.html", "--record"]);
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    let page = std::fs::read_to_string(own.path().join("q.html")).expect("a page");
    assert!(
        page.contains("2026-04-01") && page.contains("What is unusual"),
        "{}",
        &page[..600]
    );
    assert!(!page.contains("<script"));
    say(&[
        "report",
        "quarterly",
        "logs",
        "-o",
        "q.json",
        "--quarter",
        "2026-Q2",
    ]);
    let numbers: Value =
        serde_json::from_slice(&std::fs::read(own.path().join("q.json")).expect("written"))
            .expect("JSON");
    let uses: u64 = list(&numbers["keys"])
        .iter()
        .filter_map(|key| key["uses"].as_u64())
        .sum();
    let counted = say(&["usage", "logs", "--by", "key", "-f", "json"]).json();
    let expected: u64 = list(&counted)
        .iter()
        .filter_map(|row| row["uses"].as_u64())
        .sum();
    assert_eq!(uses, expected);
    assert_eq!(
        say(&["report", "quarterly", "logs", "--quarter", "2026-Q9"]).code,
        2
    );
    // Every clause that logs decide is decided, and the report that was recorded is known.
    let judged = say(&[
        "check",
        "logs",
        "-f",
        "json",
        "--public-keys",
        "logs/public-keys",
    ]);
    assert_eq!(judged.code, 1, "{}", judged.err);
    let report = judged.json();
    let findings = list(&report["findings"]);
    let verdict = |control: &str, word: &str| {
        findings
            .iter()
            .any(|f| f["control"] == control && f["verdict"] == word)
    };
    // It is of a quarter long ago, whenever it was made.
    assert!(verdict("key-access-analysed-quarterly", "fail"));
    assert!(verdict("logs-unaltered", "pass"));
    assert!(verdict("unusual-key-use-alerted", "fail"));
    // Nobody asked the ledger for these deletions.
    assert!(verdict("key-deletions-approved", "fail"));
    assert!(verdict("keys-used-in-allowed-regions", "fail"));
}

#[test]
fn no_clause_of_logs_is_open() {
    let rows = run(lockfast(&path()).args(["coverage", "--open", "-f", "json"])).json();
    let open: Vec<&Value> = list(&rows)
        .iter()
        .filter(|row| row["source"] == "trail")
        .collect();
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_example_has_logs_of_its_own() {
    let example = crate::common::root().join("examples/webshop");
    let example = |of: &str| example.join(of).to_str().expect("a name").to_owned();
    let logs = example("logs");
    let uses = trail(&["usage", &logs, "--by", "key", "-f", "json"]);
    assert!(
        uses.code == 0 && list(&uses.json()).len() > 10,
        "{}{}",
        uses.out,
        uses.err
    );
    let found = trail(&["detections", &logs, "-f", "json"]).json();
    let titles: Vec<&str> = list(&found)
        .iter()
        .filter_map(|one| one["title"].as_str())
        .collect();
    for title in [
        "A key is scheduled for deletion",
        "One principal reads many secrets",
        "Someone signs in without a second factor and then decrypts",
    ] {
        assert!(titles.contains(&title), "{title}: {titles:?}");
    }
    // Templates say what watches the keys that the logs are about.
    let (from, config) = (example(""), example("lockfast.toml"));
    let judged = trail(&[
        "check", &logs, "--from", &from, "--config", &config, "-f", "json",
    ]);
    assert_eq!(judged.code, 1, "{}", judged.err);
    let judged = judged.json();
    assert_eq!(judged["input"]["logs"], 83);
    let alerted: Vec<(&str, &str)> = list(&judged["findings"])
        .iter()
        .filter(|finding| finding["control"] == "key-operations-alerted")
        .filter_map(|finding| {
            Some((
                finding["resource"]["id"].as_str()?,
                finding["verdict"].as_str()?,
            ))
        })
        .collect();
    assert!(
        alerted.contains(&("111111111111/eu-central-1", "pass")),
        "{alerted:?}"
    );
    assert!(
        alerted.contains(&("111111111111/us-east-1", "unknown")),
        "{alerted:?}"
    );
}
