//! Scans an endpoint and prints the snapshot's records, for whoever writes a reader:
//! `cargo run -p lockfast-aws --example scan -- http://127.0.0.1:5000 s3 eu-central-1,us-east-1`.

use lockfast_aws::{Progress, Retries, ScanOptions, scan};
use std::time::Duration;

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let folder = std::env::temp_dir().join(format!("lockfast-scan-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let output = folder.join("snapshot");
    let mut options =
        ScanOptions::new(output.clone(), "2026-01-01T00:00:00Z".into(), |_, value| {
            value.to_owned()
        });
    options.endpoint_url = args.next();
    options.services = args
        .next()
        .map(|names| names.split(',').map(str::to_owned).collect())
        .unwrap_or_default();
    options.regions = args
        .next()
        .unwrap_or_else(|| "eu-central-1".into())
        .split(',')
        .map(str::to_owned)
        .collect();
    options.retries = Retries {
        attempts: 2,
        initial_backoff: Duration::from_millis(50),
        attempt_timeout: Duration::from_secs(20),
    };
    let progress = Progress::default();
    match scan(options, progress.clone()).await {
        Ok(outcome) => {
            let reader = lockfast_snapshot::Reader::open(&outcome.snapshot).expect("a snapshot");
            for record in reader {
                let record = record.expect("a record");
                println!("{}", serde_json::to_string(&record).expect("JSON"));
            }
            eprintln!("{:?}", outcome.counts);
        }
        Err(error) => eprintln!("{error}"),
    }
    let _ = std::fs::remove_dir_all(folder);
}
