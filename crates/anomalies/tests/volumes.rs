//! How much: bursts, harvests, enumeration, refusals, secrets, slow rises.
#![allow(clippy::unwrap_used)]

mod hand;

use hand::*;
use lockfast_anomalies::{Severity, SubjectKind, What};

#[test]
fn a_burst_is_one_alert_with_the_numbers() {
    // Over the full hour: two hours, one alert.
    let report = beside(21, &many(&at(20 * DAY + 8 * HOUR + 1_800), 412, HOUR));
    let alert = only(&report);
    assert_eq!(
        (alert.what, alert.severity),
        (What::Burst, Severity::Medium)
    );
    assert_eq!(
        (alert.subject.as_str(), alert.principal.as_str()),
        (KEY, ROLE)
    );
    assert_eq!((alert.observed, alert.expected), (207.0, 1.0));
    assert_eq!(alert.events, 414);
    assert_eq!(alert.event_ids.len(), 20);
    assert_eq!(
        alert.why,
        "207 Decrypt within an hour; between 1 and 1 in the 24 such hours before, 1 at most ever"
    );
    assert_eq!(alert.id.len(), 16);
    assert_eq!((report.pairs, report.quieted), (1, 0));
    assert_eq!(
        report.learned_from.unwrap().to_string(),
        "2026-06-01T00:01:40Z"
    );
}

#[test]
fn few_are_no_burst_nor_is_what_came_before() {
    assert_eq!(whats(&beside(21, &many(&at(20 * DAY), 25, HOUR))), []);
    // Each Monday.
    let mondays = [0, 7, 14, 21]
        .map(|day| many(&at(day * DAY + 9 * HOUR), 300, HOUR))
        .concat();
    assert_eq!(whats(&beside(28, &mondays)), []);
    // A release: twice as much for a day.
    let mut busy = daily(0..28, 240, &at(0));
    busy.extend(daily(20..21, 240, &at(0)));
    assert_eq!(whats(&detect(&busy)), []);
}

#[test]
fn nothing_is_known_at_first() {
    assert_eq!(whats(&beside(6, &many(&at(5 * DAY), 900, HOUR))), []);
    // A young pair is judged by its principal.
    let other = |it: hand::Made| hand::Made {
        subject: OTHER.into(),
        ..it
    };
    let uses = [
        daily(15..18, 24, &other(at(0))),
        many(&other(at(17 * DAY)), 900, HOUR),
    ]
    .concat();
    let report = beside(18, &uses);
    assert!(
        only(&report).why.contains("of this principal with any key"),
        "{report:?}"
    );
    // Or by its key.
    let stranger = |it: hand::Made| hand::Made {
        principal: "logs.amazonaws.com",
        ..it
    };
    let report = beside(18, &many(&stranger(at(17 * DAY)), 900, HOUR));
    assert!(
        only(&report).why.contains("of this key by anybody"),
        "{report:?}"
    );
}

#[test]
fn what_stays_is_learned() {
    let mut uses = daily(0..60, 24, &at(0));
    uses.extend(daily(20..60, 2_400, &at(0)));
    let report = detect(&uses);
    // Told once or twice, and not each day.
    let days = report
        .alerts
        .iter()
        .filter(|it| it.what == What::Burst)
        .count();
    assert!((1..=2).contains(&days), "{report:#?}");
}

#[test]
fn data_keys_are_harvested() {
    let data_key = hand::Made {
        operation: "GenerateDataKey",
        ..at(20 * DAY + HOUR)
    };
    let report = beside(21, &many(&data_key, 800, HOUR / 2));
    assert_eq!(only(&report).what, What::DataKeyHarvest);
    assert_eq!(report.alerts[0].also, []);
    // Through a service they are objects that are written.
    let through = hand::Made {
        via: Some("s3.amazonaws.com"),
        ..data_key
    };
    assert_eq!(
        only(&beside(21, &many(&through, 800, HOUR / 2))).what,
        What::Burst
    );
}

fn asking(time: i64, count: i64) -> Vec<hand::Made> {
    let ask = |number| hand::Made {
        subject: format!("arn:aws:kms:eu-central-1:111122223333:key/{number}"),
        operation: "GetKeyPolicy",
        cryptographic: false,
        context: None,
        ..at(time + number * 20)
    };
    (0..count).map(ask).collect()
}

#[test]
fn many_keys_are_one_enumeration() {
    let report = beside(21, &asking(20 * DAY + HOUR, 30));
    let alert = only(&report);
    assert_eq!(
        (alert.what, alert.subject.as_str()),
        (What::Enumeration, "")
    );
    assert_eq!((alert.observed, alert.events), (30.0, 30));
    assert_eq!(
        alert.why,
        "30 different keys and secrets asked about within an hour; 0 at most before"
    );
    // Twice a day is one.
    let twice = [asking(20 * DAY + HOUR, 30), asking(20 * DAY + 9 * HOUR, 30)].concat();
    assert_eq!(only(&beside(21, &twice)).events, 60 - 7);
    // Who does so each day is known for it.
    let daily = (0..21)
        .flat_map(|day| asking(day * DAY + 3 * HOUR, 30))
        .collect::<Vec<_>>();
    assert_eq!(whats(&beside(21, &daily)), []);
    assert_eq!(whats(&beside(21, &asking(20 * DAY, 7))), []);
}

#[test]
fn refusals_are_counted() {
    let refused = hand::Made {
        failed: Some("AccessDenied"),
        ..at(20 * DAY + HOUR)
    };
    let report = beside(21, &many(&refused, 200, HOUR));
    assert_eq!(
        (only(&report).what, report.alerts[0].events),
        (What::AccessDenied, 200)
    );
    // A disabled key refuses everybody.
    let disabled = hand::Made {
        failed: Some("DisabledException"),
        ..refused
    };
    assert_eq!(whats(&beside(21, &many(&disabled, 200, HOUR))), []);
}

#[test]
fn secrets_are_read_in_bulk() {
    let read = |number: i64| hand::Made {
        subject: format!("prod/{number}"),
        kind: SubjectKind::Secret,
        operation: "GetSecretValue",
        context: None,
        ..at(20 * DAY + HOUR + number)
    };
    let report = beside(21, &(0..40).map(read).collect::<Vec<_>>());
    let alert = only(&report);
    assert_eq!(
        (alert.what, alert.subject.as_str()),
        (What::BulkSecrets, "")
    );
    assert_eq!((alert.observed, alert.events), (40.0, 40));
}

#[test]
fn a_little_more_each_day() {
    let rise: Vec<_> = (18..28)
        .flat_map(|day| daily(day..day + 1, (day - 17) * 12, &at(0)))
        .collect();
    let report = beside(28, &rise);
    let alert = only(&report);
    assert_eq!((alert.what, alert.subject.as_str()), (What::SlowRise, KEY));
    assert!(
        alert.observed > 100.0 && alert.expected == 24.0,
        "{alert:?}"
    );
    assert!(alert.events > 700);
    // One day, one step, and less at weekends.
    assert_eq!(whats(&beside(28, &daily(26..27, 200, &at(0)))), []);
    assert_eq!(whats(&beside(28, &daily(25..28, 100, &at(0)))), []);
    let weeks: Vec<_> = (0..35)
        .filter(|day| day % 7 < 5)
        .flat_map(|day| daily(day..day + 1, 100, &at(0)))
        .collect();
    assert_eq!(whats(&beside(35, &weeks)), []);
}
