use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock that is set by hand.
#[derive(Clone)]
struct Hand(Arc<AtomicI64>);

impl Hand {
    fn at(second: i64) -> Self {
        Hand(Arc::new(AtomicI64::new(second)))
    }
    fn set(&self, second: i64) {
        self.0.store(second, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).expect("a time")
    }
}

const START: i64 = 1_800_000_000;

fn filled(path: &Path, entries: usize) -> Ledger {
    let clock = Hand::at(START);
    let mut ledger = Ledger::open(path, clock.clone()).expect("a ledger");
    for number in 0..entries {
        clock.set(START + number as i64);
        let subject = ["a", "b"][number % 2];
        let body = json!({"number": number, "text": "ü\n\"", "list": [1.5, null]});
        ledger.append("noted", subject, &body).expect("space");
    }
    ledger
}

/// Writes the table past its triggers, as somebody with the file can.
fn behind_its_back(path: &Path, sql: &str) {
    let connection = Connection::open(path).expect("the file");
    connection
        .execute_batch(&format!(
            "DROP TRIGGER entries_are_not_changed; DROP TRIGGER entries_are_not_removed;
             DROP TRIGGER entries_are_added_at_the_end; {sql}"
        ))
        .expect("SQL");
}

#[test]
fn entries_are_chained_and_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut ledger = filled(&path, 5);
    drop(ledger);
    ledger = Ledger::open(&path, Hand::at(START)).expect("the ledger");
    let entries = ledger.entries().expect("entries");
    assert_eq!(entries.len(), 5);
    assert_eq!(entries[0].previous, NOTHING_BEFORE);
    assert!(entries.windows(2).all(|two| two[1].previous == two[0].hash));
    let seqs: Vec<u64> = ledger
        .entries_of("b")
        .expect("entries")
        .iter()
        .map(|entry| entry.seq)
        .collect();
    assert_eq!(seqs, [2, 4]);
    let head = ledger.head().expect("a head").expect("entries");
    assert_eq!((head.seq, &head.hash), (5, &entries[4].hash));
    assert!(ledger.verify_against(&head).expect("readable").is_whole());
}

/// What a hash is taken over is a format: written down, it cannot change unseen.
#[test]
fn the_first_hash_is_the_one_written_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = filled(&folder.path().join("ledger.db"), 1);
    let entry = ledger.entries().expect("entries").remove(0);
    let bytes = r#"{"at":"2027-01-15T08:00:00Z","body":{"list":[1.5,null],"number":0,"text":"ü\n\""},"clock_behind_ms":0,"domain":"lockfast-ledger-v1","kind":"noted","previous":"0000000000000000000000000000000000000000000000000000000000000000","seq":1,"subject":"a"}"#;
    assert_eq!(entry.hash, crate::canonical::sha256(bytes.as_bytes()));
}

#[test]
fn a_clock_that_goes_back_is_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Hand::at(START);
    let mut ledger =
        Ledger::open(&folder.path().join("ledger.db"), clock.clone()).expect("a ledger");
    ledger.append("noted", "a", &1).expect("space");
    clock.set(START - 90);
    assert_eq!(ledger.now().expect("readable").as_second(), START);
    let behind = ledger.append("noted", "a", &2).expect("space");
    assert_eq!(
        (behind.at.as_second(), behind.clock_behind_ms),
        (START, 90_000)
    );
    assert_eq!(behind.own_time().as_second(), START - 90);
    clock.set(START + 1);
    let right = ledger.append("noted", "a", &3).expect("space");
    assert_eq!(
        (right.at.as_second(), right.clock_behind_ms),
        (START + 1, 0)
    );
    assert!(ledger.verify().expect("readable").is_whole());
}

#[test]
fn the_table_refuses_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let ledger = filled(&path, 3);
    for sql in [
        "UPDATE entries SET body = '{}' WHERE seq = 2",
        "DELETE FROM entries WHERE seq = 3",
        "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE seq = 2",
        "INSERT INTO entries SELECT 9, at, clock_behind_ms, kind, subject, body, previous, hash FROM entries WHERE seq = 2",
    ] {
        let error = ledger.connection.execute_batch(sql).expect_err(sql);
        assert!(error.to_string().contains("entries of a ledger"), "{error}");
    }
}

