//! Any bytes as a digest file's text, and as a list of public keys: reading them never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockfast_cloudtrail::verify::{PublicKeys, parse_digest};
use std::path::Path;

/// The digest that the seeds say they are.
const PATH: &str = "copy/AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/01/\
                    111122223333_CloudTrail-Digest_eu-west-1_trail_eu-west-1_20260301T010000Z.json.gz";

fuzz_target!(|data: &[u8]| {
    let _ = parse_digest(Path::new(PATH), data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = PublicKeys::parse(text);
    }
});
