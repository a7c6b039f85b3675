//! Parquet files of Athena, CloudTrail Lake and Security Lake, whole, damaged and hostile.
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used)]

#[path = "shared/columns.rs"]
mod columns;
mod shared;
#[path = "shared/forms.rs"]
mod written;

use ::parquet::basic::Compression;
use ::parquet::file::properties::WriterVersion;
use columns::{ATHENA, How, OCSF, lake, parquet, without_lists, without_resources};
use lockfast_cloudtrail::files::{LogFile, find};
use lockfast_cloudtrail::{Needle, Part, Reader, Reading, Report, kms, read};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::{gzip, write};
use std::ops::ControlFlow;
use written::{bare, ocsf, records};

fn told_within(most: usize, bytes: &[u8], needles: &[Needle]) -> (Report, Vec<(usize, Value)>) {
    let reading = Reading {
        most_inflated: most,
    };
    let mut reader = Reader::new(&reading, needles);
    let mut told = Vec::new();
    let went = reader.document(0, &LogFile::new("x.parquet"), bytes, |record| {
        let value: Value = serde_json::from_str(record.text).unwrap();
        assert_eq!(value["eventName"].as_str(), record.event.name.as_deref());
        told.push((record.offset, value));
        ControlFlow::Continue(())
    });
    assert!(went.is_continue());
    (Part::together(vec![reader.done()]), told)
}

fn told(bytes: &[u8]) -> (Report, Vec<(usize, Value)>) {
    told_within(64 << 20, bytes, &[])
}

fn problems(report: &Report) -> Vec<&str> {
    assert!(
        report
            .problems
            .iter()
            .all(|problem| problem.offset.is_none())
    );
    report
        .problems
        .iter()
        .map(|problem| problem.what.as_str())
        .collect()
}

/// Asserts that a file has the records as they were, from memory and from the disk.
#[track_caller]
fn same(bytes: &[u8], expected: &[Value]) {
    let (report, found) = told(bytes);
    assert_eq!(problems(&report), [""; 0]);
    assert_eq!(found.len(), expected.len());
    for (at, ((offset, found), expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(*offset, at);
        assert_eq!(
            format!("{:#}", bare(found)),
            format!("{:#}", bare(expected))
        );
    }
    assert_eq!(
        (report.records, report.matched, report.files),
        (expected.len() as u64, expected.len() as u64, 1)
    );
    assert_eq!(report.bytes, bytes.len() as u64);
    assert_eq!(report.first, Some("2026-03-01T08:00:12Z".parse().unwrap()));
    assert_eq!(report.coverage.len(), 3);
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "region=eu-west-1/eventDay=20260301/x.gz.parquet",
        bytes,
    );
    let of_disk = read(
        &find(&[folder.path().to_owned()]).unwrap().files,
        &[],
        |_, _| {},
    );
    assert_eq!(of_disk, report);
    assert_eq!(told(&gzip(bytes)).1, found);
}

#[test]
fn athenas_table() {
    let records = records();
    same(&parquet(ATHENA, &records, How::default()), &records);
    // The newer names of a list's levels, the record's own spelling, and required columns.
    let spelled = ATHENA
        .replace("repeated group bag", "repeated group list")
        .replace("optional group array_element", "required group element")
        .replace("eventname", "eventName")
        .replace("useridentity", "userIdentity")
        .replace("optional binary eventtime", "required binary eventTime");
    same(&parquet(&spelled, &records, How::default()), &records);
}

#[test]
fn every_way_to_write_it() {
    let records = records();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::ZSTD(Default::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
    ] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for dictionary in [true, false] {
                for (group, page) in [(1000, 1000), (5, 2), (1, 1)] {
                    let how = How {
                        compression,
                        version,
                        dictionary,
                        group,
                        page,
                    };
                    // Lists in deltas of text are refused: that is the next test.
                    let deltas = version == WriterVersion::PARQUET_2_0 && !dictionary;
                    let (schema, rows) = match deltas {
                        true => (
                            without_lists(),
                            records.iter().map(without_resources).collect(),
                        ),
                        false => (ATHENA.to_owned(), records.clone()),
                    };
                    same(&parquet(&schema, &rows, how), &rows);
                }
            }
        }
    }
}

