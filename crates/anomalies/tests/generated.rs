//! What is found in generated logs, and what is told wrongly.
#![allow(clippy::unwrap_used)]

mod shared;

use lockfast_anomalies::{Feedback, Tuning};
use lockfast_trail_generator::Scenario;
use shared::{Score, detect, logs};

/// Seeds that the thresholds were not chosen by.
const SEEDS: [u64; 3] = [101, 102, 103];

#[test]
fn attacks_are_found_and_look_alikes_are_not() {
    let mut scores = Vec::new();
    for seed in SEEDS {
        let logs = logs(seed, 150_000, Scenario::ALL);
        let report = detect(&logs.uses, Tuning::default(), Feedback::default());
        let score = Score::of(&report, &logs.labels);
        println!(
            "seed {seed}: {} alerts, wrong {:#?}, missed {:?}",
            score.alerts,
            score.wrong,
            score.missed()
        );
        assert!(score.wanted.len() >= 15, "{:?}", score.wanted);
        scores.push(score);
    }
    let mean = |of: fn(&Score) -> f64| scores.iter().map(of).sum::<f64>() / scores.len() as f64;
    assert!(mean(Score::precision) >= 0.8, "{}", mean(Score::precision));
    assert!(mean(Score::recall) >= 0.9, "{}", mean(Score::recall));
    assert!(mean(Score::named_recall) >= 0.9);
    for score in &scores {
        for benign in ["release", "new-deployment", "monthly-batch"] {
            assert_eq!(score.found[benign], [] as [&str; 0], "{benign}");
        }
    }
}

#[test]
fn ordinary_days_are_quiet() {
    let logs = logs(104, 150_000, &[]);
    let report = detect(&logs.uses, Tuning::default(), Feedback::default());
    assert!(report.alerts.len() <= 1, "{:#?}", report.alerts);
    assert!(report.pairs > 100);
}
