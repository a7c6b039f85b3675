//! Damaged and hostile files: what is whole is read, the damage is told, and nothing panics.
#![allow(clippy::unwrap_used)]

mod shared;

use lockfast_cloudtrail::inflate::{Damage, Inflater};
use lockfast_cloudtrail::{Event, Report, files::find, read};
use proptest::prelude::*;
use shared::{NAMES, document, document_of, gzip, key, record, write};

/// Reads one file.
fn told(name: &str, bytes: impl AsRef<[u8]>) -> (Report, usize) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), name, bytes);
    let count = std::sync::atomic::AtomicUsize::new(0);
    let files = find(&[folder.path().to_owned()]).unwrap().files;
    let report = read(&files, &[], |_, _| {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    (report, count.into_inner())
}

fn problems(report: &Report) -> Vec<String> {
    let told = report.problems.iter().map(|problem| {
        let offset = problem.offset.map(|offset| format!("{offset}: "));
        offset.unwrap_or_default() + &problem.what
    });
    told.collect()
}

fn inflated(gzip: &[u8]) -> (Vec<u8>, Option<Damage>) {
    let mut inflater = Inflater::default();
    let inflated = inflater.inflate(gzip);
    (inflated.text.to_vec(), inflated.damage)
}

/// A document of records of which no two are the same, so that compression leaves much of each.
fn long() -> (String, Vec<String>) {
    let records: Vec<String> = (0..3000)
        .map(|at| {
            let name = NAMES[at % NAMES.len()];
            let id = format!(
                "{:016x}",
                (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            );
            record(name).replace("\"eventID\":\"", &format!("\"eventID\":\"{id}"))
        })
        .collect();
    (document(&records), records)
}

#[test]
fn cut_off_gzip_gives_the_records_before() {
    let (text, records) = long();
    let packed = gzip(&text);
    for part in [1, 2, 3] {
        let cut = packed.len() * part / 4;
        let (before, damage) = inflated(&packed[..cut]);
        assert_eq!(damage, Some(Damage::Truncated(cut)));
        assert!(text.as_bytes().starts_with(&before));
        // Of what is there nothing is given up: at most what a few bytes stand for.
        assert!(before.len() > text.len() * part / 5, "{}", before.len());
        let (report, count) = told(&key("111122223333", "eu-west-1", 1, "a"), &packed[..cut]);
        let mut whole = 0;
        let mut end = "{\"Records\":[".len();
        while end + records[whole].len() <= before.len() {
            end += records[whole].len() + 1;
            whole += 1;
        }
        assert_eq!((report.records as usize, count), (whole, whole));
        let [told] = &problems(&report)[..] else {
            panic!("one problem");
        };
        let damage = format!("the compressed file is cut off after {cut} bytes");
        assert!(told.ends_with(&damage), "{told}");
        assert_eq!(
            report.problems[0].offset,
            Some((end).min(before.len()) as u64)
        );
        assert_eq!(report.coverage.len(), 1);
    }
    // Within the header and the trailer.
    for cut in [2, 5, 9] {
        assert_eq!(
            inflated(&packed[..cut]),
            (vec![], Some(Damage::Truncated(cut)))
        );
    }
    for cut in [1, 4, 8] {
        let cut = packed.len() - cut;
        let (all, damage) = inflated(&packed[..cut]);
        assert_eq!(
            (all.len(), damage),
            (text.len(), Some(Damage::Truncated(cut)))
        );
    }
}

#[test]
fn a_checksum_that_does_not_match() {
    let text = document_of(&NAMES);
    let mut packed = gzip(&text);
    let end = packed.len();
    packed[end - 7] ^= 1;
    assert_eq!(
        inflated(&packed),
        (text.into(), Some(Damage::Checksum(end)))
    );
    let (report, count) = told("x.json.gz", &packed);
    assert_eq!((report.records, count, report.problem_count), (9, 9, 1));
}

#[test]
fn corrupt_in_the_middle() {
    let (text, _) = long();
    let mut packed = gzip(&text);
    let middle = packed.len() / 2;
    for byte in &mut packed[middle..middle + 64] {
        *byte = !*byte;
    }
    let (report, count) = told("x.json.gz", &packed);
    assert!(count > 1000, "{count}");
    assert!(report.problem_count > 0);
    assert!(
        problems(&report)
            .iter()
            .any(|told| told.contains("compressed file"))
    );
}

#[test]
fn several_members() {
    let (a, b) = (document_of(&NAMES[..4]), document_of(&NAMES[4..]));
    let joined = [gzip(&a), gzip(""), gzip(&b), gzip(&b)].concat();
    let expected = format!("{a}{b}{b}").into_bytes();
    assert_eq!(inflated(&joined), (expected.clone(), None));
    let (report, count) = told("x.json.gz", &joined);
    assert_eq!((report.records, count, report.problem_count), (14, 14, 0));
    // The same member again, of which libdeflate alone would read one.
    assert_eq!(
        inflated(&[gzip(&b), gzip(&b)].concat()).0,
        format!("{b}{b}").into_bytes()
    );
    // What looks like the beginning of a member and is stored as it is, once or more often than is tried.
    for times in [1, 2, 3, 4, 5, 50] {
        let magic = [0x1f, 0x8b, 0x08, 0, 1, 2, 3, 4].repeat(times);
        let mut stored = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        std::io::Write::write_all(&mut stored, &magic).unwrap();
        let stored = stored.finish().unwrap();
        let followed = [&stored[..], &gzip(&b)].concat();
        assert_eq!(
            inflated(&followed),
            ([&magic[..], b.as_bytes()].concat(), None)
        );
        // Of the same size, so that the size at the end fits the first one, too.
        let twice = [&stored[..], &stored].concat();
        assert_eq!(inflated(&twice), (magic.repeat(2), None), "{times}");
    }
    // The last one cut off: the others are whole.
    let cut = joined.len() - 30;
    let (before, damage) = inflated(&joined[..cut]);
    assert_eq!(damage, Some(Damage::Truncated(cut)));
    assert!(before.len() > a.len() + b.len() && expected.starts_with(&before));
}

#[test]
fn what_follows_the_last_member() {
    let text = document_of(&NAMES);
    let packed = gzip(&text);
    let padded = [&packed[..], &[0; 100]].concat();
    assert_eq!(
        inflated(&padded),
        (text.clone().into(), None),
        "as tapes pad files"
    );
    let followed = [&packed[..], b"and more"].concat();
    assert_eq!(
        inflated(&followed),
        (text.into(), Some(Damage::Trailing(packed.len())))
    );
}

#[test]
fn headers_with_everything() {
    let text = document_of(&NAMES);
    let mut writer = flate2::GzBuilder::new()
        .filename("log.json")
        .comment("a comment")
        .extra(vec![7; 300])
        .write(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
    let mut packed = writer.finish().unwrap();
    assert_eq!(inflated(&packed), (text.clone().into(), None));
    // And through the careful reader.
    let end = packed.len();
    packed[end - 1] ^= 1;
    assert_eq!(
        inflated(&packed),
        (text.into(), Some(Damage::Checksum(end)))
    );
    for cut in 0..340 {
        let (text, damage) = inflated(&packed[..cut]);
        assert_eq!((text, damage), (vec![], Some(Damage::Truncated(cut))));
    }
}

#[test]
fn a_bomb_by_either_reader() {
    let packed = gzip(vec![b' '; 5_000_000]);
    let mut inflater = Inflater::new(4_999_999);
    let refused = Some(Damage::TooLarge { most: 4_999_999 });
    assert_eq!(inflater.inflate(&packed).damage, refused);
    let joined = [gzip(vec![b' '; 2_500_000]), gzip(vec![b' '; 2_500_000])].concat();
    assert_eq!(inflater.inflate(&joined).damage, refused);
    // A size that lies, and what follows the end.
    let mut lying = packed.clone();
    let end = lying.len();
    lying[end - 4..].fill(0);
    assert_eq!(inflater.inflate(&lying).damage, refused);
    assert_eq!(
        inflater.inflate(&[&packed[..], b"x"].concat()).damage,
        refused
    );
    let small = inflater.inflate(&joined[..joined.len() / 2]);
    assert_eq!(
        (small.text.len(), small.damage),
        (2_500_000, None),
        "the buffer is used again"
    );
    assert_eq!(
        Inflater::new(5_000_000).inflate(&packed).damage,
        None,
        "just so much"
    );
}

#[test]
fn empty_files_and_files_of_nothing() {
    for (bytes, expected) in [
        (vec![], "the file is empty"),
        (gzip(""), "what it holds is empty"),
        (
            gzip("{}"),
            "0: neither a record nor an object with a list of Records",
        ),
        (
            b"{}".to_vec(),
            "0: neither a record nor an object with a list of Records",
        ),
    ] {
        let (report, count) = told(&key("111122223333", "eu-west-1", 1, "a"), &bytes);
        assert_eq!((problems(&report), count), (vec![expected.to_owned()], 0));
        assert!(report.coverage.is_empty(), "{expected}");
    }
}

#[test]
fn wrong_json() {
    let good = record("re-encrypt");
    let text = format!("{{\"Records\":[{{\"eventName\":nope}},{good},7,{{\"a\":1}}");
    let (report, count) = told("x.json", &text);
    // That without anything known is an event of which nothing is known.
    assert_eq!((report.records, report.matched, count), (4, 4, 2));
    let told = problems(&report);
    assert!(
        told[0].starts_with("12: a record that is no JSON object: "),
        "{told:?}"
    );
    assert!(
        told[1].contains("a record that is no JSON object: "),
        "{told:?}"
    );
    assert!(told[2].ends_with("what begins here has no end"), "{told:?}");
    assert_eq!(told.len(), 3);
    let (report, _) = self::told("page.json", "<html>denied</html>");
    let expected = "0: no JSON of CloudTrail's: an object or a list expected, '<' found";
    assert_eq!(problems(&report), [expected]);
}

#[test]
fn bytes_that_are_no_text() {
    let bad = record("re-encrypt").replace("aws-cli/", r"aws\u0001cli/");
    let mut text = document(&[bad, record("assume-role")]).into_bytes();
    let at = text.iter().position(|byte| *byte == b'\\').unwrap();
    // Where the escape was, six bytes that are no UTF-8.
    text[at..at + 6].fill(0xff);
    let (report, count) = told("x.json", &text);
    assert_eq!((report.records, count), (2, 2));
    let expected =
        format!("{at}: bytes that are not UTF-8: the record is read with U+FFFD in their place");
    assert_eq!(problems(&report), [expected]);
}

#[test]
fn deep_and_large_records() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = record("re-encrypt").replace("\"tenant\":\"old\"", &format!("\"tenant\":{deep}"));
    let large = record("assume-role").replace("orders-worker", &"\\\"{".repeat(3_000_000));
    assert!(large.len() > 20_000_000);
    let text = document(&[deep, large.clone(), record("console-login")]);
    let (report, count) = told("x.json.gz", gzip(text));
    assert_eq!((problems(&report), count), (vec![], 3));
    let event = Event::parse(large.as_bytes()).unwrap();
    assert_eq!(event.name.as_deref(), Some("AssumeRole"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_change_to_a_file(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..5),
        packed in any::<bool>(),
    ) {
        let text = document_of(&NAMES).into_bytes();
        let mut bytes = if packed { [gzip(&text), gzip(&text)].concat() } else { text };
        for (at, value, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 if bytes.len() > 1 => drop(bytes.remove(at)),
                1 => bytes.insert(at, value),
                2 => bytes.truncate(at + 1),
                _ => bytes[at] = value,
            }
        }
        let (report, count) = told("x.json", &bytes);
        prop_assert!(count as u64 <= report.records);
    }

    #[test]
    fn inflation_is_flate2s(parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..2000), 0..9_u32), 1..4)) {
        let mut packed = Vec::new();
        for (part, level) in &parts {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(*level));
            std::io::Write::write_all(&mut writer, part).unwrap();
            packed.extend(writer.finish().unwrap());
        }
        let expected: Vec<u8> = parts.into_iter().flat_map(|(part, _)| part).collect();
        prop_assert_eq!(inflated(&packed), (expected, None));
    }
}

