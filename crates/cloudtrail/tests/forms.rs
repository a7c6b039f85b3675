//! CloudTrail's events in other forms: the records are what they were, as far as the form carries them.
#![allow(clippy::unwrap_used)]

mod shared;
#[path = "shared/forms.rs"]
mod written;

use lockfast_cloudtrail::files::{Kind, LogFile, find};
use lockfast_cloudtrail::{Needle, Part, Reader, Reading, Report, kms, read};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::{gzip, write};
use std::ops::ControlFlow;
use written::{bare, csv, envelope, logs, lookup, ocsf, ocsf_first, query_results, records};

/// The report, and the offsets and records that were told.
fn told(name: &str, bytes: &[u8], needles: &[Needle]) -> (Report, Vec<(usize, Value)>) {
    let mut reader = Reader::new(&Reading::default(), needles);
    let mut told = Vec::new();
    let went = reader.document(0, &LogFile::new(name), bytes, |record| {
        let value: Value = serde_json::from_str(record.text).unwrap();
        assert_eq!(value["eventName"].as_str(), record.event.name.as_deref());
        told.push((record.offset, value));
        ControlFlow::Continue(())
    });
    assert!(went.is_continue());
    (Part::together(vec![reader.done()]), told)
}

fn problems(report: &Report) -> Vec<String> {
    let told = report.problems.iter().map(|problem| {
        let offset = problem.offset.map(|offset| format!("{offset}: "));
        offset.unwrap_or_default() + &problem.what
    });
    told.collect()
}

/// Asserts that a text, plain and in gzip, has the records as they were.
#[track_caller]
fn same(name: &str, text: &str, expected: &[Value]) -> Vec<usize> {
    let (report, plain) = told(name, text.as_bytes(), &[]);
    assert_eq!(problems(&report), [""; 0]);
    let (packed_report, packed) = told(name, &gzip(text), &[]);
    assert_eq!(problems(&packed_report), [""; 0]);
    assert_eq!(plain, packed);
    let found: Vec<Value> = plain.iter().map(|(_, value)| bare(value)).collect();
    let expected: Vec<Value> = expected.iter().map(bare).collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(format!("{found:#}"), format!("{expected:#}"));
    }
    assert_eq!(report.records, expected.len() as u64);
    assert_eq!((report.matched, report.files), (report.records, 1));
    assert_eq!(report.inflated, text.len() as u64);
    assert_eq!(report.first, Some("2026-03-01T08:00:12Z".parse().unwrap()));
    let covered: Vec<_> = report
        .coverage
        .keys()
        .map(|(_, region)| region.as_str())
        .collect();
    assert_eq!(covered, ["eu-central-1", "eu-west-1", "us-east-1"]);
    plain.into_iter().map(|(offset, _)| offset).collect()
}

#[test]
fn answers_of_lookup_events() {
    let records = records();
    let text = lookup(&records);
    for (offset, record) in same("x.json", &text, &records).into_iter().zip(&records) {
        let begins = format!("{{\"EventId\":{}", record["eventID"]);
        assert!(text[offset..].starts_with(&begins));
    }
    // Page by page, as the command prints them, and in the form of people.
    let pages = format!("{}\n{}", lookup(&records[..4]), lookup(&records[4..]));
    same("x.json", &pages, &records);
    let pretty =
        serde_json::to_string_pretty(&serde_json::from_str::<Value>(&text).unwrap()).unwrap();
    same("x.json", &pretty, &records);
}

#[test]
fn envelopes_of_eventbridge() {
    let records = records();
    let each: Vec<String> = records.iter().map(envelope).collect();
    let lines = each.join("\n");
    for (offset, record) in same("x.json", &lines, &records).into_iter().zip(&records) {
        assert!(lines[offset..].starts_with(&record.to_string()));
    }
    same("x.json", &each.concat(), &records);
    same("x.json", &format!("[{}]", each.join(",\n")), &records);
}

