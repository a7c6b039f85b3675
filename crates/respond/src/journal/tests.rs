use super::*;
use crate::incident::{Compromised, IncidentKind};
use crate::key_compromise::{Choices, DependentFacts, Input, KeyFacts, plan};
use lockfast_operate::clock::Clock;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

#[derive(Clone, Default)]
struct Minutes(Arc<AtomicI64>);

impl Clock for Minutes {
    fn now(&self) -> Timestamp {
        let seconds = 1_795_000_000 + 60 * self.0.load(Ordering::SeqCst);
        Timestamp::from_second(seconds).expect("a time")
    }
}

fn incident() -> Incident {
    Incident {
        id: IncidentId::new(jiff::civil::date(2026, 11, 28), [0x7f, 0x3a]),
        kind: IncidentKind::KeyCompromise,
        subject: "arn:aws:kms:eu-central-1:111122223333:key/old".into(),
        opened_at: Timestamp::from_second(1_795_000_000).expect("a time"),
        opened_by: "erin".into(),
        reason: "a log had credentials in it".into(),
        compromised: Some(Compromised::Use),
        suspects: Vec::new(),
        rehearsal: false,
    }
}

fn planned(compromised: Compromised, version: u32) -> Plan {
    let incident = Incident {
        compromised: Some(compromised),
        ..incident()
    };
    let dependents = [
        ("AWS::S3::Bucket", "invoices"),
        ("AWS::Logs::LogGroup", "app"),
    ];
    let key = KeyFacts {
        arn: incident.subject.clone(),
        label: "alias/app".into(),
        grants: Some(Vec::new()),
        dependents: dependents
            .map(|(kind, name)| DependentFacts {
                kind: kind.into(),
                name: name.into(),
                label: name.into(),
                ..DependentFacts::default()
            })
            .into(),
        ..KeyFacts::default()
    };
    let choices = Choices {
        watch: false,
        ..Choices::default()
    };
    plan(&Input {
        incident: &incident,
        key: &key,
        used: &[],
        choices: &choices,
        version,
    })
}

fn journal(file: &Path, clock: &Minutes) -> Journal {
    let ledger = Ledger::open(file, clock.clone()).expect("a ledger");
    Journal::begin(ledger, &incident()).expect("a journal")
}

/// Carries a step out, as the engine writes it.
fn carry_out(journal: &mut Journal, step: &str) {
    let step: StepId = step.into();
    let events: [Event; 4] = [
        Looking { step: step.clone() }.into(),
        Began {
            step: step.clone(),
            seen: crate::hands::Seen::Todo,
        }
        .into(),
        Acted {
            step: step.clone(),
            outputs: [("key_arn".to_owned(), "arn:new".to_owned())].into(),
            effects: Vec::new(),
        }
        .into(),
        Ended {
            step,
            outcome: Outcome::Done {
                effects: Vec::new(),
                verification: Vec::new(),
            },
            retries: 0,
        }
        .into(),
    ];
    for event in events {
        journal.write(event, |_, _| Ok(())).expect("written");
    }
}

#[test]
fn a_file_holds_one_incident_and_is_gone_on_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, clock) = (folder.path().join("incident.db"), Minutes::default());
    let mut own = journal(&file, &clock);
    own.note("erin", "called the bank").expect("noted");
    assert_eq!(journal(&file, &clock).state(), own.state());
    let other = Incident {
        id: IncidentId::new(jiff::civil::date(2026, 11, 28), [0, 1]),
        ..incident()
    };
    let ledger = Ledger::open(&file, clock.clone()).expect("a ledger");
    assert!(matches!(
        Journal::begin(ledger, &other),
        Err(JournalError::Another { .. })
    ));
    let ledger = Ledger::open(&folder.path().join("empty.db"), clock).expect("a ledger");
    assert!(matches!(
        Journal::resume(ledger),
        Err(JournalError::NoIncident(_))
    ));
    assert!(matches!(own.note(" ", "x"), Err(JournalError::Unsaid(_))));
}

#[test]
fn an_entry_of_a_later_version_is_no_guess() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, clock) = (folder.path().join("incident.db"), Minutes::default());
    let mut own = journal(&file, &clock);
    let id = incident().id;
    let mut ledger = Ledger::open(&file, clock).expect("a ledger");
    ledger
        .append("quarantined", id.as_str(), &json!({}))
        .expect("appended");
    let error = own.note("erin", "x").expect_err("it cannot be read");
    assert_eq!(
        error.to_string(),
        "entry 2 is of the kind `quarantined`, which this version does not know: a later one wrote it; use that one"
    );
    assert!(Journal::resume(ledger).is_err());
}