#[test]
fn lakes_columns() {
    // Its maps have text for what is neither text nor nested.
    let records = records();
    let bytes = parquet(
        &lake(),
        &records,
        How {
            group: 7,
            page: 3,
            ..How::default()
        },
    );
    same(&bytes, &records);
}

#[test]
fn a_column_with_the_whole_event() {
    let records = records();
    let rows: Vec<Value> = records
        .iter()
        .map(|record| json!({"eventjson": record.to_string(), "eventname": "x"}))
        .collect();
    let schema = "message m { optional binary eventName (UTF8); optional binary eventJson; }";
    same(&parquet(schema, &rows, How::default()), &records);
}

#[test]
fn more_columns_and_other_types() {
    let schema = "message m {
        optional binary eventname (UTF8); optional binary eventid (UTF8); optional binary eventtime (UTF8);
        optional binary errorcode (UTF8); optional int32 day (DATE); optional double score; optional binary region (UTF8);
        repeated binary tags (UTF8); optional group numbers (LIST) { repeated int32 array; }
        optional group nested (LIST) { repeated group list { optional group element (LIST) { repeated group list { optional int32 element; } } } }
        optional binary requestparameters (UTF8); optional boolean sessioncredentialfromconsole;
        optional group useridentity { optional group inscopeof { optional binary credentiaisissuedto (UTF8); } }
    }";
    let row = json!({
        "eventname": "X", "eventid": "1", "eventtime": "2026-03-01 10:00:00.000", "errorcode": "", "day": 20_513, "score": 0.5,
        "region": "eu-west-1", "requestparameters": "no json", "sessioncredentialfromconsole": true,
        "useridentity": {"inscopeof": {"credentiaisissuedto": "x"}}
    });
    let nested = json!({"eventname": "Y", "nested": [[1, 2], [], [3, null]]});
    let (report, found) = told(&parquet(schema, &[row, nested], How::default()));
    assert_eq!(problems(&report), [""; 0]);
    let expected = json!({
        "eventName": "X", "eventID": "1", "eventTime": "2026-03-01T10:00:00Z", "day": "2026-03-01", "score": 0.5, "region": "eu-west-1",
        "tags": [], "requestParameters": "no json", "sessionCredentialFromConsole": "true",
        "userIdentity": {"inScopeOf": {"credentialsIssuedTo": "x"}}
    });
    assert_eq!(found[0].1, expected);
    assert_eq!(found[1].1["nested"], json!([[1, 2], [], [3, null]]));
}

#[test]
fn a_table_that_has_it_all_as_text() {
    let schema = "message m {
        optional binary eventname (UTF8); optional binary eventid (UTF8); optional binary useridentity (UTF8);
        optional binary resources (UTF8); optional binary readonly (UTF8); optional binary tlsdetails (UTF8);
    }";
    let row = json!({
        "eventname": "X", "eventid": "1", "readonly": "False", "tlsdetails": "{no json",
        "useridentity": {"principalid": "a", "arn": "b", "sessioncontext": {"attributes": {"mfaauthenticated": false}}},
        "resources": [{"arn": "c", "accountid": "1"}]
    });
    let (report, found) = told(&parquet(schema, &[row], How::default()));
    let problems = problems(&report);
    assert!(
        matches!(problems[..], [one] if one.starts_with("row 0: its tlsDetails cannot be read: ")),
        "{problems:?}"
    );
    let expected = json!({
        "eventName": "X", "eventID": "1", "readOnly": false, "resources": [{"ARN": "c", "accountId": "1"}],
        "userIdentity": {"principalId": "a", "arn": "b", "sessionContext": {"attributes": {"mfaAuthenticated": "false"}}}
    });
    assert_eq!(found[0].1, expected);
}

