//! What is new: principals, networks, tools, regions, contexts; and what was silent.
#![allow(clippy::unwrap_used)]

mod hand;

use hand::*;
use lockfast_anomalies::{Feedback, Severity, Tuning, What};

fn made(time: i64, change: impl FnOnce(&mut Made)) -> Made {
    let mut made = at(time);
    change(&mut made);
    made
}

const NEW: i64 = 20 * DAY + 9 * HOUR + 7;

#[test]
fn a_new_principal() {
    let stranger = made(NEW, |it| {
        it.principal = "arn:aws:iam::111122223333:role/debug"
    });
    let report = beside(21, &many(&stranger, 5, HOUR));
    let alert = only(&report);
    assert_eq!(
        (alert.what, alert.severity),
        (What::NewPrincipal, Severity::High)
    );
    assert_eq!((alert.events, alert.event_ids.len()), (5, 5));
    assert!(
        alert
            .why
            .starts_with("5 uses by a principal that never used it"),
        "{}",
        alert.why
    );
    // Where once is too little, who is slow does not escape.
    let slow = [0, 3 * DAY].map(|later| Made {
        time: stranger.time + later,
        ..stranger.clone()
    });
    let twice = Tuning {
        new_principal_uses: 2,
        ..Tuning::default()
    };
    let all = [daily(0..24, 24, &at(0)), slow.into()].concat();
    assert_eq!(
        only(&detect_with(&all, twice, Feedback::default())).events,
        2
    );
    // Not while the log is young, not of a key that is, not when refused, and not of a service.
    let early = Made {
        time: START + 13 * DAY,
        ..stranger.clone()
    };
    assert_eq!(whats(&beside(21, &many(&early, 5, HOUR))), []);
    let key = Made {
        subject: OTHER.into(),
        ..stranger.clone()
    };
    assert_eq!(whats(&beside(21, &many(&key, 5, HOUR))), []);
    let refused = Made {
        failed: Some("AccessDenied"),
        ..stranger.clone()
    };
    assert_eq!(whats(&beside(21, &many(&refused, 5, HOUR))), []);
    let service = Made {
        principal: "logs.amazonaws.com",
        ..stranger
    };
    assert_eq!(whats(&beside(21, &many(&service, 5, HOUR))), []);
}

#[test]
fn a_successor_is_not_new_as_long_as_it_does_the_same() {
    let next = made(NEW, |it| {
        it.principal = "arn:aws:iam::111122223333:role/orders-task-v13"
    });
    assert_eq!(whats(&beside(21, &many(&next, 20, 3 * HOUR))), []);
    let report = beside(
        21,
        &many(
            &Made {
                agent: "Boto3/1.40 os/linux",
                ..next.clone()
            },
            5,
            HOUR,
        ),
    );
    let alert = only(&report);
    assert_eq!(
        (alert.what, &alert.also[..]),
        (What::NewPrincipal, &[What::NewUserAgent][..])
    );
    assert!(
        alert
            .why
            .contains("is named like arn:aws:iam::111122223333:role/orders-task-v12")
    );
    // Another account's is another.
    let other = Made {
        principal: "arn:aws:iam::444455556666:role/orders-task-v13",
        ..next
    };
    assert_eq!(
        only(&beside(21, &many(&other, 5, HOUR))).what,
        What::NewPrincipal
    );
}

#[test]
fn who_meets_new_keys_all_the_time_meets_another() {
    let backup = "arn:aws:iam::111122223333:role/backup";
    let key = |number: i64| format!("arn:aws:kms:eu-central-1:111122223333:key/{number}");
    let mut uses = Vec::new();
    for number in 0..20 {
        let owner = made(0, |it| it.subject = key(number));
        uses.extend(daily(0..21, 4, &owner));
        let meets = made(number * DAY, |it| {
            (it.subject, it.principal) = (key(number), backup)
        });
        uses.extend(many(&meets, 2, HOUR));
    }
    assert_eq!(whats(&detect(&uses)), []);
    // Who keeps to one key, and then uses all of them, is one alert.
    let keeps = made(0, |it| it.principal = backup);
    let mut uses: Vec<_> = uses
        .into_iter()
        .filter(|it| it.principal != backup)
        .collect();
    uses.extend(daily(0..21, 24, &keeps));
    uses.extend(daily(0..21, 4, &at(0)));
    for number in 0..20 {
        let meets = made(NEW + number, |it| {
            (it.subject, it.principal) = (key(number), backup)
        });
        uses.extend(many(&meets, 3, HOUR));
    }
    let report = detect(&uses);
    let alert = only(&report);
    assert_eq!(
        (alert.what, alert.subject.as_str(), alert.events),
        (What::NewPrincipal, "", 60)
    );
}

#[test]
fn stolen_credentials_are_one_alert() {
    let stolen = made(NEW, |it| {
        it.address = "203.0.113.77";
        it.agent = "aws-cli/2.9.19 Python/3.11.2 Linux/6.5.0";
        it.region = "sa-east-1";
    });
    let report = beside(21, &many(&stolen, 6, HOUR));
    let alert = only(&report);
    assert_eq!(
        (alert.what, alert.severity),
        (What::NewRegion, Severity::Critical)
    );
    assert_eq!(alert.also, [What::NewNetwork, What::NewUserAgent]);
    assert!(
        alert.why.contains("from 203.0.0.0/16") && alert.why.contains("with aws-cli linux"),
        "{}",
        alert.why
    );
    assert_eq!(alert.events, 6);
    // Each by itself.
    let network = made(NEW, |it| it.address = "203.0.113.77");
    assert_eq!(only(&beside(21, &[network])).what, What::NewNetwork);
    let agent = made(NEW, |it| it.agent = "Boto3/1.26 os/linux");
    assert_eq!(only(&beside(21, &[agent])).severity, Severity::Low);
}

