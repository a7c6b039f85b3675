//! How many records a second the pack is compared with: `cargo run --release --example speed -- RECORD.json`.

use lockfast_detections::Rules;
use std::hint::black_box;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("the file of a record, please")?;
    let record = serde_json::from_slice(&std::fs::read(path)?)?;
    let rules = Rules::built_in();
    let matcher = rules.matcher();
    let rounds = 1_000_000;
    let start = Instant::now();
    let mut found = 0;
    for _ in 0..rounds {
        found += matcher.matches(black_box(&record)).len();
    }
    let seconds = start.elapsed().as_secs_f64();
    let rate = f64::from(rounds) / seconds;
    println!("{} rules, {found} hits: {rate:.0} records/s", rules.len());
    Ok(())
}
