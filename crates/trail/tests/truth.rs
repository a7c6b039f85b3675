//! Answers, compared with a reference that reads every record as JSON and counts one by one.

use flate2::read::GzDecoder;
use lockfast_cloudtrail::files;
use lockfast_trail::arrow::array::{Array, AsArray, RecordBatch};
use lockfast_trail::arrow::datatypes::Int64Type;
use lockfast_trail::arrow::util::display::array_value_to_string;
use lockfast_trail::index::Index;
use lockfast_trail::questions::{About, By, Suspect, forensics, secrets, tls, usage};
use lockfast_trail::{Input, Options, Trail};
use lockfast_trail_generator::{Plan, write};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

struct Logs {
    folder: tempfile::TempDir,
    /// Every event once.
    events: Vec<Value>,
}

static LOGS: LazyLock<Logs> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Plan {
        seed: 11,
        events: 20_000,
        files: 60,
        days: 28,
        ..Plan::default()
    };
    write(&plan, folder.path(), |_| ()).expect("written");
    let events = naive(folder.path());
    Logs { folder, events }
});

/// Reads everything the plain way.
fn naive(folder: &Path) -> Vec<Value> {
    let mut seen = HashSet::new();
    let mut events = Vec::new();
    for file in files::find(&[folder.to_owned()]).expect("files").files {
        let mut text = String::new();
        let opened = std::fs::File::open(&file.path).expect("a file");
        GzDecoder::new(opened)
            .read_to_string(&mut text)
            .expect("whole");
        let mut whole: Value = serde_json::from_str(&text).expect("JSON");
        for record in whole["Records"].as_array_mut().expect("records").drain(..) {
            if seen.insert(record["eventID"].as_str().expect("an id").to_owned()) {
                events.push(record);
            }
        }
    }
    events
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn principal(event: &Value) -> Option<String> {
    let identity = &event["userIdentity"];
    let issuer = &identity["sessionContext"]["sessionIssuer"]["arn"];
    let issuer = match identity["type"] == "AssumedRole" {
        true => text(issuer),
        false => None,
    };
    issuer
        .or(text(&identity["arn"]))
        .or(text(&identity["invokedBy"]))
        .or_else(|| {
            let account = text(&identity["accountId"])?;
            Some(format!("arn:aws:iam::{account}:root"))
        })
}

fn keys(event: &Value) -> Vec<String> {
    let resources = event["resources"].as_array().into_iter().flatten();
    resources
        .filter(|resource| resource["type"] == "AWS::KMS::Key")
        .filter_map(|resource| text(&resource["ARN"]))
        .collect()
}

fn ask(paths: &[PathBuf], query: &str) -> Vec<Vec<String>> {
    let options = Options {
        threads: 2,
        ..Options::default()
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let batches = runtime.block_on(async {
        let trail = Trail::open(paths, &options).await.expect("logs");
        let batches = trail.ask(query).await.expect("an answer");
        assert_eq!(trail.report().await.expect("a report").problems, []);
        batches
    });
    rows(&batches)
}

fn rows(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter();
            let cells = cells.map(|column| match column.is_null(row) {
                true => "-".to_owned(),
                false => array_value_to_string(column, row).expect("a value"),
            });
            rows.push(cells.collect());
        }
    }
    rows
}

const CRYPTOGRAPHIC: [&str; 6] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "Sign",
    "Verify",
];

