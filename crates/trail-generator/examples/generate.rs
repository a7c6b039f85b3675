//! Writes logs and says how fast:
//! `cargo run --release -p lockfast-trail-generator --example generate -- EVENTS FILES SEED FOLDER [LEVEL]`.

use lockfast_trail_generator::{Plan, write};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("{what} is missing"));
    let mut plan = Plan {
        events: next("the count of events")?.parse()?,
        files: next("the count of files")?.parse()?,
        seed: next("the seed")?.parse()?,
        ..Plan::default()
    };
    let folder = PathBuf::from(next("the folder")?);
    if let Ok(level) = next("the level") {
        plan.level = level.parse()?;
    }
    let start = Instant::now();
    let written = write(&plan, &folder, |_| {})?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} events, {} records in {} files: {:.1} MB, {:.1} MB inflated ({:.0} bytes a record)",
        written.events,
        written.records,
        written.files,
        written.bytes as f64 / 1e6,
        written.inflated as f64 / 1e6,
        written.inflated as f64 / written.records as f64
    );
    println!(
        "{seconds:.2} s: {:.0} events/s, {:.0} MB/s inflated",
        written.events as f64 / seconds,
        written.inflated as f64 / 1e6 / seconds
    );
    for label in &written.labels {
        println!(
            "{:20} {:6} events {} to {} {:?} {}",
            label.scenario,
            label.event_ids.len(),
            label.from,
            label.until,
            label.kinds,
            label.principal
        );
    }
    Ok(())
}
