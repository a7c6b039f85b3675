//! Generates logs and says, as Markdown, which scenarios are found in them and how much is told wrongly:
//! `cargo run --release -p lockfast-anomalies --example measure -- SEEDS [EVENTS [THRESHOLDS]]`, the seeds as `4..9`
//! or `4`, the thresholds a TOML file. With the variable `ALL` set, all alerts are told.

#[path = "../tests/shared/mod.rs"]
mod shared;

use lockfast_anomalies::{Feedback, Tuning};
use lockfast_trail_generator::Scenario;
use shared::{Score, detect, logs};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let seeds = arguments.next().unwrap_or_else(|| "1..3".into());
    let (first, last) = seeds.split_once("..").unwrap_or((&seeds, &seeds));
    let events = arguments.next().map_or(Ok(150_000), |it| it.parse())?;
    let tuning = match arguments.next() {
        Some(path) => Tuning::from_toml(&std::fs::read_to_string(path)?)?,
        None => Tuning::default(),
    };
    let mut scores = Vec::new();
    for seed in first.parse::<u64>()?..=last.parse()? {
        let logs = logs(seed, events, Scenario::ALL);
        let start = Instant::now();
        let report = detect(&logs.uses, tuning.clone(), Feedback::default());
        let score = Score::of(&report, &logs.labels);
        eprintln!(
            "seed {seed}: {} uses, {} pairs in {:.0} ms",
            logs.uses.len(),
            report.pairs,
            start.elapsed().as_secs_f64() * 1e3
        );
        if std::env::var_os("ALL").is_some() {
            for alert in &report.alerts {
                eprintln!(
                    "  {:?} {} {} {} {}",
                    alert.severity, alert.what, alert.from, alert.principal, alert.why
                );
            }
        }
        for wrong in &score.wrong {
            eprintln!("  wrong: {wrong:?}");
        }
        scores.push((seed, score));
    }
    print!("| scenario |");
    scores.iter().for_each(|(seed, _)| print!(" seed {seed} |"));
    print!("\n|---|{}\n", "---|".repeat(scores.len()));
    for scenario in Scenario::ALL {
        let name = scenario.name();
        let wanted = scores.iter().any(|(_, score)| score.wanted.contains(&name));
        let note = match (scenario.is_benign(), wanted) {
            (true, _) => " (benign)",
            (false, false) => " (not counted)",
            _ => "",
        };
        print!("| {name}{note} |");
        for (_, score) in &scores {
            let found = score.found.get(name).map(|it| it.join(", "));
            print!(
                " {} |",
                found
                    .filter(|it| !it.is_empty())
                    .unwrap_or_else(|| "-".into())
            );
        }
        println!();
    }
    let row = |name: &str, of: &dyn Fn(&Score) -> String| {
        print!("| **{name}** |");
        scores
            .iter()
            .for_each(|(_, score)| print!(" {} |", of(score)));
        println!();
    };
    row("alerts, of them wrong", &|it| {
        format!("{}, {}", it.alerts, it.wrong.len())
    });
    row("precision", &|it| format!("{:.2}", it.precision()));
    row("recall", &|it| format!("{:.2}", it.recall()));
    row("recall by the right name", &|it| {
        format!("{:.2}", it.named_recall())
    });
    let mean = |of: &dyn Fn(&Score) -> f64| {
        scores.iter().map(|(_, score)| of(score)).sum::<f64>() / scores.len() as f64
    };
    println!(
        "\nOn average: precision {:.3}, recall {:.3}.",
        mean(&Score::precision),
        mean(&Score::recall)
    );
    Ok(())
}