#[test]
fn uses_are_what_counting_one_by_one_gives() {
    let logs = &*LOGS;
    let mut expected: BTreeMap<(String, String, String, String), (i64, i64)> = BTreeMap::new();
    for event in &logs.events {
        let name = event["eventName"].as_str().expect("a name");
        if event["eventSource"] != "kms.amazonaws.com" || !CRYPTOGRAPHIC.contains(&name) {
            continue;
        }
        // Refusals name the key in their message alone; they are compared below.
        for key in keys(event) {
            let day = event["eventTime"].as_str().expect("a time")[..10].to_owned();
            let who = principal(event).unwrap_or_default();
            let count = expected
                .entry((day, key, who, name.to_owned()))
                .or_default();
            count.0 += 1;
            count.1 += i64::from(!event["errorCode"].is_null());
        }
    }
    let paths = [logs.folder.path().to_owned()];
    let told = ask(&paths, &usage(&About::default(), &By::DEFAULT, false));
    let mut given = BTreeMap::new();
    for row in &told {
        if CRYPTOGRAPHIC.contains(&row[3].as_str()) {
            let key = (
                row[0].clone(),
                row[1].clone(),
                row[2].clone(),
                row[3].clone(),
            );
            let count = (row[4].parse().expect("n"), row[5].parse().expect("n"));
            assert_eq!(given.insert(key, count), None);
        }
    }
    assert!(expected.len() > 300, "{}", expected.len());
    // Whatever names a key among its resources is there, with the same count; what is there beside are refusals.
    for (key, count) in &expected {
        let own: &(i64, i64) = given
            .get(key)
            .unwrap_or_else(|| panic!("{key:?} is missing"));
        assert!(
            own.0 >= count.0 && own.0 - count.0 == own.1 - count.1,
            "{key:?} {own:?} {count:?}"
        );
    }
    for (key, count) in &given {
        assert!(expected.contains_key(key) || count.0 == count.1, "{key:?}");
    }
}

#[test]
fn every_event_is_counted_once_and_filters_keep_what_they_should() {
    let logs = &*LOGS;
    let paths = [logs.folder.path().to_owned()];
    let all = ask(
        &paths,
        "SELECT count(*), count(DISTINCT event_id) FROM events",
    );
    let count = logs.events.len().to_string();
    assert_eq!(all, [[count.clone(), count]]);
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    for event in &logs.events {
        *by_name
            .entry(text(&event["eventName"]).expect("a name"))
            .or_default() += 1;
    }
    for (name, count) in by_name.iter().take(40) {
        let told = ask(
            &paths,
            &format!("SELECT count(*) FROM events WHERE event_name = '{name}'"),
        );
        assert_eq!(told, [[count.to_string()]], "{name}");
    }
    // A day, an account and a region: files are left out, rows are not.
    let of = |event: &&Value| {
        event["eventTime"]
            .as_str()
            .is_some_and(|at| at.starts_with("2026-06-10"))
            && event["recipientAccountId"] == logs.events[0]["recipientAccountId"]
            && event["awsRegion"] == "eu-central-1"
    };
    let told = ask(
        &paths,
        &format!(
            "SELECT count(*) FROM events WHERE event_day = DATE '2026-06-10' AND account = '{}' AND region = 'eu-central-1'",
            logs.events[0]["recipientAccountId"]
                .as_str()
                .expect("an account")
        ),
    );
    assert_eq!(told, [[logs.events.iter().filter(of).count().to_string()]]);
}

#[test]
fn secrets_and_callers_are_what_counting_gives() {
    let logs = &*LOGS;
    let paths = [logs.folder.path().to_owned()];
    let reads = logs
        .events
        .iter()
        .filter(|event| event["eventName"] == "GetSecretValue");
    let told = ask(&paths, &secrets(&About::default(), 7));
    let given: i64 = told
        .iter()
        .filter(|row| row[1] == "secret")
        .map(|row| row[3].parse::<i64>().expect("n"))
        .sum();
    let batches = logs
        .events
        .iter()
        .filter(|event| event["eventName"] == "BatchGetSecretValue");
    let in_batches: usize = batches
        .map(
            |event| match event["requestParameters"]["secretIdList"].as_array() {
                Some(names) => names.len().max(1),
                None => 1,
            },
        )
        .sum();
    assert_eq!(given, (reads.count() + in_batches) as i64);
    let weak = |event: &&Value| {
        matches!(
            event["tlsDetails"]["tlsVersion"].as_str(),
            Some("TLSv1" | "TLSv1.1")
        )
    };
    let told = ask(&paths, &tls(&About::default(), true));
    let sum = |verdict: &str| -> i64 {
        let of = told.iter().filter(|row| row[0] == verdict);
        of.map(|row| row[9].parse::<i64>().expect("n")).sum()
    };
    assert_eq!(
        sum("below TLS 1.2"),
        logs.events.iter().filter(weak).count() as i64
    );
    let suite = |event: &&Value| {
        let suite = event["tlsDetails"]["cipherSuite"]
            .as_str()
            .unwrap_or_default();
        let pfs = ["ECDHE-", "DHE-", "TLS_ECDHE_", "TLS_DHE_"]
            .iter()
            .any(|p| suite.starts_with(p));
        event["tlsDetails"]["tlsVersion"] == "TLSv1.2" && !suite.is_empty() && !pfs
    };
    assert_eq!(
        sum("no forward secrecy"),
        logs.events.iter().filter(suite).count() as i64
    );
    let all: i64 = told
        .iter()
        .map(|row| row[9].parse::<i64>().expect("n"))
        .sum();
    assert_eq!(all, logs.events.len() as i64);
}

