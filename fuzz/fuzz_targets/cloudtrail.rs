//! Any bytes as a file of CloudTrail's events: reading it never panics, whatever is told is a record of the file, and there is a
//! problem where there is no record.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockfast_cloudtrail::files::LogFile;
use lockfast_cloudtrail::{Needle, Part, Reader, Reading, Report, kms};
use std::ops::ControlFlow;

/// What a fuzzer's file may hold once it is inflated.
const MOST: usize = 16 << 20;

fn read(bytes: &[u8], needles: &[Needle]) -> (Report, u64) {
    let reading = Reading {
        most_inflated: MOST,
    };
    let mut reader = Reader::new(&reading, needles);
    let mut told = 0;
    let _ = reader.document(0, &LogFile::new("fuzz.csv"), bytes, |record| {
        told += 1;
        assert!(record.offset <= MOST);
        let _ = (record.event.principal(), kms::uses(record.event));
        ControlFlow::Continue(())
    });
    (Part::together(vec![reader.done()]), told)
}

fuzz_target!(|data: &[u8]| {
    let (all, told) = read(data, &[]);
    assert_eq!(all.records, all.matched);
    assert!(told <= all.matched);
    assert_eq!(all.problem_count == 0, all.unread.is_empty());
    let (some, told) = read(data, &[Needle::new(kms::SOURCE)]);
    assert!(told <= some.matched && some.matched <= some.records);
    assert_eq!(all.records, some.records);
});
