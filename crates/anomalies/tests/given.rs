//! What is given: feedback, thresholds, uses in disorder, and uses of any kind.
#![allow(clippy::unwrap_used)]

mod hand;

use hand::*;
use jiff::civil::date;
use lockfast_anomalies::{ANY, Detector, Entry, Feedback, Report, SubjectKind, Tuning, What};
use proptest::prelude::*;

fn burst() -> Vec<Made> {
    let mut uses = daily(0..21, 24, &at(0));
    uses.extend(many(&at(20 * DAY + HOUR), 400, HOUR));
    uses
}

fn with(entries: Vec<Entry>) -> Report {
    detect_with(&burst(), Tuning::default(), Feedback { entries })
}

fn entry() -> Entry {
    Entry {
        what: What::Burst,
        subject: KEY.into(),
        principal: ROLE.into(),
        reason: "the index is built anew".into(),
        by: "anna".into(),
        at: date(2026, 6, 22),
        until: None,
    }
}

#[test]
fn feedback_quiets_what_it_is_about() {
    let quiet = |change: fn(&mut Entry)| {
        let mut entry = entry();
        change(&mut entry);
        let report = with(vec![entry]);
        assert_eq!(report.alerts.len() + report.quieted, 1);
        report.quieted == 1
    };
    assert!(quiet(|_| ()));
    assert!(quiet(|it| it.subject = ANY.into()));
    // An earlier incarnation.
    assert!(quiet(|it| it.principal = ROLE.replace("v12", "v3")));
    assert!(quiet(|it| it.until = Some(date(2026, 6, 21))));
    assert!(!quiet(|it| it.until = Some(date(2026, 6, 20))));
    assert!(!quiet(|it| it.what = What::NewNetwork));
    assert!(!quiet(|it| it.subject = OTHER.into()));
    assert!(!quiet(|it| it.subject = String::new()));
    assert!(!quiet(
        |it| it.principal = ROLE.replace("orders", "payments")
    ));
    assert!(!quiet(|it| it.principal = ROLE.replace("1111", "2222")));
}

#[test]
fn the_feedback_to_an_alert_matches_it_and_no_more() {
    let report = with(Vec::new());
    let alert = only(&report);
    let entries = Entry::of(alert, "known", "anna", date(2026, 6, 22), None);
    let feedback = Feedback { entries };
    assert!(feedback.matches(alert));
    assert!(!Feedback::default().matches(alert));
    assert_eq!(
        (
            with(feedback.entries.clone()).alerts,
            with(feedback.entries.clone()).quieted
        ),
        (vec![], 1)
    );
    // What else there is, remains.
    let mut uses = burst();
    uses.push(Made {
        address: "203.0.113.77",
        ..at(20 * DAY + HOUR)
    });
    let report = detect_with(&uses, Tuning::default(), feedback.clone());
    assert_eq!((only(&report).what, report.quieted), (What::NewNetwork, 1));
    let whole = detect(&uses);
    assert_eq!(only(&whole).also, [What::NewNetwork]);
    assert!(!feedback.matches(only(&whole)));
    let entries = Entry::of(only(&whole), "known", "anna", date(2026, 6, 22), None);
    assert_eq!(entries.len(), 2);
    let report = detect_with(&uses, Tuning::default(), Feedback { entries });
    assert_eq!((report.alerts, report.quieted), (vec![], 2));
}

#[test]
fn feedback_is_a_file() {
    let limited = Entry {
        until: Some(date(2026, 12, 31)),
        ..entry()
    };
    let feedback = Feedback {
        entries: vec![entry(), limited],
    };
    let toml = feedback.to_toml().unwrap();
    assert!(
        toml.contains("what = \"burst\"") && toml.contains("until = \"2026-12-31\""),
        "{toml}"
    );
    assert_eq!(Feedback::from_toml(&toml).unwrap(), feedback);
    let json = serde_json::to_string(&feedback).unwrap();
    assert_eq!(Feedback::from_json(&json).unwrap(), feedback);
    assert_eq!(Feedback::from_toml("").unwrap(), Feedback::default());
    assert!(Feedback::from_toml(&toml.replace("reason", "raison")).is_err());
    assert!(Feedback::from_json("[").is_err());
}

#[test]
fn thresholds_are_obeyed() {
    let tuning = Tuning {
        burst_least: 500,
        ..Tuning::default()
    };
    assert_eq!(
        detect_with(&burst(), tuning, Feedback::default()).alerts,
        []
    );
    let tuning = Tuning {
        weeks: u32::MAX,
        rise_days: u32::MAX,
        learn_days: u32::MAX,
        ..Tuning::default()
    };
    assert_eq!(
        detect_with(&burst(), tuning, Feedback::default()).alerts,
        []
    );
    let stranger = Made {
        principal: "arn:aws:iam::111122223333:role/debug",
        ..at(20 * DAY)
    };
    let mut uses = daily(0..21, 24, &at(0));
    uses.push(stranger);
    assert_eq!(only(&detect(&uses)).what, What::NewPrincipal);
    let tuning = Tuning {
        new_principal_uses: 2,
        ..Tuning::default()
    };
    assert_eq!(detect_with(&uses, tuning, Feedback::default()).alerts, []);
}

#[test]
fn every_kind_is_documented() {
    for what in What::ALL {
        assert!(!what.doc().contains("  "));
        assert!(what.doc().len() > 80 && !what.title().is_empty(), "{what}");
        assert!(what.technique().starts_with('T'));
        assert_eq!(serde_json::to_value(what).unwrap(), what.name());
    }
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(detect(&[]), Report::default());
}