#[test]
fn an_index_says_what_the_logs_say_and_grows() {
    let logs = &*LOGS;
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join("index");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let whole = Input::find(&[logs.folder.path().to_owned()]).expect("files");
    let options = Options::default();
    let half = Input::of(whole.files[..whole.files.len() / 2].to_vec());
    let update = |input| {
        runtime
            .block_on(Index::update(&folder, input, &options))
            .expect("written")
    };
    let first = update(half.into());
    assert_eq!(first.read, whole.files.len() / 2);
    let second = update(whole.clone());
    assert_eq!(
        (second.known, second.read + second.known),
        (first.read, whole.files.len())
    );
    let third = update(whole.clone());
    assert_eq!((third.read, third.known), (0, whole.files.len()));
    // What a killed update left behind counts for nothing.
    std::fs::write(folder.join("key_uses").join("0.parquet"), b"torn").expect("written");
    let queries = [
        usage(&About::default(), &By::DEFAULT, true),
        secrets(&About::default(), 7),
        "SELECT event_id, event_name, principal, record FROM events WHERE event_source IN ('kms.amazonaws.com', 'sts.amazonaws.com') ORDER BY event_id".to_owned(),
    ];
    for query in queries {
        let of_logs = ask(&[logs.folder.path().to_owned()], &query);
        assert_eq!(
            ask(std::slice::from_ref(&folder), &query),
            of_logs,
            "{query}"
        );
        assert!(!of_logs.is_empty());
    }
    let index = Index::at(&folder).expect("readable").expect("an index");
    assert_eq!(index.size().0, whole.files.len());
    std::fs::write(folder.join("index.json"), "{").expect("written");
    assert!(Index::at(&folder).is_err());
}