#[test]
fn what_was_done_behind_its_back_is_named() {
    let cases: [(&str, &str); 8] = [
        (
            "UPDATE entries SET body = '{\"number\":9}' WHERE seq = 3",
            "entry 3 was altered",
        ),
        (
            "UPDATE entries SET kind = 'x' WHERE seq = 1",
            "entry 1 was altered",
        ),
        (
            "UPDATE entries SET body = body || ' ' WHERE seq = 3",
            "entry 3 is written in another way",
        ),
        (
            "DELETE FROM entries WHERE seq = 2",
            "entry 3 stands where entry 2 should",
        ),
        (
            "UPDATE entries SET seq = 9 WHERE seq = 2; UPDATE entries SET seq = 2 WHERE seq = 3; UPDATE entries SET seq = 3 WHERE seq = 9",
            "entry 2 does not follow",
        ),
        (
            "UPDATE entries SET at = 'noon' WHERE seq = 4",
            "entry 4 cannot be read",
        ),
        (
            "UPDATE entries SET body = CAST(x'ff00' AS TEXT) WHERE seq = 4",
            "entry 4 cannot be read",
        ),
        (
            "DELETE FROM entries WHERE seq = 5",
            "entry 5 is missing: the ledger went up to entry 5",
        ),
    ];
    for (sql, fault) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let mut ledger = filled(&path, 5);
        let head = ledger.head().expect("readable").expect("entries");
        behind_its_back(&path, sql);
        let found = ledger.verify_against(&head).expect("readable");
        let faults: Vec<String> = found.faults.iter().map(Fault::to_string).collect();
        assert!(
            faults.iter().any(|found| found.contains(fault)),
            "{sql}: {faults:?}"
        );
    }
}

/// Whoever rewrites the end and its hashes leaves a chain that is whole; the head that was kept tells.
#[test]
fn a_new_end_is_found_against_a_head() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut ledger = filled(&path, 5);
    let head = ledger.head().expect("readable").expect("entries");
    behind_its_back(&path, "DELETE FROM entries WHERE seq = 5");
    ledger.append("noted", "a", &"another").expect("space");
    assert!(ledger.verify().expect("readable").is_whole());
    let found = ledger.verify_against(&head).expect("readable");
    assert!(
        found.faults[0].to_string().contains("is another one"),
        "{:?}",
        found.faults
    );
}

#[test]
fn nothing_is_added_to_an_end_that_was_altered() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut ledger = filled(&path, 2);
    behind_its_back(&path, "UPDATE entries SET subject = 'z' WHERE seq = 2");
    let error = ledger.append("noted", "a", &1).expect_err("altered");
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
}

#[test]
fn a_ledger_that_is_held_is_locked_after_the_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    drop(filled(&path, 1));
    let holder = Connection::open(&path).expect("the file");
    holder.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let mut ledger = Ledger::open_waiting(&path, Hand::at(START), Duration::from_millis(30))
        .expect("it can be read");
    let error = ledger.append("noted", "a", &1).expect_err("locked");
    assert!(matches!(error, LedgerError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("30 ms"), "{error}");
    holder.execute_batch("ROLLBACK").expect("no lock");
    ledger.append("noted", "a", &1).expect("space");
}

#[test]
fn a_full_disk_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = filled(&folder.path().join("ledger.db"), 1);
    let pages: i64 = ledger
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .expect("pages");
    ledger
        .connection
        .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
        .expect("a limit");
    let error = ledger
        .append("noted", "a", &"x".repeat(100_000))
        .expect_err("full");
    assert!(matches!(error, LedgerError::Full { .. }), "{error}");
    assert_eq!(ledger.entries().expect("readable").len(), 1);
}

#[test]
fn files_that_are_no_ledger_are_left_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let notes = folder.path().join("notes.txt");
    std::fs::write(&notes, "not ours, and longer than a header of SQLite's is, by some words; so that it reads it whole").expect("space");
    let before = std::fs::read(&notes).expect("the file");
    let error = Ledger::open(&notes, Hand::at(START))
        .err()
        .expect("no ledger");
    assert!(matches!(error, LedgerError::NotALedger { .. }), "{error}");
    assert_eq!(std::fs::read(&notes).expect("the file"), before);

    let other = folder.path().join("other.db");
    let connection = Connection::open(&other).expect("a file");
    connection
        .execute_batch("CREATE TABLE entries (seq)")
        .expect("SQL");
    drop(connection);
    let before = std::fs::read(&other).expect("the file");
    let error = Ledger::open(&other, Hand::at(START))
        .err()
        .expect("no ledger");
    assert!(matches!(error, LedgerError::NotALedger { .. }), "{error}");
    assert_eq!(std::fs::read(&other).expect("the file"), before);

    let newer = folder.path().join("newer.db");
    let ledger = filled(&newer, 1);
    ledger
        .connection
        .pragma_update(None, "user_version", 7)
        .expect("SQL");
    drop(ledger);
    let error = Ledger::open(&newer, Hand::at(START)).err().expect("newer");
    assert!(
        matches!(error, LedgerError::Newer { found: 7, .. }),
        "{error}"
    );
    let nowhere = folder.path().join("no/such/folder.db");
    let error = Ledger::open(&nowhere, Hand::at(START))
        .err()
        .expect("nowhere");
    assert!(error.to_string().contains("no/such/folder.db"), "{error}");
}

#[test]
fn a_file_that_may_not_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut ledger = filled(&path, 1);
    // The mode of the file would not do: the tests may run as root.
    ledger
        .connection
        .pragma_update(None, "query_only", true)
        .expect("SQL");
    let error = ledger.append("noted", "a", &1).expect_err("read-only");
    assert!(matches!(error, LedgerError::ReadOnly { .. }), "{error}");
}

