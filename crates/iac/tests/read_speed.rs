//! How fast templates are read. Ignored: it needs a folder of its own and a release build:
//! `LOCKFAST_READ=cdk.out cargo test --release -p lockfast-iac --test read_speed -- --ignored --nocapture`

use lockfast_facts::{Source, SourceId};
use lockfast_iac::{ReadOptions, parse, read};
use std::time::Instant;

#[test]
#[ignore = "a measurement: needs LOCKFAST_READ and a release build"]
fn speed() {
    let folder = std::env::var("LOCKFAST_READ").expect("LOCKFAST_READ names a folder");
    let started = Instant::now();
    let result = read(&[folder], &ReadOptions::default());
    let wall = started.elapsed();
    let texts: Vec<&str> = result
        .sources
        .iter()
        .filter_map(|source| match source {
            Source::File { text, .. } => Some(&**text),
            _ => None,
        })
        .collect();
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    println!(
        "read: {} files, {} templates, {:.2} MB, {} problems, passed over {:?}, {wall:?} wall",
        result.files_read,
        result.templates.len(),
        bytes as f64 / 1e6,
        result.problems.len(),
        result.passed_over,
    );
    for problem in result.problems.iter().take(20) {
        println!("  {} {:?} {}", problem.path, problem.at, problem.message);
    }
    let started = Instant::now();
    const ROUNDS: u32 = 5;
    for _ in 0..ROUNDS {
        for text in &texts {
            std::hint::black_box(parse(text, SourceId(0)).map(|parsed| parsed.root).ok());
        }
    }
    let each = started.elapsed() / ROUNDS;
    println!(
        "parse alone: {each:?} on one thread, {:.0} MB/s",
        bytes as f64 / 1e6 / each.as_secs_f64()
    );
}