#[test]
fn a_record_is_never_taken_apart() {
    let mut record = records()[0].clone();
    record["requestParameters"] = json!({"detail": {"eventName": "Inner"}, "Events": [{"CloudTrailEvent": "{}"}], "class_uid": 1});
    record["detail"] = json!({"eventName": "Outer", "eventVersion": "1"});
    record["Events"] = json!([1]);
    record["metadata"] = json!({"product": {"name": "x"}});
    record["class_uid"] = json!(1);
    for text in [
        record.to_string(),
        format!("[{record}]"),
        format!("{{\"Records\":[{record}]}}"),
    ] {
        let (report, told) = told("x.json", text.as_bytes(), &[]);
        assert_eq!((problems(&report), told.len()), (vec![], 1));
        assert_eq!(told[0].1, record);
    }
    // What EventBridge says of other things.
    let other = json!({"detail-type": "EC2 Instance State-change Notification", "detail": {"state": "running"}});
    let (report, told) = told("x.json", other.to_string().as_bytes(), &[]);
    assert_eq!(
        problems(&report),
        ["0: neither a record nor an object with a list of Records"]
    );
    assert_eq!(told, []);
}

#[test]
fn what_cloudwatch_logs_hands_on() {
    let records = records();
    let data = logs(&records);
    same("x.json", &data, &records);
    let control = json!({
        "messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs",
        "logEvents": [{"id": "", "timestamp": 1, "message": "CWL CONTROL MESSAGE: Checking health of destination Firehose."}]
    });
    // Firehose puts nothing between them.
    same("x", &format!("{control}{data}"), &records);
    // Sorted by whoever sorts keys.
    let sorted = json!({"logEvents": control["logEvents"], "messageType": "CONTROL_MESSAGE"});
    same("x", &format!("{sorted}\n{data}"), &records);
    let other = json!({"messageType": "DATA_MESSAGE", "logEvents": [{"message": "2 111122223333 eni-1 ACCEPT OK"}, {"id": "1"}, 7]});
    let (report, told) = told("x.json", other.to_string().as_bytes(), &[]);
    assert_eq!(told, []);
    assert_eq!(
        problems(&report),
        [
            "43: a log event whose message is no record of CloudTrail's",
            "88: a log event without a message",
            "99: a log event that is no object: invalid type: integer `7`, expected an object at line 1 column 1",
        ]
    );
}

#[test]
fn results_of_lake() {
    let records = records();
    same("x.json", &query_results(&records), &records);
    let text = csv(&records);
    for (offset, record) in same("result_1.csv", &text, &records)
        .into_iter()
        .zip(&records)
    {
        assert!(text[offset..].starts_with(&format!(
            "\"{}\",\"{{",
            record["eventName"].as_str().unwrap()
        )));
    }
    // By what it is, whatever its name, its line ends and its columns.
    same(
        "x",
        &format!("\u{feff}{}", text.replace('\n', "\r\n")),
        &records,
    );
    let alone: Vec<String> = records
        .iter()
        .map(|record| format!("\"{}\"", record.to_string().replace('"', "\"\"")))
        .collect();
    same("x", &format!("eventjson\n\n{}", alone.join("\n")), &records);
}

#[test]
fn csv_without_the_column() {
    let without = "results of a query without the column eventJson";
    for (name, text, expected) in [
        ("x.csv.gz", "eventID,eventName\n1,Decrypt\n", without),
        (
            "x.json",
            "\"eventTime\",\"userIdentity\"\n\"1\",\"{type=x}\"\n",
            without,
        ),
        ("x.csv", "Event name,AWS access key\nx,y\n", without),
        ("x.csv", "a,b\n1,2\n", "is CSV without a column eventJson"),
        ("x.json", "a,b\n1,2\n", "0: no JSON of CloudTrail's"),
    ] {
        let (report, told) = told(name, text.as_bytes(), &[]);
        assert_eq!(told, []);
        let problems = problems(&report);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with(expected), "{problems:?}");
    }
    let rows = json!({"QueryStatus": "FINISHED", "QueryResultRows": [[{"eventName": "Decrypt"}], [{"eventName": "Encrypt"}]]});
    let (report, _) = told("x.json", rows.to_string().as_bytes(), &[]);
    assert_eq!(report.problem_count, 1, "said once");
    assert!(problems(&report)[0].contains(without));
}