#[test]
fn what_a_stolen_credential_did_is_found_through_its_sessions() {
    let logs = &*LOGS;
    // Whoever asked for sessions of others.
    let asked: BTreeMap<String, String> = logs
        .events
        .iter()
        .filter(|event| event["eventName"] == "AssumeRole" && event["errorCode"].is_null())
        .filter_map(|event| {
            let by = text(&event["userIdentity"]["accessKeyId"])?;
            let new = text(&event["responseElements"]["credentials"]["accessKeyId"])?;
            Some((by, new))
        })
        .collect();
    let (by, _) = asked.iter().next().expect("a session that began another");
    let mut reached = BTreeSet::from([by.clone()]);
    loop {
        let more: Vec<String> = logs
            .events
            .iter()
            .filter(|event| {
                event["eventName"]
                    .as_str()
                    .is_some_and(|n| n.starts_with("AssumeRole"))
            })
            .filter(|event| {
                text(&event["userIdentity"]["accessKeyId"]).is_some_and(|k| reached.contains(&k))
            })
            .filter_map(|event| text(&event["responseElements"]["credentials"]["accessKeyId"]))
            .filter(|key| !reached.contains(key))
            .collect();
        if more.is_empty() {
            break;
        }
        reached.extend(more);
    }
    let mut expected: Vec<String> = logs
        .events
        .iter()
        .filter(|event| {
            text(&event["userIdentity"]["accessKeyId"]).is_some_and(|k| reached.contains(&k))
        })
        .filter_map(|event| text(&event["eventID"]))
        .collect();
    expected.sort();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let suspect = Suspect {
        access_keys: vec![by.clone()],
        ..Suspect::default()
    };
    let found = || {
        runtime.block_on(async {
            let options = Options::default();
            let trail = Trail::open(&[logs.folder.path().to_owned()], &options)
                .await
                .expect("logs");
            forensics(&trail, &About::default(), &suspect)
                .await
                .expect("an answer")
        })
    };
    let told = found();
    let mut given: Vec<String> = told
        .timeline
        .iter()
        .map(|step| step.event_id.clone())
        .collect();
    given.sort();
    assert_eq!(given, expected);
    assert_eq!(told.sessions.len() + 1, reached.len());
    let times: Vec<_> = told.timeline.iter().map(|step| step.time).collect();
    assert!(times.is_sorted());
    // Of copies always the same one is told.
    let again = found();
    assert_eq!(
        serde_json::to_string(&again).expect("JSON"),
        serde_json::to_string(&told).expect("JSON")
    );
}

#[test]
fn a_query_that_writes_is_refused() {
    let logs = &*LOGS;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let options = Options::default();
        let trail = Trail::open(&[logs.folder.path().to_owned()], &options)
            .await
            .expect("logs");
        for query in [
            "CREATE TABLE t AS SELECT 1",
            "COPY (SELECT 1) TO '/tmp/never'",
            "DROP TABLE events",
            "SELEC 1",
        ] {
            assert!(trail.sql(query).await.is_err(), "{query}");
        }
    });
}

#[test]
fn damage_is_told_and_the_rest_is_counted() {
    let logs = &*LOGS;
    let scratch = tempfile::tempdir().expect("a folder");
    let whole = Input::find(&[logs.folder.path().to_owned()]).expect("files");
    let copy = |name: &str, bytes: &[u8]| {
        std::fs::write(scratch.path().join(name), bytes).expect("written")
    };
    let good = std::fs::read(&whole.files[0].path).expect("bytes");
    copy("good.json.gz", &good);
    copy("twice.json.gz", &good);
    copy(
        "cut.json.gz",
        &std::fs::read(&whole.files[1].path).expect("bytes")[..900],
    );
    copy("empty.json.gz", b"");
    copy("other.json", b"[1, 2");
    copy("deep.json", "[".repeat(2_000_000).as_bytes());
    copy("late.json", br#"{"Records":[{"eventVersion":"9.9","eventTime":"1999-12-31T23:59:59Z","eventID":"x","eventSource":"kms.amazonaws.com","eventName":"Decrypt","unheard":{"of":[1,2,{}]},"resources":[{"ARN":"arn:aws:kms:eu-central-1:111122223333:key/1","type":"AWS::KMS::Key"}]}]}"#);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let options = Options::default();
        let trail = Trail::open(&[scratch.path().to_owned()], &options).await.expect("logs");
        let told = trail.ask("SELECT count(*), count(DISTINCT event_id) FROM events").await.expect("an answer");
        let counts = told[0].columns().iter().map(|c| c.as_primitive::<Int64Type>().value(0));
        let counts: Vec<i64> = counts.collect();
        assert_eq!(counts[0], counts[1]);
        assert!(counts[0] > 1);
        let report = trail.report().await.expect("a report");
        for name in ["cut", "empty", "other", "deep"] {
            assert!(
                report.problems.iter().any(|p| p.path.to_string_lossy().contains(name)),
                "{name}: {:?}",
                report.problems
            );
        }
        let old = trail.ask("SELECT operation FROM key_uses WHERE event_time < TIMESTAMP '2000-01-01T00:00:00Z'").await.expect("an answer");
        assert_eq!(rows(&old), [["Decrypt"]]);
    });
}
