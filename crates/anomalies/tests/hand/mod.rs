//! Uses made by hand.
#![allow(dead_code, clippy::unwrap_used)]

use jiff::Timestamp;
use lockfast_anomalies::{Alert, Detector, Feedback, Report, SubjectKind, Tuning, Use, What};

pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 86_400;
/// Monday, the first of June 2026.
pub const START: i64 = 1_780_272_000;
pub const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";
pub const OTHER: &str = "arn:aws:kms:eu-central-1:111122223333:key/5678ef01";
pub const ROLE: &str = "arn:aws:iam::111122223333:role/orders-task-v12";
pub const AGENT: &str = "aws-sdk-go-v2/1.38.1 os/linux lang/go#1.24.6";
pub const CONTEXT: &str = r#"{"table":"orders"}"#;

/// A use; its event is known by when it was made.
#[derive(Clone, Debug)]
pub struct Made {
    pub time: i64,
    pub subject: String,
    pub kind: SubjectKind,
    pub operation: &'static str,
    pub cryptographic: bool,
    pub principal: &'static str,
    pub region: &'static str,
    pub via: Option<&'static str>,
    pub context: Option<String>,
    pub failed: Option<&'static str>,
    pub address: &'static str,
    pub agent: &'static str,
}

/// A use at so many seconds from the start.
pub fn at(time: i64) -> Made {
    Made {
        time: START + time,
        subject: KEY.into(),
        kind: SubjectKind::Key,
        operation: "Decrypt",
        cryptographic: true,
        principal: ROLE,
        region: "eu-central-1",
        via: None,
        context: Some(CONTEXT.into()),
        failed: None,
        address: "10.0.3.7",
        agent: AGENT,
    }
}

/// The same, so many, within so many seconds.
pub fn many(like: &Made, count: i64, within: i64) -> Vec<Made> {
    let one = |number| Made {
        time: like.time + number * within / count,
        ..like.clone()
    };
    (0..count).map(one).collect()
}

/// So often on each of these days, all day.
pub fn daily(days: std::ops::Range<i64>, a_day: i64, like: &Made) -> Vec<Made> {
    let on = |day| Made {
        time: START + day * DAY + 100,
        ..like.clone()
    };
    days.flat_map(|day| many(&on(day), a_day, DAY)).collect()
}

pub fn detect(uses: &[Made]) -> Report {
    detect_with(uses, Tuning::default(), Feedback::default())
}

pub fn detect_with(uses: &[Made], tuning: Tuning, feedback: Feedback) -> Report {
    let mut sorted: Vec<_> = uses.iter().enumerate().collect();
    sorted.sort_by_key(|(number, it)| (it.time, *number));
    let mut detector = Detector::new(tuning, feedback);
    for (number, it) in sorted {
        add(&mut detector, it, number);
    }
    detector.finish()
}

pub fn add(detector: &mut Detector, it: &Made, number: usize) {
    detector.add(&Use {
        event_id: &format!("event-{number}"),
        time: Timestamp::from_second(it.time).unwrap(),
        subject: it.subject.as_str().into(),
        kind: it.kind,
        operation: it.operation,
        cryptographic: it.cryptographic,
        principal: it.principal,
        account: "111122223333",
        region: it.region,
        via: it.via,
        encryption_context: it.context.as_deref(),
        failed: it.failed,
        source_ip: Some(it.address),
        user_agent: Some(it.agent),
    });
}

/// What is unusual in ordinary days of the role, and these.
pub fn beside(days: i64, more: &[Made]) -> Report {
    let mut uses = daily(0..days, 24, &at(0));
    uses.extend_from_slice(more);
    detect(&uses)
}

pub fn whats(report: &Report) -> Vec<What> {
    report.alerts.iter().map(|it| it.what).collect()
}

/// The only alert.
#[track_caller]
pub fn only(report: &Report) -> &Alert {
    assert_eq!(report.alerts.len(), 1, "{:#?}", report.alerts);
    &report.alerts[0]
}
