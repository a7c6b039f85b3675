//! Files read, and what the report says.
#![allow(clippy::unwrap_used)]

mod shared;

use jiff::civil::date;
use lockfast_cloudtrail::files::find;
use lockfast_cloudtrail::{MOST_PROBLEMS, Needle, Reading, Report, Seen, kms, read};
use shared::{NAMES, document, document_of, gzip, key, record, write};
use std::path::Path;
use std::sync::Mutex;

/// The report, and the names of the events that were told, sorted.
fn told(root: &Path, needles: &[Needle]) -> (Report, Vec<String>) {
    let names = Mutex::new(Vec::new());
    let report = read(
        &find(&[root.to_owned()]).unwrap().files,
        needles,
        |_, event| {
            names
                .lock()
                .unwrap()
                .push(event.name.as_deref().unwrap_or("?").to_owned());
        },
    );
    let mut names = names.into_inner().unwrap();
    names.sort();
    (report, names)
}

fn covered(report: &Report) -> Vec<String> {
    let coverage = report.coverage.iter();
    coverage
        .flat_map(|((account, region), days)| {
            days.iter()
                .map(move |day| format!("{account} {region} {day}"))
        })
        .collect()
}

#[test]
fn of_many_files_only_what_has_a_needle() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let all = document_of(&NAMES);
    let packed = gzip(&all);
    for day in 1..=20 {
        write(root, &key("111122223333", "eu-west-1", day, "a"), &packed);
    }
    write(
        root,
        &key("444455556666", "us-east-1", 7, "b"),
        gzip(document(&[])),
    );
    let (report, names) = told(root, &[Needle::new(kms::SOURCE)]);
    assert_eq!(report.files, 21);
    assert_eq!(report.records, 20 * 9);
    assert_eq!(report.matched, 20 * 6);
    assert_eq!(names.len(), 120);
    assert_eq!(names.iter().filter(|name| *name == "Decrypt").count(), 60);
    assert_eq!(report.inflated, 20 * all.len() as u64 + 14);
    assert_eq!(
        report.bytes,
        20 * packed.len() as u64 + gzip(document(&[])).len() as u64
    );
    assert_eq!((report.problem_count, report.skipped_files), (0, 0));
    assert_eq!(report.first, Some("2026-03-01T10:15:42Z".parse().unwrap()));
    assert_eq!(report.last, Some("2026-03-01T13:00:00Z".parse().unwrap()));
    assert_eq!(report.first_day, Some(date(2026, 3, 1)));
    assert_eq!(report.last_day, Some(date(2026, 3, 20)));
    let covered = covered(&report);
    assert_eq!(covered.len(), 21);
    assert_eq!(
        covered[20], "444455556666 us-east-1 2026-03-07",
        "nothing happened, and that is known"
    );
}

#[test]
fn any_of_the_needles_or_all_records() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "plain.json", document_of(&NAMES));
    let events = |needles: &[&str]| {
        let needles: Vec<_> = needles.iter().map(Needle::new).collect();
        told(root, &needles).1
    };
    assert_eq!(
        events(&["signin.amazonaws.com", "GetSecretValue"]),
        ["ConsoleLogin", "GetSecretValue"]
    );
    assert_eq!(events(&["no such thing"]), [""; 0]);
    // A needle must be within one record.
    assert_eq!(events(&["},{\"eventVersion"]), [""; 0]);
    assert_eq!(events(&[]).len(), 9);
    assert_eq!(
        events(&["key/1a2b3c4d-0000-4000-8000-00000000bbbb"]),
        ["Decrypt", "GenerateDataKey", "ReEncrypt"]
    );
}

#[test]
fn copies_are_told_and_can_be_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for suffix in ["a", "b", "c"] {
        write(
            root,
            &key("111122223333", "eu-west-1", 1, suffix),
            gzip(document_of(&NAMES)),
        );
    }
    let seen = Seen::default();
    let files = find(&[root.to_owned()]).unwrap().files;
    let new = Mutex::new(0);
    let report = read(&files, &[], |_, event| {
        if seen.is_new(event.id.as_deref().unwrap()) {
            *new.lock().unwrap() += 1;
        }
    });
    assert_eq!(
        (report.matched, seen.len(), new.into_inner().unwrap()),
        (27, 9, 9)
    );
}

