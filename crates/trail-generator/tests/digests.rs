//! Digest files, validated as AWS says how: CloudTrail User Guide, "Custom implementations of CloudTrail log file integrity
//! validation".
#![allow(clippy::unwrap_used)]

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use lockfast_cloudtrail::files::{self, Kind};
use lockfast_cloudtrail::inflate::Inflater;
use lockfast_trail_generator::{Plan, Signer, write};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn signer() -> Signer {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der = key.as_der().unwrap();
    Signer::from_pkcs8(der.as_ref()).unwrap()
}

fn inflated(path: &Path) -> Vec<u8> {
    let gzip = std::fs::read(path).unwrap();
    let mut inflater = Inflater::default();
    let inflated = inflater.inflate(&gzip);
    assert_eq!(inflated.damage, None);
    inflated.text.to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = (0..text.len()).step_by(2);
    digits
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn every_digest_is_signed_and_every_log_file_is_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let signer = signer();
    let plan = Plan {
        events: 3_000,
        accounts: 2,
        regions: vec!["eu-west-1".into(), "us-east-1".into()],
        days: 2,
        files: 40,
        digests: Some(signer.clone()),
        ..Plan::default()
    };
    let written = write(&plan, folder.path(), |_| {}).unwrap();
    let found = files::find(&[folder.path().join("AWSLogs")]).unwrap();
    let of = |kind: Kind| found.files.iter().filter(move |file| file.kind == kind);
    assert_eq!(of(Kind::Digest).count() as u64, written.digests);
    assert_eq!(of(Kind::Log).count() as u64, written.files);

    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, signer.public_key());
    let mut chains: BTreeMap<String, Vec<(Value, Vec<u8>, String)>> = BTreeMap::new();
    for file in of(Kind::Digest) {
        let text = inflated(&file.path);
        let digest: Value = serde_json::from_slice(&text).unwrap();
        let object = digest["digestS3Object"].as_str().unwrap();
        assert_eq!(folder.path().join(object), file.path);
        assert_eq!(digest["digestPublicKeyFingerprint"], signer.fingerprint());
        let signature = std::fs::read_to_string(format!("{}.sig", file.path.display())).unwrap();
        let signed = format!(
            "{}\n{}/{object}\n{}\n{}",
            digest["digestEndTime"].as_str().unwrap(),
            digest["digestS3Bucket"].as_str().unwrap(),
            hex(&Sha256::digest(&text)),
            digest["previousDigestSignature"].as_str().unwrap_or("null"),
        );
        key.verify(signed.as_bytes(), &unhex(&signature)).unwrap();
        let place = file.place.as_ref().unwrap();
        let chain = chains.entry(format!("{} {}", place.account, place.region));
        chain.or_default().push((digest, text, signature));
    }

    let (mut listed, mut empty) = (BTreeSet::new(), 0);
    for chain in chains.values_mut() {
        chain.sort_by_key(|(digest, ..)| digest["digestEndTime"].as_str().unwrap().to_owned());
        assert_eq!(chain[0].0["previousDigestS3Object"], Value::Null);
        for pair in chain.windows(2) {
            let [(before, text, signature), (digest, ..)] = pair else {
                unreachable!()
            };
            assert_eq!(digest["digestStartTime"], before["digestEndTime"]);
            assert_eq!(digest["previousDigestS3Object"], before["digestS3Object"]);
            assert_eq!(
                digest["previousDigestHashValue"],
                hex(&Sha256::digest(text))
            );
            assert_eq!(digest["previousDigestSignature"], **signature);
        }
        for (digest, ..) in chain {
            let log_files = digest["logFiles"].as_array().unwrap();
            if log_files.is_empty() {
                assert_eq!(digest["newestEventTime"], Value::Null);
                empty += 1;
            }
            for file in log_files {
                let object = file["s3Object"].as_str().unwrap();
                let text = inflated(&folder.path().join(object));
                assert_eq!(file["hashValue"], hex(&Sha256::digest(&text)));
                let records: Value = serde_json::from_slice(&text).unwrap();
                let records = records["Records"].as_array().unwrap();
                let times = || records.iter().map(|it| it["eventTime"].as_str().unwrap());
                assert_eq!(file["oldestEventTime"], times().min().unwrap());
                assert_eq!(file["newestEventTime"], times().max().unwrap());
                assert!(listed.insert(object.to_owned()), "{object} twice");
            }
        }
    }
    assert!(empty > 0);
    assert_eq!(listed.len() as u64, written.files);
}

#[test]
fn what_is_no_key_is_refused() {
    let error = Signer::from_pkcs8(b"no key").unwrap_err();
    assert!(
        error.to_string().starts_with("the digests' key: "),
        "{error}"
    );
}