#[test]
fn a_file_cut_off_anywhere_is_an_error_or_has_faults() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut ledger = filled(&path, 40);
    let head = ledger.head().expect("readable").expect("entries");
    ledger
        .connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("one file");
    drop(ledger);
    let whole = std::fs::read(&path).expect("the file");
    for cut in (0..whole.len()).step_by(509) {
        let cut_off = folder.path().join(format!("cut-{cut}.db"));
        std::fs::write(&cut_off, &whole[..cut]).expect("space");
        if let Ok(mut ledger) = Ledger::open(&cut_off, Hand::at(START))
            && let Ok(found) = ledger.verify_against(&head)
        {
            assert!(!found.is_whole(), "cut at {cut}");
        }
    }
}

#[test]
fn two_that_write_at_once_leave_one_chain() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let writers: Vec<_> = ["a", "b"]
        .into_iter()
        .map(|subject| {
            let path = path.clone();
            std::thread::spawn(move || {
                // Both begin it, too.
                let clock = Hand::at(START);
                let mut ledger = Ledger::open(&path, clock).expect("a ledger");
                for number in 0..200 {
                    ledger.append("noted", subject, &number).expect("space");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().expect("no panic");
    }
    let mut ledger = Ledger::open(&path, Hand::at(START)).expect("the ledger");
    let found = ledger.verify().expect("readable");
    assert!(found.is_whole(), "{:?}", found.faults);
    assert_eq!(found.entries, 400);
    assert_eq!(ledger.entries_of("a").expect("readable").len(), 200);
}

/// A server hands it from thread to thread.
#[test]
fn it_can_be_sent() {
    fn sent<T: Send>() {}
    sent::<Ledger>();
}

#[test]
fn of_two_that_compare_one_appends() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut one = filled(&path, 2);
    let mut other = Ledger::open(&path, Hand::at(START)).expect("the ledger");
    let draft = |seen: usize| {
        move |entries: &[Entry], _| {
            (entries.len() == seen).then(|| Draft {
                kind: "taken".into(),
                body: Value::Null,
            })
        }
    };
    assert!(one.append_if("a", draft(1)).expect("space").is_some());
    assert!(other.append_if("a", draft(1)).expect("space").is_none());
    assert_eq!(one.entries_of("a").expect("readable").len(), 2);
}

#[test]
fn numbers_that_would_be_rounded_are_not_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = filled(&folder.path().join("ledger.db"), 1);
    let error = ledger
        .append("noted", "a", &u64::MAX)
        .expect_err("too large");
    assert!(matches!(error, LedgerError::Body { .. }), "{error}");
}

fn exported(entries: usize) -> (Vec<u8>, Head) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = filled(&folder.path().join("ledger.db"), entries);
    let mut export = Vec::new();
    let head = ledger.export(&mut export).expect("space").expect("entries");
    (export, head)
}

#[test]
fn an_export_is_checked_without_a_database() {
    let (export, head) = exported(6);
    let found = verify_export(&export[..], Some(&head)).expect("readable");
    assert!(found.is_whole(), "{:?}", found.faults);
    assert_eq!(found.head, Some(head));
    let nothing = verify_export(&b""[..], None).expect("readable");
    assert!(nothing.is_whole() && nothing.head.is_none());
}

#[derive(Clone, Debug)]
enum Edit {
    Byte(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    RemoveLine(prop::sample::Index),
    RepeatLine(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    End(prop::sample::Index),
}

fn edits() -> impl Strategy<Value = Edit> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, byte)| Edit::Byte(at, byte)),
        (index(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        index().prop_map(Edit::Cut),
        index().prop_map(Edit::RemoveLine),
        index().prop_map(Edit::RepeatLine),
        (index(), index()).prop_map(|(one, other)| Edit::Swap(one, other)),
        index().prop_map(Edit::End),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn any_edit_of_an_export_is_found(edit in edits()) {
        static EXPORTED: std::sync::OnceLock<(Vec<u8>, Head)> = std::sync::OnceLock::new();
        let (whole, head) = EXPORTED.get_or_init(|| exported(8));
        let mut edited = whole.clone();
        let mut lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        match edit {
            Edit::Byte(at, byte) => edited[at.index(whole.len())] = byte,
            Edit::Insert(at, byte) => edited.insert(at.index(whole.len() + 1), byte),
            Edit::Cut(at) => { edited.remove(at.index(whole.len())); }
            Edit::RemoveLine(at) => { lines.remove(at.index(lines.len())); edited = lines.concat(); }
            Edit::RepeatLine(at) => { let at = at.index(lines.len()); lines.insert(at, lines[at]); edited = lines.concat(); }
            Edit::Swap(one, other) => { lines.swap(one.index(whole.len()) % 8, other.index(whole.len()) % 8); edited = lines.concat(); }
            Edit::End(at) => edited.truncate(at.index(whole.len())),
        }
        let found = verify_export(&edited[..], Some(head)).expect("readable");
        prop_assert_eq!(found.is_whole(), edited == *whole, "{:?}", found.faults);
    }
}