#[test]
fn coverage_from_records_where_the_path_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let elsewhere = record("assume-role")
        .replace("2026-03-01T09", "2026-02-27T09")
        .replace("eu-west-1", "eu-north-1");
    write(
        root,
        "export.jsonl",
        format!(
            "{}\n{}\n{elsewhere}\n",
            record("console-login"),
            record("re-encrypt")
        ),
    );
    let (report, names) = told(root, &[Needle::new(kms::SOURCE)]);
    assert_eq!(names, ["ReEncrypt"]);
    assert_eq!(
        covered(&report),
        [
            "111122223333 eu-north-1 2026-02-27",
            "111122223333 eu-west-1 2026-03-01",
            "111122223333 us-east-1 2026-03-01",
        ]
    );
    assert_eq!(report.first, Some("2026-02-27T09:58:11Z".parse().unwrap()));
    assert_eq!(report.last, Some("2026-03-01T11:02:09Z".parse().unwrap()));
    assert_eq!(report.first_day, None);
}

#[test]
fn what_holds_no_records_is_counted_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for kind in ["Digest", "Insight", "Aggregated"] {
        write(
            root,
            &format!("111122223333_CloudTrail-{kind}_eu-west-1_20260301T000512Z.json.gz"),
            gzip("{}"),
        );
    }
    let (report, _) = told(root, &[]);
    assert_eq!(
        (report.files, report.skipped_files, report.problem_count),
        (0, 3, 0)
    );
    assert_eq!(covered(&report), [""; 0]);
}

#[test]
fn network_activity_is_read_and_covers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let activity = record("re-encrypt").replace("\"Management\"", "\"NetworkActivity\"");
    write(
        root,
        "111122223333_CloudTrail-NetworkActivity_eu-west-1_20260301T0005Z_a.json.gz",
        gzip(document(std::slice::from_ref(&activity))),
    );
    write(root, "export.json", document(&[activity]));
    for needles in [vec![], vec![Needle::new("nothing")]] {
        let (report, _) = told(root, &needles);
        assert_eq!(
            (report.files, report.records, report.problem_count),
            (2, 2, 0)
        );
        assert_eq!(covered(&report), [""; 0]);
    }
}

#[test]
fn problems_are_the_first_by_file_and_all_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for file in 0..150 {
        write(root, &format!("{file:03}.json"), "{}");
    }
    let (report, _) = told(root, &[]);
    assert_eq!(
        (report.problem_count, report.problems.len()),
        (150, MOST_PROBLEMS)
    );
    let names: Vec<_> = report.problems.iter().map(|it| it.path.clone()).collect();
    let expected: Vec<_> = (0..100)
        .map(|file| root.join(format!("{file:03}.json")))
        .collect();
    assert_eq!(names, expected);
}

#[test]
fn a_bound_on_what_a_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let bomb = write(root, "bomb.json.gz", gzip(vec![b' '; 3_000_000]));
    let plain = write(root, "plain.json", vec![b' '; 1_000_001]);
    write(root, "small.json.gz", gzip(document_of(&NAMES)));
    let reading = Reading {
        most_inflated: 1_000_000,
    };
    let report = reading.read(&find(&[root.to_owned()]).unwrap().files, &[], |_, _| {});
    assert_eq!(report.records, 9);
    let told: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    let what = "it inflates to more than 1000000 bytes, which no log file does: refused";
    assert_eq!(told[0], format!("{}: {what}", bomb.display()));
    assert!(
        told[1].starts_with(&format!("{}: ", plain.display())),
        "{}",
        told[1]
    );
    assert_eq!(told.len(), 2);
}

#[test]
fn no_file_and_a_file_that_has_gone() {
    assert_eq!(read(&[], &[], |_, _| {}), Report::default());
    let gone = lockfast_cloudtrail::files::LogFile::new("/no/such/file.json");
    let report = read(&[gone], &[], |_, _| {});
    assert_eq!((report.files, report.problem_count), (0, 1));
    assert!(
        report.problems[0]
            .to_string()
            .starts_with("/no/such/file.json: cannot be read: ")
    );
}