#[test]
fn security_lakes_files() {
    let mut records = records();
    records[2]["userIdentity"]["accessKeyId"].take();
    let events: Vec<Value> = records.iter().map(ocsf_columns).collect();
    for (group, page) in [(1000, 1000), (4, 2)] {
        let how = How {
            compression: Compression::GZIP(Default::default()),
            group,
            page,
            ..How::default()
        };
        same(&parquet(OCSF, &events, how), &records);
    }
    // By `time_dt`, when there is no more.
    let untimed: Vec<Value> = events
        .iter()
        .zip(&records)
        .map(|(event, record)| {
            let mut event = event.clone();
            event.as_object_mut().unwrap().remove("time");
            event["time_dt"] = (record["eventTime"]
                .as_str()
                .unwrap()
                .parse::<jiff::Timestamp>()
                .unwrap()
                .as_microsecond())
            .into();
            event
        })
        .collect();
    same(&parquet(OCSF, &untimed, How::default()), &records);
}

/// An event as its columns have it: of this time nothing is read when there is the other.
fn ocsf_columns(record: &Value) -> Value {
    let mut event = ocsf(record);
    event["time_dt"] = 0.into();
    event
}

#[test]
fn other_parquet_files() {
    let flow = json!({"class_uid": 4001, "class_name": "Network Activity", "metadata": {"product": {"name": "Amazon VPC"}}});
    let events = [flow.clone(), flow, ocsf_columns(&records()[0])];
    let (report, found) = told(&parquet(OCSF, &events, How::default()));
    assert_eq!(found.len(), 1);
    assert_eq!(
        problems(&report),
        ["an event of OCSF that is not CloudTrail's: of Amazon VPC, class Network Activity"]
    );
    let (report, _) = told(&parquet(
        "message m { optional int32 a; optional int32 b; }",
        &[json!({"a": 1})],
        How::default(),
    ));
    let expected = "is Parquet, but neither of Amazon Security Lake nor of Athena's table of CloudTrail's logs: its columns are a, b";
    assert_eq!(problems(&report), [expected]);
}

#[test]
fn needles_and_an_end() {
    let records = records();
    let bytes = parquet(
        ATHENA,
        &records,
        How {
            group: 4,
            ..How::default()
        },
    );
    let (report, found) = told_within(64 << 20, &bytes, &[Needle::new(kms::SOURCE)]);
    let expected: Vec<usize> = (0..records.len())
        .filter(|at| records[*at]["eventSource"] == kms::SOURCE)
        .collect();
    assert_eq!(
        found.iter().map(|(row, _)| *row).collect::<Vec<_>>(),
        expected
    );
    assert_eq!((report.records, report.coverage.len()), (12, 3));
    let mut reader = Reader::new(&Reading::default(), &[]);
    let went = reader.document(0, &LogFile::new("x"), &bytes, |_| ControlFlow::Break(()));
    assert!(went.is_break());
}

#[test]
fn what_is_cut_off_or_lies() {
    let records = records();
    let bytes = parquet(
        ATHENA,
        &records,
        How {
            group: 4,
            ..How::default()
        },
    );
    for cut in [4, 7, 11, 12, 100, bytes.len() / 2, bytes.len() - 1] {
        let (report, found) = told(&bytes[..cut]);
        assert_eq!(found, []);
        assert_eq!(
            problems(&report),
            ["is Parquet that is cut off: it has no footer"],
            "{cut}"
        );
    }
    let mut long = bytes.clone();
    let end = long.len();
    long[end - 8..end - 4].fill(0xff);
    assert_eq!(
        problems(&told(&long).0),
        ["is Parquet with a footer that cannot be read: it is not as long as it says"]
    );
    let mut secret = bytes.clone();
    secret[end - 1] = b'E';
    assert_eq!(problems(&told(&secret).0), ["is Parquet that is encrypted"]);
    // The pages of the second row group: the others are read.
    let plain = How {
        group: 4,
        compression: Compression::UNCOMPRESSED,
        dictionary: false,
        ..How::default()
    };
    let mut damaged = parquet(ATHENA, &records, plain);
    let id = records[5]["eventID"].as_str().unwrap().as_bytes();
    let at = damaged.windows(36).position(|window| window == id).unwrap();
    damaged[at - 300..at].fill(0xff);
    let (report, found) = told(&damaged);
    let rows: Vec<usize> = found.iter().map(|(row, _)| *row).collect();
    assert_eq!(rows, [0, 1, 2, 3, 8, 9, 10, 11]);
    assert!(
        matches!(&problems(&report)[..], [one] if one.starts_with("is Parquet that cannot be read from row 4 on: "))
    );
}

