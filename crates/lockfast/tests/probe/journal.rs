//! Snapshots: judged again, streamed, cut off and gone on with.

use crate::names::records;
use crate::support::{Gate, Ran, lockfast, run, watched};
use crate::verdicts::{Pair, pair};
use serde_json::Value;

/// Records by name, without their times.
fn timeless(pair: &Pair, file: &str) -> Vec<Value> {
    let mut records = records(&pair.pki.path(file));
    for record in &mut records {
        let record = record.as_object_mut().expect("a record");
        record.remove("from");
        record["properties"]
            .as_object_mut()
            .expect("properties")
            .remove("Time");
    }
    records.sort_by_key(|record| record["name"].to_string());
    records
}

/// `control endpoint part verdict` of all findings.
fn judged(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().expect("findings");
    let mut all: Vec<String> = findings
        .iter()
        .map(|f| {
            [
                &f["control"],
                &f["resource"]["id"],
                &f["resource"]["part"],
                &f["verdict"],
            ]
            .map(text)
            .join(" ")
        })
        .collect();
    all.sort();
    all
}

#[test]
fn a_snapshot_is_judged_as_it_was_when_it_was_taken() {
    let Some(pair) = pair() else { return };
    let mended = pair.mended();
    let probed = pair.probe(
        &pair.old(),
        &[&mended, "--snapshot", "s.jsonl", "-f", "json"],
    );
    let again = run(lockfast(pair.pki.folder.path()).args(["judge", "s.jsonl", "-f", "json"]));
    assert_eq!(
        (probed.code, again.code),
        (1, 1),
        "{}{}",
        probed.err,
        again.err
    );
    // In the order of names, and in that of the file.
    let findings = |ran: &Ran| {
        let mut findings = ran.json()["findings"]
            .as_array()
            .cloned()
            .expect("findings");
        findings.sort_by_key(|finding| finding["fingerprint"].to_string());
        findings
    };
    assert_eq!(findings(&probed), findings(&again));
    assert_eq!(probed.json()["summary"], again.json()["summary"]);
}

#[test]
fn records_are_streamed_and_not_judged_when_so_asked() {
    let Some(pair) = pair() else { return };
    let ran = pair.probe(&pair.old(), &["--snapshot", "-"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let kinds: Vec<&String> = lines
        .iter()
        .filter_map(|line| line.as_object()?.keys().next())
        .collect();
    assert_eq!(kinds, ["snapshot", "unit", "resource", "end"]);
    let ran = pair.probe(&pair.old(), &["--snapshot", "s.jsonl", "--no-judge"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert_eq!(records(&pair.pki.path("s.jsonl")).len(), 1);
    // What was not reached is told all the same.
    let ran = pair.probe("127.0.0.1:1", &["--snapshot", "s.jsonl", "--no-judge"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(
        ran.err.contains("127.0.0.1:1: ") && ran.err.contains("refused"),
        "{}",
        ran.err
    );
}

#[test]
fn a_snapshot_that_was_cut_off_is_gone_on_with() {
    let Some(pair) = pair() else { return };
    let (mended, roots) = (pair.mended(), pair.pki.roots());
    let probe = |option: &str| {
        pair.probe(
            &pair.old(),
            &[&mended, "--roots", &roots, option, "s.jsonl", "-f", "json"],
        )
    };
    let whole = judged(&probe("--snapshot"));
    let (file, expected) = (pair.pki.path("s.jsonl"), timeless(&pair, "s.jsonl"));
    let bytes = std::fs::read(&file).expect("a snapshot");
    let ends: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at] == b'\n')
        .map(|at| at + 1)
        .collect();
    // In the header, after it, in and after the unit and the records, in the end mark, and not at all.
    let mut cuts = vec![0, 10, bytes.len()];
    cuts.extend(ends.iter().flat_map(|end| [end - 1, *end]));
    cuts.push(ends[2] + 200);
    for cut in cuts {
        std::fs::write(&file, &bytes[..cut]).expect("written");
        let resumed = probe("--resume");
        assert_eq!(judged(&resumed), whole, "cut at {cut}");
        assert_eq!(timeless(&pair, "s.jsonl"), expected, "cut at {cut}");
        let again = run(lockfast(pair.pki.folder.path()).args(["judge", "s.jsonl", "-f", "json"]));
        assert_eq!(judged(&again), whole, "cut at {cut}");
    }
}

#[test]
fn an_interrupted_probe_keeps_what_it_found_and_is_gone_on_with() {
    let Some(pair) = pair() else { return };
    let roots = pair.pki.roots();
    let gate = Gate::to(pair.nginx.ports[1]);
    let slow = format!("127.0.0.1:{}", gate.port);
    let fast = pair.mended();
    let args = [
        "probe",
        "--pace",
        "0",
        &fast,
        &slow,
        "--roots",
        &roots,
        "--timeout",
        "60",
    ];
    let with = |option: &'static str, file: &'static str| -> Vec<&str> {
        args.iter()
            .copied()
            .chain([option, file, "-f", "json"])
            .collect()
    };
    let whole = run(lockfast(pair.pki.folder.path()).args(with("--snapshot", "whole.jsonl")));
    assert_eq!(whole.code, 0, "{}", whole.err);
    gate.shut();
    let mut probing = watched(pair.pki.folder.path(), &with("--snapshot", "cut.jsonl"));
    let file = pair.pki.path("cut.jsonl");
    probing.until("the fast endpoint is written", |_| {
        std::fs::read_to_string(&file).is_ok_and(|text| text.lines().count() == 3)
    });
    let interrupted = probing.interrupt();
    assert_eq!(
        interrupted.code, 3,
        "{}{}",
        interrupted.out, interrupted.err
    );
    let report = interrupted.json();
    assert_eq!(report["input"]["endpoints"], 1);
    let problem = report["input"]["problems"][0].to_string();
    assert!(problem.contains("--resume cut.jsonl"), "{problem}");
    gate.open();
    let resumed = run(lockfast(pair.pki.folder.path()).args(with("--resume", "cut.jsonl")));
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    assert_eq!(judged(&resumed), judged(&whole));
    assert_eq!(timeless(&pair, "cut.jsonl"), timeless(&pair, "whole.jsonl"));
}