#[test]
fn csv_with_broken_rows() {
    let records = &records()[..4];
    let whole = csv(records);
    let lines: Vec<&str> = whole.lines().collect();
    let open = "\"x\",\"{\"\"eventName\"\":\"\"x\"\"},\"y\"";
    let text = [
        lines[0],
        lines[1],
        open,
        lines[2],
        "a,b",
        lines[3],
        "a,,b",
        "a,{no json},b",
        lines[4],
    ]
    .join("\n");
    let (report, told) = told("x.csv", text.as_bytes(), &[]);
    let found: Vec<Value> = told.iter().map(|(_, value)| value.clone()).collect();
    assert_eq!(found, records);
    let at = |line: &str| text.find(&format!("\n{line}\n")).unwrap() + 1;
    let problems = problems(&report);
    assert_eq!(problems.len(), 4, "{problems:#?}");
    for (problem, expected) in problems.iter().zip([
        format!("{}: a row ", at(open)),
        format!("{}: a row of 2 columns, where the header has 3", at("a,b")),
        format!("{}: a row whose eventJson is empty", at("a,,b")),
        format!("{}: a record that is no JSON object: ", at("a,{no json},b")),
    ]) {
        assert!(problem.starts_with(&expected), "{problem}: {expected}");
    }
    // Every row breaks.
    let broken = format!("eventJson\n{}", "\"{\"x\n".repeat(5000));
    let (report, _) = self::told("x.csv", broken.as_bytes(), &[]);
    assert!(report.problem_count > 0);
}

#[test]
fn events_of_ocsf() {
    let mut records = records();
    // A mapping writes empty text for what is not there, so that it stands for nothing.
    records[2]["userIdentity"]["accessKeyId"].take();
    let events: Vec<String> = records
        .iter()
        .map(|record| ocsf(record).to_string())
        .collect();
    let lines = events.join("\n");
    for (offset, event) in same("x.json", &lines, &records).into_iter().zip(&events) {
        assert!(lines[offset..].starts_with(event));
    }
    same("x.json", &format!("[{}]", events.join(",")), &records);
    // What was sent is in `unmapped` with a path for each text, and lists are text there.
    let first: Vec<Value> = records.iter().map(ocsf_first).collect();
    let text: Vec<String> = first.iter().map(Value::to_string).collect();
    let expected = records.iter().map(|record| {
        let mut record = record.clone();
        if let Some(list) = record["requestParameters"].get_mut("operations") {
            *list = list.to_string().into();
        }
        record
    });
    same("x.json", &text.join("\n"), &expected.collect::<Vec<_>>());
    // Whoever keeps the original.
    let kept: Vec<String> = records
        .iter()
        .map(|record| json!({"metadata": {"product": {"name": "cloudtrail"}}, "class_uid": 6003, "raw_data": record.to_string()}).to_string())
        .collect();
    same("x.json", &kept.join("\n"), &records);
}