#[test]
fn more_than_may_be_held() {
    let mut record = records()[0].clone();
    record["userAgent"] = "x".repeat(5 << 20).into();
    for compression in [
        Compression::GZIP(Default::default()),
        Compression::SNAPPY,
        Compression::ZSTD(Default::default()),
    ] {
        let rows = [records()[1].clone(), record.clone(), records()[3].clone()];
        let how = How {
            compression,
            group: 1,
            ..How::default()
        };
        let bytes = parquet(ATHENA, &rows, how);
        assert!(bytes.len() < 1 << 20);
        let (report, found) = told_within(4 << 20, &bytes, &[]);
        assert_eq!(
            found.iter().map(|(row, _)| *row).collect::<Vec<_>>(),
            [0, 2]
        );
        let problems = problems(&report);
        assert!(
            matches!(problems[..], [one] if one.contains("its pages hold more than 4194304 bytes at once: refused")),
            "{problems:?}"
        );
        assert_eq!(told_within(16 << 20, &bytes, &[]).1.len(), 3);
    }
    // A few bytes that stand for many: one value of a dictionary, over and over.
    let schema = "message m {
        optional binary eventname (UTF8); optional binary eventid (UTF8);
        optional group tags (LIST) { repeated group list { optional binary element (UTF8); } }
    }";
    let tags = vec![Value::from("x".repeat(10_000)); 10_000];
    let rows = [
        json!({"eventname": "A"}),
        json!({"eventname": "B", "tags": tags}),
        json!({"eventname": "C"}),
    ];
    let bytes = parquet(schema, &rows, How::default());
    assert!(bytes.len() < 1 << 20, "{}", bytes.len());
    let (report, found) = told_within(8 << 20, &bytes, &[]);
    assert_eq!(
        found.iter().map(|(row, _)| *row).collect::<Vec<_>>(),
        [0, 2]
    );
    assert_eq!(
        problems(&report),
        ["row 1: it has more than 8388608 bytes: refused"]
    );
    let (report, _) = told_within(400_000, &bytes, &[]);
    assert!(
        problems(&report)[0].contains("a list's column has 10002 values: refused"),
        "{:?}",
        problems(&report)
    );
}

#[test]
fn a_file_that_is_larger_than_may_be_held() {
    let records: Vec<Value> = records()
        .into_iter()
        .cycle()
        .take(3000)
        .enumerate()
        .map(|(at, mut record)| {
            record["eventID"] = format!(
                "{:032x}",
                (at as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            )
            .into();
            record
        })
        .collect();
    let how = How {
        compression: Compression::UNCOMPRESSED,
        dictionary: false,
        group: 500,
        page: 50,
        ..How::default()
    };
    let bytes = parquet(ATHENA, &records, how);
    let most = bytes.len() / 8;
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "x.parquet", &bytes);
    let mut reader = Reader::new(
        &Reading {
            most_inflated: most,
        },
        &[],
    );
    let _ = reader.file(0, &LogFile::new(path), |_| ControlFlow::Continue(()));
    let report = Part::together(vec![reader.done()]);
    assert_eq!((report.records, problems(&report)), (3000, vec![]));
}

