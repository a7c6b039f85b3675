use super::*;
use crate::incident::{Compromised, IncidentId};
use crate::journal::{Authority, Journal};
use crate::key_compromise::{Choices, DependentFacts, Input, KeyFacts, plan};
use lockfast_operate::clock::Clock;
use lockfast_operate::ledger::Ledger;
use serde_json::json;
use std::sync::atomic::{AtomicI64, Ordering};

struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        let seconds = 1_795_000_000 + self.0.fetch_add(1, Ordering::SeqCst);
        Timestamp::from_second(seconds).expect("a time")
    }
}

fn report() -> (Report, Vec<Entry>) {
    let incident = Incident {
        id: IncidentId::new(jiff::civil::date(2026, 11, 28), [0x7f, 0x3a]),
        kind: IncidentKind::KeyCompromise,
        subject: "arn:aws:kms:eu-central-1:111122223333:key/old".into(),
        opened_at: Timestamp::from_second(1_795_000_000).expect("a time"),
        opened_by: "erin".into(),
        reason: "<script>alert(1)</script> in | a log".into(),
        compromised: Some(Compromised::DataKeys),
        suspects: vec!["arn:aws:iam::111122223333:role/Ci".into()],
        rehearsal: true,
    };
    let key = KeyFacts {
        arn: incident.subject.clone(),
        label: "alias/app".into(),
        account: Some("111122223333".into()),
        dependents: vec![DependentFacts {
            kind: "AWS::S3::Bucket".into(),
            name: "invoices".into(),
            label: "invoices".into(),
            ..DependentFacts::default()
        }],
        ..KeyFacts::default()
    };
    let choices = Choices::default();
    let input = Input {
        incident: &incident,
        key: &key,
        used: &[],
        choices: &choices,
        version: 1,
    };
    let plan = plan(&input);
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::open(
        &folder.path().join("incident.db"),
        Ticking(AtomicI64::new(0)),
    );
    let mut journal = Journal::begin(ledger.expect("a ledger"), &incident).expect("a journal");
    journal.plan(plan.clone(), "erin").expect("planned");
    let reason = "it is 3 a.m.".to_owned();
    journal
        .authorize("erin", Authority::BreakGlass { reason })
        .expect("authorized");
    journal
        .confirm(&"contain/grants".into(), "omar", "ListGrants was empty")
        .expect("confirmed");
    journal
        .leave(&"contain/watch".into(), "omar", "EventBridge is down")
        .expect("left");
    journal.note("omar", "called the bank").expect("noted");
    let entries = journal.entries().expect("entries");
    let facts = json!({"uses": 12, "from": ["203.0.113.7", "``` <b>"]});
    (
        Report::of(&incident, &plan, &entries, facts).expect("a report"),
        entries,
    )
}

#[test]
fn a_report_says_it_all_and_always_the_same() {
    let (own, entries) = report();
    let (again, _) = report();
    assert_eq!(own, again);
    assert_eq!(own.status, Status::Open);
    assert!(own.evidence.whole);
    assert_eq!(own.evidence.head, entries.last().map(Entry::as_head));
    let standing = |step: &str| {
        own.touched
            .iter()
            .find(|own| own.step.as_str() == step)
            .map(|own| own.standing)
    };
    assert_eq!(standing("contain/grants"), Some("confirmed"));
    assert_eq!(standing("contain/watch"), Some("left"));
    assert_eq!(standing("reencrypt/s3/invoices"), Some("not begun"));
    assert!(
        own.open
            .contains(&"contain/watch: left: EventBridge is down".to_owned()),
        "{:?}",
        own.open
    );
    assert!(
        own.open
            .contains(&"reencrypt/s3/invoices: not done".to_owned()),
        "{:?}",
        own.open
    );
    assert_eq!(own.stays[0].step.as_str(), "reencrypt/s3/invoices");
    let json: Value = serde_json::from_str(&own.to_json().expect("JSON")).expect("read");
    assert_eq!(json["status"], "open");
    assert_eq!(json["facts"]["uses"], 12);
}

#[test]
fn nothing_that_others_wrote_is_markup() {
    let (own, _) = report();
    let html = own.to_html().expect("a page");
    assert!(
        !html.contains("<script") && html.contains("&#60;script&#62;"),
        "{html}"
    );
    for heading in [
        "What happened",
        "Timeline",
        "What was touched",
        "Evidence",
        "What stays",
        "Open points",
        "Remarks",
        "Findings",
        "Lessons",
    ] {
        assert!(html.contains(&format!("<h2>{heading}")), "{heading}");
    }
    let text = own.to_markdown().expect("a text");
    assert!(
        text.contains(r"\<script\>alert(1)\</script\> in \| a log"),
        "{text}"
    );
    assert!(text.contains("\n````json\n"), "{text}");
    for heading in [
        "What happened",
        "Timeline",
        "What was touched",
        "Evidence",
        "What stays",
        "Open points",
        "Lessons",
    ] {
        assert!(text.contains(&format!("\n## {heading}")), "{heading}");
    }
    assert!(text.contains("An exercise"));
}

#[test]
fn an_altered_entry_is_told() {
    let (own, mut entries) = report();
    assert!(is_whole(&entries));
    entries[3].body["evidence"] = json!("nothing");
    assert!(!is_whole(&entries));
    entries.remove(3);
    assert!(
        is_whole(&entries),
        "other entries of a file may lie between"
    );
    assert!(own.evidence.whole);
}