#[test]
fn what_ocsf_does_not_carry_is_absent() {
    let event = json!({
        "class_uid": 6003,
        "metadata": {"product": {"name": "CloudTrail", "feature": {"name": "Management, Data, and Insights"}}, "uid": ""},
        "api": {"operation": "Decrypt", "response": {"data": "", "error": null}, "request": {"data": "null"}},
        "actor": {"idp": {}, "session": {}, "user": {"uid": "AIDAEXAMPLE"}},
        "src_endpoint": {"uid": ""}, "resources": [], "time_dt": "2026-03-01T10:00:00Z",
        "unmapped": "{\"readOnly\":\"true\",\"resources\":\"\",\"a.b\":1,\"a.b.c\":2,\"api.x\":null}"
    });
    let (report, told) = told("x.json", event.to_string().as_bytes(), &[]);
    assert_eq!(problems(&report), [""; 0]);
    let expected = json!({
        "userIdentity": {"principalId": "AIDAEXAMPLE"}, "eventTime": "2026-03-01T10:00:00Z", "eventName": "Decrypt", "readOnly": true,
        "a": {"b": 1}
    });
    assert_eq!(told[0].1, expected);
}

#[test]
fn other_events_of_ocsf_and_such_that_cannot_be_read() {
    let flow = json!({"class_uid": 4001, "class_name": "Network Activity", "metadata": {"product": {"name": "Amazon VPC"}}});
    let text = format!("{flow}\n{flow}\n{}", ocsf(&records()[0]));
    let (report, told) = told("x.json", text.as_bytes(), &[]);
    assert_eq!(told.len(), 1);
    assert_eq!(
        problems(&report),
        ["0: an event of OCSF that is not CloudTrail's: of Amazon VPC, class Network Activity"]
    );
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let deep_event = format!("{{\"class_uid\":1,\"metadata\":{{}},\"x\":{deep}}}");
    let mut event = ocsf(&records()[0]);
    event["api"]["request"]["data"] = deep.into();
    let (report, told) = self::told("x.json", format!("{deep_event}\n{event}").as_bytes(), &[]);
    let problems = problems(&report);
    assert_eq!((told.len(), problems.len()), (1, 2), "{problems:?}");
    assert!(
        problems[0]
            .starts_with("0: an event of OCSF that cannot be read: recursion limit exceeded")
    );
    assert!(problems[1].contains("its requestParameters cannot be read: recursion limit exceeded"));
    assert!(told[0].1.get("requestParameters").is_none());
}

#[test]
fn elements_that_hold_no_record() {
    let good = records()[2].to_string();
    let quoted = Value::from(good.clone());
    let text = format!(
        r#"{{"Events":[{{"EventId":"1"}},{{"CloudTrailEvent":"no json"}},{{"CloudTrailEvent":7}},{{"CloudTrailEvent":{good}}},[],{{"CloudTrailEvent":{quoted}}}"#
    );
    let (report, told) = told("x.json", text.as_bytes(), &[]);
    assert_eq!(told.len(), 2, "whole before the end, packed or not");
    let problems = problems(&report);
    assert_eq!(problems.len(), 5, "{problems:#?}");
    assert_eq!(
        problems[0],
        "11: an element of Events without a CloudTrailEvent"
    );
    assert!(problems[1].starts_with("27: a record that is no JSON object: "));
    assert_eq!(
        problems[2],
        "57: its CloudTrailEvent is no text of a record"
    );
    assert!(problems[3].contains("an element of Events that is no object"));
    assert!(problems[4].contains("the document is cut off"));
    // Bytes that are no text.
    let mut bytes = lookup(&records()[..1]).into_bytes();
    let at = bytes
        .windows(6)
        .position(|window| window == b"Boto3/")
        .unwrap();
    bytes[at] = 0xff;
    let (report, told) = self::told("x.json", &bytes, &[]);
    assert_eq!(told.len(), 1);
    assert!(self::problems(&report)[0].contains("bytes that are not UTF-8"));
}