#[test]
fn one_carries_it_out_and_the_other_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, clock) = (folder.path().join("incident.db"), Minutes::default());
    let (mut one, mut other) = (journal(&file, &clock), journal(&file, &clock));
    let ten = SignedDuration::from_mins(10);
    one.take("erin 1", ten).expect("taken");
    let error = other.take("omar 2", ten).expect_err("held").to_string();
    assert!(
        error.starts_with("erin 1 carries the response out, until "),
        "{error}"
    );
    assert!(matches!(
        other.plan(planned(Compromised::Use, 1), "omar"),
        Err(JournalError::Held { .. })
    ));
    clock.0.store(11, Ordering::SeqCst);
    assert_eq!(other.take("omar 2", ten).expect("taken").renewed, 0);
    assert!(matches!(
        one.prolong("erin 1", ten),
        Err(JournalError::TakenOver(Some(_)))
    ));
    other.release("omar 2").expect("released");
    assert!(matches!(
        one.prolong("erin 1", ten),
        Err(JournalError::TakenOver(None))
    ));
    one.take("erin 1", ten).expect("taken");
    assert_eq!(one.take("erin 1", ten).expect("taken").renewed, 1);
}

#[test]
fn it_is_closed_when_all_is_accounted_for_and_not_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, clock) = (folder.path().join("incident.db"), Minutes::default());
    let mut own = journal(&file, &clock);
    assert!(
        own.authorize("erin", Authority::Confirmed).is_err(),
        "there is no plan"
    );
    let plan = planned(Compromised::Use, 1);
    own.plan(plan.clone(), "erin").expect("planned");
    own.authorize("erin", Authority::Confirmed)
        .expect("authorized");
    for step in plan
        .steps
        .iter()
        .filter(|step| step.phase != crate::plan::Phase::Close)
    {
        match step.is_for_people() {
            true => continue,
            false => carry_out(&mut own, step.id.as_str()),
        }
    }
    let Err(JournalError::Incomplete(missing)) = own.close("erin") else {
        panic!("it is not complete");
    };
    let said: Vec<String> = missing.iter().map(|own| own.step.to_string()).collect();
    assert_eq!(said, ["reencrypt/logs/app"]);
    assert!(matches!(missing[0].why, Lack::Stays(_)), "{missing:?}");
    assert!(
        own.confirm(&"reencrypt/nothing".into(), "omar", "seen")
            .is_err()
    );
    own.confirm(
        &"reencrypt/logs/app".into(),
        "omar",
        "the retention is over, DescribeLogStreams is empty",
    )
    .expect("confirmed");
    own.close("erin").expect("closed");
    assert!(matches!(
        own.abort("erin", "x"),
        Err(JournalError::Refused(_))
    ));
    own.note("erin", "a late remark").expect("noted");
}

#[test]
fn what_failed_or_was_left_is_not_confirmed_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut own = journal(&folder.path().join("incident.db"), &Minutes::default());
    let plan = planned(Compromised::Use, 1);
    own.plan(plan.clone(), "erin").expect("planned");
    let bucket: StepId = "reencrypt/s3/invoices".into();
    own.leave(&bucket, "erin", "a compliance lock")
        .expect("left");
    own.confirm(&bucket, "erin", "I am sure")
        .expect("confirmed");
    let completeness = own.state().completeness(&plan);
    let lack = completeness.missing().iter().find(|own| own.step == bucket);
    assert!(lack.is_some_and(|own| matches!(own.why, Lack::Left(_))));
    carry_out(&mut own, "contain/snapshot");
    assert!(matches!(
        own.leave(&"contain/snapshot".into(), "erin", "x"),
        Err(JournalError::Refused(_))
    ));
}

#[test]
fn a_further_plan_keeps_what_is_done_unless_it_is_for_something_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut own = journal(&folder.path().join("incident.db"), &Minutes::default());
    own.plan(planned(Compromised::Use, 1), "erin")
        .expect("planned");
    for step in [
        "contain/snapshot",
        "replace/create",
        "reencrypt/s3/invoices",
    ] {
        carry_out(&mut own, step);
    }
    assert!(matches!(
        own.plan(planned(Compromised::Use, 1), "erin"),
        Err(JournalError::Refused(_))
    ));
    // It turns out that data keys were known: wrapped anew is not enough.
    own.plan(planned(Compromised::DataKeys, 2), "erin")
        .expect("planned");
    let standing = |step: &str| own.state().standing(&step.into()).clone();
    assert_eq!(standing("replace/create"), Standing::Done);
    assert_eq!(standing("reencrypt/s3/invoices"), Standing::Pending);
    assert_eq!(
        own.state().outputs.get(&"replace/create".into(), "key_arn"),
        Some("arn:new")
    );
}

#[test]
fn nothing_is_done_by_a_journal_that_was_altered() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, clock) = (folder.path().join("incident.db"), Minutes::default());
    let mut own = journal(&file, &clock);
    own.note("erin", "first").expect("noted");
    let head = own.head().expect("read");
    assert!(own.verify(head.as_ref()).expect("read").is_whole());
    let longer = Head {
        seq: 9,
        hash: "0".repeat(64),
        at: Timestamp::UNIX_EPOCH,
    };
    assert!(!own.verify(Some(&longer)).expect("read").is_whole());
}