#[test]
fn text_that_is_none_and_deep_json() {
    let mut record = records()[0].clone();
    record["userAgent"] = "\u{fffd}".into();
    record["requestParameters"] = format!("{}{}", "[".repeat(1000), "]".repeat(1000)).into();
    let mut bytes = parquet(
        ATHENA,
        &[record],
        How {
            compression: Compression::UNCOMPRESSED,
            ..How::default()
        },
    );
    while let Some(at) = bytes
        .windows(3)
        .position(|window| window == [0xef, 0xbf, 0xbd])
    {
        bytes[at..at + 3].copy_from_slice(b"a\xffb");
    }
    let (report, found) = told(&bytes);
    assert_eq!(found[0].1["userAgent"], "a\u{fffd}b");
    let problems = problems(&report);
    assert_eq!(
        problems[0],
        "row 0: bytes that are not UTF-8: the record is read with U+FFFD in their place"
    );
    assert!(
        problems[1]
            .starts_with("row 0: its requestParameters cannot be read: recursion limit exceeded")
    );
}

/// Columns that nest as deep as the footer is long, and lists that are longer.
#[test]
fn footers_without_end() {
    let footer = |footer: &[u8]| {
        let length = (footer.len() as u32).to_le_bytes();
        [b"PAR1", footer, &length, b"PAR1"].concat()
    };
    // Version 1, and a list of 100,000 columns, each a group of the next: its name `a`, one child, required.
    let mut deep = vec![0x15, 0x02, 0x19, 0xfc, 0xa0, 0x8d, 0x06];
    for _ in 0..100_000 {
        deep.extend([0x35, 0x00, 0x18, 0x01, b'a', 0x15, 0x02, 0x00]);
    }
    deep.push(0);
    let (report, _) = told(&footer(&deep));
    assert_eq!(
        problems(&report),
        ["is Parquet with a footer that cannot be read: it is corrupt"]
    );
    let long = [0x15, 0x02, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00];
    assert_eq!(
        problems(&told(&footer(&long)).0),
        ["is Parquet with a footer that cannot be read: it is corrupt"]
    );
    // Structs in structs.
    let structs = vec![0x1c; 1 << 20];
    assert_eq!(
        problems(&told(&footer(&structs)).0),
        ["is Parquet with a footer that cannot be read: it is corrupt"]
    );
}

fn files() -> Vec<Vec<u8>> {
    let records = &records()[..6];
    let events: Vec<Value> = records.iter().map(ocsf_columns).collect();
    let how = How {
        group: 3,
        page: 1,
        ..How::default()
    };
    let second = How {
        version: WriterVersion::PARQUET_2_0,
        compression: Compression::UNCOMPRESSED,
        ..how
    };
    vec![
        parquet(ATHENA, records, how),
        parquet(
            ATHENA,
            records,
            How {
                compression: Compression::UNCOMPRESSED,
                ..how
            },
        ),
        parquet(&lake(), records, second),
        parquet(
            OCSF,
            &events,
            How {
                compression: Compression::GZIP(Default::default()),
                ..how
            },
        ),
        parquet(OCSF, &events, second),
        parquet(
            &without_lists(),
            records,
            How {
                dictionary: false,
                ..second
            },
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_change_to_a_file(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..6_u8), 1..6),
        file in 0..6_usize,
    ) {
        static FILES: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
        let mut bytes = FILES.get_or_init(files)[file].clone();
        for (at, value, how) in changes {
            // The footer is where the lies are.
            let footer = bytes.last_chunk::<8>().map_or(0, |tail| u32::from_le_bytes(tail[..4].try_into().unwrap()) as usize);
            let at = match how % 2 {
                0 => at.index(bytes.len()),
                _ => bytes.len() - 1 - at.index((footer + 8).clamp(1, bytes.len())),
            };
            match how {
                0 if bytes.len() > 5 => drop(bytes.remove(at)),
                1 => bytes.insert(at, value),
                2 | 3 => bytes[at] ^= 1 << (value % 8),
                _ => bytes[at] = value,
            }
        }
        let mut reader = Reader::new(&Reading { most_inflated: 32 << 20 }, &[]);
        let mut count = 0;
        let _ = reader.document(0, &LogFile::new("x.parquet"), &bytes, |_| {
            count += 1;
            ControlFlow::Continue(())
        });
        let report = Part::together(vec![reader.done()]);
        prop_assert!(count <= report.records);
        prop_assert!(count <= 100);
    }
}