#[test]
fn needles_are_looked_for_in_the_record() {
    let records = records();
    let expected = records
        .iter()
        .filter(|record| record["eventSource"] == kms::SOURCE)
        .count() as u64;
    let documents = [
        ("x.json", lookup(&records)),
        ("x.json", logs(&records)),
        ("x.csv", csv(&records)),
        ("x.json", query_results(&records)),
        ("x.json", records.iter().map(envelope).collect()),
        (
            "x.json",
            records
                .iter()
                .map(|record| ocsf(record).to_string())
                .collect(),
        ),
    ];
    for (name, text) in documents {
        let (report, told) = told(name, text.as_bytes(), &[Needle::new(kms::SOURCE)]);
        assert_eq!((report.matched, told.len() as u64), (expected, expected));
        assert_eq!(report.records, records.len() as u64);
        assert_eq!(report.coverage.len(), 3, "of those without the needle, too");
        assert_eq!(report.first, Some("2026-03-01T08:00:12Z".parse().unwrap()));
        // As it stands in a record and not in a text within a text.
        let quoted = Needle::new("\"eventName\":\"PutKeyPolicy\"");
        assert_eq!(self::told(name, text.as_bytes(), &[quoted]).1.len(), 1);
        // And the reading may be ended.
        let mut reader = Reader::new(&Reading::default(), &[]);
        let went = reader.document(0, &LogFile::new(name), text.as_bytes(), |_| {
            ControlFlow::Break(())
        });
        assert!(went.is_break());
        assert_eq!(Part::together(vec![reader.done()]).records, 1);
    }
}

#[test]
fn in_folders() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let lake = "AWSLogs/111122223333/CloudTrail-Lake/Query/2026/03/01/0f3c1a52";
    write(
        root,
        &format!("{lake}/result_1.csv.gz"),
        gzip(csv(&records())),
    );
    write(
        root,
        &format!("{lake}/result_sign.json"),
        r#"{"files":[{"fileHashValue":"00"}]}"#,
    );
    write(root, "unload/0f3c1a52-manifest.csv", "s3://bucket/x");
    write(root, "other.csv", "a,b\n1,2\n");
    let found = find(&[root.to_owned()]).unwrap();
    assert_eq!(
        found
            .files
            .iter()
            .filter(|file| file.kind == Kind::Manifest)
            .count(),
        2
    );
    let report = read(&found.files, &[], |_, _| {});
    assert_eq!(
        (report.records, report.skipped_files, report.files),
        (12, 2, 2)
    );
    assert!(
        matches!(&problems(&report)[..], [one] if one.starts_with("is CSV without a column eventJson"))
    );
}

#[test]
#[cfg(not(feature = "parquet"))]
fn parquet_needs_its_feature() {
    let (report, _) = told("x.gz.parquet", b"PAR1....PAR1", &[]);
    assert_eq!(
        problems(&report),
        ["is Parquet: build lockfast with `--features trail`"]
    );
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "x.parquet", b"PAR1....PAR1");
    let report = read(
        &find(&[folder.path().to_owned()]).unwrap().files,
        &[],
        |_, _| {},
    );
    assert_eq!(
        problems(&report),
        ["is Parquet: build lockfast with `--features trail`"]
    );
    assert_eq!(report.bytes, 12);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_change_to_any_form(
        form in 0..6_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..5_u8), 1..6),
    ) {
        let records = records();
        let mut bytes = match form {
            0 => lookup(&records),
            1 => logs(&records),
            2 => query_results(&records),
            3 => csv(&records),
            4 => records.iter().map(envelope).collect(),
            _ => records.iter().map(|record| ocsf(record).to_string()).collect(),
        }.into_bytes();
        for (at, value, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 if bytes.len() > 1 => drop(bytes.remove(at)),
                1 => bytes.insert(at, value),
                2 => bytes.insert(at, b"\"{[,\\\n"[usize::from(value) % 6]),
                3 if value == 0 => bytes.truncate(at + 1),
                _ => bytes[at] = value,
            }
        }
        let mut reader = Reader::new(&Reading::default(), &[]);
        let mut count = 0;
        let _ = reader.document(0, &LogFile::new("x.csv"), &bytes, |_| {
            count += 1;
            ControlFlow::Continue(())
        });
        let report = Part::together(vec![reader.done()]);
        prop_assert!(count <= report.records);
    }
}