/// A digest may say whatever it likes: nothing is read but log files below the folder that it lies in.
#[test]
fn a_digest_does_not_lead_out_of_its_folder() {
    use lockfast_cloudtrail::verify::{PublicKeys, Wrong, verify};
    let name = "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/01/111122223333_CloudTrail-Digest_eu-west-1_trail_eu-west-1_20260301T010000Z.json.gz";
    let folder = tempfile::tempdir().unwrap();
    for listed in [
        "/dev/zero",
        "../../../../../../../etc/hostname",
        "own/AWSLogs/../../secret",
        "AWSLogs/../x",
    ] {
        let digest = serde_json::json!({
            "awsAccountId": "111122223333", "digestStartTime": "2026-03-01T00:00:00Z", "digestEndTime": "2026-03-01T01:00:00Z",
            "digestS3Bucket": "logs", "digestS3Object": name, "digestPublicKeyFingerprint": "67b9",
            "logFiles": [{"s3Bucket": "logs", "s3Object": listed, "hashValue": "00", "hashAlgorithm": "SHA-256"}],
        });
        write(folder.path(), name, gzip(digest.to_string().as_bytes()));
        let files = find(&[folder.path().to_owned()]).unwrap().files;
        let verified = verify(&files, &PublicKeys::default());
        let [finding] = verified.findings.as_slice() else {
            panic!("{listed}: {verified:?}")
        };
        assert_eq!(finding.wrong, Wrong::DigestAltered);
        assert!(finding.why.contains("no key of a log file"), "{finding}");
    }
}
