//! Records of `tests/data`, and files of them as CloudTrail delivers them.
#![allow(dead_code, clippy::unwrap_used)]

use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::path::Path;

/// All records, in the order of their names.
pub const NAMES: [&str; 9] = [
    "access-denied",
    "assume-role",
    "console-login",
    "create-grant",
    "decrypt-by-lambda",
    "decrypt-by-service",
    "generate-data-key-by-s3",
    "get-secret-value",
    "re-encrypt",
];

/// A record, as it is written in a log file: without white space.
pub fn record(name: &str) -> String {
    let path = format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let value: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    value.to_string()
}

/// A document of some records.
pub fn document(records: &[String]) -> String {
    format!("{{\"Records\":[{}]}}", records.join(","))
}

/// A document of the records of these names.
pub fn document_of(names: &[&str]) -> String {
    document(&names.iter().map(|name| record(name)).collect::<Vec<_>>())
}

pub fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(text.as_ref()).unwrap();
    writer.finish().unwrap()
}

/// Writes a file, and the folders it is in.
pub fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The key of a delivered file.
pub fn key(account: &str, region: &str, day: u8, suffix: &str) -> String {
    format!(
        "AWSLogs/o-abc123/{account}/CloudTrail/{region}/2026/03/{day:02}/\
         {account}_CloudTrail_{region}_202603{day:02}T1020Z_{suffix}.json.gz"
    )
}