#[test]
fn an_alert_keeps_its_identifier() {
    let early = detect(&burst());
    let mut longer = burst();
    longer.extend(daily(21..27, 24, &at(0)));
    assert_eq!(only(&detect(&longer)).id, only(&early).id);
    // Another day's is another.
    longer.extend(many(&at(26 * DAY + HOUR), 4_000, HOUR));
    let later = detect(&longer);
    assert_eq!(later.alerts.len(), 2);
    assert_ne!(later.alerts[0].id, later.alerts[1].id);
}

/// In another order: none comes more than 15 minutes after one that is later.
fn disordered(uses: &[Made], late: &[i64]) -> Report {
    let mut numbered: Vec<_> = uses.iter().enumerate().collect();
    numbered.sort_by_key(|(number, it)| (it.time, *number));
    // The number is the event's identifier, which must stay.
    let numbers: Vec<(usize, &Made)> = numbered.into_iter().map(|(_, it)| it).enumerate().collect();
    let mut order = numbers.clone();
    order.sort_by_key(|(number, it)| (it.time + late[number % late.len()], *number));
    let mut detector = Detector::new(Tuning::default(), Feedback::default());
    for (number, it) in order {
        add(&mut detector, it, number);
    }
    detector.finish()
}

#[test]
fn a_little_disorder_does_not_matter() {
    let mut uses = burst();
    uses.extend(many(
        &Made {
            address: "203.0.113.77",
            ..at(18 * DAY)
        },
        50,
        DAY / 3,
    ));
    let expected = disordered(&uses, &[0]);
    assert_eq!(expected.alerts.len(), 2);
    for late in [[900, 0, 0].as_slice(), &[0, 77, 900, 3, 450], &[900]] {
        assert_eq!(disordered(&uses, late), expected);
    }
    // More than that is taken as it comes.
    assert!(!disordered(&uses, &[0, 50_000]).alerts.is_empty());
    // The same uses, the same report.
    let ids = |report: &Report| {
        report
            .alerts
            .iter()
            .map(|it| it.id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&disordered(&uses, &[0])), ids(&expected));
}

fn any_use() -> impl Strategy<Value = Made> {
    let subject = prop_oneof![Just(KEY), Just(OTHER), Just(""), Just("prod/database")];
    let principal = prop_oneof![
        Just(ROLE),
        Just("arn:aws:iam::111122223333:role/orders-task-v13"),
        Just("arn:aws:iam::111122223333:user/anna"),
        Just(""),
        Just("s3.amazonaws.com"),
        Just("arn:aws:sts::1:assumed-role/"),
        Just("ä-v1:role/-"),
    ];
    let operation = prop_oneof![
        Just("Decrypt"),
        Just("GenerateDataKey"),
        Just("ListKeys"),
        Just("")
    ];
    let context = prop_oneof![
        Just(None),
        Just(Some(CONTEXT.to_owned())),
        "[{}\":,a-z0-9é*-]{0,30}".prop_map(Some),
        "[a-z0-9:/é-]{0,40}"
            .prop_map(|text| Some(format!("{{\"aws:s3:arn\":\"{text}:s3:::{text}\"}}"))),
    ];
    let address = prop_oneof![
        Just("10.0.3.7"),
        Just("203.0.113.7"),
        Just("2001:db8::1"),
        Just("x"),
        Just("")
    ];
    let agent = prop_oneof![
        Just(AGENT),
        Just("Boto3/1"),
        Just(""),
        Just("[]"),
        Just("é ü")
    ];
    let failed = prop_oneof![4 => Just(None), 1 => Just(Some("AccessDenied"))];
    let time = prop_oneof![10 => 0..40 * DAY, 1 => -100 * 365 * DAY..1_000 * 365 * DAY];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (
        time,
        subject,
        principal,
        operation,
        context,
        (address, agent, failed),
        flags,
    )
        .prop_map(
            |(time, subject, principal, operation, context, (address, agent, failed), flags)| {
                Made {
                    subject: subject.into(),
                    kind: if flags.0 {
                        SubjectKind::Key
                    } else {
                        SubjectKind::Secret
                    },
                    operation,
                    cryptographic: flags.1,
                    principal,
                    via: flags.2.then_some("AWS Internal"),
                    context,
                    failed,
                    address,
                    agent,
                    ..at(time)
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_uses_in_any_order(
        uses in prop::collection::vec((any_use(), 1..40_i64, 0..4_000_i64), 0..60),
        late in prop::collection::vec(0..=900_i64, 1..50),
    ) {
        // Some of them often, so that something is found.
        let mut all: Vec<_> = uses.iter().flat_map(|(one, count, within)| many(one, *count, *within)).collect();
        all.extend(daily(0..20, 24, &at(0)));
        let report = disordered(&all, &[0]);
        prop_assert_eq!(&disordered(&all, &late), &report);
        for alert in &report.alerts {
            prop_assert!(alert.from <= alert.until);
            prop_assert!(alert.events >= alert.event_ids.len() as u64 && alert.event_ids.len() <= 20);
            prop_assert!(alert.score.is_finite() && alert.observed.is_finite());
        }
        // Without any order at all nothing breaks.
        let mut detector = Detector::new(Tuning::default(), Feedback::default());
        all.iter().rev().enumerate().for_each(|(number, it)| add(&mut detector, it, number));
        detector.finish();
    }
}