#[test]
fn versions_and_addresses_change() {
    let alike = made(NEW, |it| {
        it.address = "10.200.3.9";
        it.agent = "aws-sdk-go-v2/1.99.0 os/linux lang/go#1.30";
    });
    assert_eq!(whats(&beside(21, &[alike])), []);
    let service = made(NEW, |it| {
        it.via = Some("secretsmanager.amazonaws.com");
        (it.address, it.agent) = (
            "secretsmanager.amazonaws.com",
            "secretsmanager.amazonaws.com",
        );
    });
    assert_eq!(whats(&beside(21, &[service])), []);
    // Who is somewhere else each day is at home nowhere.
    const CAFES: [&str; 8] = [
        "192.0.2.1",
        "203.0.113.1",
        "198.51.100.1",
        "11.1.1.1",
        "11.2.1.1",
        "11.3.1.1",
        "11.4.1.1",
        "11.5.1.1",
    ];
    let mut uses = daily(
        0..21,
        1,
        &made(0, |it| it.principal = "arn:aws:iam::111122223333:user/anna"),
    );
    for (day, one) in uses.iter_mut().enumerate() {
        one.address = CAFES[day / 3];
    }
    assert_eq!(whats(&detect(&uses)), []);
}

#[test]
fn a_new_region_of_one_principal() {
    let elsewhere = made(0, |it| {
        (it.region, it.principal) = ("us-east-1", "arn:aws:iam::111122223333:role/other")
    });
    let mut uses = daily(
        0..21,
        4,
        &Made {
            subject: OTHER.into(),
            ..elsewhere
        },
    );
    uses.push(made(NEW, |it| it.region = "us-east-1"));
    let report = beside(21, &uses);
    assert_eq!(only(&report).what, What::NewRegion);
    assert!(
        report.alerts[0]
            .why
            .contains("of this principal before were in eu-central-1")
    );
}

#[test]
fn a_new_context() {
    let payroll = made(NEW, |it| {
        it.context = Some(r#"{"purpose":"payroll"}"#.into())
    });
    let report = beside(21, &many(&payroll, 3, HOUR));
    assert_eq!(
        (only(&report).what, report.alerts[0].events),
        (What::NewContext, 3)
    );
    assert!(
        report.alerts[0].why.contains("purpose=payroll")
            && report.alerts[0].why.contains("table=orders")
    );
    // Where each tenant has its own, another is none.
    let names = b"abcdefghijklmnopqrstuvwxyz";
    let tenant = |number: usize| {
        let (first, second) = (names[number % 26] as char, names[number / 26 % 26] as char);
        Some(format!(r#"{{"tenant":"{first}{second}"}}"#))
    };
    let mut uses = daily(0..21, 24, &at(0));
    uses.iter_mut()
        .enumerate()
        .for_each(|(number, it)| it.context = tenant(number));
    assert_eq!(whats(&detect(&uses)), []);
    // But a context of another form is.
    uses.push(made(NEW, |it| {
        it.context = Some(r#"{"purpose":"payroll"}"#.into())
    }));
    assert_eq!(only(&detect(&uses)).what, What::NewContext);
}

fn object(number: usize) -> Option<String> {
    Some(format!(
        r#"{{"aws:s3:arn":"arn:aws:s3:::shop-4f/documents/{number}.json"}}"#
    ))
}

#[test]
fn without_its_service() {
    let through = made(0, |it| {
        (it.via, it.address) = (Some("AWS Internal"), "AWS Internal")
    });
    let mut uses = daily(0..21, 24, &through);
    uses.iter_mut()
        .enumerate()
        .for_each(|(number, it)| it.context = object(number));
    assert_eq!(whats(&detect(&uses)), []);
    uses.extend(many(&made(NEW, |it| it.context = object(9)), 10, HOUR));
    let report = detect(&uses);
    assert_eq!(
        (only(&report).what, report.alerts[0].events),
        (What::NoServiceUse, 10)
    );
    assert!(
        report.alerts[0]
            .why
            .contains("what Amazon S3 encrypted (aws:s3:arn=arn:aws:s3:::shop-4f)")
    );
}

#[test]
fn after_long_silence() {
    let restore = "arn:aws:iam::111122223333:role/restore";
    let role = |time| made(time, |it| it.principal = restore);
    let mut uses = daily(0..3, 14, &role(0));
    uses.extend(many(&role(24 * DAY), 12, HOUR));
    let report = beside(28, &uses);
    assert_eq!(
        (only(&report).what, report.alerts[0].events),
        (What::AfterSilence, 12)
    );
    assert!(
        report.alerts[0].why.contains("after 21 days without any"),
        "{}",
        report.alerts[0].why
    );
    // Once a month.
    let month = [
        many(&role(2 * HOUR), 400, HOUR),
        many(&role(27 * DAY), 400, HOUR),
    ]
    .concat();
    assert_eq!(whats(&beside(28, &month)), []);
    // Now and then.
    let seldom: Vec<_> = [0, 2, 9, 12, 27]
        .iter()
        .flat_map(|day| many(&role(day * DAY), 4, HOUR))
        .collect();
    assert_eq!(whats(&beside(28, &seldom)), []);
}
